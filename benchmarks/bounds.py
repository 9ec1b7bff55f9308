"""What the figures must not exceed. Pure: from the figures of cases to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple

Results = Mapping[str, Any]
"""The figures of each case that was measured, by its name."""

BATCH = 500
PACE = 90_000
"""Datapoints (queries times periods) that may be asked for in a second."""

CHECKED_AT = 0.05
"""The latency at which ways are compared."""

MILLI, MEBI = 1000.0, 1 / 1024**2


class Measured(NamedTuple):
    """One figure beside its limit, both in the unit that is shown."""

    where: str
    value: float
    limit: float
    unit: str

    @property
    def ok(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True)
class Bound:
    """A promise: what it is about, its words, and how its figures are found among those of the cases."""

    what: str
    words: str
    find: Callable[[Results], Iterable[Measured]]


class Verdict(NamedTuple):
    """A figure with the bound that it is held against; `measured` is None where the cases for it were not run."""

    what: str
    words: str
    measured: Measured | None

    @property
    def broken(self) -> bool:
        return self.measured is not None and not self.measured.ok


def verdicts(results: Results) -> list[Verdict]:
    """Every bound with every figure that there is for it."""
    found = []
    for bound in BOUNDS:
        measured = list(bound.find(results))
        found += [Verdict(bound.what, bound.words, one) for one in measured or [None]]
    return found


def _rows(results: Results, latency: float = CHECKED_AT) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(case, series, its row of each way) of the cases whose work was measured."""
    for name, figures in results.items():
        rows = {row['way']: row for row in figures.get('work', {}).get('rows', ()) if row['latency'] == latency}
        if rows:
            yield name, figures['series'], rows


def _calls(results: Results) -> Iterator[Measured]:
    for name, _, rows in [*_rows(results, 0.0), *_rows(results)]:
        over = 0
        for run in rows['ours']['runs']:
            for place in run['places']:
                asked = place['operations']
                made = asked.get('GetMetricData', 0) + asked.get('GetAccount', 0)
                over = max(over, made - ceil(place['billed_metrics'] / BATCH) - 1)
        yield Measured(f'{name}, {rows["ours"]["latency"] * MILLI:.0f} ms', over, 0, ' too many')


def _against_plain(figure: str, limit: float) -> Callable[[Results], Iterator[Measured]]:
    def find(results: Results) -> Iterator[Measured]:
        for name, _, rows in _rows(results):
            if name == 'sets1000':
                ratio = rows['ours']['steady'][figure] / rows['plain_hour']['steady'][figure]
                yield Measured(name, ratio, limit, 'x')

    return find


def _against_each(figure: str, limit: float) -> Callable[[Results], Iterator[Measured]]:
    def find(results: Results) -> Iterator[Measured]:
        for name, series, rows in _rows(results):
            each = rows['one_call_each']
            if series / results[name]['instances'] >= 500:
                whole = each['steady'][figure] * series / each['measured']
                yield Measured(name, rows['ours']['steady'][figure] / whole, limit, 'x')

    return find


def _growth(results: Results) -> Iterator[Measured]:
    quarter = results.get('identities2500', {}).get('alone')
    for name, _, rows in _rows(results):
        if name == 'identities' and quarter:
            yield Measured(name, rows['ours']['steady']['cpu'] / quarter['steady']['cpu'], 4.4, 'x')


def _pace(results: Results) -> Iterator[Measured]:
    for name, _, rows in _rows(results):
        if name == 'identities':
            steady = rows['ours']['steady']
            # Nothing is waited for but the pace: what is left is the work of the run itself.
            yield Measured(name, steady['wall'] / (steady['datapoints'] / PACE + steady['cpu']), 1.0, 'x')


def _of(case: str, measure: str, figure: str, limit: float, unit: str, times: float = 1.0) -> Any:
    """The bound of a single figure of one case."""

    def find(results: Results) -> Iterator[Measured]:
        if measure in results.get(case, {}):
            yield Measured(case, results[case][measure][figure] * times, limit, unit)

    return find


BOUNDS = (
    Bound('calls of a due run', 'ceil(queries / 500) + 1 in each account and Region', _calls),
    Bound('CPU against plain GetMetricData', '<= 0.35x', _against_plain('cpu', 0.35)),
    Bound('wall against plain GetMetricData', '<= 0.20x', _against_plain('wall', 0.20)),
    Bound('requests against one call each', '<= 1/10', _against_each('requests', 1 / 10)),
    Bound('wall against one call each', '<= 1/20', _against_each('wall', 1 / 20)),
    Bound('CPU of 40,000 series against 10,000', '<= 4.4x', _growth),
    Bound('wall of 40,000 series', 'the pace of 90,000 datapoints/s and its CPU', _pace),
    Bound('CPU of a run with nothing due', '<= 2 ms', _of('account', 'idle', 'cpu', 2.0, ' ms', MILLI)),
    Bound('memory of 10,000 series', '<= 25 MiB', _of('sets1000', 'ledger', 'memory', 25.0, ' MiB', MEBI)),
    Bound('memory of a further instance', '<= 1.2 MiB', _of('clients', 'instances', 'bytes', 1.2, ' MiB', MEBI)),
    Bound('CPU of a further instance', '<= 20 ms', _of('clients', 'instances', 'cpu', 20.0, ' ms', MILLI)),
    Bound('saved for an active series', '<= 48 bytes', _of('amounts', 'ledger', 'each', 48.0, ' bytes')),
    Bound('the same, small amounts', '<= 20 bytes', _of('sets1000', 'ledger', 'each', 20.0, ' bytes')),
    Bound('first run of a new process', '<= 0.6 s', _of('account', 'first', 'wall', 0.6, ' s')),
    Bound('billed in a sparse account', '<= 30 %', _of('sparse', 'thrift', 'share', 30.0, ' %', 100.0)),
    Bound('miscounted in a sparse account', '0', _of('sparse', 'thrift', 'wrong', 0.0, ' sets')),
)
