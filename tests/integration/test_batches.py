"""Many series in parallel batches: a failure costs the batch that it hits, and the next run makes up for it."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, OTHER, REGION, START, Driver, MakeDriver, StartSimulator, wait_for_workers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow import slow_aws

from datadog_checks.amazon_ses.aws import json_protocol
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.runner import Runner
from simulator import Clock, Fault, Simulator, series_id
from simulator.scenarios import EVENTS, Family, Scenario

HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'
SETS = 26
SMALL_BATCH = 100
"""A fifth of what AWS accepts, so that a fifth of the series makes as many batches."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, 'MAX_QUERIES', SMALL_BATCH)


def many(start: StartSimulator, seed: int = 1, sets: int = SETS, **options: Any) -> Simulator:
    family = Family(dimensions=(SET,), count=sets, patterns=('set-{:05d}',), mail=EVENTS, share=1.0)
    scenario = Scenario('many', 'many sets', volume=200_000.0, families=(family,), **options)
    return start(scenario, strict=False, quotas=False, seed=seed)


def counting(make_driver: MakeDriver, sim: Simulator, **options: Any) -> Driver:
    driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'], max_series=5000, **options)
    driver.run_for(600, 60)
    return driver


def assert_exact(driver: Driver, sim: Simulator, clock: Clock, region: str = REGION) -> None:
    """After two hours without faults and mail, each count of each set equals CloudWatch's final sum."""
    sim.faults.clear()
    driver.run_for(2 * HOUR, 300)
    since, end = driver.last('collector.counting_since', region), clock() - 1.5 * HOUR
    for metric, name in (('Send', 'send'), ('Bounce', 'bounce'), ('Subscription', 'subscription')):
        counted = driver.totals(f'configuration_set.{name}.count', 'configuration_set', region)
        sets = [f'set-{number:05d}' for number in range(SETS)]
        final = {
            set_name: driver.cloudwatch_sum(metric, since, end, region=region, dimensions={SET: set_name})
            for set_name in sets
        }
        assert [set_name for set_name in sets if counted.get(set_name, 0.0) != final[set_name]] == []
    assert driver.total('send.count', region) == driver.cloudwatch_sum('Send', since, end, region=region) > 0
    assert driver.values('collector.periods_skipped', region) == []


def stop_mail(sim: Simulator, clock: Clock) -> None:
    """End the mail now, so that later every amount has arrived."""
    sim.world.stop_mail(clock())


def batch_size(sim: Simulator, name: str) -> int:
    """The number of queries in the newest request that holds a set."""
    batches = [request.params['MetricDataQueries'] for request in sim.log.where(operation='GetMetricData')]
    holding = [
        queries
        for queries in batches
        if any({'Name': SET, 'Value': name} in query['MetricStat']['Metric']['Dimensions'] for query in queries)
    ]
    return len(holding[-1])


