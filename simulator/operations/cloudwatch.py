"""CloudWatch reads: GetMetricData, ListMetrics, GetMetricStatistics."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from simulator.operations import AwsError, Call, operation
from simulator.series import Sample, SeriesKey, dimensions_of

MAX_QUERIES = 500
MAX_DATAPOINTS = 100_800
STATISTICS = ('SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum')
_ID = re.compile(r'[a-z][a-zA-Z0-9_]*')
_PERCENTILE = re.compile(r'p(\d{1,2}(\.\d+)?|100)')
_TOO_LATE = 'The parameter StartTime must be less than the parameter EndTime.'
_PERIOD = 'The parameter Period must be a multiple of 60, or 1, 5, 10, or 30.'
_DAY = 86_400


def _valid_period(period: int) -> bool:
    return period in (1, 5, 10, 30) or (period > 0 and period % 60 == 0)


def window(call: Call, start: float, end: float) -> tuple[int, int]:
    """Start rounded down by its age, end rounded up to the minute; whole seconds."""
    age = call.now - start
    step = 60 if age < 15 * _DAY else 300 if age < 63 * _DAY else 3600
    return int(start // step) * step, -(-int(math.ceil(end)) // 60) * 60


def oldest(now: float, period: int) -> float:
    """Where CloudWatch's retention of data points of that period ends."""
    return now - (15 * _DAY if period < 300 else 63 * _DAY if period < 3600 else 455 * _DAY)


def _statistic(name: str, samples: Sequence[Sample]) -> float:
    count = sum(s.number for s in samples)
    total = sum(s.total for s in samples)
    if name == 'Sum':
        return float(total)
    if name == 'SampleCount':
        return float(count)
    if name == 'Average':
        return total / count
    if name == 'Minimum':
        return float(min(s.low for s in samples))
    if name == 'Maximum':
        return float(max(s.high for s in samples))
    wanted, seen = float(name[1:]) / 100.0 * count, 0.0
    for sample in sorted(samples, key=lambda s: s.total / s.number):
        seen += sample.number
        if seen >= wanted:
            return float(sample.total / sample.number)
    return float(samples[-1].high)


