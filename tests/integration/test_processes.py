"""Several processes on one host: the Agent, checks by hand beside it, and a second Agent on the same cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from common import (
    ACCOUNT,
    OTHER,
    REGION,
    START,
    Driver,
    MakeDriver,
    StartSimulator,
    instance_of,
    replace_attribute,
    wait_for_workers,
)
from counting_trials import FEW_EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from slow import slow_aws

from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.base.stubs import aggregator as shared_aggregator
from datadog_checks.base.stubs import datadog_agent as agent_stub
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, Standing

pytestmark = pytest.mark.usefixtures('no_waiting')

STEADY = {'regions': [REGION, OTHER], 'collect': ['account', 'cloudwatch'], 'min_collection_interval': 60}
HOUR, MINUTE = 3600, 60
HOST = Path(__file__).resolve().parents[1] / 'agent_process.py'
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())
PAUSED = Scenario(
    'paused later',
    'AWS pauses the account after an hour',
    volume=0.0,
    gauges=(),
    standings=((0.0, Standing()), (float(HOUR), Standing(enforcement_status='SHUTDOWN'))),
)


def put_mails(sim: Simulator, minutes: int, regions: Sequence[str] = (REGION, OTHER)) -> None:
    """One mail a minute in each Region."""
    begin = int(START) // 60 * 60
    for minute in range(minutes):
        for region in regions:
            sim.world.put(ACCOUNT, region, 'Send', begin + 60 * minute, 1)


# Check objects in this process, each with leases of its own, as in a process of its own.


class Host:
    """The processes of one host on one cache, as check objects. Each has its own monotonic clock and leases."""

    def __init__(self, sim: Simulator, clock: Clock, **options: Any) -> None:
        self.sim, self.clock, self.options = sim, clock, options
        self.drivers: list[Driver] = []

    def process(self, cmd_port: object = 5001, **attributes: Any) -> Callable[[], str]:
        """A new process. Returns how to run it."""
        options = {**STEADY, **self.options}
        driver = Driver(self.sim, self.clock, shared_aggregator, instance_of(self.sim, **options), counts_at_once=False)
        driver.check.leases, driver.check.monotonic = Leases(), self.clock
        for name, value in attributes.items():
            setattr(driver.check, name, value)
        self.drivers.append(driver)

        def run() -> str:
            agent_stub._config['cmd_port'] = cmd_port
            return driver.run()

        return run

    def by_hand(self, runs: int = 1, pause: float = 1.0) -> list[str]:
        """`agent check`, whose output reaches nobody. Returns its warnings."""
        run = self.process(cmd_port=0)
        submitted = {name: list(shared_aggregator.metrics(name)) for name in shared_aggregator.metric_names}
        events = list(shared_aggregator.events)
        for _ in range(runs):
            assert run() == ''
            self.clock.advance(pause)
        for name in shared_aggregator.metric_names:
            printed = shared_aggregator.metrics(name)[len(submitted.get(name, [])) :]
            assert not name.endswith('.count') and 'collector.periods' not in name or printed == []
        assert shared_aggregator.events == events
        return list(self.drivers[-1].check.get_warnings())

    def missing(self, region: str = REGION) -> float:
        """How many mails are missing since counting began; less than 0 where some were counted twice."""
        since = self.drivers[0].values('collector.counting_since', region)
        assert len(set(since)) == 1
        return self.drivers[0].cloudwatch_sum('Send', since[0], region=region) - self.drivers[0].total(
            'send.count', region
        )


@contextmanager
def host(minutes: int, scenario: Scenario = QUIET, **options: Any) -> Iterator[Host]:
    shared_aggregator.reset()
    agent_stub.reset()
    clock = Clock(START)
    with Simulator(scenario, clock=clock) as sim:
        put_mails(sim, minutes)
        machine = Host(sim, clock, **options)
        try:
            yield machine
        finally:
            for driver in machine.drivers:
                driver.check.cancel()


def every_minute(host: Host, run: Callable[[], str], minutes: int) -> None:
    for _ in range(minutes):
        assert run() == ''
        host.clock.advance(MINUTE)


def test_the_first_run_of_a_process_shows_everything_but_counts() -> None:
    """The first run of an Agent's process shows gauges and statuses, touches no cache, and says when counts begin; the
    second run counts."""
    with host(120) as machine:
        refused = RuntimeError('failed to read data')

        def refuse(*_: Any) -> str:
            raise refused

        run = machine.process()
        with (
            replace_attribute(agent_stub, 'read_persistent_cache', refuse),
            replace_attribute(agent_stub, 'write_persistent_cache', refuse),
        ):
            assert run() == ''
        driver = machine.drivers[0]
        warnings = driver.check.get_warnings()
        assert [warning for warning in warnings if 'they begin with the next run' in warning] == warnings != []
        assert driver.status('can_connect') == (0, '')
        assert {'quota.utilization', 'account.sending_enabled', 'send'} <= {
            name.removeprefix('amazon_ses.') for name in shared_aggregator.metric_names
        }
        assert driver.values('send.count') == driver.values('collector.counting_since') == []
        assert driver.values('collector.covered_seconds') == []
        assert machine.sim.log.count(operation='ListMetrics') == 0
        machine.clock.advance(29)
        run()
        assert driver.values('collector.counting_since') == driver.check.get_warnings() == []
        machine.clock.advance(1)
        run()
        assert len(driver.values('collector.counting_since')) == 1
        assert driver.check.get_warnings() == []


def test_an_answer_of_the_first_run_is_not_asked_again() -> None:
    """What the first run learned of the SES API is not asked again when counting begins."""
    with host(10, min_collection_interval=40, collect=['account', 'cloudwatch', 'send_statistics']) as machine:
        run = machine.process()
        run()
        machine.clock.advance(30)
        run()
        assert machine.sim.log.count(operation='GetAccount', region=REGION) == 1
        assert machine.sim.log.count(operation='GetSendStatistics', region=REGION) == 1
        assert len(machine.drivers[0].values('quota.max_24_hour')) == 2


@pytest.mark.parametrize('process', [{'counts_at_once': True}, {'_isolated': True}], ids=['alone', 'isolated'])
def test_a_process_that_needs_no_run_before_counts_at_once(process: dict[str, Any]) -> None:
    """A host that is alone, and a process that the Agent made for one run, count in their first run; not by hand."""
    with host(10) as machine:
        machine.process(**process)()
        assert machine.drivers[0].values('collector.counting_since') != []
    with host(10) as machine:
        machine.process(cmd_port=0, **process)()
        assert machine.drivers[0].values('collector.counting_since') == []
        (warning,) = machine.drivers[0].check.get_warnings()
        assert 'started by hand' in warning
        assert agent_stub._cache == {}


@pytest.mark.parametrize('cmd_port', ['', None, 5001, '5001'])
def test_only_a_port_of_zero_says_by_hand(cmd_port: object) -> None:
    """An Agent without the setting counts from its second run on, as one with a port does."""
    with host(20) as machine:
        every_minute(machine, machine.process(cmd_port=cmd_port), 2)
        assert machine.drivers[0].values('collector.counting_since') != []


def test_a_check_by_hand_after_an_outage_takes_nothing() -> None:
    """CloudWatch was denied for two hours; a check by hand before the Agent is restarted costs no count."""
    with host(240) as machine:
        run = machine.process()
        every_minute(machine, run, 20)
        machine.sim.faults.add(Fault('denied', operation='GetMetricData'))
        every_minute(machine, run, 120)
        machine.sim.faults.clear()
        assert any('by hand' in warning for warning in machine.by_hand(runs=2))
        every_minute(machine, machine.process(), 120)
        assert machine.missing() == machine.missing(OTHER) == 0
        assert machine.drivers[0].values('collector.periods_skipped') == []


def test_checks_by_hand_beside_the_agent_take_nothing() -> None:
    """Checks by hand, also long ones, before, beside and after the Agent, cost no count and double nmachine."""
    with host(200) as machine:
        machine.by_hand()
        run = machine.process()
        for _ in range(4):
            every_minute(machine, run, 12)
            machine.by_hand(runs=3, pause=60)
        machine.by_hand(runs=2)
        machine.clock.advance(HOUR)
        machine.by_hand(runs=2)
        every_minute(machine, machine.process(), 100)
        assert machine.missing() == machine.missing(OTHER) == 0


def test_an_event_seen_by_hand_comes_from_the_agent() -> None:
    """AWS pauses the account while the Agent is down: a check by hand sees it, and the Agent's event comes, once."""
    with host(10, PAUSED) as machine:
        every_minute(machine, machine.process(), 30)
        machine.clock.advance(2 * HOUR)
        machine.by_hand(runs=2)
        every_minute(machine, machine.process(), 5)
        events = Counter(event['aggregation_key'].partition(',')[0] for event in shared_aggregator.events)
        paused = [event for event in shared_aggregator.events if 'counting_began' not in event['event_type']]
        assert len(paused) == 2, events
        assert len({event['aggregation_key'] for event in paused}) == 2


