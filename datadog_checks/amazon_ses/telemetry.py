"""Telemetry: the metrics `collector.*` (calls, estimated cost, age of the data, series left out) and `can_connect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from datadog_checks.amazon_ses.cloudwatch import quarantine, slots
from datadog_checks.amazon_ses.cloudwatch.cost import monthly_cost
from datadog_checks.amazon_ses.cloudwatch.daily import DAILY_INTERVAL
from datadog_checks.amazon_ses.cloudwatch.ledger import SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.selection import MAX_SERIES
from datadog_checks.amazon_ses.model import (
    Calls,
    Failure,
    FailureKind,
    Level,
    MetricSpec,
    MetricType,
    Reading,
    Sample,
    Status,
    StatusSpec,
)
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.sources import Source, Sources

COUNT, GAUGE = MetricType.COUNT, MetricType.GAUGE

API_CALLS = MetricSpec('collector.api_calls', COUNT, 'Requests sent to AWS, retries included.', 'request')
API_ERRORS = MetricSpec(
    'collector.api_errors', COUNT, 'Requests that failed or whose answer could not be used.', 'error', orientation=-1
)
API_THROTTLES = MetricSpec('collector.api_throttles', COUNT, 'Requests that AWS throttled.', 'throttle', orientation=-1)
BILLED_METRICS = MetricSpec(
    'collector.billed_metrics',
    COUNT,
    'Metrics asked for with GetMetricData, which AWS bills.',
    'item',
    orientation=-1,
)
ESTIMATED_COST = MetricSpec(
    'collector.estimated_cost',
    GAUGE,
    'Estimated cost of the CloudWatch reads for 30 days, at $0.01 for 1,000 metrics asked for.',
    'dollar',
    orientation=-1,
)
DATA_AGE = MetricSpec('collector.data_age', GAUGE, 'Seconds since a source last answered.', 'second', orientation=-1)
RUN_DURATION = MetricSpec(
    'collector.run_duration', GAUGE, 'Seconds from the start of a run to its submission.', 'second', orientation=-1
)
SERIES = MetricSpec('collector.series', GAUGE, 'CloudWatch series that are asked for.', 'item')
IDLE_SERIES = MetricSpec(
    'collector.idle_series',
    GAUGE,
    'CloudWatch series without data within an hour: they are asked for every 20 minutes.',
    'item',
)
SERIES_DROPPED = MetricSpec(
    'collector.series_dropped',
    GAUGE,
    'CloudWatch series that were found and are not asked for. The reason is max_series, excluded, forbidden (a linked '
    'account that may not be shown) or refused (CloudWatch does not take the name).',
    'item',
    orientation=-1,
)
CONTEXTS = MetricSpec(
    'collector.contexts',
    GAUGE,
    'Different metrics with tags that a run submits for a Region, this one included.',
    'item',
)
PERIODS_SKIPPED = MetricSpec(
    'collector.periods_skipped',
    COUNT,
    'Periods whose missing amounts were given up and are not in the counts.',
    'item',
    orientation=-1,
)
COUNTING_SINCE = MetricSpec(
    'collector.counting_since', GAUGE, 'Epoch seconds of the boundary from which counts add up.', 'second'
)
AMOUNTS_SHRUNK = MetricSpec(
    'collector.amounts_shrunk',
    COUNT,
    'Amounts that CloudWatch lowered after they were counted: the counts exceed it by that.',
    'email',
    orientation=-1,
)
CONNECTED = MetricSpec(
    'can_connect', GAUGE, 'The service check can_connect as a number: 1 OK, 0.5 WARNING, 0 CRITICAL.', orientation=1
)

METRICS = (
    API_CALLS,
    API_ERRORS,
    API_THROTTLES,
    BILLED_METRICS,
    ESTIMATED_COST,
    DATA_AGE,
    RUN_DURATION,
    SERIES,
    IDLE_SERIES,
    SERIES_DROPPED,
    CONTEXTS,
    PERIODS_SKIPPED,
    COUNTING_SINCE,
    AMOUNTS_SHRUNK,
    CONNECTED,
)

CAN_CONNECT = StatusSpec(
    'can_connect',
    'Can connect',
    'OK while AWS answers everything, WARNING when something is denied, throttled, incomplete or late, CRITICAL when '
    'nothing can be read. The message names the failure and the way out.',
    groups=('aws_account', 'region'),
    levels=(Level.OK, Level.WARNING, Level.CRITICAL),
)
STATUSES = (CAN_CONNECT,)

CONNECTED_VALUES = {Level.OK: 1.0, Level.WARNING: 0.5, Level.CRITICAL: 0.0}
MESSAGE_LIMIT = 1000
"""Characters of a message. Datadog cuts longer ones."""


def calls(requests: Calls, region: str) -> Iterable[Sample]:
    """The requests of one Region, by operation and by kind of failure."""
    for request, number in sorted(requests.sent.items()):
        if request.region == region:
            yield Sample(API_CALLS, number, (f'operation:{request.operation}',))
    for (request, kind), number in sorted(requests.failed.items()):
        if request.region == region:
            yield Sample(API_ERRORS, number, (f'operation:{request.operation}', f'reason:{kind}'))
            if kind is FailureKind.THROTTLED:
                yield Sample(API_THROTTLES, number, (f'operation:{request.operation}',))
    billed = requests.billed_metrics.get(region, 0)
    if billed:
        yield Sample(BILLED_METRICS, billed)


def collection(progress: Progress, period: int, now: float) -> Iterable[Sample]:
    """The age, the estimated cost and the number of the series of one Region, and since when they are counted."""
    for name, source in progress.sources.items():
        if source.answered_at is not None:
            yield Sample(DATA_AGE, max(0.0, now - source.answered_at), (f'source:{name}',))
    number, idle = len(progress.selection.series), progress.slots.idle
    yield Sample(SERIES, number)
    yield Sample(IDLE_SERIES, idle)
    for reason, dropped in {MAX_SERIES: 0, **series_dropped(progress, now)}.items():
        yield Sample(SERIES_DROPPED, dropped, (f'reason:{reason}',))
    daily = len(progress.selection.daily)
    per_period = number - idle - daily + idle / slots.phases(period)
    yield Sample(ESTIMATED_COST, monthly_cost(per_period, period) + monthly_cost(daily, DAILY_INTERVAL))
    if progress.ledger is not None:
        yield Sample(COUNTING_SINCE, progress.ledger.since)


def series_dropped(progress: Progress, now: float) -> Mapping[str, int]:
    """How many listed series are not asked for, by reason."""
    blocked = quarantine.blocked_counts(progress.quarantine, progress.selection.series, now)
    return {**progress.selection.dropped, **blocked}


def run(seconds: float, contexts: int) -> Iterable[Sample]:
    """The duration of the run, and the contexts that it submitted, these two included."""
    yield Sample(RUN_DURATION, seconds)
    yield Sample(CONTEXTS, contexts + 2)


def uncounted(skipped: Iterable[SkippedSpan], lowered: float) -> Iterable[Sample]:
    """The periods whose amounts were given up in a run, and by how much CloudWatch lowered counted amounts."""
    periods: Counter[str] = Counter()
    for span in skipped:
        periods[span.reason] += (span.end - span.start) // span.period
    for reason, number in sorted(periods.items()):
        yield Sample(PERIODS_SKIPPED, number, (f'reason:{reason}',))
    if lowered:
        yield Sample(AMOUNTS_SHRUNK, lowered)


def failures(sources: Sources, of_the_run: Iterable[Failure] = ()) -> list[Failure]:
    """The failures of one Region, each once: those of its sources and of the run itself."""
    of_sources = (failure for source in sources.values() for failure in source.failures)
    return list(dict.fromkeys((*of_sources, *of_the_run)))


def level(sources: Sources, failing: Iterable[Failure], intervals: Mapping[str, int], now: float) -> Level:
    """The level of `can_connect`. CRITICAL: no source is fresh, or every source fails and is not just throttled."""
    if not tuple(failing):
        return Level.OK
    fresh = any(source.is_fresh(intervals[name], now) for name, source in sources.items())
    return Level.CRITICAL if not fresh or all(map(_is_dead, sources.values())) else Level.WARNING


def _is_dead(source: Source) -> bool:
    """Whether the last attempt of a source got no answer, for another reason than throttling."""
    throttled = all(failure.kind is FailureKind.THROTTLED for failure in source.failures)
    return source.answered_at != source.asked_at and bool(source.failures) and not throttled


def connection(level: Level, failing: Iterable[Failure] = ()) -> Iterable[Reading]:
    """The service check `can_connect` and the gauge of that name."""
    message = '; '.join(dict.fromkeys(str(failure) for failure in failing))
    if len(message) > MESSAGE_LIMIT:
        message = message[: MESSAGE_LIMIT - 4] + ' ...'
    yield Status(CAN_CONNECT, level, message if level is not Level.OK else '')
    yield Sample(CONNECTED, CONNECTED_VALUES[level])
