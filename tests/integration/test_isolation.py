"""Promise P3: A failing Region or source leaves the others as they are."""

from __future__ import annotations

from common import ACCOUNT, OTHER, REGION, START, MakeDriver, StartSimulator, metric_names, wait_for_workers

from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario

OK, WARNING, CRITICAL, UNKNOWN = range(4)
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())
STEADY = {'collect': ['account', 'cloudwatch']}


def test_a_denied_region_leaves_the_other_alone(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When one Region is denied, it is CRITICAL there, and the other submits the same as without it."""
    alone = make_driver(account_id=ACCOUNT, region=REGION, ledger='alone', tags=['who:alone'], **STEADY)
    both = make_driver(account_id=ACCOUNT, regions=[REGION, OTHER], tags=['who:both'], **STEADY)
    sim.deny('*', region=OTHER)
    for _ in range(15):
        assert alone.run() == ''
        assert both.run() == ''
        clock.advance(60)
    assert both.status('can_connect', OTHER)[0] == CRITICAL
    assert both.status('can_connect', REGION) == (OK, '')
    for name in ('send.count', 'send', 'quota.utilization', 'reputation.bounce_rate', 'can_connect'):
        expected = alone.values(name, REGION, 'who:alone')
        assert expected
        assert both.values(name, REGION, 'who:both') == expected
        assert name == 'can_connect' or both.values(name, OTHER) == []


def test_a_hanging_region_leaves_the_other_alone(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When one Region hangs, the run ends at its deadline with the other Region, and omits it until its worker ends."""
    driver = make_driver(
        account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.5, read_timeout=1.5, min_collection_interval=1,
        **STEADY,
    )  # fmt: skip
    driver.run_for(900, 300)
    fault = sim.faults.add(Fault('hang', region=OTHER))
    counted = driver.total('send.count', OTHER)
    requests_before = sim.log.count(operation='GetAccount', region=OTHER)
    driver.new_values()
    # Two requests with two tries of 1.5 s each are more than the 2 s of the deadline.
    assert driver.run() == ''
    assert {name for name, tags in driver.new_values() if f'region:{REGION}' in tags} >= {'send', 'send.count'}
    level, message = driver.status('can_connect', OTHER)
    assert level == WARNING
    assert 'run: timeout: this Region did not answer within the run.' in message
    assert driver.status('can_connect', REGION) == (OK, '')

    # The worker still waits, so the Region is omitted: AWS gets only the two tries of that worker.
    clock.advance(300)
    driver.run()
    assert driver.total('send.count', OTHER) == counted
    sim.faults.remove(fault)
    wait_for_workers()
    assert sim.log.count(operation='GetAccount', region=OTHER) == requests_before + 2
    clock.advance(300)
    assert driver.run() == ''
    assert driver.status('can_connect', OTHER) == (OK, '')
    assert driver.total('send.count', OTHER) > counted


def test_an_answer_after_the_deadline_is_discarded(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """An answer after the run's deadline counts nothing; the next answer counts every amount once."""
    sim = start(QUIET)
    minute = int(START) // 60 * 60
    for number in range(200):
        sim.world.put(ACCOUNT, OTHER, 'Send', minute + 60 * number, 1)
    driver = make_driver(
        sim, account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.1, read_timeout=1.5,
        min_collection_interval=1, **STEADY,
    )  # fmt: skip
    driver.run_for(900, 300)
    # 1 s for each of two requests: GetAccount is answered in time, GetMetricData after the deadline of 1.6 s.
    fault = sim.faults.add(Fault('latency', region=OTHER, argument=1.0))
    counted = driver.total('send.count', OTHER)
    requests_before = sim.log.count(operation='GetMetricData', region=OTHER)
    assert driver.run() == ''
    wait_for_workers()
    assert sim.log.count(operation='GetMetricData', region=OTHER) == requests_before + 1
    sim.faults.remove(fault)
    assert driver.total('send.count', OTHER) == counted
    assert 'run: timeout' in driver.status('can_connect', OTHER)[1]
    clock.advance(300)
    driver.run()
    since = driver.last('collector.counting_since', OTHER)
    assert driver.total('send.count', OTHER) == driver.cloudwatch_sum('Send', since, clock() + 60, OTHER)


def test_a_failing_source_leaves_the_others_alone(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A missing permission costs one feature only, and the message names its action."""
    metrics_by_action = {
        'ses:GetAccount': {'account.enforcement_level', 'account.production_access'},
        'cloudwatch:GetMetricData': {'send', 'reputation.bounce_rate', 'quota.send_rate'},
        'ses:GetSendStatistics': {'send_statistics.bounces'},
        'cloudwatch:ListMetrics': set(),
    }
    everything = set().union(*metrics_by_action.values()) | {'quota.max_24_hour', 'account.sending_enabled'}
    for number, (action, missing) in enumerate(metrics_by_action.items()):
        sim.allow()
        sim.deny(action)
        driver = make_driver(ledger=f'number-{number}')
        driver.run_for(900, 60)
        driver.new_values()
        driver.run()
        submitted = metric_names(driver.new_values())
        assert everything - submitted == missing, action
        level, message = driver.status('can_connect')
        assert level == WARNING
        assert f'Allow the IAM action {action};' in message
        driver.check.cancel()
        clock.advance(300)
