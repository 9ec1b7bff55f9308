"""Numbers and timestamps as AWS sends them, read with suspicion: a proxy or an emulator may send anything.

Timestamps are epoch numbers in JSON and ISO texts in XML. botocore would make a datetime of each, with a parser for
every format there is, which is most of what reading an answer costs. It is told to leave them, and they are read here.
"""

from __future__ import annotations

from datetime import UTC, datetime

LARGEST = 1e15
"""More than any account sends in the life of AWS, and still exact in a double."""


def number(value: object) -> float:
    """A finite number of a size that can be true. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
        raise ValueError('not a number that can be true')
    return float(value)


def epoch(timestamp: object) -> float:
    """Seconds since the epoch. Raises ValueError where the value is no timestamp. What has no zone is UTC."""
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp)
    if isinstance(timestamp, datetime):
        return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()
    return number(timestamp)
