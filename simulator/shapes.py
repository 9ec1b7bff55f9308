"""Values against botocore's shapes: reading a request's values, checking them, and writing an answer's XML."""

from __future__ import annotations

import base64
import marshal
import math
import re
from calendar import timegm
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import Shape
from botocore.validate import ParamValidator

_NUMBER = re.compile(r'-?\d+(\.\d+)?([eE][-+]?\d+)?')
Problem = tuple[str, str, str]  # kind (required, type, range, enum, unknown), path, AWS's words


class Read(list[Any]):
    """A list of a request that was read before and found right; `made` keeps what an operation made of it."""

    __slots__ = ('made',)

    def __init__(self, items: list[Any]) -> None:
        super().__init__(items)
        self.made: Any = None


def epoch(value: Any) -> float:
    """Seconds since the epoch of a number, ISO 8601 text or RFC 822 text."""
    if isinstance(value, bool):
        raise ValueError('not a timestamp')
    if isinstance(value, (int, float)):
        return float(value)
    if _NUMBER.fullmatch(value):
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


def _brief(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


# Request values: one closure per shape, built once, returns the value in Python's terms and notes problems.
Reader = Callable[[Any, str, list[Problem]], Any]


def _limits(shape: Shape) -> tuple[float, float]:
    return float(shape.metadata.get('min', -math.inf)), float(shape.metadata.get('max', math.inf))


@cache
def _word_of(pair: tuple[float, float]) -> str:
    low, high = pair
    if low > -math.inf and high < math.inf:
        return f'between {low:.0f} and {high:.0f}'
    return f'at least {low:.0f}' if low > -math.inf else f'at most {high:.0f}'


def reader(shape: Shape, remember: str | None = None, _seen: dict[str, Reader] | None = None) -> Reader:
    """The reader of a shape: wire names resolved, numbers and times converted; required, type, range, enum checked.

    Values of the structure `remember` that were right are read once: an equal one becomes the very same object.
    """
    seen = {} if _seen is None else _seen
    if remember is not None and shape.name == remember and remember not in seen:
        return _remembering(reader(shape, None, seen))
    kind = shape.type_name
    if kind == 'structure':
        if shape.name in seen:
            return lambda value, path, problems: seen[shape.name](value, path, problems)
        seen[shape.name] = lambda value, path, problems: value
        built = seen[shape.name] = _structure_reader(shape, remember, seen)
        return built
    if kind == 'list':
        return _list_reader(shape, remember, seen)
    if kind == 'map':
        each = reader(shape.value, remember, seen)

        def read_map(value: Any, path: str, problems: list[Problem]) -> Any:
            if not isinstance(value, dict):
                problems.append(('type', path, 'is not a map'))
                return {}
            return {key: each(item, f'{path}.{key}', problems) for key, item in value.items()}

        return read_map
    return _scalar_reader(shape)


def _remembering(read: Reader, most: int = 200_000) -> Reader:
    known: dict[bytes, Any] = {}

    def read_once(value: Any, path: str, problems: list[Problem]) -> Any:
        # Version 2 writes equal values alike; later ones tell objects apart.
        key = marshal.dumps(value, 2)
        found = known.get(key)
        if found is None:
            before = len(problems)
            found = read(value, path, problems)
            if len(problems) == before and len(known) < most:
                known[key] = found
        return found

    return read_once


def _structure_reader(shape: Shape, remember: str | None, seen: dict[str, Reader]) -> Reader:
    members = {}
    for name, member in shape.members.items():
        item = (name, reader(member, remember, seen))
        members[name] = item
        members[member.serialization.get('name', name)] = item
    required = tuple(shape.required_members)

    def read_structure(value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, dict):
            problems.append(('type', path, 'is not a structure'))
            return {}
        read = {}
        for key, item in value.items():
            if item is None:
                continue
            known = members.get(key)
            if known is None:
                problems.append(('unknown', f'{path}.{key}', 'is not known'))
                continue
            name, read_member = known
            read[name] = read_member(item, f'{path}.{name}' if path else name, problems)
        for name in required:
            if name not in read:
                problems.append(('required', f'{path}.{name}' if path else name, 'Member must not be null'))
        return read

    return read_structure


def _list_reader(shape: Shape, remember: str | None, seen: dict[str, Reader]) -> Reader:
    each, (low, high) = reader(shape.member, remember, seen), _limits(shape)

    def read_list(value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(('type', path, 'is not a list'))
            return []
        if type(value) is Read:
            return value
        if not low <= len(value) <= high:
            words = f'Member must have length {_word_of((low, high))}'
            problems.append(('range', path, words))
        return [each(item, f'{path}.{at}.member', problems) for at, item in enumerate(value, 1)]

    return read_list


def _scalar_reader(shape: Shape) -> Reader:
    kind, (low, high) = shape.type_name, _limits(shape)
    allowed = frozenset(shape.metadata.get('enum', ()))
    ranged = low > -math.inf or high < math.inf

    def convert(value: Any) -> Any:
        if kind in ('integer', 'long'):
            if isinstance(value, (bool, float)) and value != int(value) or isinstance(value, bool):
                raise ValueError(value)
            return int(value)
        if kind in ('double', 'float'):
            return float(value)
        if kind == 'boolean':
            if value in (True, 'true') or value in (False, 'false'):
                return value in (True, 'true')
            raise ValueError(value)
        if kind == 'timestamp':
            return epoch(value)
        if kind == 'blob':
            return base64.b64decode(value) if isinstance(value, str) else value
        raise ValueError(value)

    def read_scalar(value: Any, path: str, problems: list[Problem]) -> Any:
        if kind == 'string':
            if not isinstance(value, str):
                problems.append(('type', path, 'is not a string'))
                return ''
            size: float = len(value)
        else:
            try:
                value = convert(value)
            except (ValueError, TypeError, AttributeError):
                problems.append(('type', path, f'{_brief(value)} is not a valid {kind}'))
                return value
            size = value if kind in ('integer', 'long', 'double', 'float') else 0
        if ranged and not low <= size <= high:
            what = 'have length' if kind == 'string' else 'have value'
            words = f'Member must {what} {_word_of((low, high))}'
            problems.append(('range', path, words))
        if allowed and value not in allowed:
            problems.append(
                ('enum', path, f'Member must satisfy enum value set: [{", ".join(shape.metadata["enum"])}]')
            )
        return value

    if kind == 'string' and not ranged and not allowed:

        def read_text(value: Any, path: str, problems: list[Problem]) -> Any:
            if not isinstance(value, str):
                problems.append(('type', path, 'is not a string'))
            return value

        return read_text
    return read_scalar


def value_at(params: Any, path: str) -> Any:
    """The value at a problem's path, for its message; None when it is not there."""
    for word in path.split('.'):
        if word == 'member':
            continue
        if isinstance(params, list):
            params = params[int(word) - 1] if word.isdigit() and int(word) <= len(params) else None
        elif isinstance(params, dict):
            params = params.get(word)
    return params


def constraint(params: Any, problem: Problem) -> str:
    """AWS's sentence for one problem."""
    kind, path, words = problem
    value = 'null' if kind == 'required' else _brief(value_at(params, path))
    where = '.'.join(_camel(word) for word in path.split('.'))
    return f"1 validation error detected: Value {value} at '{where}' failed to satisfy constraint: {words}"


# Query requests: dotted names to nested values.


def query_value(shape: Shape, tree: Any) -> Any:
    """The nested value of a shape in a tree made of dotted names."""
    kind = shape.type_name
    if kind == 'structure':
        if not isinstance(tree, dict):
            return tree
        read = {}
        for name, member in shape.members.items():
            key = member.serialization.get('name', name)
            if member.type_name == 'list' and member.serialization.get('flattened'):
                key = member.member.serialization.get('name', key)
            if key in tree:
                read[name] = query_value(member, tree[key])
        return read
    if kind == 'list':
        if tree == '':
            return []
        if not isinstance(tree, dict):
            return tree
        if not shape.serialization.get('flattened'):
            tree = tree.get(shape.member.serialization.get('name', 'member'), {})
        return [query_value(shape.member, tree[k]) for k in sorted((k for k in tree if k.isdigit()), key=int)]
    if kind == 'map':
        entries = tree.get('entry', {}) if isinstance(tree, dict) else {}
        key_name = shape.key.serialization.get('name', 'key')
        value_name = shape.value.serialization.get('name', 'value')
        return {e.get(key_name): query_value(shape.value, e.get(value_name)) for e in entries.values()}
    return tree


# Answers.


def xml(shape: Shape, value: Any, tag: str, parts: list[str]) -> None:
    """Append the XML of a value, as the query protocol writes it."""
    kind = shape.type_name
    if kind == 'structure':
        parts.append(f'<{tag}>')
        for name, member in shape.members.items():
            if value.get(name) is not None:
                xml(member, value[name], member.serialization.get('name', name), parts)
        parts.append(f'</{tag}>')
    elif kind == 'list':
        inner = shape.member.serialization.get('name', 'member')
        flat = shape.serialization.get('flattened')
        if not flat:
            parts.append(f'<{tag}>')
        for item in value:
            xml(shape.member, item, tag if flat else inner, parts)
        if not flat:
            parts.append(f'</{tag}>')
    elif kind == 'map':
        parts.append(f'<{tag}>')
        for key, item in value.items():
            parts.append('<entry>')
            xml(shape.key, key, shape.key.serialization.get('name', 'key'), parts)
            xml(shape.value, item, shape.value.serialization.get('name', 'value'), parts)
            parts.append('</entry>')
        parts.append(f'</{tag}>')
    elif kind == 'timestamp':
        parts.append(f'<{tag}>{iso(value)}</{tag}>')
    elif kind == 'boolean':
        parts.append(f'<{tag}>{"true" if value else "false"}</{tag}>')
    elif kind == 'blob':
        parts.append(f'<{tag}>{base64.b64encode(value).decode()}</{tag}>')
    else:
        parts.append(f'<{tag}>{escape(str(value))}</{tag}>')


def marked(shape: Shape, value: Any, stamp: Callable[[float], Any], blob: Callable[[bytes], Any]) -> Any:
    """A copy of an answer with wire names, and times and blobs as the protocol wants them."""
    kind = shape.type_name
    if kind == 'structure':
        return {
            member.serialization.get('name', name): marked(member, value[name], stamp, blob)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if kind == 'list':
        if shape.member.type_name in ('double', 'integer', 'long', 'string', 'boolean', 'float'):
            return value
        return [marked(shape.member, item, stamp, blob) for item in value]
    if kind == 'map':
        return {key: marked(shape.value, item, stamp, blob) for key, item in value.items()}
    if kind == 'timestamp':
        return stamp(value)
    if kind == 'blob':
        return blob(value)
    if kind in ('double', 'float'):
        return float(value)
    return value


def needs_marks(shape: Shape, _seen: frozenset[str] = frozenset()) -> bool:
    """Whether JSON of a value differs from the plain value: other wire names or blobs somewhere in the shape."""
    if shape.type_name == 'structure':
        if shape.name in _seen:
            return False
        seen = _seen | {shape.name}
        return any(
            member.serialization.get('name', name) != name or needs_marks(member, seen)
            for name, member in shape.members.items()
        )
    if shape.type_name == 'list':
        return needs_marks(shape.member, _seen)
    if shape.type_name == 'map':
        return needs_marks(shape.value, _seen)
    return bool(shape.type_name == 'blob')


def check_answer(shape: Shape, value: Any) -> str | None:
    """What is wrong with an answer: botocore's own validation and the enums it leaves out; None if it is right."""
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        return str(report.generate_report())
    wrong = list(_bad_enums(shape, value, ''))
    return '; '.join(wrong) or None


def _bad_enums(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == 'structure':
        for name, member in shape.members.items():
            if name in value:
                yield from _bad_enums(member, value[name], f'{path}.{name}')
    elif kind == 'list':
        if shape.member.type_name in ('structure', 'list', 'map') or shape.member.metadata.get('enum'):
            for item in value:
                yield from _bad_enums(shape.member, item, path)
    elif kind == 'map':
        for item in value.values():
            yield from _bad_enums(shape.value, item, path)
    elif kind == 'string' and shape.metadata.get('enum') and value not in shape.metadata['enum']:
        yield f'{path}: {value!r} is not in {shape.metadata["enum"]}'
