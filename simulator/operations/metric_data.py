"""GetMetricData: for any request, and written as JSON at little cost for the requests of pollers."""

from __future__ import annotations

import json
from typing import Any

from simulator.call import Call
from simulator.cbor import Timestamp
from simulator.errors import AwsError
from simulator.operations import datapoints
from simulator.operations.datapoints import Datapoint
from simulator.operations.queries import Plan, Query, plan_of
from simulator.sums import Periods

MAX_DATAPOINTS = 100_800
_POLLER_PARAMS = {'MetricDataQueries', 'StartTime', 'EndTime', 'ScanBy'}

# The answer to one query: status, datapoints, messages about this query alone.
_Result = tuple[str, list[Datapoint], list[dict[str, str]]]


def get_metric_data(call: Call) -> dict[str, Any]:
    """The answer to any request, page by page."""
    if call.params['StartTime'] >= call.params['EndTime']:
        raise AwsError('ValidationError', datapoints.EMPTY_WINDOW)
    plan = plan_of(call.params['MetricDataQueries'])
    limit = call.params.get('MaxDatapoints', MAX_DATAPOINTS)
    if not 1 <= limit <= MAX_DATAPOINTS:
        raise AwsError('ValidationError', f'The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}.')
    offset, first_page_at = datapoints.page(call, 'InvalidNextToken')
    window = datapoints.rounded(call)
    _book(call, plan, window)
    # Every page shows the data of the first one's moment, or growing data would shift what the offset means.
    call.now = first_page_at
    results = []
    position, room, more = 0, limit, False
    for query in plan.queries:
        if query.params.get('ReturnData') is False:
            continue
        code, points, messages = _result(call, query, window)
        skip = min(len(points), max(0, offset - position))
        page = points[skip : skip + room]
        room -= len(page)
        position += skip + len(page)
        if skip + len(page) < len(points):
            more, code = True, 'PartialData'
        results.append(
            {
                'Id': query.params['Id'],
                'Label': query.label,
                'Timestamps': [Timestamp(point.start) for point in page],
                'Values': [point.values[0] for point in page],
                'StatusCode': code,
                **({'Messages': messages} if messages else {}),
            }
        )
    answer: dict[str, Any] = {'MetricDataResults': results, 'Messages': []}
    if more:
        answer['NextToken'] = datapoints.page_token(call, position, first_page_at)
    return answer


def write_metric_data(call: Call) -> bytes | None:
    """The answer of `get_metric_data` as JSON, byte for byte; None for pages, several periods, and cut periods."""
    params = call.params
    if call.backend.align != 'epoch' or params.keys() - _POLLER_PARAMS or params['StartTime'] >= params['EndTime']:
        return None
    plan = plan_of(params['MetricDataQueries'])
    period, *other_periods = plan.periods
    start, end = window = datapoints.rounded(call)
    last = -(-end // period) * period
    is_cut = start % period or start < datapoints.oldest(call.now, period) or last > end and end <= call.now
    too_many = plan.datapoints(start, end) > MAX_DATAPOINTS
    if other_periods or period % 60 or is_cut or too_many or not plan.all_returned:
        return None
    _book(call, plan, window)
    starts = [repr(float(time)) for time in range(start, last, period)]
    newest_first = _is_newest_first(call)
    if newest_first:
        starts.reverse()
    every_start = ','.join(starts)
    periods, sums = Periods(period, start, last), call.backend.sums
    results = []
    for query in plan.queries:
        texts = sums.texts(call.account, call.region, query.series, periods, call.now) if query.is_sum else None
        if texts is None:
            results.append(query.head + _written(*_result(call, query, window)))
            continue
        if newest_first:
            texts.reverse()
        times = every_start
        if '' in texts:
            times = ','.join([time for time, text in zip(starts, texts, strict=True) if text])
            texts = [text for text in texts if text]
        results.append(f'{query.head}{times}],"Values":[{",".join(texts)}],"StatusCode":"Complete"}}')
    return f'{{"MetricDataResults":[{",".join(results)}],"Messages":[]}}'.encode()


def _written(code: str, points: list[Datapoint], messages: list[dict[str, str]]) -> str:
    """The JSON that follows the head of a result."""
    times = ','.join(repr(float(point.start)) for point in points)
    values = ','.join(repr(point.values[0]) for point in points)
    more = f',"Messages":{json.dumps(messages, separators=(",", ":"))}' if messages else ''
    return f'{times}],"Values":[{values}],"StatusCode":"{code}"{more}}}'


def _is_newest_first(call: Call) -> bool:
    return bool(call.params.get('ScanBy', 'TimestampDescending') == 'TimestampDescending')


def _result(call: Call, query: Query, window: tuple[int, int]) -> _Result:
    stat, account = query.params['MetricStat'], query.params.get('AccountId', call.account)
    if not call.backend.accounts.may_read(call.account, account, call.region):
        # AWS documents that a message about one metric is in the result of that metric; its words are our guess.
        return 'Forbidden', [], [{'Code': 'Forbidden', 'Value': f'Account {account} is not linked.'}]
    if stat.get('Unit') and stat['Unit'] != call.backend.world.unit_of(call.region, query.series):
        return 'Complete', [], []
    points = datapoints.read(call, account, query.series, window, stat['Period'], (stat['Stat'],))
    return 'Complete', points[::-1] if _is_newest_first(call) else points, []


def _book(call: Call, plan: Plan, window: tuple[int, int]) -> None:
    """Note what the call costs and hold it against the quota of datapoints per second."""
    recent = window[0] >= call.now - 3 * 3600 - 60
    number = plan.datapoints(*window)
    call.backend.quotas.take_datapoints(call.account, call.region, number, recent)
    call.record.datapoints = number
    call.record.billed_metrics = plan.billed_metrics
