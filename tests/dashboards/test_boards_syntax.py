from __future__ import annotations

import pytest

from tools.boards import backtest, evaluate
from tools.boards.evaluate import Frame
from tools.boards.recording import Recording
from tools.boards.syntax import (
    Filter,
    Metric,
    SyntaxProblem,
    metrics,
    parse,
    parse_formula,
    parse_monitor,
)

SENT = 'amazon_ses.send.count'
RATE = 'amazon_ses.reputation.bounce_rate'


def test_query_is_read_whole() -> None:
    """A query is read into its parts: aggregation, metric, filters, groups and modifiers."""
    text = 'sum:amazon_ses.send.count{$region,rule:*,!window:24h} by {region,rule}.as_count().rollup(sum, 300)'
    filters = (Filter(variable='region'), Filter(tag='rule', value='*'), Filter('', 'window', '24h', True))
    assert parse(text) == Metric('sum', SENT, filters, ('region', 'rule'), True, 'sum', 300)


def test_monitor_query_is_read_whole() -> None:
    """A monitor's query is read into reduction, window in seconds, expression, comparison and threshold."""
    query = parse_monitor('sum(last_4h):100 * sum:a.b{*} by {x}.as_count() / (sum:a.c{*} by {x}.as_count() + 200) >= 5')
    assert (query.reduction, query.window, query.comparator, query.critical) == ('sum', 14400, '>=', 5)
    assert [metric.name for metric in metrics(query.expression)] == ['a.b', 'a.c']


@pytest.mark.parametrize(
    'text',
    [
        '',
        'avg:a.b',
        'avg:a.b{*',
        'avg:a.b{}',
        'mean:a.b{*}',
        'avg:a.b{*} by {}',
        'avg:a.b{*} by region',
        'avg:a.b{*,x:y}',
        'avg:a.b{x=y}',
        'avg:a.b{*}.as_counts()',
        'avg:a.b{*}.rollup(300)',
        'avg:a.b{*}.rollup(mean, 300)',
        'avg:a.b{*}.as_count().as_count()',
        'avg:a.b{*} avg:a.b{*}',
        '(avg:a.b{*}',
        'avg:a.b{*} +',
        'month_before(avg:a.b{*})',
        'week_before(avg:a.b{*}, 1)',
    ],
)
def test_malformed_query_is_refused(text: str) -> None:
    """A text that is malformed or of no use here is refused with a reason."""
    with pytest.raises(SyntaxProblem):
        parse(text)


@pytest.mark.parametrize(
    'text',
    [
        'avg(last_5m):avg:a.b{*}',
        'avg(5m):avg:a.b{*} > 1',
        'avg(last_5x):avg:a.b{*} > 1',
        '"a.can_connect".over("*").by("x","y").last(4).count_by_status()',
    ],
)
def test_malformed_monitor_is_refused(text: str) -> None:
    """A monitor without comparison or window, or of a service check, is refused."""
    with pytest.raises(SyntaxProblem):
        parse_monitor(text)


def recorded(*series: tuple[str, str, list[tuple[float, float]]]) -> Recording:
    return Recording(0, 1200, {(name, 'gauge', tuple(tags.split(','))): points for name, tags, points in series})


TWO = recorded(
    (SENT, 'region:a', [(10, 1), (310, 2), (320, 4)]),
    (SENT, 'region:b', [(20, 10)]),
    (RATE, 'region:a', [(10, 1.0), (310, 3.0), (320, 2.0)]),
)


def test_counts_are_added_up_in_time_and_space() -> None:
    """as_count adds the points of an interval and the series of a group."""
    frame = evaluate.series(parse(f'sum:{SENT}{{*}}.as_count().rollup(sum, 300)'), TWO, {})
    assert frame == Frame((), {(): {0: 11, 300: 6}})
    assert evaluate.reduce(frame, 'sum').values == {(): {0: 17}}


def test_gauges_are_rolled_up_as_they_are_aggregated() -> None:
    """The max of a gauge is its max in the interval, and the last value is that of the last interval."""
    frame = evaluate.series(parse(f'max:{RATE}{{*}} by {{region}}'), TWO, {})
    assert frame.values == {('a',): {0: 1.0, 300: 3.0}}
    assert evaluate.reduce(frame, 'last').values == {('a',): {0: 3.0}}


def test_a_window_has_its_end_and_not_its_start() -> None:
    """A sample at the start of a window belongs to the window before, so no sample is in two windows."""
    part = TWO.between(10, 310)
    assert list(part.series.values()) == [[(310, 2)], [(20, 10)], [(310, 3.0)]]


def test_variables_with_a_value_filter() -> None:
    """A variable filters where it has a value, and else lets everything through; a missing tag is N/A."""
    query = parse(f'sum:{SENT}{{$region}} by {{region,rule}}.as_count().rollup(sum, 300)')
    assert set(evaluate.series(query, TWO, {}).values) == {('a', 'N/A'), ('b', 'N/A')}
    assert set(evaluate.series(query, TWO, {'region': 'region:b'}).values) == {('b', 'N/A')}


