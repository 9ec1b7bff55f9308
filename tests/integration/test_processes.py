"""Several processes on one host: the Agent, checks by hand beside it, and a second Agent on the same cache."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, replace_attribute, wait_for_workers
from counting_trials import FEW_EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from processes import HOUR, MINUTE, every_minute, host
from slow import slow_aws

from datadog_checks.base.stubs import aggregator as shared_aggregator
from datadog_checks.base.stubs import datadog_agent as agent_stub
from simulator import Fault, series_id
from simulator.scenarios import Scenario, Standing

pytestmark = pytest.mark.usefixtures('no_waiting')

PAUSED = Scenario(
    'paused later',
    'AWS pauses the account after an hour',
    volume=0.0,
    gauges=(),
    standings=((0.0, Standing()), (float(HOUR), Standing(enforcement_status='SHUTDOWN'))),
)


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


def test_the_run_before_the_first_that_counts_asks_for_the_account_only() -> None:
    """A run that does not count asks for no configuration set, and the next one for those that are due."""
    sets = [f'set-{number}' for number in range(30)]
    with host(30, collect=['cloudwatch', 'configuration_sets'], regions=[REGION]) as machine:
        begin = int(machine.clock()) // MINUTE * MINUTE
        for name in sets:
            machine.sim.world.put(ACCOUNT, REGION, series_id('Send', {'ses:configuration-set': name}), begin, 1)
        machine.clock.advance(20 * MINUTE)
        every_minute(machine, machine.process(), 10)
        run, asked = machine.process(), []
        for _ in range(2):
            machine.sim.log.clear()
            assert run() == ''
            requests = machine.sim.log.where(operation='GetMetricData')
            assert requests
            metrics = [query['MetricStat']['Metric'] for each in requests for query in each.params['MetricDataQueries']]
            asked.append({pair['Value'] for metric in metrics for pair in metric.get('Dimensions', ())})
            machine.clock.advance(5 * MINUTE)
        assert not asked[0] and asked[1] and asked[1] <= {*sets}


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


def test_an_old_answer_says_nothing_after_another_process_wrote() -> None:
    """An answer of one Agent is under way while AWS pauses the account and another Agent says so: when the old answer
    comes, nothing has changed, and no event says that the account is healthy again."""
    with host(10, PAUSED, read_timeout=60) as machine, slow_aws(machine.sim) as slow:
        agents = [machine.process() for _ in range(2)]
        for _ in range(40):
            for agent in agents:
                agent()
            machine.clock.advance(MINUTE)
        slow.slow_down(machine.drivers[0])
        hold = slow.hold('GetAccount')
        agents[0]()
        assert hold.number == 2
        machine.clock.advance(HOUR)
        hold.release()
        wait_for_workers()
        agents[1]()
        before = len(shared_aggregator.events)
        agents[0]()
        assert before > 2 and len(shared_aggregator.events) == before


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
