"""Promise P3: A failing Region or source leaves the others as they are."""

from __future__ import annotations

from common import ACCOUNT, OTHER, REGION, START, MakeDriver, StartSimulator, metric_names, wait_for_workers
from slow import slow_aws

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


def test_a_hanging_region_leaves_the_other_alone(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """Where one Region hangs, runs end with the other's data; what is under way is not asked again, and once it answers
    nothing is missing."""
    sim = start(QUIET)
    for number in range(80):
        for region in (REGION, OTHER):
            sim.world.put(ACCOUNT, region, 'Send', int(START) // 60 * 60 + 60 * number, 1)
    with slow_aws(sim) as slow:
        driver = slow.slow_down(
            make_driver(sim, account_id=ACCOUNT, regions=[REGION, OTHER], read_timeout=60, **STEADY)
        )
        driver.run_for(900, 300)
        operations = ('GetAccount', 'GetMetricData')
        holds = [slow.hold(operation, OTHER) for operation in operations]
        calls = [sim.log.count(operation=operation, region=OTHER) for operation in operations]
        for _ in range(2):
            driver.new_values()
            assert driver.run() == ''
            assert {name for name, tags in driver.new_values() if f'region:{REGION}' in tags} >= {
                'send',
                'quota.max_24_hour',
            }
            level, message = driver.status('can_connect', OTHER)
            assert level == WARNING
            assert all(f'{operation} for ' in message for operation in operations)
            assert driver.status('can_connect', REGION) == (OK, '')
            clock.advance(300)
        assert [sim.log.count(operation=operation, region=OTHER) for operation in operations] == [
            number + 1 for number in calls
        ]
        for hold in holds:
            hold.release()
        wait_for_workers()
        driver.run_for(5400, 300)
        assert driver.status('can_connect', OTHER) == (OK, '')
        since = driver.last('collector.counting_since', OTHER)
        assert driver.total('send.count', OTHER) == driver.cloudwatch_sum('Send', since, region=OTHER) > 50


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
        assert f'Allow the IAM action {action} ' in message
        driver.check.cancel()
        clock.advance(300)


def test_switch_that_is_garbage(make_driver: MakeDriver, sim: Simulator) -> None:
    """A switch in XML that is neither true nor false is malformed: botocore reads it as switched off."""
    sim.deny('ses:GetAccount')
    garbage = '<GetAccountSendingEnabledResponse><GetAccountSendingEnabledResult><Enabled>{}</Enabled>'
    garbage += '</GetAccountSendingEnabledResult></GetAccountSendingEnabledResponse>'
    driver = make_driver(account_id=ACCOUNT, collect=['account'])
    driver.run()
    for text, levels in (('no idea', {3}), ('', {3}), ('true', {3}), ('false', {2})):
        fault = sim.faults.add(Fault('garbage', operation='GetAccountSendingEnabled', argument=garbage.format(text)))
        driver.restart()
        for _ in range(2):
            driver.run()
            driver.clock.advance(60)
        assert driver.status('sending_status')[0] in levels
        malformed = 'GetAccountSendingEnabled: malformed' in driver.status('can_connect')[1]
        assert malformed is (text in ('no idea', '')), text
        sim.faults.remove(fault)
        driver.clock.advance(300)
