"""The bounds of the figures. Pure: from the figures of cases to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, NamedTuple

Results = Mapping[str, Any]
"""The figures of each measured case, by its name."""

BATCH = 500
PACE = 90_000
"""The rate limit: datapoints (queries times periods) in a second."""

LATENCY = 0.05
"""The latency at which ways are compared."""

MILLI, MEBI = 1000.0, 1 / 1024**2
FACTORS = {' ms': MILLI, ' MiB': MEBI, ' %': 100.0}


class Measured(NamedTuple):
    """A figure with its limit, both in the unit that is shown."""

    where: str
    value: float
    limit: float
    unit: str

    @property
    def ok(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True)
class Bound:
    """A promise: its subject, its words, and the figures that it concerns."""

    subject: str
    words: str
    figures: Callable[[Results], Iterable[Measured]]


Verdict = tuple[Bound, Measured | None]
"""A bound with one of its figures, or None where no case for it was run."""


def verdicts(results: Results) -> list[Verdict]:
    """Every bound with each of its figures."""
    return [(bound, measured) for bound in BOUNDS for measured in (*bound.figures(results),) or (None,)]


def _rows(results: Results, case: str = '', latency: float = LATENCY) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the row of each way, of all cases with the measure `work` or only of `case`."""
    for name, figures in results.items():
        rows = {row['way']: row for row in figures.get('work', {}).get('rows', ()) if row['latency'] == latency}
        if rows and case in ('', name):
            yield name, rows


def _calls(results: Results) -> Iterator[Measured]:
    for name, rows in [*_rows(results, latency=0.0), *_rows(results)]:
        excess = 0
        for run in rows['ours']['runs']:
            for target in run['places']:
                calls = sum(target['operations'].get(operation, 0) for operation in ('GetMetricData', 'GetAccount'))
                excess = max(excess, calls - ceil(target['billed_metrics'] / BATCH) - 1)
        yield Measured(f'{name}, {rows["ours"]["latency"] * MILLI:.0f} ms', excess, 0, ' too many')


def _against_plain(figure: str, limit: float, results: Results) -> Iterator[Measured]:
    for name, rows in _rows(results, 'sets1000'):
        ratio = rows['ours']['steady'][figure] / rows['plain_hour']['steady'][figure]
        yield Measured(name, ratio, limit, 'x')


def _against_each(figure: str, limit: float, results: Results) -> Iterator[Measured]:
    for name, rows in _rows(results):
        each, series = rows['one_call_each'], results[name]['series']
        if series / results[name]['instances'] >= BATCH:
            total = each['steady'][figure] * series / each['measured']
            yield Measured(name, rows['ours']['steady'][figure] / total, limit, 'x')


def _growth(limit: float, case: str, results: Results) -> Iterator[Measured]:
    """The CPU of a case against that of a quarter of its groups."""
    growth = results.get(case, {}).get('growth')
    if growth:
        yield Measured(case, growth['whole']['ours']['cpu'] / growth['quarter']['ours']['cpu'], limit, 'x')


def _pace(results: Results) -> Iterator[Measured]:
    for name, rows in _rows(results, 'identities'):
        steady = rows['ours']['steady']
        # A run waits for the rate limit only: the other time is its CPU time.
        yield Measured(name, steady['wall'] / (steady['datapoints'] / PACE + steady['cpu']), 1.0, 'x')


def _single(figure: str, limit: float, unit: str, results: Results) -> Iterator[Measured]:
    """A single figure: `case.measure.name`."""
    case, measure, name = figure.split('.')
    if measure in results.get(case, {}):
        yield Measured(case, results[case][measure][name] * FACTORS.get(unit, 1.0), limit, unit)


