"""The way to AWS: one session and one client for each Region and service, for the life of the check.

Every method here may be called from several workers at once, and none raises: what goes wrong is a Failure.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.clients import Clients
from datadog_checks.amazon_ses.aws.failures import failure_of, malformed
from datadog_checks.amazon_ses.cloudwatch import answers, discovery, queries
from datadog_checks.amazon_ses.cloudwatch.series import Series
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.options import ACCOUNT
from datadog_checks.amazon_ses.settings import Network, SignIn

PAGES = 100
"""Pages of one answer before it is taken for a loop: 500 series over a day at 60 s are eight pages."""

LISTED_PAGES = 20
"""Pages of one listing: 10,000 metrics, twice as many as can be asked for. What lies beyond is left out."""


class Access:
    """What one instance may ask AWS, with its credentials and endpoints."""

    def __init__(self, sign_in: SignIn, network: Network, home: str) -> None:
        """`home` is the Region whose STS endpoint signs in."""
        self.calls = CallRecord()
        self._clients = Clients(sign_in, network, home, self.calls)

    def account(self, region: str) -> str | Failure:
        """The account that the credentials belong to: GetCallerIdentity, which needs no permission."""
        operation = 'GetCallerIdentity'
        try:
            account = self._clients.get('sts', region).get_caller_identity().get('Account')
        except Exception as error:
            return self._failed(error, region, operation, 'sts:GetCallerIdentity')
        if not (isinstance(account, str) and ACCOUNT.fullmatch(account)):
            return malformed(operation, 'the answer has no account.')
        return account

    def fetch(self, collector: Collector, region: str) -> Mapping[str, Any] | Failure:
        """What one API source says now."""
        action = collector.actions[0].name
        try:
            return collector.fetch(lambda service: self._clients.get(service, region))
        except Exception as error:
            return self._failed(error, region, action.partition(':')[2], action)

    def list(self, listing: discovery.Listing, region: str) -> tuple[Series, ...] | Failure:
        """The series that CloudWatch lists: all of them, or a Failure. Half a list is none."""
        pages: list[Mapping[str, Any]] = []
        try:
            for request in listing.requests:
                pages += islice(self._pages('list_metrics', request, region), LISTED_PAGES)
            return discovery.read(listing, pages)
        except (KeyError, TypeError):
            self.calls.failed(region, discovery.OPERATION, FailureKind.MALFORMED)
            return malformed(discovery.OPERATION, 'the answer is not a list of metrics.')
        except Exception as error:
            return self._failed(error, region, discovery.OPERATION, discovery.ACTIONS[0].name)

    def ask(self, question: queries.Question, region: str, now: float) -> answers.Answer | Failure:
        """What CloudWatch says to a question, all pages of it. A Failure only where nothing at all was answered."""
        pages: list[Mapping[str, Any]] = []
        failures: list[Failure] = []
        earliest = 0.0
        for request in queries.requests(question):
            time.sleep(max(0.0, earliest - time.monotonic()))
            earliest = time.monotonic() + request.datapoints / queries.PACE
            try:
                self.calls.asking_for(request.billed_metrics)
                for page in self._pages('get_metric_data', request.parameters, region):
                    pages.append({**page, 'AnsweredAt': _date(page)})
            except Exception as error:
                failures.append(self._failed(error, region, answers.OPERATION, queries.ACTIONS[0].name))
        if not pages:
            return failures[0]
        answer = answers.read(question, pages, failures, now)
        for failure in answer.failures:
            if failure not in failures:
                self.calls.failed(region, failure.operation, failure.kind)
        return answer

    def _pages(self, method: str, request: Mapping[str, Any], region: str) -> Iterator[Mapping[str, Any]]:
        """All pages of one CloudWatch request. A token that comes twice would never end, so it is an error."""
        call = getattr(self._clients.get('cloudwatch', region), method)
        seen: set[str] = set()
        token = None
        while token is not None or not seen:
            page = call(**request, **({'NextToken': token} if token else {}))
            yield page
            token = page.get('NextToken') or None
            if token in seen or len(seen) >= PAGES:
                raise EndlessPages
            seen.add(token or '')

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


def _date(page: Mapping[str, Any]) -> float | None:
    """The date of an answer by AWS's clock, where it has one."""
    text = page.get('ResponseMetadata', {}).get('HTTPHeaders', {}).get('date')
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None
