"""What is known at an instant, as readings: submitted in every run, whether or not AWS was asked in it."""

from __future__ import annotations

from collections.abc import Iterable

from .cloudwatch import gauges
from .cloudwatch.series import ACCOUNT as SERIES
from .cloudwatch.series import SEND
from .collectors import Collector
from .collectors.account import ACCOUNT, MAX_SEND_RATE, SENDING_STATUS
from .model import Level, MetricSpec, MetricType, Reading, Sample, Status
from .progress import CLOUDWATCH, Progress
from .registry import COLLECTORS

SEND_RATE = MetricSpec(
    'quota.send_rate',
    MetricType.GAUGE,
    'Emails sent in a second, as the mean of the newest settled period. Short bursts are higher.',
    'email',
    'second',
    interval=300,
)
RATE_UTILIZATION = MetricSpec(
    'quota.rate_utilization',
    MetricType.GAUGE,
    'Share of the maximum send rate that is used, as the mean of the newest settled period.',
    'percent',
    orientation=-1,
    interval=300,
)
METRICS = (SEND_RATE, RATE_UTILIZATION)

SHORTEST_HOLD = 900
"""Seconds that the readings of any source are shown on without a new answer."""


def hold(every: int) -> int:
    """Seconds for which what a source said is shown on: three of its answers may be missing."""
    return max(SHORTEST_HOLD, 3 * every)


def current(progress: Progress, now: float, period: int) -> Iterable[Reading]:
    """Everything of the account scope that is not too old at `now`."""
    for collector in COLLECTORS:
        yield from _held(progress, collector, now)
    source = progress.sources.get(CLOUDWATCH)
    if source is not None and source.read is not None and now - source.read < hold(period):
        yield from gauges.settled_readings(progress.shown, SERIES)
        yield from _send_rate(progress, now)
    yield from gauges.rate_readings(progress.shown, SERIES, now)


def _held(progress: Progress, collector: Collector, now: float) -> Iterable[Reading]:
    source = progress.sources.get(collector.name)
    if source is not None and source.read is not None and now - source.read < hold(collector.every):
        yield from source.readings
    elif collector is ACCOUNT:
        why = '; '.join(str(failure) for failure in source.failures) if source else ''
        yield Status(SENDING_STATUS, Level.UNKNOWN, f'AWS did not say whether the account may send. {why}'.strip())


def _send_rate(progress: Progress, now: float) -> Iterable[Sample]:
    sent = next((progress.shown.settled.get(one.key) for one in SERIES if one.spec is SEND), None)
    if sent is None or not progress.shown.period:
        return
    rate = sent / progress.shown.period
    yield Sample(SEND_RATE, rate)
    for reading in _held(progress, ACCOUNT, now):
        if isinstance(reading, Sample) and reading.metric is MAX_SEND_RATE and reading.value > 0:
            yield Sample(RATE_UTILIZATION, 100.0 * rate / reading.value)
