"""What is wrong with an identity: the problems, their severity, and how facts show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from datadog_checks.amazon_ses.sweeps import identity_facts as facts
from datadog_checks.amazon_ses.sweeps.identity_facts import (
    ADDRESS,
    FAILED,
    NO,
    NOT_STARTED,
    PENDING,
    SUCCESS,
    TEMPORARY,
    UNKNOWN,
    YES,
    Identity,
)
from datadog_checks.amazon_ses.sweeps.memory import Bits
from datadog_checks.amazon_ses.sweeps.severity import Severity

PENDING_HOURS = 72
"""Hours for which SES looks for the records of a new identity."""


class Problem(NamedTuple):
    """A problem. `text` completes "An identity ..." and says where to look. `needs` are the facts that show it.

    `is_event` says that its beginning and its end are events.
    """

    severity: Severity
    text: str
    needs: tuple[Bits, ...]
    is_event: bool = False


DNS = 'Look at the DNS records that the console of SES names for it (Identities).'
TOPIC = (
    'SES removes a topic that it cannot publish to (deleted, permission, KMS key) and forwards by e-mail again. Set '
    'the topic again, or switch forwarding off if it is gone on purpose.'
)

PROBLEMS: Mapping[str, Problem] = {
    'verification_lost': Problem(
        Severity.CRITICAL, f'lost its verification and cannot send. {DNS}', (facts.VERIFICATION,), True
    ),
    'sending_off': Problem(
        Severity.CRITICAL, 'is verified and may not send. Look at the identity in the console of SES.',
        (facts.VERIFICATION, facts.SENDING), True,
    ),
    'mail_from_rejects': Problem(
        Severity.CRITICAL,
        f'has a MAIL FROM domain without its MX record, and is set to reject mail then: sends are refused. {DNS}',
        (facts.HAS_MAIL_FROM,), True,
    ),
    'verification_failed': Problem(Severity.WARNING, f'could not be verified. {DNS}', (facts.VERIFICATION,)),
    'pending_72h': Problem(
        Severity.WARNING, f'has been pending for more than 72 hours, and SES looks no longer. {DNS}',
        (facts.VERIFICATION,),
    ),
    'dkim_failed': Problem(
        Severity.WARNING, f'lost its DKIM records, so nothing is signed. {DNS}', (facts.DKIM,), True
    ),
    'dkim_temporary': Problem(
        Severity.WARNING, f'has DKIM records that SES could not find twice in a row. {DNS}', (facts.DKIM,), True
    ),
    'dkim_off': Problem(
        Severity.WARNING, 'has DKIM records, but signing is switched off.', (facts.DKIM, facts.DKIM_SIGNS), True
    ),
    'mail_from_failed': Problem(
        Severity.WARNING, f'has a MAIL FROM domain without its MX record: SPF is not aligned. {DNS}',
        (facts.HAS_MAIL_FROM,), True,
    ),
    'feedback_topic_lost': Problem(
        Severity.WARNING, f'had an SNS topic for bounces or complaints and has none. {TOPIC}', (facts.BOUNCE_TOPIC,)
    ),
    'no_feedback': Problem(
        Severity.WARNING,
        'tells nobody of bounces or complaints: it has no topic, no forwarding and no configuration set.',
        (facts.BOUNCE_TOPIC, facts.HAS_SET),
    ),
    'no_domain_identity': Problem(
        Severity.WARNING, 'is an address that sends, and its domain is not verified: DKIM and DMARC cannot pass.', ()
    ),
    'dkim_1024': Problem(Severity.INFO, 'signs with a DKIM key of 1,024 bits.', (facts.HAS_SET,)),
    'shadows_domain': Problem(
        Severity.INFO,
        'is an address whose own MAIL FROM, topics and configuration set apply instead of those of its domain.',
        (facts.BOUNCE_TOPIC, facts.HAS_MAIL_FROM),
    ),
    'no_mail_from': Problem(
        Severity.INFO, 'is a domain without a MAIL FROM domain of its own, so SPF is not aligned.',
        (facts.HAS_MAIL_FROM,),
    ),
}  # fmt: skip
"""Every problem, the worst first."""

COUNTED_ONLY = frozenset({'no_mail_from'})
"""Problems that name no identity by themselves: most domains of many accounts have them."""

SHADOWED = (facts.HAS_MAIL_FROM, facts.BOUNCE_TOPIC, facts.COMPLAINT_TOPIC, facts.HAS_SET)
"""Facts of an address that apply instead of those of its domain."""


def problems(identity: Identity, numbers: Mapping[int, int], now: float) -> tuple[str, ...]:
    """The problems of an identity, the worst first. `numbers` are the facts of all identities by hash."""
    number = numbers.get(identity.hash, UNKNOWN)
    since = facts.PENDING_SINCE.read(number)
    is_long = bool(since) and facts.hours_since(since, now) > PENDING_HOURS
    lone = lone_problems(facts.PENDING_SINCE.put(number, int(is_long)))
    if facts.TYPE.read(number) != ADDRESS:
        return lone
    inherited = tuple(_problems_by_domain(identity, number, numbers))
    return tuple(name for name in PROBLEMS if name in lone or name in inherited) if inherited else lone


def severity(names: Iterable[str]) -> Severity:
    return max((PROBLEMS[name].severity for name in names), default=Severity.GOOD)


def is_known(name: str, number: int) -> bool:
    """Whether the facts that show a problem are known."""
    return all(bits.read(number) != UNKNOWN for bits in PROBLEMS[name].needs)


@lru_cache(maxsize=4096)
def lone_problems(number: int) -> tuple[str, ...]:
    """The problems that the facts of an identity show alone, pending for long where `PENDING_SINCE` is not 0."""
    shown = {**_of_verification(number), **_of_dkim(number), **_of_mail_from(number), **_of_feedback(number)}
    return tuple(name for name in PROBLEMS if shown.get(name))


def _of_verification(number: int) -> dict[str, bool]:
    verification, was_verified = facts.VERIFICATION.read(number), facts.WAS_VERIFIED.read(number)
    return {
        'verification_lost': bool(was_verified) and verification in (FAILED, NOT_STARTED),
        'verification_failed': not was_verified and verification == FAILED,
        'sending_off': verification == SUCCESS and facts.SENDING.read(number) == NO,
        'pending_72h': verification == PENDING and bool(facts.PENDING_SINCE.read(number)),
    }


def _of_dkim(number: int) -> dict[str, bool]:
    """An address has the DKIM of its domain."""
    if facts.TYPE.read(number) == ADDRESS:
        return {}
    dkim = facts.DKIM.read(number)
    return {
        'dkim_failed': dkim == FAILED,
        'dkim_temporary': dkim == TEMPORARY and bool(facts.DKIM_TEMPORARY_BEFORE.read(number)),
        'dkim_off': dkim == SUCCESS and facts.DKIM_SIGNS.read(number) == NO,
        'dkim_1024': bool(facts.SHORT_KEY.read(number)),
    }


def _of_mail_from(number: int) -> dict[str, bool]:
    has, state = facts.HAS_MAIL_FROM.read(number), facts.MAIL_FROM.read(number)
    rejects = bool(facts.MAIL_FROM_REJECTS.read(number))
    is_bad = state == FAILED or (state == TEMPORARY and bool(facts.MAIL_FROM_TEMPORARY_BEFORE.read(number)))
    is_domain = facts.TYPE.read(number) != ADDRESS and facts.VERIFICATION.read(number) == SUCCESS
    return {
        'mail_from_rejects': has == YES and rejects and state not in (SUCCESS, UNKNOWN),
        'mail_from_failed': has == YES and not rejects and is_bad,
        'no_mail_from': has == NO and is_domain,
    }


def _of_feedback(number: int) -> dict[str, bool]:
    lacks_topic = NO in (facts.BOUNCE_TOPIC.read(number), facts.COMPLAINT_TOPIC.read(number))
    return {
        'feedback_topic_lost': lacks_topic and bool(facts.TOPIC_LOST_SINCE.read(number)),
        'no_feedback': lacks_topic and facts.FORWARDING.read(number) == NO and facts.HAS_SET.read(number) == NO,
    }


def _problems_by_domain(identity: Identity, number: int, numbers: Mapping[int, int]) -> Iterable[str]:
    """The problems of an address that its domain shows."""
    verified = [parent for parent in identity.parents if facts.VERIFICATION.read(numbers.get(parent, 0)) == SUCCESS]
    if not verified:
        # A domain that AWS cannot look up at the moment is verified until it says otherwise.
        doubtful = any(facts.VERIFICATION.read(numbers.get(parent, 0)) == TEMPORARY for parent in identity.parents)
        if facts.SENDING.read(number) == YES and facts.VERIFICATION.read(number) == SUCCESS and not doubtful:
            yield 'no_domain_identity'
        return
    domain = numbers[verified[0]]
    pairs = ((bits.read(number), bits.read(domain)) for bits in SHADOWED)
    differs = any(of_address != of_domain and UNKNOWN not in (of_address, of_domain) for of_address, of_domain in pairs)
    if facts.VERIFICATION.read(number) == SUCCESS and differs:
        yield 'shadows_domain'
