"""The encoding of the saved state: two copies that are written in turn, because the Agent's cache write is not atomic.

A document is saved before its amounts are submitted, and its sequence number is recorded after, in two entries. This
tells a copy that was torn while it was written from one that was damaged later: the amounts of the first were never
submitted, so the other copy is exact; of the second nobody knows what was submitted. Where a record is missing or
damaged too, nobody knows that a newer copy was not lost, so the copy is not exact.

A document names its writers: for each process that wrote the state, the sequence number of its newest document. A
process whose own number is missing there knows that another one wrote at the same time. The mark says who writes which
document. It is written before the document, so that another writer is noticed. A process that was disturbed while it
wrote leaves a note: from which boundary on the amounts are in doubt. The document that takes it into account names it.

A document is JSON, with columns of numbers beside it. The bytes of a column are sorted by significance, so small
numbers compress well: five digits for each of twelve periods take about 36 characters a series.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import compressobj, crc32, decompress
from zlib import error as ZlibError

VERSION = 2
COPIES = 2

WRITERS = 'writers'
"""The name of the writers in a document. States of the first version do not have it."""

NOTE = 'note'
"""The name of the note in a document."""

MOST_WRITERS = 16
"""Writers that a document names: those that wrote last."""

MOST_DIGITS = 18
"""Digits of a sequence number. Python refuses to read a number of some thousands."""

LEVEL = 1
"""Compression level of zlib: a higher one takes three times as long and saves a tenth."""

WHOLE = ('H', 'I')
"""Type codes of a column whose numbers are all whole and fit into 16 bits, or into 32: it takes a quarter of the space,
or half."""

TIMES = 'q'
"""Type code of the columns of times and slots."""


Packed = tuple[str, str, bytes]
"""The type code that a column is saved with, its own type code, and its bytes."""


@dataclass(frozen=True, slots=True)
class Document:
    """JSON values, and the columns that belong to them by position. `packed` are the columns of a document that was
    read, as they are saved."""

    values: Mapping[str, Any]
    columns: Sequence[array[Any]] = ()
    packed: Sequence[Packed] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The newest document that can be read, if any.

    `exact` is false where a newer copy may be lost whose amounts were submitted. `damaged` says that something was
    saved that cannot be read. `sequence` is the highest number that was used, `copy` the copy that holds the document.
    """

    document: Document | None
    sequence: int
    exact: bool
    damaged: bool
    copy: int = 1

    @property
    def writers(self) -> dict[str, int]:
        """The sequence number of the newest document of each writer."""
        writers = self.document.values.get(WRITERS) if self.document else None
        return {str(token): int(sequence) for token, sequence in writers.items()} if isinstance(writers, dict) else {}

    @property
    def note(self) -> str:
        """The note that the document takes into account."""
        return str(self.document.values.get(NOTE, '')) if self.document else ''


class PackedColumns:
    """The columns of the newest document as they are saved: most are the same objects in the next one."""

    def __init__(self, document: Document | None = None) -> None:
        """`document` is one that was read, whose columns a program goes on with."""
        pairs = zip(document.columns, document.packed, strict=True) if document and document.packed else ()
        self._packed: dict[int, tuple[array[Any], Packed]] = {id(column): (column, packed) for column, packed in pairs}

    def pack(self, columns: Sequence[array[Any]]) -> list[Packed]:
        before, self._packed = self._packed, {}
        for column in columns:
            if id(column) not in self._packed:
                self._packed[id(column)] = before.get(id(column)) or (column, _packed_column(column))
        return [self._packed[id(column)][1] for column in columns]


def pack(document: Document, sequence: int, columns: PackedColumns | None = None) -> str:
    """The text of a document with its sequence number and checksum. `columns` are those of the document before."""
    packed = (columns or PackedColumns()).pack(document.columns)
    layout = [
        [saved_type, type_code, len(column)]
        for (saved_type, type_code, _), column in zip(packed, document.columns, strict=True)
    ]
    text = json.dumps([layout, document.values], separators=(',', ':'), sort_keys=True, allow_nan=False).encode()
    encoded = b64encode(_compressed((b'%d\n' % len(text), text, *(planes for _, _, planes in packed)))).decode()
    head = {'version': VERSION, 'sequence': sequence, 'sum': _checksum(sequence, encoded), 'body': encoded}
    return json.dumps(head)


def with_writer(writers: Mapping[str, int], token: str, sequence: int) -> dict[str, int]:
    """The writers of a document that the process with this token writes with this sequence number."""
    other_writers = [writer for writer in writers.items() if writer[0] != token]
    return {**dict(sorted(other_writers, key=lambda writer: writer[1])[-MOST_WRITERS + 1 :]), token: sequence}


def signed(document: Document, writers: Mapping[str, int], note: str) -> Document:
    """The document with its writers and the note that it takes into account."""
    return Document({**document.values, WRITERS: dict(writers), NOTE: note}, document.columns)


