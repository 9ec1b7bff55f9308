"""Timestamps as AWS sends them: epoch numbers in JSON, ISO texts in XML.

botocore would make a datetime of each with a parser for every format there is, which is most of what reading an answer
costs. It is told to leave them, and this is where they are read.
"""

from __future__ import annotations

from datetime import UTC, datetime


def epoch(timestamp: object) -> float:
    """Seconds since the epoch. Raises ValueError where the value is no timestamp. What has no zone is UTC."""
    if isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool):
        return float(timestamp)
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp)
    if isinstance(timestamp, datetime):
        return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()
    raise ValueError('not a timestamp')
