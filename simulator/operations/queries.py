"""The queries of a GetMetricData request: AWS's checks, labels and billing."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.errors import AwsError
from simulator.operations.datapoints import PERCENTILE, STATISTICS, WRONG_PERIOD, is_period
from simulator.series import SeriesId, series_id
from simulator.shapes import Remembered

MAX_QUERIES = 500
_ID = re.compile(r'[a-z][a-zA-Z0-9_]*')


@dataclass(frozen=True, slots=True)
class Query:
    """One query: its parameters, its label, its series, and the JSON that its result begins with.

    `is_sum`: it asks for nothing but the sums of a series of the caller's own account.
    """

    params: dict[str, Any]
    label: str
    series: SeriesId
    head: str
    is_sum: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All that need not be worked out again for a list of queries; `periods` counts the queries of each period."""

    queries: tuple[Query, ...]
    periods: Counter[int]
    billed_metrics: int
    all_returned: bool

    def datapoints(self, start: int, end: int) -> int:
        """Datapoints that the queries ask for in a window."""
        return sum(number * -(-(end - start) // period) for period, number in self.periods.items())


def plan_of(queries: list[dict[str, Any]]) -> Plan:
    """The plan of a request's queries; AwsError, as from AWS, for queries that break its rules."""
    if not isinstance(queries, Remembered):
        return _plan(queries)
    if queries.plan is None:
        queries.plan = _plan(queries)
    plan: Plan = queries.plan
    return plan


def _plan(queries: list[dict[str, Any]]) -> Plan:
    _check(queries)
    stats = [query['MetricStat'] for query in queries]
    names = [stat['Metric']['MetricName'] for stat in stats]
    # A label also tells what the queries of one metric name differ in.
    statistics = Counter(name for name, _ in {(name, stat['Stat']) for name, stat in zip(names, stats, strict=True)})
    periods = Counter(name for name, _ in {(name, stat['Period']) for name, stat in zip(names, stats, strict=True)})
    planned = []
    for query, stat, name in zip(queries, stats, names, strict=True):
        statistic = f' {stat["Stat"]}' if statistics[name] > 1 else ''
        period = f' {stat["Period"]}' if periods[name] > 1 else ''
        label = query.get('Label') or f'{name}{statistic}{period}'
        series = series_id(name, stat['Metric'].get('Dimensions', ()), stat['Metric']['Namespace'])
        # An Id that AWS takes needs no escaping.
        head = f'{{"Id":"{query["Id"]}","Label":{_json_text(label)},"Timestamps":['
        is_sum = stat['Stat'] == 'Sum' and not stat.get('Unit') and 'AccountId' not in query
        planned.append(Query(query, label, series, head, is_sum))
    # AWS bills a metric once for up to five of its statistics.
    used = {(query.params.get('AccountId'), query.series, query.params['MetricStat']['Stat']) for query in planned}
    metrics = Counter((account, series) for account, series, _ in used)
    billed = sum(-(-number // 5) for number in metrics.values())
    all_returned = all(query.get('ReturnData') is not False for query in queries)
    return Plan(tuple(planned), Counter(stat['Period'] for stat in stats), billed, all_returned)


_json_text = lru_cache(1024)(json.dumps)


def _check(queries: list[dict[str, Any]]) -> None:
    """AwsError for queries that break AWS's rules."""
    if not 1 <= len(queries) <= MAX_QUERIES:
        limit = f'greater than {MAX_QUERIES}' if queries else 'less than 1'
        raise _refusal(f'The collection MetricDataQueries must not have a size {limit}.')
    ids = set()
    for at, query in enumerate(queries, 1):
        name = query['Id']
        if not _ID.fullmatch(name):
            raise _refusal(
                f'The value {name} for parameter MetricDataQueries.member.{at}.Id is not matching the expected pattern '
                '^[a-z][a-zA-Z0-9_]*$.'
            )
        if name in ids:
            raise _refusal('The values for parameter id in MetricDataQueries are not unique.')
        ids.add(name)
        _check_query(query, at)


def _check_query(query: dict[str, Any], at: int) -> None:
    if ('MetricStat' in query) == ('Expression' in query):
        raise _refusal(
            'The parameter MetricDataQueries must have exactly one of MetricStat and Expression for each query.'
        )
    if 'Expression' in query:
        raise _refusal(f"Error in expression '{query['Id']}': expressions are not offered here")
    stat = query['MetricStat']
    metric, statistic = stat['Metric'], stat['Stat']
    if not metric.get('Namespace') or not metric.get('MetricName'):
        raise _refusal(f'The Metric of query {query["Id"]} must have Namespace and MetricName.')
    if not is_period(stat['Period']):
        raise _refusal(WRONG_PERIOD)
    if statistic not in STATISTICS and not PERCENTILE.fullmatch(statistic):
        raise _refusal(
            f'The value {statistic} for parameter MetricDataQueries.member.{at}.MetricStat.Stat is not supported.'
        )


def _refusal(message: str) -> AwsError:
    return AwsError('ValidationError', message)
