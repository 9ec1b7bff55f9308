"""Idle series cost a quarter of the queries and lose no amount."""

from __future__ import annotations

from collections import Counter

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, REGION, START, MakeDriver, StartSimulator

from simulator import Clock, Simulator, series_id
from simulator.request_log import Request
from simulator.scenarios import EVENTS, Scenario

HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'


def query_counts(requests: list[Request]) -> Counter[tuple[str, str]]:
    """The number of queries by metric and configuration set; the key of an account's metric has no set."""
    metrics = (query['MetricStat']['Metric'] for request in requests for query in request.params['MetricDataQueries'])
    return Counter(
        (metric['MetricName'], *(dimension['Value'] for dimension in metric['Dimensions'])) for metric in metrics
    )


def put(sim: Simulator, metric: str, name: str, at: float, number: int = 1, delay: float = 0) -> None:
    sim.world.put(ACCOUNT, REGION, series_id(metric, {SET: name}), at, number, visible_at=at + delay)


def test_idle_series_are_queried_every_twenty_minutes(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Series without data for an hour are queried in one slot of four; the account, reputation, active series, and
    bounces and complaints of sets that sent within the hour, in each slot."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for metric in ('Send', 'Bounce', 'Complaint', 'Open', 'Reputation.BounceRate'):
        put(sim, metric, 'idle', START - 5 * HOUR)
        put(sim, metric, 'sender', START - 5 * HOUR)
    for minute in range(0, 20 * 60, 5):
        put(sim, 'Send', 'sender', START + 60 * minute)
    driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'])
    driver.run_for(2 * HOUR, 60)
    sim.log.clear()
    driver.run_for(4 * HOUR, 60)
    times = query_counts(sim.log.where(operation='GetMetricData'))
    assert times['Send',] == times['Reputation.BounceRate',] == 48
    for metric in ('Send', 'Bounce', 'Complaint', 'Reputation.BounceRate'):
        assert times[metric, 'sender'] == 48
    assert times['Reputation.BounceRate', 'idle'] == 48
    for metric, name in (
        ('Send', 'idle'),
        ('Bounce', 'idle'),
        ('Complaint', 'idle'),
        ('Open', 'idle'),
        ('Open', 'sender'),
    ):
        assert times[metric, name] == 12, (metric, name)
    # The cost agrees: the series of the account and 5 of the sets in each slot, 5 in one slot of four.
    in_each_slot = ACCOUNT_METRICS + 5
    assert driver.last('collector.idle_series') == 5
    assert driver.last('collector.estimated_cost') == pytest.approx((in_each_slot + 5 / 4) * 30 * 86400 / 300 / 100_000)
    assert sim.log.billed_metrics() == 48 * in_each_slot + 12 * 5


@pytest.mark.parametrize('delay', [0, 900, 2400])
def test_the_first_amount_of_an_idle_series_comes_within_twenty_minutes(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, delay: int
) -> None:
    """The whole amount of an idle series is counted at most twenty minutes after CloudWatch shows it."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for number in range(8):
        put(sim, 'Send', f'set-{number}', START - 5 * HOUR)
    driver = make_driver(sim, collect=['configuration_sets'])
    driver.run_for(2 * HOUR, 60)
    begin = clock()
    for number in range(8):
        put(sim, 'Send', f'set-{number}', begin + 130 * number, 5, delay)
    # No listing of recent metrics is due in this time, and none is needed.
    while clock() < begin + 130 * 8 + delay + 1200:
        driver.run()
        for number in range(8):
            if clock() >= begin + 130 * number + delay + 1200:
                assert driver.total('configuration_set.send.count', REGION, f'configuration_set:set-{number}') == 5
        clock.advance(60)
    driver.run_for(2 * HOUR, 60)
    assert driver.total('configuration_set.send.count') == 40


def test_a_hint_wakes_idle_series(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """An idle series that is listed as recently active is queried in the next run, whatever its phase."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for number in range(40):
        put(sim, 'Send', f'set-{number:02}', START - 5 * HOUR)
    driver = make_driver(sim, collect=['configuration_sets'])
    driver.run_for(6 * HOUR, 60)
    listing = sim.log.where(operation='ListMetrics')[-1].time
    while clock() < listing + 850:
        driver.run()
        clock.advance(60)
    for number in range(40):
        put(sim, 'Send', f'set-{number:02}', clock())
    sim.log.clear()
    while not any(request.params.get('RecentlyActive') for request in sim.log.where(operation='ListMetrics')):
        driver.run()
        clock.advance(60)
    sim.log.clear()
    driver.run()
    (request,) = sim.log.where(operation='GetMetricData')
    assert len(request.params['MetricDataQueries']) >= 20


def test_a_sparse_account_costs_less_than_a_third_and_counts_exactly(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """With three sets in a hundred active, most series idle: the cost is under 30 % of querying all in each period,
    and every count adds up to CloudWatch's final sums."""
    sim = start(Scenario('sparse', 'no mail but that of three sets', volume=0.0, gauges=()))
    busy = [f'set-{number:05}' for number in (3, 40, 77)]
    for name in busy:
        for metric in ('Send', 'Delivery', 'Bounce', 'Complaint', 'Reject', 'Open', 'Click'):
            for minute in range(0, 14 * 60, 7):
                put(sim, metric, name, START + 60 * minute, 3, delay=60 * (minute % 50))
    for number in range(100):
        for metric in EVENTS:
            put(sim, metric, f'set-{number:05}', START - 2 * DAY)
    driver = make_driver(sim, collect=['configuration_sets'], max_series=2000)
    driver.run_for(3 * HOUR, 60)
    sim.log.clear()
    driver.run_for(8 * HOUR, 60)
    assert sim.log.billed_metrics() <= 0.3 * 96 * driver.last('collector.series')
    driver.run_for(5 * HOUR, 300)
    since = driver.last('collector.counting_since')
    for metric, name in (('Send', 'send'), ('Complaint', 'complaint'), ('Open', 'open')):
        for set_name in busy:
            counted = driver.total(f'configuration_set.{name}.count', REGION, f'configuration_set:{set_name}')
            assert counted == driver.cloudwatch_sum(metric, since, clock() - 2 * HOUR, dimensions={SET: set_name}) > 0
