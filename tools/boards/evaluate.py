"""Evaluates queries over recorded samples, as Datadog would: filter, roll up in time, aggregate in space, compute.

Not evaluated: interpolation (a gap stays a gap), intervals that Datadog chooses by the time shown (300 s here), units.
A formula joins groups with the same tags; what one side lacks has no value, or with default_zero it is zero.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tools.boards.syntax import Call, Expression, Filter, Metric, Name, Number, Operation, parse, parse_formula

DEFAULT_INTERVAL = 300

Tags = tuple[str, ...]
Points = dict[float, float]
Key = tuple[str, str, Tags]
P = TypeVar('P', tuple[float, float], tuple[float, int])


@dataclass(frozen=True)
class Recording:
    """What the check handed over, the oldest first. Keys of `series` are name, type and tags, of `statuses` name and
    tags."""

    start: float
    end: float
    series: Mapping[Key, Sequence[tuple[float, float]]] = field(default_factory=dict)
    statuses: Mapping[tuple[str, Tags], Sequence[tuple[float, int]]] = field(default_factory=dict)

    def between(self, start: float, end: float) -> Recording:
        """The samples after `start` and not after `end`."""
        return Recording(
            start,
            end,
            {key: _between(points, start, end) for key, points in self.series.items()},
            {key: _between(points, start, end) for key, points in self.statuses.items()},
        )


def _between(points: Sequence[P], start: float, end: float) -> Sequence[P]:
    first, last = (bisect_right(points, at, key=lambda one: one[0]) for at in (start, end))
    return points[first:last]


@dataclass(frozen=True)
class Frame:
    """Values over time by group. `groups` names the tags; `default` is what a group without a value has."""

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


def scalar(request: Mapping[str, Any], recording: Recording, chosen: Mapping[str, str]) -> list[Frame]:
    """The one value of each group, for each formula of a request with the format `scalar`."""
    frames = {}
    for query in request['queries']:
        frame = series(parse(query['query']), recording, chosen)
        frames[query['name']] = reduced(frame, query['aggregator'])
    return [combined(parse_formula(one['formula']), frames) for one in request['formulas']]


def timeseries(request: Mapping[str, Any], recording: Recording, chosen: Mapping[str, str]) -> list[Frame]:
    """The course of each group, for each formula of a request with the format `timeseries`."""
    frames = {query['name']: series(parse(query['query']), recording, chosen) for query in request['queries']}
    found = [combined(parse_formula(one['formula']), frames) for one in request['formulas']]
    return [_filled(frame, recording) for frame in found]


def reduced(frame: Frame, how: str) -> Frame:
    """Each group's one value, at time 0."""
    return Frame(
        frame.groups,
        {
            group: {0.0: REDUCTIONS[how]([points[at] for at in sorted(points)])}
            for group, points in frame.values.items()
            if points
        },
    )


def series(query: Expression, recording: Recording, chosen: Mapping[str, str]) -> Frame:
    """A metric query over time. `chosen` are the template variables that are not `*`: a tag as key:value."""
    if not isinstance(query, Metric):
        raise ValueError('a query of a widget is one metric query; arithmetic belongs into the formula')
    interval = query.interval or DEFAULT_INTERVAL
    in_time = query.rolled or ('sum' if query.as_count else 'avg' if query.space == 'sum' else query.space)
    buckets: dict[Tags, dict[float, list[float]]] = {}
    for (name, _, tags), points in recording.series.items():
        if name != query.name or not all(passes(one, tags, chosen) for one in query.filters):
            continue
        group = tuple(tag_value(tags, name) for name in query.by)
        rolled: dict[float, list[float]] = {}
        for at, value in points:
            rolled.setdefault(at // interval * interval, []).append(value)
        into = buckets.setdefault(group, {})
        for at, values in rolled.items():
            into.setdefault(at, []).append(REDUCTIONS[in_time](values))
    return Frame(
        query.by,
        {
            group: {at: REDUCTIONS[query.space](values) for at, values in course.items()}
            for group, course in buckets.items()
        },
    )


def combined(formula: Expression, frames: Mapping[str, Frame]) -> Frame:
    """A formula over the frames of the queries it names. Raises KeyError for a name that is none."""
    if isinstance(formula, Name):
        return frames[formula.name]
    if isinstance(formula, Number):
        return Frame((), {(): {}}, formula.value)
    if isinstance(formula, Call):
        inner = combined(formula.argument, frames)
        return Frame(inner.groups, inner.values, 0.0)
    if isinstance(formula, Operation):
        return _operated(formula.sign, combined(formula.left, frames), combined(formula.right, frames))
    raise ValueError('a metric query stands in a formula')


def _operated(sign: str, left: Frame, right: Frame) -> Frame:
    groups = left.groups or right.groups
    keys = {key for frame in (left, right) if frame.groups == groups for key in frame.values}
    values: dict[Tags, Points] = {}
    for key in keys:
        one, two = _of(left, groups, key), _of(right, groups, key)
        course: Points = {}
        for at in {*one, *two}:
            first, second = one.get(at, left.default), two.get(at, right.default)
            if first is not None and second is not None and not (sign == '/' and second == 0):
                course[at] = SIGNS[sign](first, second)
        if course:
            values[key] = course
    both = left.default is not None and right.default is not None and not (sign == '/' and not right.default)
    default = SIGNS[sign](left.default, right.default) if both else None
    return Frame(groups, values, default)


def _filled(frame: Frame, recording: Recording) -> Frame:
    """What has no group, no data and a default is that default all the time: so Datadog draws default_zero."""
    if frame.groups or frame.values or frame.default is None:
        return frame
    first = int(recording.start // DEFAULT_INTERVAL)
    last = int(recording.end // DEFAULT_INTERVAL)
    return Frame((), {(): {at * float(DEFAULT_INTERVAL): frame.default for at in range(first, last + 1)}})


def _of(frame: Frame, groups: Tags, key: Tags) -> Points:
    return frame.values.get(key if frame.groups == groups else (), {})


def passes(one: Filter, tags: Iterable[str], chosen: Mapping[str, str]) -> bool:
    """Whether tags match a filter. A variable that was not chosen matches everything, and it stays out of `!`."""
    if one.variable:
        wanted = chosen.get(one.variable)
        return wanted is None or (wanted in tags) is not one.negated
    found = any(tag == f'{one.tag}:{one.value}' or (one.value == '*' and tag.startswith(f'{one.tag}:')) for tag in tags)
    return found is not one.negated


def tag_value(tags: Iterable[str], name: str) -> str:
    """The value of a tag, N/A where there is none, as Datadog shows it."""
    return next((tag.partition(':')[2] for tag in tags if tag.startswith(f'{name}:')), 'N/A')
