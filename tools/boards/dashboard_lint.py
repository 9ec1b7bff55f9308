"""What no schema can see of dashboards: gates, each returning its findings.

A gate takes the JSON as it is shipped, so it judges what a user imports and not what was described.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.model import MetricType
from tools.boards import known, limits, tags
from tools.boards.findings import Finding
from tools.boards.limits import Limit
from tools.boards.monitors import TAG
from tools.boards.syntax import Expression, Metric, Operation, SyntaxProblem, names, parse, parse_formula
from tools.boards.text import STEP
from tools.boards.widgets import COLUMNS

Findings = Iterator[Finding]
Widget = Mapping[str, Any]

NARROWEST = {'timeseries': 4, 'query_table': 4, 'toplist': 3, 'query_value': 2, 'check_status': 2, 'manage_status': 4,
             'note': 2}  # fmt: skip
"""Columns that each type of widget needs to be read. Others are not shipped: they need ids of an organisation."""

COLOURS = re.compile(r'white|blue|green|pink|purple|orange|yellow|vivid_(blue|green|pink|purple|orange|yellow)')
MINOR = {'a', 'an', 'and', 'by', 'for', 'in', 'of', 'the', 'to', 'we', 'it', 'is'}
SUPERFLUOUS = re.compile(r'number of|amazon|\bses\b|\(|%|last \d|per hour|past ', re.IGNORECASE)
NAMES = {'AWS', 'Region', 'SES', 'CloudWatch'}


@dataclass(frozen=True)
class Placed:
    """A widget of a dashboard with the words that name its place."""

    where: str
    widget: Widget

    @property
    def definition(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.widget.get('definition', {})
        return found

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        return list(self.definition.get('requests', []))


def leaves(board: Widget) -> Iterator[Placed]:
    """The widgets inside the groups."""
    for group in board['widgets']:
        title = group['definition'].get('title', '?')
        for widget in group['definition'].get('widgets', []):
            yield Placed(f'{title} / {_name(widget)}', widget)


def lint(board: Widget) -> list[Finding]:
    """All gates of a dashboard."""
    gates = (queries, formulas, variables, ids, layout, style, colours, references)
    return [finding for gate in gates for finding in gate(board)]


# Queries.


def queries(board: Widget) -> Findings:
    """Each query is readable, its metric exists, it fits the metric's type, and its tags exist for that metric."""
    for leaf in leaves(board):
        for request in leaf.requests:
            scalar = request.get('response_format') == 'scalar'
            for query in request.get('queries', []):
                metric = _read(query.get('query', ''))
                if isinstance(metric, str):
                    yield Finding('query', leaf.where, metric)
                    continue
                yield from known.misused(leaf.where, metric)
                yield from _type(leaf.where, metric, query.get('aggregator', '') if scalar else None)


def _read(text: str) -> Metric | str:
    """The one metric query in a text, or what is wrong with it."""
    try:
        found = parse(text)
    except SyntaxProblem as error:
        return str(error)
    return found if isinstance(found, Metric) else f'{text!r}: arithmetic belongs into the formula'


def _type(where: str, metric: Metric, aggregator: str | None) -> Findings:
    """Counts are added up; a gauge is submitted again in each run, so over time it is never added up.

    `aggregator` is None in a chart.
    """
    kind = known.TYPES.get(metric.name)
    if kind is MetricType.COUNT:
        if not metric.as_count or metric.space != 'sum':
            yield Finding('type', where, f'{metric.name} is a count: sum:... .as_count()')
        if aggregator is None and (metric.rolled != 'sum' or metric.interval % STEP):
            yield Finding('type', where, f'{metric.name} comes every {STEP} s: .rollup(sum, {STEP}) or a multiple')
        if aggregator is not None and (aggregator != 'sum' or metric.rolled):
            yield Finding('type', where, f'{metric.name} is a count: its total is the sum of the whole span')
    elif kind is MetricType.GAUGE:
        if metric.as_count:
            yield Finding('type', where, f'{metric.name} is a gauge: as_count has no effect')
        if aggregator == 'sum' or metric.rolled in ('sum', 'count') or (metric.space == 'sum' and not metric.rolled):
            yield Finding('type', where, f'{metric.name} is a gauge: a sum over time counts it once for each run')


