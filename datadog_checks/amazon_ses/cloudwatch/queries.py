"""Queries: batches, the GetMetricData requests for the due series, within AWS's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.cloudwatch.ledger import Origin
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions, Query, Series
from datadog_checks.amazon_ses.model import Action

ACTIONS = (Action('cloudwatch:GetMetricData', 'CloudWatch metrics: counts, gauges and reputation rates'),)

MAX_QUERIES = 500
"""Queries in one GetMetricData request: AWS's limit."""

MAX_BYTES = 900_000
"""Bytes of one request, of which AWS accepts a megabyte."""

MAX_DATAPOINTS = 90_000
"""Datapoints (queries times periods) asked for in a second: half of AWS's fixed quota for the last three hours."""


class Purpose(StrEnum):
    """What the answer to a batch is for: counts and gauges, the daily SNDS measurements, or the survey of volumes."""

    COUNTS = 'counts'
    SNDS = 'snds'
    SURVEY = 'survey'


class SeriesColumns(NamedTuple):
    """Series to ask for, by index, with the statistics of each and the bytes that its queries take in a request."""

    series: Sequence[Series]
    statistics: Sequence[tuple[str, ...]]
    weights: Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """One GetMetricData request: some queries over one window of whole periods.

    `indexes` are those of the series in the selection of that run, by query; the queries of a series stand together.
    `origin` is the state of the ledger that the answer will be booked in, None for an answer that is not booked.
    """

    queries: tuple[Query, ...]
    indexes: tuple[int, ...]
    window: Window
    period: int
    purpose: Purpose = Purpose.COUNTS
    origin: Origin | None = None

    @property
    def billed_metrics(self) -> int:
        """Metrics that AWS bills: each series once, however many statistics and datapoints."""
        return len(set(self.indexes))

    @property
    def datapoints(self) -> int:
        """Datapoints asked for. AWS limits how many may be asked for in a second."""
        return len(self.queries) * self.window.periods(self.period)

    @property
    def keys(self) -> Mapping[int, str]:
        """The key of each series, by index."""
        return {index: query.series.key for index, query in zip(self.indexes, self.queries, strict=True)}

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the call. Ids are q0, q1 ... by position in `queries`."""
        return {
            'MetricDataQueries': [
                _query_parameters(f'q{position}', query, self.period) for position, query in enumerate(self.queries)
            ],
            'StartTime': self.window.start,
            'EndTime': self.window.end,
            'ScanBy': 'TimestampAscending',
        }

    @property
    def body(self) -> bytes:
        """The same parameters as a JSON document. Writing text is far cheaper than building and dumping a tree."""
        queries = [_query_text(position, query, self.period).encode() for position, query in enumerate(self.queries)]
        queries[0] = b'{"MetricDataQueries":[' + queries[0]
        window = f'"StartTime":{self.window.start},"EndTime":{self.window.end}'
        queries[-1] += f'],{window},"ScanBy":"TimestampAscending"}}'.encode()
        return b','.join(queries)


def batches(
    starts: Mapping[int, int],
    columns: SeriesColumns,
    end: int,
    period: int,
    purpose: Purpose = Purpose.COUNTS,
    origin: Origin | None = None,
) -> list[Batch]:
    """As few requests as possible for the series at the indexes of `starts`, each from its start to `end`.

    Series are sorted by start, newest first, so that those with long windows share the last batch. No request asks for
    more datapoints than are allowed in a second, unless a single series does.
    """
    built: list[Batch] = []
    queries: list[Query] = []
    indexes: list[int] = []
    size, batch_start = 0, end

    def close() -> None:
        nonlocal queries, indexes, size, batch_start
        if queries:
            built.append(Batch(tuple(queries), tuple(indexes), Window(batch_start, end), period, purpose, origin))
        queries, indexes, size, batch_start = [], [], 0, end

    for index in sorted(starts, key=starts.__getitem__, reverse=True):
        statistics, start, weight = columns.statistics[index], starts[index], columns.weights[index]
        number = len(queries) + len(statistics)
        datapoints = number * ((end - min(batch_start, start)) // period)
        if number > MAX_QUERIES or size + weight > MAX_BYTES or datapoints > MAX_DATAPOINTS:
            close()
        queries += [Query(columns.series[index], statistic) for statistic in statistics]
        indexes += [index] * len(statistics)
        size += weight
        batch_start = min(batch_start, start)
    close()
    return built


def query_bytes(series: Series) -> int:
    """Bytes of one query in the longest of CloudWatch's protocols, where every unusual byte takes three."""
    names = len(series.namespace) + len(series.metric_name)
    dimensions = sum(90 + len(name.encode()) + len(value.encode()) for name, value in series.dimensions)
    return 400 + 3 * (names + dimensions)


def _query_parameters(query_id: str, query: Query, period: int) -> dict[str, Any]:
    # No Unit: CloudWatch answers nothing at all where the unit does not match.
    series = query.series
    parameters: dict[str, Any] = {
        'Id': query_id,
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
        parameters['AccountId'] = series.account
    return parameters


def _query_text(position: int, query: Query, period: int) -> str:
    series, statistic = query
    account = f',"AccountId":"{series.account}"' if series.account else ''
    return (
        f'{{"Id":"q{position}","MetricStat":{{"Metric":{{"Namespace":"{series.namespace}","MetricName":'
        f'{_quoted(series.metric_name)},"Dimensions":{_dimensions_text(series.dimensions)}}},"Period":{period},'
        f'"Stat":"{statistic}"}},"ReturnData":true{account}}}'
    )


@lru_cache(maxsize=1000)
def _quoted(name: str) -> str:
    return json.dumps(name)


@lru_cache(maxsize=20_000)
def _dimensions_text(dimensions: Dimensions) -> str:
    return json.dumps([{'Name': name, 'Value': value} for name, value in dimensions], separators=(',', ':'))
