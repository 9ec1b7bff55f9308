"""How progress is kept over restarts: two alternating slots, because the Agent's cache write is not atomic.

A document is saved before its amounts are handed over, and its sequence number is noted after. So a slot that was torn
while it was written is told from one that was damaged later: the first was never handed over and the slot before it is
exact, of the second nobody knows what was handed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

VERSION = 1
SLOTS = 2


@dataclass(frozen=True, slots=True)
class Loaded:
    """The newest document that can be read, if any.

    `exact` is false where a newer one is damaged whose amounts may have been handed over. `damaged` says that
    something was there that could not be read.
    """

    document: Mapping[str, Any] | None
    sequence: int
    exact: bool
    damaged: bool


def pack(document: Mapping[str, Any], sequence: int) -> str:
    body = json.dumps(document, separators=(',', ':'), sort_keys=True, allow_nan=False)
    return json.dumps({'version': VERSION, 'sequence': sequence, 'sum': _sum(sequence, body), 'body': body})


def slot(sequence: int) -> int:
    return sequence % SLOTS


def load(slots: list[str], handed_over: str) -> Loaded:
    """Pick the newest readable document from the texts of the slots; `handed_over` is the noted sequence number."""
    documents = {sequence: document for text in slots for sequence, document in [_unpack(text)] if document}
    damaged = any(text and not _unpack(text)[1] for text in slots)
    noted = int(handed_over) if handed_over.isascii() and handed_over.isdecimal() else None
    if not documents:
        return Loaded(None, noted or 0, exact=not damaged, damaged=damaged or noted is not None)
    newest = max(documents)
    lost = damaged or newest < (noted or 0)
    return Loaded(documents[newest], max(newest, noted or 0), exact=not lost or noted == newest, damaged=lost)


def _unpack(text: str) -> tuple[int, Mapping[str, Any] | None]:
    try:
        packed = json.loads(text)
        sequence, body = packed['sequence'], packed['body']
        if packed['version'] != VERSION or packed['sum'] != _sum(sequence, body):
            return 0, None
        document = json.loads(body)
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0, None
    return (sequence, document) if isinstance(document, dict) else (0, None)


def _sum(sequence: int, body: str) -> int:
    return crc32(f'{sequence}:{body}'.encode())
