"""Answers: from the pages of a GetMetricData answer to the datapoints of each query.

HTTP 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports
errors inside its results. A query is therefore answered completely only if its result has the status Complete.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.cloudwatch.queries import MAX_QUERIES, Batch
from datadog_checks.amazon_ses.model import Failure, FailureKind, malformed
from datadog_checks.amazon_ses.values import LARGEST, answered_at, epoch, number

OPERATION = 'GetMetricData'

FORBIDDEN = 'Forbidden'
"""CloudWatch's status code for a query about a linked account that it may not show."""


class MalformedResult(Exception):
    """A result does not fit the request. The text says why."""


Starts = tuple[int, ...]
"""The starts of periods. Series with data in the same periods share one tuple."""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """CloudWatch's answer to a batch.

    `starts`, `amounts` and `complete` hold for every query of the batch, in its order, the periods with data, the value
    of each of them, and whether all values are there. `failures` say why some are incomplete. `answered_at` is the date
    of the answer by AWS's clock. `forbidden` are the linked accounts that CloudWatch may not show. `pages` is how many
    pages came.
    """

    batch: Batch
    starts: Sequence[Starts]
    amounts: Sequence[Sequence[float]]
    complete: Sequence[bool]
    failures: tuple[Failure, ...]
    answered_at: float
    forbidden: frozenset[str] = frozenset()
    pages: int = 0

    @property
    def any_complete(self) -> bool:
        return any(self.complete)

    def points(self, position: int) -> dict[int, float]:
        """The values of a query by the start of their period."""
        return dict(zip(self.starts[position], self.amounts[position], strict=True))


USUAL_MEMBERS = itemgetter('Id', 'Timestamps', 'Values', 'StatusCode')
ONLY_FLOATS = {float}
ONLY_COMPLETE = {'Complete'}
_POSITIONS = {f'q{position}': position for position in range(MAX_QUERIES)}


def parse(batch: Batch, pages: Iterable[Mapping[str, Any]], failures: Iterable[Failure], now: float) -> BatchAnswer:
    """The answer to a batch from its pages. Results belong to queries by their Id.

    `failures` are those of pages that did not arrive, complete once all pages are read. Raises nothing: a malformed
    page becomes a failure, and the queries that it should have answered stay incomplete.
    """
    draft = _Draft(batch)
    dates = []
    for page in pages:
        dates.append(answered_at(page, now))
        results = page.get('MetricDataResults')
        if not isinstance(results, list):
            draft.reasons[_malformed('the answer has no MetricDataResults')] = None
        elif not draft.take_usual_page(results):
            for result in results:
                draft.take(result)
    draft.forbidden.discard('')
    if draft.without_lists and any(draft.complete):
        # CloudWatch sends empty lists where there is no data.
        draft = _Draft(batch, {**draft.reasons, _malformed('no result of the answer has Timestamps or Values'): None})
    every = tuple(dict.fromkeys((*failures, *draft.reasons, *map(_forbidden, sorted(draft.forbidden)))))
    every = every or tuple(_partial(batch, draft.complete))
    return BatchAnswer(
        batch,
        draft.starts,
        draft.amounts,
        draft.complete,
        every,
        min(dates, default=now),
        frozenset(draft.forbidden),
        len(dates),
    )


