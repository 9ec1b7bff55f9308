"""Proves with recorded data that every widget has data, that metrics carry their tags, and that monitors alert."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tools.boards import backtest, evaluate
from tools.boards.dashboard_lint import Leaf, leaves
from tools.boards.findings import Finding
from tools.boards.queries import PREFIX
from tools.boards.recording import Recording
from tools.boards.syntax import metrics, parse
from tools.boards.tags import FAMILIES, UNRECORDED, family_of

VARIABLE_FAMILIES = {'configuration_set': 'configuration_set.', 'rule': 'receiving.', 'tenant': 'tenant.'}
"""The family from which a template variable takes its values, where not every family will do."""


def data(
    board: Mapping[str, Any], recording: Recording, absent: Collection[str] = (), empty: Collection[str] = ()
) -> Iterator[Finding]:
    """Each query and formula of each widget has data, whatever the variables are; each status widget has a status.

    `absent` are metrics that this recording may lack; their formulas need data all the same. A widget of nothing but
    metrics of `empty` is left out.
    """
    selections = _selections(board, recording)
    for leaf in leaves(board):
        definition = leaf.definition
        shown = {metric.name for metric, _ in leaf.metrics}
        if shown and shown <= set(empty):
            continue
        if definition['type'] == 'check_status':
            if not any(name == definition['check'] for name, _ in recording.statuses):
                yield Finding('data', leaf.location, 'the service check was never submitted')
        for request in leaf.requests:
            yield from _queries(leaf, request, recording, absent)
            for variables in selections:
                yield from _formulas(leaf, request, recording, variables)


def _selections(board: Mapping[str, Any], recording: Recording) -> list[dict[str, str]]:
    """Values of the template variables: none, and then for each variable alone the last value that was recorded."""
    selections: list[dict[str, str]] = [{}]
    for variable in board['template_variables']:
        family = PREFIX + VARIABLE_FAMILIES.get(variable['name'], '')
        recorded = {tag for metric, _, tags in recording.series if metric.startswith(family) for tag in tags}
        values = [tag for tag in recorded if tag.startswith(f'{variable["prefix"]}:')]
        if values:
            selections.append({variable['name']: max(values)})
    return selections


def _queries(
    leaf: Leaf, request: Mapping[str, Any], recording: Recording, absent: Collection[str]
) -> Iterator[Finding]:
    """Each query has data. A formula cannot show that: a share is zero where its part has no data."""
    for query in request['queries']:
        try:
            expression = parse(query['query'])
            frame = evaluate.series(expression, recording, {})
        except ValueError as error:
            yield Finding('data', leaf.location, f'it cannot be evaluated: {error}')
            continue
        if not any(frame.values.values()) and not {metric.name for metric in metrics(expression)} <= set(absent):
            yield Finding('data', leaf.location, f'{query["query"]} has no data')


def _formulas(
    leaf: Leaf, request: Mapping[str, Any], recording: Recording, variables: dict[str, str]
) -> Iterator[Finding]:
    evaluation = evaluate.scalar if request['response_format'] == 'scalar' else evaluate.timeseries
    try:
        frames = evaluation(request, recording, variables)
    except (ValueError, KeyError) as error:
        yield Finding('data', leaf.location, f'it cannot be evaluated: {error}')
        return
    for formula, frame in zip(request['formulas'], frames, strict=True):
        if not any(frame.values.values()):
            selection = ', '.join(variables.values()) or 'all'
            yield Finding('data', leaf.location, f'{formula["alias"]} has no data with {selection}')
        elif any('N/A' in group for group in frame.values):
            yield Finding('data', leaf.location, f'{formula["alias"]} shows a group N/A')


def tag_keys(*recordings: Recording) -> Iterator[Finding]:
    """Each recorded series has the tags that `tags` declares for its family, and each declared tag was recorded."""
    recorded: dict[str, set[str]] = {family: set() for family in FAMILIES}
    for name, _, tags in (key for recording in recordings for key in recording.series):
        keys = {tag.partition(':')[0] for tag in tags}
        family = family_of(name)
        always, sometimes = map(set, FAMILIES[family])
        if not always <= keys <= always | sometimes:
            yield Finding(
                'tags', name, f'it has {sorted(keys)}, FAMILIES of tools/boards/tags.py declares {FAMILIES[family]}'
            )
        recorded[family] |= keys
    for family, declared in FAMILIES.items():
        unrecorded = {*declared.always, *declared.sometimes} - recorded[family]
        if unrecorded and family not in UNRECORDED:
            yield Finding('tags', f'{PREFIX}{family}', f'no recording has {sorted(unrecorded)}')


def alert(template: Mapping[str, Any], recording: Recording) -> Iterator[Finding]:
    """The monitor alerts for exactly one group, once, and is quiet at the end."""
    courses = backtest.changes(template['definition'], recording)
    alerts = [group for group, course in courses.items() if backtest.ALERT in backtest.states(course)]
    if len(alerts) != 1:
        yield Finding('backtest', template['title'], f'{len(alerts)} groups alert')
    for group, course in courses.items():
        states = backtest.states(course)
        location = f'{template["title"]} {" ".join(group)}'
        if states.count(backtest.ALERT) > 1 or states.count(backtest.WARN) > 2 or states.count(backtest.OK) > 1:
            yield Finding('backtest', location, f'it flaps: {states}')
        if states and states[-1] != backtest.OK:
            yield Finding('backtest', location, f'it does not recover: {states}')


def silence(template: Mapping[str, Any], recording: Recording) -> Iterator[Finding]:
    """The monitor watches at least one group and never warns or alerts."""
    courses = backtest.changes(template['definition'], recording)
    if not courses:
        yield Finding('backtest', template['title'], 'it watches nothing')
    for group, course in courses.items():
        if course:
            location = f'{template["title"]} {" ".join(group)}'
            yield Finding('backtest', location, f'it is not silent: {backtest.states(course)}')
