"""Runs the steps of several Regions in parallel until a deadline.

The first steps of a Region run one at a time. Once they have ended, its other steps run in parallel. A Region that does
not answer before the deadline affects no other Region: its threads are left to end by themselves, their late results
are discarded, and no new steps of it start until they have ended.
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

MAX_STEPS = 32
"""Steps that run at once: one step in each Region that has SES."""

MAX_STEPS_PER_REGION = 8
"""Steps of one Region that run at once."""


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """The steps of one Region: the `first` ones run one at a time and in order, then the `parallel` ones at once."""

    first: Sequence[Step[T]]
    parallel: Sequence[Step[T]] = ()

    def __len__(self) -> int:
        return len(self.first) + len(self.parallel)


@dataclass(frozen=True, slots=True)
class Results(Generic[T]):
    """The results that came before the deadline, by Region, and the Regions that did not complete their steps."""

    completed: Mapping[str, list[T]]
    late: tuple[str, ...]


class _StepQueue(Generic[T]):
    """The steps of one run that wait for a thread, and the results of those that have ended.

    `running` counts the running steps of each Region, those that an earlier run left behind included.
    """

    def __init__(self, work: Mapping[str, Work[T]], running: Counter[str], max_per_region: int) -> None:
        self.results: SimpleQueue[tuple[str, T]] = SimpleQueue()
        self._changed = Condition()
        self._running = running
        self._max_per_region = max_per_region
        self._closed = False
        self._waiting = {region: deque([*steps.first, *steps.parallel]) for region, steps in work.items()}
        # How many more steps run one at a time. Without first steps the first parallel one shows whether AWS answers.
        self._sequential = {region: len(steps.first) or 1 for region, steps in work.items()}

    def close(self) -> None:
        """End the run: no further step starts, and later results are discarded."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def work(self) -> None:
        """Run steps until none is waiting or the run has ended."""
        while (start := self._start_step()) is not None:
            region, step = start
            results: list[T] = []
            try:
                results.append(step())
            finally:
                self._end_step(region, results)

    def _start_step(self) -> tuple[str, Step[T]] | None:
        """Wait until a step may start. Returns None when no step is waiting or the run has ended."""
        with self._changed:
            while any(self._waiting.values()) and not self._closed:
                start = self._next_step()
                if start is not None:
                    self._running[start[0]] += 1
                    return start
                self._changed.wait()
        return None

    def _next_step(self) -> tuple[str, Step[T]] | None:
        """The next step that may start, with its Region; None if none may start now. Regions take turns.

        There are three cases for a Region:
        1. No step of it is waiting: there is nothing to start.
        2. Its first steps have not all ended: a step may start if no other step of the Region is running.
        3. Its first steps have ended: a step may start if fewer than `max_per_region` are running.
        """
        for region, steps in self._waiting.items():
            limit = 1 if self._sequential[region] else self._max_per_region
            if steps and self._running[region] < limit:
                self._waiting[region] = self._waiting.pop(region)
                return region, steps.popleft()
        return None

    def _end_step(self, region: str, results: Sequence[T]) -> None:
        with self._changed:
            # Before the result is visible: the next run, if it starts at once, must not see a Region that hangs.
            self._running[region] -= 1
            if self._sequential[region]:
                self._sequential[region] -= 1
            if not self._closed:
                for result in results:
                    self.results.put((region, result))
            self._changed.notify_all()


class Runner:
    """Runs steps in daemon threads, so that a step that hangs delays neither a run nor the exit of the Agent."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        max_steps: int = MAX_STEPS,
        max_per_region: int = MAX_STEPS_PER_REGION,
    ) -> None:
        self._monotonic = monotonic
        self._max_steps = max_steps
        self._max_per_region = max_per_region
        self._running: Counter[str] = Counter()

    def run(self, work: Mapping[str, Work[T]], seconds: float) -> Results[T]:
        """Run all steps of each Region, or as many as end within `seconds`. A step must not raise."""
        deadline = self._monotonic() + seconds
        runnable = {region: steps for region, steps in work.items() if not self._running[region]}
        queue = _StepQueue(runnable, self._running, self._max_per_region)
        for _ in range(min(self._max_steps, sum(map(self._threads, runnable.values())))):
            Thread(target=queue.work, name='amazon_ses', daemon=True).start()
        completed: dict[str, list[T]] = {region: [] for region in work}
        for _ in range(sum(map(len, runnable.values()))):
            try:
                region, result = queue.results.get(timeout=max(0.0, deadline - self._monotonic()))
            except Empty:
                break
            completed[region].append(result)
        queue.close()
        return Results(
            completed, tuple(region for region, steps in work.items() if len(completed[region]) < len(steps))
        )

    def _threads(self, work: Work[T]) -> int:
        """The most threads that one Region can use."""
        return min(self._max_per_region, max(len(work.parallel), 1)) if len(work) else 0
