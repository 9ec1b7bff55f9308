"""From a small description to the JSON of a dashboard. The positions follow from rows, the ids from the titles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.boards.limits import Limit

COLUMNS = 12
PERCENT = 'percent'

Definition = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """One column, line or number. `formula` has {0}, {1} ... for its `queries`, which are reduced by `reduced` where
    a single number is shown. `unit` is needed where a formula makes a unit that the metrics do not have."""

    label: str
    queries: tuple[str, ...]
    formula: str = '{0}'
    reduced: str = 'sum'
    unit: str = ''
    limit: Limit | None = None
    bar: bool = False


def share(label: str, part: str, whole: str, limit: Limit | None = None) -> Value:
    """A part of a whole in percent. Where there was a whole and no part, it is zero."""
    return Value(label, (part, whole), '100 * default_zero({0}) / {1}', unit=PERCENT, limit=limit)


def rare(label: str, query: str) -> Value:
    """A count of what hardly ever happens: zero where it never did, so that the chart is not taken for a broken one."""
    return Value(label, (query,), 'default_zero({0})')


@dataclass(frozen=True)
class Row:
    """Widgets side by side: each with its width."""

    height: int
    widgets: tuple[tuple[int, Definition], ...]


@dataclass(frozen=True)
class Group:
    """Rows under a title. `beside` puts it to the right of the group before it."""

    title: str
    colour: str
    rows: tuple[Row, ...]
    beside: bool = False

    @property
    def width(self) -> int:
        return sum(width for width, _ in self.rows[0].widgets)

    @property
    def height(self) -> int:
        return sum(row.height for row in self.rows) + 1


@dataclass(frozen=True)
class Board:
    """One dashboard. `variables` are tags that the user can filter by, beside the free `scope`."""

    title: str
    description: str
    variables: tuple[str, ...]
    groups: tuple[Group, ...] = field(default=())


def render(board: Board) -> dict[str, Any]:
    """The body of Datadog's dashboard API."""
    widgets: list[dict[str, Any]] = []
    x = y = bottom = 0
    for group in board.groups:
        if not group.beside:
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
            widgets.append(
                {
                    'id': _id(board.title, group.title, name),
                    'definition': definition,
                    'layout': {'x': x, 'y': y, 'width': width, 'height': row.height},
                }
            )
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
    """The same for the same place on the same board, whatever else changes."""
    return int.from_bytes(hashlib.blake2b('/'.join(words).encode(), digest_size=6).digest(), 'big')


def _titled(kind: str, title: str, description: str) -> Definition:
    about = {'description': description} if description else {}
    return {'type': kind, 'title': title, 'title_size': '16', 'title_align': 'left', **about}


def note(text: str) -> Definition:
    return {
        'type': 'note',
        'content': text,
        'background_color': 'transparent',
        'font_size': '14',
        'text_align': 'left',
        'vertical_align': 'top',
        'has_padding': True,
        'show_tick': False,
        'tick_pos': '50%',
        'tick_edge': 'left',
    }


def number(title: str, value: Value, description: str = '', precision: int = 1) -> Definition:
    """One number over its course, coloured by its limit."""
    request = _request('scalar', (value,))
    if value.limit is not None:
        request['conditional_formats'] = _zones(value.limit)
    return {
        **_titled('query_value', title, description),
        'precision': precision,
        'autoscale': True,
        'timeseries_background': {'type': 'area', 'yaxis': {'include_zero': True}},
        'requests': [request],
    }


