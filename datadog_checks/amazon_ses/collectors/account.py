"""The source `account`: sending quota, its use, standing and terms of the account, with one call of GetAccount.

While GetAccount is denied, GetSendQuota and GetAccountSendingEnabled of the first version of the API stand in for it.
They state neither the enforcement status nor the terms, such as the suppression list (`terms.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.collectors import ClientFor, Collector
from datadog_checks.amazon_ses.collectors import terms as account_terms
from datadog_checks.amazon_ses.collectors.terms import Terms, terms
from datadog_checks.amazon_ses.model import (
    LEVEL_VALUES,
    Action,
    Event,
    EventSpec,
    Level,
    MetricSpec,
    MetricType,
    Reading,
    Sample,
    Status,
    StatusSpec,
)
from datadog_checks.amazon_ses.values import amount, flag, number

GAUGE = MetricType.GAUGE

MAX_24_HOUR = MetricSpec(
    'quota.max_24_hour', GAUGE, 'Recipients that may be sent to in 24 hours; -1 is unlimited.', 'email', orientation=1
)
SENT_24_HOUR = MetricSpec('quota.sent_24_hour', GAUGE, 'Recipients sent to in the last 24 hours.', 'email')
REMAINING_24_HOUR = MetricSpec(
    'quota.remaining_24_hour', GAUGE, 'Recipients that may still be sent to in 24 hours.', 'email', orientation=1
)
UTILIZATION = MetricSpec(
    'quota.utilization', GAUGE, 'Share of the 24-hour quota that is used.', 'percent', orientation=-1
)
MAX_SEND_RATE = MetricSpec(
    'quota.max_send_rate', GAUGE, 'Recipients that may be sent to in a second.', 'email', 'second', orientation=1
)
ENFORCEMENT_LEVEL = MetricSpec(
    'account.enforcement_level', GAUGE, 'Standing of the account: 0 healthy, 1 under review, 2 paused.', orientation=-1
)
SENDING_ENABLED = MetricSpec(
    'account.sending_enabled', GAUGE, '1 where the account may send in this Region, else 0.', orientation=1
)
MAY_SEND = MetricSpec(
    'account.may_send',
    GAUGE,
    'The service check sending_status as a number: 1 AWS lets the account send, 0.5 under review, 0 paused or '
    'switched off.',
    orientation=1,
)
PRODUCTION_ACCESS = MetricSpec(
    'account.production_access', GAUGE, '1 with production access, 0 in the sandbox.', orientation=1
)

SENDING_STATUS = StatusSpec(
    'sending_status',
    'Sending status',
    'OK while AWS lets the account send, WARNING under review, CRITICAL when sending is paused or switched off, '
    'UNKNOWN when AWS does not say.',
    groups=('aws_account', 'region'),
)

STANDING_CHANGED = EventSpec(
    'account.standing', 'The standing of the account changed: healthy, under review or paused.'
)
SENDING_SWITCHED = EventSpec('account.sending', 'Sending was switched on or off for the account in a Region.')

LEVELS = {'HEALTHY': 0, 'PROBATION': 1, 'SHUTDOWN': 2}
WORDS = {'HEALTHY': 'healthy', 'PROBATION': 'under review', 'SHUTDOWN': 'paused'}
UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Standing:
    """The enforcement status, whether sending is switched on, and the terms: a change is an event. None where AWS did
    not say."""

    enforcement_status: str | None
    sending_enabled: bool | None
    terms: Terms = Terms()


def fetch(client_for: ClientFor) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client_for('sesv2').get_account()
    return answer


def fetch_quota_v1(client_for: ClientFor) -> Mapping[str, Any]:
    return {'SendQuota': client_for('ses').get_send_quota()}


def fetch_sending_v1(client_for: ClientFor) -> Mapping[str, Any]:
    return {'SendingEnabled': client_for('ses').get_account_sending_enabled()['Enabled']}


def parse(account: Mapping[str, Any], now: float) -> Iterable[Reading]:
    parsed = standing(account)
    yield from parse_quota(account, now)
    yield from _standing_readings(parsed, account)
    yield from account_terms.readings(parsed.terms)


def parse_quota(account: Mapping[str, Any], _: float) -> Iterable[Reading]:
    """The quota and its use. An unlimited quota has no remainder, and an unlimited or empty one no percentage."""
    quota = account['SendQuota']
    most = number(quota['Max24HourSend'])
    if most != UNLIMITED:
        most = amount(most)
    sent, rate = amount(quota['SentLast24Hours']), amount(quota['MaxSendRate'])
    yield Sample(MAX_24_HOUR, most)
    yield Sample(SENT_24_HOUR, sent)
    if most != UNLIMITED:
        yield Sample(REMAINING_24_HOUR, max(0.0, most - sent))
    if most > 0:
        yield Sample(UTILIZATION, 100.0 * sent / most)
    yield Sample(MAX_SEND_RATE, rate)


def parse_standing(account: Mapping[str, Any], _: float) -> Iterable[Reading]:
    """Whether AWS lets the account send. A field that the answer lacks gives no sample."""
    return _standing_readings(standing(account), account)


def _standing_readings(parsed: Standing, account: Mapping[str, Any]) -> Iterable[Reading]:
    if parsed.enforcement_status in LEVELS:
        yield Sample(ENFORCEMENT_LEVEL, LEVELS[str(parsed.enforcement_status)])
    if parsed.sending_enabled is not None:
        yield Sample(SENDING_ENABLED, float(parsed.sending_enabled))
    production = flag(account.get('ProductionAccessEnabled'))
    if production is not None:
        yield Sample(PRODUCTION_ACCESS, float(production))
    status_now = status(parsed)
    if status_now.level in LEVEL_VALUES:
        yield Sample(MAY_SEND, LEVEL_VALUES[status_now.level])
    yield status_now


def standing(account: Mapping[str, Any]) -> Standing:
    """The standing that an answer states. Raises TypeError where it is garbage."""
    enforcement = account.get('EnforcementStatus')
    if enforcement is not None and not isinstance(enforcement, str):
        raise TypeError('the enforcement status is no text')
    return Standing(enforcement, flag(account.get('SendingEnabled')), terms(account))


def status(now: Standing) -> Status:
    """The service check `sending_status`: the worse of the enforcement status and of whether sending is on."""
    if now.enforcement_status == 'SHUTDOWN':
        return Status(
            SENDING_STATUS,
            Level.CRITICAL,
            'AWS paused sending for this account in this Region: no mail leaves. '
            'Open the SES console (Reputation metrics) and answer the case in AWS Support.',
        )
    if now.sending_enabled is False:
        return Status(
            SENDING_STATUS,
            Level.CRITICAL,
            'Sending is switched off for this account in this Region: no mail leaves. If nobody meant to, an automatic '
            'pause may have acted on the bounce or complaint rate; switch it on with PutAccountSendingAttributes.',
        )
    if now.enforcement_status == 'PROBATION':
        return Status(
            SENDING_STATUS,
            Level.WARNING,
            'AWS has this account under review in this Region and may pause it. '
            'Find the source of the bounces or complaints and answer the case in AWS Support.',
        )
    if now.enforcement_status != 'HEALTHY' or now.sending_enabled is None:
        return Status(
            SENDING_STATUS,
            Level.UNKNOWN,
            'AWS did not say whether the account is under review or paused. ses:GetAccount tells it.',
        )
    return Status(SENDING_STATUS, Level.OK)


def changes(before: Standing | None, now: Standing) -> Iterable[Event]:
    """The events of a change between two answers. A first answer is no change, nor is a field that AWS left out."""
    if before is None:
        return
    if _differ(before.enforcement_status, now.enforcement_status):
        was, is_ = (WORDS.get(str(value), str(value)) for value in (before.enforcement_status, now.enforcement_status))
        worse = LEVELS.get(str(now.enforcement_status), 1) > LEVELS.get(str(before.enforcement_status), 1)
        paused = now.enforcement_status == 'SHUTDOWN'
        yield Event(
            STANDING_CHANGED,
            f'Amazon SES account is {is_}',
            f'The account was {was} and is now {is_}.',
            'error' if paused else 'warning' if worse else 'success',
        )
    if _differ(before.sending_enabled, now.sending_enabled):
        on = bool(now.sending_enabled)
        yield Event(
            SENDING_SWITCHED,
            f'Amazon SES sending was switched {"on" if on else "off"}',
            'The account may send again.' if on else 'The account cannot send: every request to send is refused.',
            'success' if on else 'error',
        )
    yield from account_terms.changes(before.terms, now.terms)


def newest_standing(before: Standing | None, now: Standing) -> Standing:
    """Each field of the standing as AWS last stated it."""
    if before is None:
        return now
    return Standing(
        before.enforcement_status if now.enforcement_status is None else now.enforcement_status,
        before.sending_enabled if now.sending_enabled is None else now.sending_enabled,
        before.terms.updated(now.terms),
    )


def _differ(before: object, now: object) -> bool:
    return before is not None and now is not None and before != now


QUOTA = (MAX_24_HOUR, SENT_24_HOUR, REMAINING_24_HOUR, UTILIZATION, MAX_SEND_RATE)

ACCOUNT = Collector(
    name='account',
    interval=60,
    actions=(Action('ses:GetAccount', 'sending quota, standing of the account, sandbox, plan, suppression'),),
    metrics=(*QUOTA, ENFORCEMENT_LEVEL, SENDING_ENABLED, MAY_SEND, PRODUCTION_ACCESS, *account_terms.METRICS),
    fetch=fetch,
    parse=parse,
    statuses=(SENDING_STATUS,),
    events=(STANDING_CHANGED, SENDING_SWITCHED, *account_terms.EVENTS),
    service='sesv2',
)
QUOTA_V1 = Collector(
    name='quota_v1',
    interval=60,
    actions=(Action('ses:GetSendQuota', 'sending quota, where ses:GetAccount is denied'),),
    metrics=QUOTA,
    fetch=fetch_quota_v1,
    parse=parse_quota,
    instead_of=ACCOUNT.name,
)
SENDING_V1 = Collector(
    name='sending_v1',
    interval=60,
    actions=(Action('ses:GetAccountSendingEnabled', 'whether sending is switched on, where ses:GetAccount is denied'),),
    metrics=(SENDING_ENABLED, MAY_SEND),
    fetch=fetch_sending_v1,
    parse=parse_standing,
    statuses=(SENDING_STATUS,),
    events=(SENDING_SWITCHED,),
    instead_of=ACCOUNT.name,
)
STANDING_SOURCES = (ACCOUNT, SENDING_V1)
"""The sources whose answers state the standing."""
