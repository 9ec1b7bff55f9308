"""Facts: what is kept of an event. No address, subject, link or answer of a mail server is among them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.events.envelopes import Kind, MailEvent
from datadog_checks.amazon_ses.events.providers import provider_of
from datadog_checks.amazon_ses.events.reasons import Reason, classified

OTHER = 'other'
"""In place of a word that AWS does not document, which may be anything."""

NONE = 'none'
"""In place of a word that the event lacks."""

BOUNCE_TYPES = ('permanent', 'transient', 'undetermined')
BOUNCE_SUB_TYPES = (
    *('general', 'no_email', 'suppressed', 'on_account_suppression_list', 'on_tenant_suppression_list'),
    *('email_validation_suppressed', 'unsubscribed_recipient', 'mailbox_full', 'message_too_large'),
    *('custom_timeout_exceeded', 'content_rejected', 'attachment_rejected', 'undetermined'),
)
FEEDBACK_TYPES = ('abuse', 'auth-failure', 'fraud', 'not-spam', 'other', 'virus')
COMPLAINT_SUB_TYPES = ('on_account_suppression_list', 'on_tenant_suppression_list')
DELAY_TYPES = (
    *('internal_failure', 'general', 'mailbox_full', 'spam_detected', 'recipient_server_error', 'ip_failure'),
    *('transient_communication_failure', 'byoip_host_name_lookup_unavailable', 'undetermined', 'sending_deferral'),
)

NOT_JUDGED = (
    *('suppressed', 'on_account_suppression_list', 'on_tenant_suppression_list'),
    *('email_validation_suppressed', 'unsubscribed_recipient'),
)
"""Sub-types of permanent bounces that SES caused itself, which AWS leaves out where it judges an account."""

NAME = re.compile(r'[A-Za-z0-9_-]{1,64}')
"""The form of the name of a configuration set or a template. No address has it."""
DOMAIN = re.compile(r'[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}')
ACCOUNT = re.compile(r'[0-9]{12}')

SET_TAG, FROM_DOMAIN_TAG = 'ses:configuration-set', 'ses:from-domain'


class Group(NamedTuple):
    """Recipients of a provider that were refused for the same reason, and how many they are."""

    provider: str
    reason: str
    code: str
    recipients: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be counted and logged of one event.

    `key` is a hash that is the same each time that the event is delivered. `at` is when it happened. `category` is the
    type of a bounce or delay, or the feedback of a complaint, `subtype` the rest of it. `message` is a hash of the
    message's id. `seconds` is what a delivery took.
    """

    kind: Kind
    key: int
    at: float
    account: str
    configuration_set: str
    recipients: int
    groups: tuple[Group, ...] = ()
    category: str = ''
    subtype: str = ''
    template: str = ''
    seconds: float | None = None
    from_domain: str = ''
    message: str = ''

    @property
    def is_judged(self) -> bool:
        """Whether AWS counts it as a bounce where it judges the account."""
        return self.kind is Kind.BOUNCE and self.category == 'permanent' and self.subtype not in NOT_JUDGED


def facts_of(event: MailEvent) -> Facts:
    """The facts of an event. Raises KeyError, TypeError, ValueError, AttributeError or OverflowError where it is
    incomplete."""
    mail = event.content['mail']
    return _READERS[event.kind](event.content, _Mail(mail))


def hashed(*texts: str) -> int:
    """64 bits of the hash of some texts."""
    return int.from_bytes(blake2b('\0'.join(texts).encode('utf-8', 'surrogatepass'), digest_size=8).digest(), 'big')


class _Mail:
    """What all events say of the message."""

    def __init__(self, mail: Mapping[str, Any]) -> None:
        tags = mail.get('tags') or {}
        account = str(mail.get('sendingAccountId') or '')
        self.message_id = str(mail['messageId'])
        self.at = str(mail.get('timestamp') or '')
        self.account = account if ACCOUNT.fullmatch(account) else ''
        self.configuration_set = _named(_first(tags.get(SET_TAG)))
        domain = _first(tags.get(FROM_DOMAIN_TAG)).lower()
        self.from_domain = domain if DOMAIN.fullmatch(domain) else ''
        self.destination = [str(address) for address in mail.get('destination') or ()]

    def facts(
        self, kind: Kind, identity: str, addresses: Iterable[str], at: str, groups: Iterable[Group] = (), **more: Any
    ) -> Facts:
        recipients = list(addresses)
        return Facts(
            kind,
            hashed(kind, self.message_id, identity or at, *sorted(recipients)),
            datetime.fromisoformat(at or self.at).timestamp(),
            self.account,
            self.configuration_set,
            max(1, len(recipients)),
            tuple(groups),
            from_domain=self.from_domain,
            message=f'{hashed(self.message_id):016x}',
            **more,
        )


