"""Inspection: what is saved for an account and Region, as a diagnosis reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the cache says of an account and Region.

    `sequence` is the number of the newest document, 0 where there is none that can be read. `is_damaged` says that
    something was saved that cannot be read, `versions` are those of the saved copies. `has_doubt` says that another
    process disturbed the counting, and nobody has taken that into account yet. `wrote_here` is whether this process
    wrote last, None where it wrote nothing. `read_at` is when CloudWatch last answered, None where nothing was counted.
    `unreadable` is the entry that cannot be read at all.
    """

    sequence: int = 0
    is_damaged: bool = False
    versions: tuple[int, ...] = ()
    has_doubt: bool = False
    wrote_here: bool | None = None
    read_at: float | None = None
    unreadable: str = ''