def note(token: str, since: int) -> str:
    """The note of a process that was disturbed: amounts of periods from `since` on are in doubt."""
    return f'{token} {since}'


def noted(text: str) -> int:
    """The boundary of a note. 0 in a damaged one: everything is in doubt."""
    number = text.rpartition(' ')[2]
    return int(number) if _is_number(number) else 0


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of a process that writes a document: its token, the sequence number, and that of the document before."""

    token: str = ''
    sequence: int = 0
    base: int = 0

    def __str__(self) -> str:
        return f'{self.token} {self.sequence} {self.base}'

    @classmethod
    def parse(cls, text: str) -> Mark:
        """The mark in a text, an empty one where there is none."""
        token, *numbers = text.split(' ')
        return cls(token, *map(int, numbers)) if len(numbers) == 2 and all(map(_is_number, numbers)) else cls()


def record(sequence: int) -> str:
    """The text that says up to which document everything was submitted."""
    return f'{sequence} {_checksum(sequence, "")}'


def submitted(records: Iterable[str]) -> int:
    """The sequence number of the newest document that is recorded as submitted, 0 where none is."""
    return max((number for number, _ in map(_recorded, records) if number is not None), default=0)


def load(copies: Sequence[str], records: Sequence[str]) -> Loaded:
    """The newest readable document among the texts of the copies. `records` are the texts of the two records."""
    sealed = [_sealed(text) for text in copies]
    numbers = [_recorded(text) for text in records]
    newest_record = submitted(records)
    damaged = any(text and not body for text, (_, body) in zip(copies, sealed, strict=True))
    in_turn = sorted(((sequence, copy) for copy, (sequence, body) in enumerate(sealed) if body), reverse=True)
    # The older copy is only unpacked where the newer one is no document.
    unpacked = ((sequence, copy, _unpacked(sealed[copy][1])) for sequence, copy in in_turn)
    newest, copy, document = next((readable for readable in unpacked if readable[2] is not None), (0, 0, None))
    damaged = damaged or (bool(in_turn) and in_turn[0] != (newest, copy))
    if document is None:
        return Loaded(None, newest_record, exact=not damaged, damaged=damaged or newest_record > 0)
    first_version = WRITERS not in document.values
    recorded = numbers[0][0] is not None if first_version else all(is_sealed for _, is_sealed in numbers)
    exact = recorded and newest_record <= newest
    return Loaded(document, max(newest, newest_record), exact, damaged or not exact, copy)


def version_of(text: str) -> int | None:
    """The version of a saved copy, None where the text does not say it."""
    try:
        version = json.loads(text)['version']
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return version if isinstance(version, int) else None


def _recorded(text: str) -> tuple[int | None, bool]:
    """The sequence number of a record, and whether it has its checksum, which those of the first version lack."""
    number = text.partition(' ')[0]
    if not _is_number(number):
        return None, False
    sequence = int(number)
    return sequence, text == record(sequence)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def _sealed(text: str) -> tuple[int, str]:
    """The sequence number of a copy and its body, which has the checksum of the two. 0 and nothing without."""
    try:
        head = json.loads(text)
        sequence, body = head['sequence'], head['body']
        if head['version'] == VERSION and head['sum'] == _checksum(sequence, body):
            return sequence, body
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return 0, ''


def _compressed(pieces: Iterable[bytes]) -> bytes:
    """The pieces as one text, which for 40,000 series has megabytes: they are not joined before."""
    compressor = compressobj(LEVEL)
    return b''.join([*map(compressor.compress, pieces), compressor.flush()])


def _unpacked(encoded: str) -> Document | None:
    try:
        length, _, body = decompress(b64decode(encoded)).partition(b'\n')
        layout, values = json.loads(body[: int(length)])
        if not isinstance(values, dict):
            return None
        columns, packed, position = [], [], int(length)
        for saved_type, type_code, number in layout:
            column = array(saved_type)
            size = column.itemsize * number
            planes = body[position : position + size]
            column.frombytes(_from_planes(planes, column.itemsize))
            packed.append((saved_type, type_code, planes))
            columns.append(column if saved_type == type_code else array(type_code, column))
            position += size
    except (ValueError, TypeError, KeyError, RecursionError, ZlibError):
        return None
    return Document(values, columns, packed)


def _packed_column(column: array[Any]) -> Packed:
    saved = _whole(column) or column
    return saved.typecode, column.typecode, _to_planes(saved.tobytes(), saved.itemsize)


def _whole(column: array[Any]) -> array[Any] | None:
    """The same numbers in the smallest type of whole numbers that holds them, None where there is none."""
    for type_code in WHOLE:
        try:
            whole = array(type_code, column if column.typecode == TIMES else map(int, column))
        except OverflowError:
            continue
        except ValueError:
            break
        return whole if whole == column else None
    return None


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
