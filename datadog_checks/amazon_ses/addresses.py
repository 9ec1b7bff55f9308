"""E-mail addresses are masked: how they are found in names that users chose, and the hash and domain shown instead."""

from __future__ import annotations

import re
from hashlib import sha256

ADDRESS = re.compile(
    r'(?:\bidentity/)?'
    r'(?P<local>"[^"]+"|[^\s<>,;:"()\[\]\\@]+)(?:@|%40)(?P<domain>\[[^\]\s]+\]|\w[\w.-]*)'
)
"""An address anywhere in a text, also inside an ARN. It is broad on purpose: a text that only looks like an address is
masked too."""

MASK_DIGITS = 16
TAG_DIGITS = 8
"""Hexadecimal digits of the SHA-256 that stand for a text with an address, and for an address in a tag."""


def masked(text: str) -> str:
    """The text, or a hash of it where it holds an e-mail address: equal texts have equal hashes."""
    return _hash(text, MASK_DIGITS) if ADDRESS.search(text) else text


def addresses_in(text: str) -> list[str]:
    return [f'{match["local"]}@{match["domain"]}' for match in ADDRESS.finditer(text)]


def address_tags(address: str) -> tuple[str, ...]:
    """The tags that stand for an address: its domain, that it is an address, and digits of its SHA-256.

    The address counts in lower case, so all its spellings have the same tags.
    """
    address = address.strip().rstrip('.').lower()
    domain = address.rpartition('@')[2]
    return (f'identity:{domain}', 'identity_type:email_address', f'identity_hash:{_hash(address, TAG_DIGITS)}')


def _hash(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
