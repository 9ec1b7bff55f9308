"""Steps that run in parallel in real threads. Tests wait for events, so no result depends on speed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from threading import Event, Lock, get_ident
from threading import enumerate as all_threads

import pytest

from datadog_checks.amazon_ses.runner import MAX_STEPS, MAX_STEPS_PER_REGION, Runner, Step, Work

LONG = 60.0
"""Seconds that are never used up: a run ends because its recorder have ended, or because a `ResultClock` expires."""


class ResultClock:
    """A clock that passes the deadline of a run after a number of results; with None it never does."""

    def __init__(self) -> None:
        self.results: int | None = None
        self._readings = 0

    def __call__(self) -> float:
        # A run reads the clock once for its deadline and once before each result.
        self._readings += 1
        return 2 * LONG if self.results is not None and self._readings > self.results + 1 else 0.0

    def expire_after(self, results: int | None) -> None:
        self.results, self._readings = results, 0


class Recorder:
    """Makes recorder that record when they start and end, and that hang until `released`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.started: dict[str, list[int]] = defaultdict(list)
        self.ended: dict[str, list[int]] = defaultdict(list)
        self.threads: dict[str, set[int]] = defaultdict(set)
        self.running: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.total_peak = 0
        self.released = Event()
        self.full = Event()
        self.full_at = 0

    def step(self, region: str, number: int, hangs: bool = False) -> int:
        with self._lock:
            self.started[region].append(number)
            self.threads[region].add(get_ident())
            self.running[region] += 1
            self.peak[region] = max(self.peak[region], self.running[region])
            total = self.running.total()
            self.total_peak = max(self.total_peak, total)
            if self.full_at and total >= self.full_at:
                self.full.set()
        if hangs:
            self.released.wait(LONG)
        elif self.full_at:
            # Each step waits until `full_at` recorder run at once.
            self.full.wait(LONG)
        with self._lock:
            self.running[region] -= 1
            self.ended[region].append(number)
        return number

    def work(self, region: str, first: int, parallel: int, hangs: tuple[int, ...] = ()) -> Work[int]:
        """Work with this many recorder; `hangs` are the numbers of the recorder that hang, counted from the first."""
        recorder: list[Step[int]] = [
            partial(self.step, region, number, number in hangs) for number in range(first + parallel)
        ]
        return Work(recorder[:first], recorder[first:])


def running_threads() -> list[str]:
    return [thread.name for thread in all_threads() if thread.name == 'amazon_ses']


def join_threads() -> None:
    for thread in all_threads():
        if thread.name == 'amazon_ses':
            thread.join(LONG)
    assert running_threads() == []


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.released.set()
    recorder.full.set()
    join_threads()


@pytest.fixture
def clock() -> ResultClock:
    return ResultClock()


@pytest.fixture
def runner(clock: ResultClock) -> Runner:
    return Runner(clock)


@pytest.mark.parametrize(('regions', 'first', 'parallel'), [(1, 0, 0), (1, 3, 0), (1, 0, 1), (33, 2, 3), (100, 1, 0)])
def test_all_steps_run_once_when_there_is_time(
    runner: Runner, recorder: Recorder, regions: int, first: int, parallel: int
) -> None:
    """However many Regions there are, each of their steps runs once, and its result is returned."""
    work = {f'region-{number}': recorder.work(f'region-{number}', first, parallel) for number in range(regions)}
    numbers = list(range(first + parallel))
    for _ in range(3):
        results = runner.run(work, LONG)
        assert results.late == ()
        assert {region: sorted(ended) for region, ended in results.completed.items()} == dict.fromkeys(work, numbers)
        join_threads()
    assert all(len(started) == 3 * len(numbers) for started in recorder.started.values())


def test_a_run_without_steps_ends_at_once(runner: Runner) -> None:
    """Without Regions, or without steps, a run ends at once and starts no thread."""
    assert runner.run({}, LONG).completed == {}
    results = runner.run({'a': Work([])}, LONG)
    assert (results.completed, results.late) == ({'a': []}, ())
    assert running_threads() == []


