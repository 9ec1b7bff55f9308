"""Steps in real threads. Tests wait for events, never for a time, so no result depends on speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event, Lock, Thread, current_thread
from threading import enumerate as all_threads
from typing import Any

import pytest

from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.proxies import Proxies
from datadog_checks.amazon_ses.endpoints import Endpoint, endpoint_of
from datadog_checks.amazon_ses.runner import (
    MAX_STEPS,
    MAX_STEPS_PER_REGION,
    MAX_THREADS,
    SHARED_STEPS,
    Places,
    Results,
    Runner,
    Step,
    Wait,
)
from datadog_checks.amazon_ses.threads import BUSY, Threads

LONG = 60.0
"""Seconds that are never used up: a wait ends because its steps have ended, or because a test turns the clock."""

Name = Hashable


class TurnedClock:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def silent() -> Endpoint:
    """An endpoint that is not known to answer."""
    return Endpoint()


def answering() -> Endpoint:
    endpoint = Endpoint()
    endpoint.end_answered()
    return endpoint


class Recorder:
    """Makes steps that record when they start and end, and runs them.

    Names of steps that begin with `hangs` hang until they are released. While `barrier` is set, others meet there.
    """

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.started: list[Name] = []
        self.running: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.total_peak = 0
        self.barrier: Barrier | None = None
        self.endpoint = answering()
        self._lock = Lock()
        self._threads: dict[Name, Thread] = {}
        self._has_started: dict[Name, Event] = {}
        self._released: dict[Name, Event] = {}

    def step(
        self, name: Name, region: str = 'a', operation: str = 'Op', endpoint: Endpoint | None = None
    ) -> Step[Name, Name]:
        self._has_started[name] = Event()
        self._released[name] = Event()
        perform = partial(self._perform, name, region)
        return Step(name, name, region, operation, endpoint or self.endpoint, perform)

    def run(
        self, runner: Runner[Name, Name], steps: Sequence[Step[Name, Name]], hanging: Iterable[Name] = (), **more: Any
    ) -> Results[Name, Name]:
        """Run steps. Where some hang, the wait is used up once these have started and those of `ends` have ended; by
        default those are all steps that do not hang."""
        hanging = list(hanging)
        if hanging:
            ends = more.get('ends', [step.identity for step in steps if not _hangs(step.identity)])
            Thread(target=self._use_up, args=(runner, hanging, ends), daemon=True).start()
        return runner.run(steps, Wait(LONG, self.clock), more.get('exclusive_seconds', LONG))

    def end(self, name: Name) -> None:
        """Let a step that hangs end, and wait until it has."""
        self._released[name].set()
        self._threads[name].join(LONG)

    def end_all(self) -> None:
        for released in self._released.values():
            released.set()
        for thread in all_threads():
            if thread.name == BUSY:
                thread.join(LONG)
        assert threads() == 0

    def wait_for(self, name: Name) -> None:
        self._has_started[name].wait(LONG)

    def _use_up(self, runner: Runner[Name, Name], hanging: Iterable[Name], ends: Iterable[Name]) -> None:
        for name in (*hanging, *ends):
            self.wait_for(name)
        for name in ends:
            self._threads[name].join(LONG)
        self.clock.now += LONG
        runner.wake()

    def _perform(self, name: Name, region: str) -> Name:
        with self._lock:
            self.started.append(name)
            self._threads[name] = current_thread()
            self.running[region] += 1
            self.peak[region] = max(self.peak[region], self.running[region])
            self.total_peak = max(self.total_peak, self.running.total())
        self._has_started[name].set()
        if _hangs(name):
            self._released[name].wait(LONG)
        elif self.barrier:
            self.barrier.wait(LONG)
        with self._lock:
            self.running[region] -= 1
        return name


def _hangs(name: Name) -> bool:
    return str(name).startswith('hangs')


def new_runner(clock: TurnedClock, **options: Any) -> Runner[Name, Name]:
    """A runner whose threads end with their step, so that a test can wait for a step."""
    return Runner(clock, daemons=Threads(most_idle=0), **options)


def threads() -> int:
    return sum(thread.name == BUSY for thread in all_threads())


def results_of(results: Results[Name, Name]) -> list[Name]:
    return [finished.result for finished in results.finished]


def operations(results: Results[Name, Name]) -> list[str]:
    return [step.operation for step in results.under_way]


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def recorder(clock: TurnedClock) -> Iterator[Recorder]:
    recorder = Recorder(clock)
    yield recorder
    recorder.end_all()


@pytest.fixture
def runner(clock: TurnedClock) -> Runner[Name, Name]:
    return new_runner(clock)


@pytest.mark.parametrize(('regions', 'steps'), [(1, 0), (1, 1), (1, 30), (33, 5), (100, 1)])
def test_all_steps_run_once_when_there_is_time(
    runner: Runner[Name, Name], recorder: Recorder, regions: int, steps: int
) -> None:
    """However many Regions there are, each of their steps runs once in a run, and its result is returned."""
    names = [(f'region-{region}', number) for region in range(regions) for number in range(steps)]
    for _ in range(3):
        results = recorder.run(runner, [recorder.step(name, str(name[0])) for name in names])
        assert sorted(results_of(results)) == sorted(names)
        assert (results.under_way, results.not_started, runner.collect()) == ([], [], [])
    assert Counter(recorder.started) == dict.fromkeys(names, 3)


def test_a_run_without_steps_ends_at_once(runner: Runner[Name, Name]) -> None:
    """Without steps a run ends at once and starts no thread."""
    assert runner.run([], Wait(LONG, lambda: 0.0), LONG).finished == []
    assert threads() == 0


def test_on_an_endpoint_that_answers_all_steps_start_at_once(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """On an endpoint that answers, 24 requests of a Region are sent at once: each one waits here for the others."""
    recorder.barrier = Barrier(MAX_STEPS_PER_REGION)
    results = recorder.run(runner, [recorder.step(number) for number in range(MAX_STEPS_PER_REGION)])
    assert len(results.finished) == MAX_STEPS_PER_REGION


def test_at_most_24_steps_of_a_region_and_40_in_all_run_at_once(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """At most 24 requests of a Region and 40 in all run at once, and 40 do run if there is enough work."""
    recorder.barrier = Barrier(MAX_STEPS + SHARED_STEPS)
    names = [(str(region), number) for region in range(10) for number in range(40)]
    results = recorder.run(runner, [recorder.step(name, name[0]) for name in names])
    assert len(results.finished) == 400
    assert recorder.total_peak == MAX_STEPS + SHARED_STEPS == 40
    assert max(recorder.peak.values()) <= MAX_STEPS_PER_REGION == 24


def test_the_four_runs_of_an_agent_have_64_requests_at_once(recorder: Recorder, clock: TurnedClock) -> None:
    """Four runs at a time have 64 requests together, 8 of them each at least, also while another one hangs; what ends
    makes room for the others."""
    places = Places(SHARED_STEPS)
    runners: list[Runner[Name, Name]] = [new_runner(clock, shared_places=places) for _ in range(4)]
    recorder.barrier = Barrier(4 * MAX_STEPS + SHARED_STEPS)
    steps = [[recorder.step((str(runner), number), str(runner)) for number in range(32)] for runner in range(4)]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(recorder.run, runners, steps))
    assert [len(result.finished) for result in results] == [32] * 4
    assert recorder.total_peak == 4 * MAX_STEPS + SHARED_STEPS == 64


def test_a_run_that_hangs_gives_its_places_back(recorder: Recorder, clock: TurnedClock) -> None:
    """Requests that a run leaves behind hold no place: the next run has as many as before."""
    places = Places(2)
    names = [f'hangs {number}' for number in range(3)]
    recorder.run(new_runner(clock, max_steps=1, shared_places=places), list(map(recorder.step, names)), hanging=names)
    recorder.barrier = Barrier(3)
    results = recorder.run(new_runner(clock, max_steps=1, shared_places=places), list(map(recorder.step, range(3))))
    assert sorted(map(str, results_of(results))) == ['0', '1', '2']


def test_regions_take_turns_when_threads_are_few(recorder: Recorder, clock: TurnedClock) -> None:
    """Regions take turns when there are fewer threads than steps, so no Region waits for all steps of another."""
    steps = [recorder.step(f'{region}{number}', region) for region in 'ab' for number in range(3)]
    recorder.run(new_runner(clock, max_steps=1, shared_places=Places(0)), steps)
    assert recorder.started == ['a0', 'b0', 'a1', 'b1', 'a2', 'b2']


def test_a_run_ends_when_its_wait_is_used_up(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """When a request hangs, the run ends with the results of all others, and says what hangs and for how long."""
    steps = [recorder.step('hangs', operation='GetAccount'), *(recorder.step(number) for number in range(5))]
    results = recorder.run(runner, steps, hanging=['hangs'])
    assert sorted(results_of(results)) == [0, 1, 2, 3, 4]
    assert [(step.subject, step.operation, step.seconds) for step in results.under_way] == [
        ('hangs', 'GetAccount', LONG)
    ]


def test_a_late_result_is_collected_once(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """A result that comes after its run is collected by the next one, once, and not taken for one of its own."""
    recorder.run(runner, [recorder.step('hangs')], hanging=['hangs'])
    assert runner.collect() == []
    recorder.end('hangs')
    assert [finished.result for finished in runner.collect()] == ['hangs']
    assert (runner.collect(), runner.under_way) == ([], [])


def test_a_late_result_that_comes_during_a_run_is_left_to_the_next_one(
    runner: Runner[Name, Name], recorder: Recorder
) -> None:
    """A late result that comes while a later run waits is none of that run's, and the run after it collects it."""
    recorder.run(runner, [recorder.step('hangs')], hanging=['hangs'])
    releasing = Step('b', 'b', 'a', 'Op', recorder.endpoint, partial(recorder.end, 'hangs'))
    results = recorder.run(runner, [releasing, recorder.step('c')])
    assert sorted(str(finished.subject) for finished in results.finished) == ['b', 'c']
    assert [finished.subject for finished in runner.collect()] == ['hangs']


