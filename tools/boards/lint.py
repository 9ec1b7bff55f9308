"""What no schema can see: gates that read dashboards and monitors, each returning its findings.

A gate takes the JSON as it is shipped, so it judges what a user imports and not what was described.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.model import PREFIX, MetricType
from tools.boards import limits, tags
from tools.boards.findings import Finding
from tools.boards.limits import Limit
from tools.boards.monitors import MONITORS, TAG
from tools.boards.syntax import (
    CheckQuery,
    Expression,
    Metric,
    MonitorQuery,
    Operation,
    SyntaxProblem,
    metrics,
    names,
    parse,
    parse_formula,
    parse_monitor,
)
from tools.boards.text import STEP
from tools.boards.widgets import COLUMNS

TYPES = {metric.full_name: metric.type for metric in catalogue.METRICS}
CHECKS = {PREFIX + status.name: status for status in catalogue.STATUSES}

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


def dashboard(board: Widget) -> list[Finding]:
    """All gates of a dashboard."""
    gates = (queries, formulas, variables, ids, layout, style, colours, references)
    return [finding for gate in gates for finding in gate(board)]


def monitor(template: Widget) -> list[Finding]:
    """All gates of a monitor template."""
    gates = (template_keys, monitor_query, monitor_thresholds, monitor_message, monitor_options)
    return [finding for gate in gates for finding in gate(template)]


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
                yield from _metric(leaf.where, metric)
                yield from _type(leaf.where, metric, query.get('aggregator', '') if scalar else None)


def _read(text: str) -> Metric | str:
    """The one metric query in a text, or what is wrong with it."""
    try:
        found = parse(text)
    except SyntaxProblem as error:
        return str(error)
    return found if isinstance(found, Metric) else f'{text!r}: arithmetic belongs into the formula'


def _metric(where: str, metric: Metric) -> Findings:
    if metric.name not in TYPES:
        yield Finding('metric', where, f'{metric.name} is not in the catalogue')
        return
    carried = tags.of(metric.name)
    filtered = {one.tag for one in metric.filters if one.tag and not one.negated}
    for tag in (*metric.by, *(one.tag for one in metric.filters if one.tag)):
        if tag not in (*carried.always, *carried.sometimes):
            yield Finding('tags', where, f'{metric.name} has no tag {tag}')
    for tag in metric.by:
        if tag in carried.sometimes and tag not in filtered:
            yield Finding('tags', where, f'only some series of {metric.name} have {tag}: filter by {tag}:*')


def _type(where: str, metric: Metric, aggregator: str | None) -> Findings:
    """Counts are added up; a gauge is submitted again in each run, so over time it is never added up.

    `aggregator` is None in a chart.
    """
    kind = TYPES.get(metric.name)
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
                if isinstance(metric, str) or metric.name not in TYPES:
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
            check = CHECKS.get(definition.get('check', ''))
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
    for name in sorted(TYPES):
        if name not in shown and not tags.uncharted(name):
            yield Finding('coverage', name, 'it is on no dashboard, and there is no reason for it in tags.UNCHARTED')
    for pattern in tags.UNCHARTED:
        fitting = [name for name in TYPES if tags.fnmatchcase(name, pattern)]
        if not fitting or set(fitting) <= shown:
            yield Finding('coverage', pattern, 'the excuse fits no metric that lacks a widget')


# Monitors.

TEMPLATE_KEYS = {'version', 'created_at', 'last_updated_at', 'title', 'description', 'tags', 'definition'}
DEFINITION_KEYS = {'name', 'type', 'query', 'message', 'tags', 'options', 'priority'}
BLOCKS = {'is_alert', 'is_warning', 'is_recovery', 'is_no_data', 'is_renotify'}
WORDS = {'value', 'threshold', 'warn_threshold', 'last_triggered_at'}
TITLE_LIMIT, DESCRIPTION_LIMIT = 52, 300


def template_keys(template: Widget) -> Findings:
    """A template has the keys of version 2 and no other, our tag, and texts that fit the tile."""
    where = str(template.get('title'))
    definition = template.get('definition', {})
    if set(template) != TEMPLATE_KEYS or template['version'] != 2 or set(definition) != DEFINITION_KEYS:
        yield Finding('template', where, 'the keys are not those of a monitor template, version 2')
    if template.get('tags') != [TAG] or definition.get('tags') != [TAG]:
        yield Finding('template', where, f'the tags are not exactly {TAG}')
    if not 0 < len(where) <= TITLE_LIMIT or '{' in where:
        yield Finding('template', where, 'the title is too long or has a variable')
    if not 0 < len(template.get('description', '')) <= DESCRIPTION_LIMIT or where in template['description']:
        yield Finding('template', where, 'the description is missing, too long or the title again')
    for day in ('created_at', 'last_updated_at'):
        if not re.fullmatch(r'\d{4}-\d\d-\d\d', str(template.get(day))):
            yield Finding('template', where, f'{day} is no day')
    if definition.get('type') not in ('query alert', 'service check'):
        yield Finding('template', where, f'the type {definition.get("type")} is not one of ours')
    if definition.get('priority') not in (1, 2, 3, 4, 5):
        yield Finding('template', where, f'the priority {definition.get("priority")} is not one of 1 to 5')


def monitor_query(template: Widget) -> Findings:
    """The query is readable, its metric or check exists, and it alerts for each account and Region by itself."""
    where, query = str(template.get('title')), _monitor(template)
    if isinstance(query, str):
        yield Finding('query', where, query)
        return
    if (template['definition'].get('type') == 'service check') is not isinstance(query, CheckQuery):
        yield Finding('query', where, 'the type of the monitor is not that of its query')
    if isinstance(query, CheckQuery):
        if query.check not in CHECKS:
            yield Finding('metric', where, f'{query.check} is no service check')
        elif not set(query.by) <= set(CHECKS[query.check].groups):
            yield Finding('tags', where, f'{query.check} does not have all of {", ".join(query.by)}')
        most = max(template['definition']['options'].get('thresholds', {}).values(), default=0)
        if query.last <= most:
            yield Finding('thresholds', where, f'{query.last} statuses cannot tell {most} of them from more')
        return
    for metric in metrics(query.what):
        yield from _metric(where, metric)
        kind = TYPES.get(metric.name)
        if kind is MetricType.COUNT and not (metric.as_count and metric.space == 'sum' and query.time == 'sum'):
            yield Finding('type', where, f'{metric.name} is a count: sum(...):sum:... .as_count()')
        if kind is MetricType.GAUGE and (metric.as_count or 'sum' in (metric.space, query.time)):
            yield Finding('type', where, f'{metric.name} is a gauge: it is not added up')
        if metric.rolled:
            yield Finding('query', where, 'a rollup in a monitor does not lie on its window')
        if metric.filters:
            yield Finding('query', where, 'a monitor of ours looks everywhere: {*}')
        if not {'aws_account', 'region'} <= set(metric.by):
            yield Finding('tags', where, 'a monitor alerts by account and Region')


def _monitor(template: Widget) -> MonitorQuery | CheckQuery | str:
    try:
        return parse_monitor(template['definition'].get('query', ''))
    except SyntaxProblem as error:
        return str(error)


def monitor_thresholds(template: Widget) -> Findings:
    """The thresholds are those of the query and of the table; what recovers is on the right side, and not too near."""
    where, query = str(template.get('title')), _monitor(template)
    held = template['definition']['options'].get('thresholds', {})
    declared = next((one for one in MONITORS if one.title == template.get('title')), None)
    if isinstance(query, str):
        return
    if isinstance(query, CheckQuery):
        expected = {'critical': limits.CRITICAL_CHECKS, 'warning': limits.WARNING_CHECKS, 'ok': limits.OK_CHECKS}
        if held != expected:
            yield Finding('thresholds', where, f'the thresholds {held} are not those of the table')
        return
    if held.get('critical') != query.critical:
        yield Finding('thresholds', where, f'critical is {held.get("critical")} and the query says {query.critical:g}')
    if declared is not None:
        for name in ('critical', 'warning', 'critical_recovery', 'warning_recovery'):
            if held.get(name) != getattr(declared.limit, name):
                yield Finding('thresholds', where, f'{name} is {held.get(name)}, which is not that of the table')
    rising = query.comparator in ('>', '>=')
    for name in ('critical', 'warning'):
        recovery = held.get(f'{name}_recovery')
        if recovery is None:
            if name in held:
                yield Finding('thresholds', where, f'{name} has no recovery, so it flaps')
        elif recovery == held.get(name) or (recovery < held.get(name, recovery)) is not rising:
            yield Finding('thresholds', where, f'the recovery of {name} is on its wrong side')
    if 'warning' in held and (held['warning'] < held.get('critical', held['warning'])) is not rising:
        yield Finding('thresholds', where, 'the warning is on the wrong side of critical')


def monitor_message(template: Widget) -> Findings:
    """Blocks are closed in order, variables exist, steps are numbered, and nobody's handle is in it."""
    where, definition = str(template.get('title')), template['definition']
    query = _monitor(template)
    if isinstance(query, str):
        return
    by = query.by if isinstance(query, CheckQuery) else {tag for one in metrics(query.what) for tag in one.by}
    for text in (definition.get('name', ''), definition.get('message', '')):
        open_: list[str] = []
        for sign, word in re.findall(r'\{\{\s*([#^/]?)\s*([^{}]*?)\s*\}\}', text):
            if sign in ('#', '^'):
                open_.append(word)
                if word not in BLOCKS:
                    yield Finding('message', where, f'there is no block {word}')
            elif sign == '/':
                if not open_ or open_.pop() != word:
                    yield Finding('message', where, f'the block {word} is closed and not open')
            else:
                yield from _variable(where, word, set(by), isinstance(query, CheckQuery))
        if open_:
            yield Finding('message', where, f'the block {open_[-1]} is not closed')
        if text.count('{{') != text.count('}}') or re.search(r'(?<![{}]){[^{]|[^}]}(?![}])', text):
            yield Finding('message', where, 'a brace is single')
        if re.search(r'(?:^|\s)@\S', text):
            yield Finding('message', where, 'a handle is in it: who is told is the decision of the user')
    steps = re.findall(r'^(\d)\. \S', definition.get('message', ''), re.MULTILINE)
    if not 3 <= len(steps) <= 4 or steps != [str(number) for number in range(1, len(steps) + 1)]:
        yield Finding('message', where, 'three or four numbered steps say what to do')


