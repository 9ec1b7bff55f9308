"""Queues: what is asked of a queue of the operator, by whom and for how long.

Each worker receives in a thread of its own. A queue is read in each run that counts. Messages stay invisible to others
until they are deleted, or come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.events.envelopes import Ignored, MailEvent, Unreadable, opened
from datadog_checks.amazon_ses.events.facts import Facts, facts_of, hashed
from datadog_checks.amazon_ses.model import Action, Failure, malformed

RECEIVE, DELETE, ATTRIBUTES = 'ReceiveMessage', 'DeleteMessageBatch', 'GetQueueAttributes'

RESOURCE = 'arn:aws:sqs:*:*:datadog-ses-events*'
"""The queues of the shipped policy: reading deletes, so it is for queues of this name only."""

FEATURE = 'failure events from the queues of event_queues, whose messages are deleted'
ACTIONS = tuple(
    Action(f'sqs:{name}', FEATURE, RESOURCE) for name in ('ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes')
)
DELETE_ACTION = 'sqs:DeleteMessage'

WORKERS = 5
"""Requests to the queues of one Region at once. At 20 ms each they suffice for 200 events a second in 10 s."""

MOST_QUEUES = 4
"""Queues of one Region."""

MOST_SECONDS = 9.5
"""Seconds after which a worker asks no more in its run."""

MOST_MESSAGES = 10_000
"""Messages that are received in one run and Region: what 150 events a second are in a minute, and a tenth."""

BATCH = 10
"""Messages of one request: what SQS allows."""

LEAST_VISIBILITY, MOST_VISIBILITY = 120, 43_200


@dataclass(frozen=True, slots=True)
class EventQueue:
    """A queue of the option `event_queues`. `name` is the last part of its URL, and the tag `queue`."""

    url: str
    region: str
    name: str
    ignores_other_accounts: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        return (f'queue:{self.name}',)


@dataclass(frozen=True, slots=True)
class EventOptions:
    """The queues of an instance, and whether their events are sent as logs too."""

    queues: tuple[EventQueue, ...] = ()
    logs: bool = False


@dataclass(frozen=True, slots=True)
class ReceiveTask:
    """The part of a worker in reading a queue: for how many seconds, and how many requests.

    `visibility` is for how many seconds others do not see what is received, `wait` for how many SQS waits for messages.
    """

    queue: EventQueue
    worker: int
    requests: int
    seconds: float
    visibility: int
    wait: int


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """The part of a worker in deleting what was submitted, by the handles of the messages."""

    queue: EventQueue
    worker: int
    handles: tuple[str, ...]
    seconds: float = MOST_SECONDS


class Message(NamedTuple):
    """A message: its handle, its content without what may not be shown, a key where it is unreadable, when it was sent,
    and how often it was received."""

    handle: str
    content: Facts | Ignored | Unreadable
    key: int
    sent_at: float | None
    receipts: int


@dataclass(frozen=True, slots=True)
class Received:
    """What a worker received until a time. `left` and `has_dead_letters` are None where they are not known.

    `has_attributes` says that the attributes of the queue were asked for.
    """

    messages: tuple[Message, ...]
    at: float
    failures: tuple[Failure, ...] = ()
    left: int | None = None
    has_dead_letters: bool | None = None
    has_attributes: bool = False


Answer = Mapping[str, Any]


class Edge(NamedTuple):
    """The way to SQS of a worker: three requests, the time, and whether to end."""

    receive: Callable[[ReceiveTask], Answer | Failure]
    attributes: Callable[[EventQueue], Answer | Failure]
    delete: Callable[[EventQueue, Sequence[str]], Answer | Failure]
    clock: Callable[[], float]
    is_cancelled: Callable[[], bool]


def receive_tasks(
    queues: Iterable[EventQueue], region: str, interval: float, read_timeout: float
) -> tuple[ReceiveTask, ...]:
    """The tasks that read the queues of a Region in one run."""
    here = [queue for queue in queues if queue.region == region]
    if not here:
        return ()
    workers = max(1, WORKERS // len(here))
    requests = MOST_MESSAGES // (BATCH * workers * len(here))
    # What is received in a run is submitted and deleted in the next one.
    visibility = int(min(MOST_VISIBILITY, max(LEAST_VISIBILITY, 2 * interval + 60)))
    wait = 1 if read_timeout >= 2 else 0
    return tuple(
        ReceiveTask(queue, worker, requests, MOST_SECONDS, visibility, wait)
        for queue in here
        for worker in range(workers)
    )


def delete_tasks(handles_by_queue: Mapping[EventQueue, Sequence[str]]) -> Iterable[DeleteTask]:
    """The tasks that delete what was submitted."""
    for queue, handles in handles_by_queue.items():
        workers = min(max(1, WORKERS // len(handles_by_queue)), -(-len(handles) // BATCH))
        for worker in range(workers):
            yield DeleteTask(queue, worker, tuple(handles[worker::workers]))


def receive(task: ReceiveTask, edge: Edge) -> Received:
    """Receive until the queue is empty, or until the limits of the task. The first worker asks what is left."""
    messages: list[Message] = []
    failures: list[Failure] = []
    begun = edge.clock()
    for _ in range(task.requests):
        if edge.clock() - begun > task.seconds or edge.is_cancelled():
            break
        answer = edge.receive(task)
        if isinstance(answer, Failure):
            failures.append(answer)
            break
        try:
            batch = _messages(answer.get('Messages'))
        except (KeyError, TypeError, ValueError, AttributeError):
            failures.append(malformed(RECEIVE, 'the answer is not a list of messages.'))
            break
        messages += batch
        if not batch:
            break
    received = Received(tuple(messages), edge.clock(), tuple(failures))
    return received if task.worker or failures or edge.is_cancelled() else _with_attributes(task.queue, received, edge)


def delete(task: DeleteTask, edge: Edge) -> Failure | None:
    """Delete the messages of a task. Those that are not deleted come back, and are deleted then."""
    begun = edge.clock()
    for first in range(0, len(task.handles), BATCH):
        if edge.clock() - begun > task.seconds or edge.is_cancelled():
            break
        answer = edge.delete(task.queue, task.handles[first : first + BATCH])
        if isinstance(answer, Failure):
            return answer
    return None


def _with_attributes(queue: EventQueue, received: Received, edge: Edge) -> Received:
    answer = edge.attributes(queue)
    if not isinstance(answer, Failure):
        try:
            attributes = answer.get('Attributes') or {}
            left = int(attributes['ApproximateNumberOfMessages'])
            redrive = bool(attributes.get('RedrivePolicy'))
            return Received(received.messages, received.at, (), left, redrive, has_attributes=True)
        except (KeyError, TypeError, ValueError, AttributeError):
            answer = malformed(ATTRIBUTES, 'the answer lacks what it must have.')
    return Received(received.messages, received.at, (answer,))


def _messages(listed: object) -> list[Message]:
    """The messages of an answer, which has no list of them where the queue is empty."""
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise TypeError('not a list of messages')
    return [_message(message) for message in listed]


def _message(message: Mapping[str, Any]) -> Message:
    attributes = message.get('Attributes') or {}
    sent_at = attributes.get('SentTimestamp')
    content: MailEvent | Facts | Ignored | Unreadable = opened(message['Body'])
    if isinstance(content, MailEvent):
        try:
            content = facts_of(content)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            content = Unreadable.INCOMPLETE
    return Message(
        str(message['ReceiptHandle']),
        content,
        hashed(str(message['MessageId'])),
        None if sent_at is None else float(sent_at) / 1000,
        int(attributes.get('ApproximateReceiveCount', 1)),
    )