def _floor_rows(results: Results, latency: float, *cases: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The row of each of the cases that were measured beside their floor."""
    for name in cases:
        for row in results.get(name, {}).get('floor', {}).get('rows', ()):
            if row['latency'] == latency:
                yield name, row


def _against_floor(
    figure: str, latency: float, limit: float, cases: Iterable[str], results: Results
) -> Iterator[Measured]:
    for name, row in _floor_rows(results, latency, *cases):
        yield Measured(name, row['ours'][figure] / row['floor'][figure], limit, 'x')


def _over_floor(limit: float, results: Results) -> Iterator[Measured]:
    """By how much of the floor's CPU a run takes longer than the floor."""
    for name, row in _floor_rows(results, LATENCY, 'floor1000'):
        yield Measured(name, (row['ours']['wall'] - row['floor']['wall']) / row['floor']['cpu'], limit, 'x')


def _over_listing(limit: float, results: Results) -> Iterator[Measured]:
    """By how much a run takes longer in which a listing begins."""
    for name, row in _floor_rows(results, LATENCY, 'floor1', 'floor50', 'floor1000'):
        if row['listing']:
            yield Measured(name, row['listing']['wall'] - row['ours']['wall'], limit, ' s')


def _first_run(limit: float, results: Results) -> Iterator[Measured]:
    """The first run of a new check that reads its state, against a steady one."""
    figures = results.get('floor1000', {}).get('restarts')
    for figure in ('wall', 'cpu') if figures else ():
        yield Measured(f'floor1000, {figure}', figures['first'][figure] / figures['steady'][figure], limit, 'x')


def _instances(limit: float, results: Results) -> Iterator[Measured]:
    for name, rows in _rows(results, 'instances'):
        yield Measured(name, rows['ours']['steady']['wall'] / rows['plain_hour']['steady']['wall'], limit, 'x')


FEW, LARGE = ('floor1', 'floor50'), 'floor1000'
SLOW = 0.5
"""Seconds that a large GetMetricData may take."""

BOUNDS = (
    Bound('calls of a due run', 'ceil(queries / 500) + 1 in each account and Region', _calls),
    Bound('CPU against plain GetMetricData', '<= 0.35x', partial(_against_plain, 'cpu', 0.35)),
    Bound('wall against plain GetMetricData', '<= 0.20x', partial(_against_plain, 'wall', 0.20)),
    Bound('requests against one call each', '<= 1/10', partial(_against_each, 'requests', 1 / 10)),
    Bound('wall against one call each', '<= 1/20', partial(_against_each, 'wall', 1 / 20)),
    Bound('CPU of 40,000 series against 10,000', '<= 4.2x', partial(_growth, 4.2, 'identities')),
    Bound('wall of 40,000 series', 'the pace of 90,000 datapoints/s and its CPU', _pace),
    Bound('wall against the floor, 50 ms', '<= 1.3x', partial(_against_floor, 'wall', LATENCY, 1.3, FEW)),
    Bound('wall over the floor, 50 ms', "<= 3x the floor's CPU", partial(_over_floor, 3.0)),
    Bound('wall against the floor, 500 ms', '<= 1.6x', partial(_against_floor, 'wall', SLOW, 1.6, (*FEW, LARGE))),
    Bound(
        'CPU against the floor', '<= 4x', partial(_against_floor, 'cpu', LATENCY, 4.0, ('floor50', LARGE, 'floor4000'))
    ),
    Bound('CPU against the floor, one set', '<= 5x', partial(_against_floor, 'cpu', LATENCY, 5.0, ('floor1',))),
    Bound('CPU of 4,000 sets against 1,000', '<= 4.2x', partial(_growth, 4.2, 'floor4000')),
    Bound('wall of a run with a listing', '<= 0.1 s more', partial(_over_listing, 0.1)),
    Bound('first run that reads the state', '<= 2x a steady one', partial(_first_run, 2.0)),
    Bound('wall of 100 instances', '<= 1.1x plain calls', partial(_instances, 1.1)),
    Bound('CPU of a run with nothing due', '<= 2 ms', partial(_single, 'account.idle.cpu', 2.0, ' ms')),
    Bound('memory of 1,000 sets', '<= 25 MiB', partial(_single, 'sets1000.ledger.memory', 25.0, ' MiB')),
    Bound('memory of a further instance', '<= 1.2 MiB', partial(_single, 'clients.instances.bytes', 1.2, ' MiB')),
    Bound('CPU of a further instance', '<= 20 ms', partial(_single, 'clients.instances.cpu', 20.0, ' ms')),
    Bound('saved for an active series', '<= 48 bytes', partial(_single, 'amounts.ledger.each', 48.0, ' bytes')),
    Bound('the same, small amounts', '<= 20 bytes', partial(_single, 'sets1000.ledger.each', 20.0, ' bytes')),
    Bound('9,000 failure events, 20 ms a request', '<= 10 s', partial(_single, 'events.queue.wall', 10.0, ' s')),
    Bound('requests for each of them', '<= 0.21', partial(_single, 'events.queue.requests', 0.21, '')),
    Bound('failure events left in the queue', '0', partial(_single, 'events.queue.left', 0.0, ' batches')),
    Bound('CPU of a failure event', '<= 0.5 ms', partial(_single, 'events.queue.cpu', 0.5, ' ms')),
    Bound('first run of a new process', '<= 0.6 s', partial(_single, 'account.first.wall', 0.6, ' s')),
    *(
        Bound(f'calls of SES for {number:,} identities', f'<= {most} an hour', partial(_single, figure, most, ''))
        for number, most in ((10, 120), (100, 280), (10_000, 880))
        for figure in (f'budget{number}.budget.most',)
    ),
    Bound('billed in a sparse account', '<= 30 %', partial(_single, 'sparse.thrift.share', 30.0, ' %')),
    Bound('miscounted in a sparse account', '0', partial(_single, 'sparse.thrift.wrong', 0.0, ' sets')),
)
