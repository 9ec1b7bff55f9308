"""From GetMetricData answers to the points of each series.

A 200 proves nothing: botocore turns a truncated or foreign body into an empty success, and CloudWatch reports trouble
inside its results. So an answer counts as complete for a series only where it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.values import epoch, number

from .ledger import Answered
from .queries import Question
from .series import Query

OPERATION = 'GetMetricData'
DAY = 86400


class Malformed(Exception):
    """The answer is not one to the question: its text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What CloudWatch said to a question.

    `results` holds every query, complete or not. `failures` say why some are not. `answered_at` is the date of the
    answer by AWS's clock.
    """

    question: Question
    results: Mapping[Query, Answered]
    failures: tuple[Failure, ...]
    answered_at: float

    @property
    def complete(self) -> bool:
        return all(result.complete for result in self.results.values())


def read(question: Question, pages: Iterable[Mapping[str, Any]], failures: Iterable[Failure], now: float) -> Answer:
    """Put the pages of an answer together, query by query, matched by Id.

    `failures` are those of pages and batches that did not come. Raises nothing: a page that is no answer becomes a
    failure, and what it would have held is not complete.
    """
    points: dict[int, dict[int, float]] = {}
    complete: dict[int, bool] = {}
    told: list[Failure] = list(failures)
    dates = []
    for page in pages:
        dates.append(_date(page, now))
        try:
            results = _results(page)
        except Malformed as error:
            told.append(_malformed(str(error)))
            continue
        for result in results:
            try:
                place = _place(result, question)
                points.setdefault(place, {}).update(_points(result, question))
                complete[place] = result.get('StatusCode') == 'Complete'
            except Malformed as error:
                told.append(_malformed(str(error)))
    answered = {
        query: Answered(points.get(place, {}), complete.get(place, False))
        for place, query in enumerate(question.queries)
    }
    return Answer(question, answered, _deduplicated(told, question, points, complete), min(dates, default=now))


def _results(page: Mapping[str, Any]) -> Iterable[Any]:
    results = page.get('MetricDataResults')
    if not isinstance(results, list):
        raise Malformed('the answer has no MetricDataResults')
    return results


def _place(result: Any, question: Question) -> int:
    if not isinstance(result, Mapping):
        raise Malformed('the answer has a result that is none')
    name = str(result.get('Id', ''))
    if name[:1] == 'q' and name.isascii() and name[1:].isdecimal() and int(name[1:]) < len(question.queries):
        return int(name[1:])
    raise Malformed('the answer has an Id that was not asked for')


def _points(result: Mapping[str, Any], question: Question) -> dict[int, float]:
    timestamps, values = result.get('Timestamps', []), result.get('Values', [])
    if len(timestamps) != len(values):
        raise Malformed('an answer has more timestamps than values, or fewer')
    try:
        points = {int(epoch(at)): number(value) for at, value in zip(timestamps, values, strict=True)}
    except (ValueError, TypeError):
        raise Malformed('an answer has a datapoint that is none') from None
    if any(start % question.period for start in points):
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


def _deduplicated(
    told: list[Failure], question: Question, points: Mapping[int, Any], complete: Mapping[int, bool]
) -> tuple[Failure, ...]:
    unfinished = [place for place in range(len(question.queries)) if not complete.get(place, False)]
    if unfinished and not told:
        names = sorted({question.queries[place].series.spec.metric_name for place in unfinished})
        shown = ', '.join(names[:3]) + (' ...' if len(names) > 3 else '')
        told.append(
            Failure(
                FailureKind.PARTIAL,
                OPERATION,
                f'{len(unfinished)} of {len(question.queries)} series came without all of their data ({shown}).',
                'Nothing is lost: they are asked again in the next run.',
            )
        )
    return tuple(dict.fromkeys(told))
