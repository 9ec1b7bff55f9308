"""Facts about an identity, packed into the bits of one number: 10,000 identities are small, and are saved by hash.

A state that AWS did not tell, or that this module does not know, is UNKNOWN, which is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.sweeps.memory import Bits, hash_of
from datadog_checks.amazon_ses.values import flag

UNKNOWN = 0
PENDING, SUCCESS, FAILED, TEMPORARY, NOT_STARTED = range(1, 6)
STATE_NAMES = ('unknown', 'pending', 'success', 'failed', 'temporary_failure', 'not_started')
"""States of a verification, of DKIM and of MAIL FROM, by their number."""

DOMAIN, ADDRESS = 1, 2
TYPE_NAMES = ('unknown', 'domain', 'email_address', 'managed_domain')
NO, YES = 1, 2
"""What AWS said no or yes to. It did not say where the number is 0."""

TYPE = Bits(0, 2)
VERIFICATION = Bits(2, 3)
WAS_VERIFIED = Bits(5)
SENDING = Bits(6, 2)
DKIM = Bits(8, 3)
DKIM_SIGNS = Bits(11, 2)
DKIM_TEMPORARY_BEFORE = Bits(13)
MAIL_FROM = Bits(14, 3)
HAS_MAIL_FROM = Bits(17, 2)
MAIL_FROM_REJECTS = Bits(19)
MAIL_FROM_TEMPORARY_BEFORE = Bits(20)
BOUNCE_TOPIC = Bits(21, 2)
COMPLAINT_TOPIC = Bits(23, 2)
HAD_BOUNCE_TOPIC = Bits(25)
HAD_COMPLAINT_TOPIC = Bits(26)
FORWARDING = Bits(27, 2)
SHORT_KEY = Bits(29)
HAS_SET = Bits(30, 2)
PENDING_SINCE = Bits(32, 16)
TOPIC_LOST_SINCE = Bits(48, 16)
"""Hours since the epoch, in 16 bits, which is seven years; 0 where it is not so."""

TOPICS = ((BOUNCE_TOPIC, HAD_BOUNCE_TOPIC), (COMPLAINT_TOPIC, HAD_COMPLAINT_TOPIC))
LONG_LOST = 7 * 24
"""Hours after which a topic that is gone counts as removed on purpose."""

SPELLINGS = {name.replace('_', ''): number for number, name in enumerate(STATE_NAMES) if number}
TYPES = {name.replace('_', ''): number for number, name in enumerate(TYPE_NAMES) if number}


class Identity(NamedTuple):
    """An identity as the list names it. `parents` are the hashes of the domains that it belongs to, the nearest first.

    `facts` are those that the list tells.
    """

    hash: int
    name: str
    parents: tuple[int, ...]
    facts: int


def listed_identity(row: Mapping[str, Any]) -> Identity:
    """An identity of the list. Raises KeyError or TypeError where it is garbage."""
    name = row['IdentityName']
    if not isinstance(name, str):
        raise TypeError('the name is no text')
    facts = TYPE.put(0, TYPES.get(_squashed(row.get('IdentityType')), ADDRESS if '@' in name else DOMAIN))
    facts = VERIFICATION.put(facts, _state(row.get('VerificationStatus')))
    facts = SENDING.put(facts, _answer(row.get('SendingEnabled')))
    return Identity(hash_of(name.lower()), name, tuple(map(hash_of, _parents(name.lower()))), facts)


def with_listed(number: int, identity: Identity, now: float) -> int:
    """The facts after the list told of an identity."""
    for bits in (TYPE, VERIFICATION, SENDING):
        number = bits.put(number, bits.read(identity.facts))
    verification = VERIFICATION.read(number)
    if verification == SUCCESS:
        number = WAS_VERIFIED.put(number, 1)
    since = PENDING_SINCE.read(number) or hour(now)
    return PENDING_SINCE.put(number, since if verification == PENDING else 0)


def with_dkim(number: int, attributes: object, now: float) -> int:
    """The facts after GetIdentityDkimAttributes told of an identity, or left it out (None)."""
    fields = _mapping(attributes)
    was_temporary = DKIM.read(number) == TEMPORARY
    number = DKIM.put(number, _state(fields.get('DkimVerificationStatus')))
    number = DKIM_TEMPORARY_BEFORE.put(number, int(was_temporary and DKIM.read(number) == TEMPORARY))
    return DKIM_SIGNS.put(number, _answer(fields.get('DkimEnabled')))


def with_mail_from(number: int, attributes: object, now: float) -> int:
    """The facts after GetIdentityMailFromDomainAttributes told of an identity, or left it out (None)."""
    fields = _mapping(attributes)
    was_temporary = MAIL_FROM.read(number) == TEMPORARY
    number = HAS_MAIL_FROM.put(number, (YES if fields.get('MailFromDomain') else NO) if fields else UNKNOWN)
    number = MAIL_FROM.put(number, _state(fields.get('MailFromDomainStatus')))
    number = MAIL_FROM_TEMPORARY_BEFORE.put(number, int(was_temporary and MAIL_FROM.read(number) == TEMPORARY))
    return MAIL_FROM_REJECTS.put(number, int(_squashed(fields.get('BehaviorOnMXFailure')) == 'rejectmessage'))


def with_topics(number: int, attributes: object, now: float) -> int:
    """The facts after GetIdentityNotificationAttributes told of an identity, or left it out (None).

    Where SES cannot publish to a topic, it removes it from the identity and forwards by e-mail again. Where nothing is
    forwarded, or after a week, the topic counts as removed on purpose.
    """
    fields = _mapping(attributes)
    forwarding = _answer(fields.get('ForwardingEnabled'))
    number = FORWARDING.put(number, forwarding)
    since = TOPIC_LOST_SINCE.read(number)
    on_purpose = forwarding == NO or (since and hours_since(since, now) >= LONG_LOST)
    is_lost = False
    for name, (has, had) in zip(('BounceTopic', 'ComplaintTopic'), TOPICS, strict=True):
        number = has.put(number, (YES if fields.get(name) else NO) if fields else UNKNOWN)
        if has.read(number) == YES or (on_purpose and fields):
            number = had.put(number, int(has.read(number) == YES))
        is_lost |= had.read(number) == 1 and has.read(number) == NO
    if not fields:
        return number
    return TOPIC_LOST_SINCE.put(number, (since or hour(now)) if is_lost else 0)


def with_details(number: int, answer: Mapping[str, Any]) -> int:
    """The facts after GetEmailIdentity told of an identity."""
    dkim = _mapping(answer.get('DkimAttributes'))
    number = SHORT_KEY.put(number, int(_squashed(dkim.get('CurrentSigningKeyLength')) == 'rsa1024bit'))
    return HAS_SET.put(number, YES if answer.get('ConfigurationSetName') else NO)


def hour(now: float) -> int:
    """The hour of a time, in 16 bits and never 0."""
    return int(now // 3600) % (1 << 16) or 1


def hours_since(since: int, now: float) -> int:
    return (hour(now) - since) % (1 << 16)


def _parents(name: str) -> list[str]:
    """The domain of an address and the domains above it, or those above a domain, without the top-level domain."""
    local, at, domain = name.rpartition('@')
    labels = domain.split('.')
    return ['.'.join(labels[first:]) for first in range(0 if at else 1, len(labels) - 1)]


def _mapping(attributes: object) -> Mapping[str, Any]:
    """Attributes, or none where AWS left them out. Raises TypeError for anything else."""
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping):
        raise TypeError('attributes are no mapping')
    return attributes


def _squashed(word: object) -> str:
    """A word of either version of the API in one spelling: TEMPORARY_FAILURE and TemporaryFailure are one."""
    return str(word or '').replace('_', '').lower()


def _state(word: object) -> int:
    return SPELLINGS.get(_squashed(word), UNKNOWN)


def _answer(value: object) -> int:
    truth = flag(value)
    return UNKNOWN if truth is None else YES if truth else NO
