"""Listed metrics become series in separate families, and a failing listing costs none of them."""

from __future__ import annotations

from typing import Any

import pytest
from common import (
    ACCOUNT,
    ACCOUNT_METRICS,
    REGION,
    START,
    MakeDriver,
    StartSimulator,
    replace_attribute,
    wait_for_workers,
)

from datadog_checks.amazon_ses.cloudwatch import discovery
from datadog_checks.amazon_ses.cloudwatch.metric_table import BY_CONFIGURATION_SET
from simulator import SCENARIOS, Clock, Fault, Simulator, series_id
from simulator.scenarios import Family, Scenario, configuration_sets

DAY = 86400
SET = 'ses:configuration-set'


def listing_parameters(sim: Simulator, **parameters: Any) -> list[dict[str, Any]]:
    return [
        request.params
        for request in sim.log.where(operation='ListMetrics')
        if parameters.items() <= request.params.items()
    ]


def test_each_family_has_its_metrics_and_unknown_metrics_pass_through(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Of everything that SES publishes, each count adds up to CloudWatch's final sums under its name and tags; metrics
    of no family come as amazon_ses.unrecognized with their namespace, name and dimensions."""
    sim = start(SCENARIOS['everything'])
    driver = make_driver(sim, settle_delay=0)
    driver.run_for(7200, 60)
    since, end = driver.last('collector.counting_since'), clock() - 2700

    def truth(metric: str, dimensions: dict[str, str], until: float, namespace: str = 'AWS/SES') -> float:
        return driver.cloudwatch_sum(metric, since, until, dimensions=dimensions, namespace=namespace)

    pool, endpoint = {'PoolName': 'managed-main'}, {'ses:multi-region-endpoint-id': 'abcdef12.g3h'}
    tenant = {'TenantId': 'tn-00000000', 'TenantName': 'tenant-00000'}
    mail_manager = ('namespace:AWS/SES/MailManager', 'metric_name:Received', 'ingress_point_id:inp-0123456789abcdef')
    for name, tags, metric, dimensions, namespace in (
        ('configuration_set.send.count', ('configuration_set:set-00001',), 'Send', {SET: 'set-00001'}, 'AWS/SES'),
        ('receiving.received.count', ('rule_set:[Active]',), 'Received', {'RuleSetName': '[Active]'}, 'AWS/SES'),
        ('tenant.send.count', ('tenant_id:tn-00000000', 'tenant:tenant-00000'), 'Sends', tenant, 'AWS/SES'),
        ('managed_pool.send.count', ('pool_name:managed-main',), 'Send', pool, 'AWS/SES'),
        ('global_endpoint.send.count', ('multi_region_endpoint_id:abcdef12.g3h',), 'SendCount', endpoint, 'AWS/SES'),
        ('email_validation.low.count', (), 'EmailAddressInsights.ConfidenceVerdict.LOW', {}, 'AWS/SES'),
        (
            'unrecognized.count',
            mail_manager,
            'Received',
            {'IngressPointId': 'inp-0123456789abcdef'},
            'AWS/SES/MailManager',
        ),
    ):
        counted = driver.total(name, REGION, *tags)
        settled, final = truth(metric, dimensions, end, namespace), truth(metric, dimensions, clock() + DAY, namespace)
        assert 0 < settled <= counted <= final, name
    assert driver.last('snds.spam_band', REGION, 'ip:198.51.100.7') == 1.0
    used = driver.last('managed_pool.utilization', REGION, 'pool_name:managed-main')
    assert used == pytest.approx(100 * 30_000 / 90_000, 0.1)
    assert driver.last('managed_pool.dedicated_percentage', REGION, 'pool_name:managed-main') == pytest.approx(80, 0.1)
    bytes_of = ('namespace:AWS/SES/MailManager', 'metric_name:ReceivedBytes')
    assert driver.last('unrecognized', REGION, *bytes_of) == pytest.approx(52_000, 0.6)
    assert driver.total('configuration_set.send.count', REGION, 'pool_name:managed-main') == 0


def test_series_of_odd_names_stay_apart(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Names with colons and odd characters, values with commas, slashes and letters of other alphabets: each keeps a
    separate count."""
    odd_dimensions = [
        {SET: 'a,b'}, {SET: 'a/b'}, {SET: 'a b'}, {SET: 'Zoë'}, {SET: 'ZOË'}, {SET: 'новости'},
        {'my:tag': 'x'}, {'my_tag': 'x'}, {'my tag': 'x'}, {'x': 'y', 'z': 'a,b'}, {'x': 'y,a', 'z': 'b'},
    ]  # fmt: skip
    for number, dimensions in enumerate(odd_dimensions, 1):
        for minute in range(60):
            at = START - 3600 + 60 * minute
            sim.world.put(ACCOUNT, REGION, series_id('Send', dimensions), at, 1, visible_at=at)
        sim.world.put(ACCOUNT, REGION, series_id('Send', dimensions), START + 900, number, visible_at=START + 900)
    driver = make_driver(collect=['cloudwatch', 'configuration_sets', 'unrecognized'])
    driver.run_for(3600, 60)
    counts: dict[tuple[str, ...], float] = {}
    for name in ('configuration_set.send.count', 'unrecognized.count'):
        for sample in driver.aggregator.metrics(f'amazon_ses.{name}'):
            key = (name, *sorted(sample.tags))
            counts[key] = counts.get(key, 0.0) + sample.value
    assert sorted(counts.values()) == list(range(1, len(odd_dimensions) + 1))


@pytest.mark.parametrize(
    'fault',
    [
        Fault('throttle', operation='ListMetrics', after=1),
        Fault('token_loop', operation='ListMetrics'),
        Fault('html', operation='ListMetrics', after=1),
        Fault('empty_results', operation='ListMetrics'),
        Fault('truncate', operation='ListMetrics', after=1),
    ],
    ids=lambda fault: f'{fault.kind}',
)
def test_a_listing_that_is_cut_short_replaces_nothing(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, fault: Fault
) -> None:
    """A failing page removes no series of an earlier complete listing, is reported, and the next listing completes."""
    sim = start(Scenario('sets', 'sets', volume=1e6, families=(configuration_sets(60),)), strict=False)
    driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'], max_series=2000)
    driver.run_for(900, 300)
    before = driver.last('collector.series')
    assert before == ACCOUNT_METRICS + 60 * len(BY_CONFIGURATION_SET)
    assert len(listing_parameters(sim)) >= 2, 'the list has more than one page'
    sim.faults.add(fault)
    for _ in range(14):
        driver.run()
        clock.advance(300)
    assert driver.status('can_connect')[0] == 1
    assert 'ListMetrics' in driver.status('can_connect')[1]
    assert set(driver.values('collector.series')[-14:]) == {before}
    sim.faults.clear()
    driver.run_for(120, 60)
    assert driver.status('can_connect')[0] == 0
    assert driver.last('collector.series') == before


def test_a_first_listing_that_is_cut_short_is_used_and_completed(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Series on the first page of a first listing are counted at once, the others as soon as their page can be read."""
    sim = start(Scenario('sets', 'sets', volume=1e6, families=(configuration_sets(60),)))
    sim.faults.add(Fault('throttle', operation='ListMetrics', after=1, times=2))
    driver = make_driver(sim, collect=['cloudwatch', 'configuration_sets'], max_series=2000)
    driver.run()
    clock.advance(60)
    driver.run()
    assert driver.last('collector.series') >= ACCOUNT_METRICS + 400
    clock.advance(60)
    driver.run_for(300, 60)
    assert driver.last('collector.series') == ACCOUNT_METRICS + 60 * len(BY_CONFIGURATION_SET)


def test_series_no_longer_listed_are_dropped_after_a_day(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A series that CloudWatch no longer lists is queried for one more day and then dropped."""
    sim = start()
    for minute in range(30):
        sim.world.put(ACCOUNT, REGION, series_id('Complaint', {SET: 'old'}), START - 3600 + 60 * minute, 1)
    driver = make_driver(sim, collect=['configuration_sets'])
    driver.run_for(300, 60)
    assert driver.last('collector.series') == 1
    # CloudWatch forgets a metric a fortnight after its last datapoint.
    clock.set(START + 14 * DAY)
    driver.run_for(2 * 3600, 900)
    assert driver.last('collector.series') == 1
    driver.run_for(DAY + 3600, 900)
    assert driver.last('collector.series') == 0


def test_listings_name_a_namespace_and_are_complete_once_an_hour(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Each listing names one of the three namespaces of SES; once an hour it is complete, else of recent metrics."""
    sim = start(SCENARIOS['everything'], strict=False)
    driver = make_driver(sim)
    driver.run_for(300, 60)
    sim.log.clear()
    driver.run_for(4 * 3600, 300)
    assert {parameters.get('Namespace') for parameters in listing_parameters(sim)} == {
        'AWS/SES',
        'AWS/SES/MailManager',
        'AWS/SES/Addons',
    }
    hints = listing_parameters(sim, Namespace='AWS/SES', RecentlyActive='PT3H')
    listings = listing_parameters(sim, Namespace='AWS/SES')
    assert len(listings) == 16
    assert len(listings) - len(hints) == 4


def test_names_beyond_the_limits_of_cloudwatch_cost_nothing(make_driver: MakeDriver, sim: Simulator) -> None:
    """Metrics with longer names than CloudWatch accepts are counted as dropped and never queried; all others, those
    with the longest possible names among them, are counted."""
    for name in ('x' * 10_000, '@' * 1025, 'a@' * 1000, 'v' * 1024, 'news'):
        series = series_id('Send', {SET: name})
        for minute in range(60):
            at = START - 3600 + 60 * minute
            sim.world.put(ACCOUNT, REGION, series, at, 1, at)
        sim.world.put(ACCOUNT, REGION, series, START + 900, 5, START + 900)
    for dimensions in ({'n' * 256: 'x'}, {f'd{number}': 'x' for number in range(31)}):
        sim.world.put(ACCOUNT, REGION, series_id('Send', dimensions), START - 3600, 1, START - 3600)
    driver = make_driver(collect=['configuration_sets', 'unrecognized'])
    driver.run_for(3600, 60)
    assert driver.last('collector.series') == 2
    assert driver.last('collector.series_dropped', REGION, 'reason:malformed') == 5
    assert driver.total('configuration_set.send.count') == 10


def test_forty_thousand_metrics_are_found(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """A list of 40,000 metrics is read to its end, however long it is, at a pace that leaves others half the quota."""
    family = Family(
        dimensions=('ses:from-domain',), count=10_000, patterns=('d{:05d}.example',),
        mail=('Send', 'Delivery', 'Bounce', 'Complaint'),
    )  # fmt: skip
    sim = start(Scenario('many', 'many identities', volume=1e6, families=(family,)), strict=False, quotas=False)
    driver = make_driver(sim, max_series=50_000, collect=['unrecognized'], min_collection_interval=60)
    # On a busy machine the listing may take longer than it may elsewhere.
    with replace_attribute(discovery, 'LISTING_SECONDS', 300):
        driver.run()
        wait_for_workers()
    assert len(listing_parameters(sim)) >= 81
    clock.advance(60)
    sim.faults.add(Fault('throttle', operation='GetMetricData'))
    driver.run()
    assert driver.last('collector.series') == 40_000


def test_a_misspelt_dimension_is_said_once_with_the_nearest_name_and_its_cost(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A combination of `dimensions` that CloudWatch does not list is one warning, with the nearest that it lists and
    the cost; one that it lists is none. Without listings nothing is said."""
    sim = start(SCENARIOS['everything'])
    named = [{SET: ['set-00001', 'set-0001x'], 'metrics': ['Send', 'Bounce']}, {'kampaign': 'ann@example.com'}]
    driver = make_driver(sim, dimensions=named)

    def warnings() -> list[str]:
        clock.advance(900)
        assert driver.run() == ''
        return [warning for warning in driver.check.get_warnings() if 'CloudWatch lists nothing' in warning]

    first, second = warnings()
    assert f'nothing with `{SET}=set-0001x`; did you mean `{SET}=set-00001`?' in first
    assert first.endswith('billed all the same, 2 metrics for $0.17 a month.')
    assert '`kampaign=' in second and 'ann@' not in second
    for _ in range(6):
        assert warnings() == []
    driver.restart(collect=['account'])
    assert warnings() == []
