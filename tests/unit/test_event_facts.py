"""What is kept of an event, in each envelope: literals with the fields of AWS's developer guide. Without HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from common import ACCOUNT, REGION, START

from datadog_checks.amazon_ses.events import counts
from datadog_checks.amazon_ses.events.envelopes import Ignored, Kind, MailEvent, Unreadable, opened
from datadog_checks.amazon_ses.events.facts import Facts, Group, facts_of
from datadog_checks.amazon_ses.events.intake import Events, after_receiving, counted
from datadog_checks.amazon_ses.events.queues import EventQueue, Message, Received, ReceiveTask
from datadog_checks.amazon_ses.model import Target
from simulator import mail_events as events

HERE = Target(ACCOUNT, REGION)
QUEUE = EventQueue('https://sqs.us-east-1.amazonaws.com/123456789012/events', REGION, 'events')
SECRET = 'planted.person@secret.example'
"""An address, which is planted in each text of an event."""


def facts(body: str) -> Facts:
    content = opened(body)
    assert isinstance(content, MailEvent), content
    return facts_of(content)


@pytest.mark.parametrize('envelope', events.ENVELOPES)
@pytest.mark.parametrize('new_event', events.EVERY_KIND)
def test_each_kind_is_read_in_each_envelope(
    new_event: Callable[..., events.Content], envelope: Callable[[events.Content], str]
) -> None:
    """Whether raw, over SNS or over EventBridge, an event has the same facts, also as a feedback notification."""
    content = new_event('ann@gmail.com', 'bob@web.de')
    read = facts(envelope(content))
    assert read == facts(events.raw(content))
    assert (read.recipients, read.configuration_set, read.from_domain) == (2, 'receipts', 'shop.example')
    old = {'notificationType': content['eventType'], **{name: content[name] for name in content if name != 'eventType'}}
    assert facts(envelope(old)) == read


def test_each_kind_has_its_words() -> None:
    """Types and sub-types are spelled like tags, and recipients are grouped by provider and reason."""
    read = facts(events.raw(events.bounce('a@gmail.com', 'b@gmail.com', 'c@hotmail.co.uk')))
    assert (read.kind, read.category, read.subtype) == (Kind.BOUNCE, 'permanent', 'general')
    assert read.groups == (Group('gmail', 'no_mailbox', '5.1.1', 2), Group('microsoft', 'no_mailbox', '5.1.1', 1))
    read = facts(events.raw(events.complaint('a@aol.com')))
    assert (read.kind, read.category, read.subtype) == (Kind.COMPLAINT, 'abuse', 'none')
    assert read.groups == (Group('yahoo', 'complaint', '', 1),)
    read = facts(events.raw(events.delay(kind='MailboxFull')))
    assert (read.category, read.groups) == ('mailbox_full', (Group('united_internet', 'mailbox_full', '', 1),))
    read = facts(events.raw(events.delivery(seconds=12.25)))
    assert (read.kind, read.seconds, read.groups) == (Kind.DELIVERY, 12.25, ())
    assert facts(events.raw(events.reject('a@x.example', 'b@x.example'))).recipients == 2
    assert facts(events.raw(events.rendering_failure(template='hello'))).template == 'hello'


@pytest.mark.parametrize(
    ('subtype', 'judged'),
    [
        ('General', True),
        ('NoEmail', True),
        ('Suppressed', False),
        ('OnAccountSuppressionList', False),
        ('OnTenantSuppressionList', False),
        ('EmailValidationSuppressed', False),
        ('UnsubscribedRecipient', False),
    ],
)
def test_aws_judges_what_it_did_not_cause(subtype: str, judged: bool) -> None:
    """A permanent bounce counts against the account, unless SES itself kept the email back; a transient one never."""
    assert facts(events.raw(events.bounce(kind=('Permanent', subtype)))).is_judged is judged
    assert not facts(events.raw(events.bounce(kind=('Transient', subtype)))).is_judged


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('Successfully validated SNS topic for Amazon SES event publishing.', Ignored.VALIDATION),
        (events.sns('Successfully validated SNS topic for Amazon SES event publishing.'), Ignored.VALIDATION),
        (events.sns({'notificationType': 'AmazonSnsSubscriptionSucceeded', 'message': 'x'}), Ignored.VALIDATION),
        (events.raw({'eventType': 'Send', 'mail': {}}), Ignored.SEND),
        (events.raw({'eventType': 'Open', 'mail': {}}), Ignored.OPEN),
        (events.event_bridge({'eventType': 'Click', 'mail': {}}), Ignored.CLICK),
        (events.event_bridge({'version': '1', 'data': {}}), Ignored.NOT_MAIL),
        (json.dumps({'Type': 'SubscriptionConfirmation', 'TopicArn': 'x', 'Token': 't'}), Unreadable.CONFIRMATION),
        ('', Unreadable.NOT_JSON),
        ('{', Unreadable.NOT_JSON),
        ('[' * 100_000, Unreadable.NOT_JSON),
        ('[1]', Unreadable.NOT_SES),
        (events.sns('hello'), Unreadable.NOT_JSON),
        (json.dumps({'detail-type': 'EC2', 'source': 'aws.ec2', 'detail': {'mail': {}}}), Unreadable.NOT_SES),
        (events.raw({'eventType': 'Teleport', 'mail': {}}), Unreadable.NOT_SES),
        (events.raw({'eventType': ['Bounce'], 'mail': {}}), Unreadable.NOT_SES),
        (events.raw({'Records': []}), Unreadable.NOT_SES),
    ],
)
def test_what_is_no_event_has_a_reason(body: str, expected: Ignored | Unreadable) -> None:
    """Validation texts and other kinds are deleted uncounted; what nobody understands is left for the operator."""
    assert opened(body) is expected


def _broken(content: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The content with one member after the other missing, null, or of another type."""
    members = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, inner in list(members):
        for value in (None, 7, 'x', [], {}, [None], {'a': None}):
            yield {**content, name: value} if isinstance(content, dict) else [value]
        for changed in _broken(inner):
            yield {**content, name: changed} if isinstance(content, dict) else [changed]


