"""Promise P1: However a page of GetMetricData is read, by columns or result by result, it says the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import answers, pages
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES as SERIES
from datadog_checks.amazon_ses.cloudwatch.pages import Column, PageResults
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Queries
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query

NOW = 1_790_000_100
QUERIES = Queries.of(*(Query(series, SUM) for series in SERIES[:4]))
BATCH = Batch(QUERIES, (0, 1, 2, 3), Window(NOW - 900, NOW + 300), 300)
TIMES: list[Any] = [[], [NOW - 300.0], [NOW - 300.0, float(NOW)]]
ODD_TIMES: list[Any] = [*TIMES, [NOW], [NOW + 7.0], [float('inf')], ['soon'], None, 'ab']
NUMBERS: list[Any] = [0.0, 4.0, 2.5, 7, -1.0, 1e15, float('nan'), float('inf'), True, '1', None]


def results() -> st.SearchStrategy[Any]:
    """Results as CloudWatch sends them, and odd ones."""
    usual = st.builds(
        lambda position, times, values: {
            'Id': f'q{position}',
            'Label': 'a "Values":[1] label',
            'Timestamps': times,
            'Values': values[: len(times)],
            'StatusCode': 'Complete',
        },
        st.integers(0, 3),
        st.sampled_from(TIMES),
        st.lists(st.sampled_from(NUMBERS[:3]), min_size=2, max_size=2),
    )
    edits = {
        'Id': st.sampled_from(['q0', 'q3', 'q4', 'x', '', None, 5, ['q1']]),
        'Timestamps': st.sampled_from(ODD_TIMES),
        'Values': st.one_of(
            st.lists(st.sampled_from(NUMBERS), max_size=3), st.sampled_from([None, 'ab', {'1.0': 2.0}])
        ),
        'StatusCode': st.sampled_from(['PartialData', 'InternalError', 'Forbidden', None]),
        'Messages': st.lists(usual, max_size=1),
    }
    odd = st.builds(lambda result, edited: {**result, **edited}, usual, st.fixed_dictionaries({}, optional=edits))
    bare = st.sampled_from([{}, None, 5, 'text', [], {'Id': 'q1', 'StatusCode': 'Complete'}])
    return st.one_of(usual, usual, odd, bare)


def said(document: Any) -> tuple[Any, ...]:
    """What an answer of one page says of each query."""
    answer = answers.parse(BATCH, [document], [], float(NOW))
    return answer.points(range(4)), answer.incomplete, {*answer.failures}, answer.forbidden, answer.answered_at


@given(st.lists(results(), max_size=6))
def test_columns_say_what_single_results_say(listed: list[Any]) -> None:
    """Whatever is on a page, its columns have the same points, gaps and failures as its results one by one."""
    content = json.dumps({'MetricDataResults': listed, 'Messages': []})
    assert said(pages.with_columns(json.loads(content))) == said(json.loads(content))


def test_usual_results_become_columns() -> None:
    """Complete results with the same timestamps are one column, and a partial one stays as it came."""
    usual = [
        {
            'Id': f'q{number}',
            'Timestamps': TIMES[number % 2 + 1],
            'Values': [4.0, 7][: number % 2 + 1],
            'StatusCode': status,
        }
        for number, status in enumerate(['Complete', 'Complete', 'Complete', 'PartialData'])
    ]
    page = pages.with_columns({'MetricDataResults': usual, 'NextToken': 'next'})
    assert page['NextToken'] == 'next' and isinstance(page['MetricDataResults'], PageResults)
    columns, odd_results = page['MetricDataResults']
    assert odd_results == usual[3:]
    assert [(column.timestamps, [*column.ids], [*column.values]) for column in columns] == [
        ((NOW - 300.0,), ['q0', 'q2'], [4.0, 4.0]),
        ((NOW - 300.0, float(NOW)), ['q1'], [4.0, 7.0]),
    ]
    assert all(isinstance(column, Column) for column in columns)


def test_other_documents_are_read_as_they_are() -> None:
    """An answer of another operation, a foreign one and a list stay as they are."""
    for document in ({'Metrics': [{'Id': 'q0', 'Timestamps': [], 'Values': [], 'StatusCode': 'Complete'}]}, [1], {}):
        assert pages.with_columns(document) is document
    foreign = {'MetricDataResults': 5, 'other': {'Id': 'q0', 'Timestamps': [], 'Values': [], 'StatusCode': 'Complete'}}
    assert pages.with_columns(foreign) is foreign
