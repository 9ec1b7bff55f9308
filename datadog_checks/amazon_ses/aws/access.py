"""The way to AWS: one session and one client for each Region and service, for the life of the check.

Every method here may be called from several workers at once, and none raises: what goes wrong is a Failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from datadog_checks.amazon_ses.aws import bodies
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.clients import Clients
from datadog_checks.amazon_ses.aws.failures import failure_of
from datadog_checks.amazon_ses.aws.rate_limit import Pace
from datadog_checks.amazon_ses.cloudwatch import answers, discovery, queries
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.options import ACCOUNT_ID
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.endpoints import Endpoint, endpoint_of
from datadog_checks.amazon_ses.model import Failure, FailureKind, malformed

PAGES = 100
"""Pages of one answer before it is taken for a loop: 500 series over a day at 60 s are eight pages."""

LISTINGS = 12
"""ListMetrics requests in a second: half of AWS's quota, which whoever looks at the console shares."""

Page = Mapping[str, Any]


class Access:
    """What one instance may ask AWS, with its credentials and endpoints."""

    def __init__(self, sign_in: SignIn, network: Network, home: str) -> None:
        """`home` is the Region whose STS endpoint signs in."""
        self.calls = CallRecord()
        self._network = network
        self._clients = Clients(sign_in, network, home, self.calls)
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        # Workers take theirs with setdefault, so that all of one Region share one.
        self._datapoints: dict[str, Pace] = {}
        self._listings: dict[str, Pace] = {}

    def endpoint(self, service: str, region: str) -> Endpoint:
        """The endpoint of a service in a Region. Only the thread of the check asks for it."""
        if (service, region) not in self._endpoints:
            self._endpoints[service, region] = endpoint_of(self._network, service, region)
        return self._endpoints[service, region]

    def account(self, region: str) -> str | Failure:
        """The account that the credentials belong to: GetCallerIdentity, which needs no permission."""
        operation = 'GetCallerIdentity'
        try:
            account = self._clients.get('sts', region).get_caller_identity().get('Account')
        except Exception as error:
            return self._failed(error, region, operation, 'sts:GetCallerIdentity')
        if not (isinstance(account, str) and ACCOUNT_ID.fullmatch(account)):
            return malformed(operation, 'the answer has no account.')
        return account

    def fetch(self, collector: Collector, region: str) -> Mapping[str, Any] | Failure:
        """What one API source says now."""
        action = collector.actions[0].name
        try:
            return collector.fetch(lambda service: self._clients.get(service, region))
        except Exception as error:
            return self._failed(error, region, action.partition(':')[2], action)

    def list(self, listing: discovery.Listing, region: str, account: str, seconds: float) -> discovery.ListingAnswer:
        """What CloudWatch lists, or as much of it as there is in `seconds` and `discovery.MAX_PAGES`."""
        listed: set[ListedMetric] = set()
        seen: dict[Dimensions, Dimensions] = {}
        until, pages = time.monotonic() + seconds, 0
        try:
            for request in listing.requests:
                for page in self._pages(partial(self._list, request=request), region, discovery.MAX_PAGES):
                    listed.update(discovery.parse_page(page, account, seen))
                    pages += 1
                    if pages >= discovery.MAX_PAGES or (time.monotonic() > until and page.get('NextToken')):
                        return discovery.ListingAnswer(frozenset(listed), self._cut(region, len(listed)))
        except (KeyError, TypeError, ValueError, AttributeError):
            self.calls.failed(region, discovery.OPERATION, FailureKind.MALFORMED)
            failure = malformed(discovery.OPERATION, 'the answer is not a list of metrics.')
            return discovery.ListingAnswer(frozenset(listed), failure)
        except Exception as error:
            failure = self._failed(error, region, discovery.OPERATION, discovery.ACTIONS[0].name)
            return discovery.ListingAnswer(frozenset(listed), failure)
        return discovery.ListingAnswer(frozenset(listed))

    def ask(self, batch: queries.Batch, region: str, now: float) -> answers.BatchAnswer | Failure:
        """What CloudWatch says to a batch, all pages of it. A Failure only where nothing at all was answered."""
        pages: list[Page] = []
        failures: list[Failure] = []
        self._datapoints.setdefault(region, Pace(queries.MAX_DATAPOINTS)).wait(batch.datapoints)
        try:
            self.calls.asking_for(batch.billed_metrics)
            for page in self._pages(partial(bodies.get_metric_data, batch=batch), region, PAGES):
                pages.append({**page, 'AnsweredAt': _date(page)})
        except Exception as error:
            failures.append(self._failed(error, region, answers.OPERATION, queries.ACTIONS[0].name))
        if not pages:
            return failures[0]
        answer = answers.parse(batch, pages, failures, now)
        for failure in answer.failures:
            if failure not in failures:
                self.calls.failed(region, failure.operation, failure.kind)
        return answer

    def _list(self, client: Any, request: Mapping[str, Any], token: str | None = None) -> Page:
        self._listings.setdefault(client.meta.region_name, Pace(LISTINGS)).wait(1)
        page: Page = client.list_metrics(**request, **({'NextToken': token} if token else {}))
        return page

    def _pages(self, call: Callable[..., Page], region: str, most: int) -> Iterator[Page]:
        """All pages of one CloudWatch request. A token that comes twice would never end, so it is an error."""
        client = self._clients.get('cloudwatch', region)
        seen: set[str] = set()
        token = None
        while token is not None or not seen:
            page = call(client, token=token)
            yield page
            token = page.get('NextToken') or None
            if token is not None and not isinstance(token, str):
                raise TypeError('the token of the next page is no text')
            if token in seen or len(seen) >= most:
                raise EndlessPages
            seen.add(token or '')

    def _cut(self, region: str, number: int) -> Failure:
        self.calls.failed(region, discovery.OPERATION, FailureKind.PARTIAL)
        return Failure(
            FailureKind.PARTIAL,
            discovery.OPERATION,
            f'CloudWatch lists more than the {number} metrics that could be read in one run.',
            'Those are asked for; what comes after them in the list is not found.',
        )

    def _failed(self, error: Exception, region: str, operation: str, action: str) -> Failure:
        failure = failure_of(error, operation, action)
        if failure.kind is FailureKind.CREDENTIALS:
            self._clients.drop_credentials()
        if not isinstance(error, (ClientError, BotoCoreError)):
            # botocore's own events do not tell of an answer that its parser choked on.
            self.calls.failed(region, failure.operation, failure.kind)
        return failure


class EndlessPages(Exception):
    """An answer goes on without an end."""


def _date(page: Page) -> float | None:
    """The date of an answer by AWS's clock, where it has one."""
    text = page.get('ResponseMetadata', {}).get('HTTPHeaders', {}).get('date')
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None