@pytest.mark.parametrize('new_event', events.EVERY_KIND)
def test_a_broken_event_is_unreadable_or_read(new_event: Callable[..., events.Content]) -> None:
    """Whatever a member of an event is, nothing but the errors of an incomplete event comes of it."""
    expected = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
    for content in _broken(new_event()):
        opened_event = opened(events.raw(content))
        if isinstance(opened_event, MailEvent):
            try:
                assert facts_of(opened_event).recipients >= 1
            except expected:
                pass


def _planted(content: Any) -> Iterator[Any]:
    """The content with an address in one text after the other, and in all of them."""
    if isinstance(content, dict):
        for name, inner in content.items():
            yield from ({**content, name: changed} for changed in _planted(inner))
    elif isinstance(content, list):
        for number, inner in enumerate(content):
            yield from ([*content[:number], changed, *content[number + 1 :]] for changed in _planted(inner))
    elif isinstance(content, str):
        yield SECRET
        yield f'{content} {SECRET}'
        yield f'smtp; 550 5.1.1 <{SECRET}> user unknown'


@pytest.mark.parametrize('envelope', events.ENVELOPES)
@pytest.mark.parametrize('new_event', events.EVERY_KIND)
def test_no_address_leaves_an_event(
    new_event: Callable[..., events.Content], envelope: Callable[[events.Content], str]
) -> None:
    """An address in any text of any event and envelope reaches neither metrics, tags, logs nor the saved memory."""
    subtypes = new_event()
    wrapped = json.loads(envelope(subtypes))
    inner = [envelope(changed) for changed in _planted(subtypes)]
    outer = [json.dumps(changed) for changed in _planted(wrapped) if 'Message' not in changed or changed['Message']]
    assert len(inner) > 30
    for body in (*inner, *outer):
        content: Any = opened(body)
        if isinstance(content, MailEvent):
            try:
                content = facts_of(content)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
        message = Message('handle', content, 1, START, 1)
        task = ReceiveTask(QUEUE, 0, 1, 1.0, 120, 1)
        after, intake = after_receiving(Events(), [(task, Received((message,), START))], HERE, START, logs=True)
        output = ' '.join(map(str, (*counted(intake), *intake.logs, after)))
        assert 'planted' not in output and 'secret.example' not in output


def test_logs_have_allowed_fields_only() -> None:
    """A log of an event has these fields and no other."""
    message = Message('handle', facts(events.raw(events.bounce())), 1, START, 1)
    task = ReceiveTask(QUEUE, 0, 1, 1.0, 120, 1)
    received = [(task, Received((message,), START))]
    _, intake = after_receiving(Events(), received, HERE, START, logs=True)
    (log,) = intake.logs
    assert log == {
        'timestamp': START,
        'message': 'bounce permanent general gmail no_mailbox 5.1.1',
        'event': 'bounce',
        'type': 'permanent',
        'sub_type': 'general',
        'provider': 'gmail',
        'reason': 'no_mailbox',
        'enhanced_code': '5.1.1',
        'configuration_set': 'receipts',
        'from_domain': 'shop.example',
        'message_hash': log['message_hash'],
        'aws_account': ACCOUNT,
        'region': REGION,
        'recipients': 1,
    }
    assert len(log['message_hash']) == 16
    assert after_receiving(Events(), received, HERE, START)[1].logs == ()


def test_a_delivery_time_has_one_bucket() -> None:
    """Each time is above the lower bound of its bucket and not above the upper one."""
    for seconds in (0.0, 0.2, 0.5, 1.0, 1.01, 59.0, 60.0, 86400.0, 86401.0, 9e5):
        lower, upper = counts.bounds_of(seconds)
        assert lower < seconds <= upper or (seconds == 0.0 and lower == 0.0)
