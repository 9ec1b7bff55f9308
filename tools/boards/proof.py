"""What only data can show: every widget has some, and every metric carries the tags that it is said to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from datadog_checks.amazon_ses.model import PREFIX
from tools.boards import backtest, evaluate, tags
from tools.boards.dashboard_lint import Placed, leaves
from tools.boards.evaluate import Recording
from tools.boards.findings import Finding
from tools.boards.syntax import metrics, parse

SERIES_OF = {'configuration_set': f'{PREFIX}configuration_set.', 'rule': f'{PREFIX}receiving.'}


def data(board: Mapping[str, Any], recording: Recording, silent: Collection[str] = ()) -> Iterator[Finding]:
    """Each query and formula of each widget has data, whatever the variables are; each status widget has a status.

    `silent` are metrics that this recording may lack; their formulas need data all the same.
    """
    for leaf in leaves(board):
        definition = leaf.definition
        if definition.get('type') == 'check_status':
            if not any(name == definition['check'] for name, _ in recording.statuses):
                yield Finding('data', leaf.where, 'the service check was never submitted')
        for request in leaf.requests:
            yield from _answered(leaf, request, recording, silent)
            for chosen in _choices(board, recording):
                yield from _filled(leaf, request, recording, chosen)


def _choices(board: Mapping[str, Any], recording: Recording) -> list[dict[str, str]]:
    """Nothing chosen; then for each variable one value that was recorded."""
    found: list[dict[str, str]] = [{}]
    for variable in board['template_variables']:
        name, prefix = variable['name'], variable['prefix']
        values = sorted(
            tag
            for metric, _, carried in recording.series
            if metric.startswith(SERIES_OF.get(name, ''))
            for tag in carried
            if prefix is not None and tag.startswith(f'{prefix}:')
        )
        if values:
            found.append({name: values[-1]})
    return found


def _answered(
    leaf: Placed, request: Mapping[str, Any], recording: Recording, silent: Collection[str]
) -> Iterator[Finding]:
    """A share is zero where its part was never seen, so each query is asked for itself as well."""
    for query in request['queries']:
        try:
            asked = parse(query['query'])
            frame = evaluate.series(asked, recording, {})
        except ValueError as error:
            yield Finding('data', leaf.where, f'it cannot be evaluated: {error}')
            continue
        if not any(frame.values.values()) and not {one.name for one in metrics(asked)} <= set(silent):
            yield Finding('data', leaf.where, f'{query["query"]} has no data')


def _filled(
    leaf: Placed, request: Mapping[str, Any], recording: Recording, chosen: dict[str, str]
) -> Iterator[Finding]:
    answer = evaluate.scalar if request['response_format'] == 'scalar' else evaluate.timeseries
    try:
        frames = answer(request, recording, chosen)
    except (ValueError, KeyError) as error:
        yield Finding('data', leaf.where, f'it cannot be evaluated: {error}')
        return
    for formula, frame in zip(request['formulas'], frames, strict=True):
        if not any(frame.values.values()):
            picked = ', '.join(chosen.values()) or 'all'
            yield Finding('data', leaf.where, f'{formula["alias"]} has no data with {picked}')
        elif any('N/A' in group for group in frame.values):
            yield Finding('data', leaf.where, f'{formula["alias"]} shows a group N/A')


def carried(*recordings: Recording) -> Iterator[Finding]:
    """Each recorded series has the tags that `tags` declares for it, and those are all seen."""
    seen: dict[str, set[str]] = {}
    for name, _, own in chain.from_iterable(one.series for one in recordings):
        keys = {tag.partition(':')[0] for tag in own}
        declared = tags.of(name)
        missing, foreign = set(declared.always) - keys, keys - {*declared.always, *declared.sometimes}
        if missing or foreign:
            yield Finding('carried', name, f'it lacks {sorted(missing)} and has {sorted(foreign)}')
        family = max((one for one in tags.FAMILIES if name.removeprefix(PREFIX).startswith(one)), key=len)
        seen.setdefault(family, set()).update(keys)
    for family, declared in tags.FAMILIES.items():
        unseen = {*declared.always, *declared.sometimes} - seen.get(family, set())
        if unseen:
            yield Finding('carried', f'{PREFIX}{family}', f'{sorted(unseen)} were never seen')


def alerted(template: Mapping[str, Any], recording: Recording) -> Iterator[Finding]:
    """The monitor alerts for exactly one group, once, and is quiet at the end."""
    courses = backtest.changes(template['definition'], recording)
    loud = {group: course for group, course in courses.items() if backtest.ALERT in backtest.states(course)}
    if len(loud) != 1:
        yield Finding('backtest', template['title'], f'{len(loud)} groups alert')
    for group, course in courses.items():
        states = backtest.states(course)
        where = f'{template["title"]} {" ".join(group)}'
        if states.count(backtest.ALERT) > 1 or states.count(backtest.WARN) > 2 or states.count(backtest.OK) > 1:
            yield Finding('backtest', where, f'it flaps: {states}')
        if states and states[-1] != backtest.OK:
            yield Finding('backtest', where, f'it does not recover: {states}')


def silent(template: Mapping[str, Any], recording: Recording) -> Iterator[Finding]:
    """The monitor watches some group and has nothing to say of any."""
    courses = backtest.changes(template['definition'], recording)
    if not courses:
        yield Finding('backtest', template['title'], 'it watches nothing')
    for group, course in courses.items():
        if course:
            where = f'{template["title"]} {" ".join(group)}'
            yield Finding('backtest', where, f'it is not silent: {backtest.states(course)}')
