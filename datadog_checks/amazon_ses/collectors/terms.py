"""The terms under which an account sends, as GetAccount states them: quota, sandbox, plan, suppression and the like.

What an answer lacks is unknown and never off: an older SDK drops the fields that it does not know. Use case, website,
contacts and case numbers are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Event, EventSpec, MetricSpec, MetricType, Sample
from datadog_checks.amazon_ses.values import number
from datadog_checks.amazon_ses.words import is_on, member, word

GAUGE = MetricType.GAUGE

SUPPRESSION = MetricSpec(
    'account.suppression_enabled',
    GAUGE,
    '1 where addresses that bounce or complain (tag `reason`) are put on the suppression list of the account, else 0: '
    'then mail to them goes on and harms the reputation.',
    orientation=1,
)
VALIDATION = MetricSpec(
    'account.auto_validation',
    GAUGE,
    '1 with the state of auto validation as `status`: disabled, or the confidence from which SES sends (medium, high, '
    'managed). Mail that it holds back counts as bounced and is billed.',
)
VDM = MetricSpec(
    'account.vdm_enabled', GAUGE, '1 where the Virtual Deliverability Manager is on, else 0.', orientation=1
)
SHARED_POOL = MetricSpec(
    'account.shared_pool',
    GAUGE,
    '1 with `status` global where mail may leave from shared IPs of other Regions, and regional where it may not.',
)
AUTO_WARMUP = MetricSpec(
    'account.auto_warmup_enabled', GAUGE, '1 where new dedicated IPs are warmed up by SES, else 0.', orientation=1
)
PLAN = MetricSpec('account.plan', GAUGE, '1 with the pricing plan as `status`: none, essentials, pro, enterprise.')
PRODUCTION_REQUEST = MetricSpec(
    'account.production_access_request',
    GAUGE,
    '1 with what became of the request for production access as `status`: pending, granted, denied or failed.',
)
METRICS = (SUPPRESSION, VALIDATION, VDM, SHARED_POOL, AUTO_WARMUP, PLAN, PRODUCTION_REQUEST)

QUOTA_CHANGED = EventSpec('account.quota', 'The sending quota or the maximum send rate was raised or lowered.')
SANDBOX_CHANGED = EventSpec('account.sandbox', 'The account left the sandbox or is in it again.')
PLAN_CHANGED = EventSpec('account.plan', 'The pricing plan of the account, or the plan to come, changed.')
SUPPRESSION_CHANGED = EventSpec('account.suppression', 'What puts addresses on the suppression list changed.')
VALIDATION_CHANGED = EventSpec('account.auto_validation', 'Auto validation was switched on or off or became stricter.')
SHARED_POOL_CHANGED = EventSpec('account.shared_pool', 'Mail may leave from shared IPs of other Regions, or no longer.')
EVENTS = (
    QUOTA_CHANGED,
    SANDBOX_CHANGED,
    PLAN_CHANGED,
    SUPPRESSION_CHANGED,
    VALIDATION_CHANGED,
    SHARED_POOL_CHANGED,
)

REASONS = ('bounce', 'complaint')
UNLIMITED = -1
HELD_BACK = 'Mail that auto validation holds back counts as bounced and against the quota, and is billed.'
FROM_OTHER_REGIONS = (
    'With global, mail may leave from shared IPs of other Regions: look at lists of allowed senders, and at rules on '
    'where data stay.'
)
THEFT = 'If nobody in your organization asked AWS for it, look for stolen keys.'


class Terms(NamedTuple):
    """The terms, as numbers, words and truth values. None where AWS did not say.

    `suppression` has the reasons that put an address on the list, in order, '' where none does.
    """

    max_24_hour: float | None = None
    max_send_rate: float | None = None
    production_access: bool | None = None
    plan: str | None = None
    next_plan: str | None = None
    suppression: str | None = None
    validation: str | None = None
    shared_pool: str | None = None
    vdm: bool | None = None
    auto_warmup: bool | None = None
    production_request: str | None = None

    def updated(self, now: Terms) -> Terms:
        """Each term as AWS last stated it."""
        return Terms(*map(_newest, self, now))


def _newest(before: Any, now: Any) -> Any:
    return before if now is None else now


def terms(account: Mapping[str, Any]) -> Terms:
    """The terms that an answer states. A value of another form than AWS documents is unknown."""
    return Terms(
        max_24_hour=_number(member(account, 'SendQuota', 'Max24HourSend')),
        max_send_rate=_number(member(account, 'SendQuota', 'MaxSendRate')),
        production_access=is_on(account.get('ProductionAccessEnabled')),
        plan=word(member(account, 'PricingAttributes', 'CurrentPlan')),
        next_plan=word(member(account, 'PricingAttributes', 'NextPlan')),
        suppression=_suppression(member(account, 'SuppressionAttributes', 'SuppressedReasons')),
        validation=validation(member(account, 'SuppressionAttributes', 'ValidationAttributes')),
        shared_pool=word(member(account, 'DeliveryAttributes', 'SharedPoolDeliveryMode')),
        vdm=is_on(member(account, 'VdmAttributes', 'VdmEnabled')),
        auto_warmup=is_on(account.get('DedicatedIpAutoWarmupEnabled')),
        production_request=word(member(account, 'Details', 'ReviewDetails', 'Status')),
    )


def _number(value: object) -> float | None:
    try:
        return number(value)
    except ValueError:
        return None


def _suppression(reasons: object) -> str | None:
    """The reasons in order. An empty list switches suppression off; that is not the same as no list."""
    if not isinstance(reasons, list):
        return None
    words = [word(reason) for reason in reasons]
    return ', '.join(sorted(text for text in words if text)) if all(words) else None


def validation(attributes: object) -> str | None:
    """Auto validation as a word: disabled, or the confidence from which mail is sent."""
    enabled = is_on(member(attributes, 'ConditionThreshold', 'ConditionThresholdEnabled'))
    threshold = member(attributes, 'ConditionThreshold', 'OverallConfidenceThreshold', 'ConfidenceVerdictThreshold')
    if enabled is None:
        return None
    return (word(threshold) or 'enabled') if enabled else 'disabled'


def readings(current: Terms) -> Iterable[Sample]:
    """The gauges of the terms that are known. Quota and sandbox have gauges elsewhere."""
    if current.suppression is not None:
        suppressed = current.suppression.split(', ')
        for reason in REASONS:
            yield Sample(SUPPRESSION, float(reason in suppressed), (f'reason:{reason}',))
    for metric, switch in ((VDM, current.vdm), (AUTO_WARMUP, current.auto_warmup)):
        if switch is not None:
            yield Sample(metric, float(switch))
    for metric, state in (
        (VALIDATION, current.validation),
        (SHARED_POOL, current.shared_pool),
        (PLAN, current.plan),
        (PRODUCTION_REQUEST, current.production_request),
    ):
        if state:
            yield Sample(metric, 1.0, (f'status:{state}',))


def changes(before: Terms, now: Terms) -> Iterable[Event]:
    """The events of a change between two answers. A term that one of them does not state is no change."""
    yield from _quota_changes(before, now)
    if _differ(before.production_access, now.production_access):
        yield _sandbox_event(has_left=bool(now.production_access))
    if _differ(before.plan, now.plan) or _differ(before.next_plan, now.next_plan):
        plan, coming = now.plan or 'unknown', now.next_plan or 'unknown'
        text = f'The plan is {plan}. The next one is {coming}.'
        yield Event(PLAN_CHANGED, f'Amazon SES plan is {plan}', text, 'info')
    if _differ(before.suppression, now.suppression):
        yield _suppression_event(before.suppression or '', now.suppression or '')
    for spec, title, text, then, current in (
        (VALIDATION_CHANGED, 'auto validation', HELD_BACK, before.validation, now.validation),
        (SHARED_POOL_CHANGED, 'shared pool', FROM_OTHER_REGIONS, before.shared_pool, now.shared_pool),
    ):
        if _differ(then, current):
            yield Event(spec, f'Amazon SES {title} is {current}', f'It was {then}. {text}', 'info')


def _sandbox_event(has_left: bool) -> Event:
    if has_left:
        text = f'AWS granted production access: mail may go to anybody. {THEFT}'
        return Event(SANDBOX_CHANGED, 'Amazon SES account left the sandbox', text, 'info')
    text = 'AWS withdrew production access: mail goes to verified addresses alone.'
    return Event(SANDBOX_CHANGED, 'Amazon SES account is in the sandbox again', text, 'error')


def _quota_changes(before: Terms, now: Terms) -> Iterable[Event]:
    pairs = (
        ('24-hour quota', before.max_24_hour, now.max_24_hour),
        ('maximum send rate', before.max_send_rate, now.max_send_rate),
    )
    changed = [
        (name, then, current)
        for name, then, current in pairs
        if then is not None and current is not None and then != current
    ]
    if not changed:
        return
    lowered = any(_height(current) < _height(then) for _, then, current in changed)
    sentences = [f'The {name} was {_limit(then)} and is now {_limit(current)}.' for name, then, current in changed]
    yield Event(
        QUOTA_CHANGED,
        f'Amazon SES sending quota was {"lowered" if lowered else "raised"}',
        ' '.join([*sentences, *([] if lowered else [THEFT])]),
        'warning' if lowered else 'info',
    )


def _height(limit: float) -> float:
    return float('inf') if limit == UNLIMITED else limit


def _limit(limit: float) -> str:
    return 'unlimited' if limit == UNLIMITED else f'{limit:,.15g}'


def _suppression_event(before: str, now: str) -> Event:
    removed = set(before.split(', ')) - set(now.split(', ')) - {''}
    return Event(
        SUPPRESSION_CHANGED,
        f'Amazon SES suppression {"was switched off in part" if removed and now else "is off" if removed else "is on"}',
        f'Addresses were put on the suppression list after: {before or "nothing"}. Now after: {now or "nothing"}.'
        + (' Mail to addresses that do not exist goes on and harms the reputation.' if removed else ''),
        'warning' if removed else 'success',
    )


def _differ(before: object, now: object) -> bool:
    return before is not None and now is not None and before != now
