"""Work side by side in real threads. What a test waits for is an event, so nothing here depends on how fast it runs."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from threading import Event, Lock, get_ident
from threading import enumerate as all_threads

import pytest

from datadog_checks.amazon_ses.runner import IN_FLIGHT, WIDTH, Runner, Step, Work

LONG = 60.0
"""Seconds that are never used up: a run ends because its steps are done, or by `Patience`."""


class Patience:
    """A clock by which the deadline of a run comes when so many results have come; None: never."""

    def __init__(self) -> None:
        self.results: int | None = None
        self._asked = 0

    def __call__(self) -> float:
        # A run asks once for its deadline and once before each result.
        self._asked += 1
        return 2 * LONG if self.results is not None and self._asked > self.results + 1 else 0.0

    def until(self, results: int | None) -> None:
        self.results, self._asked = results, 0


class Steps:
    """Steps that note what they do, and hang while they are told to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.begun: dict[str, list[int]] = defaultdict(list)
        self.ended: dict[str, list[int]] = defaultdict(list)
        self.workers: dict[str, set[int]] = defaultdict(set)
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0
        self.released = Event()
        self.full = Event()
        self.wait_for = 0

    def step(self, key: str, number: int, hangs: bool = False) -> int:
        with self._lock:
            self.begun[key].append(number)
            self.workers[key].add(get_ident())
            self.running[key] += 1
            self.most[key] = max(self.most[key], self.running[key])
            under_way = self.running.total()
            self.most_in_all = max(self.most_in_all, under_way)
            if self.wait_for and under_way >= self.wait_for:
                self.full.set()
        if hangs:
            self.released.wait(LONG)
        elif self.wait_for:
            # As many as may run together do: each waits for the others.
            self.full.wait(LONG)
        with self._lock:
            self.running[key] -= 1
            self.ended[key].append(number)
        return number

    def work(self, key: str, lead: int, beside: int, hangs: tuple[int, ...] = ()) -> Work[int]:
        """`hangs` are the numbers of the steps that hang; those of the lead come first."""
        steps: list[Step[int]] = [partial(self.step, key, number, number in hangs) for number in range(lead + beside)]
        return Work(steps[:lead], steps[lead:])


def workers() -> list[str]:
    return [one.name for one in all_threads() if one.name == 'amazon_ses']


def join() -> None:
    for thread in all_threads():
        if thread.name == 'amazon_ses':
            thread.join(LONG)
    assert workers() == []


@pytest.fixture
def steps() -> Iterator[Steps]:
    made = Steps()
    yield made
    made.released.set()
    made.full.set()
    join()


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
def runner(patience: Patience) -> Runner:
    return Runner(patience)


@pytest.mark.parametrize(('regions', 'lead', 'beside'), [(1, 0, 0), (1, 3, 0), (1, 0, 1), (33, 2, 3), (100, 1, 0)])
def test_all_steps_are_done_when_there_is_time(
    runner: Runner, steps: Steps, regions: int, lead: int, beside: int
) -> None:
    """However many Regions there are, each of their steps is done once, and what it found is there."""
    work = {f'region-{number}': steps.work(f'region-{number}', lead, beside) for number in range(regions)}
    everything = list(range(lead + beside))
    for _ in range(3):
        results = runner.run(work, LONG)
        assert results.late == ()
        assert {key: sorted(done) for key, done in results.done.items()} == dict.fromkeys(work, everything)
        join()
    assert all(len(begun) == 3 * (lead + beside) for begun in steps.begun.values())


def test_nothing_to_do(runner: Runner) -> None:
    """Without Regions, or without steps, a run ends at once and starts no thread."""
    assert runner.run({}, LONG).done == {}
    results = runner.run({'a': Work([])}, LONG)
    assert (results.done, results.late) == ({'a': []}, ())
    assert workers() == []


def test_first_steps_come_one_after_the_other(runner: Runner, steps: Steps) -> None:
    """The first steps of a Region come in their order and alone, and the others when all of them are done."""
    for number in range(20):
        key = f'region-{number}'
        runner.run({key: steps.work(key, 4, 6), 'other': steps.work('other', 0, 9)}, LONG)
        assert steps.begun[key][:4] == [0, 1, 2, 3]
        assert steps.ended[key][:4] == [0, 1, 2, 3]


def test_without_first_steps_the_first_request_goes_alone(runner: Runner, steps: Steps, patience: Patience) -> None:
    """Where a Region has no first step, its first request shows alone whether it answers, before any other is sent."""
    patience.until(5)
    results = runner.run({'a': steps.work('a', 0, 9, hangs=(0,)), 'b': steps.work('b', 0, 5)}, LONG)
    assert (results.done['a'], results.late) == ([], ('a',))
    assert steps.begun['a'] == [0]


def test_eight_of_a_region_and_thirty_two_in_all(runner: Runner, steps: Steps) -> None:
    """At most 8 requests of a Region are under way at once and 32 in all, and that many are where there is work."""
    steps.wait_for = WIDTH
    # The first step of each Region is alone, so those of 32 Regions fill all there is.
    many = {f'region-{number}': steps.work(f'region-{number}', 0, 20) for number in range(40)}
    assert runner.run(many, LONG).late == ()
    assert steps.most_in_all == WIDTH
    assert max(steps.most.values()) <= IN_FLIGHT


def test_a_region_uses_what_it_may(runner: Runner, steps: Steps) -> None:
    """A Region alone has 8 requests under way, once its first one was answered."""
    lead = steps.work('a', 1, 0).lead
    beside = [partial(steps.step, 'a', number, True) for number in range(1, 21)]

    def let_go() -> int:
        # Seen from another Region: eight are under way, and no more come.
        while steps.running['a'] < IN_FLIGHT:
            time.sleep(0.001)
        steps.released.set()
        return 0

    results = runner.run({'a': Work(lead, beside), 'b': Work([let_go])}, LONG)
    assert results.late == ()
    assert steps.most['a'] == IN_FLIGHT
    assert len(results.done['a']) == 21