def _datapoints(
    call: Call, account: str, series: SeriesKey, start: int, end: int, period: int, statistics: Sequence[str]
) -> list[tuple[int, list[float]]]:
    """(period start, a value for each statistic) of every period with data, oldest first."""
    origin = start if call.sim.align == 'start' else 0
    first = max(start, int(oldest(call.now, period)))
    # A period finer than the samples holds the whole minute's sample at the minute's start.
    samples = call.world.samples(account, call.region, series, -(-first // 60), -(-end // 60), call.now)
    points: list[tuple[int, list[float]]] = []
    if statistics == ('Sum',):
        sums: dict[int, float] = {}
        for sample in samples:
            at = sample[0] * 60
            bucket = at - (at - origin) % period
            sums[bucket] = sums.get(bucket, 0.0) + sample[2]
        return [(at, [float(total)]) for at, total in sums.items()]
    grouped: dict[int, list[Sample]] = {}
    for sample in samples:
        at = sample.minute * 60
        grouped.setdefault(at - (at - origin) % period, []).append(sample)
    for at, inside in grouped.items():
        points.append((at, [_statistic(name, inside) for name in statistics]))
    return points


def check_queries(queries: list[dict[str, Any]]) -> None:
    """AwsError as AWS refuses queries that break its rules."""
    if len(queries) > MAX_QUERIES:
        raise AwsError(
            'ValidationError', f'The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.'
        )
    if not queries:
        raise AwsError('ValidationError', 'The collection MetricDataQueries must not have a size less than 1.')
    ids = set()
    for at, query in enumerate(queries, 1):
        name = query['Id']
        if not _ID.fullmatch(name):
            raise AwsError(
                'ValidationError',
                f'The value {name} for parameter MetricDataQueries.member.{at}.Id is not matching the expected pattern '
                '^[a-z][a-zA-Z0-9_]*$.',
            )
        if name in ids:
            raise AwsError('ValidationError', 'The values for parameter id in MetricDataQueries are not unique.')
        ids.add(name)
        if ('MetricStat' in query) == ('Expression' in query):
            raise AwsError(
                'ValidationError',
                'The parameter MetricDataQueries must have exactly one of MetricStat and Expression for each query.',
            )
        if 'Expression' in query:
            raise AwsError('ValidationError', f"Error in expression '{name}': expressions are not offered here")
        stat = query['MetricStat']
        metric = stat['Metric']
        if not metric.get('Namespace') or not metric.get('MetricName'):
            raise AwsError('ValidationError', f'The Metric of query {name} must have Namespace and MetricName.')
        if not _valid_period(stat['Period']):
            raise AwsError('ValidationError', _PERIOD)
        if stat['Stat'] not in STATISTICS and not _PERCENTILE.fullmatch(stat['Stat']):
            raise AwsError(
                'ValidationError',
                f'The value {stat["Stat"]} for parameter MetricDataQueries.member.{at}.MetricStat.Stat is not '
                'supported.',
            )


def series_of(query: dict[str, Any]) -> SeriesKey:
    """The series that a query asks for."""
    metric = query['MetricStat']['Metric']
    given = metric.get('Dimensions')
    return metric['Namespace'], metric['MetricName'], dimensions_of(given) if given else ()


def labels(queries: list[dict[str, Any]]) -> list[str]:
    """Metric names, with statistic or period where queries of one metric name differ in them."""
    stats: dict[str, set[str]] = {}
    periods: dict[str, set[int]] = {}
    for query in queries:
        stat = query['MetricStat']
        name = stat['Metric']['MetricName']
        stats.setdefault(name, set()).add(stat['Stat'])
        periods.setdefault(name, set()).add(stat['Period'])
    labels = []
    for query in queries:
        stat = query['MetricStat']
        name = stat['Metric']['MetricName']
        words = [name]
        if len(stats[name]) > 1:
            words.append(stat['Stat'])
        if len(periods[name]) > 1:
            words.append(str(stat['Period']))
        labels.append(query.get('Label') or ' '.join(words))
    return labels


def _digest(call: Call, ignored: Sequence[str]) -> str:
    asked = {name: value for name, value in call.params.items() if name not in ignored}
    return hashlib.blake2b(
        json.dumps([call.account, call.region, asked], sort_keys=True).encode(), digest_size=9
    ).hexdigest()


def _token(call: Call, offset: int, now: float, ignored: Sequence[str] = ('NextToken',)) -> str:
    content = json.dumps([offset, now, _digest(call, ignored)])
    return base64.urlsafe_b64encode(content.encode()).decode()


def _read_token(call: Call, code: str, ignored: Sequence[str] = ('NextToken',)) -> tuple[int, float]:
    """Offset and time of a page token; a token of another request is refused as AWS refuses it."""
    if not call.params.get('NextToken'):
        return 0, call.now
    try:
        offset, now, digest = json.loads(base64.urlsafe_b64decode(call.params['NextToken'].encode()))
    except (ValueError, TypeError):
        offset, now, digest = 0, 0.0, ''
    if digest != _digest(call, ignored):
        raise AwsError(code, 'The next token is invalid.')
    return int(offset), float(now)


@operation('cloudwatch', 'GetMetricData', action='cloudwatch:GetMetricData', per_second=500)
def get_metric_data(call: Call) -> dict[str, Any]:
    params = call.params
    queries = params['MetricDataQueries']
    if params['StartTime'] >= params['EndTime']:
        raise AwsError('ValidationError', _TOO_LATE)
    check_queries(queries)
    limit = params.get('MaxDatapoints', MAX_DATAPOINTS)
    if not 1 <= limit <= MAX_DATAPOINTS:
        raise AwsError('ValidationError', f'The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}.')
    offset, asked_at = _read_token(call, 'InvalidNextToken')
    start, end = window(call, params['StartTime'], params['EndTime'])
    datapoints = sum(-(-(end - start) // query['MetricStat']['Period']) for query in queries)
    statistics: dict[Any, set[str]] = {}
    for query in queries:
        statistics.setdefault((query.get('AccountId'), series_of(query)), set()).add(query['MetricStat']['Stat'])
    book(call, datapoints, billed(statistics), start)
    # Every page shows the data of the first one's moment, or growing data would shift what the offset means.
    call.now = asked_at
    newest_first = params.get('ScanBy', 'TimestampDescending') == 'TimestampDescending'
    results = []
    position, room, more = 0, limit, False
    for query, label in zip(queries, labels(queries), strict=True):
        if query.get('ReturnData') is False:
            continue
        code, points, messages = result(call, query, start, end)
        if newest_first:
            points.reverse()
        skip = min(len(points), max(0, offset - position))
        position += skip
        page = points[skip : skip + room]
        room -= len(page)
        position += len(page)
        if skip + len(page) < len(points):
            more, code = True, 'PartialData'
        results.append({
            'Id': query['Id'],
            'Label': label,
            'Timestamps': [float(at) for at, _ in page],
            'Values': [values[0] for _, values in page],
            'StatusCode': code,
            **({'Messages': messages} if messages else {}),
        })  # fmt: skip
    answer: dict[str, Any] = {'MetricDataResults': results, 'Messages': []}
    if more:
        answer['NextToken'] = _token(call, position, asked_at)
    return answer


class Result(NamedTuple):
    """What one query finds: status, (period start, values) oldest first, messages about this query alone."""

    code: str
    points: list[tuple[int, list[float]]]
    messages: tuple[dict[str, str], ...] = ()


def result(call: Call, query: dict[str, Any], start: int, end: int) -> Result:
    """The answer to one query of GetMetricData."""
    stat = query['MetricStat']
    account = query.get('AccountId', call.account)
    if not call.sim.accounts.may_read(call.account, account, call.region):
        # AWS documents that a message about one metric is in the result of that metric; its words are our guess.
        return Result('Forbidden', [], ({'Code': 'Forbidden', 'Value': f'Account {account} is not linked.'},))
    series = series_of(query)
    if stat.get('Unit') and stat['Unit'] != call.world.unit_of(account, call.region, series):
        return Result('Complete', [])
    return Result('Complete', _datapoints(call, account, series, start, end, stat['Period'], (stat['Stat'],)))


def billed(statistics: Mapping[Any, set[str]]) -> int:
    """Metrics that AWS bills for the statistics of each metric: it once for up to five of them."""
    return sum(-(-len(used) // 5) for used in statistics.values())


def book(call: Call, datapoints: int, billed_metrics: int, start: int) -> None:
    """Note what the call costs and hold it against the quota of datapoints per second."""
    recent = start >= call.now - 3 * 3600 - 60
    call.sim.quotas.take_datapoints(call.account, call.region, datapoints, recent)
    call.record.datapoints = datapoints
    call.record.billed_metrics = billed_metrics


@operation('cloudwatch', 'ListMetrics', action='cloudwatch:ListMetrics', per_second=25)
def list_metrics(call: Call) -> dict[str, Any]:
    params = call.params
    offset, asked_at = _read_token(call, 'InvalidParameterValue')
    within = 3 * 3600.0 if params.get('RecentlyActive') else 14.0 * _DAY
    wanted = tuple((d['Name'], d.get('Value')) for d in params.get('Dimensions', ()))
    owner = params.get('OwningAccount')
    accounts = [call.account]
    if params.get('IncludeLinkedAccounts'):
        accounts += call.sim.accounts.linked_to(call.account, call.region)
    elif owner and owner != call.account:
        raise AwsError('InvalidParameterValue', 'OwningAccount needs IncludeLinkedAccounts to be true.')
    found: list[tuple[str, SeriesKey]] = []
    for account in accounts:
        if not owner or account == owner:
            listed = call.world.listed(
                account, call.region, asked_at, within, params.get('Namespace'), params.get('MetricName'), wanted
            )
            found += zip(repeat(account), listed)
    page = found[offset : offset + 500]
    answer: dict[str, Any] = {
        'Metrics': [
            {'Namespace': n, 'MetricName': m, 'Dimensions': [{'Name': name, 'Value': value} for name, value in d]}
            for _, (n, m, d) in page
        ]
    }
    if params.get('IncludeLinkedAccounts'):
        answer['OwningAccounts'] = [account for account, *_ in page]
    if offset + 500 < len(found):
        answer['NextToken'] = _token(call, offset + 500, asked_at)
    return answer


@operation('cloudwatch', 'GetMetricStatistics', action='cloudwatch:GetMetricStatistics', per_second=400)
def get_metric_statistics(call: Call) -> dict[str, Any]:
    params = call.params
    plain, extended = params.get('Statistics', []), params.get('ExtendedStatistics', [])
    period = params['Period']
    if params['StartTime'] >= params['EndTime']:
        raise AwsError('InvalidParameterValue', _TOO_LATE)
    if not _valid_period(period):
        raise AwsError('InvalidParameterValue', _PERIOD)
    if not plain and not extended:
        raise AwsError('MissingParameter', 'Must specify either Statistics or ExtendedStatistics.')
    if any(not _PERCENTILE.fullmatch(name) for name in extended):
        raise AwsError('InvalidParameterValue', 'The parameter ExtendedStatistics must be percentiles such as p95.')
    start, end = window(call, params['StartTime'], params['EndTime'])
    if (end - start) / period > 1440:
        raise AwsError(
            'InvalidParameterCombination',
            f'You have requested up to {(end - start) // period:,} datapoints, which exceeds the limit of 1,440. You '
            'may reduce the datapoints requested by increasing Period, or decreasing the time range.',
        )
    call.record.datapoints = -(-(end - start) // period)
    series = (params['Namespace'], params['MetricName'], dimensions_of(params.get('Dimensions', ())))
    unit = call.world.unit_of(call.account, call.region, series)
    points = []
    if params.get('Unit', unit) == unit:
        points = _datapoints(call, call.account, series, start, end, period, (*plain, *extended))
    datapoints = []
    for at, values in sorted(points, key=lambda point: (point[0] * 2_654_435_761) & 0xFFFF_FFFF):
        point: dict[str, Any] = {'Timestamp': float(at), 'Unit': unit}
        point.update(zip(plain, values, strict=False))
        if extended:
            point['ExtendedStatistics'] = dict(zip(extended, values[len(plain) :], strict=True))
        datapoints.append(point)
    return {'Label': params['MetricName'], 'Datapoints': datapoints}
