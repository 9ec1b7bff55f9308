"""Reads the Agent's conf.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from standalone import strict_yaml

SECTIONS = (
    'init_config',
    'instances',
    'logs',
    'ad_identifiers',
    'advanced_ad_identifiers',
    'cluster_check',
    'discovery',
)
LONGEST_KEY = 100
TYPE_NAMES = {bool: 'a truth value', str: 'a text', int: 'a number', float: 'a number', list: 'a list'}


QUOTED = re.compile(r'''(['"])(?!<)..+\1''')


class InvalidFile(ValueError):
    """The file cannot be used. The text is one line that names the file."""


@dataclass(frozen=True)
class Configuration:
    """One conf.yaml: `instances` has at least one entry. `unread` are keys of the top level that nobody reads."""

    path: Path
    init_config: dict[str, Any]
    instances: list[dict[str, Any]]
    unread: tuple[str, ...] = ()


def text(path: Path) -> str:
    """The text of a file. Raises InvalidFile."""
    try:
        return _content(path).decode('utf-8')
    except OSError as error:
        raise InvalidFile(f'cannot read {path}: {error.strerror}') from None
    except UnicodeDecodeError as error:
        raise InvalidFile(f'{path} is not UTF-8 text (byte {error.start})') from None


def document(path: Path) -> Any:
    """The document of a YAML file. Raises InvalidFile; its text never quotes the file, which may hold secrets."""
    content = text(path)
    try:
        return strict_yaml.load(content)
    except yaml.YAMLError as error:
        raise InvalidFile(f'{path} is not valid YAML{_position(error)}') from None
    except RecursionError:
        raise InvalidFile(f'{path} is nested too deeply') from None
    except ValueError as error:
        raise InvalidFile(f'{path} is not valid YAML ({type(error).__name__}): look at its dates and numbers') from None


def read(path: Path) -> Configuration:
    """Reads a conf.yaml. Raises InvalidFile; its text never quotes the file, which may hold secrets."""
    content = document(path)
    if not isinstance(content, dict):
        raise InvalidFile(f'{path}: the top level must be a mapping with `init_config` and `instances`')
    init_config: Any = content.get('init_config')
    instances: Any = content.get('instances')
    if init_config is None:
        init_config = {}
    defect = _defect(init_config, instances)
    if defect:
        raise InvalidFile(f'{path}: {defect}')
    unread = tuple(str(key)[:LONGEST_KEY] for key in content if key not in SECTIONS)
    return Configuration(path, init_config, instances, unread)


def _content(path: Path) -> bytes:
    with path.open('rb') as file:
        content = file.read(strict_yaml.LONGEST_FILE + 1)
    if len(content) > strict_yaml.LONGEST_FILE:
        raise InvalidFile(f'{path} has more than {strict_yaml.LONGEST_FILE} bytes')
    return content


def _position(error: yaml.YAMLError) -> str:
    mark = getattr(error, 'problem_mark', None)
    position = f': line {mark.line + 1}, column {mark.column + 1}' if mark else ''
    problem = getattr(error, 'problem', None)
    # A password that begins with * or ! is an alias or a tag to YAML, which the message then quotes.
    return f'{position}: {QUOTED.sub("...", " ".join(problem.split()))}' if problem else position


def _defect(init_config: Any, instances: Any) -> str:
    """Returns the first defect of the two sections, or ''."""
    if not isinstance(init_config, dict):
        return f'`init_config` must be a mapping, not {_type_name(init_config)}'
    if not instances:
        return '`instances` has no entry: at least one is needed'
    if not isinstance(instances, list):
        return f'`instances` must be a list, not {_type_name(instances)}'
    for number, instance in enumerate(instances, 1):
        if not isinstance(instance, dict):
            return f'instance {number} must be a mapping, not {_type_name(instance)}'
        twin = instances.index(instance) + 1
        if twin != number:
            return f'instances {twin} and {number} are the same: everything would count twice'
    for name, section in ('init_config', init_config), *((f'instance {i}', s) for i, s in enumerate(instances, 1)):
        option = _agent_secret(section)
        if option:
            return f'{name}: `{option}` is an ENC[...] secret, which only an Agent can look up'
    return ''


def _agent_secret(options: dict[Any, Any] | list[Any], prefix: str = '') -> str:
    """Returns the path of the first option whose value is a handle for the Agent's secret backend, or ''."""
    for name, value in options.items() if isinstance(options, dict) else enumerate(options, 1):
        path = f'{prefix}{name}'
        if isinstance(value, str) and value.startswith('ENC[') and value.endswith(']'):
            return path
        if isinstance(value, (dict, list)) and (nested := _agent_secret(value, f'{path}.')):
            return nested
    return ''


def _type_name(value: Any) -> str:
    return TYPE_NAMES.get(type(value), 'empty' if value is None else type(value).__name__)
