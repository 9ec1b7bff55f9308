from __future__ import annotations

import json
from copy import deepcopy

import pytest

from benchmarks import __main__ as command
from benchmarks import bounds, measures
from benchmarks.cases import ACCOUNT_LEVEL, CASES

METRICS = len(ACCOUNT_LEVEL.metrics)
SERIES = {case.name: case.number for case in CASES}


def run(requests: int = 2, billed: int = METRICS, **more) -> dict:
    """The figures of one run, all of them small."""
    operations = {'GetMetricData': requests - 1, 'GetAccount': 1}
    target = {'account': '1', 'region': 'r', 'operations': operations, 'billed_metrics': billed}
    figures = {'wall': 0.1, 'cpu': 0.1, 'peak': 1, 'submitted': 1, 'periods': 3.0, 'datapoints': 90_000}
    figures |= {'requests': requests, 'billed': billed, 'operations': operations, 'places': [target]}
    return figures | more


def work(series: int) -> dict:
    """Rows of a case in which the check costs almost nothing compared with the other ways."""
    costly = run(series, wall=1000.0, cpu=1000.0)
    rows = []
    for latency in (0.0, 0.05):
        for way in ('ours', 'plain_hour', 'plain_same', 'one_call_each'):
            figures = run() if way == 'ours' else costly
            row = {'way': way, 'latency': latency, 'measured': series, 'listing': None, 'peak': 1}
            rows.append(row | {'cold': figures, 'steady': figures, 'runs': [figures]})
    return {'rows': rows}


def floor_figures() -> dict:
    """Rows of a case that costs no more than its floor."""
    cost = {'wall': 0.1, 'cpu': 0.1}
    row = {'requests': 2, 'submitted': 10, 'server': 0.01, 'turns': 9, 'steps': {'planning': 0.01, 'asking': 0.02}}
    rows = [
        {'latency': latency, **row, **{name: dict(cost) for name in ('ours', 'floor', 'listing')}}
        for latency in measures.FLOOR_LATENCIES
    ]
    return {'rows': rows}


FIGURES = {
    'work': work(SERIES['sets1000']),
    'floor': floor_figures(),
    'growth': {name: {'ours': {'cpu': 0.1}} for name in ('whole', 'quarter')},
    'restarts': {name: {'wall': 0.1, 'cpu': 0.1} for name in ('first', 'steady')},
    'first': {'wall': 0.1, 'cpu': 0.1},
    'idle': {'cpu': 0.001, 'requests': 0},
    'ledger': {'memory': 1, 'saved': 1, 'active': 1, 'each': 1.0},
    'instances': {'cpu': 0.001, 'bytes': 1.0, 'number': 90},
    'thrift': {'share': 0.1, 'wrong': 0},
    'budget': {'most': 100, 'hours': [100]},
    'queue': {'wall': 1.0, 'cpu': 0.0001, 'requests': 0.2, 'left': 0.0},
}


@pytest.fixture
def results() -> dict:
    """The results of a run in which every bound holds."""
    results = {}
    for case in CASES:
        results[case.name] = {'title': case.title, 'series': case.number, 'instances': case.instances}
        results[case.name] |= deepcopy({name: FIGURES[name] for name in case.measures})
    return results


def test_every_bound_has_its_figures(results):
    """The cases in the table measure something for every bound, and every measure that they name exists."""
    assert all(measured is not None for _, measured in bounds.verdicts(results))
    assert {name for case in CASES for name in case.measures} == set(measures.MEASURES) == set(FIGURES)


def test_a_run_within_all_bounds_succeeds(results, tmp_path, capsys):
    """If every figure is within its bound, the exit code is 0, and table and file mark each as ok."""
    assert command.publish(results, tmp_path / 'new' / 'results.json') == 0
    assert 'OVER' not in capsys.readouterr().out
    written = json.loads((tmp_path / 'new' / 'results.json').read_text())
    assert written['bounds'] and all(bound['ok'] for bound in written['bounds'])
    assert set(written['cases']) == {case.name for case in CASES}


