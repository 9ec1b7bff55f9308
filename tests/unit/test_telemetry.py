"""The level and the message of the service check `can_connect`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datadog_checks.amazon_ses import telemetry
from datadog_checks.amazon_ses.model import Failure, FailureKind, Level, Sample, Status
from datadog_checks.amazon_ses.sources import CLOUDWATCH, Source

NOW = 1_790_000_100

CADENCES = {'account': 60, CLOUDWATCH: 300}
THROTTLED = Failure(FailureKind.THROTTLED, 'GetMetricData', '')
DENIED = Failure(FailureKind.DENIED, 'GetAccount', '')
LATE = Failure(FailureKind.TIMEOUT, 'run', '')
FRESH, OLD = Source(NOW, NOW), Source(NOW - 5000, NOW - 5000)


@pytest.mark.parametrize(
    ('sources', 'late', 'expected'),
    [
        ({}, False, Level.OK),
        ({}, True, Level.CRITICAL),
        ({'account': FRESH, CLOUDWATCH: FRESH}, False, Level.OK),
        ({'account': FRESH, CLOUDWATCH: FRESH}, True, Level.WARNING),
        ({'account': Source(NOW, None, (DENIED,)), CLOUDWATCH: FRESH}, False, Level.WARNING),
        ({'account': Source(NOW, None, (DENIED,)), CLOUDWATCH: Source(NOW, None, (DENIED,))}, False, Level.CRITICAL),
        ({'account': FRESH, CLOUDWATCH: replace(FRESH, failures=(THROTTLED,))}, False, Level.WARNING),
        ({CLOUDWATCH: Source(NOW, NOW - 60, (THROTTLED,))}, False, Level.WARNING),
        ({CLOUDWATCH: Source(NOW, NOW - 60, (DENIED,))}, False, Level.CRITICAL),
        ({CLOUDWATCH: Source(NOW, NOW - 5000, (THROTTLED,))}, False, Level.CRITICAL),
        ({'account': OLD, CLOUDWATCH: Source(NOW, None, (THROTTLED,))}, False, Level.CRITICAL),
    ],
)
def test_the_level_of_can_connect_follows_the_failures(sources: dict[str, Source], late: bool, expected: Level) -> None:
    """OK without failures; CRITICAL if every source fails for good or no data are fresh; otherwise WARNING."""
    failing = telemetry.failures(sources, [LATE] if late else [])
    assert telemetry.level(sources, failing, CADENCES, NOW) is expected


def test_a_long_message_is_cut() -> None:
    """The message of can_connect names each failure once and has at most 1,000 characters."""
    failures = [Failure(FailureKind.DENIED, f'Operation{number}', 'x' * 90) for number in range(30)]
    status, sample = telemetry.connection(Level.CRITICAL, [*failures, *failures])
    assert isinstance(status, Status) and isinstance(sample, Sample)
    assert len(status.message) == 1000
    assert status.message.endswith(' ...')
    assert status.message.count('Operation1:') == 1
    assert sample.value == 0.0
