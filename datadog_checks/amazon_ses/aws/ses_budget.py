"""The budget for the APIs of SES, which production shares: AWS answers about one request a second of an account.
An operation to which AWS grants a rate of its own has a budget of its own.

Each account, Region and endpoint has a budget that all instances of the process share. Every attempt takes a turn right
before it is sent, so retries and pages count. The account goes first; where the budget does not suffice, the rolling
reads of single items give way first, then lists.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from itertools import count
from threading import Condition, Lock, local
from typing import Any
from urllib.parse import urlsplit

from datadog_checks.amazon_ses.aws.repeated_requests import was_sent
from datadog_checks.amazon_ses.model import UNKNOWN_ACCOUNT
from datadog_checks.amazon_ses.pace import LONGEST_SLEEP, Pace

SERVICES = ('ses', 'sesv2')
"""Services that share the budget."""

MINUTE = 60.0
APART = 1.0
"""Seconds between two requests."""


class Urgency(IntEnum):
    """What a request is for, the most urgent first."""

    ACCOUNT = 0
    LISTING = 1
    ROLLING = 2


MOST = {Urgency.ACCOUNT: 15, Urgency.LISTING: 12, Urgency.ROLLING: 10}
"""Requests within any minute after which a request of this urgency waits."""


OWN_RATES = {'BatchGetMetricData': (0.25, dict.fromkeys(Urgency, 60))}
"""Operations with a rate of their own: seconds between two requests, and requests within any minute. AWS grants 16
requests and 160 queries a second of BatchGetMetricData; a request has six queries."""


class Cancelled(Exception):
    """The check was cancelled while a request waited for its turn."""


class Budget:
    """The requests of one account, Region and endpoint. May be used from several threads at once.

    `spacing` are the seconds between two of them, `most` the requests within any minute.
    """

    def __init__(self, spacing: float = APART, most: Mapping[Urgency, int] = MOST) -> None:
        self._spacing = spacing
        self._most = most
        self._sent: deque[float] = deque(maxlen=max(most.values()))
        self._waiting: dict[int, Urgency] = {}
        self._numbers = count()
        self._changed = Condition()

    def wait(self, urgency: Urgency, pace: Pace, is_cancelled: Callable[[], bool]) -> None:
        """Wait for a turn and take it. Those that wait go by urgency, then as they came. Raises Cancelled."""
        number = next(self._numbers)
        with self._changed:
            self._waiting[number] = urgency
        try:
            while not self._take(number, pace):
                if is_cancelled():
                    raise Cancelled
        finally:
            with self._changed:
                del self._waiting[number]
                self._changed.notify_all()

    def seconds_until(self, urgency: Urgency, pace: Pace) -> float:
        """Seconds until a request of this urgency may be sent, if none comes before it."""
        with self._changed:
            now = pace.monotonic()
            return max(0.0, self._earliest(urgency, now) - now)

    def _take(self, number: int, pace: Pace) -> bool:
        """Take the turn, if it has come. Else pass some of the time until then."""
        with self._changed:
            urgency = self._waiting[number]
            if (urgency, number) != min((other, place) for place, other in self._waiting.items()):
                self._changed.wait(LONGEST_SLEEP)
                return False
            now = pace.monotonic()
            earliest = self._earliest(urgency, now)
            if earliest <= now:
                self._sent.append(now)
                return True
        pace.wait_until(earliest)
        return False

    def _earliest(self, urgency: Urgency, now: float) -> float:
        if self._sent and self._sent[-1] > now:
            # Only a clock that a test turns goes back.
            self._sent.clear()
        if not self._sent:
            return now
        most = self._most[urgency]
        full_until = self._sent[-most] + MINUTE if len(self._sent) >= most else now
        return max(self._sent[-1] + self._spacing, full_until)


_budgets: dict[tuple[str, str, str, str], Budget] = {}
_budgets_lock = Lock()


def budget_of(account: str, region: str, host: str, operation: str = '') -> Budget:
    """The budget of an account in a Region at a host, shared by all instances, or that of an operation with a rate of
    its own. There are as many as targets."""
    spacing, most = OWN_RATES.get(operation, (APART, MOST))
    bucket = operation if operation in OWN_RATES else ''
    with _budgets_lock:
        return _budgets.setdefault((account, region, host, bucket), Budget(spacing, most))


class Turns:
    """Takes turns for the requests that one instance sends."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._generation = 0
        # The account and the urgency of a thread's request: a worker waits for its request before it sends another.
        self._request = local()

    def cancel(self) -> None:
        """End what waits now."""
        self._generation += 1

    def cancellation(self) -> Callable[[], bool]:
        """A function that says whether the check was cancelled since now."""
        generation = self._generation
        return lambda: self._generation != generation

    @contextmanager
    def sending(self, account: str, urgency: Urgency, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """What this thread sends inside the block is of this account and urgency."""
        self._request.now = account, urgency, is_cancelled
        try:
            yield
        finally:
            del self._request.now

    def attach(self, client: Any) -> None:
        """Have each attempt of a client of SES wait for its turn."""
        if client.meta.service_model.service_name in SERVICES:
            client.meta.events.register_first('before-send', self._waiter(client))

    def seconds_until(self, client: Any, account: str, urgency: Urgency, operation: str = '') -> float:
        return _budget_of(client, account, operation).seconds_until(urgency, self.pace)

    def _waiter(self, client: Any) -> Callable[..., None]:
        def wait(request: Any, event_name: str = '', **_: Any) -> None:
            if was_sent(request):
                return
            unnamed = UNKNOWN_ACCOUNT, Urgency.LISTING, self.cancellation()
            account, urgency, is_cancelled = getattr(self._request, 'now', unnamed)
            operation = event_name.rpartition('.')[2]
            _budget_of(client, account, operation).wait(urgency, self.pace, is_cancelled)

        return wait


def _budget_of(client: Any, account: str, operation: str) -> Budget:
    return budget_of(account, client.meta.region_name, urlsplit(client.meta.endpoint_url).netloc, operation)
