"""Who counts for an account in a Region. Two counters of the same amounts would double every count."""

from __future__ import annotations

import gc
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary


class Lease(NamedTuple):
    """What one instance may count alone in a process: an account in a Region, under a ledger name."""

    account: str
    region: str
    ledger: str


_lock = Lock()
_holders: WeakValueDictionary[Lease, object] = WeakValueDictionary()


def acquire(claim: Lease, holder: object) -> object | None:
    """Take a claim for a check object. Returns the live object that holds it already, if there is another."""
    with _lock:
        held_by = _holders.setdefault(claim, holder)
        if held_by is holder:
            return None
    del held_by
    # A check that the Agent has dropped without cancelling may only wait for the garbage collector.
    gc.collect()
    with _lock:
        held_by = _holders.setdefault(claim, holder)
    return None if held_by is holder else held_by


def release(holder: object) -> None:
    """Give up everything that a check object holds."""
    with _lock:
        for claim in [claim for claim, held_by in _holders.items() if held_by is holder]:
            del _holders[claim]
