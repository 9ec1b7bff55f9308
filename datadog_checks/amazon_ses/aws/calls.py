"""A record of every request to AWS, taken from botocore's events so that none is left out."""

from __future__ import annotations

from collections import Counter
from functools import partial
from threading import Lock, local
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from datadog_checks.amazon_ses.aws.failures import failure_of
from datadog_checks.amazon_ses.aws.local_causes import local_cause
from datadog_checks.amazon_ses.aws.repeated_requests import was_sent
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.model import Calls, FailureKind, Request

BILLED_OPERATION = 'GetMetricData'

UNBILLED_ERRORS = (ClientError, ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)
"""AWS refused the request or was never reached. Any other request is billed, also where its answer is lost."""


class CallRecord:
    """The requests since the last `drain`. Workers add to it, the check's thread drains it."""

    def __init__(self) -> None:
        self._lock = Lock()
        # The metrics of a thread's request: a worker waits for its request before it sends another.
        self._request = local()
        self._reset()

    def attach(self, client: Any, region: str) -> None:
        """Record what a client sends from now on."""
        client.meta.events.register('before-send', partial(self._add_request, region))
        client.meta.events.register('needs-retry', partial(self._add_response, region))

    def add_failure(self, region: str, operation: str, kind: FailureKind) -> None:
        with self._lock:
            self._failures[Request(region, operation), kind] += 1

    def set_billed_metrics(self, metrics: int) -> None:
        """Each GetMetricData request that this thread sends from now on is billed for that many metrics."""
        self._request.metrics = metrics

    def drain(self) -> Calls:
        """The calls since the last drain."""
        with self._lock:
            calls = Calls(self._requests, self._failures, self._billed)
            self._reset()
        return calls

    def _reset(self) -> None:
        self._requests: Counter[Request] = Counter()
        self._failures: Counter[tuple[Request, FailureKind]] = Counter()
        self._billed: Counter[str] = Counter()

    def _add_request(self, region: str, request: Any, event_name: str = '', **_: Any) -> None:
        if was_sent(request):
            return
        operation = event_name.rpartition('.')[2]
        with self._lock:
            self._requests[Request(region, operation)] += 1
        self._bill(region, operation, 1)

    def _add_response(
        self,
        region: str,
        operation: Any,
        response: tuple[Any, Any] | None,
        caught_exception: Exception | None,
        **_: Any,
    ) -> None:
        """After each attempt: record its failure, if any. Returns nothing, so whether it is repeated stays as it is."""
        error = caught_exception
        if response is not None and 'Error' in response[1]:
            error = ClientError(response[1], operation.name)
        if error is None:
            return
        is_local = local_cause(error, SignIn()) is not None
        if is_local:
            self._take_back_request(region, operation.name)
        else:
            self.add_failure(region, operation.name, failure_of(error, operation.name, '').kind)
        if is_local or isinstance(error, UNBILLED_ERRORS):
            self._bill(region, operation.name, -1)

    def _take_back_request(self, region: str, operation: str) -> None:
        """A request that was about to be sent did not leave this machine: a file of authorities cannot be read."""
        with self._lock:
            self._requests[Request(region, operation)] -= 1

    def _bill(self, region: str, operation: str, sign: int) -> None:
        if operation == BILLED_OPERATION:
            with self._lock:
                self._billed[region] += sign * getattr(self._request, 'metrics', 0)
