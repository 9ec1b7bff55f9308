"""Runs steps, each in a thread, waits for them for a limited time, and remembers those that are still under way.

All steps that may start do so at once. Steps that do not end in time are left behind: they go on, are not started
again, and `collect` returns their results in a later run. A run waits for none that an earlier run left behind, and
leaves behind at once what is not awaited.
Steps that could not start in time are dropped, and planned anew by the next run.

Everything but the work of a step happens on the thread of the check.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from datadog_checks.amazon_ses import threads
from datadog_checks.amazon_ses.endpoints import Endpoint
from datadog_checks.amazon_ses.threads import Threads

S = TypeVar('S')
T = TypeVar('T')

MAX_STEPS = 8
"""Steps of one run that run at once whatever other runs of the process do."""

SHARED_STEPS = 32
"""Further ones of all runs of the process. With the four runs that an Agent has at once these are 64 together."""

MAX_STEPS_PER_REGION = 24
"""Steps of one run in one Region that run at once."""

MAX_THREADS = 128
"""Steps that run at once, those of earlier runs included."""


class Places:
    """Places for steps that the runs of a process share. May be used from several threads at once."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = Lock()
        self._waiting: set[Runner[Any, Any]] = set()

    def take(self, runner: Runner[Any, Any]) -> bool:
        """Take a place, if there is one. Else the runner is woken when there is."""
        with self._lock:
            if not self._free:
                self._waiting.add(runner)
                return False
            self._free -= 1
            return True

    def give_back(self, number: int) -> None:
        with self._lock:
            self._free += number
            waiting, self._waiting = self._waiting, set()
        for runner in waiting:
            runner.wake()


OF_THIS_PROCESS = Places(SHARED_STEPS)


