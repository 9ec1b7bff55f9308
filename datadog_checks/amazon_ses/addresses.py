"""E-mail addresses are masked: how they are found in names that users chose, and the hash and domain shown instead.

To find them takes time in proportion to the length of a text, because anybody may choose a name.
"""

from __future__ import annotations

import re
from hashlib import sha256

LOCAL = r'[^\s<>,;:"()\[\]\\@]'
"""A character of the local part of an address."""

ADDRESS = re.compile(
    # Unquoted, the local part begins where such characters begin: to try each of them would take quadratic time.
    rf'(?:(?:\bidentity/)?(?P<quoted>"[^"]+")|(?<!{LOCAL})(?:\bidentity/)?(?P<unquoted>{LOCAL}+))'
    r'(?:@|%40)(?P<domain>\[[^\]\s]+\]?|\w[\w.-]*)'
)
"""An address anywhere in a text, also inside an ARN. It is broad on purpose: a text that only looks like an address is
masked too."""

MIDDLE = re.compile(
    rf'@(?<={LOCAL}@)(?:\w|\[[^\]\s])|%40(?<={LOCAL}%40)(?:\w|\[[^\]\s])|"[^"]+"(?:@|%40)(?:\w|\[[^\]\s])',
)
"""What every address has: to look for it is far faster than to look for the whole address."""

MASK_DIGITS = 16
TAG_DIGITS = 8
"""Hexadecimal digits of the SHA-256 that stand for a text with an address, and for an address in a tag."""


LONGEST_SHOWN = 100
"""Characters of a name that a message shows."""


def shown(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A text that others chose, as a message may show it: printable, without an address, and cut."""
    printable = ''.join(character if character.isprintable() else '_' for character in masked(text[: 4 * longest]))
    return printable if len(printable) <= longest else f'{printable[:longest]}...'


def masked(text: str) -> str:
    """The text, or a hash of it where it holds an e-mail address: equal texts have equal hashes."""
    return _hash(text, MASK_DIGITS) if MIDDLE.search(text) else text


MOST_ADDRESSES = 4
"""Addresses of one text that are looked for."""


def addresses_in(text: str) -> list[str]:
    """The first addresses in a text."""
    addresses: list[str] = []
    while len(addresses) < MOST_ADDRESSES and MIDDLE.search(text) and (match := ADDRESS.search(text)):
        addresses.append(f'{match["quoted"] or match["unquoted"]}@{match["domain"]}')
        text = text[match.end() :]
    return addresses


def address_tags(address: str) -> tuple[str, ...]:
    """The tags that stand for an address: its domain, that it is an address, and digits of its SHA-256.

    The address counts in lower case, so all its spellings have the same tags.
    """
    address = address.strip().rstrip('.').lower()
    domain = address.rpartition('@')[2]
    return (f'identity:{domain}', 'identity_type:email_address', f'identity_hash:{_hash(address, TAG_DIGITS)}')


def _hash(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
