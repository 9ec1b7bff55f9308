"""What CloudWatch lists becomes series, in families that stay apart, and no trouble with the list costs any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from common import ACCOUNT, REGION, START, Watch

from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.scenarios import Family, Scenario, configuration_sets

Watching = Callable[..., Watch]
Starting = Callable[..., Simulator]
DAY = 86400
SET = 'ses:configuration-set'


def listed(sim: Simulator, **wanted: Any) -> list[dict[str, Any]]:
    return [one.params for one in sim.log.where(operation='ListMetrics') if wanted.items() <= one.params.items()]


def test_each_family_has_metrics_of_its_own_and_the_rest_passes_through(
    watch: Watching, start: Starting, clock: Clock
) -> None:
    """Of everything that SES publishes, each count adds up to CloudWatch's final sums under a name and tags of its own;
    what no family knows comes as amazon_ses.unrecognized with its namespace, its name and its dimensions."""
    sim = start(SCENARIOS['everything'])
    watching = watch(sim, settle_delay=0)
    watching.through(7200, 60)
    since, end = watching.last('collector.counting_since'), clock() - 2700

    def truth(metric: str, dimensions: dict[str, str], until: float, namespace: str = 'AWS/SES') -> float:
        return watching.truth(metric, since, until, dimensions=dimensions, namespace=namespace)

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
        handed = watching.total(name, REGION, *tags)
        settled, final = truth(metric, dimensions, end, namespace), truth(metric, dimensions, clock() + DAY, namespace)
        assert 0 < settled <= handed <= final, name
    assert watching.last('snds.spam_rate', REGION, 'ip:198.51.100.7') == 50.0
    assert watching.last('managed_pool.dedicated_percentage', REGION, 'pool_name:managed-main') == pytest.approx(
        80, 0.1
    )
    bytes_of = ('namespace:AWS/SES/MailManager', 'metric_name:ReceivedBytes')
    assert watching.last('unrecognized', REGION, *bytes_of) == pytest.approx(52_000, 0.6)
    assert watching.total('configuration_set.send.count', REGION, 'pool_name:managed-main') == 0


def test_series_of_odd_names_stay_apart(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Names with colons and odd characters, values with commas, slashes and letters of other alphabets: each keeps a
    count of its own."""
    odd = [
        {SET: 'a,b'}, {SET: 'a/b'}, {SET: 'a b'}, {SET: 'Zoë'}, {SET: 'ZOË'}, {SET: 'новости'},
        {'my:tag': 'x'}, {'my_tag': 'x'}, {'my tag': 'x'}, {'x': 'y', 'z': 'a,b'}, {'x': 'y,a', 'z': 'b'},
    ]  # fmt: skip
    for number, dimensions in enumerate(odd, 1):
        for minute in range(60):
            at = START - 3600 + 60 * minute
            sim.world.put(ACCOUNT, REGION, 'Send', at, 1, dimensions=dimensions, visible_at=at)
        sim.world.put(ACCOUNT, REGION, 'Send', START + 900, number, dimensions=dimensions, visible_at=START + 900)
    watching = watch(collect=['cloudwatch', 'configuration_sets', 'unrecognized'])
    watching.through(3600, 60)
    counts: dict[tuple[str, ...], float] = {}
    for name in ('configuration_set.send.count', 'unrecognized.count'):
        for one in watching.aggregator.metrics(f'amazon_ses.{name}'):
            key = (name, *sorted(one.tags))
            counts[key] = counts.get(key, 0.0) + one.value
    assert sorted(counts.values()) == list(range(1, len(odd) + 1))


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
    watch: Watching, start: Starting, clock: Clock, fault: Fault
) -> None:
    """A page that fails leaves every series that a whole listing found, is told, and is made good when it passes."""
    sim = start(Scenario('sets', 'sets', volume=1e6, families=(configuration_sets(60),)))
    watching = watch(sim, collect=['cloudwatch', 'configuration_sets'], max_series=2000)
    watching.through(900, 60)
    before = watching.last('collector.series')
    assert before == 12 + 60 * 12
    assert len(listed(sim)) >= 2, 'the list has more than one page'
    sim.faults.add(fault)
    for _ in range(70):
        watching.run()
        clock.advance(60)
    assert watching.status('can_connect')[0] == 1
    assert 'ListMetrics' in watching.status('can_connect')[1]
    assert set(watching.values('collector.series')[-70:]) == {before}
    sim.faults.clear()
    watching.through(120, 60)
    assert watching.status('can_connect')[0] == 0
    assert watching.last('collector.series') == before


