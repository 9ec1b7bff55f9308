"""Leases: the exclusive right of an instance to count an account in a Region. Two instances would double each count."""

from __future__ import annotations

import gc
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary


class Lease(NamedTuple):
    """The right to count an account in a Region under a ledger name. In a process one check object at a time has it."""

    account: str
    region: str
    ledger: str


_lock = Lock()
_owners: WeakValueDictionary[Lease, object] = WeakValueDictionary()


def acquire(lease: Lease, owner: object) -> object | None:
    """Acquire a lease for a check object. Returns None, or the live check object that has the lease already."""
    with _lock:
        current = _owners.setdefault(lease, owner)
        if current is owner:
            return None
    del current
    # A check that the Agent has dropped without cancelling it may still wait for the garbage collector.
    gc.collect()
    with _lock:
        current = _owners.setdefault(lease, owner)
    return None if current is owner else current


def release(owner: object) -> None:
    """Release all leases of a check object."""
    with _lock:
        for lease in [lease for lease, current in _owners.items() if current is owner]:
            del _owners[lease]
