"""Walks the table of what Mackerel, Centreon and get-send-statistics offer: nothing in it is a mere promise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from common import ACCOUNT, KEY, REGION, SECRET, START, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck, catalogue
from datadog_checks.base.stubs import aggregator as stub
from datadog_checks.base.stubs import datadog_agent as agent
from simulator import Clock, Scenario, Simulator, Standing
from simulator.scenarios import RATIOS, RECEIPT_RULES
from tools.coverage import FORMATS, ROWS, Api, CloudWatch, Row, carriers, render

PERIOD = 300
RUNS = 12
NONE: frozenset[str] = frozenset()

Found = Mapping[str, Mapping[frozenset[str], list[float]]]
"""Values in order, by metric and by the tags other than account and Region."""

MACKEREL = """Send Delivery Bounce Complaint Reject Open Click Reputation.BounceRate Reputation.ComplaintRate
PublishFailure PublishExpired SentLast24Hours"""
CENTREON = """Send Delivery Reputation.BounceRate Reputation.ComplaintRate --region --period --timeframe --statistic
--dimension --zeroed --aws-access-key --aws-secret-key --aws-session-token --aws-role-arn --aws-profile --proxyurl
--endpoint-url --timeout --skip-ssl-check --warning --critical --output-json --output-openmetrics"""
AWS_CLI = 'DeliveryAttempts Bounces Complaints Rejects'
"""What is to be in the table, taken from the catalogue of the peers and not from the table."""


def identity(row: Row) -> str:
    return f'{row.system}: {row.feature}'


# What is named is there.


@cache
def options(root: Path) -> frozenset[str]:
    """The options of an instance, as the specification names them."""
    ((_, instances),) = (
        file['options'] for file in yaml.safe_load((root / 'assets/configuration/spec.yaml').read_text())['files']
    )
    return frozenset(option['name'] for option in instances['options'] if 'name' in option)


def test_nothing_is_missing() -> None:
    """Each figure and option of the three systems has its row."""
    for system, expected in (('Mackerel, AWS', MACKEREL), ('Centreon', CENTREON), ('aws ses', AWS_CLI)):
        rows = [row for row in ROWS if row.system.startswith(system)]
        said = ' '.join(f'{row.feature} {row.source}' for row in rows)
        assert [word for word in expected.split() if word not in said] == []


@pytest.mark.parametrize('row', ROWS, ids=identity)
def test_carriers_exist(root: Path, row: Row) -> None:
    """Each row is carried by something, and each metric, option and format that it names exists."""
    assert row.metrics or row.options or row.formats
    assert set(row.metrics) <= {metric.full_name for metric in catalogue.METRICS}
    assert set(row.options) <= options(root)
    assert set(row.formats) <= set(FORMATS)
    assert row.source is None or row.metrics


def test_formats_are_those_of_the_command_line(root: Path) -> None:
    """The formats that rows may name are all that the command line of the standalone host knows."""
    done = subprocess.run(
        [sys.executable, '-m', 'standalone', 'check', '--help'], cwd=root, capture_output=True, text=True, check=True
    )
    assert f'--format {{{",".join(FORMATS)}}}' in ' '.join(done.stdout.split())


def test_rows_differ() -> None:
    """No row is there twice, under the same name or with nothing told apart."""
    names = [identity(row) for row in ROWS]
    assert len(names) == len(set(names))


def test_table() -> None:
    """The rendered table has a line for each row, with everything that carries it, and as many cells in each line."""
    head, rule, *lines = render().splitlines()
    assert len(lines) == len(ROWS) and render().endswith('|\n')
    assert {line.replace('\\|', '').count('|') for line in (head, rule, *lines)} == {head.count('|')}
    for row, line in zip(ROWS, lines, strict=True):
        assert row.feature in line and carriers(row) in line
        assert all(name in line for name in (*row.metrics, *row.options, *row.formats))


# The figures are right.


class Truth:
    """What AWS says, asked with boto3 alone."""

    def __init__(self, sim: Simulator, clock: Clock) -> None:
        self.now = clock()
        self._sim = sim
        keys = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET, 'region_name': REGION}
        session = boto3.Session(**keys)
        self._cloudwatch = session.client('cloudwatch', endpoint_url=sim.endpoint_url)
        self._ses = session.client('ses', endpoint_url=sim.endpoint_url)
        self._answers: dict[str, Any] = {}

    def newest(self, source: CloudWatch, value: str = '', back: float = 3600, settled: bool = False) -> float:
        """The newest value of a metric; with `settled` that of the newest period that ended 300 s ago or before."""
        end = settled_at(self.now) + PERIOD if settled else self.now
        points = self._cloudwatch.get_metric_statistics(
            Namespace='AWS/SES',
            MetricName=source.metric,
            Dimensions=[{'Name': source.dimension, 'Value': value}] if value else [],
            StartTime=end - PERIOD if settled else self.now // PERIOD * PERIOD - back,
            EndTime=end,
            Period=PERIOD,
            Statistics=[source.statistic],
        )['Datapoints']
        point = max(points, key=lambda one: one['Timestamp'])
        return float(point[source.statistic])

    def total(self, source: CloudWatch, since: float, value: str = '') -> float:
        """The sum of a metric from a boundary on."""
        points = self._cloudwatch.get_metric_statistics(
            Namespace='AWS/SES',
            MetricName=source.metric,
            Dimensions=[{'Name': source.dimension, 'Value': value}] if value else [],
            StartTime=since,
            EndTime=self.now // 60 * 60,
            Period=60,
            Statistics=['Sum'],
        )['Datapoints']
        return sum(float(point['Sum']) for point in points)

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension that CloudWatch lists."""
        listed = self._cloudwatch.list_metrics(Namespace='AWS/SES', Dimensions=[{'Name': dimension}])['Metrics']
        return sorted({one['Value'] for metric in listed for one in metric['Dimensions']})

    def quota(self, field: str) -> float:
        return float(self._answer('get_send_quota')[field])

    def statistics(self, field: str, seconds: float | None) -> float:
        """The sum over the buckets that began within some seconds, or that of the newest one that has ended."""
        buckets = self._answer('get_send_statistics')['SendDataPoints']
        if seconds is None:
            ended = [one for one in buckets if one['Timestamp'].timestamp() + 900 <= self.now]
            return float(max(ended, key=lambda one: one['Timestamp'])[field])
        return sum(one[field] for one in buckets if one['Timestamp'].timestamp() > self.now - seconds)

    def _answer(self, method: str) -> Any:
        if method not in self._answers:
            self._answers[method] = getattr(self._ses, method)()
        return self._answers[method]


