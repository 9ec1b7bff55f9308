"""The way to AWS: one session and one client for each Region and service, for the life of the check.

Every method here may be called from several workers at once, and none raises: what goes wrong is a Failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Lock
from typing import Any

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader

from datadog_checks.amazon_ses.__about__ import __version__
from datadog_checks.amazon_ses.cloudwatch import answers, queries
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.settings import Settings

from .calls import CallRecord
from .credentials import LazyCredentials, assumed, own
from .failures import failure_of, malformed

ATTEMPTS = 2
"""Tries for each request. The next run is the retry that counts; more would only stretch this one."""

PAGES = 100
"""Pages of one answer before it is taken for a loop: 500 series over a day at 60 s are eight pages."""

SESSION_NAME = 'datadog-amazon-ses'


@cache
def _loader() -> Loader:
    """botocore's service models, read once in a process: they are most of what a session costs."""
    return create_loader()


class Access:
    """What this instance may ask AWS, with the credentials and endpoints of its settings."""

    def __init__(self, settings: Settings) -> None:
        self.calls = CallRecord()
        self._settings = settings
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._config = Config(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            retries={'mode': 'standard', 'total_max_attempts': ATTEMPTS},
            tcp_keepalive=True,
            user_agent_extra=f'datadog-amazon-ses/{__version__}',
        )
        self._credentials: list[LazyCredentials] = []
        self._session: Any = None

    def account(self, region: str) -> str | Failure:
        """The account that the credentials belong to: GetCallerIdentity, which needs no permission."""
        operation = 'GetCallerIdentity'
        try:
            account = self._client('sts', region).get_caller_identity().get('Account')
        except Exception as error:
            return self._failed(error, region, operation, 'sts:GetCallerIdentity')
        if not (isinstance(account, str) and len(account) == 12 and account.isdigit()):
            return malformed(operation, 'the answer has no account.')
        return account

    def fetch(self, collector: Collector, region: str) -> Mapping[str, Any] | Failure:
        """What one API source says now."""
        action = collector.actions[0].name
        try:
            return collector.fetch(lambda service: self._client(service, region))
        except Exception as error:
            return self._failed(error, region, action.partition(':')[2], action)

    def ask(self, question: queries.Question, region: str, now: float) -> answers.Answer | Failure:
        """What CloudWatch says to a question, all pages of it. A Failure only where nothing at all was answered."""
        pages: list[Mapping[str, Any]] = []
        failures: list[Failure] = []
        for request in queries.requests(question):
            try:
                self._ask(request, region, pages, failures)
            except Exception as error:
                failures.append(self._failed(error, region, answers.OPERATION, queries.ACTIONS[0].name))
        if not pages:
            return failures[0]
        answer = answers.read(question, pages, failures, now)
        for failure in answer.failures:
            if failure not in failures:
                self.calls.failed(region, failure.operation, failure.kind)
        return answer

    def _ask(
        self, request: Mapping[str, Any], region: str, pages: list[Mapping[str, Any]], failures: list[Failure]
    ) -> None:
        client = self._client('cloudwatch', region)
        seen: set[str] = set()
        page: Mapping[str, Any] = {}
        while not seen or page.get('NextToken'):
            more = {'NextToken': page['NextToken']} if page.get('NextToken') else {}
            page = client.get_metric_data(**request, **more)
            self.calls.billed(region, len(request['MetricDataQueries']))
            pages.append({**page, 'AnsweredAt': _date(page)})
            token = page.get('NextToken') or ''
            if token in seen or len(seen) >= PAGES:
                failures.append(malformed(answers.OPERATION, 'the pages of the answer repeat without an end.'))
                return
            seen.add(token)

    def _failed(self, error: Exception, region: str, operation: str, action: str) -> Failure:
        failure = failure_of(error, operation, action)
        if failure.kind is FailureKind.CREDENTIALS:
            for credentials in self._credentials:
                credentials.drop()
        if not isinstance(error, (ClientError, BotoCoreError)):
            # botocore's own events do not tell of an answer that its parser choked on.
            self.calls.failed(region, failure.operation, failure.kind)
        return failure

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                if self._session is None:
                    self._session = self._signed_in(region)
                client = self._clients[service, region] = self._create(self._session, service, region)
            return client

    def _create(self, session: Any, service: str, region: str, **keys: Any) -> Any:
        client = session.client(
            service,
            region_name=region,
            config=self._config,
            endpoint_url=self._settings.endpoint_urls.get(service),
            **keys,
        )
        return self.calls.watch(client, region)

    def _signed_in(self, region: str) -> Any:
        """A session with the instance's credentials, or with those of the role it assumes."""
        plain = _session(self._settings.profile)
        credentials = own(self._settings, plain)
        self._credentials = [credentials]
        if self._settings.role_arn is not None:
            base = _with(credentials, plain)
            credentials = assumed(
                self._settings.role_arn,
                self._settings.external_id,
                SESSION_NAME,
                credentials,
                lambda service, **keys: self._create(base, service, region, **keys),
            )
            self._credentials.append(credentials)
        return _with(credentials, _session(None))


def _session(profile: str | None) -> Any:
    session = botocore.session.Session(profile=profile)
    session.register_component('data_loader', _loader())
    return session


def _with(credentials: Credentials, session: Any) -> Any:
    """A boto3 session on a botocore session that uses these credentials and looks for no others."""

    class Found:
        def load_credentials(self) -> Credentials:
            return credentials

    session.register_component('credential_provider', Found())
    return boto3.session.Session(botocore_session=session)


def _date(page: Mapping[str, Any]) -> float | None:
    """The date of an answer by AWS's clock, where it has one."""
    text = page.get('ResponseMetadata', {}).get('HTTPHeaders', {}).get('date')
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None
