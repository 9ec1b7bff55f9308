"""Renders the description of a dashboard as JSON. Positions follow from rows, ids from titles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tools.boards.limits import PAUSE_BOUNCES, PAUSE_COMPLAINTS, REVIEW_BOUNCES, REVIEW_COMPLAINTS, Limit
from tools.boards.queries import QUERY, STEP, TRAIL, Family

COLUMNS = 12

MOST_CURVES = 10
"""Groups of a chart, so that it is readable with hundreds of accounts: the highest, or the lowest where low is bad."""

Definition = dict[str, Any]


@dataclass(frozen=True)
class Measure:
    """One column, line or number. `formula` is arithmetic over queries, which `reduced` reduces where a single number
    is shown. `unit` is needed where the formula makes a unit that the metrics do not have. With `lowest` a chart shows
    the lowest groups."""

    label: str
    formula: str
    reduced: str = 'sum'
    unit: str = ''
    limit: Limit | None = None
    bar: bool = False
    lowest: bool = False


def share(label: str, family: Family, part: str, limit: Limit | None = None, whole: str = 'send') -> Measure:
    """A part of a whole in percent, both counts of a family. Where there was a whole and no part, it is zero."""
    formula = f'100 * default_zero({family.count(f"{part}.count")}) / {family.count(f"{whole}.count")}'
    return _percent(label, formula, part, limit)


def trail(label: str, family: Family, part: str, whole: str = 'send') -> Measure:
    """The same over time, each point of the hours before it."""
    part_count, whole_count = (
        f"moving_rollup(default_zero({family.count(f'{name}.count', STEP)}), {TRAIL}, 'sum')" for name in (part, whole)
    )
    return _percent(label, f'100 * {part_count} / {whole_count}', part)


def _percent(label: str, formula: str, part: str, limit: Limit | None = None) -> Measure:
    """Deliveries of earlier emails come later, so their share is capped."""
    is_delivery = part == 'delivery'
    capped = f'clamp_max({formula}, 100)' if is_delivery else formula
    return Measure(label, capped, unit='percent', limit=limit, lowest=is_delivery)


def newest(label: str, formula: str, limit: Limit | None = None, bar: bool = False) -> Measure:
    """The last value of gauges."""
    return Measure(label, formula, 'last', limit=limit, bar=bar)


def rare(label: str, query: str) -> Measure:
    """A count of rare events: zero where there were none, so that the chart does not look broken."""
    return Measure(label, f'default_zero({query})')


class Line(NamedTuple):
    """A level to compare a chart with. `severity` is `info`, `warning` or `error`."""

    level: float
    severity: str
    label: str


BOUNCE_LINES = (Line(REVIEW_BOUNCES, 'warning', ' review '), Line(PAUSE_BOUNCES, 'error', ' pause '))
COMPLAINT_LINES = (Line(REVIEW_COMPLAINTS, 'warning', ' review '), Line(PAUSE_COMPLAINTS, 'error', ' pause '))


def limit_lines(limit: Limit) -> tuple[Line, ...]:
    levels = ((limit.warning, 'warning'), (limit.critical, 'error'))
    return tuple(Line(level, severity, f' {level:g} {limit.unit} ') for level, severity in levels if level is not None)


def own_lines(limit: Limit) -> tuple[Line, ...]:
    """Levels of ours, in a neutral colour, for what AWS does not judge."""
    levels = (level for level in (limit.warning, limit.critical) if level is not None)
    return tuple(Line(level, 'info', f' our {level:g} {limit.unit} ') for level in levels)


class Widget(NamedTuple):
    width: int
    definition: Definition


class Row:
    """Widgets side by side."""

    def __init__(self, height: int, *widgets: Widget) -> None:
        self.height = height
        self.widgets = widgets


class Group:
    """Rows under a title. With `same_line` the group stands to the right of the group before."""

    def __init__(self, title: str, colour: str, *rows: Row, same_line: bool = False) -> None:
        self.title = title
        self.colour = colour
        self.rows = rows
        self.same_line = same_line
        self.width = sum(widget.width for widget in rows[0].widgets)
        self.height = sum(row.height for row in rows) + 1


class Board(NamedTuple):
    """One dashboard. `variables` are tags that the user can filter by, in addition to the free `scope`."""

    title: str
    description: str
    variables: tuple[str, ...]
    groups: tuple[Group, ...]


def render(board: Board) -> dict[str, Any]:
    """The body of Datadog's dashboard API."""
    widgets: list[dict[str, Any]] = []
    x = y = bottom = 0
    for group in board.groups:
        if not group.same_line:
            x, y = 0, bottom
        layout = {'x': x, 'y': y, 'width': group.width, 'height': group.height}
        widgets.append({'id': _id(board.title, group.title), 'definition': _group(board, group), 'layout': layout})
        x += group.width
        bottom = max(bottom, y + group.height)
    return {
        'title': board.title,
        'description': board.description,
        'layout_type': 'ordered',
        'reflow_type': 'fixed',
        'notify_list': [],
        'template_variables': [_variable('scope', None), *(_variable(name, name) for name in board.variables)],
        'widgets': widgets,
    }


