"""The figures as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.bounds import MEBI, Verdict

WAYS = {
    'ours': 'this check',
    'plain_hour': 'GetMetricData, last hour',
    'plain_same': 'GetMetricData, same window',
    'one_call_each': 'GetMetricStatistics each',
}
HEAD = 'case|ms|way|requests|billed|periods|cold wall / CPU s|steady wall / CPU s|peak MiB|'.split('|')

FLOOR_HEAD = (
    'case|ms|requests|submitted|wall / CPU ms|floor: wall / CPU ms|wall x|CPU x|with a listing|server ms'.split('|')
)


def lines(results: Mapping[str, Any], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The work of each case and way, the cases that failed, and each figure with its bound."""
    work = [row for figures in results.values() for row in _work(figures)]
    if work:
        yield from _table([HEAD, *work], right=(1, 3, 4, 5, 8))
        yield ''
    floor_rows = [row for figures in results.values() for row in _beside_floor(figures)]
    if floor_rows:
        yield from _table([FLOOR_HEAD, *floor_rows], right=range(1, 10))
        yield ''
        yield 'CPU of a run by step, in ms'
        yield from _table([*_steps(results)], right=range(1, 20))
        yield ''
    for name, figures in results.items():
        if 'failed' in figures:
            yield f'{name}: NOT MEASURED: {figures["failed"]}'
    yield from _table([('what', 'bound', 'measured', 'in', ''), *map(_verdict, verdicts)], right=(2,))


def _work(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    ways = list(WAYS)
    rows = figures.get('work', {}).get('rows', ())
    for row in sorted(rows, key=lambda row: (row['latency'], ways.index(row['way']))):
        steady, cold, listing = row['steady'], row['cold'], row['listing']
        factor = figures['series'] / row['measured']
        note = f'{row["measured"]:,} measured, x{factor:.4g}' if factor > 1 else ''
        if listing:
            note = f'with ListMetrics: {listing["requests"]:.0f} requests, {_costs(listing, {}, 0)}'
        yield (
            figures['title'],
            f'{row["latency"] * 1000:.0f}',
            WAYS[row['way']],
            f'{steady["requests"] * factor:,.0f}',
            f'{steady["billed"] * factor:,.0f}',
            f'{steady["periods"]:.1f}' if steady['periods'] else '-',
            _costs(cold, steady, factor - 1) if cold else '-',
            _costs(steady, steady, factor - 1),
            f'{row["peak"] * MEBI:.0f}',
            note,
        )


def _beside_floor(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for row in figures.get('floor', {}).get('rows', ()):
        ours, least = row['ours'], row['floor']
        yield (
            figures['title'],
            f'{row["latency"] * 1000:.0f}',
            f'{row["requests"]:.0f}',
            f'{row["submitted"]:,.0f}',
            _milliseconds(ours),
            _milliseconds(least),
            f'{ours["wall"] / least["wall"]:.2f}',
            f'{ours["cpu"] / least["cpu"]:.2f}',
            _milliseconds(row['listing']) if row['listing'] else '-',
            f'{row["server"] * 1000:.0f}',
        )


def _steps(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The CPU of a run in each step at each latency."""
    is_first = True
    for figures in results.values():
        for row in figures.get('floor', {}).get('rows', ()):
            steps = row['steps']
            if is_first:
                yield 'case', 'ms', *steps, 'everything else', 'together'
                is_first = False
            whole = row['ours']['cpu']
            each = (*steps.values(), whole - sum(steps.values()), whole)
            yield figures['title'], f'{row["latency"] * 1000:.0f}', *(f'{seconds * 1000:.1f}' for seconds in each)


def _milliseconds(spent: Mapping[str, float]) -> str:
    return f'{spent["wall"] * 1000:.0f} / {spent["cpu"] * 1000:.1f}'


def _costs(run: Mapping[str, float], steady: Mapping[str, float], more: float) -> str:
    """Wall and CPU of a run, plus those of `more` steady runs for the series that were not measured."""
    return ' / '.join(_short(run[name] + steady.get(name, 0.0) * more) for name in ('wall', 'cpu'))


def _short(number: float) -> str:
    return f'{number:.0f}' if number >= 100 else f'{number:.3g}'


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    bound, measured = verdict
    if measured is None:
        return bound.subject, bound.words, '-', '', 'not measured'
    value = f'{_short(measured.value)}{measured.unit}'
    return bound.subject, bound.words, value, measured.where, 'ok' if measured.ok else 'OVER'


def _table(rows: Sequence[Sequence[str]], right: Container[int]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield '  '.join(cells).rstrip()
        if number == 0:
            yield '  '.join('-' * width for width in widths)
