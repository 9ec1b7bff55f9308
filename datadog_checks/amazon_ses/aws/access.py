"""The edge as the check sees it: each method asks AWS one question, and none raises. What goes wrong is a Failure.

Every method may be called from several workers at once. Clients live as long as the check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from datadog_checks.amazon_ses.aws import json_protocol
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.client_pool import ClientPool
from datadog_checks.amazon_ses.aws.connections import proxies_for
from datadog_checks.amazon_ses.aws.credentials import SignInRegions
from datadog_checks.amazon_ses.aws.failures import failure_of
from datadog_checks.amazon_ses.aws.local_causes import local_cause
from datadog_checks.amazon_ses.aws.queues import Queues
from datadog_checks.amazon_ses.aws.rate_limit import RateLimit
from datadog_checks.amazon_ses.aws.sdk_logging import unlogged
from datadog_checks.amazon_ses.aws.ses_budget import Turns, Urgency
from datadog_checks.amazon_ses.cloudwatch import answers, discovery, queries
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.options import ACCOUNT_ID
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.endpoints import Endpoint, endpoint_of
from datadog_checks.amazon_ses.model import UNKNOWN_ACCOUNT, Failure, FailureKind, Target, malformed
from datadog_checks.amazon_ses.pace import Pace
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest

MAX_PAGES = 100
"""Pages of one answer, of which more would be a loop: 500 series over a day at 60 s are eight pages."""

NOT_FOUND = 'NotFoundException'
"""SES's code for an item that does not exist, which says nothing of the operation."""

IAM_PREFIXES = {'sesv2': 'ses'}
"""The service in the names of IAM actions, where it is not the SDK's name of it."""

LISTINGS_PER_SECOND = 12
"""ListMetrics requests in a second: half of AWS's quota, which the users of the console share."""

ROUTE = 'endpoint'
"""Stands for the operation of a failure to find out which host is asked."""

Page = Mapping[str, Any]


class Way(NamedTuple):
    """The URL of a service, and of the proxy that leads there, empty where there is none."""

    url: str
    proxy: str


