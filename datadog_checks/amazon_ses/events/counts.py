"""Counts: the metrics of failure events. Two families, so that their tags do not multiply: by type, and by provider."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.events.envelopes import Kind
from datadog_checks.amazon_ses.events.facts import Facts
from datadog_checks.amazon_ses.events.memory import limited
from datadog_checks.amazon_ses.model import Bucket, MetricSpec, MetricType, Sample

COUNT, GAUGE = MetricType.COUNT, MetricType.GAUGE

NOT_EXACT = 'From the queues of event_queues: add it to nothing that CloudWatch counts.'


def _metric(name: str, tags: str, meaning: str, unit: str = 'email', orientation: int = -1) -> MetricSpec:
    return MetricSpec(f'event.{name}', COUNT, meaning, unit, orientation=orientation, tags=tuple(tags.split()))


BOUNCE = _metric(
    'bounce.count',
    'bounce_type bounce_sub_type configuration_set',
    f'Recipients that bounced, by type and sub-type. {NOT_EXACT}',
)
JUDGED = _metric(
    'bounce.judged.count',
    'configuration_set',
    'Recipients that bounced and that AWS judges: permanent bounces without those that SES caused itself (suppression '
    'lists, validation).',
)
COMPLAINT = _metric(
    'complaint.count',
    'feedback_type complaint_sub_type configuration_set',
    f'Recipients that complained, by feedback and sub-type. {NOT_EXACT}',
)
DELAY = _metric(
    'delivery_delay.count',
    'delay_type configuration_set',
    f'Recipients whose delivery was delayed, by type. {NOT_EXACT}',
)
DELIVERY = _metric(
    'delivery.count',
    'configuration_set',
    'Recipients whose mail was delivered, where deliveries come to a queue.',
    orientation=0,
)
REJECT = _metric('reject.count', 'configuration_set', f'Recipients of emails that SES refused for a virus. {NOT_EXACT}')
RENDERING_FAILURE = _metric(
    'rendering_failure.count',
    'template',
    f'Recipients of emails that could not be made from their template. {NOT_EXACT}',
)
PROVIDER = _metric(
    'provider.count',
    'provider event reason',
    'Recipients that bounced, complained or were delayed, by mailbox provider and by the class of what its server '
    'answered.',
)
DELIVERY_TIME = MetricSpec(
    'event.delivery_time',
    MetricType.DISTRIBUTION,
    'Seconds from the acceptance of an email until it was delivered, where deliveries come to a queue.',
    'second',
    orientation=-1,
    tags=('configuration_set',),
)
DUPLICATES = _metric('duplicates', 'queue', 'Messages of events that were counted already.', 'message', 0)
IGNORED = _metric('ignored', 'queue reason', 'Messages that are understood and not counted, by reason.', 'message', 0)
UNREADABLE = _metric(
    'unreadable', 'queue reason', 'Messages that are no event of SES, each once, by reason.', 'message'
)
GIVEN_UP = _metric(
    'unreadable_deleted',
    'queue',
    'Unreadable messages that were deleted at the third receipt, because the queue has no dead-letter queue.',
    'message',
)
QUEUE_LAG = MetricSpec(
    'event.queue_lag',
    GAUGE,
    'Seconds that the oldest message had waited in the queue when it was received. It grows where more comes than is '
    'read.',
    'second',
    orientation=-1,
    tags=('queue',),
)
MESSAGES_LEFT = MetricSpec(
    'event.messages_left',
    GAUGE,
    'Messages that wait in the queue after it was read.',
    'message',
    orientation=-1,
    tags=('queue',),
)
JUDGED_RATE = MetricSpec(
    'event.judged_bounce_rate',
    GAUGE,
    'Bounces that AWS judges, of the events of the last 24 hours, as a share of the delivery attempts of '
    'GetSendStatistics. Complete only where every email is sent with a configuration set that publishes to a queue.',
    'percent',
    orientation=-1,
)

METRICS = (
    BOUNCE,
    JUDGED,
    COMPLAINT,
    DELAY,
    DELIVERY,
    REJECT,
    RENDERING_FAILURE,
    PROVIDER,
    DELIVERY_TIME,
    DUPLICATES,
    IGNORED,
    UNREADABLE,
    GIVEN_UP,
    QUEUE_LAG,
    MESSAGES_LEFT,
    JUDGED_RATE,
)

BOUNDS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Bounds of the buckets of delivery times, in seconds. The last bucket is for everything longer."""
LONGEST = 14 * 86400.0


class Context(NamedTuple):
    """A metric with its tags, and the account where it is not that of the target."""

    metric: MetricSpec
    tags: tuple[str, ...] = ()
    account: str = ''


class Tally(NamedTuple):
    """What an event adds to the amounts, and to the buckets of delivery times by their bounds."""

    amounts: Iterable[tuple[Context, int]]
    buckets: Iterable[tuple[tuple[Context, float, float], int]]


def tally(facts: Facts, names: Mapping[str, tuple[str, ...]], account: str) -> tuple[Tally, Mapping[str, Any]]:
    """What an event adds, and the names of tags after it. `account` is empty for that of the target."""
    shown, names = limited(names, 'configuration_set', facts.configuration_set)
    set_tag, number = f'configuration_set:{shown}', facts.recipients
    amounts: list[tuple[Context, int]] = []
    buckets: list[tuple[tuple[Context, float, float], int]] = []
    if facts.kind is Kind.BOUNCE:
        types = f'bounce_type:{facts.category}', f'bounce_sub_type:{facts.subtype}'
        amounts.append((Context(BOUNCE, (*types, set_tag), account), number))
        if facts.is_judged:
            amounts.append((Context(JUDGED, (set_tag,), account), number))
    elif facts.kind is Kind.COMPLAINT:
        types = f'feedback_type:{facts.category}', f'complaint_sub_type:{facts.subtype}'
        amounts.append((Context(COMPLAINT, (*types, set_tag), account), number))
    elif facts.kind is Kind.DELIVERY_DELAY:
        amounts.append((Context(DELAY, (f'delay_type:{facts.category}', set_tag), account), number))
    elif facts.kind is Kind.RENDERING_FAILURE:
        template, names = limited(names, 'template', facts.template)
        amounts.append((Context(RENDERING_FAILURE, (f'template:{template}',), account), number))
    else:
        amounts.append((Context(REJECT if facts.kind is Kind.REJECT else DELIVERY, (set_tag,), account), number))
    if facts.seconds is not None:
        buckets.append(((Context(DELIVERY_TIME, (set_tag,), account), *bounds_of(facts.seconds)), number))
    for group in facts.groups:
        tags = f'provider:{group.provider}', f'event:{facts.kind}', f'reason:{group.reason}'
        amounts.append((Context(PROVIDER, tags, account), group.recipients))
    return Tally(amounts, buckets), names


def bounds_of(seconds: float) -> tuple[float, float]:
    """The bounds of the bucket that a time is in."""
    index = bisect_left(BOUNDS, seconds, lo=1)
    return (BOUNDS[index - 1], BOUNDS[index]) if index < len(BOUNDS) else (BOUNDS[-1], LONGEST)


def samples(
    amounts: Mapping[Context, int], buckets: Mapping[tuple[Context, float, float], int]
) -> Iterable[Sample | Bucket]:
    """The readings of what a run counted."""
    for (metric, tags, account), number in amounts.items():
        yield Sample(metric, number, tags, account)
    for ((metric, tags, account), lower, upper), number in buckets.items():
        yield Bucket(metric, number, lower, upper, tags, account)
