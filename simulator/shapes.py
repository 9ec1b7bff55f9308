"""Values against botocore's shapes: a request's values read and checked, an answer's checked and written."""

from __future__ import annotations

import math
import re
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import Shape
from botocore.validate import ParamValidator

_NUMBER = re.compile(r'-?\d+(\.\d+)?([eE][-+]?\d+)?')


class Violation(Exception):
    """A value that the model does not allow: kind (required, type, range, enum, unknown), AWS's words, path."""

    def __init__(self, kind: str, words: str, *path: str) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.path = path


class Remembered(list[Any]):
    """A list of a request that was read before and is right; `plan` is what an operation worked out for it."""

    __slots__ = ('plan',)

    def __init__(self, entries: list[Any]) -> None:
        super().__init__(entries)
        self.plan: Any = None


def epoch(value: Any) -> float:
    """Seconds since the epoch of a number, ISO 8601 text or RFC 822 text."""
    if isinstance(value, bool):
        raise ValueError('not a timestamp')
    if isinstance(value, (int, float)) or _NUMBER.fullmatch(value):
        return float(value)
    if ',' in value:
        return float(timegm(datetime.strptime(value, '%a, %d %b %Y %H:%M:%S GMT').timetuple()))
    parsed = datetime.fromisoformat(value.replace('Z', '+00:00'))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


def iso(seconds: float) -> str:
    """ISO 8601 text in UTC; milliseconds only where there are some."""
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')
    millis = int(round((seconds % 1) * 1000)) % 1000
    return f'{text}.{millis:03d}Z' if millis else f'{text}Z'


# The function that reads values of a shape, built once: it returns the value in Python's terms or raises Violation.
Reader = Callable[[Any], Any]


def reader(shape: Shape) -> Reader:
    """The reader of a shape: wire names resolved, numbers and times converted; required, type, range, enum checked.

    No operation that is offered takes bytes.
    """
    if shape.type_name == 'structure':
        return _structure_reader(shape)
    if shape.type_name == 'map':
        return _map_reader(shape)
    if shape.type_name == 'list':
        return _list_reader(shape)
    return _scalar_reader(shape)


