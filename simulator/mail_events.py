"""Events of SES as the developer guide shows them, and the envelopes in which they reach a queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

ACCOUNT, REGION = '123456789012', 'us-east-1'
START = 1_790_000_040.0

NUMBERS = count(1)

Content = dict[str, Any]


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z'


def mail(at: float, recipients: Sequence[str], account: str = ACCOUNT, name: str = 'receipts') -> Content:
    return {
        'timestamp': stamp(at),
        'source': 'Shop <orders@shop.example>',
        'sourceArn': f'arn:aws:ses:{REGION}:{account}:identity/shop.example',
        'sendingAccountId': account,
        'messageId': f'0100018f{next(NUMBERS):016x}-000000',
        'destination': list(recipients),
        'headersTruncated': False,
        'headers': [{'name': 'Subject', 'value': 'Your order'}, {'name': 'To', 'value': ', '.join(recipients)}],
        'commonHeaders': {'from': ['orders@shop.example'], 'to': list(recipients), 'subject': 'Your order'},
        'tags': {
            'ses:configuration-set': [name],
            'ses:from-domain': ['shop.example'],
            'ses:source-ip': ['192.0.2.1'],
            'ses:caller-identity': ['app'],
        },
    }


def event(kind: str, key: str, details: Content, at: float, recipients: Sequence[str], **options: Any) -> Content:
    return {'eventType': kind, 'mail': mail(at - 5, recipients, **options), key: details}


def bounce(
    *recipients: str,
    kind: tuple[str, str] = ('Permanent', 'General'),
    answer: tuple[str, str] = ('5.1.1', 'smtp; 550 5.1.1 user unknown'),
    at: float = START,
    **options: Any,
) -> Content:
    recipients = recipients or ('ann@gmail.com',)
    details = {
        'bounceType': kind[0],
        'bounceSubType': kind[1],
        'bouncedRecipients': [
            {'emailAddress': address, 'action': 'failed', 'status': answer[0], 'diagnosticCode': answer[1]}
            for address in recipients
        ],
        'timestamp': stamp(at),
        'feedbackId': f'0100018f{next(NUMBERS):016x}-000001',
        'reportingMTA': 'dns; a8-95.smtp-out.amazonses.com',
    }
    return event('Bounce', 'bounce', details, at, recipients, **options)


def complaint(*recipients: str, at: float = START, **options: Any) -> Content:
    recipients = recipients or ('ann@yahoo.com',)
    details = {
        'complainedRecipients': [{'emailAddress': address} for address in recipients],
        'timestamp': stamp(at),
        'feedbackId': f'0100018f{next(NUMBERS):016x}-000002',
        'complaintSubType': None,
        'userAgent': 'ExampleCorp Feedback Loop (V0.01)',
        'complaintFeedbackType': 'abuse',
        'arrivalDate': stamp(at),
    }
    return event('Complaint', 'complaint', details, at, recipients, **options)


def delivery(*recipients: str, seconds: float = 1.5, at: float = START, **options: Any) -> Content:
    recipients = recipients or ('ann@outlook.com',)
    details = {
        'timestamp': stamp(at),
        'processingTimeMillis': int(seconds * 1000),
        'recipients': list(recipients),
        'smtpResponse': '250 2.6.0 Message received from ann@outlook.com',
        'remoteMtaIp': '192.0.2.9',
        'reportingMTA': 'a8-95.smtp-out.amazonses.com',
    }
    return event('Delivery', 'delivery', details, at, recipients, **options)


def delay(
    *recipients: str, kind: str = 'SpamDetected', answer: tuple[str, str] = ('', ''), at: float = START, **options: Any
) -> Content:
    recipients = recipients or ('ann@web.de',)
    details = {
        'timestamp': stamp(at),
        'delayType': kind,
        'expirationTime': stamp(at + 50000),
        'delayedRecipients': [
            {'emailAddress': address, 'status': answer[0], 'diagnosticCode': answer[1]} for address in recipients
        ],
        'reportingMTA': 'a8-95.smtp-out.amazonses.com',
    }
    return event('DeliveryDelay', 'deliveryDelay', details, at, recipients, **options)


def reject(*recipients: str, at: float = START, **options: Any) -> Content:
    return event('Reject', 'reject', {'reason': 'Bad content'}, at, recipients or ('ann@gmail.com',), **options)


def rendering_failure(*recipients: str, template: str = 'welcome', at: float = START, **options: Any) -> Content:
    details = {'templateName': template, 'errorMessage': "Attribute 'name' is not present for ann@gmail.com"}
    return event('Rendering Failure', 'failure', details, at, recipients or ('ann@gmail.com',), **options)


EVERY_KIND = (bounce, complaint, delivery, delay, reject, rendering_failure)


def raw(content: Content) -> str:
    """As SNS delivers with raw message delivery."""
    return json.dumps(content)


def sns(content: Content | str) -> str:
    message = content if isinstance(content, str) else json.dumps(content)
    return json.dumps(
        {
            'Type': 'Notification',
            'MessageId': '8df46e73-0000-0000-0000-000000000000',
            'TopicArn': f'arn:aws:sns:{REGION}:{ACCOUNT}:ses-events',
            'Subject': 'Amazon SES Email Event Notification',
            'Message': message,
            'Timestamp': stamp(START),
            'SignatureVersion': '1',
            'Signature': 'EXAMPLE',
            'SigningCertURL': 'https://sns.us-east-1.amazonaws.com/cert.pem',
            'UnsubscribeURL': f'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&Token={"t" * 40}',
        }
    )


def event_bridge(content: Content) -> str:
    return json.dumps(
        {
            'version': '0',
            'id': '12a18625-3328-fafd-a809-a5e16004c112',
            'detail-type': f'Email {content.get("eventType")}',
            'source': 'aws.ses',
            'account': ACCOUNT,
            'time': stamp(START),
            'region': REGION,
            'resources': [],
            'detail': content,
        }
    )


ENVELOPES = (raw, sns, event_bridge)
