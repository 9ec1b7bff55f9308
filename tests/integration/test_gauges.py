"""Gauges show the newest settled period and never an invented zero."""

from __future__ import annotations

import pytest
from common import ACCOUNT, REGION, START, MakeDriver, StartSimulator

from datadog_checks.amazon_ses.cloudwatch.metric_table import SENDING
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario

OK, WARNING, CRITICAL, UNKNOWN = range(4)
HOUR, DAY = 3600, 86400
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())
STEADY = {'collect': ['account', 'cloudwatch']}


def test_gauges_show_the_newest_settled_period(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """A gauge shows the newest period that ended at least settle_delay before AWS answered."""
    sim = start(QUIET)
    first = int(START) // 300 * 300
    for number in range(20):
        sim.world.put(ACCOUNT, REGION, 'Send', first + number * 300, 100 + number)
    driver = make_driver(sim, collect=['cloudwatch'], settle_delay=300)
    for _ in range(40):
        driver.run()
        answered_at = sim.log.where(operation='GetMetricData')[-1].time
        newest = int((answered_at - 300) // 300) - 1 - first // 300
        # Before the first mail there was none: zero, because the series is alive.
        assert driver.last('send') == (100 + newest if newest >= 0 else 0)
        clock.advance(60)
    assert newest > 3


def test_gauges_are_zero_only_for_a_day_after_the_last_event(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A count's gauge is zero for a day after its last event and then gone; without any event it is never zero."""
    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Bounce', START, 3)
    driver = make_driver(sim, collect=['cloudwatch'])
    bounces: list[tuple[float, float | None]] = []
    for _ in range(54):
        gauges = driver.gauges_of_next_run()
        bounces.append((clock() - START, gauges.get('bounce')))
        assert 'complaint' not in gauges
        clock.advance(1800)
    assert {value for age, value in bounces if 1800 <= age < DAY - 1800} == {0.0}
    assert {value for age, value in bounces if age > DAY} == {None}


def test_zeroed_shows_zero_from_the_start(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """With zeroed, event gauges without data are zero, but never a rate, and never without an answer."""
    sim = start(QUIET)
    fault = sim.faults.add(Fault('server_error', operation='GetMetricData'))
    driver = make_driver(sim, zeroed=True, **STEADY)
    assert 'send' not in driver.gauges_of_next_run()
    sim.faults.remove(fault)
    clock.advance(60)
    gauges = driver.gauges_of_next_run()
    assert {gauges[event.name] for event in SENDING} == {0.0}
    assert not {name for name in gauges if name.startswith('reputation.')}


def test_rates_are_held_for_a_day(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """A reputation rate is last_gauges with a growing age, over a restart too, and is gone after 24 h: never zero."""
    sim = start(QUIET)
    at = int(START) // 60 * 60
    sim.world.put(ACCOUNT, REGION, 'Reputation.BounceRate', at, 0.07)
    sim.world.put(ACCOUNT, REGION, 'Reputation.ComplaintRate', at + 3600, 0.004)
    driver = make_driver(sim, collect=['cloudwatch'])
    history = []
    for number in range(52):
        if number == 20:
            driver.restart()
        gauges = driver.gauges_of_next_run()
        history.append((clock() - at, {name: gauges.get(f'reputation.{name}') for name in RATES}))
        clock.advance(1800)
    for age, shown in history:
        if age < 3600:
            assert shown['bounce_rate'] == pytest.approx(7.0)
            assert shown['complaint_rate'] is None
            assert shown['risk'] == pytest.approx(70.0)
        elif age < DAY:
            assert (shown['bounce_rate'], shown['complaint_rate']) == (pytest.approx(7.0), pytest.approx(0.4))
            assert shown['risk'] == pytest.approx(87.5)
            assert shown['age'] == pytest.approx(age, abs=300)
        elif DAY + 600 < age < DAY + 3600:
            assert (shown['bounce_rate'], shown['complaint_rate']) == (None, pytest.approx(0.4))
        elif age > DAY + 4200:
            assert set(shown.values()) == {None}
    assert len([age for age, _ in history if age > DAY]) > 2


RATES = ('bounce_rate', 'complaint_rate', 'risk', 'age')


def test_rates_of_the_last_day_are_found_at_the_start(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Reputation rates come with gaps of hours: a new instance shows one of 20 h ago at once, with its age."""
    sim = start(QUIET)
    at = int(START) // 300 * 300 - 20 * HOUR
    sim.world.put(ACCOUNT, REGION, 'Reputation.BounceRate', at, 0.02)
    gauges = make_driver(sim, collect=['cloudwatch']).gauges_of_next_run()
    assert gauges['reputation.bounce_rate'] == pytest.approx(2.0)
    assert gauges['reputation.age'] == START - at
    assert 'reputation.complaint_rate' not in gauges


@pytest.mark.parametrize('kind', ['server_error', 'denied', 'html', 'empty', 'reset', 'throttle'])
def test_failures_never_become_zero(make_driver: MakeDriver, sim: Simulator, clock: Clock, kind: str) -> None:
    """While CloudWatch fails, the last values are shown for a while, then none; never zero, and no count."""
    driver = make_driver(**STEADY)
    driver.run_for(900, 60)
    last_gauges = driver.gauges_of_next_run()
    sim.faults.add(Fault(kind, operation='GetMetricData'))
    counts = driver.total('send.count')
    clock.advance(300)
    gauges = driver.gauges_of_next_run()
    assert {name: gauges.get(name) for name in ('send', 'delivery')} == {
        name: last_gauges[name] for name in ('send', 'delivery')
    }
    for _ in range(6):
        clock.advance(300)
        gauges = driver.gauges_of_next_run()
        assert gauges.get('send') in (None, last_gauges['send'])
    assert 'send' not in gauges
    assert 'quota.send_rate' not in gauges
    assert gauges['reputation.bounce_rate'] == last_gauges['reputation.bounce_rate']
    assert driver.total('send.count') == counts


def test_unlimited_quota_has_no_percentage(make_driver: MakeDriver, start: StartSimulator) -> None:
    """An unlimited quota is -1 and has no remaining mail and no utilization; the send rate still has a utilization."""
    driver = make_driver(start('unlimited_quota'), **STEADY)
    driver.run_for(900, 300)
    gauges = driver.gauges_of_next_run()
    assert gauges['quota.max_24_hour'] == -1
    assert not {'quota.remaining_24_hour', 'quota.utilization'} & gauges.keys()
    assert gauges['quota.rate_utilization'] == pytest.approx(100 * gauges['quota.send_rate'] / 50)


def test_quota_gauges_are_of_a_single_answer(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """Used, remaining and share of the quota are of one answer, and the send rate is that of the settled period."""
    driver = make_driver(start('quota_nearly_used'), **STEADY)
    driver.run_for(900, 300)
    gauges = driver.gauges_of_next_run()
    assert gauges['quota.max_24_hour'] == 50_000
    assert gauges['quota.remaining_24_hour'] == 50_000 - gauges['quota.sent_24_hour']
    assert gauges['quota.utilization'] == pytest.approx(gauges['quota.sent_24_hour'] / 500)
    assert gauges['quota.send_rate'] == pytest.approx(gauges['send'] / 300)
    assert gauges['quota.rate_utilization'] == pytest.approx(100 * gauges['quota.send_rate'] / 14)


def test_thresholds_report_on_gauges(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """A threshold is its own service check: critical beyond it, OK within, UNKNOWN while the gauge has no value."""
    thresholds = [
        {'metric': 'quota.utilization', 'warning': '80', 'critical': '90'},
        {'metric': 'reputation.bounce_rate', 'warning': '5'},
        {'metric': 'send', 'warning': '1:'},
    ]
    driver = make_driver(start('quota_nearly_used'), thresholds=thresholds, collect=['account'])
    driver.run()
    levels = {
        tag.partition(':')[2]: sample.status
        for sample in driver.aggregator.service_checks('amazon_ses.threshold')
        for tag in sample.tags
        if tag.startswith('metric:')
    }
    assert levels == {'quota.utilization': CRITICAL, 'reputation.bounce_rate': UNKNOWN, 'send': UNKNOWN}