def _structure_reader(shape: Shape) -> Reader:
    required = tuple(shape.required_members)

    @cache
    def members() -> dict[str, tuple[str, Reader]]:
        # Not before a value comes, because shapes may contain themselves.
        readers = {name: (name, reader(member)) for name, member in shape.members.items()}
        return readers | {m.serialization.get('name', name): readers[name] for name, m in shape.members.items()}

    def read_structure(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Violation('type', 'is not a structure')
        structure, readers = {}, members()
        for key, content in value.items():
            if content is None:
                continue
            if key not in readers:
                raise Violation('unknown', 'is not known', key)
            name, read_member = readers[key]
            try:
                structure[name] = read_member(content)
            except Violation as violation:
                violation.path = (name, *violation.path)
                raise
        for name in required:
            if name not in structure:
                raise Violation('required', 'Member must not be null', name)
        return structure

    return read_structure


def _map_reader(shape: Shape) -> Reader:
    read_key, read_content, limits = reader(shape.key), reader(shape.value), _limits(shape)

    def read_map(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Violation('type', 'is not a map')
        if not limits[0] <= len(value) <= limits[1]:
            raise Violation('range', f'Member must have length {_range_text(*limits)}')
        contents: dict[Any, Any] = {}
        for key, content in value.items():
            try:
                contents[read_key(key)] = read_content(content)
            except Violation as violation:
                violation.path = (str(key), *violation.path)
                raise
        return contents

    return read_map


def _list_reader(shape: Shape) -> Reader:
    read_member, limits = reader(shape.member), _limits(shape)

    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise Violation('type', 'is not a list')
        if type(value) is Remembered:
            return value
        if not limits[0] <= len(value) <= limits[1]:
            raise Violation('range', f'Member must have length {_range_text(*limits)}')
        members: list[Any] = []
        try:
            for member in value:
                members.append(read_member(member))
        except Violation as violation:
            violation.path = (str(len(members) + 1), 'member', *violation.path)
            raise
        return members

    return read_list


def _scalar_reader(shape: Shape) -> Reader:
    kind, limits, allowed = shape.type_name, _limits(shape), shape.metadata.get('enum')
    convert: Callable[[Any], Any] = _CONVERTERS.get(kind, _text)
    measured = 'length' if kind == 'string' else 'value'

    def read_scalar(value: Any) -> Any:
        try:
            value = convert(value)
        except (ValueError, TypeError, AttributeError):
            words = 'is not a string' if kind == 'string' else f'{_brief(value)} is not a valid {kind}'
            raise Violation('type', words) from None
        if limits != _UNLIMITED and not limits[0] <= (len(value) if isinstance(value, str) else value) <= limits[1]:
            raise Violation('range', f'Member must have {measured} {_range_text(*limits)}')
        if allowed and value not in allowed:
            raise Violation('enum', f'Member must satisfy enum value set: [{", ".join(allowed)}]')
        return value

    return read_scalar


_UNLIMITED = (-math.inf, math.inf)


def _limits(shape: Shape) -> tuple[float, float]:
    return float(shape.metadata.get('min', -math.inf)), float(shape.metadata.get('max', math.inf))


def _range_text(low: float, high: float) -> str:
    if low > -math.inf and high < math.inf:
        return f'between {low:.0f} and {high:.0f}'
    return f'at least {low:.0f}' if low > -math.inf else f'at most {high:.0f}'


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or isinstance(value, float) and value != int(value):
        raise ValueError(value)
    return int(value)


def _boolean(value: Any) -> bool:
    if value not in (True, False, 'true', 'false'):
        raise ValueError(value)
    return value in (True, 'true')


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    'integer': _integer,
    'long': _integer,
    'double': float,
    'float': float,
    'boolean': _boolean,
    'timestamp': epoch,
}


def _brief(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def constraint(params: Any, violation: Violation) -> str:
    """AWS's sentence for a violation."""
    value = 'null' if violation.kind == 'required' else _brief(_value_at(params, violation.path))
    place = '.'.join(word[:1].lower() + word[1:] for word in violation.path)
    return f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint: {violation.words}"


def _value_at(params: Any, path: tuple[str, ...]) -> Any:
    """The value at a violation's path; None when it is not there."""
    for word in path:
        if word == 'member':
            continue
        if isinstance(params, list):
            params = params[int(word) - 1] if word.isdigit() and int(word) <= len(params) else None
        elif isinstance(params, dict):
            params = params.get(word)
    return params


def query_value(shape: Shape, tree: Any) -> Any:
    """The nested value of a shape in the tree that the dotted names of a query request make."""
    kind = shape.type_name
    if kind == 'structure' and isinstance(tree, dict):
        structure = {}
        for name, member in shape.members.items():
            key = member.serialization.get('name', name)
            if member.type_name == 'list' and member.serialization.get('flattened'):
                key = member.member.serialization.get('name', key)
            if key in tree:
                structure[name] = query_value(member, tree[key])
        return structure
    if kind == 'list' and tree == '':
        return []
    if kind == 'list' and isinstance(tree, dict):
        if not shape.serialization.get('flattened'):
            tree = tree.get(shape.member.serialization.get('name', 'member'), {})
        return [query_value(shape.member, tree[at]) for at in sorted(filter(str.isdigit, tree), key=int)]
    return tree


KINDS: Mapping[str, type] = {'structure': dict, 'map': dict, 'list': list}
"""The types of Python of the kinds of values that hold others."""


def xml(shape: Shape, value: Any, tag: str) -> Iterator[str]:
    """The XML of an answer's value, as the query protocol writes it."""
    kind = shape.type_name
    if not isinstance(value, KINDS.get(kind, object)) and value is not None:
        # A fault put something where the model has a structure, a list or a map.
        kind = 'string'
    if kind == 'list' and shape.serialization.get('flattened'):
        for member in value:
            yield from xml(shape.member, member, tag)
        return
    if value is None:
        yield f'<{tag}/>'
        return
    yield f'<{tag}>'
    if kind == 'structure':
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from xml(member, value[name], member.serialization.get('name', name))
    elif kind == 'list':
        for member in value:
            yield from xml(shape.member, member, shape.member.serialization.get('name', 'member'))
    elif kind == 'map':
        for key, content in value.items():
            yield '<entry>'
            yield from xml(shape.key, key, shape.key.serialization.get('name', 'key'))
            yield from xml(shape.value, content, shape.value.serialization.get('name', 'value'))
            yield '</entry>'
    elif kind == 'timestamp':
        yield iso(value)
    elif kind == 'boolean':
        yield 'true' if value else 'false'
    else:
        yield escape(str(value))
    yield f'</{tag}>'


NEWER = {
    'DeliveryAttributes', 'PricingAttributes', 'SharedPoolDeliveryMode', 'SigningHostedZone', 'SuppressionScope',
    'ValidationAttributes', 'ValidationOptions',
}  # fmt: skip
"""Members that AWS answers with and that the oldest botocore does not know; its clients drop them."""

LEFT_OUT = {
    'MailFromAttributes': ('MailFromDomain', 'MailFromDomainStatus'),
    'IdentityMailFromDomainAttributes': ('MailFromDomain', 'MailFromDomainStatus'),
    'IdentityNotificationAttributes': ('BounceTopic', 'ComplaintTopic', 'DeliveryTopic'),
}
"""Members of structures that the model requires and that AWS leaves out where there is nothing to say."""


def check_answer(shape: Shape, value: Any) -> str | None:
    """The violations of the model in an answer: by botocore's validation and the enums it leaves out; None if right.

    What AWS's own answers have or lack against the model is none: see `NEWER` and `LEFT_OUT`.
    """
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        value = _as_modelled(shape, value)
        report = ParamValidator().validate(value, shape)
    if report.has_errors():
        return str(report.generate_report())
    return '; '.join(_bad_enums(shape, value, '')) or None


def _as_modelled(shape: Shape, value: Any) -> Any:
    """The value without what is newer than the model, and with texts where AWS leaves out what the model requires."""
    if shape.type_name == 'structure' and isinstance(value, dict):
        members = {name: member for name, member in value.items() if name in shape.members or name not in NEWER}
        modelled = {
            name: _as_modelled(shape.members[name], member) if name in shape.members else member
            for name, member in members.items()
        }
        absent = {name: (shape.members[name].metadata.get('enum') or [''])[0] for name in LEFT_OUT.get(shape.name, ())}
        return {**absent, **modelled}
    if shape.type_name == 'list' and isinstance(value, list):
        return [_as_modelled(shape.member, member) for member in value]
    if shape.type_name == 'map' and isinstance(value, dict):
        return {key: _as_modelled(shape.value, content) for key, content in value.items()}
    return value


def _bad_enums(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == 'structure':
        for name, member in shape.members.items():
            if name in value:
                yield from _bad_enums(member, value[name], f'{path}.{name}')
    elif kind == 'list':
        if shape.member.type_name in ('structure', 'list', 'map') or shape.member.metadata.get('enum'):
            for member in value:
                yield from _bad_enums(shape.member, member, path)
    elif kind == 'map':
        for content in value.values():
            yield from _bad_enums(shape.value, content, path)
    elif kind == 'string' and shape.metadata.get('enum') and value not in shape.metadata['enum']:
        yield f'{path}: {value!r} is not in {shape.metadata["enum"]}'
