"""CloudWatch's other reads: ListMetrics and GetMetricStatistics."""

from __future__ import annotations

from typing import Any

from simulator.call import Call
from simulator.cbor import Timestamp
from simulator.errors import AwsError
from simulator.listings import TWO_WEEKS, Filter
from simulator.operations import datapoints
from simulator.operations.datapoints import Datapoint
from simulator.series import series_id

PAGE = 500


def list_metrics(call: Call) -> dict[str, Any]:
    params, owner = call.params, call.params.get('OwningAccount')
    offset, first_page_at = datapoints.page(call, 'InvalidParameterValue')
    accounts = [call.account]
    if params.get('IncludeLinkedAccounts'):
        accounts += call.backend.accounts.linked_to(call.account, call.region)
    elif owner and owner != call.account:
        raise AwsError('InvalidParameterValue', 'OwningAccount needs IncludeLinkedAccounts to be true.')
    selection = Filter(
        3 * 3600.0 if params.get('RecentlyActive') else TWO_WEEKS,
        params.get('Namespace'),
        params.get('MetricName'),
        tuple((dimension['Name'], dimension.get('Value')) for dimension in params.get('Dimensions', ())),
    )
    listed = [
        (account, series)
        for account in accounts
        if owner in (None, account)
        for series in call.backend.listings.listed(account, call.region, first_page_at, selection)
    ]
    page = listed[offset : offset + PAGE]
    answer: dict[str, Any] = {
        'Metrics': [
            {
                'Namespace': series.namespace,
                'MetricName': series.metric,
                'Dimensions': [{'Name': name, 'Value': value} for name, value in series.dimensions],
            }
            for _, series in page
        ]
    }
    if params.get('IncludeLinkedAccounts'):
        answer['OwningAccounts'] = [account for account, _ in page]
    if offset + PAGE < len(listed):
        answer['NextToken'] = datapoints.page_token(call, offset + PAGE, first_page_at)
    return answer


def get_metric_statistics(call: Call) -> dict[str, Any]:
    params = call.params
    plain, extended = params.get('Statistics', []), params.get('ExtendedStatistics', [])
    start, end = window = datapoints.rounded(call)
    _check_statistics(call, window)
    call.record.datapoints = -(-(end - start) // params['Period'])
    series = series_id(params['MetricName'], params.get('Dimensions', ()), params['Namespace'])
    unit = call.backend.world.unit_of(call.region, series)
    points: list[Datapoint] = []
    if params.get('Unit', unit) == unit:
        points = datapoints.read(call, call.account, series, window, params['Period'], (*plain, *extended))
    answer = []
    # Unordered, as documented: a fixed shuffle by the start of the period.
    for point in sorted(points, key=lambda point: (point.start * 2_654_435_761) & 0xFFFF_FFFF):
        datapoint = {'Timestamp': Timestamp(point.start), 'Unit': unit, **dict(zip(plain, point.values, strict=False))}
        if extended:
            datapoint['ExtendedStatistics'] = dict(zip(extended, point.values[len(plain) :], strict=True))
        answer.append(datapoint)
    return {'Label': params['MetricName'], 'Datapoints': answer}


def _check_statistics(call: Call, window: tuple[int, int]) -> None:
    """AwsError for a request of GetMetricStatistics that breaks AWS's rules."""
    params = call.params
    period, extended = params['Period'], params.get('ExtendedStatistics', [])
    if params['StartTime'] >= params['EndTime']:
        raise AwsError('InvalidParameterValue', datapoints.EMPTY_WINDOW)
    if not datapoints.is_period(period):
        raise AwsError('InvalidParameterValue', datapoints.WRONG_PERIOD)
    if not params.get('Statistics') and not extended:
        raise AwsError('MissingParameter', 'Must specify either Statistics or ExtendedStatistics.')
    if not all(datapoints.PERCENTILE.fullmatch(name) for name in extended):
        raise AwsError('InvalidParameterValue', 'The parameter ExtendedStatistics must be percentiles such as p95.')
    length = window[1] - window[0]
    if length / period > 1440:
        raise AwsError(
            'InvalidParameterCombination',
            f'You have requested up to {length // period:,} datapoints, which exceeds the limit of 1,440. You '
            'may reduce the datapoints requested by increasing Period, or decreasing the time range.',
        )
