"""From the pages of a GetMetricData answer to the points of each query.

A 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports trouble
inside its results. So an answer counts as complete for a query only where it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.values import LARGEST, epoch, number

from .queries import MOST_QUERIES, Batch

OPERATION = 'GetMetricData'
DAY = 86400

FORBIDDEN = 'Forbidden'
"""What CloudWatch says of a query for an account that it may not show us."""


class Malformed(Exception):
    """The answer is not one to the question: its text says what is wrong with it."""


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
                points = _points(result, batch.period)
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


def _points(result: Mapping[str, Any], period: int) -> Mapping[int, float]:
    timestamps, values = result.get('Timestamps', ()), result.get('Values', ())
    if not timestamps and not values:
        return EMPTY
    try:
        if len(timestamps) != len(values):
            raise Malformed('an answer has more timestamps than values, or fewer')
        # Numbers, as nearly always: anything else is looked at one by one.
        if {*map(type, timestamps), *map(type, values)} == FLOATS:
            points = dict(zip(map(int, timestamps), values, strict=True))
            # What is not a number makes the sum none, whatever the largest and the smallest seem to be.
            if not (-LARGEST < min(values) and max(values) < LARGEST and abs(sum(values)) < inf):
                raise ValueError
        else:
            points = {int(epoch(at)): number(value) for at, value in zip(timestamps, values, strict=True)}
    except (ValueError, TypeError, OverflowError):
        raise Malformed('an answer has a datapoint that is none') from None
    for start in points:
        if start % period:
            raise Malformed('an answer has a datapoint off the period')
    return points


def _date(page: Mapping[str, Any], now: float) -> float:
    """When AWS answered; by our clock where the answer does not say, or says what cannot be: AWS accepts no request
    from a clock that is off by more than minutes."""
    date = page.get('AnsweredAt')
    return date if isinstance(date, float) and abs(date - now) < DAY else now


def _malformed(detail: str) -> Failure:
    return Failure(
        FailureKind.MALFORMED,
        OPERATION,
        detail + '.',
        'Look for a proxy or an endpoint_url that is not CloudWatch; it is asked again in the next run.',
    )


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
