"""The figures of a picture: curves as points, numbers as text. Pure; where they stand is said in picture.py."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from datadog_checks.amazon_ses import catalogue
from tools.boards.evaluate import Frame, Tags
from tools.boards.syntax import Metric, metrics, names, parse, parse_formula

STEPS = 10
"""Points between two of a curve."""

UNITS = {one.full_name: one.unit for one in catalogue.METRICS}
SHOWN = {'percent': ' %', 'second': ' s', 'dollar': ' USD'}
"""What stands behind a number, by the unit of its metric."""


def lines(request: Mapping[str, Any], frames: Sequence[Frame]) -> list[tuple[str, Mapping[float, float]]]:
    """The curves of a chart, each with its label."""
    found = []
    for formula, frame in zip(request['formulas'], frames, strict=True):
        for group, points in sorted(frame.values.items()):
            named = ' '.join(brief(frame.groups, group))
            label = named if named and len(frames) == 1 else f'{formula["alias"]} {named}'.strip()
            found.append((label, points))
    return found


def joined(points: Mapping[float, float]) -> list[tuple[float, float]]:
    """The times of a curve that a line joins: a gap stays a gap."""
    pairs = list(pairwise(sorted(points)))
    apart = min((after - before for before, after in pairs), default=0.0)
    return [(before, after) for before, after in pairs if after - before < 2 * apart]


def between(points: Mapping[float, float]) -> Iterator[tuple[float, float]]:
    """A curve in small steps, so that none of it is missed."""
    for before, after in joined(points):
        for step in range(STEPS):
            share = step / STEPS
            yield before + share * (after - before), points[before] + share * (points[after] - points[before])


def brief(groups: Tags, group: Tags) -> list[str]:
    """The group without the account, which is the same everywhere here."""
    return [value for name, value in zip(groups, group, strict=True) if name != 'aws_account']


def stacked(lines: Sequence[tuple[str, Mapping[float, float]]]) -> list[float]:
    """The heights of curves that stand on each other."""
    found: dict[float, float] = {}
    for _, points in lines:
        for at, value in points.items():
            found[at] = found.get(at, 0.0) + value
    return list(found.values())


def unit(request: Mapping[str, Any], number: int) -> str:
    """The unit of a formula: its own, or where it only shows a query that of the metric."""
    formula = request['formulas'][number]
    if 'number_format' in formula:
        return str(formula['number_format']['unit']['unit_name'])
    texts = {query['name']: query['query'] for query in request['queries']}
    (name, *more) = names(parse_formula(formula['formula']))
    query = parse(texts[name])
    return '' if more or not isinstance(query, Metric) else UNITS[next(metrics(query)).name]


def written(value: float, unit: str, precision: int) -> str:
    """A number with its unit, with at most so many decimal places."""
    if unit == 'second' and value >= 120:
        return f'{value / 60:.0f} min'
    text = f'{value:,.{precision}f}' if abs(value) < 1000 else f'{value:,.0f}'
    text = text.rstrip('0').rstrip('.') if '.' in text else text
    return text + SHOWN.get(unit, '')


def cell(value: float, unit: str) -> str:
    """A number as briefly as a table needs it: three digits, and thousandths at most."""
    return written(value, unit, max(0, min(3, 2 - math.floor(math.log10(abs(value)))) if value else 0))


def short(value: float) -> str:
    """A number beside an axis."""
    return f'{value / 1000:g}k' if abs(value) >= 10_000 else f'{value:g}'


def round_up(value: float, low: float) -> float:
    """The end of an axis that begins at `low`: the next round number that `value` fits below."""
    span = max(value - low, 1e-9)
    step = 10 ** math.floor(math.log10(span))
    return low + next(step * factor for factor in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * factor >= span * 0.9999)
