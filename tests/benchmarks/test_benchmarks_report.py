from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import bounds, measures
from benchmarks.cases import CASES


def run(requests: int = 2, billed: int = 12, **more) -> dict:
    """The figures of one run, all of them small."""
    operations = {'GetMetricData': requests - 1, 'GetAccount': 1}
    place = {'account': '1', 'region': 'r', 'operations': operations, 'billed_metrics': billed}
    return {
        'wall': 0.1, 'cpu': 0.1, 'peak': 1, 'submitted': 1, 'requests': requests, 'billed': billed, 'periods': 3.0,
        'datapoints': 90_000, 'places': [place], 'operations': operations, **more,
    }  # fmt: skip


def work(series: int) -> dict:
    """Rows of a case in which ours costs as good as nothing beside the others."""
    costly = run(series, wall=1000.0, cpu=1000.0)
    rows = []
    for latency in (0.0, 0.05):
        for way in ('ours', 'plain_hour', 'plain_same', 'one_call_each'):
            one = run() if way == 'ours' else costly
            rows.append({'way': way, 'latency': latency, 'measured': series, 'cold': one, 'steady': one,
                         'listing': None, 'runs': [one], 'peak': 1})  # fmt: skip
    return {'rows': rows}


FIGURES = {
    'work': work(10_012),
    'alone': {'steady': run(), 'runs': [run()]},
    'first': {'wall': 0.1, 'cpu': 0.1},
    'idle': {'cpu': 0.001, 'requests': 0},
    'ledger': {'memory': 1, 'saved': 1, 'active': 1, 'each': 1.0},
    'instances': {'cpu': 0.001, 'bytes': 1.0, 'number': 90},
    'thrift': {'share': 0.1, 'wrong': 0},
}


@pytest.fixture
def results() -> dict:
    """What a run in which everything is well would have found."""
    return {
        case.name: {
            'title': case.title, 'series': case.number, 'instances': case.instances,
            **json.loads(json.dumps({name: FIGURES[name] for name in case.measures})),
        }
        for case in CASES
    }  # fmt: skip


def test_every_bound_has_its_figures(results):
    """The cases in the table measure something for every bound, and every measure that they name exists."""
    assert all(one.measured is not None for one in bounds.verdicts(results))
    assert {name for case in CASES for name in case.measures} == set(measures.MEASURES) == set(FIGURES)


def test_all_well(results, tmp_path, capsys):
    """Where every figure is within its bound the exit code is 0, each is marked ok, and the file says the same."""
    assert command.publish(results, tmp_path / 'new' / 'results.json') == 0
    assert 'OVER' not in capsys.readouterr().out
    written = json.loads((tmp_path / 'new' / 'results.json').read_text())
    assert written['bounds'] and all(one['ok'] for one in written['bounds'])
    assert set(written['cases']) == {case.name for case in CASES}


BREAKS = {
    'calls of a due run': ('regions', ('work', 'rows', 0, 'runs', 0, 'places', 0, 'operations', 'GetMetricData'), 2),
    'CPU against plain GetMetricData': ('sets1000', ('work', 'rows', 4, 'steady', 'cpu'), 351.0),
    'wall against plain GetMetricData': ('sets1000', ('work', 'rows', 4, 'steady', 'wall'), 201.0),
    'requests against one call each': ('sets50', ('work', 'rows', 4, 'steady', 'requests'), 52.0),
    'wall against one call each': ('identities', ('work', 'rows', 4, 'steady', 'wall'), 201.0),
    'CPU of 40,000 series against 10,000': ('identities', ('work', 'rows', 4, 'steady', 'cpu'), 0.45),
    'wall of 40,000 series': ('identities', ('work', 'rows', 4, 'steady', 'wall'), 1.2),
    'CPU of a run with nothing due': ('account', ('idle', 'cpu'), 0.0021),
    'memory of 10,000 series': ('sets1000', ('ledger', 'memory'), 25.1 * 1024**2),
    'memory of a further instance': ('clients', ('instances', 'bytes'), 1.3 * 1024**2),
    'CPU of a further instance': ('clients', ('instances', 'cpu'), 0.021),
    'saved for an active series': ('amounts', ('ledger', 'each'), 48.1),
    'the same, small amounts': ('sets1000', ('ledger', 'each'), 20.1),
    'first run of a new process': ('account', ('first', 'wall'), 0.61),
    'billed in a sparse account': ('sparse', ('thrift', 'share'), 0.301),
    'miscounted in a sparse account': ('sparse', ('thrift', 'wrong'), 1),
}  # fmt: skip


def test_every_bound_can_be_broken(results):
    """There is a figure to break each bound with."""
    assert list(BREAKS) == [bound.what for bound in bounds.BOUNDS]


@pytest.mark.parametrize('what', list(BREAKS))
def test_a_broken_bound_is_marked(results, what, tmp_path, capsys):
    """A figure above its bound is marked in the table and in the file, and the exit code is 1."""
    case, path, value = BREAKS[what]
    figures = results[case]
    for step in path[:-1]:
        figures = figures[step]
    figures[path[-1]] = value
    assert command.publish(results, tmp_path / 'results.json') == 1
    marked = [line for line in capsys.readouterr().out.splitlines() if line.endswith('OVER')]
    assert any(line.startswith(what) for line in marked)
    written = json.loads((tmp_path / 'results.json').read_text())['bounds']
    assert what in {one['what'] for one in written if not one['ok']}


def test_what_cannot_be_measured_is_a_failure(results, tmp_path, capsys):
    """A case that failed is named with its reason, and the exit code is 1; one that was not asked for is no failure."""
    only = {'account': results['account']}
    assert command.publish(only, tmp_path / 'results.json') == 0
    assert 'not measured' in capsys.readouterr().out
    only['sparse'] = {'title': 't', 'series': 1, 'instances': 1, 'failed': 'RuntimeError: no such option'}
    assert command.publish(only, tmp_path / 'results.json') == 1
    assert 'sparse: NOT MEASURED: RuntimeError: no such option' in capsys.readouterr().out


def test_what_was_not_measured_in_full_is_told(results, tmp_path, capsys):
    """A row of a sample is shown times what is missing, and says so."""
    row = next(row for row in results['sets1000']['work']['rows'] if row['way'] == 'one_call_each')
    row['measured'] = 500
    row['steady'] = {**row['steady'], 'wall': 1.0, 'cpu': 0.5, 'requests': 500}
    row['cold'] = {**row['steady'], 'wall': 2.0, 'cpu': 1.5}
    command.publish(results, tmp_path / 'results.json')
    (line,) = (line for line in capsys.readouterr().out.splitlines() if '500 measured' in line)
    assert 'x20.02' in line and '10,012' in line and '21 / 11' in line and '20 / 10' in line


def test_an_unknown_case_is_refused(capsys):
    """A case that does not exist is wrong usage, and is named."""
    with pytest.raises(SystemExit) as end:
        command.main(['--only', 'account,acount'])
    assert end.value.code == 2 and 'no such case: acount' in capsys.readouterr().err
