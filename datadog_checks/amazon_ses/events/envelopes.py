"""Envelopes: from the body of a message to the event of SES in it. Keys tell raw ones, SNS and EventBridge apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """The kinds of events that are counted."""

    BOUNCE = 'bounce'
    COMPLAINT = 'complaint'
    DELIVERY = 'delivery'
    DELIVERY_DELAY = 'delivery_delay'
    REJECT = 'reject'
    RENDERING_FAILURE = 'rendering_failure'


class Ignored(StrEnum):
    """Why a message that is understood is deleted without being counted by kind."""

    SEND = 'send'
    OPEN = 'open'
    CLICK = 'click'
    SUBSCRIPTION = 'subscription'
    RECEIVED = 'received'
    VALIDATION = 'validation'
    NOT_MAIL = 'not_mail'
    OTHER_ACCOUNT = 'other_account'


class Unreadable(StrEnum):
    """Why a message is left for the dead-letter queue."""

    NOT_JSON = 'not_json'
    NOT_SES = 'not_ses'
    CONFIRMATION = 'confirmation'
    INCOMPLETE = 'incomplete'


class MailEvent(NamedTuple):
    """An event of SES as it came."""

    kind: Kind
    content: Mapping[str, Any]


TYPES: Mapping[str, Kind | Ignored] = {
    'bounce': Kind.BOUNCE,
    'complaint': Kind.COMPLAINT,
    'delivery': Kind.DELIVERY,
    'deliverydelay': Kind.DELIVERY_DELAY,
    'reject': Kind.REJECT,
    'renderingfailure': Kind.RENDERING_FAILURE,
    'send': Ignored.SEND,
    'open': Ignored.OPEN,
    'click': Ignored.CLICK,
    'subscription': Ignored.SUBSCRIPTION,
    'received': Ignored.RECEIVED,
    'amazonsnssubscriptionsucceeded': Ignored.VALIDATION,
}
"""Values of `eventType` and `notificationType`, in lower case and without spaces."""

VALIDATION = ('Successfully validated SNS topic', 'You have successfully subscribed your Amazon SNS topic')
"""How the texts begin that SES sends when a topic is set up."""

CONFIRMATIONS = ('SubscriptionConfirmation', 'UnsubscribeConfirmation')
"""Messages of SNS itself, which hold a link with a token."""

EVENT_BRIDGE_SOURCE = 'aws.ses'


def opened(body: str) -> MailEvent | Ignored | Unreadable:
    """The event in the body of a message, or why there is none."""
    content = _parsed(body)
    if isinstance(content, Mapping):
        if content.get('Type') in CONFIRMATIONS:
            return Unreadable.CONFIRMATION
        if content.get('Type') == 'Notification' and 'TopicArn' in content:
            content = _parsed(content.get('Message'))
        elif 'detail-type' in content and 'detail' in content:
            if content.get('source') != EVENT_BRIDGE_SOURCE:
                return Unreadable.NOT_SES
            content = content['detail']
            if isinstance(content, Mapping) and 'mail' not in content:
                return Ignored.NOT_MAIL
    return _event(content) if isinstance(content, Mapping) else content


def _parsed(text: object) -> Mapping[str, Any] | Ignored | Unreadable:
    if not isinstance(text, str):
        return Unreadable.NOT_JSON
    if text.startswith(VALIDATION):
        return Ignored.VALIDATION
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable.NOT_JSON
    return content if isinstance(content, dict) else Unreadable.NOT_SES


def _event(content: Mapping[str, Any]) -> MailEvent | Ignored | Unreadable:
    name = content.get('eventType', content.get('notificationType'))
    if not isinstance(name, str):
        return Unreadable.NOT_SES
    kind = TYPES.get(name.replace(' ', '').lower(), Unreadable.NOT_SES)
    return MailEvent(kind, content) if isinstance(kind, Kind) else kind
