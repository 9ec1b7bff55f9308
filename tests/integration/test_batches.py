"""Many series, in batches side by side: what fails in one batch costs that batch, and the next run makes it good."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Watch, wait_for_workers
from slow import slow_aws

from datadog_checks.amazon_ses.runner import Runner
from simulator import Clock, Fault, Simulator
from simulator.scenarios import RATIOS, Family, Scenario

Watching = Callable[..., Watch]
Starting = Callable[..., Simulator]
HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'
SETS = 130
MANY = Family(dimensions=(SET,), count=SETS, patterns=('set-{:05d}',), events=RATIOS, share=1.0)
SERIES = 12 + SETS * 10


def many(start: Starting, **options: Any) -> Simulator:
    return start(Scenario('many', 'many sets', volume=1e6, families=(MANY,), **options), strict=False, quotas=False)


def counting(watch: Watching, sim: Simulator, **options: Any) -> Watch:
    watching = watch(sim, collect=['cloudwatch', 'configuration_sets'], max_series=5000, **options)
    watching.through(600, 60)
    return watching


def prove(watching: Watch, sim: Simulator, clock: Clock, region: str = REGION) -> None:
    """After two clean hours without mail, every count equals CloudWatch's final sum, set by set."""
    sim.faults.clear()
    watching.through(2 * HOUR, 300)
    since, end = watching.last('collector.counting_since', region), clock() - 1.5 * HOUR
    for metric, name in (('Send', 'send'), ('Bounce', 'bounce'), ('Subscription', 'subscription')):
        wrong = []
        for number in range(SETS):
            of = f'set-{number:05d}'
            handed = watching.total(f'configuration_set.{name}.count', region, f'configuration_set:{of}')
            if handed != watching.truth(metric, since, end, region=region, dimensions={SET: of}):
                wrong.append(of)
        assert wrong == []
    assert watching.total('send.count', region) == watching.truth('Send', since, end, region=region) > 0
    assert watching.values('collector.periods_skipped', region) == []


def stop_mail(sim: Simulator, clock: Clock) -> None:
    """No more mail from here on, so that everything can have arrived."""
    since = clock() - sim.world.started
    sim.world._curves['*'] = ((0.0, 1.0), (since, 1.0), (since, 0.0))
    sim.world._factor.cache_clear()
    sim.world._hour.cache_clear()


def batch_of(sim: Simulator, name: str) -> int:
    """How many queries the newest request that holds a set's name asked."""
    asked = [one.params['MetricDataQueries'] for one in sim.log.where(operation='GetMetricData')]
    held = [
        queries
        for queries in asked
        if any({'Name': SET, 'Value': name} in query['MetricStat']['Metric']['Dimensions'] for query in queries)
    ]
    return len(held[-1])


def test_steady_runs_need_as_few_calls_as_can_be(watch: Watching, start: Starting, clock: Clock) -> None:
    """A collection takes a request for 500 queries, and one GetAccount, not one more."""
    sim = many(start)
    watching = watch(sim, max_series=5000, collect=['account', 'cloudwatch', 'configuration_sets'])
    watching.through(1500, 60)
    for _ in range(30):
        sim.log.clear()
        watching.run()
        requests = sim.log.where(operation='GetMetricData')
        queries = sum(len(one.params['MetricDataQueries']) for one in requests)
        assert len(requests) <= ceil(queries / 500)
        assert len(sim.log.where(operation='GetAccount')) <= 1
        clock.advance(60)


