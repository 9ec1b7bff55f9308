"""The part of CBOR (RFC 8949) that AWS's smithy-rpc-v2-cbor protocol uses."""

from __future__ import annotations

import struct
from typing import Any


class Timestamp(float):
    """Seconds since the epoch that go on the wire with tag 1."""


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
        for item in value:
            _write(item, parts)
    else:
        parts.append(_head(5, len(value)))
        for key, item in value.items():
            _write(key, parts)
            _write(item, parts)


def loads(body: bytes) -> Any:
    """The value of a CBOR document; tagged timestamps become plain seconds. ValueError if it is not one."""
    try:
        value, end = _read(body, 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f'not CBOR: {error}') from error
    if end != len(body):
        raise ValueError('not CBOR: bytes after the end')
    return value


def _read(body: bytes, at: int) -> tuple[Any, int]:
    major, info = body[at] >> 5, body[at] & 31
    at += 1
    if major == 7:
        if info in (25, 26, 27):
            size, code = {25: (2, '>e'), 26: (4, '>f'), 27: (8, '>d')}[info]
            return struct.unpack(code, body[at : at + size])[0], at + size
        return {20: False, 21: True}.get(info), at
    if info == 31:
        return _read_open(body, at, major)
    if info >= 24:
        size = 1 << (info - 24)
        count, at = int.from_bytes(body[at : at + size], 'big'), at + size
    else:
        count = info
    if major == 0:
        return count, at
    if major == 1:
        return -1 - count, at
    if major in (2, 3):
        if at + count > len(body):
            raise ValueError('not CBOR: cut short')
        raw = body[at : at + count]
        return (raw.decode() if major == 3 else raw), at + count
    if major == 6:
        return _read(body, at)
    if major == 4:
        items = []
        for _ in range(count):
            item, at = _read(body, at)
            items.append(item)
        return items, at
    members = {}
    for _ in range(count):
        key, at = _read(body, at)
        members[key], at = _read(body, at)
    return members, at


def _read_open(body: bytes, at: int, major: int) -> tuple[Any, int]:
    """Items of indefinite length, until the break byte."""
    items = []
    while body[at] != 0xFF:
        item, at = _read(body, at)
        items.append(item)
    at += 1
    if major == 5:
        return dict(zip(items[::2], items[1::2], strict=True)), at
    if major in (2, 3):
        return (b'' if major == 2 else '').join(items), at
    return items, at
