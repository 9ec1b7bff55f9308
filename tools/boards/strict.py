"""Parses dashboards and monitors as the newest client of Datadog's API does, and strictly.

The client keeps unknown keys without a word and turns a widget that fits no class into an object of no class; an error
inside a group swallows the whole group. So each widget is parsed alone by the class of its type, and whatever was
parsed is walked for keys that its class does not know or calls deprecated, and for values that it did not understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tools.boards.findings import Finding

GATE = 'strict'


def dashboard(document: Mapping[str, Any]) -> list[Finding]:
    """What Datadog's API would refuse, ignore or soon drop in a dashboard."""
    from datadog_api_client.v1.model.dashboard import Dashboard

    found = list(_parsed(Dashboard, {**document, 'widgets': []}, 'dashboard'))
    for widget in document.get('widgets', []):
        found += _widget(widget, 'group')
        for inner in widget.get('definition', {}).get('widgets', []):
            found += _widget(inner, 'widget')
    return found


def monitor(definition: Mapping[str, Any]) -> list[Finding]:
    """What Datadog's API would refuse, ignore or soon drop in the definition of a monitor."""
    from datadog_api_client.v1.model.monitor import Monitor

    return list(_parsed(Monitor, definition, 'monitor'))


def _widget(widget: Mapping[str, Any], what: str) -> Iterator[Finding]:
    from datadog_api_client.v1.model.widget import Widget

    definition = widget.get('definition', {})
    kind = definition.get('type')
    where = f'{what} {definition.get("title", kind)!r}'
    if kind not in _classes():
        yield Finding(GATE, where, f'there is no widget of type {kind!r}')
        return
    alone = {**definition, 'widgets': []} if 'widgets' in definition else definition
    yield from _parsed(_classes()[kind], alone, where)
    # The definition has been parsed by itself: here it stands for any.
    blank = {'type': 'note', 'content': '-'}
    yield from _parsed(Widget, {**widget, 'definition': blank}, where)


@cache
def _classes() -> Mapping[str, Any]:
    """The class of each type of widget."""
    from datadog_api_client.v1.model.widget_definition import WidgetDefinition

    found = {}
    for one in WidgetDefinition._composed_schemas['oneOf']:
        if 'type' not in one.openapi_types:
            continue
        (kind,) = one.openapi_types['type']
        found.update(dict.fromkeys(kind.allowed_values, one))
    return found


def _parsed(model: Any, document: Mapping[str, Any], where: str) -> Iterator[Finding]:
    from datadog_api_client.configuration import Configuration
    from datadog_api_client.model_utils import validate_and_convert_types

    try:
        parsed = validate_and_convert_types(document, (model,), ['document'], True, True, Configuration())
    except Exception as error:
        yield Finding(GATE, where, f'{type(error).__name__}: {error}')
        return
    yield from _walked(parsed, where, '')


def _walked(parsed: Any, where: str, path: str) -> Iterator[Finding]:
    if isinstance(parsed, list):
        for number, one in enumerate(parsed):
            yield from _walked(one, where, f'{path}[{number}]')
        return
    if isinstance(parsed, dict):
        for name, one in parsed.items():
            yield from _walked(one, where, f'{path}.{name}')
        return
    known = getattr(type(parsed), 'openapi_types', None)
    if known is None:
        return
    if type(parsed).__name__ == 'UnparsedObject':
        yield Finding(GATE, where, f'{path or "it"} fits no class')
        return
    composed = getattr(parsed, '_composed_instances', None)
    if composed:
        for one in composed:
            yield from _walked(one, where, path)
        return
    held = parsed.__dict__.get('_data_store', {})
    inner = [finding for name, one in held.items() for finding in _walked(one, where, f'{path}.{name}')]
    yield from inner
    if parsed._unparsed and not inner:
        yield Finding(GATE, where, f'{path or "it"} has a value that is not known: {held.get("value", "")!r}')
    if isinstance(known, dict):
        names = {getattr(type(parsed), 'attribute_map', {}).get(name, name) for name in known} | set(known)
        for name in held:
            if name not in names:
                yield Finding(GATE, where, f'{path}.{name} is not known')
            elif name in _deprecated(type(parsed)):
                yield Finding(GATE, where, f'{path}.{name} is deprecated')


@cache
def _deprecated(model: Any) -> frozenset[str]:
    """The fields whose description says so: the client carries the marks of the API nowhere else."""
    chunks = re.split(r':param ', model.__init__.__doc__ or '')
    return frozenset(
        chunk.split(':')[0].strip() for chunk in chunks[1:] if 'deprecated' in chunk.split(':type ')[0].lower()
    )
