"""The simulator's clock."""

from __future__ import annotations

import threading


class Clock:
    """A time that stands still until it is moved: `clock()` gives seconds since the epoch (UTC)."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = float(now)
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> float:
        """Move by `seconds` (may be negative) and return the new time."""
        with self._lock:
            self._now += seconds
            return self._now

    def set(self, now: float) -> None:
        """Jump to `now`, seconds since the epoch."""
        with self._lock:
            self._now = float(now)