@FEW_EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([60, 60, 300, 1500])), min_size=4, max_size=24), st.data())
def test_processes_in_any_order_are_exact(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    """Two to five Agents and checks by hand on one cache, in any order, hand over every mail once."""
    with host(60 + sum(pause for _, pause in runs) // 60) as machine:
        agents = [machine.process() for _ in range(data.draw(st.integers(2, 5)))]
        every_minute(machine, agents[0], 3)
        for number, pause in runs:
            machine.clock.advance(pause)
            if number == 4:
                machine.by_hand()
            agents[number % len(agents)]()
        for _ in range(10):
            machine.clock.advance(300)
            for agent in agents:
                agent()
        machine.clock.advance(900)
        every_minute(machine, agents[-1], 2)
        assert machine.missing() == machine.missing(OTHER) == 0
        assert machine.drivers[0].values('collector.periods_unknown') == []


@FEW_EXAMPLES
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([60, 60, 300]), st.sampled_from(['', '', 'hold', 'release'])),
        min_size=4,
        max_size=24,
    )
)
def test_late_answers_beside_another_process_are_exact(runs: list[tuple[int, int, str]]) -> None:
    """While answers of one Agent are under way, others on its cache go on counting: no mail is counted twice, and none
    is missing."""
    with (
        host(60 + sum(pause for _, pause, _ in runs) // 60, read_timeout=60) as machine,
        slow_aws(machine.sim) as slow,
    ):
        agents = [machine.process() for _ in range(3)]
        every_minute(machine, agents[0], 3)
        for driver in machine.drivers:
            slow.slow_down(driver)
        for number, pause, action in runs:
            machine.clock.advance(pause)
            if action == 'hold':
                slow.hold('GetMetricData', text='Send')
            if action == 'release':
                slow.release_all()
                wait_for_workers()
            agents[number]()
        slow.release_all()
        wait_for_workers()
        for _ in range(10):
            machine.clock.advance(300)
            for agent in agents:
                agent()
        machine.clock.advance(900)
        every_minute(machine, agents[-1], 2)
        assert machine.missing() == machine.missing(OTHER) == 0
        assert machine.drivers[0].values('collector.periods_unknown') == []


def test_covered_seconds_tell_several_agents() -> None:
    """One Agent covers 3,600 seconds an hour, and two that count the same cover 7,200, whatever their interval."""
    with host(10, collect=['account']) as machine:
        agents = [machine.process(), machine.process()]
        every_minute(machine, agents[0], 2)
        covered = machine.drivers[0].total('collector.covered_seconds')
        assert covered == 60
        every_minute(machine, agents[0], 60)
        assert machine.drivers[0].total('collector.covered_seconds') == covered + HOUR
        agents[1]()
        for _ in range(60):
            for agent in agents:
                agent()
            machine.clock.advance(MINUTE)
        assert machine.drivers[0].total('collector.covered_seconds') == covered + 3 * HOUR - MINUTE
        machine.clock.advance(HOUR)
        agents[0]()
        # An outage is not covered: two intervals at most.
        assert machine.drivers[0].total('collector.covered_seconds') == covered + 3 * HOUR - MINUTE + 120


def test_isolated_processes_cover_their_time() -> None:
    """With `process_isolation` each run is a process of its own; together they cover the time and count exactly."""
    with host(120) as machine:
        for _ in range(60):
            assert machine.process(_isolated=True)() == ''
            machine.drivers[-1].check.cancel()
            machine.clock.advance(MINUTE)
        assert machine.drivers[0].total('collector.covered_seconds') == HOUR - MINUTE
        machine.clock.advance(HOUR)
        for _ in range(20):
            machine.process(_isolated=True)()
            machine.drivers[-1].check.cancel()
            machine.clock.advance(300)
        assert machine.missing() == 0


def test_a_fresh_state_is_said_once() -> None:
    """Where nothing was saved, counting begins anew: one event and one line in the log, with `counting_since`."""
    with host(60) as machine:
        every_minute(machine, machine.process(), 10)
        began = [event for event in shared_aggregator.events if 'counting_began' in event['event_type']]
        assert [event['alert_type'] for event in began] == ['info', 'info']
        assert '2026-09-21T' in began[0]['msg_text'] and REGION in began[0]['msg_text']
        every_minute(machine, machine.process(), 10)
        assert len(shared_aggregator.events) == 2
        agent_stub._cache.clear()
        every_minute(machine, machine.process(), 10)
        assert len(shared_aggregator.events) == 4
        assert machine.drivers[0].values('collector.periods_skipped') == []


@pytest.mark.parametrize('error', [True, False], ids=['at a read', 'also at a write'])
def test_an_unreadable_file_costs_its_region_the_counts(error: bool) -> None:
    """A cache file of another user costs its Region its counts only. can_connect says which file, in every run, until
    it is repaired; then every mail is counted once."""
    with host(240) as machine:
        agent_stub._config['run_path'] = '/opt/datadog-agent/run'
        read, write = agent_stub.read_persistent_cache, agent_stub.write_persistent_cache
        every_minute(machine, machine.process(), 30)

        def refused(key: str) -> str:
            if f'{OTHER}__1' in key:
                raise RuntimeError('failed to read data')
            return str(read(key))

        def unwritable(key: str, text: str) -> None:
            if error or f'{OTHER}__1' not in key:
                write(key, text)

        counted = machine.drivers[0].total('send.count', OTHER)
        run = machine.process()
        agent_stub._config['run_path'] = '/opt/datadog-agent/run'
        with (
            replace_attribute(agent_stub, 'read_persistent_cache', refused),
            replace_attribute(agent_stub, 'write_persistent_cache', unwritable),
        ):
            every_minute(machine, run, 30)
            driver = machine.drivers[-1]
            level, message = driver.status('can_connect', OTHER)
            assert level == 1
            for word in ('/opt/datadog-agent/run/', f'progress_{ACCOUNT}_{OTHER}__1', 'chown', 'delete the file'):
                assert word in message
            assert driver.status('can_connect', REGION) == (0, '')
            assert driver.total('send.count', OTHER) == counted
            assert driver.last('send', OTHER) == driver.last('send', REGION) == 5
        every_minute(machine, run, 60)
        assert driver.status('can_connect', OTHER) == (0, '')
        every_minute(machine, run, 140)
        assert machine.missing() == machine.missing(OTHER) == 0


# cancel()


def test_cancel_does_not_wait_for_a_write(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, datadog_agent: Any
) -> None:
    """cancel() returns while a run is writing its state. That run submits what it saved, and the next check object,
    which starts at once, counts nothing of it again."""
    sim = start(QUIET)
    put_mails(sim, 120)
    driver = make_driver(sim, **STEADY)
    driver.run_for(1500, 300)
    old, write = driver.check, datadog_agent.write_persistent_cache
    for part in ('writer', '0', '1', 'handed_over', 'handed_over_again'):
        begun, go_on = Event(), Event()

        def slow(key: str, text: str, part: str = part, begun: Event = begun, go_on: Event = go_on) -> None:
            if key.endswith(f'{REGION}__{part}') and not begun.is_set():
                begun.set()
                assert go_on.wait(20)
            write(key, text)

        clock.advance(300)
        old = driver.check
        with replace_attribute(datadog_agent, 'write_persistent_cache', slow):
            thread = Thread(target=old.run)
            thread.start()
            if begun.wait(10 if part not in '01' else 3):
                old.cancel()
            fresh = driver.restart()
            next_run = Thread(target=fresh.run)
            next_run.start()
            next_run.join(1)
            go_on.set()
            thread.join()
            next_run.join()
    driver.run_for(120 * 60, 300)
    for region in (REGION, OTHER):
        since = driver.values('collector.counting_since', region)
        assert set(since) == {since[0]}
        unknown = sum(driver.values('collector.periods_unknown', region))
        missing = driver.cloudwatch_sum('Send', since[0], region=region) - driver.total('send.count', region)
        assert missing == 0 and unknown == 0


def test_nothing_is_submitted_after_a_cancel_before_the_write(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """A run that is cancelled while AWS is asked writes and submits nothing; the next check object counts all of it."""
    sim = start(QUIET)
    put_mails(sim, 60)
    driver = make_driver(sim, **STEADY)
    driver.run_for(1500, 300)
    old = driver.check
    fault = sim.faults.add(Fault('latency', argument=0.5))
    before = driver.total('send.count')
    thread = Thread(target=old.run)
    thread.start()
    while not sim.log.where(operation='GetAccount'):
        pass
    old.cancel()
    thread.join()
    sim.faults.remove(fault)
    assert driver.total('send.count') == before
    driver.restart()
    driver.run_for(7200, 300)
    since = driver.last('collector.counting_since')
    assert driver.total('send.count') == driver.cloudwatch_sum('Send', since)


# Real processes.


class AgentProcess:
    """The check in a process of its own, as tests/agent_process.py drives it."""

    def __init__(self, run_path: Path, instance: dict[str, Any], config: dict[str, Any], **attributes: Any) -> None:
        root = HOST.parents[1]
        environment = {**os.environ, 'PYTHONPATH': f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'}
        arguments = [str(run_path), *map(json.dumps, (instance, config, attributes))]
        self._process = subprocess.Popen(
            [sys.executable, str(HOST), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.counts: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.statuses: list[Any] = []
        self.gauges: set[str] = set()

    def start(self, now: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({'now': now}) + '\n')
        self._process.stdin.flush()

    def finish(self) -> None:
        """Wait for the run, and take what it submitted."""
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        assert answer['error'] == ''
        self.counts.update(answer['counts'])
        self.warnings, self.statuses, self.gauges = answer['warnings'], answer['statuses'], set(answer['gauges'])

    def run(self, now: float) -> None:
        self.start(now)
        self.finish()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize('number', [2, 3, 5])
def test_real_processes_at_once_are_exact_or_reported(
    number: int, start: StartSimulator, clock: Clock, tmp_path: Path
) -> None:
    """Two to five real processes on one cache directory, whose runs start at the same moment: every mail is handed over
    once, or the periods in doubt are reported. A check by hand beside them changes nothing."""
    sim = start(QUIET)
    put_mails(sim, 150)
    instance = instance_of(sim, **STEADY)
    with ExitStack() as stack:
        agents = [AgentProcess(tmp_path, instance, {'cmd_port': 5001}) for _ in range(number)]
        by_hand = AgentProcess(tmp_path, instance, {'cmd_port': 0})
        for process in (*agents, by_hand):
            stack.callback(process.close)
        for step in range(40):
            clock.advance(60 if step < 3 else 300)
            for agent in agents:
                agent.start(clock())
            for agent in agents:
                agent.finish()
            if step % 10 == 5:
                by_hand.run(clock())
                assert by_hand.counts['send.count us-east-1'] == 0
                assert step > 5 or any('started by hand' in warning for warning in by_hand.warnings)
    handed = sum(agent.counts[f'send.count {REGION}'] for agent in agents)
    unknown = sum(agent.counts[f'collector.periods_unknown {REGION}'] for agent in agents)
    truth = sim.world.final_sum(ACCOUNT, REGION, 'Send', start=START, end=clock())
    # Counting begins with the first period after the second run, a minute after the first.
    uncounted = 12
    assert truth - uncounted - 5 * unknown <= handed <= truth + (number - 1) * 5 * unknown
    if not unknown:
        assert handed <= truth
    covered = sum(agent.counts[f'collector.covered_seconds {REGION}'] for agent in agents)
    assert covered > (number - 0.5) * 2 * 37 * 60


def test_a_real_check_by_hand_leaves_no_trace(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """A check by hand as another user, before the Agent's first run, creates no file and no folder in the cache."""
    sim = start(QUIET)
    by_hand = AgentProcess(tmp_path, instance_of(sim, **STEADY), {'cmd_port': 0})
    try:
        for _ in range(3):
            by_hand.run(clock.advance(60))
        assert list(tmp_path.iterdir()) == []
        assert {'quota.utilization', 'can_connect'} <= by_hand.gauges
        assert not any(name.startswith('send.count') for name in by_hand.counts)
    finally:
        by_hand.close()


def test_the_file_that_is_named_is_the_file(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """The file that can_connect names when it cannot be read is the one in the cache folder."""
    agent = AgentProcess(tmp_path, instance_of(start(QUIET), **STEADY), {'cmd_port': 5001})
    try:
        for _ in range(3):
            agent.run(clock.advance(300))
        (mark,) = tmp_path.glob(f'amazon_ses/*{OTHER}*writer')
        mark.unlink()
        # Whoever runs the tests, a folder cannot be read as a file.
        mark.mkdir()
        agent.run(clock.advance(300))
        (message,) = [text for name, level, text, _ in agent.statuses if name == 'can_connect' and level == 1]
        assert f'{mark} cannot be read' in message
        mark.rmdir()
        agent.run(clock.advance(300))
        assert [level for name, level, _, _ in agent.statuses if name == 'can_connect'] == [0, 0]
    finally:
        agent.close()


def test_a_folder_of_another_user_is_named(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """Where the cache folder cannot be used at all, can_connect names the file, and gauges go on."""
    (tmp_path / 'amazon_ses').write_text('in the way of the folder')
    agent = AgentProcess(tmp_path, instance_of(start(QUIET), **STEADY), {'cmd_port': 5001})
    try:
        for _ in range(3):
            agent.run(clock.advance(60))
        messages = [message for name, level, message, _ in agent.statuses if name == 'can_connect' and level == 1]
        assert len(messages) == 2 and all(str(tmp_path / 'amazon_ses') in message for message in messages)
        assert 'quota.utilization' in agent.gauges
    finally:
        agent.close()
