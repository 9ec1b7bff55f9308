"""When a source is asked again."""

from __future__ import annotations

from zlib import crc32

import pytest

from datadog_checks.amazon_ses import planning
from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from datadog_checks.amazon_ses.progress import Source

NOW = 1_790_000_100
DAY = 86400
TARGET = Target('123456789012', 'us-east-1')


ASKED = float(NOW // 60 * 60 + crc32(':'.join(TARGET).encode()) % 60)


@pytest.mark.parametrize(
    ('later', 'due'), [(0.0, False), (15.0, False), (54.9, False), (55.0, True), (59.9, True), (60.0, True)]
)
def test_a_run_a_little_early_is_not_skipped(later: float, due: bool) -> None:
    """A source of 60 s that was asked at the beginning of its slot is asked again at 59.9 s, and not at 54.9 s."""
    sources = {'account': Source(ASKED, ASKED)}
    assert planning.is_due(sources, 'account', 60, ASKED + later, TARGET) is due


@pytest.mark.parametrize('every', [60, 300, 900])
@pytest.mark.parametrize('step', [15.0, 59.9, 60.0, 60.1])
def test_sources_keep_their_cadence(every: int, step: float) -> None:
    """Over a day a source is asked every `every` seconds, never after less than half and never more than a run late."""
    asked, times, now = Source(ASKED, ASKED), [], ASKED
    while now < ASKED + DAY:
        now += step
        if planning.is_due({'one': asked}, 'one', every, now, TARGET):
            asked = Source(now, now)
            times.append(now)
    gaps = [later - earlier for earlier, later in zip(times[1:], times[2:], strict=False)]
    assert min(gaps) >= every / 2
    assert max(gaps) <= every + step
    assert abs(len(times) - DAY / every) <= 0.01 * DAY / every + 1


@pytest.mark.parametrize(
    ('kind', 'again'),
    [(kind, kind not in (FailureKind.DENIED, FailureKind.UNSUPPORTED)) for kind in FailureKind],
)
def test_failures_are_asked_again_but_denials_wait(kind: FailureKind, again: bool) -> None:
    """What failed is asked again in the next run; what is denied or unknown stays so until its cadence."""
    sources = {'account': Source(ASKED, None, (Failure(kind, 'GetAccount', ''),))}
    assert planning.is_due(sources, 'account', 60, ASKED + 10, TARGET) is again
    assert planning.is_due(sources, 'account', 60, ASKED + 60, TARGET)


def test_what_was_never_asked_is_due_and_so_is_all_after_a_clock_step_back() -> None:
    """A new source is due at once; a clock that was set back does not stop collection until it has caught up."""
    assert planning.is_due({}, 'account', 60, NOW, TARGET)
    assert planning.is_due({'account': Source(NOW, NOW)}, 'account', 60, NOW - 7200, TARGET)