def test_steady_runs_need_as_few_calls_as_can_be(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection takes a request for 500 queries, and one GetAccount, not one more."""
    monkeypatch.setattr(queries, 'MAX_QUERIES', 500)
    sim = many(start, sets=130)
    driver = make_driver(sim, max_series=5000, collect=['account', 'cloudwatch', 'configuration_sets'])
    driver.run_for(1500, 60)
    for _ in range(30):
        sim.log.clear()
        driver.run()
        requests = sim.log.where(operation='GetMetricData')
        number = sum(len(request.params['MetricDataQueries']) for request in requests)
        assert len(requests) <= ceil(number / 500)
        assert len(sim.log.where(operation='GetAccount')) <= 1
        clock.advance(60)


@pytest.mark.parametrize(
    'fault',
    [
        Fault('throttle', operation='GetMetricData', holds='set-00015'),
        Fault('server_error', operation='GetMetricData', holds='set-00015'),
        Fault('partial', operation='GetMetricData', holds='set-00015', argument={'every': 3, 'token': True}),
        Fault('internal_error', operation='GetMetricData', holds='set-00015'),
        Fault('missing_results', operation='GetMetricData', holds='set-00015'),
        Fault('wrong_ids', operation='GetMetricData', holds='set-00015'),
        Fault('token_loop', operation='GetMetricData', holds='set-00015'),
        Fault('reset', operation='GetMetricData', holds='set-00015'),
        Fault('html', operation='GetMetricData', holds='set-00015'),
        Fault('truncate', operation='GetMetricData', holds='set-00015'),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_batch_that_fails_costs_that_batch(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, fault: Fault
) -> None:
    """While one batch of three fails, the others are counted; afterwards nothing is missing and nothing is double."""
    sim = many(start)
    driver = counting(make_driver, sim)
    sim.faults.add(fault)
    sim.log.clear()
    driver.run_for(900, 60)
    assert fault.hits >= 2
    assert 1 in {sample.status for sample in driver.aggregator.service_checks('amazon_ses.can_connect')}
    assert driver.total('send.count') > 0
    stop_mail(sim, clock)
    assert_exact(driver, sim, clock)


def test_only_failed_series_are_read_again(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """The run after a failed batch queries the series of that batch only."""
    sim = many(start)
    driver = counting(make_driver, sim)
    fault = sim.faults.add(Fault('server_error', operation='GetMetricData', holds='set-00015', times=2))
    sim.log.clear()
    while not fault.hits:
        driver.run()
        clock.advance(60)
    failed = {
        request.billed_metrics or len(request.params['MetricDataQueries'])
        for request in sim.log.where(operation='GetMetricData')
        if request.error
    }
    sim.log.clear()
    driver.run()
    requests = sim.log.where(operation='GetMetricData')
    assert len(requests) == 1
    assert {len(requests[0].params['MetricDataQueries'])} == failed


def bisected(make_driver: MakeDriver, sim: Simulator, clock: Clock, poison: Fault) -> Driver:
    """A check after 40 minutes in which requests with one set are refused."""
    driver = counting(make_driver, sim)
    sim.faults.add(poison)
    for _ in range(40):
        driver.run()
        clock.advance(60)
    assert batch_size(sim, 'set-00015') == 1
    return driver


def assert_neighbours_are_counted(driver: Driver, sim: Simulator, clock: Clock) -> None:
    since = driver.last('collector.counting_since')
    for number in (0, 12, 13, 14, 16, 25):
        name = f'set-{number:05d}'
        counted = driver.total('configuration_set.send.count', REGION, f'configuration_set:{name}')
        final = driver.cloudwatch_sum('Send', since, clock() - 1200, dimensions={SET: name})
        assert final <= counted <= driver.cloudwatch_sum('Send', since, dimensions={SET: name})


def test_a_series_that_aws_calls_invalid_is_proven(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A request that AWS calls invalid is halved run by run until one series is left. That one is asked again for an
    hour; only when it is still invalid then it rests for a day, and is reported. Every other series is counted."""
    sim = many(start)
    poison = Fault('error', operation='GetMetricData', holds='set-00015', argument=('ValidationError', 400))
    driver = bisected(make_driver, sim, clock, poison)
    assert driver.values('collector.series_dropped', REGION, 'reason:refused') == []
    for _ in range(40):
        driver.run()
        clock.advance(60)
    assert driver.last('collector.series_dropped', REGION, 'reason:refused') == len(EVENTS)
    hits = poison.hits
    assert hits <= 80 * 2 * len(EVENTS)
    driver.run_for(HOUR, 300)
    assert poison.hits == hits, 'the series is not queried for a day'
    assert driver.status('can_connect')[0] == 0
    assert_neighbours_are_counted(driver, sim, clock)
    sim.faults.clear()
    clock.advance(DAY)
    driver.run_for(900, 60)
    dimensions = f'configuration_set:set-{15:05d}'
    assert driver.values('configuration_set.send.count', REGION, dimensions), 'asked again after the day'


@pytest.mark.parametrize(
    'poison',
    [
        Fault('error', operation='GetMetricData', holds='set-00015', argument=('RequestEntityTooLarge', 413)),
        Fault('page', operation='GetMetricData', holds='set-00015', argument=403),
        Fault('page', operation='GetMetricData', holds='set-00015', argument=302),
    ],
    ids=['too_large', 'page', 'redirect'],
)
def test_what_is_not_aws_proves_nothing(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, poison: Fault
) -> None:
    """A gateway that refuses one name for hours keeps nothing beside it from being counted. The name is never taken for
    invalid, and is counted completely once the gateway lets it pass."""
    sim = many(start)
    driver = bisected(make_driver, sim, clock, poison)
    for _ in range(12):
        driver.run()
        clock.advance(300)
    assert driver.values('collector.series_dropped', REGION, 'reason:refused') == []
    assert_neighbours_are_counted(driver, sim, clock)
    sim.faults.clear()
    driver.run_for(300, 60)
    stop_mail(sim, clock)
    assert_exact(driver, sim, clock)


GATEWAYS = [('page', 400), ('page', 302), ('page', 403), ('error', ('ValidationError', 400))]


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(gateway=st.tuples(st.sampled_from(GATEWAYS), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 2**20)))
def test_after_a_gateway_nothing_is_missing(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, datadog_agent: Any, gateway: Any
) -> None:
    """A gateway answers some requests with a page or an error for ten minutes: an hour later every count of every
    series is exact and nothing was skipped."""
    (kind, argument), share, seed = gateway
    clock.set(START)
    datadog_agent.reset()
    sim = many(start, seed=seed)
    driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'], max_series=5000)
    driver.aggregator.reset()
    try:
        driver.run_for(600, 60)
        sim.faults.add(Fault(kind, operation='GetMetricData', probability=share, argument=argument))
        for _ in range(10):
            driver.run()
            clock.advance(60)
        sim.faults.clear()
        stop_mail(sim, clock)
        driver.run_for(900, 60)
        assert driver.status('can_connect')[0] == 0
        assert_exact(driver, sim, clock)
    finally:
        driver.check.cancel()
        sim.stop()


