"""Literal in, literal out: what is read of GetMetricData, whole or broken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from datadog_checks.amazon_ses.cloudwatch import answers
from datadog_checks.amazon_ses.cloudwatch.answers import Result
from datadog_checks.amazon_ses.cloudwatch.ledger import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT as SERIES
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.model import Failure, FailureKind

NOW = 1_790_000_100
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)
BATCH = Batch((SEND, BOUNCE), (0, 2), Window(NOW - 900, NOW + 300), 300)


def result(name: str, points: Mapping[int, Any], status: str = 'Complete') -> dict[str, Any]:
    stamps = [datetime.fromtimestamp(at, UTC) for at in points]
    return {'Id': name, 'Timestamps': stamps, 'Values': list(points.values()), 'StatusCode': status}


def page(*results: Any, date: float = NOW - 5.0) -> dict[str, Any]:
    return {'MetricDataResults': list(results), 'AnsweredAt': date}


def test_answer() -> None:
    """A whole answer gives each query its points and is complete, by AWS's date."""
    told = answers.read(BATCH, [page(result('q1', {}), result('q0', {NOW - 300: 4.0, NOW: 1}))], [], NOW)
    assert told.results == [Result({NOW - 300: 4.0, NOW: 1.0}), Result({})]
    assert (told.failures, told.complete, told.answered_at) == ((), True, NOW - 5.0)


def test_answer_in_pages() -> None:
    """Pages are put together by Id; the oldest date counts; a series is complete when its last page says so."""
    pages = [
        page(result('q0', {NOW - 300: 4.0}, 'PartialData'), date=NOW - 9.0),
        page(result('q0', {NOW: 1.0}), result('q1', {NOW: 2.0})),
    ]
    told = answers.read(BATCH, pages, [], NOW)
    assert told.results == [Result({NOW - 300: 4.0, NOW: 1.0}), Result({NOW: 2.0})]
    assert told.answered_at == NOW - 9.0


@pytest.mark.parametrize('status', ['PartialData', 'InternalError', 'Forbidden', None, 'SomethingNew'])
def test_answer_that_says_it_is_not_whole(status: Any) -> None:
    """A series with any status but Complete is not complete, and the failure names it."""
    told = answers.read(BATCH, [page(result('q0', {NOW: 1.0}, status), result('q1', {}))], [], NOW)
    assert told.results == [Result({NOW: 1.0}, False), Result({})]
    (failure,) = told.failures
    assert failure.kind is FailureKind.PARTIAL
    assert failure.detail == '1 of 2 series came without all of their data (Send).'


@pytest.mark.parametrize(
    'broken',
    [
        {},
        {'MetricDataResults': None},
        {'MetricDataResults': {}},
        page(result('q2', {}), result('q1', {})),
        page(result('', {}), result('q1', {})),
        page(result('x0', {}), result('q1', {})),
        page(result('q-1', {}), result('q1', {})),
        page(result('q\N{SUPERSCRIPT TWO}', {}), result('q1', {})),
        page({**result('q0', {NOW: 1.0}), 'Values': []}, result('q1', {})),
        page(result('q0', {NOW + 1: 1.0}), result('q1', {})),
        page(result('q0', {NOW: float('nan')}), result('q1', {})),
        page(result('q0', {NOW: float('inf')}), result('q1', {})),
        page(result('q0', {NOW: '1'}), result('q1', {})),
        page({'Id': 'q0', 'Timestamps': ['soon'], 'Values': [1.0], 'StatusCode': 'Complete'}, result('q1', {})),
    ],
)
def test_malformed_answer(broken: dict[str, Any]) -> None:
    """A page that is no answer to the question is malformed, and no series that it spoils counts as complete."""
    told = answers.read(BATCH, [broken], [], NOW)
    assert told.results[0] == Result({}, False)
    assert {one.kind for one in told.failures} == {FailureKind.MALFORMED}
    assert not told.complete


def test_answer_of_which_a_part_did_not_come() -> None:
    """Where a batch failed, its failure alone is told, and the rest is used."""
    failure = Failure(FailureKind.THROTTLED, 'GetMetricData', 'Rate exceeded.')
    told = answers.read(BATCH, [page(result('q0', {NOW: 1.0}))], [failure], NOW)
    assert told.results == [Result({NOW: 1.0}), Result({}, False)]
    assert told.failures == (failure,)
