"""What fails stays alone: Regions and sources beside each other."""

from __future__ import annotations

from collections.abc import Callable

from common import ACCOUNT, OTHER, REGION, START, Watch, names, wait_for_workers
from slow import slow_aws

from simulator import Clock, Simulator
from simulator.scenarios import Scenario

Watching = Callable[..., Watch]
OK, WARNING, CRITICAL, UNKNOWN = range(4)
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())
STEADY = {'collect': ['account', 'cloudwatch']}


def test_a_denied_region_leaves_the_other_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where one Region is refused, it is CRITICAL there, and the other has everything it would have alone."""
    alone = watch(account_id=ACCOUNT, region=REGION, ledger='alone', tags=['who:alone'], **STEADY)
    both = watch(account_id=ACCOUNT, regions=[REGION, OTHER], tags=['who:both'], **STEADY)
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


def test_a_hanging_region_leaves_the_other_alone(
    watch: Watching, start: Callable[..., Simulator], clock: Clock
) -> None:
    """Where one Region hangs, runs end with the other's data; what is under way is not asked again, and once it answers
    nothing is missing."""
    sim = start(QUIET)
    for number in range(80):
        for region in (REGION, OTHER):
            sim.world.put(ACCOUNT, region, 'Send', int(START) // 60 * 60 + 60 * number, 1)
    with slow_aws(sim) as slow:
        watching = slow.slow_down(watch(sim, account_id=ACCOUNT, regions=[REGION, OTHER], read_timeout=60, **STEADY))
        watching.through(900, 300)
        operations = ('GetAccount', 'GetMetricData')
        holds = [slow.hold(operation, OTHER) for operation in operations]
        asked = [sim.log.count(operation=operation, region=OTHER) for operation in operations]
        for _ in range(2):
            watching.fresh()
            assert watching.run() == ''
            assert {name for name, tags in watching.fresh() if f'region:{REGION}' in tags} >= {
                'send',
                'quota.max_24_hour',
            }
            level, message = watching.status('can_connect', OTHER)
            assert level == WARNING
            assert all(f'{operation} for ' in message for operation in operations)
            assert watching.status('can_connect', REGION) == (OK, '')
            clock.advance(300)
        assert [sim.log.count(operation=operation, region=OTHER) for operation in operations] == [
            number + 1 for number in asked
        ]
        for hold in holds:
            hold.release()
        wait_for_workers()
        watching.through(5400, 300)
        assert watching.status('can_connect', OTHER) == (OK, '')
        since = watching.last('collector.counting_since', OTHER)
        assert watching.total('send.count', OTHER) == watching.truth('Send', since, region=OTHER) > 50


def test_a_failing_source_leaves_the_others_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Each missing permission costs its own feature alone, and the message names its action."""
    lost = {
        'ses:GetAccount': {'account.enforcement_level', 'account.production_access'},
        'cloudwatch:GetMetricData': {'send', 'reputation.bounce_rate', 'quota.send_rate'},
        'ses:GetSendStatistics': {'send_statistics.bounces'},
        'cloudwatch:ListMetrics': set(),
    }
    everything = set().union(*lost.values()) | {'quota.max_24_hour', 'account.sending_enabled'}
    for number, (action, missing) in enumerate(lost.items()):
        sim.allow()
        sim.deny(action)
        watching = watch(ledger=f'number-{number}')
        watching.through(900, 60)
        watching.fresh()
        watching.run()
        submitted = names(watching.fresh())
        assert everything - submitted == missing, action
        level, message = watching.status('can_connect')
        assert level == WARNING
        assert f'Allow the IAM action {action};' in message
        watching.check.cancel()
        clock.advance(300)
