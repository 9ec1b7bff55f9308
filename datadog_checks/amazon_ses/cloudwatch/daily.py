"""Daily series: those of the source `snds` (Outlook SNDS), which have one datapoint a day and are read once an hour."""

from __future__ import annotations

from array import array

from datadog_checks.amazon_ses.cloudwatch.blocks import Block
from datadog_checks.amazon_ses.cloudwatch.booking import Observations
from datadog_checks.amazon_ses.cloudwatch.ledger import Origin
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR, Window, next_boundary
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Purpose, batches
from datadog_checks.amazon_ses.cloudwatch.selection import Selection

DAILY_INTERVAL = HOUR

DAILY_SPAN = 3 * DAY
"""Seconds that a read looks back: SNDS leaves out days of low volume (SES Developer Guide, SNDS metrics)."""


def daily_batches(selection: Selection, now: float) -> list[Batch]:
    end = next_boundary(now, HOUR)
    starts = dict.fromkeys(selection.daily, end - DAILY_SPAN)
    return batches(starts, selection.columns, end, HOUR, Purpose.SNDS)


def as_read(selection: Selection, origin: Origin, end: int, answered_at: float) -> Observations:
    """Marks the daily series as read up to `end`. They have no count, and would otherwise hold back the oldest
    watermark of the ledger."""
    indexes = selection.daily
    without_data = Block((), range(len(indexes)), array('d'), True)
    not_counted = [False] * len(indexes)
    return Observations(origin, Window(0, end), answered_at, selection.keys, indexes, not_counted, [without_data])
