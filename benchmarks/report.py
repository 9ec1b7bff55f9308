"""The figures as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.bounds import MEBI, Verdict

WAYS = {
    'ours': 'this check',
    'plain_hour': 'GetMetricData, last hour',
    'plain_same': 'GetMetricData, same window',
    'one_call_each': 'GetMetricStatistics each',
}
HEAD = (
    'case',
    'ms',
    'way',
    'requests',
    'billed',
    'periods',
    'cold wall / CPU s',
    'steady wall / CPU s',
    'peak MiB',
    '',
)


def lines(results: Mapping[str, Any], found: Sequence[Verdict]) -> Iterator[str]:
    """The work of each case and way, what could not be measured, and each figure beside its bound."""
    work = [row for figures in results.values() for row in _work(figures)]
    if work:
        yield from _table([HEAD, *work], right=(1, 3, 4, 5, 8))
        yield ''
    for name, figures in results.items():
        if 'failed' in figures:
            yield f'{name}: NOT MEASURED: {figures["failed"]}'
    yield from _table([('what', 'bound', 'measured', 'in', ''), *map(_verdict, found)], right=(2,))


def _work(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    rows = sorted(
        figures.get('work', {}).get('rows', ()), key=lambda row: (row['latency'], list(WAYS).index(row['way']))
    )
    for row in rows:
        steady, cold = row['steady'], row['cold']
        times = figures['series'] / row['measured']
        note = f'{row["measured"]:,} measured, x{times:.4g}' if times > 1 else ''
        if row['listing']:
            note = f'with ListMetrics: {row["listing"]["requests"]:.0f} requests, {_both(row["listing"], {}, 0)}'
        yield (
            figures['title'],
            f'{row["latency"] * 1000:.0f}',
            WAYS[row['way']],
            f'{steady["requests"] * times:,.0f}',
            f'{steady["billed"] * times:,.0f}',
            f'{steady["periods"]:.1f}' if steady['periods'] else '-',
            _both(cold, steady, times - 1) if cold else '-',
            _both(steady, steady, times - 1),
            f'{row["peak"] * MEBI:.0f}',
            note,
        )


def _both(spent: Mapping[str, float], steady: Mapping[str, float], more: float) -> str:
    """What was spent, and for what was not measured as often a steady run more."""
    return ' / '.join(_short(spent[name] + steady.get(name, 0.0) * more) for name in ('wall', 'cpu'))


def _short(number: float) -> str:
    return f'{number:.0f}' if number >= 100 else f'{number:.3g}'


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    one = verdict.measured
    if one is None:
        return verdict.what, verdict.words, '-', '', 'not measured'
    return verdict.what, verdict.words, f'{_short(one.value)}{one.unit}', one.where, 'ok' if one.ok else 'OVER'


def _table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for place, row in enumerate(rows):
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield '  '.join(cells).rstrip()
        if not place:
            yield '  '.join('-' * width for width in widths)
