"""Gates for faults of dashboards that no schema can see. Each gate yields its findings.

A gate takes the JSON as it is shipped, so it judges what a user imports and not the description.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from datadog_checks.amazon_ses.model import MetricType
from tools.boards import limits
from tools.boards.catalogue_rules import TYPES, lint_check, lint_metric
from tools.boards.findings import Finding
from tools.boards.limits import Limit
from tools.boards.monitor import TAG
from tools.boards.queries import STEP
from tools.boards.syntax import Call, Expression, Metric, Operation, SyntaxProblem, names, parse, parse_formula
from tools.boards.tags import UNCHARTED, tags_of
from tools.boards.widgets import COLUMNS

Findings = Iterator[Finding]
Widget = Mapping[str, Any]

MINIMUM_WIDTHS = {
    'timeseries': 4,
    'query_table': 4,
    'toplist': 3,
    'query_value': 2,
    'check_status': 2,
    'manage_status': 4,
    'note': 2,
}
"""Columns that a readable widget needs, by type. Other types are not shipped: they need ids of an organisation."""

MINOR_WORDS = {'a', 'an', 'and', 'by', 'for', 'in', 'of', 'the', 'to', 'we', 'it', 'is'}
SUPERFLUOUS = re.compile(r'number of|amazon|\bses\b|\(|%|last \d|per hour|past ', re.IGNORECASE)
PROPER_NAMES = {'AWS', 'Region', 'SES', 'CloudWatch'}
COMPLEMENTS = {'>=': '<', '<': '>='}
LEVELS = {float(level) for level in vars(limits).values() if isinstance(level, (int, float))} | {
    float(level)
    for limit in vars(limits).values()
    if isinstance(limit, Limit)
    for level in (limit.critical, limit.warning)
    if level is not None
}
"""Every level in the table of thresholds."""


@dataclass(frozen=True)
class Leaf:
    """A widget inside a group. `location` is the title of both."""

    location: str
    widget: Widget

    @property
    def definition(self) -> Mapping[str, Any]:
        definition: Mapping[str, Any] = self.widget['definition']
        return definition

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        return list(self.definition.get('requests', []))

    @property
    def metrics(self) -> list[tuple[Metric, str | None]]:
        """The readable queries with their aggregators. A chart has no aggregator."""
        queries = [query for request in self.requests for query in request['queries']]
        metrics = [(_parse(query['query']), query.get('aggregator')) for query in queries]
        return [(metric, aggregator) for metric, aggregator in metrics if isinstance(metric, Metric)]


def leaves(board: Widget) -> Iterator[Leaf]:
    for group in board['widgets']:
        for widget in group['definition'].get('widgets', []):
            yield Leaf(f'{_name(group)} / {_name(widget)}', widget)


def lint(board: Widget) -> list[Finding]:
    """The findings of all gates for a dashboard."""
    gates = (queries, formulas, variables, ids, layout, style, thresholds, references)
    return [finding for gate in gates for finding in gate(board)]


def queries(board: Widget) -> Findings:
    """Each query is readable, its metric exists, it fits the metric's type, and its tags exist for that metric."""
    for leaf in leaves(board):
        for query in (query for request in leaf.requests for query in request['queries']):
            problem = _parse(query['query'])
            if isinstance(problem, str):
                yield Finding('query', leaf.location, problem)
        for metric, aggregator in leaf.metrics:
            yield from lint_metric(leaf.location, metric)
            yield from _type(leaf.location, metric, aggregator)


def _parse(text: str) -> Metric | str:
    """The metric query in a text, or the reason why there is none."""
    try:
        metric = parse(text)
    except SyntaxProblem as error:
        return str(error)
    return metric if isinstance(metric, Metric) else f'{text!r}: arithmetic belongs into the formula'


def _type(location: str, metric: Metric, aggregator: str | None) -> Findings:
    """Counts are added up. A gauge is submitted in each run, so over time it is never added up."""
    kind = TYPES.get(metric.name)
    if kind is MetricType.COUNT:
        if not metric.as_count or metric.space != 'sum':
            yield Finding('type', location, f'{metric.name} is a count: sum:... .as_count()')
        if aggregator is None and (metric.rollup != 'sum' or metric.interval % STEP):
            yield Finding('type', location, f'{metric.name} comes every {STEP} s: .rollup(sum, {STEP}) or a multiple')
        if aggregator is not None and (aggregator != 'sum' or metric.rollup):
            yield Finding('type', location, f'{metric.name} is a count: its total is the sum of the whole span')
    elif kind is MetricType.GAUGE:
        if metric.as_count:
            yield Finding('type', location, f'{metric.name} is a gauge: as_count has no effect')
        if aggregator == 'sum' or metric.rollup in ('sum', 'count') or (metric.space == 'sum' and not metric.rollup):
            yield Finding('type', location, f'{metric.name} is a gauge: a sum over time counts it once for each run')


