"""Checks and conversions of numbers and timestamps in AWS answers. A proxy or an emulator may send anything.

Timestamps are epoch numbers in JSON and ISO texts in XML. botocore tries a parser for every format on
each, which is most of the cost of reading an answer. Our sessions switch that off, and `epoch` parses them instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

DAY = 86400
LARGEST = 1e15
"""More than any account can send, and still exact in a double."""


def number(value: object) -> float:
    """A finite number of a possible size. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
        raise ValueError('not a possible number')
    return float(value)


def amount(value: object) -> float:
    """A number that is not negative. Raises ValueError for anything else."""
    if number(value) < 0:
        raise ValueError('a negative amount')
    return number(value)


def flag(value: object) -> bool | None:
    """True or false, None where AWS did not say. Raises TypeError for anything else."""
    if value is not None and not isinstance(value, bool):
        raise TypeError('neither true nor false')
    return value


def string(value: object) -> str:
    """A text. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError('no text')
    return value


def epoch(timestamp: object) -> float:
    """Seconds since the epoch. A text without a zone is UTC. Raises ValueError where the value is no timestamp."""
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp)
    if isinstance(timestamp, datetime):
        return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()
    return number(timestamp)


def answered_at(response: Mapping[str, Any], now: float) -> float:
    """When AWS sent a response, by the clock of AWS.

    Our clock decides where the response has no date, or one that cannot be true: AWS accepts no request from a clock
    that is off by more than minutes.
    """
    text = response.get('ResponseMetadata', {}).get('HTTPHeaders', {}).get('date')
    try:
        date = parsedate_to_datetime(text).timestamp() if text else now
    except (TypeError, ValueError):
        return now
    return date if abs(date - now) < DAY else now