def settled_at(now: float) -> float:
    """When the newest period began that has been over for 300 s."""
    return (now - 300) // PERIOD * PERIOD - PERIOD


def add_odd_samples(sim: Simulator, at: float) -> None:
    """One sample that is not 1 for each thing counted: else a sum and a number of samples would be the same."""
    for family in (RATIOS, RECEIPT_RULES[1].events):
        for metric in family:
            for dimensions in [()] if family is RATIOS else RECEIPT_RULES[1].members():
                sim.world.put(ACCOUNT, REGION, metric, at, 1000.5, dimensions)


@pytest.fixture(scope='module')
def bare_machine() -> Iterator[None]:
    """A machine without proxies and without AWS, however the one that runs the tests is set up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith('AWS_') or name.lower() in ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'):
                patch.delenv(name)
        for name in ('AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE'):
            patch.setenv(name, os.devnull)
        yield


@pytest.fixture(scope='module')
def told(bare_machine: None) -> Iterator[tuple[Found, Truth]]:
    """What a check of a busy account has handed over in twelve runs, and what AWS says at the time of the last one."""
    clock = Clock(START)
    scenario = Scenario(
        'coverage',
        'so busy that nothing is zero',
        volume=50_000.0,
        ratios={**RATIOS, 'Reject': 0.002},
        families=RECEIPT_RULES,
        standings=((0.0, Standing(max_24_hour_send=100_000_000.0, max_send_rate=2000.0)),),
        # CloudWatch shows everything at once here, so that every count can be told to the last one.
        lag=(0.0, 0.0),
    )
    stub.reset()
    agent.reset()
    with Simulator(scenario, clock=clock, quotas=False) as sim:
        check = AmazonSesCheck('amazon_ses', {}, [instance_of(sim)])
        check.clock = clock
        try:
            for run in range(RUNS):
                last = run == RUNS - 1
                # By then everything is due again, whichever second of its cadence it is asked in.
                clock.advance(3 * PERIOD if last else PERIOD)
                if last:
                    add_odd_samples(sim, settled_at(clock()) + 60)
                assert not check.run()
            found: dict[str, dict[frozenset[str], list[float]]] = {}
            own = {f'aws_account:{ACCOUNT}', f'region:{REGION}'}
            for name in stub.metric_names:
                for one in stub.metrics(name):
                    found.setdefault(name, {}).setdefault(frozenset(one.tags) - own, []).append(one.value)
            yield found, Truth(sim, clock)
        finally:
            check.cancel()
            stub.reset()
            agent.reset()


def of_metric(kind: type, keep: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    """The rows whose figure comes from that kind of source."""
    return [pytest.param(row, id=identity(row)) for row in ROWS if isinstance(row.source, kind) and keep(row.source)]


@pytest.mark.parametrize(
    'row', of_metric(CloudWatch, lambda source: source.statistic == 'Sum' and not source.dimension)
)
def test_events(told: tuple[Found, Truth], row: Row) -> None:
    """An event's gauge is the Sum of the newest settled period, and its counts add up to CloudWatch's sum."""
    found, truth = told
    gauge, count = row.metrics
    since = found['amazon_ses.collector.counting_since'][NONE][-1]
    assert found[gauge][NONE][-1] == truth.newest(row.source, settled=True) > 0
    assert sum(found[count][NONE]) == truth.total(row.source, since) > found[gauge][NONE][-1]


@pytest.mark.parametrize('row', of_metric(CloudWatch, lambda source: source.statistic == 'Average'))
def test_rates(told: tuple[Found, Truth], row: Row) -> None:
    """A reputation rate is CloudWatch's newest Average, a fraction, in percent."""
    found, truth = told
    (rate,) = row.metrics
    average = truth.newest(row.source)
    assert 0 < average < 0.1 and found[rate][NONE][-1] == pytest.approx(100 * average)


