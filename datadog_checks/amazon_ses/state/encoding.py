"""The encoding of the saved state: two copies that are written in turn, because the Agent's cache write is not atomic.

A document is saved before its amounts are submitted, and its sequence number is recorded after. This tells a copy that
was torn while it was written from one that was damaged later: the amounts of the first were never submitted, so the
other copy is exact; of the second nobody knows what was submitted.

A document is JSON, with columns of numbers beside it. The bytes of a column are sorted by significance, so small
numbers compress well: five digits for each of twelve periods take about 36 characters a series.
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
COPIES = 2

LEVEL = 1
"""Compression level of zlib: a higher one takes three times as long and saves a tenth."""

WHOLE = 'I'
"""Type code of a column whose numbers are all whole and fit into 32 bits: it takes half the space."""


@dataclass(frozen=True, slots=True)
class Document:
    """JSON values, and the columns that belong to them by position."""

    values: Mapping[str, Any]
    columns: Sequence[array[Any]] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The newest document that can be read, if any.

    `exact` is false where a newer copy is damaged whose amounts may have been submitted. `damaged` says that something
    was saved that cannot be read.
    """

    document: Document | None
    sequence: int
    exact: bool
    damaged: bool


def pack(document: Document, sequence: int) -> str:
    """The text of a document with its sequence number and checksum."""
    packed = [_packed_column(column) for column in document.columns]
    layout = [
        [saved_type, type_code, len(column)]
        for (saved_type, type_code, _), column in zip(packed, document.columns, strict=True)
    ]
    text = json.dumps([layout, document.values], separators=(',', ':'), sort_keys=True, allow_nan=False).encode()
    body = b'%d\n%s%s' % (len(text), text, b''.join(planes for _, _, planes in packed))
    encoded = b64encode(compress(body, LEVEL)).decode()
    head = {'version': VERSION, 'sequence': sequence, 'sum': _checksum(sequence, encoded), 'body': encoded}
    return json.dumps(head)


def copy_of(sequence: int) -> int:
    """Which of the copies holds the document with this sequence number."""
    return sequence % COPIES


def load(copies: list[str], submitted: str) -> Loaded:
    """The newest readable document among the texts of the copies. `submitted` is the recorded sequence number."""
    unpacked = [_unpack(text) for text in copies]
    documents = {sequence: document for sequence, document in unpacked if document}
    damaged = any(text and not document for text, (_, document) in zip(copies, unpacked, strict=True))
    recorded = int(submitted) if submitted.isascii() and submitted.isdecimal() else None
    if not documents:
        return Loaded(None, recorded or 0, exact=not damaged, damaged=damaged or recorded is not None)
    newest = max(documents)
    lost = damaged or newest < (recorded or 0)
    return Loaded(documents[newest], max(newest, recorded or 0), exact=not lost or recorded == newest, damaged=lost)


def _unpack(text: str) -> tuple[int, Document | None]:
    try:
        head = json.loads(text)
        sequence, encoded = head['sequence'], head['body']
        if head['version'] != VERSION or head['sum'] != _checksum(sequence, encoded):
            return 0, None
        length, _, body = decompress(b64decode(encoded)).partition(b'\n')
        layout, values = json.loads(body[: int(length)])
        if not isinstance(values, dict):
            return 0, None
        columns, position = [], int(length)
        for saved_type, type_code, number in layout:
            column = array(saved_type)
            size = column.itemsize * number
            column.frombytes(_from_planes(body[position : position + size], column.itemsize))
            columns.append(column if saved_type == type_code else array(type_code, column))
            position += size
    except (ValueError, TypeError, KeyError, RecursionError, ZlibError):
        return 0, None
    return sequence, Document(values, columns)


def _packed_column(column: array[Any]) -> tuple[str, str, bytes]:
    """The type code that a column is saved with, its own type code, and its bytes."""
    saved = column
    try:
        whole = array(WHOLE, map(int, column))
        if whole == column:
            saved = whole
    except (OverflowError, ValueError):
        pass
    return saved.typecode, column.typecode, _to_planes(saved.tobytes(), saved.itemsize)


def _to_planes(numbers: bytes, size: int) -> bytes:
    """The first bytes of all numbers, then the second ones, and so on."""
    return b''.join(numbers[position::size] for position in range(size))


def _from_planes(planes: bytes, size: int) -> bytes:
    numbers = bytearray(len(planes))
    length = len(planes) // size
    for position in range(size):
        numbers[position::size] = planes[position * length : (position + 1) * length]
    return bytes(numbers)


def _checksum(sequence: int, body: str) -> int:
    return crc32(f'{sequence}:{body}'.encode())
