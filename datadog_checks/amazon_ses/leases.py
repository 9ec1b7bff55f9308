"""Leases: the exclusive right of an instance to count an account in a Region. Two instances would double each count."""

from __future__ import annotations

import gc
from collections import defaultdict
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary


class Lease(NamedTuple):
    """The right to count an account in a Region under a ledger name. In a process one check object at a time has it."""

    account: str
    region: str
    ledger: str


class Leases:
    """The leases of one process, and when it ran for each of them, by its monotonic clock.

    `saving` is a lock for each: two check objects, one of them cancelled, must not write the same state at once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._owners: WeakValueDictionary[Lease, object] = WeakValueDictionary()
        self._first_runs: dict[Lease, float] = {}
        self._last_runs: dict[Lease, float] = {}
        self._saving: defaultdict[Lease, Lock] = defaultdict(Lock)

    def acquire(self, lease: Lease, owner: object) -> object | None:
        """Acquire a lease for a check object. Returns None, or the live check object that has the lease already."""
        with self._lock:
            current = self._owners.setdefault(lease, owner)
            if current is owner:
                return None
        del current
        # A check that the Agent has dropped without cancelling it may still wait for the garbage collector.
        gc.collect()
        with self._lock:
            current = self._owners.setdefault(lease, owner)
        return None if current is owner else current

    def release(self, owner: object) -> None:
        """Release all leases of a check object."""
        with self._lock:
            for lease in [lease for lease, current in self._owners.items() if current is owner]:
                del self._owners[lease]

    def since_first_run(self, lease: Lease, now: float) -> float:
        """Seconds since this process first ran for a lease: 0 if this is that run."""
        with self._lock:
            return now - self._first_runs.setdefault(lease, now)

    def since_last_run(self, lease: Lease, now: float) -> float:
        """Seconds since this was called before for a lease: 0 the first time."""
        with self._lock:
            previous, self._last_runs[lease] = self._last_runs.get(lease, now), now
        return max(0.0, now - previous)

    def saving(self, lease: Lease) -> Lock:
        with self._lock:
            return self._saving[lease]


OF_THIS_PROCESS = Leases()