def chart(
    title: str,
    values: Sequence[Value],
    display: str = 'line',
    description: str = '',
    lines: Sequence[tuple[float, str, str]] = (),
    minimum: float | None = None,
) -> Definition:
    """A chart over time: `area` for volume, `bars` for counts, `line` for levels and many groups.

    `lines` are levels to compare with: value, `warning` or `error`, label.
    """
    request = _request('timeseries', values)
    request['display_type'] = display
    request['style'] = {'palette': 'dog_classic', 'line_type': 'solid', 'line_width': 'normal'}
    found = {
        **_titled('timeseries', title, description),
        'show_legend': True,
        'legend_layout': 'auto',
        'legend_columns': ['avg', 'max', 'value'] if display == 'line' else ['sum', 'max'],
        'yaxis': {'include_zero': True} if minimum is None else {'include_zero': False, 'min': f'{minimum:g}'},
        'requests': [request],
    }
    if lines:
        found['markers'] = [
            {'value': f'y = {value:g}', 'display_type': f'{level} dashed', 'label': label}
            for value, level, label in lines
        ]
    return found


def marked(limit: Limit) -> tuple[tuple[float, str, str], ...]:
    """The lines of a limit."""
    found = [(limit.critical, 'error', f' {limit.critical:g} {limit.unit} ')]
    if limit.warning is not None:
        found.insert(0, (limit.warning, 'warning', f' {limit.warning:g} {limit.unit} '))
    return tuple(found)


def top(title: str, value: Value, description: str = '') -> Definition:
    """The ten largest groups."""
    request = _request('scalar', (value,))
    request['sort'] = {'count': 10, 'order_by': [{'type': 'formula', 'index': 0, 'order': 'desc'}]}
    if value.limit is not None:
        request['conditional_formats'] = _zones(value.limit)
    return {**_titled('toplist', title, description), 'requests': [request]}


def table(title: str, values: Sequence[Value], description: str = '', by: int = 0) -> Definition:
    """One row for each group, the largest first in the column `by`."""
    request = _request('scalar', values)
    for formula, value in zip(request['formulas'], values, strict=True):
        formula['cell_display_mode'] = 'bar' if value.bar else 'number'
        if value.limit is not None:
            formula['conditional_formats'] = _zones(value.limit)
    request['sort'] = {'count': 50, 'order_by': [{'type': 'formula', 'index': by, 'order': 'desc'}]}
    return {**_titled('query_table', title, description), 'has_search_bar': 'auto', 'requests': [request]}


def status(title: str, check: str, variables: Sequence[str], description: str = '') -> Definition:
    """How many accounts and Regions have which status of a service check."""
    return {
        **_titled('check_status', title, description),
        'check': check,
        'grouping': 'cluster',
        'group_by': list(variables),
        'tags': [f'${name}' for name in variables],
    }


def monitors(title: str, tag: str) -> Definition:
    return {
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


def _request(shape: str, values: Sequence[Value]) -> dict[str, Any]:
    queries: list[dict[str, Any]] = []
    names: dict[tuple[str, str], str] = {}
    formulas = []
    for value in values:
        for query in value.queries:
            if (query, value.reduced) not in names:
                name = names[query, value.reduced] = f'query{len(names) + 1}'
                reduced = {'aggregator': value.reduced} if shape == 'scalar' else {}
                queries.append({'name': name, 'data_source': 'metrics', 'query': query, **reduced})
        formula = {
            'formula': value.formula.format(*(names[query, value.reduced] for query in value.queries)),
            'alias': value.label,
        }
        if value.unit:
            formula['number_format'] = {'unit': {'type': 'canonical_unit', 'unit_name': value.unit}}
        formulas.append(formula)
    return {'response_format': shape, 'queries': queries, 'formulas': formulas}


def _zones(limit: Limit) -> list[dict[str, Any]]:
    """Red, yellow, green: the first that matches is shown."""
    worse, better = ('<', '>=') if limit.below else ('>=', '<')
    zones = [{'comparator': worse, 'value': limit.critical, 'palette': 'white_on_red'}]
    if limit.warning is not None:
        zones.append({'comparator': worse, 'value': limit.warning, 'palette': 'white_on_yellow'})
    zones.append({'comparator': better, 'value': zones[-1]['value'], 'palette': 'white_on_green'})
    return zones
