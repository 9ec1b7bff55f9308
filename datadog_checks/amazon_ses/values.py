"""Checks and conversions of numbers and timestamps in AWS answers. A proxy or an emulator may send anything.

Timestamps are epoch numbers in JSON and ISO texts in XML. botocore tries a parser for every format on
each, which is most of the cost of reading an answer. Our sessions switch that off, and `epoch` parses them instead.
"""

from __future__ import annotations

from datetime import UTC, datetime

LARGEST = 1e15
"""More than any account can send, and still exact in a double."""


def number(value: object) -> float:
    """A finite number of a possible size. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
        raise ValueError('not a possible number')
    return float(value)


def epoch(timestamp: object) -> float:
    """Seconds since the epoch. A text without a zone is UTC. Raises ValueError where the value is no timestamp."""
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp)
    if isinstance(timestamp, datetime):
        return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()
    return number(timestamp)
