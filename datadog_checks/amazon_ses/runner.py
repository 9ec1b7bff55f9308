"""Work side by side, until a deadline.

Regions run next to each other, and the requests of one Region next to each other once its first steps have shown that
it answers. A Region that does not answer in time costs itself alone: its workers are left to end by themselves, their
late results are thrown away, and until they have ended the Region is not started again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar('T')
Step = Callable[[], T]

WIDTH = 32
"""Steps under way at once: as many Regions, with one step each, as there are."""

IN_FLIGHT = 8
"""Steps of one Region under way at once."""


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """The steps of one Region: those of `lead` one after the other, then those `beside` each other."""

    lead: Sequence[Step[T]]
    beside: Sequence[Step[T]] = ()

    def __len__(self) -> int:
        return len(self.lead) + len(self.beside)


@dataclass(frozen=True, slots=True)
class Results(Generic[T]):
    """What was done in time, by key, and the keys that were not finished."""

    done: Mapping[str, list[T]]
    late: tuple[str, ...]


class _Agenda(Generic[T]):
    """Which step is next, shared by the workers of one run."""

    def __init__(self, work: Mapping[str, Work[T]], busy: Counter[str], most: int) -> None:
        self.told: SimpleQueue[tuple[str, T]] = SimpleQueue()
        self._changed = Condition()
        self._busy = busy
        self._most = most
        self._over = False
        self._waiting = {key: (deque(one.lead), deque(one.beside)) for key, one in work.items()}
        self._led: set[str] = {key for key, one in work.items() if not len(one)}

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def labour(self) -> None:
        """Do steps until there are no more, or the run is over: what is asked then would be thrown away."""
        while True:
            with self._changed:
                while self._over or (taken := self._take()) is None:
                    if self._over or not any(map(any, self._waiting.values())):
                        return
                    self._changed.wait()
                key, step, leads = taken
                self._busy[key] += 1
            results: list[T] = []
            try:
                results.append(step())
            finally:
                with self._changed:
                    # Before the result is told: a run that follows at once must not take the key for one that hangs.
                    self._busy[key] -= 1
                    if leads:
                        self._led.add(key)
                    for result in results if not self._over else ():
                        self.told.put((key, result))
                    self._changed.notify_all()

    def _take(self) -> tuple[str, Step[T], bool] | None:
        """The next step that may begin, with its key and whether others wait for it. Keys take turns."""
        for key in list(self._waiting):
            lead, beside = self._waiting[key]
            under_way = self._busy[key]
            leads = bool(lead) or key not in self._led
            if not (lead or beside) or under_way >= (1 if leads else self._most):
                continue
            self._waiting[key] = self._waiting.pop(key)
            return key, (lead or beside).popleft(), leads and len(lead) == 0
        return None


class Runner:
    """Runs steps in daemon threads, so that neither a run nor the Agent's exit waits for one that hangs."""

    def __init__(self, monotonic: Callable[[], float], width: int = WIDTH, in_flight: int = IN_FLIGHT) -> None:
        self._monotonic = monotonic
        self._width = width
        self._in_flight = in_flight
        self._busy: Counter[str] = Counter()

    def run(self, work: Mapping[str, Work[T]], seconds: float) -> Results[T]:
        """Do all steps of each key, or as many as `seconds` allow. A step must not raise."""
        deadline = self._monotonic() + seconds
        free = {key: one for key, one in work.items() if not self._busy[key]}
        agenda = _Agenda(free, self._busy, self._in_flight)
        # The first step of a Region is always alone.
        threads = sum(max(1, min(self._in_flight, len(one.beside))) for one in free.values() if len(one))
        for _ in range(min(self._width, threads)):
            Thread(target=agenda.labour, name='amazon_ses', daemon=True).start()
        done: dict[str, list[T]] = {key: [] for key in work}
        missing = sum(map(len, free.values()))
        while missing:
            try:
                key, result = agenda.told.get(timeout=max(0.0, deadline - self._monotonic()))
            except Empty:
                break
            done[key].append(result)
            missing -= 1
        agenda.end()
        return Results(done, tuple(key for key, one in work.items() if len(done[key]) < len(one)))
