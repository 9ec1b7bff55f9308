"""The calendar: times are aligned to CloudWatch's periods. All times are epoch seconds.

A period is named by its start, which is a multiple of its length. A boundary is the start of a period.
"""

from __future__ import annotations

from typing import NamedTuple

HOUR = 3600
DAY = 86400

NEWEST_PERIODS = 3
"""Periods that every read asks for: the unfinished one and the two before it."""


class Window(NamedTuple):
    """A span of whole periods: `start` inclusive, `end` exclusive."""

    start: int
    end: int

    def periods(self, period: int) -> int:
        """Number of periods in the window."""
        return (self.end - self.start) // period


def period_start(instant: float, period: int) -> int:
    """Start of the period in which `instant` lies."""
    return int(instant // period) * period


def next_boundary(instant: float, period: int) -> int:
    """First boundary after `instant`."""
    return period_start(instant, period) + period


def newest_window(now: float, period: int, settle_delay: int) -> Window:
    """The periods that every read asks for. They include the newest settled period, which the gauges show."""
    end = next_boundary(now, period)
    settled = period_start(settle_delay + period - 1, period) + 2 * period
    return Window(end - max(NEWEST_PERIODS * period, settled), end)
