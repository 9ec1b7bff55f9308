"""What answers.parse makes of complete, partial and malformed pages of GetMetricData."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from datadog_checks.amazon_ses.cloudwatch import answers
from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES as SERIES
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Queries
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.model import Failure, FailureKind

NOW = 1_790_000_100
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)
BATCH = Batch(Queries.of(SEND, BOUNCE), (0, 2), Window(NOW - 900, NOW + 300), 300)


def result(query_id: str, points: Mapping[int, Any], status: str = 'Complete') -> dict[str, Any]:
    timestamps = [datetime.fromtimestamp(start, UTC) for start in points]
    return {'Id': query_id, 'Timestamps': timestamps, 'Values': list(points.values()), 'StatusCode': status}


def page(*results: Any, date: float = NOW - 5.0) -> dict[str, Any]:
    header = format_datetime(datetime.fromtimestamp(date, UTC), usegmt=True)
    return {'MetricDataResults': list(results), 'ResponseMetadata': {'HTTPHeaders': {'date': header}}}


def results_of(answer: BatchAnswer) -> list[tuple[dict[int, float], bool]]:
    """The points of each query, and whether all are there."""
    positions = range(len(answer.batch.queries))
    points = answer.points(positions)
    return [(points.get(position, {}), position not in answer.incomplete) for position in positions]


def test_a_complete_answer_gives_each_query_its_points() -> None:
    """A complete answer gives each query its points and carries AWS's date."""
    answer = answers.parse(BATCH, [page(result('q1', {}), result('q0', {NOW - 300: 4.0, NOW: 1}))], [], NOW)
    assert results_of(answer) == [({NOW - 300: 4.0, NOW: 1.0}, True), ({}, True)]
    assert (answer.failures, answer.incomplete, answer.answered_at) == ((), set(), NOW - 5.0)


def test_pages_are_joined_into_one_answer() -> None:
    """Pages are joined by Id; the oldest date counts; a series is complete if its last page says so."""
    pages = [
        page(result('q0', {NOW - 300: 4.0}, 'PartialData'), date=NOW - 9.0),
        page(result('q0', {NOW: 1.0}), result('q1', {NOW: 2.0})),
    ]
    answer = answers.parse(BATCH, pages, [], NOW)
    assert results_of(answer) == [({NOW - 300: 4.0, NOW: 1.0}, True), ({NOW: 2.0}, True)]
    assert answer.answered_at == NOW - 9.0


@pytest.mark.parametrize('status', ['PartialData', 'InternalError', 'Forbidden', None, 'SomethingNew'])
def test_a_series_without_status_complete_is_partial(status: Any) -> None:
    """A series with any status but Complete is not complete, and the failure names it."""
    answer = answers.parse(BATCH, [page(result('q0', {NOW: 1.0}, status), result('q1', {}))], [], NOW)
    assert results_of(answer) == [({NOW: 1.0}, False), ({}, True)]
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
    assert results_of(answer)[0] == ({}, False)
    assert {failure.kind for failure in answer.failures} == {FailureKind.MALFORMED}
    assert answer.incomplete


def test_answer_without_any_list_is_malformed() -> None:
    """Where no result has Timestamps or Values at all the answer is malformed, not zero; empty lists are zero."""
    bare = [{'Id': query_id, 'StatusCode': 'Complete'} for query_id in ('q0', 'q1')]
    answer = answers.parse(BATCH, [page(*bare)], [], NOW)
    assert answer.incomplete == {0, 1}
    assert [failure.kind for failure in answer.failures] == [FailureKind.MALFORMED]
    answer = answers.parse(BATCH, [page(bare[0], result('q1', {}))], [], NOW)
    assert not answer.incomplete and not answer.failures


def test_a_failed_page_leaves_the_pages_before_it_usable() -> None:
    """If a later page fails, that failure alone is reported, and the pages before it are used."""
    failure = Failure(FailureKind.THROTTLED, 'GetMetricData', 'Rate exceeded.')
    answer = answers.parse(BATCH, [page(result('q0', {NOW: 1.0}))], [failure], NOW)
    assert results_of(answer) == [({NOW: 1.0}, True), ({}, False)]
    assert answer.failures == (failure,)


JSON_RESULTS = [
    {'Id': 'q0', 'Timestamps': [NOW - 300.0, float(NOW)], 'Values': [4.0, 1.0], 'StatusCode': 'Complete'},
    {'Id': 'q1', 'Timestamps': [float(NOW)], 'Values': [2.0], 'StatusCode': 'Complete'},
]


@pytest.mark.parametrize(
    ('edited', 'expected'),
    [
        ({}, [({NOW - 300: 4.0, NOW: 1.0}, True), ({NOW: 2.0}, True)]),
        ({'Values': [2]}, [({NOW - 300: 4.0, NOW: 1.0}, True), ({NOW: 2.0}, True)]),
        ({'StatusCode': 'PartialData'}, [({NOW - 300: 4.0, NOW: 1.0}, True), ({NOW: 2.0}, False)]),
        ({'Timestamps': [], 'Values': []}, [({NOW - 300: 4.0, NOW: 1.0}, True), ({}, True)]),
        *(
            (edited, [({NOW - 300: 4.0, NOW: 1.0}, True), ({}, False)])
            for edited in (
                {'Id': 'q2'},
                {'Id': ['q1']},
                {'Values': [2.0, 3.0]},
                {'Values': [True]},
                {'Values': [float('nan')]},
                {'Values': [-float('inf')]},
                {'Values': [1e15]},
                {'Values': {'1.0': 2.0}},
                {'Timestamps': [NOW + 0.0, NOW - 300.0]},
                {'Timestamps': [NOW + 60.0]},
                {'Timestamps': [float(NOW + 300)]},
                {'Timestamps': None},
            )
        ),
    ],
)
def test_one_odd_result_costs_itself_alone(edited: dict[str, Any], expected: Any) -> None:
    """A result that is odd in any way takes nothing from the results beside it, in whatever order they come."""
    odd = [JSON_RESULTS[0], {**JSON_RESULTS[1], **edited}]
    for results in (odd, odd[::-1]):
        assert results_of(answers.parse(BATCH, [page(*results)], [], NOW)) == expected


def test_an_id_that_comes_twice_has_the_points_of_both() -> None:
    """Results of one query on one page or on two are joined, and the last one says whether it is complete."""
    first = {**JSON_RESULTS[0], 'Id': 'q1', 'Timestamps': [NOW - 600.0, NOW - 300.0]}
    for pages in ([page(first, *JSON_RESULTS)], [page(first), page(*JSON_RESULTS)]):
        assert results_of(answers.parse(BATCH, pages, [], NOW))[1] == ({NOW - 600: 4.0, NOW - 300: 1.0, NOW: 2.0}, True)
