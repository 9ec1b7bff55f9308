"""How fast AWS is asked: never more than so much within any second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock


class Pace:
    """A limit for each second that several workers share. What exceeds it alone goes alone."""

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._most = per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._taken: deque[tuple[float, float]] = deque()
        self._lock = Lock()

    def wait(self, number: float) -> None:
        """Sleep until `number` more may be taken."""
        with self._lock:
            now = self._monotonic()
            at = max(now, self._taken[-1][0]) if self._taken else now
            while self._taken and sum(taken for _, taken in self._taken) + number > self._most:
                earliest, _ = self._taken.popleft()
                at = max(at, earliest + 1.0)
            while self._taken and self._taken[0][0] <= at - 1.0:
                self._taken.popleft()
            self._taken.append((at, number))
        self._sleep(max(0.0, at - now))
