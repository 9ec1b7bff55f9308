"""Runs monitors over recorded samples: when would each have warned, alerted and recovered?

Evaluated every five minutes, as often as there is something new. A query with as_count is summed over the window first
and computed then, as Datadog does; other queries are reduced over the window after they are computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tools.boards import evaluate
from tools.boards.evaluate import REDUCTIONS, Frame, Recording, Tags
from tools.boards.syntax import (
    Call,
    CheckQuery,
    Expression,
    Metric,
    MonitorQuery,
    Name,
    Operation,
    metrics,
    parse_monitor,
)

EVERY = 300
OK, WARN, ALERT, NO_DATA = 'OK', 'WARN', 'ALERT', 'NO DATA'
BREACHES = {
    '>': lambda value, limit: value > limit,
    '>=': lambda value, limit: value >= limit,
    '<': lambda value, limit: value < limit,
    '<=': lambda value, limit: value <= limit,
}


class Change(NamedTuple):
    """A state that is not the one before."""

    time: float
    state: str


def changes(definition: Mapping[str, Any], recording: Recording) -> dict[Tags, list[Change]]:
    """The course of each group that had data, from OK on: a change for each other state."""
    query = parse_monitor(definition['query'])
    courses: dict[Tags, list[Change]] = {}
    born: dict[Tags, float] = {}
    at = recording.start
    while at < recording.end:
        at += EVERY
        found = _checks(query, recording, at) if isinstance(query, CheckQuery) else _values(query, recording, at)
        for group in {*found, *courses}:
            course = courses.setdefault(group, [])
            born.setdefault(group, at)
            if at - born[group] < definition['options']['new_group_delay']:
                continue
            before = course[-1].state if course else OK
            if isinstance(query, CheckQuery):
                state = _counted(definition['options'], found.get(group, []), before, at)
            else:
                state = _compared(definition['options'], query, found.get(group), before)
            if state != before:
                course.append(Change(at, state))
    return courses


def states(course: Iterable[Change]) -> list[str]:
    return [one.state for one in course]


def _compared(options: Mapping[str, Any], query: MonitorQuery, value: float | None, before: str) -> str:
    if value is None:
        if any(one.as_count for one in metrics(query.what)) and options['on_missing_data'] == 'default':
            value = 0.0
        else:
            return {'default': before, 'resolve': OK}.get(options['on_missing_data'], NO_DATA)
    limits, breaches = options['thresholds'], BREACHES[query.comparator]
    if breaches(value, limits['critical']):
        return ALERT
    if before == ALERT and breaches(value, limits.get('critical_recovery', limits['critical'])):
        return ALERT
    if 'warning' not in limits:
        return OK
    if breaches(value, limits['warning']):
        return WARN
    if before in (WARN, ALERT) and breaches(value, limits.get('warning_recovery', limits['warning'])):
        return WARN
    return OK


def _counted(options: Mapping[str, Any], found: list[tuple[float, int]], before: str, now: float) -> str:
    """`found` are the last statuses of the group, newest last."""
    if not found or now - found[-1][0] > options['no_data_timeframe'] * 60:
        return NO_DATA if options['notify_no_data'] else before
    levels = [level for _, level in found]
    limits = options['thresholds']
    if levels.count(2) >= limits['critical']:
        return ALERT
    if levels[-limits['ok'] :] == [0] * limits['ok']:
        return OK
    if levels.count(1) >= limits['warning'] and before != ALERT:
        return WARN
    return before


def _checks(query: CheckQuery, recording: Recording, at: float) -> dict[Tags, list[tuple[float, int]]]:
    found = {}
    for (name, tags), points in recording.statuses.items():
        group = tuple(evaluate.tag_value(tags, one) for one in query.by)
        if name == query.check and 'N/A' not in group and points[0][0] <= at:
            found[group] = [one for one in points if one[0] <= at][-query.last :]
    return found


def _values(query: MonitorQuery, recording: Recording, at: float) -> dict[Tags, float]:
    frame = _computed(query, query.what, recording.between(at - query.window, at))
    how = REDUCTIONS[query.time]
    return {group: how([points[time] for time in sorted(points)]) for group, points in frame.values.items() if points}


def _computed(query: MonitorQuery, what: Expression, recording: Recording) -> Frame:
    """An expression over the window: what is counted as one sum at time 0, all else over time."""
    frames: dict[str, Frame] = {}

    def named(expression: Expression) -> Expression:
        if isinstance(expression, Metric):
            name = f'query{len(frames) + 1}'
            frame = evaluate.series(expression, recording, {})
            if expression.as_count:
                # A count that is missing in the window is zero.
                frame = evaluate.reduced(frame, query.time)
                frame = Frame(frame.groups, frame.values, 0.0)
            frames[name] = frame
            return Name(name)
        if isinstance(expression, Operation):
            return Operation(expression.sign, named(expression.left), named(expression.right))
        if isinstance(expression, Call):
            return Call(expression.function, named(expression.argument))
        return expression

    formula = named(what)
    return evaluate.combined(formula, frames)
