"""Telemetry: the metrics `collector.*` (calls, estimated cost, age of the data, series left out) and `can_connect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from datadog_checks.amazon_ses.cloudwatch import quarantine, slots
from datadog_checks.amazon_ses.cloudwatch.cost import monthly_cost
from datadog_checks.amazon_ses.cloudwatch.daily import DAILY_INTERVAL
from datadog_checks.amazon_ses.cloudwatch.ledger import SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.selection import MAX_SERIES
from datadog_checks.amazon_ses.model import (
    LEVEL_VALUES,
    Calls,
    Event,
    EventSpec,
    Failure,
    FailureKind,
    Level,
    MetricSpec,
    MetricType,
    Reading,
    Sample,
    Status,
    StatusSpec,
    Target,
)
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.sources import Source, Sources
from datadog_checks.amazon_ses.sweeps import Context, Sweep
from datadog_checks.amazon_ses.sweeps.states import States

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
    'account that may not be shown), refused (CloudWatch does not take the name) or malformed (a name is longer than '
    "CloudWatch's limits).",
    'item',
    orientation=-1,
)
REGION_LEFT_OUT = MetricSpec(
    'collector.region_left_out',
    GAUGE,
    '1 for a Region that `regions: all` leaves out. The reason is not_enabled, denied (every request is) or '
    'organization (a policy of the organization denies it).',
)
SWEEP_AGE = MetricSpec(
    'collector.sweep_age',
    GAUGE,
    'Seconds since the oldest part was read of what a source shows that needs a call for each item, or each hundred.',
    'second',
    orientation=-1,
)
SWEEP_PENDING = MetricSpec(
    'collector.sweep_pending', GAUGE, 'Items that such a source has still to read in its round.', 'item', orientation=-1
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
PERIODS_UNKNOWN = MetricSpec(
    'collector.periods_unknown',
    COUNT,
    'Periods of which nobody knows whether they were counted. The reason is failover (another Agent took a turn), '
    'state_lost or another_writer (another process wrote the same state).',
    'item',
    orientation=-1,
)
COVERED_SECONDS = MetricSpec(
    'collector.covered_seconds',
    COUNT,
    'Seconds since the run before, at most two collection intervals. One Agent gives 3,600 an hour; more means that '
    'several count the same account and Region.',
    'second',
)
COUNTING_BEGAN = EventSpec(
    'collector.counting_began',
    'Counting began anew in a Region, because there was no saved state. Expected at the first start; later it says '
    'that the state was lost, or that another Agent took over.',
)
COUNTING_SINCE = MetricSpec(
    'collector.counting_since', GAUGE, 'Epoch seconds of the boundary from which counts add up.', 'second'
)
AMOUNTS_DROPPED = MetricSpec(
    'collector.amounts_dropped',
    COUNT,
    'Amounts that the limit max_returned_metrics kept from Datadog: they are booked and in no count. This metric and '
    'periods_skipped are submitted whatever the limit.',
    'email',
    orientation=-1,
)
AMOUNTS_SHRUNK = MetricSpec(
    'collector.amounts_shrunk',
    GAUGE,
    'Amounts that CloudWatch lowered after they were counted: by so much the counts of the periods that are still read '
    'exceed it now.',
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
    REGION_LEFT_OUT,
    SWEEP_AGE,
    SWEEP_PENDING,
    CONTEXTS,
    PERIODS_SKIPPED,
    PERIODS_UNKNOWN,
    COVERED_SECONDS,
    COUNTING_SINCE,
    AMOUNTS_DROPPED,
    AMOUNTS_SHRUNK,
    CONNECTED,
)

UNLIMITED = (PERIODS_SKIPPED, AMOUNTS_DROPPED, CONNECTED)
"""Metrics that say what is missing. They are submitted even where `max_returned_metrics` is reached."""

CAN_CONNECT = StatusSpec(
    'can_connect',
    'Can connect',
    'OK while AWS answers everything, WARNING when something is denied, throttled, incomplete or late, CRITICAL when '
    'nothing can be read. The message names the failure and the way out.',
    groups=('aws_account', 'region'),
)
STATUSES = (CAN_CONNECT,)
EVENTS = (COUNTING_BEGAN,)

MALFORMED = 'malformed'
"""Why a series is left out that the listing names: a value of the tag `reason` of `collector.series_dropped`."""

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
        yield Sample(AMOUNTS_SHRUNK, progress.ledger.excess)


def series_dropped(progress: Progress, now: float) -> Mapping[str, int]:
    """How many listed series are not asked for, by reason."""
    blocked = quarantine.blocked_counts(progress.quarantine, progress.selection.series, now)
    malformed = {MALFORMED: progress.inventory.malformed} if progress.inventory.malformed else {}
    return {**progress.selection.dropped, **blocked, **malformed}


def sweeps(active: Iterable[Sweep[Any]], states: States, context: Context, now: float) -> Iterable[Sample]:
    """How old the oldest part is of what each sweep shows, and how many items it has still to read."""
    for sweep in active:
        if sweep.name in states:
            tags, state = (f'source:{sweep.name}',), states[sweep.name].state
            read_at = sweep.read_at(state)
            if read_at is not None:
                yield Sample(SWEEP_AGE, max(0.0, now - read_at), tags)
            yield Sample(SWEEP_PENDING, sweep.pending(state, context, now), tags)


def left_out(reason: str) -> Iterable[Sample]:
    """The gauge of a Region that is left out of `regions: all`."""
    yield Sample(REGION_LEFT_OUT, 1, (f'reason:{reason}',))


def dropped(amounts: float) -> Iterable[Sample]:
    """The amounts that `max_returned_metrics` kept from Datadog in a run."""
    if amounts:
        yield Sample(AMOUNTS_DROPPED, amounts)


def run(seconds: float, contexts: int, covered: float | None) -> Iterable[Sample]:
    """The duration of the run, the seconds that it covers if it counts, and the contexts that it submitted, these
    included."""
    samples = [Sample(RUN_DURATION, seconds), *([] if covered is None else [Sample(COVERED_SECONDS, covered)])]
    yield from samples
    yield Sample(CONTEXTS, contexts + len(samples) + 1)


def counting_began(target: Target, since: int) -> Event:
    """The event of a ledger that was opened without a saved state."""
    began = datetime.fromtimestamp(since, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
    text = (
        f'The counts add up from {began}, because this Agent had no saved state of account {target.account} in '
        f'{target.region}. That is expected at the first start. Otherwise the state was lost, or the check moved to '
        'another Agent: emails before that time may be missing.'
    )
    return Event(COUNTING_BEGAN, 'Amazon SES: counting began anew', text, 'info')


def uncounted(skipped: Iterable[SkippedSpan]) -> Iterable[Sample]:
    """The periods whose amounts were given up in a run, or are not known."""
    periods: Counter[tuple[MetricSpec, str]] = Counter()
    for span in skipped:
        periods[PERIODS_UNKNOWN if span.unknown else PERIODS_SKIPPED, span.reason] += (
            span.end - span.start
        ) // span.period
    for (metric, reason), number in sorted(periods.items(), key=lambda pair: pair[0][1]):
        yield Sample(metric, number, (f'reason:{reason}',))


def failures(sources: Sources, of_the_run: Iterable[Failure] = ()) -> list[Failure]:
    """The failures of one Region, each once: those of its sources and of the run itself.

    Credentials that are refused to several operations are one failure, that of the first: the remedy is the same.
    """
    of_sources = (failure for source in sources.values() for failure in source.failures)
    distinct: dict[object, Failure] = {}
    for failure in (*of_sources, *of_the_run):
        distinct.setdefault((failure.kind, failure.remedy) if failure.at_sign_in else failure, failure)
    return list(distinct.values())


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
    message = ' '.join(dict.fromkeys(str(failure) for failure in failing))
    if len(message) > MESSAGE_LIMIT:
        message = message[: MESSAGE_LIMIT - 4] + ' ...'
    yield Status(CAN_CONNECT, level, message if level is not Level.OK else '')
    if level in LEVEL_VALUES:
        yield Sample(CONNECTED, LEVEL_VALUES[level])