@pytest.mark.parametrize('minutes', [2, 5, 20])
def test_no_series_is_quarantined_where_everything_is_refused(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, minutes: int
) -> None:
    """When every request is refused for some time, no series stays in quarantine, requests stay few, and afterwards
    every amount is counted."""
    sim = many(start)
    driver = counting(make_driver, sim)
    sim.faults.add(Fault('error', operation='GetMetricData', argument=('ValidationError', 400)))
    sim.log.clear()
    for _ in range(minutes):
        driver.run()
        clock.advance(60)
    assert len(sim.log.where(operation='GetMetricData')) <= 32 * (minutes // 5 + 1)
    sim.faults.clear()
    driver.run_for(1800, 60)
    driver.new_values()
    driver.run()
    assert not any('reason:refused' in tags for _, tags in driver.new_values())
    stop_mail(sim, clock)
    assert_exact(driver, sim, clock)


def test_long_names_make_smaller_requests(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Requests stay below the size that AWS accepts, however long the names and values of dimensions are."""
    for number in range(300):
        dimensions = {f'{place}-{"n" * 200}': f'{number}-{"ü" * 250}' for place in range(8)}
        sim.world.put(ACCOUNT, REGION, series_id('Send', dimensions), clock() - HOUR, 1)
    sizes: list[int] = []
    answer = sim._server._answer

    def measured(request: Any) -> Any:
        sizes.append(len(request.body))
        return answer(request)

    sim._server._answer = measured
    driver = make_driver(sim, collect=['cloudwatch', 'unrecognized'])
    driver.run_for(600, 60)
    assert driver.last('collector.series') == ACCOUNT_METRICS + 300
    assert max(sizes) < 1_000_000
    assert driver.status('can_connect')[0] == 0


def test_one_worker_and_eight_count_the_same(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """Sequential batches, parallel batches, and batches that botocore serializes itself submit the same amounts in the
    same runs."""
    sim = many(start, late_share=0.3)
    counts: dict[str, list[dict[Any, float]]] = {}
    begin = clock()
    speaks_json = json_protocol.speaks_json
    for mode in ('parallel', 'sequential', 'botocore'):
        clock.set(begin)
        driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'], max_series=5000, ledger=mode)
        driver.new_values()
        width = 1 if mode == 'sequential' else 8
        driver.check._runner = Runner(driver.check.monotonic, max_per_region=width)
        json_protocol.speaks_json = speaks_json if mode != 'botocore' else lambda client: False
        counts[mode] = []
        for _ in range(30):
            driver.run()
            counts[mode].append({key: value for key, value in driver.new_values().items() if key[0].endswith('.count')})
            clock.advance(60)
        json_protocol.speaks_json = speaks_json
    assert sum(map(len, counts['parallel'])) > 400
    assert counts['parallel'] == counts['sequential'] == counts['botocore']


def test_what_does_not_come_in_time_is_taken_in_later(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A run ends with the batches that came, says what is under way, asks for nothing of it again, and counts it when
    it comes, exactly."""
    sim = many(start)
    with slow_aws(sim) as slow:
        driver = slow.slow_down(counting(make_driver, sim, read_timeout=60))
        hold = slow.hold('GetMetricData', text='set-00015')
        while not hold.number:
            driver.run()
            clock.advance(60)
        assert driver.status('can_connect')[0] == 1
        assert 'no answer yet to GetMetricData' in driver.status('can_connect')[1]
        driver.run_for(900, 60)
        assert hold.number == 1
        assert driver.total('configuration_set.send.count', REGION, 'configuration_set:set-00002') > 0
        hold.release()
        wait_for_workers()
        stop_mail(sim, clock)
        assert_exact(driver, sim, clock)


def test_counts_add_up_in_two_regions_with_faults_in_one(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Every kind of fault in one Region, late data and a restart in both: all counts of both are exact."""
    sim = many(start, late_share=0.3, late=(300.0, 2400.0))
    driver = counting(make_driver, sim, regions=[REGION, OTHER], min_collection_interval=60)
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
            driver.run()
            clock.advance(60)
        if kind == 'html':
            driver.restart()
    assert driver.status('can_connect', OTHER)[0] == 0
    stop_mail(sim, clock)
    assert_exact(driver, sim, clock)
    assert_exact(driver, sim, clock, OTHER)