def _bounce(content: Mapping[str, Any], mail: _Mail) -> Facts:
    bounce = content['bounce']
    recipients = bounce['bouncedRecipients']
    category = _word(bounce.get('bounceType'), BOUNCE_TYPES)
    subtype = _word(bounce.get('bounceSubType'), BOUNCE_SUB_TYPES)
    addresses = [str(recipient['emailAddress']) for recipient in recipients]
    groups = _groups(recipients, addresses, subtype)
    identity, at = str(bounce.get('feedbackId') or ''), str(bounce.get('timestamp') or '')
    return mail.facts(Kind.BOUNCE, identity, addresses, at, groups, category=category, subtype=subtype)


def _complaint(content: Mapping[str, Any], mail: _Mail) -> Facts:
    complaint = content['complaint']
    addresses = [str(recipient['emailAddress']) for recipient in complaint['complainedRecipients']]
    category = _word(complaint.get('complaintFeedbackType'), FEEDBACK_TYPES)
    subtype = _word(complaint.get('complaintSubType'), COMPLAINT_SUB_TYPES)
    providers = Counter(provider_of(_domain(address), '') for address in addresses)
    groups = (Group(provider, Reason.COMPLAINT, '', number) for provider, number in providers.items())
    identity, at = str(complaint.get('feedbackId') or ''), str(complaint.get('timestamp') or '')
    return mail.facts(Kind.COMPLAINT, identity, addresses, at, groups, category=category, subtype=subtype)


def _delay(content: Mapping[str, Any], mail: _Mail) -> Facts:
    delay = content['deliveryDelay']
    recipients = delay['delayedRecipients']
    category = _word(delay.get('delayType'), DELAY_TYPES)
    addresses = [str(recipient['emailAddress']) for recipient in recipients]
    groups = _groups(recipients, addresses, category)
    return mail.facts(Kind.DELIVERY_DELAY, '', addresses, str(delay.get('timestamp') or ''), groups, category=category)


def _delivery(content: Mapping[str, Any], mail: _Mail) -> Facts:
    delivery = content['delivery']
    addresses = [str(address) for address in delivery['recipients']]
    seconds = float(delivery['processingTimeMillis']) / 1000
    if not 0 <= seconds < float('inf'):
        raise ValueError('not a duration')
    return mail.facts(Kind.DELIVERY, '', addresses, str(delivery.get('timestamp') or ''), seconds=seconds)


def _reject(content: Mapping[str, Any], mail: _Mail) -> Facts:
    content['reject'].keys()
    return mail.facts(Kind.REJECT, '', mail.destination, '')


def _rendering_failure(content: Mapping[str, Any], mail: _Mail) -> Facts:
    template = _named(content['failure'].get('templateName'))
    return mail.facts(Kind.RENDERING_FAILURE, template, mail.destination, '', template=template)


_READERS = {
    Kind.BOUNCE: _bounce,
    Kind.COMPLAINT: _complaint,
    Kind.DELIVERY: _delivery,
    Kind.DELIVERY_DELAY: _delay,
    Kind.REJECT: _reject,
    Kind.RENDERING_FAILURE: _rendering_failure,
}


def _groups(recipients: Iterable[Mapping[str, Any]], addresses: Iterable[str], subtype: str) -> Iterable[Group]:
    groups: Counter[tuple[str, str, str]] = Counter()
    for recipient, address in zip(recipients, addresses, strict=True):
        text = str(recipient.get('diagnosticCode') or '')
        answer = classified(text, str(recipient.get('status') or ''), subtype.replace('_', ''))
        groups[provider_of(_domain(address), text.lower()), answer.reason, answer.code] += 1
    return (Group(*group, number) for group, number in groups.items())


def _domain(address: str) -> str:
    """The domain of an address, which may stand in angle brackets after a name."""
    return address.rpartition('@')[2].strip(' <>"').lower()


def _first(texts: object) -> str:
    """The value of a tag, which comes as a list."""
    text = texts[0] if isinstance(texts, list) and texts else texts
    return text if isinstance(text, str) else ''


def _named(text: object) -> str:
    if not isinstance(text, str) or not text:
        return NONE
    return text if NAME.fullmatch(text) else OTHER


def _word(text: object, words: tuple[str, ...]) -> str:
    """The documented word that AWS spells in this way: OnAccountSuppressionList is on_account_suppression_list."""
    if not isinstance(text, str) or not text:
        return NONE
    plain = text.lower()
    return next((word for word in words if word.replace('_', '') == plain), OTHER)