def test_a_first_listing_that_is_cut_short_is_used_and_completed(
    watch: Watching, start: Starting, clock: Clock
) -> None:
    """What the first page of a first listing named is counted at once, the rest as soon as it can be read."""
    sim = start(Scenario('sets', 'sets', volume=1e6, families=(configuration_sets(60),)))
    sim.faults.add(Fault('throttle', operation='ListMetrics', after=1, times=2))
    watching = watch(sim, collect=['cloudwatch', 'configuration_sets'], max_series=2000)
    watching.run()
    clock.advance(60)
    watching.run()
    assert watching.last('collector.series') >= 12 + 400
    clock.advance(60)
    watching.through(300, 60)
    assert watching.last('collector.series') == 12 + 60 * 12


def test_what_is_listed_no_more_ages_out_after_a_day(watch: Watching, start: Starting, clock: Clock) -> None:
    """A series that CloudWatch lists no more is asked for one day longer, and no request is spent on it after that."""
    sim = start()
    for minute in range(30):
        sim.world.put(ACCOUNT, REGION, 'Complaint', START - 3600 + 60 * minute, 1, dimensions={SET: 'old'})
    watching = watch(sim, collect=['configuration_sets'])
    watching.through(300, 60)
    assert watching.last('collector.series') == 1
    # A fortnight after its last datapoint CloudWatch forgets it.
    clock.set(START + 14 * DAY)
    watching.through(2 * 3600, 900)
    assert watching.last('collector.series') == 1
    watching.through(DAY + 3600, 900)
    assert watching.last('collector.series') == 0


def test_listing_is_by_namespace_and_whole_ones_are_rare(watch: Watching, start: Starting, clock: Clock) -> None:
    """Every listing names one of the three namespaces of SES; whole ones come once an hour, hints every 15 minutes."""
    sim = start(SCENARIOS['everything'])
    watching = watch(sim)
    watching.through(300, 60)
    sim.log.clear()
    watching.through(4 * 3600, 60)
    assert {one.get('Namespace') for one in listed(sim)} == {'AWS/SES', 'AWS/SES/MailManager', 'AWS/SES/Addons'}
    hints = listed(sim, Namespace='AWS/SES', RecentlyActive='PT3H')
    every = listed(sim, Namespace='AWS/SES')
    assert len(every) == 16
    assert len(every) - len(hints) == 4


def test_names_beyond_the_limits_of_cloudwatch_cost_nothing(watch: Watching, sim: Simulator) -> None:
    """Metrics with names that CloudWatch would not take are counted as dropped and asked for by nobody; all others,
    those with the longest possible names among them, are counted."""
    names = ['x' * 10_000, '@' * 1025, 'a@' * 1000, 'v' * 1024, 'news']
    for name in names:
        for minute in range(60):
            at = START - 3600 + 60 * minute
            sim.world.put(ACCOUNT, REGION, 'Send', at, 1, dimensions={SET: name}, visible_at=at)
        sim.world.put(ACCOUNT, REGION, 'Send', START + 900, 5, dimensions={SET: name}, visible_at=START + 900)
    for dimensions in ({'n' * 256: 'x'}, {f'd{number}': 'x' for number in range(31)}):
        sim.world.put(ACCOUNT, REGION, 'Send', START - 3600, 1, dimensions=dimensions, visible_at=START - 3600)
    watching = watch(collect=['configuration_sets', 'unrecognized'])
    watching.through(3600, 60)
    assert watching.last('collector.series') == 2
    assert watching.last('collector.series_dropped', REGION, 'reason:malformed') == 5
    assert watching.total('configuration_set.send.count') == 10


def test_forty_thousand_metrics_are_found(watch: Watching, start: Starting, clock: Clock) -> None:
    """A list of 40,000 metrics is read to its end in one run, at a pace that leaves half of AWS's quota to others."""
    family = Family(
        dimensions=('ses:from-domain',), count=10_000, patterns=('d{:05d}.example',),
        events=dict.fromkeys(('Send', 'Delivery', 'Bounce', 'Complaint'), 1.0),
    )  # fmt: skip
    sim = start(Scenario('many', 'many identities', volume=1e6, families=(family,)), strict=False, quotas=False)
    watching = watch(sim, max_series=50_000, collect=['unrecognized'], min_collection_interval=60)
    watching.run()
    assert len(listed(sim)) >= 81
    clock.advance(60)
    sim.faults.add(Fault('throttle', operation='GetMetricData'))
    watching.run()
    assert watching.last('collector.series') == 40_000
