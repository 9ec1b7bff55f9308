"""When a source is due again."""

from __future__ import annotations

from zlib import crc32

import pytest

from datadog_checks.amazon_ses import sources
from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from datadog_checks.amazon_ses.sources import Source

NOW = 1_790_000_100
DAY = 86400
TARGET = Target('123456789012', 'us-east-1')
SLOT_START = float(NOW // 60 * 60 + crc32(':'.join(TARGET).encode()) % 60)
"""The beginning of a slot of 60 s of this target."""


@pytest.mark.parametrize(
    ('later', 'due'), [(0.0, False), (15.0, False), (54.9, False), (55.0, True), (59.9, True), (60.0, True)]
)
def test_a_run_a_little_early_is_not_skipped(later: float, due: bool) -> None:
    """A source with a cadence of 60 s, read at the start of a slot, is due again at 59.9 s but not at 54.9 s."""
    source = Source(SLOT_START, SLOT_START)
    assert sources.is_due(source, 60, SLOT_START + later, TARGET) is due


@pytest.mark.parametrize('every', [60, 300, 900])
@pytest.mark.parametrize('step', [15.0, 59.9, 60.0, 60.1])
def test_sources_keep_their_cadence_over_a_day(every: int, step: float) -> None:
    """Over a day a source is read every `every` seconds: not before half of that, not a run late."""
    source, times, now = Source(SLOT_START, SLOT_START), [], SLOT_START
    while now < SLOT_START + DAY:
        now += step
        if sources.is_due(source, every, now, TARGET):
            source = Source(now, now)
            times.append(now)
    gaps = [later - earlier for earlier, later in zip(times[1:], times[2:], strict=False)]
    assert min(gaps) >= every / 2
    assert max(gaps) <= every + step
    assert abs(len(times) - DAY / every) <= 0.01 * DAY / every + 1


@pytest.mark.parametrize(
    ('kind', 'retried'),
    [(kind, kind not in (FailureKind.DENIED, FailureKind.UNSUPPORTED)) for kind in FailureKind],
)
def test_failed_requests_are_retried_but_denials_wait(kind: FailureKind, retried: bool) -> None:
    """A failed request is retried in the next run; a denied or unsupported one waits for its cadence."""
    source = Source(SLOT_START, None, (Failure(kind, 'GetAccount', ''),))
    assert sources.is_due(source, 60, SLOT_START + 10, TARGET) is retried
    assert sources.is_due(source, 60, SLOT_START + 60, TARGET)


def test_new_sources_and_all_sources_after_a_clock_step_back_are_due() -> None:
    """A new source is due at once, and collection goes on at once after the clock was set back."""
    assert sources.is_due(None, 60, NOW, TARGET)
    assert sources.is_due(Source(NOW, NOW), 60, NOW - 7200, TARGET)