BREAKS = {
    'calls of a due run': ('regions', ('work', 'rows', 0, 'runs', 0, 'places', 0, 'operations', 'GetMetricData'), 2),
    'CPU against plain GetMetricData': ('sets1000', ('work', 'rows', 4, 'steady', 'cpu'), 351.0),
    'wall against plain GetMetricData': ('sets1000', ('work', 'rows', 4, 'steady', 'wall'), 201.0),
    'requests against one call each': ('sets50', ('work', 'rows', 4, 'steady', 'requests'), SERIES['sets50'] / 10 + 1),
    'wall against one call each': ('identities', ('work', 'rows', 4, 'steady', 'wall'), 201.0),
    'CPU of 40,000 series against 10,000': ('identities', ('growth', 'whole', 'ours', 'cpu'), 0.421),
    'wall of 40,000 series': ('identities', ('work', 'rows', 4, 'steady', 'wall'), 1.2),
    'wall against the floor, 50 ms': ('floor50', ('floor', 'rows', 1, 'ours', 'wall'), 0.131),
    'wall over the floor, 50 ms': ('floor1000', ('floor', 'rows', 1, 'ours', 'wall'), 0.41),
    'wall against the floor, 500 ms': ('floor1000', ('floor', 'rows', 2, 'ours', 'wall'), 0.161),
    'CPU against the floor': ('floor4000', ('floor', 'rows', 1, 'ours', 'cpu'), 0.401),
    'CPU against the floor, one set': ('floor1', ('floor', 'rows', 1, 'ours', 'cpu'), 0.501),
    'CPU of 4,000 sets against 1,000': ('floor4000', ('growth', 'whole', 'ours', 'cpu'), 0.421),
    'wall of a run with a listing': ('floor1', ('floor', 'rows', 1, 'listing', 'wall'), 0.201),
    'first run that reads the state': ('floor1000', ('restarts', 'first', 'cpu'), 0.201),
    'wall of 100 instances': ('instances', ('work', 'rows', 4, 'steady', 'wall'), 1101.0),
    'CPU of a run with nothing due': ('account', ('idle', 'cpu'), 0.0021),
    'memory of 1,000 sets': ('sets1000', ('ledger', 'memory'), 25.1 * 1024**2),
    'memory of a further instance': ('clients', ('instances', 'bytes'), 1.3 * 1024**2),
    'CPU of a further instance': ('clients', ('instances', 'cpu'), 0.021),
    'saved for an active series': ('amounts', ('ledger', 'each'), 48.1),
    'the same, small amounts': ('sets1000', ('ledger', 'each'), 20.1),
    '9,000 failure events, 20 ms a request': ('events', ('queue', 'wall'), 10.1),
    'requests for each of them': ('events', ('queue', 'requests'), 0.22),
    'failure events left in the queue': ('events', ('queue', 'left'), 1.0),
    'CPU of a failure event': ('events', ('queue', 'cpu'), 0.00051),
    'first run of a new process': ('account', ('first', 'wall'), 0.61),
    'calls of SES for 10 identities': ('budget10', ('budget', 'most'), 121),
    'calls of SES for 100 identities': ('budget100', ('budget', 'most'), 281),
    'calls of SES for 10,000 identities': ('budget10000', ('budget', 'most'), 881),
    'billed in a sparse account': ('sparse', ('thrift', 'share'), 0.301),
    'miscounted in a sparse account': ('sparse', ('thrift', 'wrong'), 1),
}  # fmt: skip


def test_every_bound_can_be_broken(results):
    """A figure can break each bound."""
    assert list(BREAKS) == [bound.subject for bound in bounds.BOUNDS]


@pytest.mark.parametrize('subject', list(BREAKS))
def test_a_broken_bound_is_marked(results, subject, tmp_path, capsys):
    """A figure above its bound is marked in the table and in the file, and the exit code is 1."""
    case, path, value = BREAKS[subject]
    figures = results[case]
    for step in path[:-1]:
        figures = figures[step]
    figures[path[-1]] = value
    assert command.publish(results, tmp_path / 'results.json') == 1
    marked = [line for line in capsys.readouterr().out.splitlines() if line.endswith('OVER')]
    assert any(line.startswith(subject) for line in marked)
    written = json.loads((tmp_path / 'results.json').read_text())['bounds']
    assert subject in {bound['what'] for bound in written if not bound['ok']}


def test_a_case_without_figures_is_a_failure(results, tmp_path, capsys):
    """A failed case is shown with its reason, and the exit code is 1; a case that was not selected is no failure."""
    only = {'account': results['account']}
    assert command.publish(only, tmp_path / 'results.json') == 0
    assert 'not measured' in capsys.readouterr().out
    only['sparse'] = {'title': 't', 'series': 1, 'instances': 1, 'failed': 'RuntimeError: no such option'}
    assert command.publish(only, tmp_path / 'results.json') == 1
    assert 'sparse: NOT MEASURED: RuntimeError: no such option' in capsys.readouterr().out


def test_a_sample_is_extrapolated(results, tmp_path, capsys):
    """The row of a sample shows the figures of all series, and the factor."""
    row = next(row for row in results['sets1000']['work']['rows'] if row['way'] == 'one_call_each')
    row['measured'] = 500
    row['steady'] = {**row['steady'], 'wall': 1.0, 'cpu': 0.5, 'requests': 500}
    row['cold'] = {**row['steady'], 'wall': 2.0, 'cpu': 1.5}
    command.publish(results, tmp_path / 'results.json')
    (line,) = (line for line in capsys.readouterr().out.splitlines() if '500 measured' in line)
    series = SERIES['sets1000']
    factor = series / 500
    assert f'x{factor:.2f}' in line and f'{series:,}' in line
    assert f'{factor + 1:.3g} / {factor / 2 + 1:.3g}' in line and f'{factor:.3g} / {factor / 2:.3g}' in line


def test_an_unknown_case_is_refused(capsys):
    """A case that does not exist is wrong usage, and is named."""
    with pytest.raises(SystemExit) as end:
        command.main(['--only', 'account,acount'])
    assert end.value.code == 2 and 'no such case: acount' in capsys.readouterr().err
