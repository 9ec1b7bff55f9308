"""What fails stays alone: Regions and sources beside each other."""

from __future__ import annotations

from collections.abc import Callable

from common import ACCOUNT, OTHER, REGION, START, Watch, names, wait_for_workers

from simulator import Clock, Fault, Simulator
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


def test_a_hanging_region_leaves_the_other_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where one Region hangs, the run ends at its deadline with the other's data, and leaves it out until it ends."""
    watching = watch(
        account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.5, read_timeout=1.5, min_collection_interval=1,
        **STEADY,
    )  # fmt: skip
    watching.through(900, 300)
    fault = sim.faults.add(Fault('hang', region=OTHER))
    counted = watching.total('send.count', OTHER)
    asked = sim.log.count(operation='GetAccount', region=OTHER)
    watching.fresh()
    # Two requests with two tries of 1.5 s each are more than the 2 s of the deadline.
    assert watching.run() == ''
    assert {name for name, tags in watching.fresh() if f'region:{REGION}' in tags} >= {'send', 'send.count'}
    level, message = watching.status('can_connect', OTHER)
    assert level == WARNING
    assert 'run: timeout: this Region did not answer within the run.' in message
    assert watching.status('can_connect', REGION) == (OK, '')

    # The worker still waits, so the Region is left out: two tries of that one worker are all that is asked.
    clock.advance(300)
    watching.run()
    assert watching.total('send.count', OTHER) == counted
    sim.faults.remove(fault)
    wait_for_workers()
    assert sim.log.count(operation='GetAccount', region=OTHER) == asked + 2
    clock.advance(300)
    assert watching.run() == ''
    assert watching.status('can_connect', OTHER) == (OK, '')
    assert watching.total('send.count', OTHER) > counted


def test_a_late_answer_is_thrown_away(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """An answer that comes after the run's deadline counts nothing; the next one counts it all, once."""
    sim = start(QUIET)
    minute = int(START) // 60 * 60
    for number in range(200):
        sim.world.put(ACCOUNT, OTHER, 'Send', minute + 60 * number, 1)
    watching = watch(
        sim, account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.1, read_timeout=1.5,
        min_collection_interval=1, **STEADY,
    )  # fmt: skip
    watching.through(900, 300)
    # 1 s for each of two requests: GetAccount is answered in time, GetMetricData after the deadline of 1.6 s.
    fault = sim.faults.add(Fault('latency', region=OTHER, argument=1.0))
    counted, asked = watching.total('send.count', OTHER), sim.log.count(operation='GetMetricData', region=OTHER)
    assert watching.run() == ''
    wait_for_workers()
    assert sim.log.count(operation='GetMetricData', region=OTHER) == asked + 1
    sim.faults.remove(fault)
    assert watching.total('send.count', OTHER) == counted
    assert 'run: timeout' in watching.status('can_connect', OTHER)[1]
    clock.advance(300)
    watching.run()
    since = watching.last('collector.counting_since', OTHER)
    assert watching.total('send.count', OTHER) == watching.truth('Send', since, clock() + 60, OTHER)


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
