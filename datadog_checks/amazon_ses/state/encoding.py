"""How progress is kept over restarts: two alternating slots, because the Agent's cache write is not atomic.

A document is saved before its amounts are handed over, and its sequence number is noted after. So a slot that was torn
while it was written is told from one that was damaged later: the first was never handed over and the slot before it is
exact, of the second nobody knows what was handed over.

A document is JSON, with columns of numbers beside it. Their bytes are sorted by significance, which lets them be
packed as small as the numbers are: five digits for each of twelve periods take about 36 characters a series.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import compress, crc32, decompress
from zlib import error as ZlibError

VERSION = 2
SLOTS = 2

LEVEL = 1
"""How hard to compress: more takes three times as long and saves a tenth."""

WHOLE = 'I'
"""The type of a column whose numbers are all whole and fit into 32 bits: it takes half the space."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is saved: JSON values, and the columns that they speak of by number."""

    values: Mapping[str, Any]
    columns: Sequence[array[Any]] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The newest document that can be read, if any.

    `exact` is false where a newer one is damaged whose amounts may have been handed over. `damaged` says that
    something was there that could not be read.
    """

    document: Document | None
    sequence: int
    exact: bool
    damaged: bool


def pack(document: Document, sequence: int) -> str:
    packed = [_column(column) for column in document.columns]
    form = [
        [as_type, of_type, len(column)] for (as_type, of_type, _), column in zip(packed, document.columns, strict=True)
    ]
    text = json.dumps([form, document.values], separators=(',', ':'), sort_keys=True, allow_nan=False).encode()
    body = b'%d\n%s%s' % (len(text), text, b''.join(part for _, _, part in packed))
    encoded = b64encode(compress(body, LEVEL)).decode()
    head = {'version': VERSION, 'sequence': sequence, 'sum': _sum(sequence, encoded), 'body': encoded}
    return json.dumps(head)


def slot(sequence: int) -> int:
    return sequence % SLOTS


def load(slots: list[str], handed_over: str) -> Loaded:
    """Pick the newest readable document from the texts of the slots; `handed_over` is the noted sequence number."""
    unpacked = [_unpack(text) for text in slots]
    documents = {sequence: document for sequence, document in unpacked if document}
    damaged = any(text and not document for text, (_, document) in zip(slots, unpacked, strict=True))
    noted = int(handed_over) if handed_over.isascii() and handed_over.isdecimal() else None
    if not documents:
        return Loaded(None, noted or 0, exact=not damaged, damaged=damaged or noted is not None)
    newest = max(documents)
    lost = damaged or newest < (noted or 0)
    return Loaded(documents[newest], max(newest, noted or 0), exact=not lost or noted == newest, damaged=lost)


def _unpack(text: str) -> tuple[int, Document | None]:
    try:
        packed = json.loads(text)
        sequence, encoded = packed['sequence'], packed['body']
        if packed['version'] != VERSION or packed['sum'] != _sum(sequence, encoded):
            return 0, None
        length, _, rest = decompress(b64decode(encoded)).partition(b'\n')
        form, values = json.loads(rest[: int(length)])
        if not isinstance(values, dict):
            return 0, None
        columns, at = [], int(length)
        for as_type, of_type, number in form:
            column = array(as_type)
            size = column.itemsize * number
            column.frombytes(_together(rest[at : at + size], column.itemsize))
            columns.append(column if as_type == of_type else array(of_type, column))
            at += size
    except (ValueError, TypeError, KeyError, RecursionError, ZlibError):
        return 0, None
    return sequence, Document(values, columns)


def _column(column: array[Any]) -> tuple[str, str, bytes]:
    """The type a column is saved as, its own type, and its bytes."""
    saved = column
    try:
        whole = array(WHOLE, map(int, column))
        if whole == column:
            saved = whole
    except (OverflowError, ValueError):
        pass
    return saved.typecode, column.typecode, _apart(saved.tobytes(), saved.itemsize)


def _apart(numbers: bytes, size: int) -> bytes:
    """The first bytes of all numbers, then the second ones, and so on."""
    return b''.join(numbers[place::size] for place in range(size))


def _together(planes: bytes, size: int) -> bytes:
    numbers = bytearray(len(planes))
    length = len(planes) // size
    for place in range(size):
        numbers[place::size] = planes[place * length : (place + 1) * length]
    return bytes(numbers)


def _sum(sequence: int, body: str) -> int:
    return crc32(f'{sequence}:{body}'.encode())