class Access:
    """What one instance asks AWS, with its credentials and endpoints."""

    def __init__(
        self,
        sign_in: SignIn,
        network: Network,
        sign_in_regions: Sequence[str],
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
        calls: CallRecord | None = None,
    ) -> None:
        """`sign_in_regions` are those whose STS endpoints sign in, in turn. At `pace` requests to SES wait. `calls`
        records them."""
        self.calls = calls or CallRecord()
        self.turns = Turns(pace or Pace(monotonic))
        self._sign_in = sign_in
        self._network = network
        sign_in_turns = SignInRegions(sign_in_regions, monotonic)
        self._clients = ClientPool(sign_in, network, sign_in_turns, self.calls, self.turns)
        self.queues = Queues(self._clients, self._failure)
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        # By Region. Workers use setdefault, so that all of one Region share a limit.
        self._datapoint_limits: dict[str, RateLimit] = {}
        self._listing_limits: dict[str, RateLimit] = {}

    def endpoint(self, service: str, region: str) -> Endpoint:
        """The endpoint of a service in a Region. Only the thread of the check asks for it."""
        if (service, region) not in self._endpoints:
            self._endpoints[service, region] = endpoint_of(self._network, service, region)
        return self._endpoints[service, region]

    @unlogged
    def route(self, service: str, region: str) -> Way | Failure:
        """How a service in a Region is reached. Nothing is sent."""
        try:
            url = self._clients.get(service, region).meta.endpoint_url
        except Exception as error:
            return self._failure(error, region, ROUTE, '')
        proxies = dict(proxies_for(url, self._network.proxies))
        scheme = url.partition(':')[0]
        return Way(url, proxies.get(scheme) or proxies.get('all') or '')

    @property
    def credentials_in_doubt(self) -> bool:
        """Whether the next request loads credentials again, which may be of another account."""
        return self._clients.credentials_in_doubt

    @property
    def credentials_source(self) -> str:
        """What gave the credentials, before any role, in the SDK's words; empty before they were loaded."""
        return self._clients.source

    @property
    def is_accepted(self) -> bool:
        """Whether any Region took the credentials."""
        return self._clients.is_accepted

    @property
    def sign_ins(self) -> int:
        """How often credentials were loaded."""
        return self._clients.generation

    @unlogged
    def caller_account(self, region: str) -> str | Failure:
        """The account that the credentials belong to: GetCallerIdentity, which needs no permission."""
        operation = 'GetCallerIdentity'
        try:
            account = self._clients.get('sts', region).get_caller_identity().get('Account')
        except Exception as error:
            return self._failure(error, region, operation, 'sts:GetCallerIdentity')
        if not (isinstance(account, str) and ACCOUNT_ID.fullmatch(account)):
            return malformed(operation, 'the answer has no account.')
        self._clients.accept(region)
        return account

    @unlogged
    def fetch(
        self,
        collector: Collector,
        region: str,
        account: str = UNKNOWN_ACCOUNT,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Mapping[str, Any] | Failure:
        """The answer to one API source. The account shares its budget for SES with other instances."""
        action = collector.actions[0].name
        try:
            with self.turns.sending(account, _urgency_of(collector), is_cancelled):
                answer = collector.fetch(lambda service: self._clients.get(service, region))
        except Exception as error:
            return self._failure(error, region, action.partition(':')[2], action)
        self._clients.accept(region)
        return answer

    @unlogged
    def ask(self, request: ApiRequest, target: Target, is_cancelled: Callable[[], bool]) -> Answer | Failure:
        """The answer to a request of a sweep or a diagnosis. An item that is gone fails at its request alone."""
        operation, region = request.operation, target.region
        try:
            client = self._clients.get(request.service, region)
            method, lacking = _method(client, request)
            if lacking:
                return Failure(FailureKind.UNSUPPORTED, operation, f'this version of botocore lacks {lacking}.')
            with self.turns.sending(target.account, _urgency(request), is_cancelled):
                answer: Answer = getattr(client, method)(**request.parameters)
        except Exception as error:
            action = f'{IAM_PREFIXES.get(request.service, request.service)}:{operation}'
            failure = self._failure(error, region, operation, action)
            is_gone = isinstance(error, ClientError) and error.response.get('Error', {}).get('Code') == NOT_FOUND
            return replace(failure, at_request=True) if is_gone else failure
        self._clients.accept(region)
        return answer

    @unlogged
    def seconds_until(self, request: ApiRequest, target: Target) -> float:
        """Seconds until the turn of a request of a sweep: none where they pass at once."""
        if self.turns.pace.passes_at_once:
            return 0.0
        try:
            client = self._clients.get(request.service, target.region)
        except Exception:
            # Whoever asks will meet the same error, and say it.
            return 0.0
        return self.turns.seconds_until(client, target.account, _urgency(request), request.operation)

    def must_wait(self, collector: Collector, target: Target) -> bool:
        """Whether a request of an API source would have to wait for its turn with SES now."""
        client = self._clients.existing(collector.service, target.region)
        if client is None or self.turns.pace.passes_at_once:
            return False
        return self.turns.seconds_until(client, target.account, _urgency_of(collector)) > 0

    @unlogged
    def list_metrics(
        self, listing: discovery.Listing, region: str, account: str, seconds: float
    ) -> discovery.ListingAnswer:
        """The metrics that CloudWatch lists, or those that it lists within `seconds` and `discovery.MAX_PAGES`."""
        metrics: list[ListedMetric | None] = []
        failure = None
        try:
            if not self._read_listing(listing, region, account, seconds, metrics):
                failure = self._cut_short(region, len(metrics))
        except (KeyError, TypeError, ValueError, AttributeError):
            self.calls.add_failure(region, discovery.OPERATION, FailureKind.MALFORMED)
            failure = malformed(discovery.OPERATION, 'the answer is not a list of metrics.')
        except Exception as error:
            failure = self._failure(error, region, discovery.OPERATION, discovery.ACTIONS[0].name)
        return discovery.ListingAnswer.from_pages(listing, metrics, failure)

    @unlogged
    def get_metric_data(self, batch: queries.Batch, region: str, now: float) -> answers.BatchAnswer | Failure:
        """The answer to a batch, from all of its pages. A Failure only where no page came."""
        failures: list[Failure] = []
        self._datapoint_limits.setdefault(region, RateLimit(queries.MAX_DATAPOINTS)).wait(batch.datapoints)
        answer = answers.parse(batch, self._readable_pages(batch, region, failures), failures, now)
        if not answer.pages:
            return failures[0]
        for failure in answer.failures:
            if failure not in failures:
                self.calls.add_failure(region, failure.operation, failure.kind)
        return answer

    def _readable_pages(self, batch: queries.Batch, region: str, failures: list[Failure]) -> Iterator[Page]:
        """The pages of the answer to a batch, one at a time, until one fails, which is added to `failures`."""
        self.calls.set_billed_metrics(batch.billed_metrics)
        try:
            yield from self._pages(partial(json_protocol.get_metric_data, batch=batch), region, MAX_PAGES)
        except Exception as error:
            failures.append(self._failure(error, region, answers.OPERATION, queries.ACTIONS[0].name))

    def _read_listing(
        self, listing: discovery.Listing, region: str, account: str, seconds: float, metrics: list[ListedMetric | None]
    ) -> bool:
        """Add what is listed to `metrics`. Returns whether that is all. Raises where a page cannot be read."""
        shared_dimensions: dict[Dimensions, Dimensions] = {}
        deadline, pages = time.monotonic() + seconds, 0
        for request in listing.requests:
            for page in self._pages(partial(self._listing_page, request=request), region, discovery.MAX_PAGES):
                room = discovery.MAX_METRICS - len(metrics)
                metrics.extend(islice(discovery.parse_page(page, account, shared_dimensions), room))
                pages += 1
                if len(metrics) >= discovery.MAX_METRICS or pages >= discovery.MAX_PAGES:
                    return False
                if time.monotonic() > deadline and page.get('NextToken'):
                    return False
        return True

    def _listing_page(self, client: Any, request: Mapping[str, Any], token: str | None = None) -> Page:
        self._listing_limits.setdefault(client.meta.region_name, RateLimit(LISTINGS_PER_SECOND)).wait(1)
        page: Page = client.list_metrics(**request, **({'NextToken': token} if token else {}))
        return page

    def _pages(self, request_page: Callable[..., Page], region: str, limit: int) -> Iterator[Page]:
        """All pages of one CloudWatch request. A token that comes twice would never end, so it is an error."""
        client = self._clients.get('cloudwatch', region)
        tokens: set[str] = set()
        token = None
        while token is not None or not tokens:
            page = request_page(client, token=token)
            self._clients.accept(region)
            yield page
            token = page.get('NextToken')
            if token is not None and not isinstance(token, str):
                raise TypeError('the token of the next page is no text')
            token = token or None
            if token in tokens or len(tokens) >= limit:
                raise EndlessPages
            tokens.add(token or '')

    def _cut_short(self, region: str, metrics: int) -> Failure:
        self.calls.add_failure(region, discovery.OPERATION, FailureKind.PARTIAL)
        return Failure(
            FailureKind.PARTIAL,
            discovery.OPERATION,
            f'CloudWatch lists more than the {metrics} metrics that could be read in one run.',
            'Those are asked for; what comes after them in the list is not found.',
        )

    def _failure(self, error: Exception, region: str, operation: str, action: str) -> Failure:
        failure = failure_of(error, operation, action, region, self._sign_in)
        if failure.kind is FailureKind.CREDENTIALS:
            self._clients.refuse(region)
        elif failure.kind is FailureKind.DENIED and not failure.at_sign_in and not failure.at_request:
            # The service knows whom it denies.
            self._clients.accept(region)
        if not isinstance(error, (ClientError, BotoCoreError)) and local_cause(error, self._sign_in) is None:
            # botocore emits no event for an answer that its parser cannot read.
            self.calls.add_failure(region, failure.operation, failure.kind)
        return failure


class EndlessPages(Exception):
    """The pages of an answer repeat themselves."""


def _urgency_of(collector: Collector) -> Urgency:
    return Urgency.LISTING if collector.may_be_late else Urgency.ACCOUNT


def _urgency(request: ApiRequest) -> Urgency:
    return Urgency.ROLLING if request.rolling else Urgency.LISTING


def _method(client: Any, request: ApiRequest) -> tuple[str, str]:
    """The method of a client for a request, and what the installed SDK lacks of it: empty where it has all."""
    methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
    if request.operation not in methods:
        return '', 'the operation'
    shape = client.meta.service_model.operation_model(request.operation).input_shape
    members = shape.members if shape is not None else {}
    lacking = next((f'the parameter {name}' for name in request.parameters if name not in members), '')
    return methods[request.operation], lacking
