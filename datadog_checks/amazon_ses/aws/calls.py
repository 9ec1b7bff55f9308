"""A record of every request to AWS, taken from botocore's own events so that none can be left out."""

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
from datadog_checks.amazon_ses.model import Calls, FailureKind, Request

BILLED = 'GetMetricData'
REFUSED = (ClientError, ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)
"""Where AWS did nothing: it said no, or was never reached."""


class CallRecord:
    """The requests since they were last taken. Workers write, the check's thread takes."""

    def __init__(self) -> None:
        self._lock = Lock()
        # A worker waits for its request, so what its thread asks for is what its requests carry.
        self._asking = local()
        self._new_counters()

    def watch(self, client: Any, region: str) -> Any:
        """Count what this client sends from now on. Returns the client."""
        client.meta.events.register('before-send', partial(self._sent, region))
        client.meta.events.register('response-received', partial(self._received, region))
        return client

    def failed(self, region: str, operation: str, kind: FailureKind) -> None:
        with self._lock:
            self._failures[Request(region, operation), kind] += 1

    def asking_for(self, metrics: int) -> None:
        """From now on each GetMetricData request of this thread asks for that many metrics.

        AWS bills what it answers, also where the answer is lost on the way: all that was sent and not refused.
        """
        self._asking.metrics = metrics

    def take(self) -> Calls:
        """The calls since the last take."""
        with self._lock:
            calls = Calls(self._requests, self._failures, self._billed)
            self._new_counters()
        return calls

    def _new_counters(self) -> None:
        self._requests: Counter[Request] = Counter()
        self._failures: Counter[tuple[Request, FailureKind]] = Counter()
        self._billed: Counter[str] = Counter()

    def _sent(self, region: str, event_name: str = '', **_: Any) -> None:
        operation = event_name.rpartition('.')[2]
        with self._lock:
            self._requests[Request(region, operation)] += 1
        self._bill(region, operation, 1)

    def _received(
        self,
        region: str,
        event_name: str = '',
        parsed_response: dict[str, Any] | None = None,
        exception: Exception | None = None,
        **_: Any,
    ) -> None:
        operation = event_name.rpartition('.')[2]
        if exception is None and parsed_response and 'Error' in parsed_response:
            exception = ClientError(parsed_response, operation)
        if exception is not None:
            self.failed(region, operation, failure_of(exception, operation, '').kind)
        if isinstance(exception, REFUSED):
            self._bill(region, operation, -1)

    def _bill(self, region: str, operation: str, times: int) -> None:
        if operation == BILLED:
            with self._lock:
                self._billed[region] += times * getattr(self._asking, 'metrics', 0)
