"""Which series are asked for is the operator's decision, and what a limit leaves out is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from common import ACCOUNT, REGION, START, Watch, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Simulator, series_id

Watching = Callable[..., Watch]
HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'


def send(sim: Simulator, name: str, number: int, *metrics: str, of: str = SET) -> None:
    """Mail of a set that CloudWatch lists already, as much of it in each of the last hours as `number`."""
    for metric in ('Send', *metrics):
        for hour in range(6):
            sim.world.put(ACCOUNT, REGION, series_id(metric, {of: name}), START - hour * HOUR - 1200, number)


def asked(sim: Simulator) -> set[tuple[str, ...]]:
    """The metrics that were asked for, with the values of their dimensions."""
    metrics = (
        query['MetricStat']['Metric']
        for request in sim.log.where(operation='GetMetricData')
        for query in request.params['MetricDataQueries']
    )
    return {(one['MetricName'], *(dimension['Value'] for dimension in one['Dimensions'])) for one in metrics}


def test_include_and_exclude(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Listed series are asked for if they fit an entry of include and none of exclude; the account always is; what is
    excluded is reported, and costs nothing."""
    for name in ('prod-news', 'prod-login', 'test-news'):
        send(sim, name, 1, 'Open', 'Reputation.BounceRate')
    send(sim, '198.51.100.7', 1, of='ses:source-ip')
    watching = watch(
        collect=['cloudwatch', 'configuration_sets', 'unrecognized'],
        include=[{'dimension': SET, 'value': 'prod-*'}, {'metric': 'Reputation.*'}],
        exclude=[{'metric': 'Op?n'}, {'dimension': SET, 'value': '*login', 'metric': 'Send'}],
    )
    watching.through(600, 60)
    assert {one for one in asked(sim) if len(one) > 1} == {
        ('Send', 'prod-news'),
        ('Reputation.BounceRate', 'prod-news'),
        ('Reputation.BounceRate', 'prod-login'),
        ('Reputation.BounceRate', 'test-news'),
    }
    assert ('Send',) in asked(sim) and ('Open',) in asked(sim)
    assert watching.last('collector.series_dropped', REGION, 'reason:excluded') == 6
    assert watching.last('collector.series') == 16


def test_families_can_be_switched_off(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A family that collect does not name is not asked for; without any, nothing is listed either."""
    send(sim, 'news', 1)
    send(sim, 'other', 1, of='campaign')
    watching = watch(collect=['cloudwatch', 'unrecognized'])
    watching.through(600, 60)
    assert {one for one in asked(sim) if len(one) > 1} == {('Send', 'other')}
    watching.restart(collect=['cloudwatch'])
    sim.log.clear()
    watching.through(1200, 60)
    assert {one for one in asked(sim) if len(one) > 1} == set()
    assert sim.log.where(operation='ListMetrics') == []


def test_the_most_important_series_are_kept(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Over max_series, reputation comes first, then whatever sent the most of late, however late its name comes in the
    alphabet; it is said once, and in every run by a metric."""
    for number in range(20):
        send(sim, f'set-{number:02}', 1 + number, 'Bounce', 'Complaint')
    for hour in range(3):
        sim.world.put(ACCOUNT, REGION, series_id('Reputation.BounceRate', {SET: 'a'}), START - HOUR * hour - 1200, 0.01)
    watching = watch(collect=['cloudwatch', 'configuration_sets'], max_series=7)
    for _ in range(4):
        watching.run()
        clock.advance(60)
    warned = [one for one in watching.check.get_warnings() if 'max_series' in one]
    sim.log.clear()
    watching.through(HOUR, 60)
    kept = {one for one in asked(sim) if len(one) > 1}
    assert kept == {
        ('Reputation.BounceRate', 'a'),
        *((metric, name) for name in ('set-19', 'set-18') for metric in ('Send', 'Bounce', 'Complaint')),
    }
    assert watching.last('collector.series') == 12 + 7
    assert watching.last('collector.series_dropped', REGION, 'reason:max_series') == 61 - 7
    assert len(watching.values('collector.series_dropped', REGION, 'reason:max_series')) >= 60
    assert len(warned) == 1
    assert [one for one in watching.check.get_warnings() if 'max_series' in one] == []


def test_the_order_follows_what_is_sent(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A set that begins to send more than the others is taken in within a day, and none of its mail counts twice."""
    for number in range(6):
        send(sim, f'set-{number}', 10 + number)
    watching = watch(collect=['configuration_sets'], max_series=3)
    watching.through(HOUR, 60)
    assert asked(sim) >= {('Send', 'set-5'), ('Send', 'set-4'), ('Send', 'set-3')}
    for minute in range(0, 30 * 60, 10):
        at = clock() + 60 * minute
        sim.world.put(ACCOUNT, REGION, series_id('Send', {SET: 'set-0'}), at, 50, visible_at=at + 60)
    watching.through(26 * HOUR, 300)
    sim.log.clear()
    watching.through(HOUR, 300)
    assert ('Send', 'set-0') in asked(sim)
    since = watching.last('collector.counting_since')
    handed = watching.total('configuration_set.send.count', REGION, 'configuration_set:set-0')
    assert 0 < handed <= watching.truth('Send', since, dimensions={SET: 'set-0'})


def test_a_limit_of_zero_lists_and_asks_for_nothing_more(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """With max_series 0 the account is read and what else there is is reported as left out."""
    send(sim, 'news', 1)
    watching = watch(max_series=0)
    watching.through(300, 60)
    assert watching.last('collector.series') == 12
    assert watching.last('collector.series_dropped', REGION, 'reason:max_series') == 1


@pytest.mark.parametrize(
    ('option', 'value', 'shown'),
    [
        ('include', 'Send', "'Send'"),
        ('include', [], '[]'),
        ('exclude', [{}], '{}'),
        ('exclude', [{'metrics': 'Open'}], "{'metrics': 'Open'}"),
        ('exclude', [{'metric': ''}], "{'metric': ''}"),
        ('include', [{'value': ['a']}], "{'value': ['a']}"),
        ('max_series', 50_001, '50001'),
        ('linked_accounts', 'maybe', "'maybe'"),
        ('regions', 'every', "'every'"),
        ('collect', ['tenant'], "'tenant'"),
    ],
)
def test_wrong_values_are_refused(option: str, value: Any, shown: str, sim: Simulator, datadog_agent: Any) -> None:
    """A wrong value ends with the option, the value and the accepted form."""
    check = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **{option: value})])
    report = check.run()
    assert f'`{option}`' in report
    assert shown in report.replace('\\\\', '\\').replace('\\"', '"') or shown in report
    assert 'Accepted:' in report
