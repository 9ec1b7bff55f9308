"""Answers: from the pages of a GetMetricData answer to the datapoints of each query.

HTTP 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports
errors inside its results. A query is therefore answered completely only if its result has the status Complete.
"""

from __future__ import annotations

from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.cloudwatch.queries import MAX_QUERIES, Batch
from datadog_checks.amazon_ses.model import Failure, FailureKind, malformed
from datadog_checks.amazon_ses.values import LARGEST, answered_at, epoch, number

OPERATION = 'GetMetricData'

FORBIDDEN = 'Forbidden'
"""CloudWatch's status code for a query about a linked account that it may not show."""


class MalformedResult(Exception):
    """A result does not fit the request. The text says why."""


class Points(Mapping[int, float]):
    """Values by the start of their period. Series with the same period starts share one tuple of them, which takes far
    less memory than a dict for each."""

    __slots__ = ('_starts', '_values')

    def __init__(self, starts: tuple[int, ...], values: array[float]) -> None:
        self._starts = starts
        self._values = values

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[int]:
        return iter(self._starts)

    def __getitem__(self, start: int) -> float:
        try:
            return self._values[self._starts.index(start)]
        except ValueError:
            raise KeyError(start) from None

    def items(self) -> ItemsView[int, float]:
        return _Pairs(self)


class _Pairs(ItemsView[int, float]):
    """Pairs of start and value, without a search for each."""

    _mapping: Points

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return zip(self._mapping._starts, self._mapping._values, strict=True)


class QueryResult(NamedTuple):
    """CloudWatch's answer to one query: values by the start of their period, and whether all values are there."""

    points: Mapping[int, float]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """CloudWatch's answer to a batch.

    `results` holds every query, complete or not, in the order of the batch. `failures` say why some are incomplete.
    `answered_at` is the date of the answer by AWS's clock. `forbidden` are the linked accounts that CloudWatch may not
    show. `pages` is how many pages came.
    """

    batch: Batch
    results: Sequence[QueryResult]
    failures: tuple[Failure, ...]
    answered_at: float
    forbidden: frozenset[str] = frozenset()
    pages: int = 0

    @property
    def complete(self) -> bool:
        return all(result.complete for result in self.results)

    @property
    def any_complete(self) -> bool:
        return any(result.complete for result in self.results)


NO_POINTS: Mapping[int, float] = {}
NO_RESULT = QueryResult(NO_POINTS, False)
ONLY_FLOATS = {float}
_POSITIONS = {f'q{position}': position for position in range(MAX_QUERIES)}


def parse(batch: Batch, pages: Iterable[Mapping[str, Any]], failures: Iterable[Failure], now: float) -> BatchAnswer:
    """The answer to a batch from its pages. Results belong to queries by their Id.

    `failures` are those of pages that did not arrive, complete once all pages are read. Raises nothing: a malformed
    page becomes a failure, and the queries that it should have answered stay incomplete.
    """
    results: list[QueryResult] = [NO_RESULT] * len(batch.queries)
    reasons: dict[Failure, None] = {}
    forbidden: set[str] = set()
    shared_starts: dict[tuple[int, ...], tuple[int, ...]] = {}
    dates = []
    without_lists = True
    for page in pages:
        dates.append(answered_at(page, now))
        page_results = page.get('MetricDataResults')
        if not isinstance(page_results, list):
            reasons[_malformed('the answer has no MetricDataResults')] = None
            continue
        for result in page_results:
            try:
                position = _position(result, len(results))
                points = _points(result, batch, shared_starts)
            except MalformedResult as error:
                reasons[_malformed(str(error))] = None
                continue
            without_lists = without_lists and result.keys().isdisjoint(('Timestamps', 'Values'))
            status = result.get('StatusCode')
            earlier = results[position].points
            results[position] = QueryResult({**earlier, **points} if earlier else points, status == 'Complete')
            if status == FORBIDDEN:
                forbidden.add(batch.queries[position].series.account)
    forbidden.discard('')
    if without_lists and any(result.complete for result in results):
        # CloudWatch sends empty lists where there is no data.
        results = [NO_RESULT] * len(results)
        reasons[_malformed('no result of the answer has Timestamps or Values')] = None
    every = tuple(dict.fromkeys((*failures, *reasons, *map(_forbidden, sorted(forbidden)))))
    every = every or tuple(_partial(batch, results))
    return BatchAnswer(batch, results, every, min(dates, default=now), frozenset(forbidden), len(dates))


def _position(result: Any, queries: int) -> int:
    if not isinstance(result, Mapping):
        raise MalformedResult('the answer has a result that is none')
    query_id = result.get('Id')
    position = _POSITIONS.get(query_id, queries) if isinstance(query_id, str) else queries
    if position >= queries:
        raise MalformedResult('the answer has an Id that was not asked for')
    return position


def _points(
    result: Mapping[str, Any], batch: Batch, shared_starts: dict[tuple[int, ...], tuple[int, ...]]
) -> Mapping[int, float]:
    """The points of a result. `shared_starts` holds the period starts of earlier results, to share equal ones."""
    timestamps, values = result.get('Timestamps', ()), result.get('Values', ())
    if not timestamps and not values:
        return NO_POINTS
    try:
        if len(timestamps) != len(values):
            raise MalformedResult('an answer has more timestamps than values, or fewer')
        # Nearly always all are floats. Anything else is parsed value by value.
        if {*map(type, timestamps), *map(type, values)} != ONLY_FLOATS:
            timestamps, values = list(map(epoch, timestamps)), list(map(number, values))
        # A NaN makes the sum a NaN, while min and max may miss it.
        elif not (-LARGEST < min(values) and max(values) < LARGEST and abs(sum(values)) < inf):
            raise ValueError
        starts = tuple(map(int, timestamps))
    except (ValueError, TypeError, OverflowError):
        raise MalformedResult('an answer has a datapoint that is none') from None
    if starts not in shared_starts:
        (first, end), period = batch.window, batch.period
        if any(start % period or not first <= start < end for start in starts):
            raise MalformedResult('an answer has a datapoint off the period, or off the time that was asked for')
        shared_starts[starts] = starts
    return Points(shared_starts[starts], array('d', values))


def _malformed(detail: str) -> Failure:
    return malformed(OPERATION, detail + '.')


def _forbidden(account: str) -> Failure:
    return Failure(
        FailureKind.DENIED,
        OPERATION,
        f'CloudWatch may not show the linked account {account}.',
        "Look at the link between it and this account's monitoring sink (CloudWatch cross-account observability). "
        'It is asked again in an hour.',
    )


def _partial(batch: Batch, results: Sequence[QueryResult]) -> Iterable[Failure]:
    """The failure of an answer that is incomplete without giving a reason."""
    incomplete = [position for position, result in enumerate(results) if not result.complete]
    if incomplete:
        names = sorted({batch.queries[position].series.metric_name for position in incomplete})
        named = ', '.join(map(shown, names[:3])) + (' ...' if len(names) > 3 else '')
        yield Failure(
            FailureKind.PARTIAL,
            OPERATION,
            f'{len(incomplete)} of {len(batch.queries)} series came without all of their data ({named}).',
            'Nothing is lost: they are asked again in the next run.',
        )
