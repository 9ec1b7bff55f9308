"""What counts of messages: the ring of events, duplicates, unreadable messages, lag, other accounts. Without HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from common import ACCOUNT, REGION, START

from datadog_checks.amazon_ses.events import counts, intake, memory
from datadog_checks.amazon_ses.events.envelopes import MailEvent, opened
from datadog_checks.amazon_ses.events.facts import facts_of, hashed
from datadog_checks.amazon_ses.events.intake import Events, Intake, after_deleting, after_receiving, readings
from datadog_checks.amazon_ses.events.memory import MOST_KEYS, MOST_NAMES, Memory
from datadog_checks.amazon_ses.events.queues import (
    ATTRIBUTES,
    BATCH,
    DELETE,
    MOST_MESSAGES,
    MOST_SECONDS,
    RECEIVE,
    WORKERS,
    DeleteTask,
    Edge,
    EventQueue,
    Message,
    Received,
    ReceiveTask,
    delete,
    delete_tasks,
    receive,
    receive_tasks,
)
from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from simulator import mail_events as events

HERE = Target(ACCOUNT, REGION)
OTHER_ACCOUNT = '210987654321'
QUEUE = EventQueue('https://sqs.us-east-1.amazonaws.com/123456789012/events', REGION, 'events')
STRICT = EventQueue('https://sqs.us-east-1.amazonaws.com/123456789012/strict', REGION, 'strict', True)
REFUSED = Failure(FailureKind.DENIED, RECEIVE, 'denied')
DAY = 86400


def message(body: str, number: int = 0, receipts: int = 1, age: float = 0.0) -> Message:
    content: Any = opened(body)
    if isinstance(content, MailEvent):
        content = facts_of(content)
    return Message(f'handle-{number}', content, hashed(f'id-{number}'), START - age, receipts)


def take(
    before: Events, messages: Iterable[Message], queue: EventQueue = QUEUE, at: float = START, **known: Any
) -> tuple[Events, Intake]:
    task = ReceiveTask(queue, 0, 1, 1.0, 120, 1)
    return after_receiving(before, [(task, Received(tuple(messages), at, **known))], HERE, at)


def amounts(taken: Intake) -> dict[tuple[str, ...], int]:
    return {(context.metric.name, *context.tags, context.account): n for context, n in taken.amounts.items()}


def handles(taken: Intake) -> tuple[str, ...]:
    return tuple(handle for texts in taken.handles.values() for handle in texts)


def test_recipients_count_and_not_messages() -> None:
    """A bounce of three recipients counts three times, in its type and in its provider; its message is deleted once."""
    body = events.raw(events.bounce('a@gmail.com', 'b@gmail.com', 'c@web.de'))
    _, taken = take(Events(), [message(body)])
    assert amounts(taken) == {
        ('event.bounce.count', 'bounce_type:permanent', 'bounce_sub_type:general', 'configuration_set:receipts', ''): 3,
        ('event.bounce.judged.count', 'configuration_set:receipts', ''): 3,
        ('event.provider.count', 'provider:gmail', 'event:bounce', 'reason:no_mailbox', ''): 2,
        ('event.provider.count', 'provider:united_internet', 'event:bounce', 'reason:no_mailbox', ''): 1,
    }
    assert handles(taken) == ('handle-0',)


def test_an_event_counts_once() -> None:
    """An event that comes twice in a run, or again later in another envelope, is a duplicate, and is deleted."""
    content = events.bounce()
    after, taken = take(Events(), [message(events.raw(content), 1), message(events.sns(content), 2)])
    assert amounts(taken)['event.duplicates', 'queue:events', ''] == 1
    restored = Events(memory.from_document(json.loads(json.dumps(memory.to_document(after.memory)))))
    assert restored.memory == after.memory
    _, again = take(restored, [message(events.event_bridge(content), 3)])
    assert amounts(again) == {('event.duplicates', 'queue:events', ''): 1}
    assert handles(again) == ('handle-3',)


def test_events_that_differ_count_apart() -> None:
    """Two bounces of one message, or the same one for other recipients, are two events."""
    first = events.bounce('a@gmail.com')
    other = json.loads(json.dumps(first))
    other['bounce']['bouncedRecipients'][0]['emailAddress'] = 'b@gmail.com'
    third = json.loads(json.dumps(first))
    third['bounce']['feedbackId'] = 'another'
    _, taken = take(Events(), [message(events.raw(content)) for content in (first, other, third)])
    assert amounts(taken)['event.bounce.judged.count', 'configuration_set:receipts', ''] == 3


def test_the_ring_forgets_the_oldest() -> None:
    """The ring keeps the newest 20,000 events; a duplicate beyond it counts twice, which is what the documents say."""
    full = Memory(dict.fromkeys(range(1, MOST_KEYS + 1)), since=START)
    content = events.raw(events.bounce())
    after, _ = take(Events(full), [message(content)])
    assert len(after.memory.ring) == MOST_KEYS
    assert 1 not in after.memory.ring and 2 in after.memory.ring
    assert len(memory.from_document(memory.to_document(after.memory)).ring) == MOST_KEYS


def test_nothing_new_leaves_the_memory_as_it_is() -> None:
    """An empty queue changes nothing that would have to be saved."""
    after, _ = take(Events(), [])
    same, taken = take(after, [message('Successfully validated SNS topic for x')])
    assert same.memory is after.memory
    assert amounts(taken) == {('event.ignored', 'queue:events', 'reason:validation', ''): 1}


@pytest.mark.parametrize(
    ('has_dead_letters', 'receipts', 'is_deleted'),
    [(False, 2, False), (False, 3, True), (False, 9, True), (True, 9, False), (None, 9, False)],
)
def test_poison_goes_to_the_dead_letter_queue(has_dead_letters: bool | None, receipts: int, is_deleted: bool) -> None:
    """An unreadable message is left; only where there is surely no dead-letter queue its third receipt ends it."""
    after, taken = take(Events(), [message('{', 5, receipts)], has_dead_letters=has_dead_letters, has_attributes=True)
    assert amounts(taken)['event.unreadable', 'queue:events', 'reason:not_json', ''] == 1
    assert (('event.unreadable_deleted', 'queue:events', '') in amounts(taken)) is is_deleted
    assert bool(handles(taken)) is is_deleted
    _, again = take(after, [message('{', 5, 2)], has_dead_letters=True, has_attributes=True)
    assert amounts(again) == {}


def test_an_earlier_answer_says_whether_there_is_a_dead_letter_queue() -> None:
    """While the attributes of a queue cannot be read, what they said before holds."""
    after, _ = take(Events(), [], has_dead_letters=False, has_attributes=True)
    _, taken = take(after, [message('{', 5, 3)], failures=(REFUSED,))
    assert handles(taken) == ('handle-5',)


def test_other_accounts_are_tagged_or_ignored() -> None:
    """An event of another account has that account as its tag, or is deleted uncounted, as the option says."""
    body = events.raw(events.bounce(account=OTHER_ACCOUNT))
    after, taken = take(Events(), [message(body)])
    assert {context.account for context in taken.amounts} == {OTHER_ACCOUNT}
    assert after.memory.judged == {}
    _, taken = take(Events(), [message(body)], STRICT)
    assert amounts(taken) == {('event.ignored', 'queue:strict', 'reason:other_account', ''): 1}
    assert handles(taken) == ('handle-0',)


def test_names_are_limited() -> None:
    """At most 50 templates are tags; those that come later are `other`, also after a restart."""
    bodies = [events.raw(events.rendering_failure(template=f'template-{n}')) for n in range(MOST_NAMES['template'] + 5)]
    after, taken = take(Events(), map(message, bodies))
    shown = {context.tags[0]: n for context, n in taken.amounts.items() if context.metric is counts.RENDERING_FAILURE}
    assert len(shown) == MOST_NAMES['template'] + 1
    assert shown['template:other'] == 5
    restored = Events(memory.from_document(memory.to_document(after.memory)))
    _, taken = take(restored, [message(events.raw(events.rendering_failure(template='newest')))])
    assert [context.tags for context in taken.amounts] == [('template:other',)]


def shown(after: Events, at: float, attempts: float | None = None) -> dict[str, float]:
    return {sample.metric.name: sample.value for sample in readings(after, [QUEUE], attempts, at)}


def test_lag_and_what_is_left() -> None:
    """The lag is the wait of the oldest message that came for the first time; an empty queue has none, an unread one is
    unknown."""
    messages = [
        message(events.raw(events.bounce()), 1, age=90),
        message(events.raw(events.bounce()), 2, age=30),
        message('{', 3, receipts=7, age=9000),
    ]
    after, _ = take(Events(), messages, left=12, has_attributes=True)
    assert shown(after, START) == {'event.queue_lag': 90.0, 'event.messages_left': 12}
    assert shown(after, START + 3600) == {}
    after, _ = take(after, [], left=0, has_attributes=True)
    assert shown(after, START) == {'event.queue_lag': 0.0, 'event.messages_left': 0}
    after, _ = take(after, [], failures=(REFUSED,))
    assert shown(after, START) == {}
    assert [*intake.failures(after, [QUEUE])] == [REFUSED]
    assert [*intake.failures(after, [STRICT])] == []


def test_the_judged_rate_needs_a_day() -> None:
    """The rate that AWS judges appears after a day of receiving, and covers the last 24 hours of bounces."""
    after, _ = take(Events(), [message(events.raw(events.bounce()))])
    assert shown(after, START + DAY - 1, 200.0) == {}
    assert shown(after, START + DAY, 200.0) == {'event.judged_bounce_rate': 0.0}
    late = [message(events.raw(events.bounce('a@x.example', 'b@x.example', at=START + DAY - 60)))]
    late += [message(events.raw(events.bounce(kind=('Permanent', 'OnAccountSuppressionList'), at=START + DAY - 60)))]
    after, _ = take(after, late, at=START + DAY)
    assert shown(after, START + DAY, 200.0)['event.judged_bounce_rate'] == 1.0
    assert 'event.judged_bounce_rate' not in shown(after, START + DAY, None)
    assert shown(after, START + 3 * DAY, 200.0) == {'event.judged_bounce_rate': 0.0}


def test_times_that_cannot_be_are_not_remembered() -> None:
    """An event that says it happened tomorrow, or last week, counts and adds nothing to the bounces of the day."""
    bodies = [events.raw(events.bounce(at=START + days * DAY)) for days in (-7, 1, 400)]
    after, taken = take(Events(), map(message, bodies))
    assert amounts(taken)['event.bounce.judged.count', 'configuration_set:receipts', ''] == 3
    assert after.memory.judged == {}


class Sqs:
    """A queue whose answers are listed; each request takes some time."""

    def __init__(self, answers: Sequence[Any] = (), seconds: float = 0.0) -> None:
        self.answers, self.seconds, self.at = list(answers), seconds, START
        self.deleted: list[str] = []
        self.requests: list[str] = []

    def answer(self, operation: str, default: Any) -> Any:
        self.requests.append(operation)
        self.at += self.seconds
        return self.answers.pop(0) if self.answers else default

    def delete(self, _: EventQueue, batch: Sequence[str]) -> Any:
        self.deleted += batch
        return self.answer(DELETE, {})

    @property
    def edge(self) -> Edge:
        attributes = {'Attributes': {'ApproximateNumberOfMessages': '3', 'RedrivePolicy': '{}'}}
        return Edge(
            lambda task: self.answer(RECEIVE, {}),
            lambda queue: self.answer(ATTRIBUTES, attributes),
            self.delete,
            lambda: self.at,
            lambda: False,
        )


def stored(number: int, **more: Any) -> dict[str, Any]:
    return {'MessageId': str(number), 'ReceiptHandle': f'h{number}', 'Body': '{', **more}


def test_a_worker_reads_until_the_queue_is_empty() -> None:
    """A worker receives until an answer is empty; the first one then asks what is left."""
    batch = {'Messages': [stored(1, Attributes={'SentTimestamp': '5000', 'ApproximateReceiveCount': '4'})]}
    sqs = Sqs([batch, batch])
    received = receive(ReceiveTask(QUEUE, 0, 99, 9.0, 120, 1), sqs.edge)
    assert sqs.requests == [RECEIVE, RECEIVE, RECEIVE, ATTRIBUTES]
    assert (received.left, received.has_dead_letters, len(received.messages)) == (3, True, 2)
    assert received.messages[0][3:] == (5.0, 4)
    sqs = Sqs([batch])
    assert receive(ReceiveTask(QUEUE, 1, 99, 9.0, 120, 1), sqs.edge).has_attributes is False
    assert sqs.requests == [RECEIVE, RECEIVE]


def test_a_worker_ends_in_time() -> None:
    """However much there is, a worker sends no request after its seconds, and no more requests than its share."""
    endless = [{'Messages': [stored(number)]} for number in range(999)]
    sqs = Sqs(endless, seconds=0.5)
    receive(ReceiveTask(QUEUE, 1, 99, MOST_SECONDS, 120, 1), sqs.edge)
    assert len(sqs.requests) == MOST_SECONDS / 0.5 + 1
    sqs = Sqs(endless)
    receive(ReceiveTask(QUEUE, 1, 7, 9.0, 120, 1), sqs.edge)
    assert len(sqs.requests) == 7
    sqs = Sqs([{}] * 999, seconds=0.5)
    assert delete(DeleteTask(QUEUE, 0, tuple(map(str, range(500)))), sqs.edge) is None
    assert len(sqs.requests) == MOST_SECONDS / 0.5 + 1


@pytest.mark.parametrize(
    'answer',
    [
        {'Messages': [None]},
        {'Messages': [{}]},
        {'Messages': 7},
        {'Messages': ''},
        {'Messages': {}},
        {'Messages': [stored(1, Attributes={'SentTimestamp': 'x'})]},
        {'Messages': [stored(1, Attributes=[1])]},
    ],
)
def test_a_malformed_answer_is_a_failure(answer: Any) -> None:
    """An answer that is no list of messages is a failure that names the operation; what came before counts."""
    sqs = Sqs([{'Messages': [stored(1)]}, answer])
    received = receive(ReceiveTask(QUEUE, 0, 99, 9.0, 120, 1), sqs.edge)
    assert [failure.operation for failure in received.failures] == [RECEIVE]
    assert len(received.messages) == 1
    sqs = Sqs([{}, {'Attributes': {'ApproximateNumberOfMessages': 'many'}}])
    received = receive(ReceiveTask(QUEUE, 0, 99, 9.0, 120, 1), sqs.edge)
    assert [failure.operation for failure in received.failures] == [ATTRIBUTES]


def test_requests_at_once_are_bounded() -> None:
    """The queues of a Region share four workers and 10,000 messages a run, and what is deleted has as many."""
    queues = [EventQueue(f'https://q/123456789012/q{n}', REGION, f'q{n}') for n in range(4)]
    elsewhere = EventQueue('https://q/123456789012/x', 'eu-west-1', 'x')
    for number in (1, 2, 3, 4):
        tasks = receive_tasks([*queues[:number], elsewhere], REGION, 60, 15)
        assert len(tasks) <= WORKERS
        assert {task.queue for task in tasks} == {*queues[:number]}
        assert sum(task.requests * BATCH for task in tasks) <= MOST_MESSAGES
        assert sum(task.requests * BATCH for task in tasks) > 9000 * (number < 3)
        handles = {queue: tuple(map(str, range(95))) for queue in queues[:number]}
        deletes = [*delete_tasks(handles)]
        assert len(deletes) <= WORKERS
        assert sum(len(task.handles) for task in deletes) == 95 * number
    assert len([*delete_tasks({queues[0]: ('a',)})]) == 1
    assert receive_tasks([elsewhere], REGION, 60, 15) == ()


def test_visibility_lasts_until_the_next_run() -> None:
    """What is received stays invisible until the next run has submitted and deleted it, however rare runs are."""
    for interval, expected in ((15, 120), (60, 180), (600, 1260), (86400, 43200)):
        assert {task.visibility for task in receive_tasks([QUEUE], REGION, interval, 15)} == {expected}


def test_a_failed_delete_is_told_until_one_succeeds() -> None:
    """Messages that cannot be deleted come back for ever, so the failure stays until a delete succeeds."""
    refused = Failure(FailureKind.DENIED, DELETE, 'denied')
    task = DeleteTask(QUEUE, 0, ('a',))
    after = after_deleting(Events(), task, refused)
    after, _ = take(after, [])
    assert [*intake.failures(after, [QUEUE])] == [refused]
    assert [*intake.failures(after_deleting(after, task, None), [QUEUE])] == []