class Wait:
    """The time for which may still be waited. A monotonic clock that stands still makes it no longer."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._deadline = monotonic() + seconds
        self._real_deadline = time.monotonic() + seconds

    @property
    def seconds(self) -> float:
        """Seconds that remain, 0 at least."""
        return max(0.0, min(self._deadline - self._monotonic(), self._real_deadline - time.monotonic()))


class PartOfWait:
    """A wait that ends after a part of the seconds that remain of another."""

    def __init__(self, wait: Wait | PartOfWait, share: float, monotonic: Callable[[], float]) -> None:
        self._whole = wait
        self._part = Wait(wait.seconds * share, monotonic)

    @property
    def seconds(self) -> float:
        return min(self._whole.seconds, self._part.seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Step(Generic[S, T]):
    """One request, or some in a row. `perform` runs in a thread of its own and must not raise.

    `identity` says which step it is from run to run, `subject` what it is about. `operation` is the AWS operation that
    it asks of the endpoint. A run does not wait for a step that is not awaited, and gives it no share of its own.
    """

    identity: Hashable
    subject: S
    region: str
    operation: str
    endpoint: Endpoint
    perform: Callable[[], T]
    is_awaited: bool = True


class Finished(NamedTuple, Generic[S, T]):
    """What a step was about, and its result."""

    subject: S
    result: T


class UnderWay(NamedTuple, Generic[S]):
    """A step that has not ended: what it is about, its operation, for how many seconds it has been running, and whether
    its run waited for it."""

    subject: S
    operation: str
    seconds: float
    is_awaited: bool = True


@dataclass(frozen=True, slots=True)
class Results(Generic[S, T]):
    """What came of the steps of one run: what has ended, what is still under way, and what could not be started."""

    finished: list[Finished[S, T]]
    under_way: Sequence[UnderWay[S]]
    not_started: Sequence[S]

    def plus(self, later: Results[S, T]) -> Results[S, T]:
        """Both together, where the later ones are of steps that began after these had ended."""
        return Results(self.finished + later.finished, later.under_way, [*self.not_started, *later.not_started])


class Runner(Generic[S, T]):
    """Runs steps in daemon threads, so that a step that hangs delays neither a run nor the exit of the Agent."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        max_steps: int = MAX_STEPS,
        max_per_region: int = MAX_STEPS_PER_REGION,
        max_threads: int = MAX_THREADS,
        shared_places: Places = OF_THIS_PROCESS,
        daemons: Threads = threads.OF_THIS_PROCESS,
    ) -> None:
        self.monotonic = monotonic
        self.max_steps = max_steps
        self.max_per_region = max_per_region
        self.max_threads = max_threads
        self.shared_places = shared_places
        self._threads = daemons
        self._ended: SimpleQueue[tuple[Step[S, T], list[T]] | None] = SimpleQueue()
        self._started_at: dict[Hashable, tuple[Step[S, T], float]] = {}
        self._late: list[Finished[S, T]] = []

    def collect(self) -> list[Finished[S, T]]:
        """The results of steps that ended after their run."""
        while not self._ended.empty():
            self._take(self._ended.get())
        late, self._late = self._late, []
        return late

    @property
    def under_way(self) -> list[UnderWay[S]]:
        """The steps that have not ended, of any run."""
        now = self.monotonic()
        begun = self._started_at.values()
        return [UnderWay(step.subject, step.operation, now - at, step.is_awaited) for step, at in begun]

    def run(self, steps: Iterable[Step[S, T]], wait: Wait | PartOfWait, exclusive_seconds: float) -> Results[S, T]:
        """Run all steps that are not under way already, and wait for them as long as there is time.

        `exclusive_seconds` is for how long one probe keeps others from an endpoint that is not known to answer.
        """
        schedule = _Schedule(self, steps, exclusive_seconds)
        try:
            if wait.seconds:
                schedule.start_steps()
            while schedule.waits and wait.seconds:
                try:
                    entry = self._ended.get(timeout=min(wait.seconds, schedule.seconds_of_probes))
                except Empty:
                    entry = None
                ended = self._take(entry, schedule.running)
                if ended is not None:
                    schedule.end(*ended)
                if wait.seconds:
                    schedule.start_steps()
            while not self._ended.empty():
                ended = self._take(self._ended.get(), schedule.running)
                if ended is not None:
                    schedule.end(*ended)
        finally:
            schedule.close()
        return Results(schedule.finished, self.under_way, schedule.not_started)

    def wake(self) -> None:
        """End the wait for a moment, because an endpoint may have changed."""
        self._ended.put(None)

    def is_under_way(self, step: Step[S, T]) -> bool:
        return step.identity in self._started_at

    @property
    def is_full(self) -> bool:
        """Whether as many threads run as may."""
        return len(self._started_at) >= self.max_threads

    def start(self, step: Step[S, T]) -> None:
        now = self.monotonic()
        self._threads.start(partial(self._perform, step))
        self._started_at[step.identity] = (step, now)

    def _perform(self, step: Step[S, T]) -> None:
        results: list[T] = []
        try:
            results.append(step.perform())
        finally:
            self._ended.put((step, results))
            step.endpoint.wake()

    def _take(
        self, entry: tuple[Step[S, T], list[T]] | None, running: Iterable[Hashable] = ()
    ) -> tuple[Step[S, T], list[T]] | None:
        """Take in that a step has ended. Returns it if it is one of the running ones, else keeps its result."""
        if entry is None:
            return None
        step, results = entry
        if step.identity in running:
            del self._started_at[step.identity]
            return entry
        self._started_at.pop(step.identity, None)
        self._late += [Finished(step.subject, result) for result in results]
        return None