def test_first_steps_run_one_at_a_time(runner: Runner, recorder: Recorder) -> None:
    """The first steps of a Region run in order, one at a time; the parallel steps start after all of them."""
    for number in range(20):
        region = f'region-{number}'
        runner.run({region: recorder.work(region, 4, 6), 'other': recorder.work('other', 0, 9)}, LONG)
        assert recorder.started[region][:4] == [0, 1, 2, 3]
        assert recorder.ended[region][:4] == [0, 1, 2, 3]


def test_without_first_steps_one_parallel_step_runs_alone_first(
    runner: Runner, recorder: Recorder, clock: ResultClock
) -> None:
    """Without first steps, the first request of a Region must be answered before any other one is sent."""
    clock.expire_after(5)
    results = runner.run({'a': recorder.work('a', 0, 9, hangs=(0,)), 'b': recorder.work('b', 0, 5)}, LONG)
    assert (results.completed['a'], results.late) == ([], ('a',))
    assert recorder.started['a'] == [0]


def test_at_most_eight_steps_of_a_region_and_32_in_all_run_at_once(runner: Runner, recorder: Recorder) -> None:
    """At most 8 requests of a Region and 32 in all run at once, and 32 do run if there is enough work."""
    recorder.full_at = MAX_STEPS
    # Each Region runs one step alone at first, so 32 Regions are needed to run 32 steps.
    work = {f'region-{number}': recorder.work(f'region-{number}', 0, 20) for number in range(40)}
    assert runner.run(work, LONG).late == ()
    assert recorder.total_peak == MAX_STEPS
    assert max(recorder.peak.values()) <= MAX_STEPS_PER_REGION


def test_a_single_region_runs_eight_steps_at_once(runner: Runner, recorder: Recorder) -> None:
    """A single Region has 8 requests in flight once its first request was answered."""
    first = recorder.work('a', 1, 0).first
    parallel = [partial(recorder.step, 'a', number, True) for number in range(1, 21)]

    def release_when_full() -> int:
        # Runs in another Region: eight steps of `a` are running, and no more start.
        while recorder.running['a'] < MAX_STEPS_PER_REGION:
            time.sleep(0.001)
        recorder.released.set()
        return 0

    results = runner.run({'a': Work(first, parallel), 'b': Work([release_when_full])}, LONG)
    assert results.late == ()
    assert recorder.peak['a'] == MAX_STEPS_PER_REGION
    assert len(results.completed['a']) == 21


def test_regions_take_turns_when_threads_are_few(clock: ResultClock) -> None:
    """Regions take turns when there are fewer threads than steps, so no Region waits for all steps of another."""
    started: list[str] = []
    work = {region: Work([partial(started.append, region)] * 3) for region in ('a', 'b')}
    assert Runner(clock, max_steps=1).run(work, LONG).late == ()
    assert started == ['a', 'b', 'a', 'b', 'a', 'b']


def test_a_region_that_hangs_in_its_first_step_blocks_one_thread(
    runner: Runner, recorder: Recorder, clock: ResultClock
) -> None:
    """While the first step of a Region hangs, no other step of it starts, and all other Regions are served."""
    work = {f'region-{number}': recorder.work(f'region-{number}', 1, 9) for number in range(20)}
    clock.expire_after(200)
    results = runner.run({'hangs': recorder.work('hangs', 1, 20, hangs=(0,)), **work}, LONG)
    assert results.late == ('hangs',)
    assert recorder.started['hangs'] == [0] and len(recorder.threads['hangs']) == 1
    assert {region: len(ended) for region, ended in results.completed.items()} == {
        'hangs': 0,
        **dict.fromkeys(work, 10),
    }


def test_as_many_hanging_regions_as_threads_delay_one_run_only(
    runner: Runner, recorder: Recorder, clock: ResultClock
) -> None:
    """If as many Regions hang as there are threads, the run ends at its deadline, and the next serves all others."""
    hanging = {f'hangs-{number}': recorder.work(f'hangs-{number}', 1, 3, hangs=(0,)) for number in range(MAX_STEPS)}
    served = {f'region-{number}': recorder.work(f'region-{number}', 1, 3) for number in range(MAX_STEPS + 5)}
    clock.expire_after(0)
    first = runner.run({**hanging, 'last': Work([lambda: 0])}, LONG)
    assert set(first.late) == {*hanging, 'last'}
    clock.expire_after(None)
    second = runner.run({**dict.fromkeys(hanging, Work([lambda: 0])), **served}, LONG)
    assert set(second.late) <= set(hanging)
    assert {region: len(second.completed[region]) for region in served} == dict.fromkeys(served, 4)


