"""Pace: how requests that wait for their turn pass the time, in real time or by a clock that a host turns."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_SLEEP = 0.5
"""Seconds after which whoever waits looks again, because it may have been cancelled."""


class Pace:
    """The pace of a host that leaves the time alone. May be used from several threads at once."""

    passes_at_once = False

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic

    def monotonic(self) -> float:
        return self._monotonic()

    def elapsed(self, begun: float) -> float:
        """Seconds of the clock since a time of `monotonic`."""
        return self.monotonic() - begun

    def wait_until(self, at: float) -> None:
        """Wait until that time, or for `LONGEST_SLEEP` seconds of it."""
        time.sleep(max(0.0, min(at - self.monotonic(), LONGEST_SLEEP)))


class TurnedPace(Pace):
    """The pace of a host that turns the clock: a wait passes at once, and the clock catches up when it is turned.

    So the requests of the seconds after a run are sent in the run, and the run waits for them.
    """

    passes_at_once = True

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._passed = float('-inf')

    def monotonic(self) -> float:
        self._passed = max(self._passed, self._monotonic())
        return self._passed

    def elapsed(self, begun: float) -> float:
        return 0.0

    def wait_until(self, at: float) -> None:
        self._passed = max(self._passed, at)
