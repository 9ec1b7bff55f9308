"""Words: the values of AWS's enumerations as tags show them, whatever their spelling.

SES v1 writes `TemporaryFailure`, SES v2 `TEMPORARY_FAILURE`, and a service may send words that its documents do not
list. A text that is no such word, such as a sentence, is never shown.
"""

from __future__ import annotations

import re

WORD = re.compile(r'[A-Za-z][A-Za-z0-9_ -]{0,39}')
INNER_CAPITAL = re.compile(r'(?<=[a-z])(?=[A-Z])')


def word(value: object) -> str | None:
    """The word in lower case with underscores, None where AWS did not say or the value is no word."""
    if not isinstance(value, str) or WORD.fullmatch(value) is None:
        return None
    return re.sub('[ _-]+', '_', INNER_CAPITAL.sub('_', value)).strip('_').lower()


def is_on(value: object) -> bool | None:
    """Whether a switch that AWS spells as a word or as a truth value is on, None where AWS did not say."""
    if isinstance(value, bool):
        return value
    return {'enabled': True, 'true': True, 'disabled': False, 'false': False}.get(word(value) or '')


def member(structure: object, *path: str) -> object:
    """What stands at a path of nested structures, None where one of them is missing or is no structure."""
    for name in path:
        structure = structure.get(name) if isinstance(structure, dict) else None
    return structure