def test_results_before_the_deadline_are_returned(runner: Runner, recorder: Recorder, clock: ResultClock) -> None:
    """If one request of a Region hangs, the results of its other requests are returned, and the Region is late."""
    clock.expire_after(6)
    results = runner.run({'a': recorder.work('a', 1, 6, hangs=(3,))}, LONG)
    assert sorted(results.completed['a']) == [0, 1, 2, 4, 5, 6]
    assert results.late == ('a',)


def test_late_results_are_discarded(runner: Runner, recorder: Recorder, clock: ResultClock) -> None:
    """A result that comes after the deadline is returned neither by its run nor by the next one."""
    clock.expire_after(1)
    first = runner.run({'a': recorder.work('a', 2, 0, hangs=(1,))}, LONG)
    while recorder.started['a'] != [0, 1]:
        time.sleep(0.001)
    clock.expire_after(None)
    # The late result comes during the next run.
    second = runner.run({'a': Work([lambda: 8]), 'b': Work([lambda: bool(recorder.released.set()), lambda: 9])}, LONG)
    join_threads()
    assert recorder.ended['a'] == [0, 1]
    assert first.completed == {'a': [0]}
    assert (second.completed, second.late) == ({'a': [], 'b': [False, 9]}, ('a',))
    clock.expire_after(None)
    assert runner.run({'a': Work([lambda: 7])}, LONG).completed == {'a': [7]}


def test_a_region_with_a_hanging_step_is_left_out_of_later_runs(
    runner: Runner, recorder: Recorder, clock: ResultClock
) -> None:
    """While a step of a Region hangs, later runs do not start the Region and report it as late."""
    work = {'a': recorder.work('a', 2, 2, hangs=(1,)), 'b': recorder.work('b', 1, 2)}
    clock.expire_after(4)
    for runs in range(1, 4):
        results = runner.run(work, LONG)
        assert results.late == ('a',)
        while recorder.started['a'] != [0, 1]:
            time.sleep(0.001)
        assert len(recorder.ended['b']) == 3 * runs
        clock.expire_after(None)
    recorder.released.set()
    join_threads()
    assert runner.run(work, LONG).late == ()


def test_no_step_starts_after_the_deadline(runner: Runner, recorder: Recorder, clock: ResultClock) -> None:
    """After the deadline each thread ends with its current step: later answers would be billed and discarded."""
    clock.expire_after(1)
    results = runner.run({'slow': recorder.work('slow', 1, 30, hangs=tuple(range(1, 31)))}, LONG)
    assert (results.completed, results.late) == ({'slow': [0]}, ('slow',))
    recorder.released.set()
    join_threads()
    assert len(recorder.started['slow']) <= 1 + MAX_STEPS_PER_REGION


def test_only_threads_of_hanging_steps_outlive_a_run(runner: Runner, recorder: Recorder, clock: ResultClock) -> None:
    """After a run no threads remain, except those whose step hangs."""
    runner.run({f'region-{number}': recorder.work(f'region-{number}', 1, 3) for number in range(50)}, LONG)
    join_threads()
    clock.expire_after(201)
    served = {str(number): recorder.work(str(number), 1, 3) for number in range(50)}
    assert runner.run({'a': recorder.work('a', 2, 3, hangs=(1,)), **served}, LONG).late == ('a',)
    while len(running_threads()) > 1:
        time.sleep(0.001)
    assert recorder.running['a'] == 1


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_step_that_raises_loses_only_its_result(runner: Runner, recorder: Recorder, clock: ResultClock) -> None:
    """A step that raises, although it must not, makes its Region late; the next run serves the Region."""

    def raises() -> int:
        raise RuntimeError('a mistake of ours')

    clock.expire_after(3)
    results = runner.run({'a': Work([raises], recorder.work('a', 0, 3).parallel)}, LONG)
    assert results.late == ('a',)
    join_threads()
    clock.expire_after(None)
    assert runner.run({'a': recorder.work('a', 1, 3)}, LONG).late == ()