class _Schedule(Generic[S, T]):
    """The steps of one run: those that wait, in the order in which they start, and those that are running.

    Regions take turns. A step may start if there is a thread for it, and its endpoint is known to answer or it is the
    probe there. After a probe that failed, its operation waits for the next run. What is not awaited is no probe.
    """

    def __init__(self, runner: Runner[S, T], steps: Iterable[Step[S, T]], exclusive_seconds: float) -> None:
        self.finished: list[Finished[S, T]] = []
        self.running: dict[Hashable, Step[S, T]] = {}
        self._runner = runner
        self._exclusive_seconds = exclusive_seconds
        self._waiting: dict[str, deque[Step[S, T]]] = {}
        for step in steps:
            if not runner.is_under_way(step):
                self._waiting.setdefault(step.region, deque()).append(step)
        self._awaited_endpoints = {step.endpoint for step in self._all_waiting() if step.is_awaited}
        self._running_per_region: Counter[str] = Counter()
        self._shared_places = 0
        self._probes: dict[Endpoint, tuple[Step[S, T], Wait]] = {}
        self._failed_probes: set[tuple[Endpoint, str]] = set()

    @property
    def waits(self) -> bool:
        """Whether any step that is awaited is running or may still start in this run."""
        awaited = (step for step in self._all_waiting() if step.is_awaited)
        return bool(self.running) or (not self._runner.is_full and any(map(self._may_start, awaited)))

    @property
    def not_started(self) -> list[S]:
        return [step.subject for step in self._all_waiting() if step.is_awaited]

    @property
    def seconds_of_probes(self) -> float:
        """Seconds until the first of the probes is no longer exclusive."""
        return min((wait.seconds for _, wait in self._probes.values()), default=self._exclusive_seconds)

    def start_steps(self) -> None:
        """Start every step that may."""
        for endpoint, (_, wait) in list(self._probes.items()):
            if not wait.seconds:
                self._release(endpoint)
        while not self._runner.is_full and self._has_place():
            step = self._next_step()
            if step is None:
                break
            if step.is_awaited:
                self.running[step.identity] = step
                self._running_per_region[step.region] += 1
            self._runner.start(step)
        self._give_places_back()

    def end(self, step: Step[S, T], results: Sequence[T]) -> None:
        """Take in that a step of this run has ended."""
        del self.running[step.identity]
        self._running_per_region[step.region] -= 1
        self._give_places_back()
        self.finished += [Finished(step.subject, result) for result in results]
        if step.endpoint in self._probes and self._probes[step.endpoint][0] is step:
            if not step.endpoint.answers:
                self._failed_probes.add((step.endpoint, step.operation))
            self._release(step.endpoint)

    def close(self) -> None:
        """Let other instances probe and use the places, and wait for no endpoint any more."""
        self.running.clear()
        self._give_places_back()
        for endpoint in {*self._probes, *(step.endpoint for step in self._all_waiting())}:
            endpoint.leave(self._runner)

    def _has_place(self) -> bool:
        """Whether one more step may run. Takes a place that all runs share where this run has used its own."""
        if len(self.running) < self._runner.max_steps + self._shared_places:
            return True
        is_taken = self._runner.shared_places.take(self._runner)
        self._shared_places += is_taken
        return is_taken

    def _give_places_back(self) -> None:
        """Give back the shared places that no step needs."""
        unused = self._shared_places - max(0, len(self.running) - self._runner.max_steps)
        if unused:
            self._shared_places -= unused
            self._runner.shared_places.give_back(unused)

    def _all_waiting(self) -> Iterable[Step[S, T]]:
        return (step for steps in self._waiting.values() for step in steps)

    def _may_start(self, step: Step[S, T]) -> bool:
        return step.endpoint.answers or (step.endpoint, step.operation) not in self._failed_probes

    def _next_step(self) -> Step[S, T] | None:
        for region, steps in self._waiting.items():
            if self._running_per_region[region] < self._runner.max_per_region:
                step = self._next_of(steps)
                if step is not None:
                    steps.remove(step)
                    self._waiting[region] = self._waiting.pop(region)
                    return step
        return None

    def _next_of(self, steps: Iterable[Step[S, T]]) -> Step[S, T] | None:
        """The first of these steps whose endpoint answers, or the probe of an endpoint that is not known to."""
        silent: dict[Endpoint, list[Step[S, T]]] = {}
        for step in steps:
            if step.endpoint.answers or not (step.is_awaited or step.endpoint in self._awaited_endpoints):
                return step
            if step.is_awaited and self._may_start(step) and step.endpoint not in self._probes:
                silent.setdefault(step.endpoint, []).append(step)
        for endpoint, candidates in silent.items():
            operation = endpoint.next_probe(self._runner, list(dict.fromkeys(step.operation for step in candidates)))
            if operation is not None:
                probe = next(step for step in candidates if step.operation == operation)
                self._probes[endpoint] = probe, Wait(self._exclusive_seconds, self._runner.monotonic)
                return probe
        return None

    def _release(self, endpoint: Endpoint) -> None:
        del self._probes[endpoint]
        endpoint.release(self._runner)
