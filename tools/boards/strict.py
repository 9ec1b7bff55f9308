"""Parses dashboards and monitors as the newest client of Datadog's API does, and strictly.

The client silently keeps unknown keys, and it makes an object without a class of a widget that fits no class. An error
inside a group hides the whole group. So each widget is parsed alone, by the class of its type, and the result is
searched for keys that its class does not know or calls deprecated, and for values that it did not understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from datadog_api_client import model_utils
from datadog_api_client.configuration import Configuration
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.widget import Widget
from datadog_api_client.v1.model.widget_definition import WidgetDefinition

from tools.boards.findings import Finding

GATE = 'strict'
CONVERT: Callable[..., Any] = model_utils.validate_and_convert_types
CONFIGURATION: Callable[[], Any] = Configuration


def dashboard(document: Mapping[str, Any]) -> list[Finding]:
    """The faults of a dashboard that Datadog's API would refuse, ignore or soon drop."""
    findings = list(_parse(Dashboard, {**document, 'widgets': []}, 'dashboard'))
    for group in document['widgets']:
        findings += _widget(group, 'group')
        for widget in group['definition'].get('widgets', []):
            findings += _widget(widget, 'widget')
    return findings


def monitor(definition: Mapping[str, Any]) -> list[Finding]:
    """The faults of a monitor's definition that Datadog's API would refuse, ignore or soon drop."""
    return list(_parse(Monitor, definition, 'monitor'))


def _widget(widget: Mapping[str, Any], role: str) -> Iterator[Finding]:
    definition = widget['definition']
    kind = definition['type']
    location = f'{role} {definition.get("title", kind)!r}'
    if kind not in _classes():
        yield Finding(GATE, location, f'there is no widget of type {kind!r}')
        return
    yield from _parse(_classes()[kind], definition | ({'widgets': []} if 'widgets' in definition else {}), location)
    # The definition has been parsed alone: here any definition will do.
    blank = {'type': 'note', 'content': '-'}
    yield from _parse(Widget, {**widget, 'definition': blank}, location)


@cache
def _classes() -> Mapping[str, Any]:
    """The class of each type of widget."""
    classes = {}
    for model in WidgetDefinition._composed_schemas['oneOf']:
        if 'type' in model.openapi_types:
            (kind,) = model.openapi_types['type']
            classes.update(dict.fromkeys(kind.allowed_values, model))
    return classes


def _parse(model: Any, document: Mapping[str, Any], location: str) -> Iterator[Finding]:
    try:
        parsed = CONVERT(document, (model,), ['document'], True, True, CONFIGURATION())
    except Exception as error:
        yield Finding(GATE, location, f'{type(error).__name__}: {error}')
        return
    for path, fault in _faults(parsed, ''):
        yield Finding(GATE, location, f'{path or "it"} {fault}')


def _faults(parsed: Any, path: str) -> Iterator[tuple[str, str]]:
    """The path and the fault of each key or value that a class does not know."""
    kind = type(parsed)
    if isinstance(parsed, list):
        for number, element in enumerate(parsed):
            yield from _faults(element, f'{path}[{number}]')
    elif isinstance(parsed, dict):
        for name, element in parsed.items():
            yield from _faults(element, f'{path}.{name}')
    elif not hasattr(kind, 'openapi_types'):
        return
    elif kind.__name__ == 'UnparsedObject':
        yield path, 'fits no class'
    elif getattr(parsed, '_composed_instances', None):
        for instance in parsed._composed_instances:
            yield from _faults(instance, path)
    else:
        fields = parsed.__dict__.get('_data_store', {})
        inner = [fault for name, field in fields.items() for fault in _faults(field, f'{path}.{name}')]
        yield from inner
        if parsed._unparsed and not inner:
            yield path, f'has a value that is not known: {fields.get("value", "")!r}'
        if isinstance(kind.openapi_types, dict):
            yield from _key_faults(kind, fields, path)


def _key_faults(kind: Any, fields: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    aliases = getattr(kind, 'attribute_map', {})
    names = {*kind.openapi_types, *(aliases.get(name, name) for name in kind.openapi_types)}
    # The client carries the API's marks of deprecation nowhere but in the docstring.
    descriptions = re.split(r':param ', kind.__init__.__doc__ or '')[1:]
    deprecated = {
        text.split(':')[0].strip() for text in descriptions if 'deprecated' in text.split(':type ')[0].lower()
    }
    for name in fields:
        if name not in names:
            yield f'{path}.{name}', 'is not known'
        elif name in deprecated:
            yield f'{path}.{name}', 'is deprecated'
