"""The queries of a GetMetricData request: what AWS refuses of them, how it labels them and what it bills."""

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
    """One query. `account` is that of a linked account; `head` is the JSON that its result begins with.

    `is_sum`: it asks for nothing but sums of the caller's own account.
    """

    id: str
    label: str
    account: str | None
    series: SeriesId
    period: int
    statistic: str
    unit: str | None
    returned: bool
    head: str
    is_sum: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays the same when a list of queries comes again: `periods` counts the queries of each period."""

    queries: tuple[Query, ...]
    periods: Counter[int]
    billed_metrics: int

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
    spellings = {_spelling(query) for query in queries}
    # A label also tells what the queries of one metric name differ in.
    statistics = Counter(name for name, _ in {(name, statistic) for name, statistic, _ in spellings})
    periods = Counter(name for name, _ in {(name, period) for name, _, period in spellings})
    planned = []
    for query in queries:
        name, statistic, period = _spelling(query)
        words = [name]
        if statistics[name] > 1:
            words.append(statistic)
        if periods[name] > 1:
            words.append(str(period))
        planned.append(_query(query, query.get('Label') or ' '.join(words)))
    # AWS bills a metric once for up to five of its statistics.
    used = {(query.account, query.series, query.statistic) for query in planned}
    metrics = Counter((account, series) for account, series, _ in used)
    billed = sum(-(-number // 5) for number in metrics.values())
    return Plan(tuple(planned), Counter(query.period for query in planned), billed)


def _spelling(query: dict[str, Any]) -> tuple[str, str, int]:
    """Metric name, statistic and period."""
    stat = query['MetricStat']
    return stat['Metric']['MetricName'], stat['Stat'], stat['Period']


def _query(query: dict[str, Any], label: str) -> Query:
    stat = query['MetricStat']
    metric = stat['Metric']
    account, unit = query.get('AccountId'), stat.get('Unit')
    return Query(
        query['Id'],
        label,
        account,
        series_id(metric['MetricName'], metric.get('Dimensions', ()), metric['Namespace']),
        stat['Period'],
        stat['Stat'],
        unit,
        query.get('ReturnData') is not False,
        # An Id that AWS takes needs no escaping.
        f'{{"Id":"{query["Id"]}","Label":{_json_text(label)},"Timestamps":[',
        stat['Stat'] == 'Sum' and not unit and account is None,
    )


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