def formulas(board: Widget) -> Findings:
    """Each formula is readable, and the formulas of a request use each of its queries and no other name."""
    for leaf in leaves(board):
        for request in leaf.requests:
            used: set[str] = set()
            for formula in request['formulas']:
                try:
                    expression = parse_formula(formula['formula'])
                except SyntaxProblem as error:
                    yield Finding('formula', leaf.location, str(error))
                    continue
                used.update(names(expression))
                yield from _ratio(leaf.location, expression, request)
            declared = [query['name'] for query in request['queries']]
            if sorted(declared) != sorted(used):
                yield Finding('formula', leaf.location, f'the queries are {declared}, the formulas use {sorted(used)}')


def _ratio(location: str, formula: Expression, request: Mapping[str, Any]) -> Findings:
    """Both sides of a division are counted over the same groups and the same spans."""
    if isinstance(formula, Call):
        yield from _ratio(location, formula.argument, request)
    if not isinstance(formula, Operation):
        return
    yield from _ratio(location, formula.left, request)
    yield from _ratio(location, formula.right, request)
    if formula.sign == '/':
        metrics = [_parse(query['query']) for query in request['queries'] if query['name'] in names(formula)]
        if len({(metric.by, metric.interval, metric.as_count) for metric in metrics if isinstance(metric, Metric)}) > 1:
            yield Finding('formula', location, 'the sides of a division differ in groups, interval or as_count')


def variables(board: Widget) -> Findings:
    """The variables in use are those that are declared, and a widget listens to those whose tags its metrics have."""
    declared = {variable['name']: variable['prefix'] for variable in board['template_variables']}
    used: set[str] = set()
    for leaf in leaves(board):
        used.update(tag.removeprefix('$') for tag in leaf.definition.get('tags', []))
        for metric, _ in leaf.metrics:
            if metric.name in TYPES:
                used.update(condition.variable for condition in metric.filters if condition.variable)
                yield from _listening(leaf.location, metric, declared)
    if used != set(declared):
        yield Finding('variables', board['title'], f'declared are {sorted(declared)}, used are {sorted(used)}')


def _listening(location: str, metric: Metric, declared: Mapping[str, str | None]) -> Findings:
    always = tags_of(metric.name).always
    filters = {condition.tag for condition in metric.filters}
    variables = {condition.variable for condition in metric.filters}
    for name, prefix in declared.items():
        if name not in variables and (prefix is None or prefix in always):
            yield Finding('variables', location, f'{metric.name} does not listen to ${name}')
        if name in variables and prefix is not None and prefix not in (*always, *filters):
            yield Finding('variables', location, f'{metric.name} has no tag {prefix}: ${name} would empty the widget')


def ids(board: Widget) -> Findings:
    """Each widget has a distinct id."""
    widgets = [*board['widgets'], *(leaf.widget for leaf in leaves(board))]
    for number, count in Counter(widget['id'] for widget in widgets).items():
        if count > 1:
            yield Finding('ids', board['title'], f'{count} widgets have the id {number}')


def layout(board: Widget) -> Findings:
    """Everything stands in groups, in rows without gaps or overlaps, and a group is one row higher than its content."""
    yield from _tiling(board['title'], board['widgets'], COLUMNS)
    for group in board['widgets']:
        if group['definition']['type'] != 'group':
            yield Finding('layout', _name(group), 'it stands outside of a group')
            continue
        widgets, place = group['definition']['widgets'], group['layout']
        yield from _tiling(_name(group), widgets, place['width'])
        content = max((widget['layout']['y'] + widget['layout']['height'] for widget in widgets), default=0)
        if place['height'] != content + 1:
            yield Finding('layout', _name(group), f'the group is {place["height"]} high, its content {content} and 1')
    for leaf in leaves(board):
        kind = leaf.definition['type']
        if kind not in MINIMUM_WIDTHS:
            yield Finding('layout', leaf.location, f'{kind} is not shipped')
        elif leaf.widget['layout']['width'] < MINIMUM_WIDTHS[kind]:
            yield Finding('layout', leaf.location, f'{kind} needs {MINIMUM_WIDTHS[kind]} columns')


def _tiling(location: str, widgets: Iterable[Widget], width: int) -> Findings:
    """Widgets cover each cell of their rows once."""
    places = [widget['layout'] for widget in widgets]
    cells = Counter(
        (x, y)
        for place in places
        for x in range(place['x'], place['x'] + place['width'])
        for y in range(place['y'], place['y'] + place['height'])
    )
    rows = max((y for _, y in cells), default=-1) + 1
    grid = Counter((x, y) for x in range(width) for y in range(rows))
    if cells != grid:
        wrong = {cell for cell in (*cells, *grid) if cells[cell] != grid[cell]}
        yield Finding('layout', location, f'a gap, an overlap or a cell beyond column {width} at {min(wrong)}')


