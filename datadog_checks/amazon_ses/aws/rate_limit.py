"""A rate limit: how much may be asked of AWS within any second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock


class RateLimit:
    """A limit for each second that several workers share. An amount that exceeds it by itself is let through alone."""

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._sleep = sleep
        # Time and amount of each turn within the last second.
        self._turns: deque[tuple[float, float]] = deque()
        self._lock = Lock()

    def wait(self, amount: float) -> None:
        """Sleep until `amount` more may be asked for."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._turns[-1][0]) if self._turns else now
            while self._turns and sum(earlier for _, earlier in self._turns) + amount > self._per_second:
                oldest, _ = self._turns.popleft()
                turn = max(turn, oldest + 1.0)
            while self._turns and self._turns[0][0] <= turn - 1.0:
                self._turns.popleft()
            self._turns.append((turn, amount))
        self._sleep(max(0.0, turn - now))
