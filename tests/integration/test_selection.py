"""The operator selects the series that are queried, and omitted series are reported."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, REGION, START, MakeDriver, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Simulator, series_id

HOUR, DAY = 3600, 86400
SET = 'ses:configuration-set'


def send(sim: Simulator, name: str, number: int, *metrics: str, dimension: str = SET) -> None:
    """Add `number` mails of a listed set in each of the last hours."""
    for metric in ('Send', *metrics):
        for hour in range(6):
            sim.world.put(ACCOUNT, REGION, series_id(metric, {dimension: name}), START - hour * HOUR - 1200, number)


def queried_metrics(sim: Simulator) -> set[tuple[str, ...]]:
    """The queried metrics, each with the values of its dimensions."""
    metrics = (
        query['MetricStat']['Metric']
        for request in sim.log.where(operation='GetMetricData')
        for query in request.params['MetricDataQueries']
    )
    return {(metric['MetricName'], *(dimension['Value'] for dimension in metric['Dimensions'])) for metric in metrics}


def listed_metrics(sim: Simulator) -> set[tuple[str, ...]]:
    """The queried metrics that have dimensions."""
    return {metric for metric in queried_metrics(sim) if len(metric) > 1}


def test_include_and_exclude_select_listed_series(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Listed series are queried if they match an entry of include and none of exclude; the account always is; excluded
    series are reported and cost nothing."""
    for name in ('prod-news', 'prod-login', 'test-news'):
        send(sim, name, 1, 'Open', 'Reputation.BounceRate')
    send(sim, '198.51.100.7', 1, dimension='ses:source-ip')
    driver = make_driver(
        collect=['cloudwatch', 'configuration_sets', 'unrecognized'],
        include=[{'dimension': SET, 'value': 'prod-*'}, {'metric': 'Reputation.*'}],
        exclude=[{'metric': 'Op?n'}, {'dimension': SET, 'value': '*login', 'metric': 'Send'}],
    )
    driver.run_for(600, 60)
    assert listed_metrics(sim) == {
        ('Send', 'prod-news'),
        ('Reputation.BounceRate', 'prod-news'),
        ('Reputation.BounceRate', 'prod-login'),
        ('Reputation.BounceRate', 'test-news'),
    }
    assert ('Send',) in queried_metrics(sim) and ('Open',) in queried_metrics(sim)
    assert driver.last('collector.series_dropped', REGION, 'reason:excluded') == 6
    assert driver.last('collector.series') == ACCOUNT_METRICS + 4


def test_families_can_be_switched_off(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A family that collect does not name is not queried; without families there are no listings either."""
    send(sim, 'news', 1)
    send(sim, 'other', 1, dimension='campaign')
    driver = make_driver(collect=['cloudwatch', 'unrecognized'])
    driver.run_for(600, 60)
    assert listed_metrics(sim) == {('Send', 'other')}
    driver.restart(collect=['cloudwatch'])
    sim.log.clear()
    driver.run_for(1200, 60)
    assert listed_metrics(sim) == set()
    assert sim.log.where(operation='ListMetrics') == []


def test_max_series_selects_the_most_important_series(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Over max_series, reputation comes first, then the sets that sent most recently, whatever their names; a warning
    says so once an hour, a metric in every run."""
    for number in range(20):
        send(sim, f'set-{number:02}', 1 + number, 'Bounce', 'Complaint')
    for hour in range(3):
        sim.world.put(ACCOUNT, REGION, series_id('Reputation.BounceRate', {SET: 'a'}), START - HOUR * hour - 1200, 0.01)
    driver = make_driver(collect=['cloudwatch', 'configuration_sets'], max_series=7)
    for _ in range(4):
        driver.run()
        clock.advance(60)
    warned = [warning for warning in driver.check.get_warnings() if 'max_series' in warning]
    sim.log.clear()
    driver.run_for(HOUR, 60)
    selected = listed_metrics(sim)
    assert selected == {
        ('Reputation.BounceRate', 'a'),
        *((metric, name) for name in ('set-19', 'set-18') for metric in ('Send', 'Bounce', 'Complaint')),
    }
    assert driver.last('collector.series') == ACCOUNT_METRICS + 7
    assert driver.last('collector.series_dropped', REGION, 'reason:max_series') == 61 - 7
    assert len(driver.values('collector.series_dropped', REGION, 'reason:max_series')) >= 60
    assert len(warned) == len([warning for warning in driver.check.get_warnings() if 'max_series' in warning]) == 1


def test_the_selection_follows_the_sending_volume(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A set that begins to send more than the others is selected within a day, and none of its mail counts twice."""
    for number in range(6):
        send(sim, f'set-{number}', 10 + number)
    driver = make_driver(collect=['configuration_sets'], max_series=3)
    driver.run_for(HOUR, 60)
    assert queried_metrics(sim) >= {('Send', 'set-5'), ('Send', 'set-4'), ('Send', 'set-3')}
    for minute in range(0, 30 * 60, 10):
        at = clock() + 60 * minute
        sim.world.put(ACCOUNT, REGION, series_id('Send', {SET: 'set-0'}), at, 50, visible_at=at + 60)
    driver.run_for(26 * HOUR, 300)
    sim.log.clear()
    driver.run_for(HOUR, 300)
    assert ('Send', 'set-0') in queried_metrics(sim)
    since = driver.last('collector.counting_since')
    counted = driver.total('configuration_set.send.count', REGION, 'configuration_set:set-0')
    assert 0 < counted <= driver.cloudwatch_sum('Send', since, dimensions={SET: 'set-0'})


def test_a_limit_of_zero_reads_the_account_only(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """With max_series 0 the account is read, and all other series are reported as dropped."""
    send(sim, 'news', 1)
    driver = make_driver(max_series=0)
    driver.run_for(300, 60)
    assert driver.last('collector.series') == ACCOUNT_METRICS
    assert driver.last('collector.series_dropped', REGION, 'reason:max_series') == 1


@pytest.mark.parametrize(
    ('option', 'value', 'quoted'),
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
def test_wrong_values_are_refused(option: str, value: Any, quoted: str, sim: Simulator, datadog_agent: Any) -> None:
    """A wrong value is an error that names the option, the value and the accepted form."""
    check = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **{option: value})])
    report = check.run()
    assert f'`{option}`' in report
    assert quoted in report.replace('\\\\', '\\').replace('\\"', '"') or quoted in report
    assert 'Accepted:' in report
