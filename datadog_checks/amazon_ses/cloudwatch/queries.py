"""Queries: batches, the GetMetricData requests for the due series, within AWS's limits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import chain
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
    """Series to ask for: by index each series, its statistics, and the bytes that its queries take in a request."""

    series: Sequence[Series]
    statistics: Sequence[tuple[str, ...]]
    weights: Sequence[int]


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries as columns: the series and the statistic of each. One object for each of thousands would cost more than
    to ask for them."""

    series: tuple[Series, ...]
    statistics: tuple[str, ...]

    @classmethod
    def of(cls, *queries: Query) -> Queries:
        return cls(tuple(series for series, _ in queries), tuple(statistic for _, statistic in queries))

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, position: int) -> Query:
        return Query(self.series[position], self.statistics[position])

    def __iter__(self) -> Iterator[Query]:
        return map(Query, self.series, self.statistics)


@dataclass(frozen=True, slots=True)
class Batch:
    """One GetMetricData request: some queries over one window of whole periods.

    `indexes` are those of the series in the selection of that run, by query; the queries of a series stand together.
    `origin` is the state of the ledger that the answer will be booked in, None for an answer that is not booked.
    """

    queries: Queries
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
        return {index: series.key for index, series in zip(self.indexes, self.queries.series, strict=True)}

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
        """The same parameters as a JSON document. Joining texts is far cheaper than building and dumping a tree."""
        series_list, statistics = self.queries.series, self.queries.statistics
        number = len(series_list)
        beginnings = {statistic: _beginnings(self.period, statistic, number) for statistic in {*statistics}}
        if len(beginnings) == 1:
            (begun,) = beginnings.values()
        else:
            begun = [beginnings[statistic][position] for position, statistic in enumerate(statistics)]
        dimensions = [series.dimensions_json for series in series_list]
        metrics = [series.metric_json for series in series_list]
        queries = [*chain.from_iterable(zip(begun, dimensions, metrics, strict=True))]
        queries[0] = queries[0].removeprefix(b',')
        window = b'"StartTime":%d,"EndTime":%d' % self.window
        # Each thread keeps the memory of a body of more than 100 KB, and of each copy.
        return b''.join((b'{"MetricDataQueries":[', *queries, b'],', window, b',"ScanBy":"TimestampAscending"}'))


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
    series_list, statistics, weights = columns
    in_order = sorted(starts, key=starts.__getitem__, reverse=True)

    def fits(first: int, last: int) -> bool:
        indexes = in_order[first:last]
        number = sum(map(len, map(statistics.__getitem__, indexes)))
        periods = (end - starts[indexes[-1]]) // period
        size = sum(map(weights.__getitem__, indexes))
        return number <= MAX_QUERIES and size <= MAX_BYTES and number * periods <= MAX_DATAPOINTS

    first = 0
    while first < len(in_order):
        last = min(first + MAX_QUERIES, len(in_order))
        if not fits(first, last):
            # Where some series do not fit, more do not fit either. A single one is asked for in any case.
            lasts = range(first + 2, last)
            last = first + 1 + bisect_left(lasts, True, key=lambda end_of_batch: not fits(first, end_of_batch))
        indexes = in_order[first:last]
        window = Window(starts[indexes[-1]], end)
        every = tuple(chain.from_iterable(map(statistics.__getitem__, indexes)))
        if len(every) > len(indexes):
            indexes = [index for index in indexes for _ in statistics[index]]
        queries = Queries(tuple(map(series_list.__getitem__, indexes)), every)
        built.append(Batch(queries, tuple(indexes), window, period, purpose, origin))
        first = last
    return built


def query_bytes(series: Series) -> int:
    """Bytes of one query in the longest of CloudWatch's protocols, where every unusual byte takes three."""
    return 400 + 3 * (len(series.namespace) + len(series.metric_name) + _dimension_bytes(series.dimensions))


@lru_cache(maxsize=20_000)
def _dimension_bytes(dimensions: Dimensions) -> int:
    return sum(90 + len(name.encode()) + len(value.encode()) for name, value in dimensions)


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


@lru_cache(maxsize=8)
def _beginnings(period: int, statistic: str, number: int) -> list[bytes]:
    """Each query of a batch before the dimensions of its metric, by position."""
    options = f'"ReturnData":true,"MetricStat":{{"Period":{period},"Stat":"{statistic}","Metric":{{"Dimensions":'
    return [f',{{"Id":"q{position}",{options}'.encode() for position in range(number)]
