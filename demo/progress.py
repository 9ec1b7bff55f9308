"""How far the run has come, on stderr."""

from __future__ import annotations

from typing import TextIO

from demo.page import date_and_time
from demo.tally import Tally

EVERY = 3600
"""Simulated seconds between two lines where a line cannot be rewritten."""


class Progress:
    """Called after each run. One line that is rewritten on a terminal, else a line for each simulated hour."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._next = 0.0
        self._width = 0

    def __call__(self, now: float, tally: Tally) -> None:
        line = f'{date_and_time(now)}  {tally.runs:,} runs  {tally.samples:,} samples  {len(tally.events)} events'
        if self._terminal:
            self._stream.write('\r' + line.ljust(self._width))
            self._width = len(line)
        elif now >= self._next:
            self._stream.write(line + '\n')
            self._next = now + EVERY
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._terminal and self._width:
            self._stream.write('\r' + ' ' * self._width + '\r')
            self._stream.flush()
