"""Turns SIGINT and SIGTERM into a wish to stop, which is granted between two runs."""

from __future__ import annotations

import signal
import time
from types import FrameType

# A pause is slept in pieces of so many seconds, since a signal does not end a sleep.
NAP = 0.1


class Interruption:
    """True once the process was asked to stop. A second signal ends it at once."""

    def __init__(self) -> None:
        # A plain flag, not a threading.Event: setting one inside a signal handler can deadlock with its own wait().
        self._asked = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __bool__(self) -> bool:
        return self._asked

    def sleep(self, seconds: float) -> None:
        """Sleeps so long, or until the process is asked to stop."""
        until = time.monotonic() + seconds
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(NAP, left))

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)
