"""Work side by side, until a deadline.

Regions run next to each other, the steps of one Region in their order. A Region that does not answer in time costs
itself alone: its worker is left to end by itself, its late results are thrown away, and until it has ended the Region
is not started again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar('T')

WIDTH = 8
"""Regions worked on at once."""


@dataclass(frozen=True, slots=True)
class Results(Generic[T]):
    """What was done in time, by key and in order, and the keys that were not finished."""

    done: Mapping[str, Sequence[T]]
    late: tuple[str, ...]


class Runner:
    """Runs steps in daemon threads, so that neither a run nor the Agent's exit waits for one that hangs."""

    def __init__(self, monotonic: Callable[[], float], width: int = WIDTH) -> None:
        self._monotonic = monotonic
        self._width = width
        self._busy: set[str] = set()

    def run(self, work: Mapping[str, Sequence[Callable[[], T]]], seconds: float) -> Results[T]:
        """Do all steps of each key, or as many as `seconds` allow. A step must not raise."""
        deadline = self._monotonic() + seconds
        over = Event()
        waiting: SimpleQueue[str] = SimpleQueue()
        told: SimpleQueue[tuple[str, T | None]] = SimpleQueue()
        free = [key for key in work if key not in self._busy]
        for key in free:
            waiting.put(key)

        def labour() -> None:
            while not over.is_set():
                try:
                    key = waiting.get_nowait()
                except Empty:
                    return
                self._busy.add(key)
                try:
                    for step in work[key]:
                        if over.is_set():
                            break
                        told.put((key, step()))
                finally:
                    self._busy.discard(key)
                    told.put((key, None))

        for _ in range(min(self._width, len(free))):
            Thread(target=labour, name='amazon_ses', daemon=True).start()

        done: dict[str, list[T]] = {key: [] for key in work}
        unfinished = dict.fromkeys(free)
        while unfinished:
            try:
                key, result = told.get(timeout=max(0.0, deadline - self._monotonic()))
            except Empty:
                break
            if result is None:
                unfinished.pop(key, None)
            else:
                done[key].append(result)
        over.set()
        busy = [key for key in work if key not in free]
        return Results(done, (*unfinished, *busy))