@pytest.mark.parametrize(
    'fault',
    [
        Fault('throttle', operation='GetMetricData', holds='set-00077'),
        Fault('server_error', operation='GetMetricData', holds='set-00077'),
        Fault('partial', operation='GetMetricData', holds='set-00077', argument={'every': 3, 'token': True}),
        Fault('internal_error', operation='GetMetricData', holds='set-00077'),
        Fault('missing_results', operation='GetMetricData', holds='set-00077'),
        Fault('wrong_ids', operation='GetMetricData', holds='set-00077'),
        Fault('token_loop', operation='GetMetricData', holds='set-00077'),
        Fault('reset', operation='GetMetricData', holds='set-00077'),
        Fault('html', operation='GetMetricData', holds='set-00077'),
        Fault('truncate', operation='GetMetricData', holds='set-00077'),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_batch_that_fails_costs_that_batch(watch: Watching, start: Starting, clock: Clock, fault: Fault) -> None:
    """While one batch of three fails, the others are counted; afterwards nothing is missing and nothing is double."""
    sim = many(start)
    watching = counting(watch, sim)
    sim.faults.add(fault)
    sim.log.clear()
    watching.through(900, 60)
    assert fault.hits >= 2
    assert 1 in {one.status for one in watching.aggregator.service_checks('amazon_ses.can_connect')}
    assert watching.total('send.count') > 0
    stop_mail(sim, clock)
    prove(watching, sim, clock)


def test_only_what_failed_is_asked_again(watch: Watching, start: Starting, clock: Clock) -> None:
    """The run after a failed batch asks for its series alone, and not for what was answered."""
    sim = many(start)
    watching = counting(watch, sim)
    fault = sim.faults.add(Fault('server_error', operation='GetMetricData', holds='set-00077', times=2))
    sim.log.clear()
    while not fault.hits:
        watching.run()
        clock.advance(60)
    failed = {
        one.billed_metrics or len(one.params['MetricDataQueries'])
        for one in sim.log.where(operation='GetMetricData')
        if one.error
    }
    sim.log.clear()
    watching.run()
    requests = sim.log.where(operation='GetMetricData')
    assert len(requests) == 1
    assert {len(requests[0].params['MetricDataQueries'])} == failed


@pytest.mark.parametrize('error', [('ValidationError', 400), ('RequestEntityTooLarge', 413)], ids=lambda one: one[0])
def test_a_batch_that_is_refused_for_one_series_is_split(
    watch: Watching, start: Starting, clock: Clock, error: tuple[str, int]
) -> None:
    """A request that AWS refuses for what is in it is halved run by run, until one series is left, which is told and
    left alone; everything else is counted."""
    sim = many(start)
    watching = counting(watch, sim)
    poison = Fault('error', operation='GetMetricData', holds='set-00077', argument=error)
    sim.faults.add(poison)
    for _ in range(40):
        watching.run()
        clock.advance(60)
    assert batch_of(sim, 'set-00077') == 1
    assert watching.last('collector.series_dropped', REGION, 'reason:refused') == 10
    hits = poison.hits
    watching.through(HOUR, 300)
    assert poison.hits == hits, 'it is left alone for a day'
    assert watching.status('can_connect')[0] == 0
    since = watching.last('collector.counting_since')
    handed = watching.total('configuration_set.send.count', REGION, 'configuration_set:set-00078')
    of = {SET: 'set-00078'}
    assert (
        watching.truth('Send', since, clock() - 1200, dimensions=of)
        <= handed
        <= watching.truth('Send', since, dimensions=of)
    )


@pytest.mark.parametrize('minutes', [2, 5, 20])
def test_where_everything_is_refused_no_series_is_to_blame(
    watch: Watching, start: Starting, clock: Clock, minutes: int
) -> None:
    """When something in the way refuses every request for some time, nothing is left alone for long, the requests stay
    few, and afterwards all is counted."""
    sim = many(start)
    watching = counting(watch, sim)
    sim.faults.add(Fault('error', operation='GetMetricData', argument=('ValidationError', 400)))
    sim.log.clear()
    for _ in range(minutes):
        watching.run()
        clock.advance(60)
    assert len(sim.log.where(operation='GetMetricData')) <= 32 * (minutes // 5 + 1)
    sim.faults.clear()
    watching.through(1800, 60)
    watching.fresh()
    watching.run()
    assert not any('reason:refused' in tags for _, tags in watching.fresh())
    stop_mail(sim, clock)
    prove(watching, sim, clock)


def test_long_names_make_smaller_requests(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Requests stay below what AWS takes, however long the names and values of dimensions are."""
    for number in range(300):
        dimensions = {f'{place}-{"n" * 200}': f'{number}-{"ü" * 250}' for place in range(8)}
        sim.world.put(ACCOUNT, REGION, 'Send', clock() - HOUR, 1, dimensions=dimensions)
    sizes: list[int] = []
    answer = sim._server._answer

    def measured(request: Any) -> Any:
        sizes.append(len(request.body))
        return answer(request)

    sim._server._answer = measured
    watching = watch(sim, collect=['cloudwatch', 'unrecognized'])
    watching.through(600, 60)
    assert watching.last('collector.series') == 312
    assert max(sizes) < 1_000_000
    assert watching.status('can_connect')[0] == 0


def test_one_worker_and_eight_count_the_same(watch: Watching, start: Starting, clock: Clock, aggregator: Any) -> None:
    """Batches one after the other, batches side by side, and batches that botocore reads and writes itself, hand over
    the same amounts in the same runs."""
    from datadog_checks.amazon_ses.aws import bodies

    sim = many(start, late_share=0.3)
    told: dict[str, list[dict[Any, float]]] = {}
    begun = clock()
    speaks_json = bodies.speaks_json
    for way in ('side by side', 'one by one', 'plain'):
        clock.set(begun)
        watching = watch(
            sim, collect=['cloudwatch', 'configuration_sets'], max_series=5000, ledger=way.replace(' ', '-')
        )
        watching.fresh()
        width = 1 if way == 'one by one' else 8
        watching.check._runner = Runner(watching.check.monotonic, max_steps=width, max_per_region=width)
        bodies.speaks_json = speaks_json if way != 'plain' else lambda client: False
        told[way] = []
        for _ in range(30):
            watching.run()
            told[way].append({key: value for key, value in watching.fresh().items() if key[0].endswith('.count')})
            clock.advance(60)
        bodies.speaks_json = speaks_json
    assert sum(map(len, told['side by side'])) > 2000
    assert told['side by side'] == told['one by one'] == told['plain']


def test_what_does_not_come_in_time_is_taken_in_later(watch: Watching, start: Starting, clock: Clock) -> None:
    """A run ends with the batches that came, says what is under way, asks for nothing of it again, and counts it when
    it comes, exactly."""
    sim = many(start)
    with slow_aws(sim) as slow:
        watching = slow.slow_down(counting(watch, sim, read_timeout=60))
        hold = slow.hold('GetMetricData', text='set-00077')
        while not hold.number:
            watching.run()
            clock.advance(60)
        assert watching.status('can_connect')[0] == 1
        assert 'no answer yet to GetMetricData' in watching.status('can_connect')[1]
        watching.through(900, 60)
        assert hold.number == 1
        assert watching.total('configuration_set.send.count', REGION, 'configuration_set:set-00002') > 0
        hold.release()
        wait_for_workers()
        stop_mail(sim, clock)
        prove(watching, sim, clock)


def test_counts_add_up_in_two_regions_with_faults_in_one(watch: Watching, start: Starting, clock: Clock) -> None:
    """Every kind of fault in one Region, late data and a restart in both: all counts of both are exact."""
    sim = many(start, late_share=0.3, late=(300.0, 2400.0))
    watching = counting(watch, sim, regions=[REGION, OTHER], min_collection_interval=60)
    for kind in (
        'throttle',
        'partial',
        'server_error',
        'html',
        'missing_results',
        'reset',
        'truncate',
        'internal_error',
    ):
        sim.faults.clear()
        sim.faults.add(Fault(kind, region=REGION, operation='GetMetricData', probability=0.5))
        for _ in range(5):
            watching.run()
            clock.advance(60)
        if kind == 'html':
            watching.restart()
    assert watching.status('can_connect', OTHER)[0] == 0
    stop_mail(sim, clock)
    prove(watching, sim, clock)
    prove(watching, sim, clock, OTHER)