def _variable(name: str, prefix: str | None) -> dict[str, Any]:
    return {'name': name, 'prefix': prefix, 'available_values': [], 'defaults': ['*']}


def _group(board: Board, group: Group) -> Definition:
    widgets = []
    y = 0
    for number, row in enumerate(group.rows):
        x = 0
        for width, definition in row.widgets:
            name = definition.get('title') or f'{definition["type"]} {number}'
            layout = {'x': x, 'y': y, 'width': width, 'height': row.height}
            widgets.append({'id': _id(board.title, group.title, name), 'definition': definition, 'layout': layout})
            x += width
        y += row.height
    return {
        'type': 'group',
        'title': group.title,
        'title_align': 'left',
        'show_title': True,
        'layout_type': 'ordered',
        'background_color': group.colour,
        'widgets': widgets,
    }


def _id(*words: str) -> int:
    """An id that depends on the titles alone, so that other changes keep it."""
    return int.from_bytes(hashlib.blake2b('/'.join(words).encode(), digest_size=6).digest(), 'big')


def _titled(kind: str, title: str, description: str) -> Definition:
    optional = {'description': description} if description else {}
    return {'type': kind, 'title': title, 'title_size': '16', 'title_align': 'left', **optional}


def note(width: int, content: str) -> Widget:
    definition = {
        'type': 'note',
        'content': content,
        'background_color': 'transparent',
        'font_size': '14',
        'text_align': 'left',
        'vertical_align': 'top',
        'has_padding': True,
        'show_tick': False,
        'tick_pos': '50%',
        'tick_edge': 'left',
    }
    return Widget(width, definition)


def number(
    width: int, title: str, measure: Measure, description: str = '', precision: int = 1, span: str = ''
) -> Widget:
    """One number with its course in the background, coloured by its limit. `span` is its own time, such as 1d."""
    definition = {
        **({'time': {'live_span': span}} if span else {}),
        **_titled('query_value', title, description),
        'precision': precision,
        'autoscale': True,
        'timeseries_background': {'type': 'area', 'yaxis': {'include_zero': True}},
        'requests': [_request('scalar', [measure]) | _zones(measure.limit)],
    }
    return Widget(width, definition)


def chart(
    width: int,
    title: str,
    *measures: Measure,
    description: str = '',
    lines: Sequence[Line] = (),
    minimum: float | None = None,
) -> Widget:
    """Levels over time, as lines."""
    axis = {'include_zero': True} if minimum is None else {'include_zero': False, 'min': f'{minimum:g}'}
    definition = {**_titled('timeseries', title, description), **_timeseries(measures, 'line', axis)}
    if lines:
        definition['markers'] = [
            {'value': f'y = {level:g}', 'display_type': f'{severity} dashed', 'label': label}
            for level, severity, label in lines
        ]
    return Widget(width, definition)


def bars(width: int, title: str, *measures: Measure, description: str = '') -> Widget:
    """Counts over time, as bars."""
    course = _timeseries(measures, 'bars', {'include_zero': True})
    return Widget(width, {**_titled('timeseries', title, description), **course})


