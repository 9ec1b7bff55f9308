"""What answers.parse makes of complete, partial and malformed pages of GetMetricData."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from datadog_checks.amazon_ses.cloudwatch import answers
from datadog_checks.amazon_ses.cloudwatch.answers import QueryResult
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES as SERIES
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.model import Failure, FailureKind

NOW = 1_790_000_100
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)
BATCH = Batch((SEND, BOUNCE), (0, 2), Window(NOW - 900, NOW + 300), 300)


def result(query_id: str, points: Mapping[int, Any], status: str = 'Complete') -> dict[str, Any]:
    timestamps = [datetime.fromtimestamp(start, UTC) for start in points]
    return {'Id': query_id, 'Timestamps': timestamps, 'Values': list(points.values()), 'StatusCode': status}


def page(*results: Any, date: float = NOW - 5.0) -> dict[str, Any]:
    header = format_datetime(datetime.fromtimestamp(date, UTC), usegmt=True)
    return {'MetricDataResults': list(results), 'ResponseMetadata': {'HTTPHeaders': {'date': header}}}


def test_a_complete_answer_gives_each_query_its_points() -> None:
    """A complete answer gives each query its points and carries AWS's date."""
    answer = answers.parse(BATCH, [page(result('q1', {}), result('q0', {NOW - 300: 4.0, NOW: 1}))], [], NOW)
    assert answer.results == [QueryResult({NOW - 300: 4.0, NOW: 1.0}), QueryResult({})]
    assert (answer.failures, answer.complete, answer.answered_at) == ((), True, NOW - 5.0)


def test_pages_are_joined_into_one_answer() -> None:
    """Pages are joined by Id; the oldest date counts; a series is complete if its last page says so."""
    pages = [
        page(result('q0', {NOW - 300: 4.0}, 'PartialData'), date=NOW - 9.0),
        page(result('q0', {NOW: 1.0}), result('q1', {NOW: 2.0})),
    ]
    answer = answers.parse(BATCH, pages, [], NOW)
    assert answer.results == [QueryResult({NOW - 300: 4.0, NOW: 1.0}), QueryResult({NOW: 2.0})]
    assert answer.answered_at == NOW - 9.0


@pytest.mark.parametrize('status', ['PartialData', 'InternalError', 'Forbidden', None, 'SomethingNew'])
def test_a_series_without_status_complete_is_partial(status: Any) -> None:
    """A series with any status but Complete is not complete, and the failure names it."""
    answer = answers.parse(BATCH, [page(result('q0', {NOW: 1.0}, status), result('q1', {}))], [], NOW)
    assert answer.results == [QueryResult({NOW: 1.0}, False), QueryResult({})]
    (failure,) = answer.failures
    assert failure.kind is FailureKind.PARTIAL
    assert failure.detail == '1 of 2 series came without all of their data (Send).'


@pytest.mark.parametrize(
    'malformed_page',
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
def test_a_page_that_does_not_match_the_batch_is_malformed(malformed_page: dict[str, Any]) -> None:
    """A page that does not match the batch is a MALFORMED failure, and the series in it are not complete."""
    answer = answers.parse(BATCH, [malformed_page], [], NOW)
    assert answer.results[0] == QueryResult({}, False)
    assert {failure.kind for failure in answer.failures} == {FailureKind.MALFORMED}
    assert not answer.complete


def test_answer_without_any_list_is_malformed() -> None:
    """Where no result has Timestamps or Values at all the answer is malformed, not zero; empty lists are zero."""
    bare = [{'Id': query_id, 'StatusCode': 'Complete'} for query_id in ('q0', 'q1')]
    answer = answers.parse(BATCH, [page(*bare)], [], NOW)
    assert [result.complete for result in answer.results] == [False, False]
    assert [failure.kind for failure in answer.failures] == [FailureKind.MALFORMED]
    answer = answers.parse(BATCH, [page(bare[0], result('q1', {}))], [], NOW)
    assert answer.complete and not answer.failures


def test_a_failed_page_leaves_the_pages_before_it_usable() -> None:
    """If a later page fails, that failure alone is reported, and the pages before it are used."""
    failure = Failure(FailureKind.THROTTLED, 'GetMetricData', 'Rate exceeded.')
    answer = answers.parse(BATCH, [page(result('q0', {NOW: 1.0}))], [failure], NOW)
    assert answer.results == [QueryResult({NOW: 1.0}), QueryResult({}, False)]
    assert answer.failures == (failure,)
