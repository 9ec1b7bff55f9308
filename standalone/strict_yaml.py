"""YAML as a configuration needs it: the safe loader, with bounds, and without keys that silently win over others."""

from __future__ import annotations

from typing import Any

import yaml

LONGEST_FILE = 1 << 18
"""Bytes of a file."""

LONGEST_NUMBER = 100
"""Characters of a whole number: to read one takes quadratic time."""

MOST_VALUES = 100_000
"""Values that a file may stand for. Ten anchors of ten aliases each stand for ten thousand million."""


class _Loader(yaml.SafeLoader):
    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None:
            _Walk().size(node)
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise _error(f'a number has more than {LONGEST_NUMBER} characters', node)
        number: int = super().construct_yaml_int(node)
        return number


_Loader.add_constructor('tag:yaml.org,2002:int', _Loader.construct_yaml_int)


class _Walk:
    """Counts the values that each node stands for, with everything that its aliases repeat, and refuses double keys."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def size(self, node: yaml.Node) -> int:
        key = id(node)
        if key in self._open:
            raise _error('a value contains itself', node)
        if key not in self._sizes:
            _refuse_double_keys(node)
            self._open.add(key)
            size = 1 + sum(map(self.size, _members(node)))
            self._open.discard(key)
            if size > MOST_VALUES:
                raise _error(f'aliases make more than {MOST_VALUES} values of it', node)
            self._sizes[key] = size
        return self._sizes[key]


def _refuse_double_keys(node: yaml.Node) -> None:
    keys = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in keys:
                # The key is not named: a secret may have come to stand in its place.
                raise _error('this key is there twice in one mapping, and the last would win', key)
            keys.add((key.tag, key.value))


def _members(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [member for pair in node.value for member in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def load(text: str) -> Any:
    """The document of a text. Raises YAMLError, RecursionError or ValueError."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
