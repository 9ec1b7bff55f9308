"""The numbers of a picture: curves as points, values as text. Pure; picture.py decides where they are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from datadog_checks.amazon_ses import catalogue
from tools.boards.evaluate import Frame, Points
from tools.boards.syntax import Metric, names, parse, parse_formula

STEPS = 10
"""Points between two of a curve."""

UNITS = {metric.full_name: metric.unit for metric in catalogue.METRICS}
SUFFIXES = {'percent': ' %', 'second': ' s', 'dollar': ' USD'}
"""The text after a number, by the unit of its metric."""


def curves(request: Mapping[str, Any], frames: Sequence[Frame]) -> list[tuple[str, Points]]:
    """The curves of a chart with their labels. The account is in no label: there is a single account."""
    labelled = []
    for formula, frame in zip(request['formulas'], frames, strict=True):
        for group, points in sorted(_limited(formula, frame.values).items()):
            tags = zip(frame.groups, group, strict=True)
            label = ' '.join(value for name, value in tags if name != 'aws_account')
            labelled.append((label if label and len(frames) == 1 else f'{formula["alias"]} {label}'.strip(), points))
    return labelled


def _limited(formula: Mapping[str, Any], groups: Mapping[Any, Points]) -> dict[Any, Points]:
    """The groups that a chart with a limit shows: those with the highest or the lowest means."""
    limit = formula.get('limit', {'count': len(groups), 'order': 'desc'})
    ranked = sorted(
        groups.items(), key=lambda item: sum(item[1].values()) / max(1, len(item[1])), reverse=limit['order'] == 'desc'
    )
    return dict(ranked[: limit['count']])


def segments(points: Points) -> list[tuple[float, float]]:
    """The pairs of times that a line joins: a gap stays a gap."""
    pairs = list(pairwise(sorted(points)))
    shortest = min((after - before for before, after in pairs), default=0.0)
    return [(before, after) for before, after in pairs if after - before < 2 * shortest]


def interpolated(points: Points) -> Iterator[tuple[float, float]]:
    """A curve in small steps."""
    for before, after in segments(points):
        for step in range(STEPS):
            share = step / STEPS
            yield before + share * (after - before), points[before] + share * (points[after] - points[before])


def stack_heights(lines: Sequence[tuple[str, Points]]) -> list[float]:
    """The heights of curves that are stacked."""
    heights: dict[float, float] = {}
    for _, points in lines:
        for at, value in points.items():
            heights[at] = heights.get(at, 0.0) + value
    return list(heights.values())


def unit(request: Mapping[str, Any], number: int) -> str:
    """The unit of a formula. The formula names it, or is a single query and has the unit of its metric."""
    formula = request['formulas'][number]
    if 'number_format' in formula:
        return str(formula['number_format']['unit']['unit_name'])
    texts = {query['name']: query['query'] for query in request['queries']}
    queries = [parse(texts[name]) for name in names(parse_formula(formula['formula']))]
    return UNITS[queries[0].name] if len(queries) == 1 and isinstance(queries[0], Metric) else ''


def number_text(value: float, unit: str, precision: int) -> str:
    """A number with its unit, with at most `precision` decimal places."""
    if unit == 'second' and value >= 7200:
        return f'{value / 3600:.0f} h'
    if unit == 'second' and value >= 120:
        return f'{value / 60:.0f} min'
    text = f'{value:,.{precision}f}' if abs(value) < 1000 else f'{value:,.0f}'
    text = text.rstrip('0').rstrip('.') if '.' in text else text
    return text + SUFFIXES.get(unit, '')


def cell_text(value: float, unit: str) -> str:
    """A number in a table: three digits, and thousandths at most."""
    return number_text(value, unit, max(0, min(3, 2 - math.floor(math.log10(abs(value)))) if value else 0))


def axis_text(value: float, unit: str, high: float) -> str:
    """A value of an axis that ends at `high`."""
    if unit == 'second' and high >= 7200:
        return f'{value / 3600:.3g} h'
    return f'{_short(value)}{SUFFIXES.get(unit, "")}'


def _short(value: float) -> str:
    return f'{value / 1000:g}k' if abs(value) >= 10_000 else f'{value:g}'


def axis_end(values: Sequence[float], levels: Sequence[float], low: float) -> float:
    """The end of an axis that begins at `low`: a round number above all values and the levels near them."""
    highest = max([*values, low])
    # Where all values are zero, the curve lies at the bottom.
    high = highest if highest > low else low + 1
    high = max([high, *(level for level in levels if level <= max(high * 2.5, min(levels)))])
    span = max(high - low, 1e-9)
    step = float(10 ** math.floor(math.log10(span)))
    return low + next(step * factor for factor in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * factor >= span * 0.9999)
