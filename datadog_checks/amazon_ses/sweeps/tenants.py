"""The sweep of tenants: which of them AWS, their policy or their owner paused, and which are near a pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Context, Sweep
from datadog_checks.amazon_ses.sweeps.naming import Happening, event_of, label_of, tags_of
from datadog_checks.amazon_ses.sweeps.tenant_facts import (
    AWS,
    CUSTOMER,
    DISABLED,
    IMPACT,
    IMPACTS,
    PAUSED_BY,
    PAUSERS,
    POLICIES,
    POLICY,
    STATUS,
    STATUSES,
    UNKNOWN,
    Entity,
    badness,
)
from datadog_checks.amazon_ses.sweeps.tenant_rounds import (
    INTERVAL,
    LIST,
    SHORT_INTERVAL,
    Tenants,
    after_answer,
    from_document,
    newest,
    next_request,
    pending,
    read_at,
    to_document,
)

GAUGE = MetricType.GAUGE

COUNT = MetricSpec(
    'tenant.count', GAUGE, 'Tenants, by status: enabled, disabled (paused) or reinstated (they send with findings).',
    'item', interval=SHORT_INTERVAL, tags=('status',),
)  # fmt: skip
WITH_FINDINGS = MetricSpec(
    'tenant.with_findings', GAUGE, 'Tenants with a finding of AWS, by its impact.', 'item', orientation=-1,
    interval=SHORT_INTERVAL, tags=('impact',),
)  # fmt: skip
PAUSED = MetricSpec(
    'tenant.paused', GAUGE, 'Tenants that may not send, by who paused them: aws, or customer, which is the owner or '
    'the reputation policy.', 'item', orientation=-1, interval=SHORT_INTERVAL, tags=('paused_by',),
)  # fmt: skip
SENDING_ENABLED = MetricSpec(
    'tenant.sending_enabled',
    GAUGE,
    '1 where a tenant may send, else 0: of tenants that are paused, reinstated or near a pause, and for an hour after.',
    orientation=1,
    interval=SHORT_INTERVAL,
    tags=('tenant', 'tenant_id', 'status', 'impact', 'policy', 'paused_by'),
)
UNNAMED = MetricSpec(
    'tenant.unnamed', GAUGE, 'Tenants with something wrong that max_tenants leaves unnamed, if any.', 'item',
    orientation=-1, interval=SHORT_INTERVAL,
)  # fmt: skip

PAUSED_EVENT = EventSpec('tenant.paused', 'Tenants were paused.')
RESUMED = EventSpec('tenant.resumed', 'Tenants may send again.')
ESCALATED = EventSpec('tenant.escalated', 'AWS found something about tenants, or found it to be worse.')
HOUR = 3600
NOUN = ('a tenant', 'tenants')
TEXTS = {
    AWS: 'AWS paused it. Look at Tenants in the console of SES, and at its findings.',
    CUSTOMER: 'Its reputation policy or somebody of yours paused it. Look at Tenants in the console of SES.',
    UNKNOWN: 'AWS does not say who paused it. Look at Tenants in the console of SES.',
}


def readings(state: Tenants, context: Context, now: float) -> Iterable[Reading]:
    """Nothing without tenants, or while the lists are too old."""
    listed_at, newest_at = state.whole.listed_at, newest(state)
    if not state.numbers or listed_at is None or newest_at is None:
        return
    if now - listed_at >= 3 * INTERVAL or now - newest_at >= 3 * SHORT_INTERVAL:
        return
    kinds = Counter(state.numbers.values())
    for bits, metric, words, tag, zeros in (
        (STATUS, COUNT, STATUSES, 'status', (STATUSES[DISABLED],)),
        (IMPACT, WITH_FINDINGS, IMPACTS, 'impact', IMPACTS[1:]),
    ):
        counts = Counter(dict.fromkeys(zeros, 0))
        for number, times in kinds.items():
            counts[words[bits.read(number)]] += times
        for text, times in counts.items():
            if text != IMPACTS[0]:
                yield Sample(metric, times, (f'{tag}:{text}',))
    # With zeros, so that a monitor recovers.
    paused: Counter[int] = Counter({AWS: 0, CUSTOMER: 0})
    for number, times in kinds.items():
        if STATUS.read(number) == DISABLED:
            paused[PAUSED_BY.read(number)] += times
    for pauser, times in paused.items():
        yield Sample(PAUSED, times, (f'paused_by:{PAUSERS[pauser]}',))
    yield from _named(state, context, now)


def changes(before: Tenants, after: Tenants, context: Context) -> Iterable[Event]:
    """The events between two states. A tenant that is seen for the first time is no change."""
    paused: dict[int, list[str]] = {}
    resumed: list[str] = []
    escalated: list[str] = []
    entities = {**before.entities, **after.entities}
    for key, number in after.numbers.items():
        then = before.numbers.get(key)
        if then is None or then == number or key not in entities:
            continue
        label = label_of(entities[key].resource, context)
        statuses = STATUS.read(then), STATUS.read(number)
        if UNKNOWN not in statuses and (statuses[0] == DISABLED) != (statuses[1] == DISABLED):
            (paused.setdefault(PAUSED_BY.read(number), []) if statuses[1] == DISABLED else resumed).append(label)
        if IMPACT.read(number) > IMPACT.read(then):
            escalated.append(f'{label} ({IMPACTS[IMPACT.read(number)]} impact)')
    for pauser, labels in paused.items():
        yield event_of(Happening(PAUSED_EVENT, NOUN, 'paused', TEXTS[pauser], 'error'), labels)
    if resumed:
        yield event_of(Happening(RESUMED, NOUN, 'resumed', 'Mail may leave again.', 'success'), resumed)
    if escalated:
        text = 'AWS has a finding about it, or a worse one. With a strict policy a finding of low impact is a pause.'
        yield event_of(Happening(ESCALATED, NOUN, 'with findings', text, 'warning'), escalated)


def _named(state: Tenants, context: Context, now: float) -> Iterable[Sample]:
    """The tenants with something wrong, the worst first, then those that are well again."""
    bad = [key for key, number in state.numbers.items() if badness(number)]
    named = sorted((key for key in bad if key in state.entities), key=lambda key: -badness(state.numbers[key]))
    named = named[: context.max_tenants]
    if len(bad) > len(named):
        yield Sample(UNNAMED, len(bad) - len(named))
    recovered = [key for key in state.recovered if key in state.entities and now - state.recovered[key] < HOUR]
    for key in (*named, *recovered[: context.max_tenants - len(named)]):
        yield Sample(SENDING_ENABLED, *_state_of(state.entities[key], state.numbers[key], context))


def _state_of(tenant: Entity, number: int, context: Context) -> tuple[float, tuple[str, ...]]:
    """Whether a tenant may send, and its tags."""
    status = STATUS.read(number)
    tags = (
        *tags_of(tenant.resource, context),
        f'status:{STATUSES[status]}',
        f'impact:{IMPACTS[IMPACT.read(number)]}',
        f'policy:{POLICIES[POLICY.read(number)]}',
    )
    paused_by = (f'paused_by:{PAUSERS[PAUSED_BY.read(number)]}',) if status == DISABLED else ()
    return float(status != DISABLED), (*tags, *paused_by)


TENANTS: Sweep[Tenants] = Sweep(
    name='tenant_health',
    actions=(Action(f'ses:{LIST}', 'tenants: which are paused, or have findings'),),
    metrics=(COUNT, WITH_FINDINGS, PAUSED, SENDING_ENABLED, UNNAMED),
    events=(PAUSED_EVENT, RESUMED, ESCALATED),
    new_state=Tenants,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
