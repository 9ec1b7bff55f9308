"""From the pages of a GetMetricData answer to the points of each query.

A 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports trouble
inside its results. So an answer counts as complete for a query only where it says so.
"""

from __future__ import annotations

from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.cloudwatch.queries import MOST_QUERIES, Batch
from datadog_checks.amazon_ses.model import Failure, FailureKind, malformed
from datadog_checks.amazon_ses.values import LARGEST, epoch, number

OPERATION = 'GetMetricData'
DAY = 86400

FORBIDDEN = 'Forbidden'
"""What CloudWatch says of a query for an account that it may not show us."""


class Malformed(Exception):
    """The answer is not one to the question: its text says what is wrong with it."""


class Points(Mapping[int, float]):
    """Values by the start of their period. Far smaller than a dict, since many series share their starts."""

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
    """Start and value, without a search for each."""

    _mapping: Points

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return zip(self._mapping._starts, self._mapping._values, strict=True)


class Result(NamedTuple):
    """What CloudWatch said to one query: values by the start of their period, and whether that was all."""

    points: Mapping[int, float]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What CloudWatch said to a batch.

    `results` holds every query, complete or not, in the order of the batch. `failures` say why some are not.
    `answered_at` is the date of the answer by AWS's clock. `forbidden` are the linked accounts that it may not show.
    """

    batch: Batch
    results: Sequence[Result]
    failures: tuple[Failure, ...]
    answered_at: float
    forbidden: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        return all(result.complete for result in self.results)


EMPTY: Mapping[int, float] = {}
NOTHING = Result(EMPTY, False)
FLOATS = {float}
_PLACES = {f'q{place}': place for place in range(MOST_QUERIES)}


def read(batch: Batch, pages: Iterable[Mapping[str, Any]], failures: Iterable[Failure], now: float) -> Answer:
    """Put the pages of an answer together, query by query, matched by Id.

    `failures` are those of pages that did not come. Raises nothing: a page that is no answer becomes a failure, and
    what it would have held is not complete.
    """
    found: list[Result] = [NOTHING] * len(batch.queries)
    told: list[Failure] = list(failures)
    forbidden: set[str] = set()
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    dates = []
    for page in pages:
        dates.append(_date(page, now))
        results = page.get('MetricDataResults')
        if not isinstance(results, list):
            told.append(_malformed('the answer has no MetricDataResults'))
            continue
        for result in results:
            try:
                place = _place(result, len(found))
                points = _points(result, batch, known)
                status = result.get('StatusCode')
                before = found[place].points
                found[place] = Result({**before, **points} if before else points, status == 'Complete')
                if status == FORBIDDEN:
                    forbidden.add(batch.queries[place].series.account)
            except Malformed as error:
                told.append(_malformed(str(error)))
    told += [_forbidden(account) for account in sorted(forbidden) if account]
    return Answer(
        batch,
        found,
        _deduplicated(told, batch, found),
        min(dates, default=now),
        frozenset(account for account in forbidden if account),
    )


def _place(result: Any, queries: int) -> int:
    if not isinstance(result, Mapping):
        raise Malformed('the answer has a result that is none')
    name = result.get('Id')
    place = _PLACES.get(name, queries) if isinstance(name, str) else queries
    if place >= queries:
        raise Malformed('the answer has an Id that was not asked for')
    return place


def _points(
    result: Mapping[str, Any], batch: Batch, known: dict[tuple[int, ...], tuple[int, ...]]
) -> Mapping[int, float]:
    """The points of a result; `known` are the starts that others had, to keep each once."""
    timestamps, values = result.get('Timestamps', ()), result.get('Values', ())
    if not timestamps and not values:
        return EMPTY
    try:
        if len(timestamps) != len(values):
            raise Malformed('an answer has more timestamps than values, or fewer')
        # Numbers, as nearly always: anything else is looked at one by one.
        if {*map(type, timestamps), *map(type, values)} != FLOATS:
            timestamps, values = list(map(epoch, timestamps)), list(map(number, values))
        # What is not a number makes the sum none, whatever the largest and the smallest seem to be.
        elif not (-LARGEST < min(values) and max(values) < LARGEST and abs(sum(values)) < inf):
            raise ValueError
        starts = tuple(map(int, timestamps))
    except (ValueError, TypeError, OverflowError):
        raise Malformed('an answer has a datapoint that is none') from None
    if starts not in known:
        (first, end), period = batch.window, batch.period
        if any(start % period or not first <= start < end for start in starts):
            raise Malformed('an answer has a datapoint off the period, or off the time that was asked for')
        known[starts] = starts
    return Points(known[starts], array('d', values))


def _date(page: Mapping[str, Any], now: float) -> float:
    """When AWS answered; by our clock where the answer does not say, or says what cannot be: AWS accepts no request
    from a clock that is off by more than minutes."""
    date = page.get('AnsweredAt')
    return date if isinstance(date, float) and abs(date - now) < DAY else now


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


def _deduplicated(told: list[Failure], batch: Batch, found: Sequence[Result]) -> tuple[Failure, ...]:
    unfinished = [place for place, result in enumerate(found) if not result.complete]
    if unfinished and not told:
        names = sorted({batch.queries[place].series.metric_name for place in unfinished})
        shown = ', '.join(names[:3]) + (' ...' if len(names) > 3 else '')
        told.append(
            Failure(
                FailureKind.PARTIAL,
                OPERATION,
                f'{len(unfinished)} of {len(batch.queries)} series came without all of their data ({shown}).',
                'Nothing is lost: they are asked again in the next run.',
            )
        )
    return tuple(dict.fromkeys(told))
