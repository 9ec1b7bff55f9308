"""GetMetricData as pollers ask it, written from what is remembered: byte for byte what `cloudwatch` answers.

What a poller does not ask for (pages, units, readings, periods that are cut) is left to `cloudwatch`, whole or by
query.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.operations import AwsError, Call, cloudwatch, written
from simulator.series import SeriesKey
from simulator.shapes import Read

_UNDERSTOOD = {'MetricDataQueries', 'StartTime', 'EndTime', 'ScanBy'}


@dataclass(frozen=True, slots=True)
class _Query:
    """One query: the JSON that its result begins with; the series whose sums are asked for, None for anything else."""

    head: str
    sums_of: SeriesKey | None
    asked: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What stays the same when a list of queries is asked again."""

    queries: tuple[_Query, ...]
    period: int
    billed_metrics: int


@written('cloudwatch', 'GetMetricData')
def get_metric_data(call: Call) -> bytes | None:
    """The answer as JSON, or None where `cloudwatch.get_metric_data` has to answer."""
    params = call.params
    queries = params.get('MetricDataQueries')
    if type(queries) is not Read or call.sim.align != 'epoch' or not params.keys() <= _UNDERSTOOD:
        return None
    plan = queries.made = queries.made or _plan(queries)
    if plan is None or params['StartTime'] >= params['EndTime']:
        return None
    period = plan.period
    start, end = cloudwatch.window(call, params['StartTime'], params['EndTime'])
    last = -(-end // period) * period
    cut = start % period or start < cloudwatch.oldest(call.now, period) or last > end and end <= call.now
    datapoints = len(queries) * -(-(end - start) // period)
    if cut or datapoints > cloudwatch.MAX_DATAPOINTS:
        return None
    cloudwatch.book(call, datapoints, plan.billed_metrics, start)
    newest_first = params.get('ScanBy', 'TimestampDescending') == 'TimestampDescending'
    stamps = [repr(float(at)) for at in range(start, last, period)]
    every = ','.join(reversed(stamps) if newest_first else stamps)
    totals, place, now = call.sim.totals, (call.account, call.region), call.now
    parts = []
    for query in plan.queries:
        texts = totals.of(*place, query.sums_of, period, start, last, now) if query.sums_of else None
        if texts is None:
            parts.append(query.head + _answered(call, query.asked, start, end, newest_first))
            continue
        if newest_first:
            texts.reverse()
        shown = every
        if '' in texts:
            having = [text for text in texts if text]
            order = reversed(stamps) if newest_first else stamps
            shown = ','.join([at for at, text in zip(order, texts, strict=True) if text]) if having else ''
            texts = having
        parts.append(f'{query.head}{shown}],"Values":[{",".join(texts)}],"StatusCode":"Complete"}}')
    return f'{{"MetricDataResults":[{",".join(parts)}],"Messages":[]}}'.encode()


def _plan(queries: list[dict[str, Any]]) -> _Plan | None:
    try:
        cloudwatch.check_queries(queries)
    except AwsError:
        return None
    periods = {query['MetricStat']['Period'] for query in queries}
    if len(periods) != 1 or min(periods) % 60 or any(query.get('ReturnData') is False for query in queries):
        return None
    made = []
    statistics: dict[Any, set[str]] = {}
    for query, label in zip(queries, cloudwatch.labels(queries), strict=True):
        stat = query['MetricStat']
        series = _series_of(query)
        statistics.setdefault((query.get('AccountId'), series), set()).add(stat['Stat'])
        # An Id that passed the check needs no escaping.
        head = f'{{"Id":"{query["Id"]}","Label":{_text(label)},"Timestamps":['
        plain = stat['Stat'] == 'Sum' and 'Unit' not in stat and 'AccountId' not in query
        made.append(_Query(head, series if plain else None, query))
    return _Plan(tuple(made), periods.pop(), cloudwatch.billed(statistics))


_text = lru_cache(1024)(json.dumps)
_known: dict[int, tuple[dict[str, Any], SeriesKey]] = {}


def _series_of(query: dict[str, Any]) -> SeriesKey:
    """As `cloudwatch.series_of`, once for each MetricStat: equal ones are one object here, which is kept."""
    stat = query['MetricStat']
    known = _known.get(id(stat))
    if known is None or known[0] is not stat:
        if len(_known) >= 200_000:
            _known.clear()
        known = _known[id(stat)] = stat, cloudwatch.series_of(query)
    return known[1]


def _answered(call: Call, query: dict[str, Any], start: int, end: int, newest_first: bool) -> str:
    """What follows the head of a result that `cloudwatch` has to work out."""
    found = cloudwatch.result(call, query, start, end)
    points = found.points[::-1] if newest_first else found.points
    stamps, values = ([repr(float(at)) for at, _ in points], [repr(values[0]) for _, values in points])
    more = f',"Messages":{json.dumps(found.messages, separators=(",", ":"))}' if found.messages else ''
    return f'{",".join(stamps)}],"Values":[{",".join(values)}],"StatusCode":"{found.code}"{more}}}'
