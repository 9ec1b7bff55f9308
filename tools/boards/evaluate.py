"""Evaluates queries over recorded samples, as Datadog would: filter, roll up in time, aggregate in space, compute.

Not evaluated: interpolation (a gap stays a gap), intervals that Datadog chooses by the time shown (300 s here), units.
A formula joins groups with the same tags. A group that one side lacks has no value there, or zero with default_zero.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.boards.recording import Recording, Tags
from tools.boards.syntax import Call, Expression, Filter, Metric, Name, Number, Operation, parse, parse_formula

DEFAULT_INTERVAL = 300

Points = dict[float, float]
Request = Mapping[str, Any]


@dataclass(frozen=True)
class Frame:
    """Values over time by group. `groups` names the tags. A group without a value has the `default`."""

    groups: Tags
    values: Mapping[Tags, Points]
    default: float | None = None


REDUCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    'sum': sum,
    'max': max,
    'min': min,
    'avg': lambda values: sum(values) / len(values),
    'last': lambda values: values[-1],
    'count': len,
}
SIGNS: Mapping[str, Callable[[float, float], float]] = {
    '+': operator.add,
    '-': operator.sub,
    '*': operator.mul,
    '/': operator.truediv,
}


def scalar(request: Request, recording: Recording, variables: Mapping[str, str]) -> list[Frame]:
    """The single value of each group, for each formula of a request with the format `scalar`."""
    frames = {
        query['name']: reduce(series(parse(query['query']), recording, variables), query['aggregator'])
        for query in request['queries']
    }
    return [compute(parse_formula(formula['formula']), frames) for formula in request['formulas']]


def timeseries(request: Request, recording: Recording, variables: Mapping[str, str]) -> list[Frame]:
    """The course of each group, for each formula of a request with the format `timeseries`."""
    frames = {query['name']: series(parse(query['query']), recording, variables) for query in request['queries']}
    courses = [compute(parse_formula(formula['formula']), frames) for formula in request['formulas']]
    return [_with_default(frame, recording) for frame in courses]


def reduce(frame: Frame, reduction: str) -> Frame:
    """A frame with a single value for each group, at time 0."""
    return Frame(
        frame.groups,
        {
            group: {0.0: REDUCTIONS[reduction]([points[at] for at in sorted(points)])}
            for group, points in frame.values.items()
            if points
        },
    )


def series(query: Expression, recording: Recording, variables: Mapping[str, str]) -> Frame:
    """A metric query over time. `variables` are the template variables that are not `*`: a tag as key:value."""
    if not isinstance(query, Metric):
        raise ValueError('a query of a widget is a single metric query; arithmetic belongs into the formula')
    interval = query.interval or DEFAULT_INTERVAL
    in_time = query.rollup or ('sum' if query.as_count else 'avg' if query.space == 'sum' else query.space)
    buckets: dict[Tags, dict[float, list[float]]] = {}
    for (name, _, tags), samples in recording.series.items():
        if name != query.name or not all(matches(condition, tags, variables) for condition in query.filters):
            continue
        rolled: dict[float, list[float]] = {}
        for at, value in samples:
            rolled.setdefault(at // interval * interval, []).append(value)
        group = buckets.setdefault(tuple(tag_value(tags, name) for name in query.by), {})
        for at, values in rolled.items():
            group.setdefault(at, []).append(REDUCTIONS[in_time](values))
    return Frame(
        query.by,
        {
            group: {at: REDUCTIONS[query.space](values) for at, values in course.items()}
            for group, course in buckets.items()
        },
    )


def compute(formula: Expression, frames: Mapping[str, Frame]) -> Frame:
    """A formula over the frames of its queries. Raises KeyError for the name of no query."""
    if isinstance(formula, Name):
        return frames[formula.name]
    if isinstance(formula, Number):
        return Frame((), {(): {}}, formula.value)
    if isinstance(formula, Call):
        return _call(formula, compute(formula.argument, frames))
    if isinstance(formula, Operation):
        return _operate(formula.sign, compute(formula.left, frames), compute(formula.right, frames))
    raise ValueError('a metric query stands in a formula')


def _call(call: Call, inner: Frame) -> Frame:
    """A function of a frame."""
    if call.function == 'default_zero':
        return Frame(inner.groups, inner.values, 0.0)
    if call.function == 'clamp_max':
        most = float(call.further[0])
        capped = {
            group: {at: min(value, most) for at, value in points.items()} for group, points in inner.values.items()
        }
        return Frame(inner.groups, capped, inner.default)
    span, reduction = float(call.further[0]), REDUCTIONS[call.further[1]]
    return Frame(
        inner.groups,
        {
            group: {end: reduction([points[at] for at in sorted(points) if end - span < at <= end]) for end in points}
            for group, points in inner.values.items()
        },
        inner.default,
    )


def _operate(sign: str, left: Frame, right: Frame) -> Frame:
    groups = left.groups or right.groups
    values: dict[Tags, Points] = {}
    for group in {group for frame in (left, right) if frame.groups == groups for group in frame.values}:
        first, second = (frame.values.get(group if frame.groups == groups else (), {}) for frame in (left, right))
        for at in {*first, *second}:
            result = _result(sign, first.get(at, left.default), second.get(at, right.default))
            if result is not None:
                values.setdefault(group, {})[at] = result
    return Frame(groups, values, _result(sign, left.default, right.default))


def _result(sign: str, left: float | None, right: float | None) -> float | None:
    """None where a side has no value, and for a division by zero."""
    if left is None or right is None or (sign == '/' and right == 0):
        return None
    return SIGNS[sign](left, right)


def _with_default(frame: Frame, recording: Recording) -> Frame:
    """Datadog draws a formula without groups and data as its default all the time."""
    if frame.groups or frame.values or frame.default is None:
        return frame
    first, last = (int(at // DEFAULT_INTERVAL) for at in (recording.start, recording.end))
    return Frame((), {(): {at * float(DEFAULT_INTERVAL): frame.default for at in range(first, last + 1)}})


def matches(condition: Filter, tags: Iterable[str], variables: Mapping[str, str]) -> bool:
    """Whether tags match a filter. A variable without a value matches everything, negated or not."""
    if condition.variable:
        tag = variables.get(condition.variable)
        return tag is None or (tag in tags) is not condition.negated
    prefix = f'{condition.tag}:'
    matched = any(tag.startswith(prefix) if condition.value == '*' else tag == prefix + condition.value for tag in tags)
    return matched is not condition.negated


def tag_value(tags: Iterable[str], name: str) -> str:
    """The value of a tag, N/A where there is none, as Datadog shows it."""
    return next((tag.partition(':')[2] for tag in tags if tag.startswith(f'{name}:')), 'N/A')
