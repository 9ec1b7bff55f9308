"""The report: everything that is submitted for one Region after a run, as one stream of readings.

Each run submits every value that is recent enough, whether or not it asked AWS for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from datadog_checks.amazon_ses import telemetry, thresholds
from datadog_checks.amazon_ses.cadence import hold
from datadog_checks.amazon_ses.cloudwatch import discovery, gauges
from datadog_checks.amazon_ses.cloudwatch.daily import DAILY_INTERVAL
from datadog_checks.amazon_ses.cloudwatch.ledger import SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES, SEND
from datadog_checks.amazon_ses.cloudwatch.selection import MAX_SERIES
from datadog_checks.amazon_ses.cloudwatch.series import SUM
from datadog_checks.amazon_ses.cloudwatch.slots import IDLE_INTERVAL
from datadog_checks.amazon_ses.collectors import Collector, send_statistics
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, MAX_SEND_RATE, QUOTA_V1, SENDING_STATUS, SENDING_V1
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events import intake
from datadog_checks.amazon_ses.events.intake import Intake, Log
from datadog_checks.amazon_ses.events.queues import EventQueue
from datadog_checks.amazon_ses.model import (
    Calls,
    Event,
    Failure,
    FailureKind,
    Level,
    MetricSpec,
    MetricType,
    Reading,
    Sample,
    Status,
    Target,
)
from datadog_checks.amazon_ses.notices import Notice
from datadog_checks.amazon_ses.planning import active_sweeps, period_in_use, sweep_context
from datadog_checks.amazon_ses.progress import Counts, Progress
from datadog_checks.amazon_ses.registry import COLLECTORS, SWEEPS
from datadog_checks.amazon_ses.sources import CLOUDWATCH, DISCOVERY, SNDS, Source, Sources
from datadog_checks.amazon_ses.sweeps import Sweep, states
from datadog_checks.amazon_ses.sweeps.states import States

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

OVER_LIMIT = (
    '{}: at least {} of the series that CloudWatch lists are left out: raise `max_series` ({}), at about $0.09 a month '
    'for each that is active, `exclude` some, or take a source out of `collect`.'
)
"""The warning about a limit on series: the Region, how many are left out, and the limit."""

SEND_KEY = next(series.key for series in ACCOUNT_SERIES if series.spec is SEND)

SWEEP_INTERVAL = 3600
"""Seconds after three of which a sweep that was not answered says nothing of the connection."""

INTERVALS: Mapping[str, int] = {
    **{collector.name: collector.interval for collector in COLLECTORS},
    DISCOVERY: discovery.LISTING_INTERVAL,
    SNDS: DAILY_INTERVAL,
    **{sweep.name: SWEEP_INTERVAL for sweep in SWEEPS},
}
"""Polling interval of each source in seconds. The interval of `cloudwatch` is the option `period`."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcome of a run in one Region: the next progress, the counts to submit, the events, and the failures and
    warnings of the run as a whole, whether the Region is one of `regions: all` that never answered yet, and what counts
    of messages from queues."""

    target: Target
    progress: Progress
    counts: Counts
    events: tuple[Event, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]
    is_on_trial: bool = False
    intake: Intake = field(default_factory=Intake)


class Report:
    """One Region after a run: the level of `can_connect`, the failures, and the stream of readings."""

    def __init__(
        self, settings: Settings, result: RunResult, calls: Calls, now: float, regions: Mapping[str, Progress]
    ) -> None:
        """`regions` are the Regions of the account that this run reads."""
        self._settings = settings
        self._result = result
        self._calls = calls
        self._now = now
        self._period = period_in_use(settings, result.progress)
        self._sweeps = active_sweeps(settings)
        self._context = sweep_context(settings, result.target, result.progress, regions)
        sources = result.progress.sources
        of_sweeps = _failures_of_sweeps(self._sweeps, result.progress.sweeps, now)
        of_queues = intake.failures(result.progress.events, self._queues)
        self.failures = telemetry.failures(sources, (*of_sweeps, *of_queues, *result.failures))
        sources = sources or _as_sources(self._sweeps, result.progress.sweeps, now)
        level = telemetry.level(sources, self.failures, {**INTERVALS, CLOUDWATCH: self._period}, now)
        self.level = Level.UNKNOWN if result.is_on_trial and level is not Level.OK else level

    @property
    def target(self) -> Target:
        return self._result.target

    @property
    def event_logs(self) -> Iterable[Log]:
        """The logs of events, where the option `event_logs` asks for them."""
        return self._result.intake.logs

    @property
    def _queues(self) -> Iterable[EventQueue]:
        """The queues of this Region."""
        return (queue for queue in self._settings.events.queues if queue.region == self.target.region)

    @property
    def warnings(self) -> Iterable[Notice]:
        """The warnings about this Region: none while it is on trial."""
        region = self.target.region
        for sentence in self._result.warnings:
            yield Notice(f'{region}: state', '', sentence)
        for failure in self.failures if self.level is not Level.UNKNOWN else ():
            # Whichever operation comes first meets a failed sign-in.
            operation = 'sign-in' if failure.at_sign_in else failure.operation
            yield Notice(f'{region}: {operation}', failure.kind, f'{region}: {failure}')
        if self.series_over_limit:
            yield Notice(f'{region}: {MAX_SERIES}', '', self._over_limit())

    @property
    def series_over_limit(self) -> int:
        """How many series `max_series` leaves out."""
        return telemetry.series_dropped(self._result.progress, self._now).get(MAX_SERIES, 0)

    def _over_limit(self) -> str:
        return OVER_LIMIT.format(self.target.region, self.series_over_limit, self._settings.max_series)

    @property
    def skipped(self) -> Iterable[str]:
        """The spans whose missing amounts were given up, as texts."""
        return (span_text(span) for span in self._result.counts.skipped if not span.unknown)

    @property
    def unknown(self) -> Iterable[str]:
        """The spans of which nobody knows whether they were counted, as texts."""
        return (span_text(span) for span in self._result.counts.skipped if span.unknown)

    def readings(self) -> Iterable[Reading]:
        """Counts, events, current readings, thresholds and telemetry, without duration and contexts of the run."""
        result, settings, target = self._result, self._settings, self.target
        yield from count_samples(result.counts)
        yield from intake.counted(result.intake)
        yield from result.events
        progress = result.progress
        attempts = _attempts_of_a_day(progress.sources, self._now)
        of_queues = intake.readings(progress.events, self._queues, attempts, self._now)
        current = (*current_readings(settings, progress, self._now), *self._swept(), *of_queues)
        yield from current
        samples = (reading for reading in current if isinstance(reading, Sample))
        yield from thresholds.statuses(settings.thresholds, samples, (*settings.tags, *target.tags))
        yield from telemetry.connection(self.level, self.failures)
        yield from telemetry.calls(self._calls, target.region)
        yield from telemetry.collection(result.progress, self._period, self._now)
        yield from telemetry.sweeps(self._sweeps, result.progress.sweeps, self._context, self._now)

    def _swept(self) -> Iterable[Reading]:
        """What the sweeps show."""
        for sweep in self._sweeps:
            yield from states.readings(sweep, self._result.progress.sweeps, self._context, self._now)


def _attempts_of_a_day(sources: Sources, now: float) -> float | None:
    """The delivery attempts of the last 24 hours, None where GetSendStatistics does not say."""
    readings = _held(sources, send_statistics.SEND_STATISTICS, now)
    samples = (reading for reading in readings if isinstance(reading, Sample))
    attempts = send_statistics.METRICS['DeliveryAttempts']
    of_a_day = attempts, (send_statistics.DAY_TAG,)
    return next((sample.value for sample in samples if (sample.metric, sample.tags) == of_a_day), None)


def _failures_of_sweeps(sweeps: Iterable[Sweep[Any]], swept: States, now: float) -> Iterable[Failure]:
    for sweep in sweeps:
        yield from states.state_of(sweep, swept).failures(now)


def _as_sources(sweeps: Iterable[Sweep[Any]], swept: States, now: float) -> Sources:
    """The sweeps as sources, for the level of `can_connect` where nothing else is collected."""
    active = ((sweep.name, swept[sweep.name]) for sweep in sweeps if sweep.name in swept)
    return {name: Source(state.asked_at, state.answered_at, tuple(state.failures(now))) for name, state in active}


def unreadable(path: str) -> Failure:
    """The failure of a Region whose saved state cannot be read."""
    return Failure(
        FailureKind.DENIED,
        'state',
        f'{path} cannot be read, so the counts and events of this Region are held back.',
        "Give the file and its folder to the Agent's user (chown), or delete the file: then counting begins anew.",
    )


def count_samples(counts: Counts) -> Iterable[Sample]:
    series_list = counts.series
    for index, amount in counts.amounts.items():
        series = series_list[index]
        if series.spec.count is not None:
            yield Sample(series.spec.count, amount, series.tags, series.account)
    yield from telemetry.uncounted(counts.skipped)


def span_text(span: SkippedSpan) -> str:
    start, end = (datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%dT%H:%M:%SZ') for at in (span.start, span.end))
    return f'{start} to {end} ({span.reason})'


def current_readings(settings: Settings, progress: Progress, now: float) -> Iterable[Reading]:
    """The values of all sources and series that are not too old at `now`."""
    yield from _collected(progress.sources, settings.collect, now)
    selection, values = progress.selection, progress.gauges
    period = period_in_use(settings, progress)
    yield from gauges.settled_samples(
        values, selection.with_options, settings.statistic, settings.statistics, now - hold(period)
    )
    yield from gauges.settled_samples(
        values, selection.without_options, SUM, {}, now - hold(max(period, IDLE_INTERVAL))
    )
    yield from _send_rate(progress, now, period)
    measured = (selection.series[index] for index in selection.measurements)
    yield from gauges.measurement_samples(values, measured, now)


def _collected(sources: Sources, collect: frozenset[str], now: float) -> Iterable[Reading]:
    """The readings of the API sources. Those of a stand-in are shown while the replaced source has no fresh ones."""
    for collector in COLLECTORS:
        replaced = collector.instead_of
        if (replaced or collector.name) in collect and not (replaced and _is_fresh(sources, replaced, now)):
            yield from _held(sources, collector, now)
    standing_known = any(_is_fresh(sources, collector.name, now) for collector in (ACCOUNT, SENDING_V1))
    if ACCOUNT.name in collect and not standing_known:
        yield _standing_unknown(sources)


def _is_fresh(sources: Sources, name: str, now: float) -> bool:
    source = sources.get(name)
    return source is not None and source.is_fresh(INTERVALS[name], now)


def _held(sources: Sources, collector: Collector, now: float) -> tuple[Reading, ...]:
    return sources[collector.name].readings if _is_fresh(sources, collector.name, now) else ()


def _standing_unknown(sources: Sources) -> Status:
    source = sources.get(ACCOUNT.name)
    reasons = ' '.join(map(str, source.failures)) if source else ''
    return Status(SENDING_STATUS, Level.UNKNOWN, f'AWS did not say whether the account may send. {reasons}'.strip())


def _send_rate(progress: Progress, now: float, period: int) -> Iterable[Sample]:
    sent, read_at = progress.gauges.settled.get((SEND_KEY, SUM), (0.0, 0.0))
    if read_at <= now - hold(period) or not progress.gauges.period:
        return
    rate = sent / progress.gauges.period
    yield Sample(SEND_RATE, rate)
    quota = ACCOUNT if _is_fresh(progress.sources, ACCOUNT.name, now) else QUOTA_V1
    for reading in _held(progress.sources, quota, now):
        if isinstance(reading, Sample) and reading.metric is MAX_SEND_RATE and reading.value > 0:
            yield Sample(RATE_UTILIZATION, 100.0 * rate / reading.value)