def test_formula_joins_groups() -> None:
    """A formula joins groups; a missing part is zero with default_zero, and nothing is divided by zero."""
    frames = {
        'part': Frame(('x',), {('a',): {0: 1.0}}),
        'whole': Frame(('x',), {('a',): {0: 4.0}, ('b',): {0: 2.0}, ('c',): {0: 0.0}}),
        'all': Frame((), {(): {0: 10.0}}),
    }
    share = evaluate.compute(parse_formula('100 * default_zero(part) / whole'), frames)
    assert share.values == {('a',): {0: 25.0}, ('b',): {0: 0.0}}
    assert evaluate.compute(parse_formula('part / whole'), frames).values == {('a',): {0: 0.25}}
    assert evaluate.compute(parse_formula('5 - whole / all'), frames).values[('a',)] == {0: 4.6}


def test_default_zero_is_drawn_as_zero_without_data() -> None:
    """A chart of default_zero is zero all the time where there is no data; without it there is nothing to draw."""
    for formula, values in (('query1', {}), ('default_zero(query1)', {(): dict.fromkeys((0, 300, 600, 900, 1200), 0)})):
        request = {'queries': [{'name': 'query1', 'query': 'max:a.b{*}'}], 'formulas': [{'formula': formula}]}
        (frame,) = evaluate.timeseries(request, TWO, {})
        assert frame.values == values


def course(query: str, points: list[tuple[float, float]], **options: object) -> list[str]:
    """The states of a monitor over one series with these points."""
    recording = Recording(0, points[-1][0] + 900, {(RATE, 'gauge', ('region:a',)): points})
    definition = {'query': query, 'options': {'new_group_delay': 0, 'on_missing_data': 'default', **options}}
    return backtest.states(backtest.changes(definition, recording).get(('a',), []))


LEVELS = [(300.0 * step, value) for step, value in enumerate((1, 6, 4.6, 6, 4.4, 2.6, 3.5, 2.4, 1), 1)]


def test_recovery_thresholds_hold_a_state() -> None:
    """A state ends only beyond its recovery threshold."""
    query = f'max(last_5m):max:{RATE}{{*}} by {{region}} >= 5'
    with_recovery = {'critical': 5, 'warning': 3, 'critical_recovery': 4.5, 'warning_recovery': 2.5}
    assert course(query, LEVELS, thresholds=with_recovery) == ['ALERT', 'WARN', 'OK']
    bare = {'critical': 5, 'warning': 3}
    assert course(query, LEVELS, thresholds=bare) == ['ALERT', 'WARN', 'ALERT', 'WARN', 'OK', 'WARN', 'OK']


@pytest.mark.parametrize(('policy', 'expected'), [('default', []), ('show_no_data', ['NO DATA']), ('resolve', [])])
def test_missing_data_follow_the_policy(policy: str, expected: list[str]) -> None:
    """A gauge without data keeps its state, shows NO DATA or recovers, as the monitor says."""
    query = f'max(last_5m):max:{RATE}{{*}} by {{region}} >= 5'
    assert course(query, [(300, 1.0)], thresholds={'critical': 5}, on_missing_data=policy) == expected


def test_missing_counts_are_zero() -> None:
    """A count without data is zero, so silence is noticed."""
    query = f'sum(last_5m):sum:{RATE}{{*}} by {{region}}.as_count() < 1'
    assert course(query, [(300, 1.0)], thresholds={'critical': 1}) == ['ALERT']


def test_a_trailing_share_counts_what_came_before_and_is_capped() -> None:
    """Each point of a trailing share is of the seconds before it, and more deliveries than emails are 100 percent."""
    kinds = {'part': ((0.0, 10.0), (300.0, 20.0)), 'whole': ((0.0, 40.0), (300.0, 10.0))}
    series = {(f'a.{name}', 'gauge', ()): points for name, points in kinds.items()}
    trails = [[f"moving_rollup({name}, {span}, 'sum')" for name in kinds] for span in (300, 600)]
    request = {
        'queries': [{'name': name, 'query': f'max:a.{name}{{*}}'} for name in kinds],
        'formulas': [{'formula': f'clamp_max(100 * {part} / {whole}, 100)'} for part, whole in trails],
    }
    short, long = evaluate.timeseries(request, Recording(0, 600, series), {})
    assert short.values == {(): {0.0: 25.0, 300.0: 100.0}}
    assert long.values == {(): {0.0: 25.0, 300.0: 60.0}}


@pytest.mark.parametrize(('before', 'expected'), [([(0.0, 10.0)], ['ALERT']), ([(0.0, 70.0)], []), ([], [])])
def test_a_shift_compares_with_the_past(before: list[tuple[float, float]], expected: list[str]) -> None:
    """A gauge is compared with what it was so long ago. Where nothing was recorded then, there is no group."""
    metric = f'max:{RATE}{{*}} by {{region}}'
    query = f'avg(last_5m):{metric} / hour_before({metric}) >= 3'
    assert course(query, [*before, (3600.0, 100.0)], thresholds={'critical': 3}) == expected
