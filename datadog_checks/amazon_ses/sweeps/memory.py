"""Memory: what a sweep remembers of each item over a restart, by a hash of its name, as a number."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

TYPE_CODE = 'Q'
"""64 bits."""


class Bits(NamedTuple):
    """Some bits of such a number: the first one and how many."""

    first: int
    width: int = 1

    def read(self, number: int) -> int:
        return number >> self.first & (1 << self.width) - 1

    def put(self, number: int, value: int) -> int:
        """The number with another value in these bits."""
        mask = (1 << self.width) - 1
        return number & ~(mask << self.first) | (value & mask) << self.first


def hash_of(name: str) -> int:
    """64 bits of the SHA-256 of a name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], 'big')


def packed(numbers: Mapping[int, int]) -> list[str]:
    """The texts of numbers of 64 bits by hash. Small numbers that are alike compress well."""
    columns = array(TYPE_CODE, numbers), array(TYPE_CODE, numbers.values())
    return [b64encode(column.tobytes()).decode() for column in columns]


def unpacked(texts: Any) -> dict[int, int]:
    """The numbers of such texts. Raises ValueError or TypeError where they hold none."""
    hashes, numbers = array(TYPE_CODE), array(TYPE_CODE)
    for column, text in zip((hashes, numbers), texts, strict=True):
        column.frombytes(b64decode(text, validate=True))
    return dict(zip(hashes, numbers, strict=True))