@pytest.mark.parametrize('row', of_metric(CloudWatch, lambda source: bool(source.dimension)))
def test_rules(told: tuple[Found, Truth], row: Row) -> None:
    """Receiving is told for each rule that CloudWatch lists, each with its own Sum and its own counts."""
    found, truth = told
    gauge, count = row.metrics
    rules = truth.values('RuleName')
    assert len(rules) == 3
    since = found['amazon_ses.collector.counting_since'][NONE][-1]
    for metric in row.metrics:
        assert {tag for tags in found[metric] for tag in tags if tag.startswith('rule:')} == {
            f'rule:{rule}' for rule in rules
        }
    for rule in rules:
        tags = frozenset({f'rule:{rule}'})
        assert found[gauge][tags][-1] == truth.newest(row.source, rule, settled=True) > 0
        assert sum(found[count][tags]) == truth.total(row.source, since, rule)


@pytest.mark.parametrize('row', of_metric(Api, lambda source: source.operation == 'GetSendQuota'))
def test_quota(told: tuple[Found, Truth], row: Row) -> None:
    """A figure of the quota is the one that GetSendQuota has."""
    found, truth = told
    (metric,) = row.metrics
    assert found[metric][NONE][-1] == truth.quota(row.source.field) > 0


@pytest.mark.parametrize('row', of_metric(Api, lambda source: source.operation == 'GetSendStatistics'))
def test_send_statistics(told: tuple[Found, Truth], row: Row) -> None:
    """A figure of GetSendStatistics is the sum of its buckets over the last whole one, 24 hours and 14 days."""
    found, truth = told
    (metric,) = row.metrics
    windows = {'15m': None, '24h': 86_400.0, '14d': 14 * 86_400.0}
    for window, seconds in windows.items():
        expected = truth.statistics(row.source.field, seconds)
        assert found[metric][frozenset({f'window:{window}'})][-1] == expected > 0, window
    assert found[metric].keys() == {frozenset({f'window:{window}'}) for window in windows}


def test_every_source_is_compared() -> None:
    """No row with a figure is left out by the tests above."""
    compared = {CloudWatch: {'Sum', 'Average'}, Api: {'GetSendQuota', 'GetSendStatistics'}}
    for row in ROWS:
        if row.source is not None:
            kind = row.source.statistic if isinstance(row.source, CloudWatch) else row.source.operation
            assert kind in compared[type(row.source)], identity(row)