def formulas(board: Widget) -> Findings:
    """Each formula is readable and names the queries of its request; each query is used and has a name of its own."""
    for leaf in leaves(board):
        for request in leaf.requests:
            named = [query.get('name', '') for query in request.get('queries', [])]
            for name, times in Counter(named).items():
                if times > 1:
                    yield Finding('formula', leaf.where, f'{name} is the name of {times} queries')
            used: set[str] = set()
            for formula in request.get('formulas', []):
                try:
                    read = parse_formula(formula.get('formula', ''))
                except SyntaxProblem as error:
                    yield Finding('formula', leaf.where, str(error))
                    continue
                used.update(names(read))
                for name in names(read):
                    if name not in named:
                        yield Finding('formula', leaf.where, f'{name} is no query of this request')
                yield from _ratio(leaf.where, read, request)
            for name in named:
                if name not in used:
                    yield Finding('formula', leaf.where, f'{name} is in no formula')


def _ratio(where: str, formula: Expression, request: Mapping[str, Any]) -> Findings:
    """What is divided by each other is counted over the same groups and the same spans."""
    if isinstance(formula, Operation):
        yield from _ratio(where, formula.left, request)
        yield from _ratio(where, formula.right, request)
        if formula.sign == '/':
            texts = {query.get('name'): query.get('query', '') for query in request.get('queries', [])}
            found = [_read(texts.get(name, '')) for name in (*names(formula.left), *names(formula.right))]
            shapes = {(one.by, one.interval, one.as_count) for one in found if isinstance(one, Metric)}
            if len(shapes) > 1:
                yield Finding('formula', where, 'what is divided differs in its groups, its interval or as_count')


def variables(board: Widget) -> Findings:
    """Each variable is used, each that is used exists, and a widget listens to those whose tags its metrics have."""
    declared = {one.get('name'): one.get('prefix') for one in board.get('template_variables', [])}
    used: set[str] = set()
    for name, times in Counter(one.get('name') for one in board.get('template_variables', [])).items():
        if times > 1:
            yield Finding('variables', board.get('title', ''), f'{name} is declared {times} times')
    for leaf in leaves(board):
        for named in leaf.definition.get('tags', []):
            used.add(named.removeprefix('$'))
            if named.removeprefix('$') not in declared:
                yield Finding('variables', leaf.where, f'{named} is not declared')
        for request in leaf.requests:
            for query in request.get('queries', []):
                metric = _read(query.get('query', ''))
                if isinstance(metric, str) or metric.name not in known.TYPES:
                    continue
                listens = {one.variable for one in metric.filters if one.variable}
                used |= listens
                yield from _listening(leaf.where, metric, listens, declared)
    for name in declared:
        if name not in used:
            yield Finding('variables', board.get('title', ''), f'no widget listens to ${name}')


def _listening(where: str, metric: Metric, listens: set[str], declared: Mapping[Any, Any]) -> Findings:
    carried = tags.of(metric.name)
    filtered = {one.tag for one in metric.filters if one.tag}
    for name in listens - set(declared):
        yield Finding('variables', where, f'${name} is not declared')
    for name, prefix in declared.items():
        if prefix is None:
            if name not in listens:
                yield Finding('variables', where, f'{metric.name} does not listen to ${name}')
        elif name in listens and prefix not in carried.always and prefix not in filtered:
            yield Finding('variables', where, f'{metric.name} has no tag {prefix}: ${name} would empty the widget')
        elif name not in listens and prefix in carried.always:
            yield Finding('variables', where, f'{metric.name} does not listen to ${name}')


# Form.


def ids(board: Widget) -> Findings:
    """Each widget has an id of its own."""
    found = [widget.get('id') for widget in board['widgets']] + [leaf.widget.get('id') for leaf in leaves(board)]
    for one, times in Counter(found).items():
        if times > 1 or not isinstance(one, int):
            yield Finding('ids', board.get('title', ''), f'the id {one} is that of {times} widgets')


