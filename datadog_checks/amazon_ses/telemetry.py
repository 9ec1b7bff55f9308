"""What a run says about itself: calls, cost, age of the data, what was left out, and whether AWS can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from datadog_checks.amazon_ses.cloudwatch.ledger import GivenUp
from datadog_checks.amazon_ses.cloudwatch.queries import monthly_cost
from datadog_checks.amazon_ses.cloudwatch.schedule import DAILY_EVERY, lanes
from datadog_checks.amazon_ses.cloudwatch.selection import MAX_SERIES, Pace
from datadog_checks.amazon_ses.model import (
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
from datadog_checks.amazon_ses.progress import Progress, Source
from datadog_checks.amazon_ses.readings import hold

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

NUMBERS = {Level.OK: 1.0, Level.WARNING: 0.5, Level.CRITICAL: 0.0}
MESSAGE_LIMIT = 1000
"""Characters of a message: longer ones are cut by Datadog, and nobody reads them."""


def calls(sent: Mapping[str, int], failed: Mapping[tuple[str, FailureKind], int], billed: int) -> Iterable[Sample]:
    """The requests of one Region, by operation and by kind of failure."""
    for operation, number in sorted(sent.items()):
        yield Sample(API_CALLS, number, (f'operation:{operation}',))
    for (operation, kind), number in sorted(failed.items()):
        yield Sample(API_ERRORS, number, (f'operation:{operation}', f'reason:{kind}'))
        if kind is FailureKind.THROTTLED:
            yield Sample(API_THROTTLES, number, (f'operation:{operation}',))
    if billed:
        yield Sample(BILLED_METRICS, billed)


def collection(progress: Progress, period: int, now: float) -> Iterable[Sample]:
    """How old the data of one Region are, what they cost and since when they are counted."""
    for name, source in progress.sources.items():
        if source.read is not None:
            yield Sample(DATA_AGE, max(0.0, now - source.read), (f'source:{name}',))
    number = len(progress.series)
    yield Sample(SERIES, number)
    yield Sample(IDLE_SERIES, progress.idle)
    for reason, left_out in {MAX_SERIES: 0, **dropped(progress, now)}.items():
        yield Sample(SERIES_DROPPED, left_out, (f'reason:{reason}',))
    daily = progress.selection.paces.count(Pace.DAILY)
    asked = number - progress.idle - daily + progress.idle / lanes(period)
    yield Sample(ESTIMATED_COST, monthly_cost(asked, period) + monthly_cost(daily, DAILY_EVERY))
    if progress.ledger is not None:
        yield Sample(COUNTING_SINCE, progress.ledger.since)


def dropped(progress: Progress, now: float) -> Mapping[str, int]:
    """The series that are not asked for, by reason."""
    resting = {name for name, until in progress.resting.items() if until > now}
    forbidden = sum(one.account in resting for one in progress.series if one.account) if resting else 0
    refused = sum(one.key in resting for one in progress.series) if resting else 0
    found = dict(progress.selection.dropped)
    return {**found, **({'forbidden': forbidden} if forbidden else {}), **({'refused': refused} if refused else {})}


def run(seconds: float, contexts: int) -> Iterable[Sample]:
    """What the run took and how many contexts it has submitted, the two of these included."""
    yield Sample(RUN_DURATION, seconds)
    yield Sample(CONTEXTS, contexts + 2)


def losses(given_up: Iterable[GivenUp], shrunk: float) -> Iterable[Sample]:
    """What an answer could not count."""
    skipped: dict[str, int] = {}
    for span in given_up:
        skipped[span.reason] = skipped.get(span.reason, 0) + (span.end - span.start) // span.period
    for reason, periods in sorted(skipped.items()):
        yield Sample(PERIODS_SKIPPED, periods, (f'reason:{reason}',))
    if shrunk:
        yield Sample(AMOUNTS_SHRUNK, shrunk)


def failing(progress: Progress, troubles: Iterable[Failure] = ()) -> list[Failure]:
    """Everything that fails in one Region now: its sources, and the troubles of the run itself."""
    failures = (failure for source in progress.sources.values() for failure in source.failures)
    return list(dict.fromkeys((*failures, *troubles)))


def level(progress: Progress, failing: Iterable[Failure], cadences: Mapping[str, int], now: float) -> Level:
    """How well AWS can be read: CRITICAL where every source fails other than by throttling, or nothing is fresh."""
    if not tuple(failing):
        return Level.OK
    sources = progress.sources.items()
    fresh = [name for name, one in sources if one.read is not None and now - one.read < hold(cadences[name])]
    return Level.CRITICAL if not fresh or all(_dead(one) for _, one in sources) else Level.WARNING


def _dead(source: Source) -> bool:
    """Whether the last request of a source got nothing, for a reason that will not pass by itself."""
    throttled = all(failure.kind is FailureKind.THROTTLED for failure in source.failures)
    return source.read != source.asked and bool(source.failures) and not throttled


def reached(level: Level, failing: Iterable[Failure] = ()) -> Iterable[Reading]:
    """The service check `can_connect` and the gauge of that name."""
    message = '; '.join(dict.fromkeys(str(failure) for failure in failing))
    if len(message) > MESSAGE_LIMIT:
        message = message[: MESSAGE_LIMIT - 4] + ' ...'
    yield Status(CAN_CONNECT, level, message if level is not Level.OK else '')
    yield Sample(CONNECTED, NUMBERS[level])
