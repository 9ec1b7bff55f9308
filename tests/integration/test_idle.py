"""Series without data cost a quarter, and lose nothing by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from common import ACCOUNT, REGION, START, Watch

from simulator import Clock, Simulator, series_id
from simulator.request_log import Request
from simulator.scenarios import RATIOS, Scenario

Watching = Callable[..., Watch]
Starting = Callable[..., Simulator]
HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'


def asked(requests: list[Request]) -> Counter[tuple[str, str]]:
    """How often each metric of each configuration set was asked for; without a set it is the account's."""
    metrics = (query['MetricStat']['Metric'] for request in requests for query in request.params['MetricDataQueries'])
    return Counter((one['MetricName'], *(dimension['Value'] for dimension in one['Dimensions'])) for one in metrics)


def put(sim: Simulator, metric: str, name: str, at: float, number: int = 1, delay: float = 0) -> None:
    sim.world.put(ACCOUNT, REGION, series_id(metric, {SET: name}), at, number, visible_at=at + delay)


def test_idle_series_are_asked_for_every_twenty_minutes(watch: Watching, start: Starting, clock: Clock) -> None:
    """What had no data within an hour is asked for in one slot of four; the account, reputation, what is active, and
    the bounces and complaints of whatever sent within the hour, in each."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for metric in ('Send', 'Bounce', 'Complaint', 'Open', 'Reputation.BounceRate'):
        put(sim, metric, 'idle', START - 5 * HOUR)
        put(sim, metric, 'sender', START - 5 * HOUR)
    for minute in range(0, 20 * 60, 5):
        put(sim, 'Send', 'sender', START + 60 * minute)
    watching = watch(sim, collect=['cloudwatch', 'configuration_sets'])
    watching.through(2 * HOUR, 60)
    sim.log.clear()
    watching.through(4 * HOUR, 60)
    times = asked(sim.log.where(operation='GetMetricData'))
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
    # The bill says the same: 12 of the account, 5 of the sets in each slot, 5 in one of four.
    assert watching.last('collector.idle_series') == 5
    assert watching.last('collector.estimated_cost') == pytest.approx((17 + 5 / 4) * 30 * 86400 / 300 / 100_000)
    assert sim.log.billed_metrics() == 48 * 17 + 12 * 5


@pytest.mark.parametrize('delay', [0, 900, 2400])
def test_the_first_amount_of_an_idle_series_comes_within_twenty_minutes(
    watch: Watching, start: Starting, clock: Clock, delay: int
) -> None:
    """Twenty minutes after CloudWatch has it at the latest, the whole amount of a series that was idle is counted."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for number in range(8):
        put(sim, 'Send', f'set-{number}', START - 5 * HOUR)
    watching = watch(sim, collect=['configuration_sets'])
    watching.through(2 * HOUR, 60)
    begun = clock()
    for number in range(8):
        put(sim, 'Send', f'set-{number}', begun + 130 * number, 5, delay)
    # In the meantime the list of what is active is of no help: it is a hint, and not needed.
    while clock() < begun + 130 * 8 + delay + 1200:
        watching.run()
        for number in range(8):
            if clock() >= begun + 130 * number + delay + 1200:
                assert watching.total('configuration_set.send.count', REGION, f'configuration_set:set-{number}') == 5
        clock.advance(60)
    watching.through(2 * HOUR, 60)
    assert watching.total('configuration_set.send.count') == 40


def test_a_hint_wakes_idle_series(watch: Watching, start: Starting, clock: Clock) -> None:
    """A series that turns up among the recently active ones is asked for in the next run, whatever its lane."""
    sim = start(Scenario('quiet', 'an account that sends without sets'))
    for number in range(40):
        put(sim, 'Send', f'set-{number:02}', START - 5 * HOUR)
    watching = watch(sim, collect=['configuration_sets'])
    watching.through(6 * HOUR, 60)
    listing = sim.log.where(operation='ListMetrics')[-1].time
    while clock() < listing + 850:
        watching.run()
        clock.advance(60)
    for number in range(40):
        put(sim, 'Send', f'set-{number:02}', clock())
    sim.log.clear()
    while not any(one.params.get('RecentlyActive') for one in sim.log.where(operation='ListMetrics')):
        watching.run()
        clock.advance(60)
    sim.log.clear()
    watching.run()
    (request,) = sim.log.where(operation='GetMetricData')
    assert len(request.params['MetricDataQueries']) >= 20


def test_a_sparse_account_costs_less_than_a_third_and_counts_exactly(
    watch: Watching, start: Starting, clock: Clock
) -> None:
    """With three sets in a hundred active, most series idle: the bill is under 30 % of asking for all in each period,
    and every count adds up to CloudWatch's final sums."""
    sim = start(Scenario('sparse', 'no mail but that of three sets', volume=0.0, gauges=()))
    busy = [f'set-{number:05}' for number in (3, 40, 77)]
    for name in busy:
        for metric in ('Send', 'Delivery', 'Bounce', 'Complaint', 'Reject', 'Open', 'Click'):
            for minute in range(0, 14 * 60, 7):
                put(sim, metric, name, START + 60 * minute, 3, delay=60 * (minute % 50))
    for number in range(100):
        for metric in RATIOS:
            put(sim, metric, f'set-{number:05}', START - 2 * DAY)
    watching = watch(sim, collect=['configuration_sets'], max_series=2000)
    watching.through(3 * HOUR, 60)
    sim.log.clear()
    watching.through(8 * HOUR, 60)
    assert sim.log.billed_metrics() <= 0.3 * 96 * watching.last('collector.series')
    watching.through(5 * HOUR, 300)
    since = watching.last('collector.counting_since')
    for metric, name in (('Send', 'send'), ('Complaint', 'complaint'), ('Open', 'open')):
        for of in busy:
            handed = watching.total(f'configuration_set.{name}.count', REGION, f'configuration_set:{of}')
            assert handed == watching.truth(metric, since, clock() - 2 * HOUR, dimensions={SET: of}) > 0
