"""Memory: what a sweep remembers of each item over a restart, by a hash of its name, as small numbers."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

HASHES, NUMBERS = 'Q', 'I'
"""Type codes of 64 bits and of 32."""


def hash_of(name: str) -> int:
    """64 bits of the SHA-256 of a name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], 'big')


def packed(numbers: Mapping[int, int]) -> list[str]:
    """The texts of numbers below 2**32 by hash: 12 bytes an item."""
    columns = array(HASHES, numbers), array(NUMBERS, numbers.values())
    return [b64encode(column.tobytes()).decode() for column in columns]


def unpacked(texts: Any) -> dict[int, int]:
    """The numbers of such texts. Raises ValueError or TypeError where they hold none."""
    hashes, numbers = array(HASHES), array(NUMBERS)
    for column, text in zip((hashes, numbers), texts, strict=True):
        column.frombytes(b64decode(text, validate=True))
    return dict(zip(hashes, numbers, strict=True))
