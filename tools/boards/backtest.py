"""Runs monitors over recorded samples: when would each have warned, alerted and recovered?

Evaluated every five minutes, as often as CloudWatch is read. As in Datadog, a query with as_count is summed over the
window before the arithmetic, and any other query is reduced over the window after it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from tools.boards import evaluate
from tools.boards.evaluate import REDUCTIONS, Frame
from tools.boards.recording import Recording, Tags
from tools.boards.syntax import (
    Call,
    Expression,
    Metric,
    MonitorQuery,
    Name,
    Operation,
    Shift,
    metrics,
    parse_monitor,
)

INTERVAL = 300
OK, WARN, ALERT, NO_DATA = 'OK', 'WARN', 'ALERT', 'NO DATA'
COMPARATORS = {'>': operator.gt, '>=': operator.ge, '<': operator.lt, '<=': operator.le}

Options = Mapping[str, Any]


class Change(NamedTuple):
    """A state of a monitor that differs from the state before."""

    time: float
    state: str


def changes(definition: Mapping[str, Any], recording: Recording) -> dict[Tags, list[Change]]:
    """The changes of each group that had data, beginning with OK."""
    query, options = parse_monitor(definition['query']), definition['options']
    courses: dict[Tags, list[Change]] = {}
    first_data: dict[Tags, float] = {}
    now = recording.start
    while now < recording.end:
        now += INTERVAL
        for group, state in _states(query, options, recording, now, courses).items():
            if now - first_data.setdefault(group, now) < options['new_group_delay']:
                state = OK
            course = courses.setdefault(group, [])
            if state != _last(course):
                course.append(Change(now, state))
    return courses


def states(course: Iterable[Change]) -> list[str]:
    return [change.state for change in course]


def _last(course: list[Change]) -> str:
    return course[-1].state if course else OK


def _states(
    query: MonitorQuery,
    options: Options,
    recording: Recording,
    now: float,
    courses: Mapping[Tags, list[Change]],
) -> dict[Tags, str]:
    """The state of each group that has data or had data before."""
    values = _values(query, recording, now)
    return {
        group: _metric_state(options, query, values.get(group), _last(courses.get(group, [])))
        for group in {**values, **courses}
    }


def _metric_state(options: Options, query: MonitorQuery, value: float | None, before: str) -> str:
    if value is None:
        if options['on_missing_data'] != 'default':
            return OK if options['on_missing_data'] == 'resolve' else NO_DATA
        if not any(metric.as_count for metric in metrics(query.expression)):
            return before
        value = 0.0
    limits, breaches = options['thresholds'], COMPARATORS[query.comparator]
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


def _values(query: MonitorQuery, recording: Recording, now: float) -> dict[Tags, float]:
    window = _Window(query, recording, now)
    formula = window.formula(query.expression)
    values = evaluate.compute(formula, window.frames).values
    reduction = REDUCTIONS[query.reduction]
    return {group: reduction([points[time] for time in sorted(points)]) for group, points in values.items() if points}


class _Window:
    """The window of a query that ends now. `frames` are its metrics by name: counts as a single sum at time 0, gauges
    over time."""

    def __init__(self, query: MonitorQuery, recording: Recording, now: float) -> None:
        self.frames: dict[str, Frame] = {}
        self._query = query
        self._whole = recording
        self._now = now
        self._recording = self._cut(0)

    def formula(self, part: Expression) -> Expression:
        """A part of the query's expression with names of `frames` for its metric queries."""
        if isinstance(part, Metric):
            frame = evaluate.series(part, self._recording, {})
            if part.as_count:
                # A count that is missing in the window is zero.
                frame = Frame(frame.groups, evaluate.reduce(frame, self._query.reduction).values, 0.0)
            return self._named(frame)
        if isinstance(part, Shift):
            frame = evaluate.series(part.metric, self._cut(part.seconds), {})
            moved = {
                group: {at + part.seconds: value for at, value in points.items()}
                for group, points in frame.values.items()
            }
            return self._named(Frame(frame.groups, moved))
        if isinstance(part, Operation):
            return Operation(part.sign, self.formula(part.left), self.formula(part.right))
        if isinstance(part, Call):
            return replace(part, argument=self.formula(part.argument))
        return part

    def _named(self, frame: Frame) -> Name:
        name = f'query{len(self.frames) + 1}'
        self.frames[name] = frame
        return Name(name)

    def _cut(self, seconds: int) -> Recording:
        """What was recorded in the window that ended so many seconds ago."""
        end = self._now - seconds
        return self._whole.between(end - self._query.window, end)
