"""Reads the Agent's conf.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class InvalidFile(ValueError):
    """The file cannot be used. The text is one line that names the file."""


@dataclass(frozen=True)
class Configuration:
    """One conf.yaml: `instances` has at least one entry."""

    path: Path
    init_config: dict[str, Any]
    instances: list[dict[str, Any]]


def read(path: Path) -> Configuration:
    """Reads a conf.yaml. Raises InvalidFile; its text never quotes the file, which may hold secrets."""
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InvalidFile(f'cannot read {path}: {error.strerror}') from None
    except UnicodeDecodeError as error:
        raise InvalidFile(f'{path} is not UTF-8 text (byte {error.start})') from None
    except yaml.YAMLError as error:
        raise InvalidFile(f'{path} is not valid YAML{_place(error)}') from None
    except (RecursionError, ValueError) as error:
        raise InvalidFile(f'{path} is not valid YAML ({type(error).__name__})') from None
    return _checked(path, document)


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, 'problem_mark', None)
    place = f': line {mark.line + 1}, column {mark.column + 1}' if mark else ''
    problem = getattr(error, 'problem', None)
    return f'{place}: {" ".join(problem.split())}' if problem else place


def _checked(path: Path, document: Any) -> Configuration:
    if not isinstance(document, dict):
        raise InvalidFile(f'{path}: the top level must be a mapping with `init_config` and `instances`')
    init_config = document.get('init_config')
    if init_config is None:
        init_config = {}
    if not isinstance(init_config, dict):
        raise InvalidFile(f'{path}: `init_config` must be a mapping, not {_kind(init_config)}')
    instances = document.get('instances')
    if not instances:
        raise InvalidFile(f'{path}: `instances` has no entry: at least one is needed')
    if not isinstance(instances, list):
        raise InvalidFile(f'{path}: `instances` must be a list, not {_kind(instances)}')
    for number, instance in enumerate(instances, 1):
        if not isinstance(instance, dict):
            raise InvalidFile(f'{path}: instance {number} must be a mapping, not {_kind(instance)}')
        twin = instances.index(instance) + 1
        if twin != number:
            raise InvalidFile(f'{path}: instances {twin} and {number} are the same: everything would count twice')
    for place, options in [('init_config', init_config), *((f'instance {n}', i) for n, i in enumerate(instances, 1))]:
        option = _agent_secret(options)
        if option:
            raise InvalidFile(f'{path}: {place}: `{option}` is an ENC[...] secret, which only an Agent can look up')
    return Configuration(path, init_config, instances)


def _agent_secret(options: dict[Any, Any] | list[Any], option: str = '') -> str:
    """Returns the path of the first option whose value is a handle for the Agent's secret backend, or ''."""
    for name, value in options.items() if isinstance(options, dict) else enumerate(options, 1):
        path = f'{option}.{name}' if option else str(name)
        if isinstance(value, str) and value.startswith('ENC[') and value.endswith(']'):
            return path
        if isinstance(value, (dict, list)):
            found = _agent_secret(value, path)
            if found:
                return found
    return ''


def _kind(value: Any) -> str:
    return {bool: 'a truth value', str: 'a text', int: 'a number', float: 'a number', list: 'a list'}.get(
        type(value), 'empty' if value is None else type(value).__name__
    )