def _timeseries(measures: Sequence[Measure], display: str, axis: dict[str, Any]) -> dict[str, Any]:
    request = _request('timeseries', measures)
    for formula, measure in zip(request['formulas'], measures, strict=True):
        if ' by {' in measure.formula:
            formula['limit'] = {'count': MOST_CURVES, 'order': 'asc' if measure.lowest else 'desc'}
    style = {'palette': 'dog_classic', 'line_type': 'solid', 'line_width': 'normal'}
    return {
        'show_legend': True,
        'legend_layout': 'auto',
        'legend_columns': ['avg', 'max', 'value'] if display == 'line' else ['sum', 'max'],
        'yaxis': axis,
        'requests': [{**request, 'display_type': display, 'style': style}],
    }


def top(width: int, title: str, measure: Measure, description: str = '') -> Widget:
    """The ten largest groups."""
    request = _request('scalar', [measure])
    request['sort'] = {'count': 10, 'order_by': [{'type': 'formula', 'index': 0, 'order': 'desc'}]}
    return Widget(width, {**_titled('toplist', title, description), 'requests': [request | _zones(measure.limit)]})


def table(width: int, title: str, *measures: Measure, description: str = '', order: int = 0) -> Widget:
    """One row for each group, the largest first in the column with the index `order`."""
    request = _request('scalar', measures)
    for formula, measure in zip(request['formulas'], measures, strict=True):
        formula |= {'cell_display_mode': 'bar' if measure.bar else 'number'} | _zones(measure.limit)
    request['sort'] = {'count': 50, 'order_by': [{'type': 'formula', 'index': order, 'order': 'desc'}]}
    return Widget(
        width, {**_titled('query_table', title, description), 'has_search_bar': 'auto', 'requests': [request]}
    )


def status(width: int, title: str, check: str, variables: Sequence[str], description: str = '') -> Widget:
    """How many accounts and Regions have which status of a service check."""
    definition = {
        **_titled('check_status', title, description),
        'check': check,
        'grouping': 'cluster',
        'group_by': list(variables),
        'tags': [f'${name}' for name in variables],
    }
    return Widget(width, definition)


def monitors(width: int, title: str, tag: str) -> Widget:
    definition = {
        **_titled('manage_status', title, ''),
        'summary_type': 'monitors',
        'query': f'tag:"{tag}"',
        'sort': 'status,asc',
        'display_format': 'countsAndList',
        'color_preference': 'text',
        'hide_zero_counts': True,
        'show_last_triggered': True,
        'show_priority': False,
    }
    return Widget(width, definition)


def _request(response_format: str, measures: Sequence[Measure]) -> dict[str, Any]:
    names: dict[tuple[str, str], str] = {}
    formulas = [_formula(measure, names) for measure in measures]
    queries = []
    for (query, reduced), name in names.items():
        aggregator = {'aggregator': reduced} if response_format == 'scalar' else {}
        queries.append({'name': name, 'data_source': 'metrics', 'query': query, **aggregator})
    return {'response_format': response_format, 'queries': queries, 'formulas': formulas}


def _formula(measure: Measure, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    """The formula of a measure over names of queries. A query without a name gets one in `names`."""
    text = QUERY.sub(
        lambda match: names.setdefault((match[0], measure.reduced), f'query{len(names) + 1}'), measure.formula
    )
    unit = {'number_format': {'unit': {'type': 'canonical_unit', 'unit_name': measure.unit}}} if measure.unit else {}
    return {'formula': text, 'alias': measure.label, **unit}


def _zones(limit: Limit | None) -> dict[str, Any]:
    """Red, yellow, green: the first that matches is shown."""
    if limit is None:
        return {}
    worse, better = ('<', '>=') if limit.below else ('>=', '<')
    zones = [{'comparator': worse, 'value': limit.critical, 'palette': 'white_on_red'}]
    if limit.warning is not None:
        zones.append({'comparator': worse, 'value': limit.warning, 'palette': 'white_on_yellow'})
    zones.append({'comparator': better, 'value': zones[-1]['value'], 'palette': 'white_on_green'})
    return {'conditional_formats': zones}