class _Draft:
    """The columns of an answer while its pages are read, why some of it cannot be used, and which linked accounts
    CloudWatch may not show. `without_lists` says that no result had Timestamps or Values."""

    def __init__(self, batch: Batch, reasons: Mapping[Failure, None] = MappingProxyType({})) -> None:
        number = len(batch.queries)
        self.starts: list[Starts] = [()] * number
        self.amounts: list[Sequence[float]] = [()] * number
        self.complete = [False] * number
        self.reasons = dict(reasons)
        self.forbidden: set[str] = set()
        self.without_lists = True
        self._batch = batch
        self._shared_starts: dict[Starts, Starts] = {}

    def take_usual_page(self, results: Sequence[Any]) -> bool:
        """Take a page in which every result is complete and as CloudWatch sends nearly all of them. Else take nothing
        and return False."""
        try:
            ids, times, amounts, statuses = zip(*map(USUAL_MEMBERS, results), strict=True)
            positions = [_POSITIONS[query_id] for query_id in ids]
            numbers = list(chain.from_iterable(amounts))
            if {*statuses} != ONLY_COMPLETE or {*map(type, numbers)} - ONLY_FLOATS or not _are_possible(numbers):
                return False
            starts = self._starts_of_page(times)
        except (KeyError, TypeError, ValueError, OverflowError, MalformedResult):
            return False
        is_first = (
            len({*positions}) == len(positions) and max(positions) < len(self.starts) and not self._has(positions)
        )
        if not is_first or list(map(len, starts)) != list(map(len, amounts)):
            return False
        for position, of_query, values in zip(positions, starts, amounts, strict=True):
            self.starts[position], self.amounts[position], self.complete[position] = of_query, array('d', values), True
        self.without_lists = False
        return True

    def take(self, result: Any) -> None:
        """Take any result."""
        try:
            position = _position(result, len(self.starts))
            starts, amounts = self._points(result)
        except MalformedResult as error:
            self.reasons[_malformed(str(error))] = None
            return
        self.without_lists = self.without_lists and result.keys().isdisjoint(('Timestamps', 'Values'))
        status = result.get('StatusCode')
        if self.starts[position]:
            earlier = dict(zip(self.starts[position], self.amounts[position], strict=True))
            points = {**earlier, **dict(zip(starts, amounts, strict=True))}
            starts, amounts = tuple(points), list(points.values())
        self.starts[position], self.amounts[position], self.complete[position] = starts, amounts, status == 'Complete'
        if status == FORBIDDEN:
            self.forbidden.add(self._batch.queries[position].series.account)

    def _has(self, positions: Iterable[int]) -> bool:
        """Whether an earlier page had something of one of these queries."""
        return any(map(self.complete.__getitem__, positions)) or any(map(self.starts.__getitem__, positions))

    def _starts_of_page(self, times: Iterable[Sequence[Any]]) -> list[Starts]:
        """The starts of the results of a page: most have the timestamps of the one before."""
        starts: list[Starts] = []
        before: Sequence[Any] | None = None
        shared: Starts = ()
        for timestamps in times:
            if timestamps != before:
                if {*map(type, timestamps)} - ONLY_FLOATS:
                    raise MalformedResult
                before, shared = timestamps, self._shared(tuple(map(int, timestamps)))
            starts.append(shared)
        return starts

    def _points(self, result: Mapping[str, Any]) -> tuple[Starts, Sequence[float]]:
        timestamps, values = result.get('Timestamps', ()), result.get('Values', ())
        if not timestamps and not values:
            return (), ()
        try:
            if len(timestamps) != len(values):
                raise MalformedResult('an answer has more timestamps than values, or fewer')
            starts = tuple(int(epoch(timestamp)) for timestamp in timestamps)
            return self._shared(starts), list(map(number, values))
        except (ValueError, TypeError, OverflowError):
            raise MalformedResult('an answer has a datapoint that is none') from None

    def _shared(self, starts: Starts) -> Starts:
        """The tuple that all series with these starts share."""
        if starts not in self._shared_starts:
            (first, end), period = self._batch.window, self._batch.period
            if any(start % period or not first <= start < end for start in starts):
                raise MalformedResult('an answer has a datapoint off the period, or off the time that was asked for')
            self._shared_starts[starts] = starts
        return self._shared_starts[starts]


def _are_possible(numbers: Sequence[float]) -> bool:
    """Whether all numbers are finite and of a possible size."""
    # A NaN makes the sum a NaN, while min and max may miss it.
    return not numbers or (-LARGEST < min(numbers) and max(numbers) < LARGEST and abs(sum(numbers)) < inf)


def _position(result: Any, queries: int) -> int:
    if not isinstance(result, Mapping):
        raise MalformedResult('the answer has a result that is none')
    query_id = result.get('Id')
    position = _POSITIONS.get(query_id, queries) if isinstance(query_id, str) else queries
    if position >= queries:
        raise MalformedResult('the answer has an Id that was not asked for')
    return position


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


def _partial(batch: Batch, complete: Sequence[bool]) -> Iterable[Failure]:
    """The failure of an answer that is incomplete without giving a reason."""
    incomplete = [position for position, is_complete in enumerate(complete) if not is_complete]
    if incomplete:
        names = sorted({batch.queries[position].series.metric_name for position in incomplete})
        named = ', '.join(map(shown, names[:3])) + (' ...' if len(names) > 3 else '')
        yield Failure(
            FailureKind.PARTIAL,
            OPERATION,
            f'{len(incomplete)} of {len(batch.queries)} series came without all of their data ({named}).',
            'Nothing is lost: they are asked again in the next run.',
        )