def layout(board: Widget) -> Findings:
    """Everything stands in groups, in rows without gaps or overlaps, and a group is one row higher than its content."""
    if (board.get('layout_type'), board.get('reflow_type')) != ('ordered', 'fixed'):
        yield Finding('layout', board.get('title', ''), 'the layout is not ordered and fixed')
    yield from _tiled(board.get('title', ''), board['widgets'], COLUMNS)
    for group in board['widgets']:
        definition = group['definition']
        where = _name(group)
        if definition.get('type') != 'group':
            yield Finding('layout', where, 'it stands outside of a group')
            continue
        inner = definition['widgets']
        place = group.get('layout', {})
        yield from _tiled(where, inner, place.get('width', 0))
        content = max((_bottom(widget) for widget in inner), default=0)
        if place.get('height') != content + 1:
            yield Finding('layout', where, f'the group is {place.get("height")} high, its content {content} and 1')
        for widget in inner:
            kind = widget['definition'].get('type')
            if kind not in NARROWEST:
                yield Finding('layout', f'{where} / {_name(widget)}', f'{kind} is not shipped')
            elif widget.get('layout', {}).get('width', 0) < NARROWEST[kind]:
                yield Finding('layout', f'{where} / {_name(widget)}', f'{kind} needs {NARROWEST[kind]} columns')


def _tiled(where: str, widgets: Iterable[Widget], width: int) -> Findings:
    taken: Counter[tuple[int, int]] = Counter()
    for widget in widgets:
        place = widget.get('layout')
        if not place or set(place) != {'x', 'y', 'width', 'height'} or min(place.values()) < 0:
            yield Finding('layout', f'{where} / {_name(widget)}', f'the layout {place} is not whole')
            continue
        if place['x'] + place['width'] > width:
            yield Finding('layout', f'{where} / {_name(widget)}', f'it ends beyond column {width}')
        taken.update(
            (x, y)
            for x in range(place['x'], place['x'] + place['width'])
            for y in range(place['y'], place['y'] + place['height'])
        )
    if taken and max(taken.values()) > 1:
        yield Finding('layout', where, f'widgets overlap at {max(taken, key=lambda cell: taken[cell])}')
    rows = max((y for _, y in taken), default=-1) + 1
    gaps = [(x, y) for y in range(rows) for x in range(width) if (x, y) not in taken]
    if gaps:
        yield Finding('layout', where, f'there is a gap at {gaps[0]}')


def style(board: Widget) -> Findings:
    """The rules of Datadog's page on dashboards of integrations, as far as a program can see them."""
    titles = [_name(group) for group in board['widgets']]
    if titles[:2] != ['About', 'Overview']:
        yield Finding('style', board.get('title', ''), 'the first groups are About and Overview')
    if 'Amazon SES' not in board.get('title', '') or '-' in board.get('title', ''):
        yield Finding('style', board.get('title', ''), 'the title has the name of the integration and no hyphen')
    if not 0 < len(board.get('description') or '') <= 200:
        yield Finding('style', board.get('title', ''), 'one short description is needed')
    for group in board['widgets']:
        words = re.findall(r"[A-Za-z']+", _name(group))
        if any(word[0].islower() for word in words if word not in MINOR) or not words or words[0][0].islower():
            yield Finding('style', _name(group), 'the title of a group is in title case')
        if not COLOURS.fullmatch(group['definition'].get('background_color', '')):
            yield Finding('style', _name(group), 'the colour of the group is not one of those of Datadog')
        for title, times in Counter(_name(one) for one in group['definition'].get('widgets', [])).items():
            if times > 1:
                yield Finding('style', f'{_name(group)} / {title}', f'{times} widgets have this title')
    for leaf in leaves(board):
        yield from _styled(leaf)


def _styled(leaf: Placed) -> Findings:
    definition = leaf.definition
    if definition.get('type') == 'note':
        return
    title = definition.get('title', '')
    words = title.split()
    if not title or len(title) > 40 or SUPERFLUOUS.search(title):
        yield Finding('style', leaf.where, 'a title is short, without unit, time frame or the name of the integration')
    elif not words[0][0].isupper() or any(word[0].isupper() and word not in NAMES for word in words[1:]):
        yield Finding('style', leaf.where, 'the title of a widget is in sentence case')
    if len(definition.get('description', '')) > 200:
        yield Finding('style', leaf.where, 'the description is too long to be read')
    if definition.get('type') == 'query_value' and 'timeseries_background' not in definition:
        yield Finding('style', leaf.where, 'a number has its course in the background')
    for request in leaf.requests:
        for formula in request.get('formulas', []):
            if not formula.get('alias'):
                yield Finding('style', leaf.where, 'a formula has no alias, so the legend would show the query')
            if '/' in formula.get('formula', '') and '100 *' in formula['formula'] and 'number_format' not in formula:
                yield Finding('style', leaf.where, 'a formula makes percent: say so in number_format')
        if definition.get('type') == 'query_value' and len(request.get('formulas', [])) != 1:
            yield Finding('style', leaf.where, 'a number is one formula')


