"""Cadence: when a source that is polled at an interval is due, and for how long its readings are shown."""

from __future__ import annotations

from zlib import crc32

from datadog_checks.amazon_ses.model import Target

GRACE = 5.0
"""Seconds that a run may come early. The Agent's cycle is not exact, and a run after 59.9 s must not be skipped."""

SHORTEST_HOLD = 900
"""Seconds for which readings of any source are shown without a new answer."""


def is_time(asked_at: float, interval: int, now: float, target: Target) -> bool:
    """Whether `interval` seconds have passed since `asked_at`, or the next slot begins, whichever is earlier.

    Slots are multiples of the interval since the epoch, shifted by account and Region, so that many instances do not
    poll at the same moment.
    """
    shift = offset(target, interval)
    slot = round((asked_at + interval - shift) / interval) * interval + shift
    return now < asked_at or now >= min(asked_at + interval, slot) - GRACE


def offset(target: Target, interval: int) -> int:
    """Seconds by which the slots of a target are shifted."""
    return crc32(':'.join(target).encode()) % interval


def hold(interval: int) -> int:
    """Seconds for which readings are shown without a new answer: three answers may be missing."""
    return max(SHORTEST_HOLD, 3 * interval)