def _variable(where: str, word: str, by: set[str], check: bool) -> Findings:
    evaluated = re.fullmatch(r'eval "(.+)"', word)
    if evaluated:
        inner = set(re.findall(r'[a-z_]+', evaluated[1])) - {'round', 'int', 'value'}
        if inner or check:
            yield Finding('message', where, f'{word} cannot be computed')
        return
    tag, dot, name = word.partition('.')
    if (dot and (name != 'name' or tag not in by)) or (
        not dot and not (word == 'check_message' if check else word in WORDS)
    ):
        yield Finding('message', where, f'{{{{{word}}}}} is not known here')


MISSING = {'default', 'show_no_data', 'show_and_notify_no_data', 'resolve'}
OPTIONS = {
    'thresholds',
    'include_tags',
    'notify_audit',
    'new_group_delay',
    'renotify_interval',
    'renotify_statuses',
}


def monitor_options(template: Widget) -> Findings:
    """The options are those that the kind of monitor takes, and what happens without data is decided."""
    where, definition = str(template.get('title')), template['definition']
    options = definition.get('options', {})
    check = definition.get('type') == 'service check'
    own = {'notify_no_data', 'no_data_timeframe'} if check else {'on_missing_data', 'require_full_window'}
    if set(options) != OPTIONS | own:
        yield Finding('options', where, f'the options differ by {sorted(set(options) ^ (OPTIONS | own))}')
        return
    if not check and options['on_missing_data'] not in MISSING:
        yield Finding('options', where, f'{options["on_missing_data"]} is no policy for missing data')
    if not check and options['require_full_window'] is not False:
        yield Finding('options', where, 'sparse data never fill a window')
    if check and not (options['notify_no_data'] is True and options['no_data_timeframe'] >= 10):
        yield Finding('options', where, 'silence of the check must be told, after two collections at least')
    if options['notify_audit'] is not False or options['include_tags'] is not True:
        yield Finding('options', where, 'notify_audit is false and include_tags is true')
    if type(options['new_group_delay']) is not int or not 0 <= options['new_group_delay'] <= 3600:
        yield Finding('options', where, 'new_group_delay is not within an hour')
    if type(options['renotify_interval']) is not int or not 0 < options['renotify_interval'] <= 1440:
        yield Finding('options', where, 'an alert is repeated within a day')
    if not set(options['renotify_statuses']) <= {'alert', 'warn', 'no data'}:
        yield Finding('options', where, 'renotify_statuses has a status that is none')


def _name(widget: Widget) -> str:
    definition = widget.get('definition', {})
    return str(definition.get('title') or definition.get('type'))


def _bottom(widget: Widget) -> int:
    place = widget.get('layout', {})
    return int(place.get('y', 0)) + int(place.get('height', 0))