def colours(board: Widget) -> Findings:
    """Colours and lines are those of the table of thresholds, the worst first, and nothing falls between them."""
    known = _levels()
    for leaf in leaves(board):
        for marker in leaf.definition.get('markers', []):
            value = re.fullmatch(r'y = ([\d.]+)', marker.get('value', ''))
            if value is None or float(value[1]) not in known:
                yield Finding('thresholds', leaf.where, f'the line {marker.get("value")} is in no table')
        for zones in _zoned(leaf):
            for zone in zones:
                if zone.get('value') not in known:
                    yield Finding('thresholds', leaf.where, f'the limit {zone.get("value")} is in no table')
            palettes = [zone.get('palette', '').rpartition('_')[2] for zone in zones]
            if palettes not in (['red', 'green'], ['red', 'yellow', 'green']):
                yield Finding('thresholds', leaf.where, f'the zones are {palettes}, not red, yellow, green')
                continue
            signs = [zone.get('comparator') for zone in zones]
            values = [zone.get('value', 0.0) for zone in zones]
            worse = values[0] >= values[-2] if signs[0] == '>=' else values[0] <= values[-2]
            if signs not in (['>='] * (len(zones) - 1) + ['<'], ['<'] * (len(zones) - 1) + ['>=']) or not worse:
                yield Finding('thresholds', leaf.where, f'the zones {signs} {values} overlap or leave a gap')
            elif values[-1] != values[-2]:
                yield Finding('thresholds', leaf.where, 'there is a gap above green')


def _zoned(leaf: Placed) -> Iterator[list[Mapping[str, Any]]]:
    for request in leaf.requests:
        for holder in (request, *request.get('formulas', [])):
            if 'conditional_formats' in holder:
                yield holder['conditional_formats']


def _levels() -> set[float]:
    table = [one for one in vars(limits).values() if isinstance(one, Limit)]
    plain = [one for one in vars(limits).values() if isinstance(one, (int, float))]
    # A line may mark a standing, whose levels are 1 and 2.
    return {float(one) for one in plain} | {
        float(value) for limit in table for value in (limit.critical, limit.warning) if value is not None
    }


def references(board: Widget) -> Findings:
    """Status widgets name a declared service check and the tag that our monitors carry."""
    for leaf in leaves(board):
        definition = leaf.definition
        if definition.get('type') == 'check_status':
            check = known.CHECKS.get(definition.get('check', ''))
            if check is None:
                yield Finding('references', leaf.where, f'{definition.get("check")} is no service check')
            elif not set(definition.get('group_by', [])) <= set(check.groups):
                yield Finding('references', leaf.where, f'{definition["check"]} has not all of these tags')
        if definition.get('type') == 'manage_status' and definition.get('query') != f'tag:"{TAG}"':
            yield Finding('references', leaf.where, f'our monitors carry the tag {TAG}')


def coverage(boards: Iterable[Widget]) -> Findings:
    """Each metric of the catalogue is on a dashboard or excused, and no excuse is stale."""
    shown = {
        metric.name
        for board in boards
        for leaf in leaves(board)
        for request in leaf.requests
        for query in request.get('queries', [])
        for metric in [_read(query.get('query', ''))]
        if isinstance(metric, Metric)
    }
    for name in sorted(known.TYPES):
        if name not in shown and not tags.uncharted(name):
            yield Finding(
                'coverage',
                name,
                'it is on no dashboard: chart it in tools/boards/, or excuse it in UNCHARTED of tools/boards/tags.py',
            )
    for pattern in tags.UNCHARTED:
        fitting = [name for name in known.TYPES if tags.fnmatchcase(name, pattern)]
        if not fitting or set(fitting) <= shown:
            yield Finding('coverage', pattern, 'the excuse fits no metric that lacks a widget')


def _name(widget: Widget) -> str:
    definition = widget.get('definition', {})
    return str(definition.get('title') or definition.get('type'))


def _bottom(widget: Widget) -> int:
    place = widget.get('layout', {})
    return int(place.get('y', 0)) + int(place.get('height', 0))
