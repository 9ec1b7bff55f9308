"""How a message shows a value of the configuration: on one line, short, and without secrets and addresses.

Whatever the value, this takes little time: only the beginning of a long text and of a long list is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from datadog_checks.amazon_ses.addresses import masked

LONGEST = 100
"""Characters of a value in a message."""

LOOKED_AT = 1000
"""Characters of a text that are searched for addresses: longer than any address that begins in the part shown."""

MOST_MEMBERS = 10
DEEPEST = 3
"""Members of a list or map that are shown, and levels of nesting."""

NOT_SHOWN = '(not shown)'

SECRET_NAME = re.compile(r'secret|passw|token|credential|api_?key|access_?key|private_?key|external_?id', re.IGNORECASE)
"""A name whose value is a secret, wherever it stands."""


def quoted(value: object) -> str:
    """A value as a message shows it, cut at 100 characters."""
    return shortened(_text(value, DEEPEST))


def shortened(text: str) -> str:
    """The text, or its first 97 characters and three dots."""
    return text if len(text) <= LONGEST else f'{text[: LONGEST - 3]}...'


def without_secrets(text: str) -> str:
    """The beginning of a text, without the user and password of a URL and without addresses."""
    scheme = text.find('://')
    if scheme >= 0 and (user_end := text.rfind('@', scheme)) >= 0:
        text = f'{text[: scheme + 3]}{NOT_SHOWN}{text[user_end:]}'
    return masked(text[:LOOKED_AT])


def _text(value: object, depth: int) -> str:
    if isinstance(value, str):
        return repr(without_secrets(value))
    if isinstance(value, int):
        # Python refuses to write a whole number of thousands of digits.
        return str(value) if value.bit_length() <= LOOKED_AT else f'a whole number of {value.bit_length()} bits'
    if isinstance(value, Mapping):
        pairs = (f'{_text(name, depth - 1)}: {_member(name, inner, depth)}' for name, inner in value.items())
        return f'{{{_listed(pairs, depth)}}}'
    if isinstance(value, (list, tuple, set, frozenset)):
        return f'[{_listed((_text(member, depth - 1) for member in value), depth)}]'
    return without_secrets(str(value))


def _member(name: object, value: object, depth: int) -> str:
    if isinstance(name, str) and SECRET_NAME.search(name[:LOOKED_AT]):
        return NOT_SHOWN
    return _text(value, depth - 1)


def _listed(members: Iterable[str], depth: int) -> str:
    return ', '.join(islice(members, MOST_MEMBERS)) if depth > 0 else '...'