def style(board: Widget) -> Findings:
    """The rules of Datadog's page on dashboards of integrations, as far as a program can see them."""
    if [_name(group) for group in board['widgets']][:2] != ['About', 'Overview']:
        yield Finding('style', board['title'], 'the first groups are About and Overview')
    if 'Amazon SES' not in board['title'] or '-' in board['title']:
        yield Finding('style', board['title'], 'the title has the name of the integration and no hyphen')
    if not 0 < len(board['description']) <= 200:
        yield Finding('style', board['title'], 'a short description is needed')
    for group in board['widgets']:
        words = re.findall(r"[A-Za-z']+", _name(group))
        if any(word[0].islower() for word in words if word not in MINOR_WORDS) or words[0][0].islower():
            yield Finding('style', _name(group), 'the title of a group is in title case')
    for leaf in leaves(board):
        if leaf.definition['type'] != 'note':
            yield from _widget_style(leaf)


def _widget_style(leaf: Leaf) -> Findings:
    definition = leaf.definition
    first, *later_words = definition['title'].split()
    if len(definition['title']) > 40 or SUPERFLUOUS.search(definition['title']):
        yield Finding('style', leaf.location, 'a title is short, without unit, time frame or name of the integration')
    elif not first[0].isupper() or any(word[0].isupper() and word not in PROPER_NAMES for word in later_words):
        yield Finding('style', leaf.location, 'the title of a widget is in sentence case')
    if len(definition.get('description', '')) > 200:
        yield Finding('style', leaf.location, 'the description is too long to be read')
    if definition['type'] == 'query_value' and 'timeseries_background' not in definition:
        yield Finding('style', leaf.location, 'a number has its course in the background')
    for formula in (formula for request in leaf.requests for formula in request['formulas']):
        if not formula.get('alias'):
            yield Finding('style', leaf.location, 'a formula has no alias, so the legend would show the query')
        if (
            definition['type'] == 'timeseries'
            and any(metric.by for metric, _ in leaf.metrics)
            and 'limit' not in formula
        ):
            yield Finding('style', leaf.location, 'a chart of groups has a limit, or hundreds of accounts hide all')
        if '/' in formula['formula'] and '100 *' in formula['formula'] and 'number_format' not in formula:
            yield Finding('style', leaf.location, 'a formula makes percent: say so in number_format')


def thresholds(board: Widget) -> Findings:
    """Lines and zones are at levels of the table. Zones are red, yellow, green, the worst first, without a gap."""
    for leaf in leaves(board):
        for marker in leaf.definition.get('markers', []):
            level = re.fullmatch(r'y = ([\d.]+)', marker['value'])
            if level is None or float(level[1]) not in LEVELS:
                yield Finding('thresholds', leaf.location, f'the line {marker["value"]} is in no table')
        for request in leaf.requests:
            for holder in (request, *request['formulas']):
                if 'conditional_formats' in holder:
                    yield from _zones(leaf.location, holder['conditional_formats'])


def _zones(location: str, zones: list[Mapping[str, Any]]) -> Findings:
    palettes = [zone['palette'].rpartition('_')[2] for zone in zones]
    signs = [zone['comparator'] for zone in zones]
    levels = [zone['value'] for zone in zones]
    if not set(levels) <= LEVELS:
        yield Finding('thresholds', location, f'a limit of {levels} is in no table')
    if palettes not in (['red', 'green'], ['red', 'yellow', 'green']):
        yield Finding('thresholds', location, f'the zones are {palettes}, not red, yellow, green')
    elif (
        signs != [signs[0]] * (len(zones) - 1) + [COMPLEMENTS.get(signs[0])]
        or levels != sorted(levels, reverse=signs[0] == '>=')
        or levels[-1] != levels[-2]
    ):
        yield Finding('thresholds', location, f'the zones {signs} {levels} overlap or leave a gap')


def references(board: Widget) -> Findings:
    """Status widgets name a declared service check and the tag that our monitors carry."""
    for leaf in leaves(board):
        definition = leaf.definition
        if definition['type'] == 'check_status':
            yield from lint_check('references', leaf.location, definition['check'], definition['group_by'])
        if definition['type'] == 'manage_status' and definition['query'] != f'tag:"{TAG}"':
            yield Finding('references', leaf.location, f'our monitors carry the tag {TAG}')


def coverage(boards: Iterable[Widget]) -> Findings:
    """Each metric of the catalogue has a widget or a reason for its absence, and no reason is stale."""
    charted = {metric.name for board in boards for leaf in leaves(board) for metric, _ in leaf.metrics}
    uncharted = set(TYPES) - charted
    for name in sorted(uncharted):
        if not any(fnmatchcase(name, pattern) for pattern in UNCHARTED):
            instruction = 'chart it in tools/boards/, or excuse it in UNCHARTED of tools/boards/tags.py'
            yield Finding('coverage', name, f'it is on no dashboard: {instruction}')
    for pattern in UNCHARTED:
        if not any(fnmatchcase(name, pattern) for name in uncharted):
            yield Finding('coverage', pattern, 'the pattern matches no metric without a widget')


def _name(widget: Widget) -> str:
    definition = widget['definition']
    return str(definition.get('title') or definition['type'])
