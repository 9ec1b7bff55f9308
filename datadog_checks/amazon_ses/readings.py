"""What is known at an instant, as readings: submitted in every run, whether or not AWS was asked in it."""

from __future__ import annotations

from collections.abc import Iterable

from datadog_checks.amazon_ses.cloudwatch import gauges
from datadog_checks.amazon_ses.cloudwatch.schedule import ROUND
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT as ACCOUNT_SERIES
from datadog_checks.amazon_ses.cloudwatch.series import SEND, SUM
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, MAX_SEND_RATE, QUOTA_V1, SENDING_STATUS, SENDING_V1
from datadog_checks.amazon_ses.collectors.send_statistics import SEND_STATISTICS
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.model import Level, MetricSpec, MetricType, Reading, Sample, Status
from datadog_checks.amazon_ses.progress import Progress

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

SENT = next((one.key, SUM) for one in ACCOUNT_SERIES if one.spec is SEND)

SHORTEST_HOLD = 900
"""Seconds that the readings of any source are shown on without a new answer."""


def hold(every: int) -> int:
    """Seconds for which what a source said is shown on: three of its answers may be missing."""
    return max(SHORTEST_HOLD, 3 * every)


def current(settings: Settings, progress: Progress, now: float) -> Iterable[Reading]:
    """Everything of the account scope that is not too old at `now`."""
    account = ACCOUNT.name in settings.collect
    stand_ins = () if _fresh(progress, ACCOUNT, now) else (QUOTA_V1, SENDING_V1)
    for collector in (ACCOUNT, *stand_ins) if account else ():
        yield from _held(progress, collector, now)
    if account and not any(_fresh(progress, collector, now) for collector in (ACCOUNT, SENDING_V1)):
        yield _unknown(progress)
    if SEND_STATISTICS.name in settings.collect:
        yield from _held(progress, SEND_STATISTICS, now)
    selected = progress.selection
    period = progress.ledger.period if progress.ledger else settings.period
    shown, more = progress.shown, settings.statistics
    yield from gauges.settled_readings(shown, selected.own, settings.statistic, more, now - hold(period))
    yield from gauges.settled_readings(shown, selected.found, SUM, {}, now - hold(max(period, ROUND)))
    yield from _send_rate(progress, now, period)
    yield from gauges.newest_readings(shown, (selected.series[place] for place in selected.readings), now)


def _fresh(progress: Progress, collector: Collector, now: float) -> bool:
    source = progress.sources.get(collector.name)
    return source is not None and source.read is not None and now - source.read < hold(collector.interval)


def _held(progress: Progress, collector: Collector, now: float) -> tuple[Reading, ...]:
    return progress.sources[collector.name].readings if _fresh(progress, collector, now) else ()


def _unknown(progress: Progress) -> Status:
    source = progress.sources.get(ACCOUNT.name)
    why = '; '.join(str(failure) for failure in source.failures) if source else ''
    return Status(SENDING_STATUS, Level.UNKNOWN, f'AWS did not say whether the account may send. {why}'.strip())


def _send_rate(progress: Progress, now: float, period: int) -> Iterable[Sample]:
    sent, read_at = progress.shown.settled.get(SENT, (0.0, 0.0))
    if read_at <= now - hold(period) or not progress.shown.period:
        return
    rate = sent / progress.shown.period
    yield Sample(SEND_RATE, rate)
    quota = ACCOUNT if _fresh(progress, ACCOUNT, now) else QUOTA_V1
    for reading in _held(progress, quota, now):
        if isinstance(reading, Sample) and reading.metric is MAX_SEND_RATE and reading.value > 0:
            yield Sample(RATE_UTILIZATION, 100.0 * rate / reading.value)
