"""Endpoints: which hosts of AWS answer, as all instances of the process know it.

On an endpoint that is not known to answer, one request at a time is waited for: its probe. Operations take turns as
the probe, the least recently probed first, over all instances that share the endpoint. The first answer, a refusal too,
ends that for all of them. On an endpoint that answers, no request waits for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

from datadog_checks.amazon_ses.configuration.network import Network

HOSTS = {'cloudwatch': 'monitoring', 'ses': 'email', 'sesv2': 'email'}
"""The host that serves a service of the SDK, where it is not the service's own name."""


class Waiter(Protocol):
    """Whoever waits for an endpoint: the runner of an instance."""

    def wake(self) -> None:
        """Look at the endpoint again: it answered, or its probe ended. May be called from any thread."""


class Endpoint:
    """What is known of one endpoint. May be used from several threads at once.

    A request counts as unanswered only if nothing at all was answered on the endpoint since the request began, so one
    operation that hangs says nothing about the others.
    """

    def __init__(self) -> None:
        self.answers = False
        self._lock = Lock()
        self._number_of_answers = 0
        self._number_of_probes = 0
        self._probes: dict[str, int] = {}
        self._probes_of: WeakKeyDictionary[Waiter, dict[str, int]] = WeakKeyDictionary()
        self._waiting: dict[Waiter, Sequence[str]] = {}
        self._prober: Waiter | None = None

    def begin(self) -> int:
        """Number of the answers before a request: what `end_unanswered` compares with."""
        return self._number_of_answers

    def end_answered(self) -> None:
        """Record an answer, whatever it says."""
        with self._lock:
            self._number_of_answers += 1
            self.answers = True

    def end_unanswered(self, answers_before: int) -> None:
        """Record that a request got no answer."""
        with self._lock:
            if self._number_of_answers == answers_before:
                self.answers = False

    def next_probe(self, waiter: Waiter, operations: Sequence[str]) -> str | None:
        """The operation that this waiter may probe now, which is then its probe until `release` or `leave`.

        None while another probe is under way, or while it is another waiter's turn.
        """
        with self._lock:
            self._waiting[waiter] = operations
            if self._prober is not None:
                return None
            first, operation = min(self._candidates(), key=self._last_probe)
            if first is waiter:
                self._prober = waiter
                self._number_of_probes += 1
                self._probes[operation] = self._number_of_probes
                self._probes_of.setdefault(waiter, {})[operation] = self._number_of_probes
                del self._waiting[waiter]
                return operation
        first.wake()
        return None

    def release(self, waiter: Waiter) -> None:
        """Let the next waiter probe."""
        with self._lock:
            if self._prober is waiter:
                self._prober = None
        self.wake()

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        with self._lock:
            self._waiting.pop(waiter, None)
        self.release(waiter)

    def wake(self) -> None:
        """Have all waiters look again, the one that probes included: others of its operations wait for the probe."""
        with self._lock:
            waiting = {*self._waiting, self._prober}
        for waiter in waiting:
            if waiter is not None:
                waiter.wake()

    def _candidates(self) -> Iterator[tuple[Waiter, str]]:
        return ((waiter, operation) for waiter, operations in self._waiting.items() for operation in operations)

    def _last_probe(self, candidate: tuple[Waiter, str]) -> tuple[int, int]:
        """Numbers of the last probe of this operation by any waiter, and by this one."""
        waiter, operation = candidate
        return self._probes.get(operation, 0), self._probes_of.get(waiter, {}).get(operation, 0)


_endpoints: WeakValueDictionary[tuple[object, ...], Endpoint] = WeakValueDictionary()
_endpoints_lock = Lock()


def endpoint_of(network: Network, service: str, region: str) -> Endpoint:
    """The endpoint of a service in a Region, shared by all instances that reach it in the same way."""
    proxies = network.proxies
    key = (
        network.endpoint_urls.get(service) or HOSTS.get(service, service),
        region,
        network.use_fips,
        network.use_dualstack,
        network.verify,
        None if proxies is None else (tuple(sorted(proxies.urls.items())), proxies.no_proxy),
    )
    with _endpoints_lock:
        return _endpoints.setdefault(key, Endpoint())
