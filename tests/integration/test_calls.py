"""What a run asks of AWS, how often, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from common import REGION, Watch, names

from simulator import Clock, Fault, Simulator
from simulator.scenarios import Family, Scenario

Watching = Callable[..., Watch]
HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}
STEADY = {'collect': ['account', 'cloudwatch']}


@pytest.mark.parametrize('phase', [0.3, 140.0])
@pytest.mark.parametrize('step', [15.0, 60.0, 59.9])
def test_steady_runs_ask_as_often_as_something_can_be_new(
    watch: Watching, sim: Simulator, clock: Clock, step: float, phase: float
) -> None:
    """One Region costs one GetAccount a minute and one GetMetricData in five, whatever the Agent's cycle, no more."""
    watching = watch(**STEADY)
    # The slots of an instance are shifted, so their beginning is looked for: the first run that asks again.
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(5)
        watching.run()
    clock.advance(300 + phase)
    watching.run()
    begun, sim_log = clock(), sim.log
    sim_log.clear()
    for _ in range(int(HOUR // step)):
        clock.advance(step)
        assert watching.run() == ''
    elapsed = clock() - begun
    asked = sim_log.operations()
    assert set(asked) == {'GetAccount', 'GetMetricData'}
    assert asked['GetAccount'] == round(elapsed / 60)
    assert asked['GetMetricData'] == round(elapsed / 300)
    for operation, every in (('GetAccount', 60), ('GetMetricData', 300)):
        times = [one.time for one in sim_log.where(operation=operation)]
        assert all(later - earlier >= every / 2 for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.parametrize('second', [0.3, 10.3, 290.3, 299.9])
def test_early_runs_do_not_ask_twice(watch: Watching, sim: Simulator, clock: Clock, second: float) -> None:
    """Runs that come a little early each time never make the check ask CloudWatch after less than half a period."""
    watching = watch(collect=['cloudwatch'])
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(1)
        watching.run()
    clock.set(sim.log.where(operation='GetMetricData')[-1].time + 300 + second)
    sim.log.clear()
    for _ in range(30):
        watching.run()
        clock.advance(59.9)
    times = [one.time for one in sim.log.where(operation='GetMetricData')]
    assert len(times) >= 6
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) >= 150


def test_one_call_bills_the_account_series_once(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A collection is one request of 12 billed metrics, also with four statistics, and says so."""
    watching = watch(collect=['cloudwatch'], statistics=['maximum', 'average', 'minimum'])
    watching.through(1200, 300)
    requests = sim.log.where(operation='GetMetricData')
    assert [one.billed_metrics for one in requests] == [12] * 4
    assert watching.total('collector.billed_metrics') == sim.log.billed_metrics() == 48
    assert watching.last('collector.series') == 12
    assert watching.last('collector.estimated_cost') == pytest.approx(12 * 30 * 86400 / 300 * 0.01 / 1000)


def test_calls_are_those_that_aws_saw(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """`collector.api_calls` and `api_errors` add up to what AWS saw, retries included."""
    watching = watch()
    sim.faults.add(Fault('throttle', operation='GetAccount', times=3))
    sim.faults.add(Fault('server_error', operation='GetMetricData', times=1, after=1))
    sim.faults.add(Fault('html', operation='GetSendStatistics', times=1))
    for _ in range(20):
        watching.run()
        clock.advance(60)
    for operation, number in sim.log.operations().items():
        assert watching.total('collector.api_calls', REGION, f'operation:{operation}') == number
    assert watching.total('collector.api_throttles') == 3
    failed = Counter(
        {
            ('GetAccount', 'throttled'): watching.total(
                'collector.api_errors', REGION, 'operation:GetAccount', 'reason:throttled'
            ),
            ('GetMetricData', 'network'): watching.total(
                'collector.api_errors', REGION, 'operation:GetMetricData', 'reason:network'
            ),
            ('GetSendStatistics', 'malformed'): watching.total(
                'collector.api_errors', REGION, 'operation:GetSendStatistics', 'reason:malformed'
            ),
        }
    )
    assert failed == {
        ('GetAccount', 'throttled'): 3,
        ('GetMetricData', 'network'): 1,
        ('GetSendStatistics', 'malformed'): 1,
    }


def test_account_metrics_are_there_in_each_cycle(watch: Watching, clock: Clock) -> None:
    """Once known, the gauges of the account come in every run, whether or not AWS was asked in it."""
    watching = watch(dimensions=[SET])
    watching.through(900, 60)
    watching.fresh()
    watching.run()
    expected = {name for name, tags in watching.fresh() if not name.endswith('.count') and 'collector.' not in name}
    assert {'send', 'bounce', 'quota.utilization', 'reputation.bounce_rate', 'can_connect'} <= expected
    for _ in range(40):
        clock.advance(15)
        watching.run()
        assert expected <= names(watching.fresh())


def test_new_receipt_rules_are_counted(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A receipt rule that begins to receive is found by itself, counts from its first mail, and disturbs no gauge."""
    rule = Family(dimensions=('RuleName',), values=(('new-rule',),), events={'Received': 1.0}, share=0.5, appears=900.0)
    sim = start(Scenario('new', 'a rule appears', families=(rule,)))
    watching = watch(sim)
    watching.through(600, 60)
    for _ in range(80):
        watching.fresh()
        watching.run()
        assert {'send', 'bounce', 'collector.data_age'} <= names(watching.fresh())
        clock.advance(60)
    since, end = watching.last('collector.counting_since'), clock() + DAY
    sim.faults.add(Fault('throttle', operation='ListMetrics'))
    truth = watching.truth('Received', since, clock() - 900, dimensions={'RuleName': 'new-rule'})
    assert truth > 0
    handed = watching.total('receiving.received.count', REGION, 'rule:new-rule')
    assert truth <= handed <= watching.truth('Received', since, end, dimensions={'RuleName': 'new-rule'})
    assert watching.total('receiving.received.count') == handed
