"""The part of CBOR (RFC 8949) that AWS's smithy-rpc-v2-cbor protocol uses."""

from __future__ import annotations

import struct
from typing import Any


class Timestamp(float):
    """Seconds since the epoch, written with tag 1."""


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major << 5 | value,))
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes((major << 5 | info,)) + value.to_bytes(size, 'big')
    raise ValueError('integer too large')


def dumps(value: Any) -> bytes:
    """CBOR of None, bool, int, float, Timestamp, str, bytes, lists and mappings with text keys."""
    parts: list[bytes] = []
    _write(value, parts)
    return b''.join(parts)


def _write(value: Any, parts: list[bytes]) -> None:
    if value is None:
        parts.append(b'\xf6')
    elif value is True or value is False:
        parts.append(b'\xf5' if value else b'\xf4')
    elif isinstance(value, Timestamp):
        parts.append(b'\xc1\xfb' + struct.pack('>d', value))
    elif isinstance(value, int):
        parts.append(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif isinstance(value, float):
        parts.append(b'\xfb' + struct.pack('>d', value))
    elif isinstance(value, str):
        encoded = value.encode()
        parts.append(_head(3, len(encoded)) + encoded)
    elif isinstance(value, (bytes, bytearray)):
        parts.append(_head(2, len(value)) + bytes(value))
    elif isinstance(value, (list, tuple)):
        parts.append(_head(4, len(value)))
        for member in value:
            _write(member, parts)
    else:
        parts.append(_head(5, len(value)))
        for key, content in value.items():
            _write(key, parts)
            _write(content, parts)


def loads(body: bytes) -> Any:
    """The value of a CBOR document; tagged timestamps become plain seconds. ValueError for anything else."""
    try:
        value, end = _read(body, 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f'not CBOR: {error}') from error
    if end != len(body):
        raise ValueError('not CBOR: bytes after the end')
    return value


def _read(body: bytes, at: int) -> tuple[Any, int]:
    """The value at a place, and the place after it."""
    major, info = body[at] >> 5, body[at] & 31
    at += 1
    if major == 7:
        if info in (25, 26, 27):
            size, code = {25: (2, '>e'), 26: (4, '>f'), 27: (8, '>d')}[info]
            return struct.unpack(code, body[at : at + size])[0], at + size
        return {20: False, 21: True}.get(info), at
    count = info
    if 24 <= info < 31:
        size = 1 << (info - 24)
        count, at = int.from_bytes(body[at : at + size], 'big'), at + size
    if major in (0, 1):
        return (count if major == 0 else -1 - count), at
    if major == 6:
        return _read(body, at)
    if major in (2, 3) and info < 31:
        if at + count > len(body):
            raise ValueError('not CBOR: cut short')
        raw = body[at : at + count]
        return (raw.decode() if major == 3 else raw), at + count
    members, at = _read_members(body, at, None if info == 31 else count * (2 if major == 5 else 1))
    if major == 5:
        return dict(zip(members[::2], members[1::2], strict=True)), at
    return members if major == 4 else (b'' if major == 2 else '').join(members), at


def _read_members(body: bytes, at: int, count: int | None) -> tuple[list[Any], int]:
    """The next `count` values; None: all until the break byte."""
    members: list[Any] = []
    while body[at] != 0xFF if count is None else len(members) < count:
        member, at = _read(body, at)
        members.append(member)
    return members, at + 1 if count is None else at
