"""Garbage: looking for it in the middle of making thousands of objects costs much and finds none: they all stay, or are
dropped at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Rest:
    """The blocks in which the collector rests, of all threads, and whether it is to work after the last one."""

    def __init__(self) -> None:
        self._blocks = 0
        self._works_after = False
        self._lock = Lock()

    def begin(self) -> None:
        with self._lock:
            if not self._blocks:
                self._works_after = gc.isenabled()
                gc.disable()
            self._blocks += 1

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks and self._works_after:
                gc.enable()


_OF_THIS_PROCESS = _Rest()


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector of the process rests inside the block. Where it is off already, that stays so.

    With 10,000 series this saves about a quarter of the CPU of the first run that reads the state, and while answers
    are read a full collection in every fourth run, which takes most of the time of such a run
    (`make bench ONLY=floor1000`).
    """
    _OF_THIS_PROCESS.begin()
    try:
        yield
    finally:
        _OF_THIS_PROCESS.end()