def test_a_region_that_hangs_at_first_takes_one_worker(runner: Runner, steps: Steps, patience: Patience) -> None:
    """While the first step of a Region hangs, nothing else of it is begun, and all other Regions are served."""
    work = {f'region-{number}': steps.work(f'region-{number}', 1, 9) for number in range(20)}
    patience.until(200)
    results = runner.run({'hangs': steps.work('hangs', 1, 20, hangs=(0,)), **work}, LONG)
    assert results.late == ('hangs',)
    assert steps.begun['hangs'] == [0] and len(steps.workers['hangs']) == 1
    assert {key: len(done) for key, done in results.done.items()} == {'hangs': 0, **dict.fromkeys(work, 10)}


def test_more_regions_that_hang_than_workers(runner: Runner, steps: Steps, patience: Patience) -> None:
    """When as many Regions hang as there are workers, the run ends by its deadline, and the next serves all others."""
    hanging = {f'hangs-{number}': steps.work(f'hangs-{number}', 1, 3, hangs=(0,)) for number in range(WIDTH)}
    others = {f'region-{number}': steps.work(f'region-{number}', 1, 3) for number in range(WIDTH + 5)}
    patience.until(0)
    first = runner.run({**hanging, 'last': Work([lambda: 0])}, LONG)
    assert set(first.late) == {*hanging, 'last'}
    patience.until(None)
    second = runner.run({**dict.fromkeys(hanging, Work([lambda: 0])), **others}, LONG)
    assert set(second.late) <= set(hanging)
    assert {key: len(second.done[key]) for key in others} == dict.fromkeys(others, 4)


def test_what_was_done_in_time_is_kept(runner: Runner, steps: Steps, patience: Patience) -> None:
    """Of a Region with one request that hangs, what the others found is there, and the Region is told as late."""
    patience.until(6)
    results = runner.run({'a': steps.work('a', 1, 6, hangs=(3,))}, LONG)
    assert sorted(results.done['a']) == [0, 1, 2, 4, 5, 6]
    assert results.late == ('a',)


def test_late_results_are_thrown_away(runner: Runner, steps: Steps, patience: Patience) -> None:
    """What comes after the deadline is seen by no run: neither by the one that asked nor by the next."""
    patience.until(1)
    first = runner.run({'a': steps.work('a', 2, 0, hangs=(1,))}, LONG)
    while steps.begun['a'] != [0, 1]:
        time.sleep(0.001)
    patience.until(None)
    # The next run is under way while the late result comes.
    second = runner.run({'a': Work([lambda: 8]), 'b': Work([lambda: bool(steps.released.set()), lambda: 9])}, LONG)
    join()
    assert steps.ended['a'] == [0, 1]
    assert first.done == {'a': [0]}
    assert (second.done, second.late) == ({'a': [], 'b': [False, 9]}, ('a',))
    patience.until(None)
    assert runner.run({'a': Work([lambda: 7])}, LONG).done == {'a': [7]}


def test_a_region_that_still_runs_is_left_out(runner: Runner, steps: Steps, patience: Patience) -> None:
    """While a worker of a Region is still under way, the Region is not started again and is told as late each time."""
    work = {'a': steps.work('a', 2, 2, hangs=(1,)), 'b': steps.work('b', 1, 2)}
    patience.until(4)
    for runs in range(1, 4):
        results = runner.run(work, LONG)
        assert results.late == ('a',)
        while steps.begun['a'] != [0, 1]:
            time.sleep(0.001)
        assert len(steps.ended['b']) == 3 * runs
        patience.until(None)
    steps.released.set()
    join()
    assert runner.run(work, LONG).late == ()


def test_nothing_is_begun_after_the_deadline(runner: Runner, steps: Steps, patience: Patience) -> None:
    """When a run is over its workers end with the step that they are at: what is asked then would be paid for and
    thrown away."""
    patience.until(1)
    results = runner.run({'slow': steps.work('slow', 1, 30, hangs=tuple(range(1, 31)))}, LONG)
    assert (results.done, results.late) == ({'slow': [0]}, ('slow',))
    steps.released.set()
    join()
    assert len(steps.begun['slow']) <= 1 + IN_FLIGHT


def test_no_thread_stays(runner: Runner, steps: Steps, patience: Patience) -> None:
    """After a run no worker waits for anything, and after one that was late none but those whose step hangs."""
    runner.run({f'region-{number}': steps.work(f'region-{number}', 1, 3) for number in range(50)}, LONG)
    join()
    patience.until(201)
    others = {str(number): steps.work(str(number), 1, 3) for number in range(50)}
    assert runner.run({'a': steps.work('a', 2, 3, hangs=(1,)), **others}, LONG).late == ('a',)
    while len(workers()) > 1:
        time.sleep(0.001)
    assert steps.running['a'] == 1


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_step_that_raises_costs_its_result(runner: Runner, steps: Steps, patience: Patience) -> None:
    """A step that raises against its promise leaves a Region late and not locked: the next run serves it."""

    def raises() -> int:
        raise RuntimeError('a mistake of ours')

    patience.until(3)
    results = runner.run({'a': Work([raises], steps.work('a', 0, 3).beside)}, LONG)
    assert results.late == ('a',)
    join()
    patience.until(None)
    assert runner.run({'a': steps.work('a', 1, 3)}, LONG).late == ()
