"""Turns SIGINT and SIGTERM into a request to stop, which takes effect between two runs."""

from __future__ import annotations

import signal
import time
from types import FrameType

# Seconds. A pause is slept in pieces, since a signal does not end a sleep.
NAP = 0.1


class Interruption:
    """True after the first signal. A second signal ends the process at once."""

    def __init__(self) -> None:
        # A plain flag, not a threading.Event: setting that in a signal handler can deadlock with its own wait().
        self._signalled = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def __bool__(self) -> bool:
        return self._signalled

    def sleep(self, seconds: float) -> None:
        """Sleeps for `seconds`, or until a signal."""
        end = time.monotonic() + seconds
        while not self and (left := end - time.monotonic()) > 0:
            time.sleep(min(NAP, left))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._signalled = True
        signal.signal(number, signal.SIG_DFL)
