"""Answers: from the pages of a GetMetricData answer to the datapoints of each query.

HTTP 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports
errors inside its results. A query is therefore answered completely only if its result has the status Complete.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.cloudwatch.blocks import Block, Starts, joined
from datadog_checks.amazon_ses.cloudwatch.pages import COMPLETE, RESULTS, Column, PageResults
from datadog_checks.amazon_ses.cloudwatch.queries import MAX_QUERIES, Batch
from datadog_checks.amazon_ses.model import Failure, FailureKind, malformed
from datadog_checks.amazon_ses.values import answered_at, epoch, number

OPERATION = 'GetMetricData'

FORBIDDEN = 'Forbidden'
"""CloudWatch's status code for a query about a linked account that it may not show."""


class MalformedResult(Exception):
    """A result does not fit the request. The text says why."""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """CloudWatch's answer to a batch.

    `blocks` hold the answered queries: the periods with data, their values, and whether all values are there.
    `failures` say why some are incomplete. `answered_at` is the date of the answer by AWS's clock. `forbidden` are the
    linked accounts that CloudWatch may not show. `pages` is how many pages came.
    """

    batch: Batch
    blocks: Sequence[Block]
    failures: tuple[Failure, ...]
    answered_at: float
    forbidden: frozenset[str] = frozenset()
    pages: int = 0

    @property
    def any_complete(self) -> bool:
        return any(block.complete for block in self.blocks)

    @property
    def incomplete(self) -> set[int]:
        """The positions of the queries that lack some of their data."""
        number = len(self.batch.queries)
        complete = [block.positions for block in self.blocks if block.complete]
        if sum(map(len, complete)) == number:
            return set()
        return {*range(number)}.difference(*complete)

    def points(self, positions: Container[int]) -> dict[int, dict[int, float]]:
        """For each of these positions the values by the start of their period, if the query was answered."""
        return {
            position: dict(zip(block.starts, values, strict=True))
            for block in self.blocks
            for position, values in block.rows(positions)
        }


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
        results = page.get(RESULTS)
        if isinstance(results, (list, PageResults)):
            draft.take_page(results)
        else:
            draft.reasons[_malformed('the answer has no MetricDataResults')] = None
    draft.forbidden.discard('')
    blocks = draft.blocks()
    if draft.without_lists and any(block.complete for block in blocks):
        # CloudWatch sends empty lists where there is no data.
        draft.reasons[_malformed('no result of the answer has Timestamps or Values')] = None
        blocks = []
    answer = BatchAnswer(
        batch,
        blocks,
        tuple(dict.fromkeys((*failures, *draft.reasons, *map(_forbidden, sorted(draft.forbidden))))),
        min(dates, default=now),
        frozenset(draft.forbidden),
        len(dates),
    )
    return answer if answer.failures else replace(answer, failures=tuple(_partial(answer)))


class _Draft:
    """The results of an answer while its pages are read, why some of them cannot be used, and which linked accounts
    CloudWatch may not show. `without_lists` says that no result had Timestamps or Values."""

    def __init__(self, batch: Batch) -> None:
        self.reasons: dict[Failure, None] = {}
        self.forbidden: set[str] = set()
        self.without_lists = True
        self._batch = batch
        self._blocks: list[Block] = []
        self._answered: set[int] = set()
        self._singles: dict[int, tuple[Starts, Sequence[float], bool]] = {}
        self._shared_starts: dict[Starts, Starts] = {}

    def blocks(self) -> list[Block]:
        """The blocks of all pages so far."""
        return [*self._blocks, *joined((position, *single) for position, single in self._singles.items())]

    def take_page(self, results: PageResults | list[Any]) -> None:
        """Take the results of a page: column by column where that fits, else one by one."""
        columns, odd_results = results if isinstance(results, PageResults) else ((), results)
        if not self._take_columns(columns):
            odd_results = [*chain.from_iterable(column.results() for column in columns), *odd_results]
        for result in odd_results:
            self._take(result)

    def _take_columns(self, columns: Sequence[Column]) -> bool:
        """Take columns of queries that no page before had anything of. Else take nothing and return False."""
        try:
            blocks = [
                Block(
                    self._shared(tuple(map(int, column.timestamps))),
                    [_POSITIONS[query_id] for query_id in column.ids],
                    column.values,
                    True,
                )
                for column in columns
            ]
        except (KeyError, MalformedResult):
            return False
        positions = [*chain.from_iterable(block.positions for block in blocks)]
        if max(positions, default=0) >= len(self._batch.queries) or not self._answered.isdisjoint(positions):
            return False
        self._blocks += blocks
        self._answered.update(positions)
        self.without_lists = self.without_lists and not blocks
        return True

    def _take(self, result: Any) -> None:
        """Take any result."""
        try:
            position = _position(result, len(self._batch.queries))
            starts, amounts = self._points(result)
        except MalformedResult as error:
            self.reasons[_malformed(str(error))] = None
            return
        self.without_lists = self.without_lists and result.keys().isdisjoint(('Timestamps', 'Values'))
        status = result.get('StatusCode')
        if position in self._answered:
            self._add_single(position)
            earlier_starts, earlier, _ = self._singles[position]
            if earlier_starts:
                points = {**dict(zip(earlier_starts, earlier, strict=True)), **dict(zip(starts, amounts, strict=True))}
                starts, amounts = tuple(points), list(points.values())
        self._answered.add(position)
        self._singles[position] = starts, amounts, status == COMPLETE
        if status == FORBIDDEN:
            self.forbidden.add(self._batch.queries.series[position].account)

    def _add_single(self, position: int) -> None:
        """Take a query out of its block, where it is in one: a later page has more of it."""
        for place, block in enumerate(self._blocks):
            if position in block.positions:
                ((_, values),) = block.rows((position,))
                self._singles[position] = block.starts, values, block.complete
                self._blocks[place] = block.where(position.__ne__)
                return

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
            is_off = any(start % period for start in starts)
            if is_off or min(starts, default=first) < first or max(starts, default=0) >= end:
                raise MalformedResult('an answer has a datapoint off the period, or off the time that was asked for')
            self._shared_starts[starts] = starts
        return self._shared_starts[starts]


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


def _partial(answer: BatchAnswer) -> Iterable[Failure]:
    """The failure of an answer that is incomplete without giving a reason."""
    batch, incomplete = answer.batch, answer.incomplete
    if incomplete:
        names = sorted({batch.queries.series[position].metric_name for position in incomplete})
        named = ', '.join(map(shown, names[:3])) + (' ...' if len(names) > 3 else '')
        yield Failure(
            FailureKind.PARTIAL,
            OPERATION,
            f'{len(incomplete)} of {len(batch.queries)} series came without all of their data ({named}).',
            'Nothing is lost: they are asked again in the next run.',
        )
