"""From series to GetMetricData requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.ledger import Window
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions, Query, Series
from datadog_checks.amazon_ses.model import Action

ACTIONS = (Action('cloudwatch:GetMetricData', 'CloudWatch metrics: counts, gauges and reputation rates'),)

MOST_QUERIES = 500
"""Queries in one GetMetricData request: AWS's limit."""

MOST_BYTES = 900_000
"""Bytes of one request, of which AWS takes a megabyte."""

PRICE = 0.01 / 1000
"""Dollars for each metric requested with GetMetricData (AWS price list, CW:GMD-Metrics)."""

PACE = 90_000
"""Datapoints (queries times periods) asked for in a second: half of AWS's fixed quota for the last three hours."""

MONTH = 30 * 86400
"""Seconds of the month that costs are estimated for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One GetMetricData request: some queries over one window of whole periods.

    `places` are those of the series in the selection, by query; the queries of a series stand together. `purpose` is
    empty for what is counted and shown; else it says what the answer is for.
    """

    queries: tuple[Query, ...]
    places: tuple[int, ...]
    window: Window
    period: int
    purpose: str = ''

    @property
    def billed_metrics(self) -> int:
        """Metrics that AWS bills: each series once, however many statistics and datapoints."""
        return len(set(self.places))

    @property
    def datapoints(self) -> int:
        """Datapoints asked for, which is what AWS limits in a second."""
        return len(self.queries) * periods(self.window, self.period)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the call. Ids are q0, q1 ... by place in `queries`."""
        return {
            'MetricDataQueries': [_query(f'q{place}', query, self.period) for place, query in enumerate(self.queries)],
            'StartTime': self.window.start,
            'EndTime': self.window.end,
            'ScanBy': 'TimestampAscending',
        }

    @property
    def body(self) -> bytes:
        """The same parameters as a JSON document. To write many queries as text is far cheaper than to build them."""
        asked = [_text(place, query, self.period).encode() for place, query in enumerate(self.queries)]
        asked[0] = b'{"MetricDataQueries":[' + asked[0]
        window = f'"StartTime":{self.window.start},"EndTime":{self.window.end}'
        asked[-1] += f'],{window},"ScanBy":"TimestampAscending"}}'.encode()
        return b','.join(asked)


def periods(window: Window, period: int) -> int:
    return (window.end - window.start) // period


def batches(
    starts: Mapping[int, int],
    series: Sequence[Series],
    asked: Sequence[tuple[str, ...]],
    weights: Sequence[int],
    end: int,
    period: int,
    purpose: str = '',
) -> list[Batch]:
    """The requests for the series at some places, each as far back as it must go: as few as can be. `asked` are the
    statistics of each series.

    What starts late comes first, so that few share a window with what starts early. No request asks for more
    datapoints than may be asked for in a second, unless one series does.
    """
    built: list[Batch] = []
    queries: list[Query] = []
    places: list[int] = []
    size, start = 0, end

    def close() -> None:
        nonlocal queries, places, size, start
        if queries:
            built.append(Batch(tuple(queries), tuple(places), Window(start, end), period, purpose))
        queries, places, size, start = [], [], 0, end

    for place in sorted(starts, key=starts.__getitem__, reverse=True):
        its, first, weight = asked[place], starts[place], weights[place]
        number = len(queries) + len(its)
        if number > MOST_QUERIES or size + weight > MOST_BYTES or number * ((end - min(start, first)) // period) > PACE:
            close()
        queries += [Query(series[place], statistic) for statistic in its]
        places += [place] * len(its)
        size += weight
        start = min(start, first)
    close()
    return built


def _query(name: str, query: Query, period: int) -> dict[str, Any]:
    # No Unit: CloudWatch answers nothing at all where the unit does not match.
    series = query.series
    asked: dict[str, Any] = {
        'Id': name,
        'MetricStat': {
            'Metric': {
                'Namespace': series.namespace,
                'MetricName': series.metric_name,
                'Dimensions': [{'Name': name, 'Value': value} for name, value in series.dimensions],
            },
            'Period': period,
            'Stat': query.statistic,
        },
        'ReturnData': True,
    }
    if series.account:
        asked['AccountId'] = series.account
    return asked


def _text(place: int, query: Query, period: int) -> str:
    series, statistic = query
    owner = f',"AccountId":"{series.account}"' if series.account else ''
    return (
        f'{{"Id":"q{place}","MetricStat":{{"Metric":{{"Namespace":"{series.namespace}","MetricName":'
        f'{_quoted(series.metric_name)},"Dimensions":{_dimensions(series.dimensions)}}},"Period":{period},'
        f'"Stat":"{statistic}"}},"ReturnData":true{owner}}}'
    )


@lru_cache(maxsize=1000)
def _quoted(name: str) -> str:
    return json.dumps(name)


@lru_cache(maxsize=20_000)
def _dimensions(dimensions: Dimensions) -> str:
    return json.dumps([{'Name': name, 'Value': value} for name, value in dimensions], separators=(',', ':'))


def monthly_cost(billed_metrics: float, period: int) -> float:
    """Dollars for 30 days when that many metrics are asked for in each period."""
    return billed_metrics * MONTH / period * PRICE


def halved(batch: Batch) -> Iterable[frozenset[int]]:
    """The places of a batch in two parts, or in one where it holds a single series."""
    places = sorted(set(batch.places))
    middle = (len(places) + 1) // 2
    return tuple(frozenset(part) for part in (places[:middle], places[middle:]) if part)