def test_what_is_under_way_is_not_started_again(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """A request that is under way is not sent again by later runs; once it has ended it is."""
    hangs = recorder.step('hangs')
    recorder.run(runner, [hangs], hanging=['hangs'])
    for _ in range(3):
        results = recorder.run(runner, [hangs, recorder.step('b')])
        assert (results_of(results), operations(results)) == (['b'], ['Op'])
    assert recorder.started.count('hangs') == 1
    recorder.end('hangs')
    runner.collect()
    recorder.run(runner, [hangs])
    assert recorder.started.count('hangs') == 2


def test_a_run_does_not_wait_for_what_earlier_runs_left_behind(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """A run ends with its own steps, however many of earlier runs hang."""
    recorder.run(runner, [recorder.step(f'hangs {number}') for number in range(5)], [f'hangs {n}' for n in range(5)])
    assert results_of(runner.run([], Wait(LONG, recorder.clock), LONG)) == []
    assert results_of(recorder.run(runner, [recorder.step('b')])) == ['b']
    assert len(runner.under_way) == 5


def test_what_is_left_behind_uses_up_no_limit_of_later_runs(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """After 8 requests of a Region hang, a later run still sends 8 of that Region at once."""
    first = [f'hangs {number}' for number in range(MAX_STEPS_PER_REGION)]
    recorder.run(runner, [recorder.step(name) for name in first], hanging=first)
    recorder.barrier = Barrier(MAX_STEPS_PER_REGION)
    assert len(recorder.run(runner, [recorder.step(number) for number in range(24)]).finished) == 24


def test_threads_are_bounded_however_many_runs_hang(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """Runs whose every request hangs never have more than 128 threads; what was not sent is reported, and the run
    after they have ended sends it."""
    most, results = 0, None
    for number in range(6):
        names = [f'hangs {number}.{place}' for place in range(32)]
        steps = [recorder.step(name, region=str(place % 8)) for place, name in enumerate(names)]
        results = recorder.run(runner, steps, hanging=names if number < 4 else ())
        most = max(most, threads())
    assert most == MAX_THREADS == len(runner.under_way)
    assert results is not None and len(results.not_started) == 32
    recorder.end_all()
    assert len(runner.collect()) == MAX_THREADS
    assert results_of(recorder.run(runner, [recorder.step('b')])) == ['b']


def test_what_could_not_start_in_time_is_dropped(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """Requests that were not sent before the wait was used up are reported, and not sent by themselves later on."""
    names = [f'hangs {number}' for number in range(30)]
    results = recorder.run(runner, [recorder.step(name) for name in names], hanging=names[:24])
    assert results.not_started == names[24:]
    recorder.end_all()
    assert results_of(recorder.run(runner, [recorder.step('b')])) == ['b']
    assert recorder.started == [*names[:24], 'b']


def test_a_clock_that_stands_still_makes_no_run_endless(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """A run ends after the real time of its wait too, whatever the monotonic clock says."""
    results = runner.run([recorder.step('hangs')], Wait(0.05, lambda: 0.0), LONG)
    assert operations(results) == ['Op']


def test_one_wait_serves_several_runs(runner: Runner[Name, Name], recorder: Recorder, clock: TurnedClock) -> None:
    """What one run has used up of a wait, the next run does not have: it sends nothing, and says so."""
    wait = Wait(10.0, clock)
    assert 0.0 < wait.seconds <= 10.0
    clock.now += 10.0
    results = runner.run([recorder.step('a')], wait, LONG)
    assert (results.finished, results.under_way, results.not_started) == ([], [], ['a'])


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_step_that_raises_loses_only_its_result(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """A step that raises, although it must not, costs its own result; the next run starts it again."""

    def raises() -> Name:
        raise RuntimeError('a mistake of ours')

    step = Step('raises', 'raises', 'a', 'Op', recorder.endpoint, raises)
    for _ in range(2):
        results = recorder.run(runner, [step, recorder.step('b')])
        assert (results_of(results), results.under_way, results.not_started) == (['b'], [], [])


def test_a_silent_endpoint_gets_one_request(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """On an endpoint that never answered, one request goes out in a run, and requests elsewhere are not held up."""
    dead = silent()
    steps = [recorder.step(name, operation=name, endpoint=dead) for name in ('hangs a', 'hangs b', 'hangs c')]
    results = recorder.run(runner, [*steps, recorder.step('elsewhere')], hanging=['hangs a'], ends=['elsewhere'])
    assert operations(results) == ['hangs a']
    assert (results.not_started, results_of(results)) == (['hangs b', 'hangs c'], ['elsewhere'])


def test_operations_take_turns_as_the_probe(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """While an endpoint is silent, each run sends the operation that was sent least recently."""
    dead, names = silent(), ['hangs a', 'hangs b', 'hangs c']
    for turn in range(7):
        expected = names[turn % 3]
        steps = [recorder.step(name, operation=name, endpoint=dead) for name in names]
        recorder.run(runner, steps, hanging=[expected], ends=[])
        assert recorder.started[turn:] == [expected]
        recorder.end(expected)
        runner.collect()


def test_the_first_answer_frees_all_others(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """The first answer on an endpoint frees all requests at once, also while the probe that got it goes on."""
    endpoint = silent()
    probe = recorder.step('hangs', operation='ListMetrics', endpoint=endpoint)

    def answer() -> None:
        recorder.wait_for('hangs')
        assert recorder.started == ['hangs']
        endpoint.end_answered()
        endpoint.wake()

    Thread(target=answer, daemon=True).start()
    waiting_steps = [recorder.step(number, operation='Op', endpoint=endpoint) for number in range(5)]
    results = recorder.run(runner, [probe, *waiting_steps], hanging=['hangs'])
    assert sorted(results_of(results)) == [0, 1, 2, 3, 4]
    assert operations(results) == ['ListMetrics']


def test_a_probe_that_fails_makes_room_for_another_operation(runner: Runner[Name, Name], recorder: Recorder) -> None:
    """Where requests fail at once, each operation is sent once in a run, and not each of its requests."""
    dead = silent()
    names = [('GetAccount', 0), ('GetMetricData', 0), ('GetMetricData', 1), ('GetMetricData', 2), ('ListMetrics', 0)]
    steps = [recorder.step(name, operation=str(name[0]), endpoint=dead) for name in names]
    results = recorder.run(runner, steps)
    assert results_of(results) == [names[0], names[1], names[4]]
    assert results.not_started == [names[2], names[3]]
    assert recorder.total_peak == 1


def test_a_probe_is_exclusive_for_a_time_only(recorder: Recorder, clock: TurnedClock) -> None:
    """Where a run waits for longer than a probe may keep others away, the next operation follows it in the same run."""
    dead, runner = silent(), new_runner(clock)
    steps = [recorder.step(name, operation=name, endpoint=dead) for name in ('hangs a', 'hangs b')]

    def turn() -> None:
        recorder.wait_for('hangs a')
        assert recorder.started == ['hangs a']
        clock.now += 10.0
        runner.wake()

    Thread(target=turn, daemon=True).start()
    recorder.run(runner, steps, hanging=['hangs a', 'hangs b'], exclusive_seconds=10.0)
    assert recorder.started == ['hangs a', 'hangs b']


def test_instances_share_the_probe_of_an_endpoint(recorder: Recorder, clock: TurnedClock) -> None:
    """Two instances on a silent endpoint send one request at a time between them, operations in turn; the first answer
    frees both."""
    endpoint = silent()
    runners = [new_runner(clock) for _ in range(2)]
    steps = [
        [recorder.step(f'hangs {number}.{operation}', operation=operation, endpoint=endpoint) for operation in 'xyz']
        for number in range(2)
    ]
    every = [step.identity for part in steps for step in part]
    waits = [
        Thread(target=recorder.run, args=(runner, part), kwargs={'hanging': every, 'ends': []}, daemon=True)
        for runner, part in zip(runners, steps, strict=True)
    ]
    waits[0].start()
    recorder.wait_for('hangs 0.x')
    waits[1].start()
    while runners[1] not in endpoint._waiting and len(recorder.started) == 1:
        waits[0].join(0.001)
    assert recorder.started == ['hangs 0.x']
    recorder.end('hangs 0.x')
    while len(recorder.started) < 2:
        waits[0].join(0.001)
    assert str(recorder.started[1]).endswith('.y')
    assert recorder.total_peak == 1
    endpoint.end_answered()
    endpoint.wake()
    for wait in waits:
        wait.join(LONG)
    assert sorted(map(str, recorder.started)) == sorted(map(str, every))


def test_one_hanging_operation_says_nothing_about_the_others() -> None:
    """An unanswered request makes an endpoint silent only if nothing was answered on it since the request began."""
    endpoint = answering()
    before = endpoint.begin()
    endpoint.end_answered()
    endpoint.end_unanswered(before)
    assert endpoint.answers
    endpoint.end_unanswered(endpoint.begin())
    assert not endpoint.answers


def network(**options: Any) -> Network:
    return Network(**{'endpoint_urls': {}, 'connect_timeout': 5, 'read_timeout': 15, **options})


def test_instances_share_an_endpoint_that_they_reach_in_the_same_way() -> None:
    """An endpoint is shared by host, Region, proxies and TLS: both versions of SES's API have one."""
    shared = endpoint_of(network(), 'ses', 'us-east-1')
    assert endpoint_of(network(read_timeout=1), 'sesv2', 'us-east-1') is shared
    proxies = Proxies({'https': 'http://proxy:3128'})
    different = [
        endpoint_of(network(), 'ses', 'eu-west-1'),
        endpoint_of(network(), 'cloudwatch', 'us-east-1'),
        endpoint_of(network(use_fips=True), 'ses', 'us-east-1'),
        endpoint_of(network(use_dualstack=True), 'ses', 'us-east-1'),
        endpoint_of(network(verify=False), 'ses', 'us-east-1'),
        endpoint_of(network(proxies=proxies), 'ses', 'us-east-1'),
        endpoint_of(network(endpoint_urls={'ses': 'https://vpce.example'}), 'ses', 'us-east-1'),
    ]
    assert len({id(endpoint) for endpoint in [shared, *different]}) == 8
    same_url = network(endpoint_urls={'ses': 'https://one.example', 'cloudwatch': 'https://one.example'})
    assert endpoint_of(same_url, 'cloudwatch', 'us-east-1') is endpoint_of(same_url, 'ses', 'us-east-1')
