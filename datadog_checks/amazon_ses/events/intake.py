"""Intake: takes in what was received, on the check's own thread. Each event counts once, by its recipients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.cadence import hold
from datadog_checks.amazon_ses.events import counts
from datadog_checks.amazon_ses.events.counts import Context
from datadog_checks.amazon_ses.events.envelopes import Ignored, Unreadable
from datadog_checks.amazon_ses.events.facts import Facts
from datadog_checks.amazon_ses.events.memory import Memory, hour_of
from datadog_checks.amazon_ses.events.queues import DELETE, DeleteTask, EventQueue, Message, Received, ReceiveTask
from datadog_checks.amazon_ses.model import Bucket, Failure, MetricSpec, Sample, Target

LAST_RECEIPT = 3
"""The receipt at which an unreadable message is deleted, where the queue has no dead-letter queue."""

INTERVAL = 60
"""Seconds between two reads of a queue."""

Log = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueueState:
    """What is known of a queue: the messages that wait, for how long the oldest one did, whether it has a dead-letter
    queue, when it was read, and what failed, by operation."""

    left: int | None = None
    lag: float | None = None
    has_dead_letters: bool | None = None
    read_at: float | None = None
    failures: Mapping[str, Failure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Events:
    """What is known of the events of one account and Region. Only the memory outlives a restart."""

    memory: Memory = field(default_factory=Memory)
    queues: Mapping[EventQueue, QueueState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intake:
    """What a run counts of events: amounts, buckets of delivery times, logs, and the handles of what is to be deleted
    once they are submitted."""

    amounts: Mapping[Context, int] = field(default_factory=dict)
    buckets: Mapping[tuple[Context, float, float], int] = field(default_factory=dict)
    logs: tuple[Log, ...] = ()
    handles: Mapping[EventQueue, tuple[str, ...]] = field(default_factory=dict)

    def plus(self, other: Intake) -> Intake:
        """Both together."""
        queues = {*self.handles, *other.handles}
        return Intake(
            Counter(self.amounts) + Counter(other.amounts),
            Counter(self.buckets) + Counter(other.buckets),
            (*self.logs, *other.logs),
            {queue: (*self.handles.get(queue, ()), *other.handles.get(queue, ())) for queue in queues},
        )


def after_receiving(
    events: Events, outcomes: Sequence[tuple[ReceiveTask, Received]], target: Target, now: float, logs: bool = False
) -> tuple[Events, Intake]:
    """The events after workers of one run received messages, and what counts of them."""
    taking = _Taking(events, target, logs)
    by_queue: dict[EventQueue, list[Received]] = {}
    for task, received in outcomes:
        by_queue.setdefault(task.queue, []).append(received)
    states = dict(events.queues)
    for queue, every in by_queue.items():
        states[queue] = state = _state(states.get(queue, QueueState()), every)
        for received in every:
            for message in received.messages:
                taking.take(queue, message, state)
    return Events(taking.memory(now, bool(outcomes)), states), taking.intake


def after_deleting(events: Events, task: DeleteTask, failure: Failure | None) -> Events:
    """The events after a worker deleted messages, or could not."""
    state = events.queues.get(task.queue, QueueState())
    failures = {operation: earlier for operation, earlier in state.failures.items() if operation != DELETE}
    if failure is not None:
        failures[DELETE] = failure
    return replace(events, queues={**events.queues, task.queue: replace(state, failures=failures)})


def failures(events: Events, queues: Iterable[EventQueue]) -> Iterable[Failure]:
    """What failed at queues of the options."""
    for queue in queues:
        yield from events.queues.get(queue, QueueState()).failures.values()


def readings(events: Events, queues: Iterable[EventQueue], attempts: float | None, now: float) -> Iterable[Sample]:
    """What is shown of queues and of a day of bounces in each run. `attempts` are the delivery attempts of that day."""
    for queue in queues:
        state = events.queues.get(queue, QueueState())
        if state.read_at is not None and now - state.read_at < hold(INTERVAL):
            if state.lag is not None:
                yield Sample(counts.QUEUE_LAG, state.lag, queue.tags)
            if state.left is not None:
                yield Sample(counts.MESSAGES_LEFT, state.left, queue.tags)
    judged = events.memory.judged_in_a_day(now)
    if judged is not None and attempts:
        yield Sample(counts.JUDGED_RATE, 100.0 * judged / attempts)


def counted(intake: Intake) -> Iterable[Sample | Bucket]:
    """The readings of what a run counted."""
    return counts.samples(intake.amounts, intake.buckets)


class _Taking:
    """Takes messages, one after the other."""

    def __init__(self, events: Events, target: Target, logs: bool) -> None:
        self._before = events.memory
        self._target = target
        self._writes_logs = logs
        self._keys: dict[int, None] = {}
        self._names = events.memory.names
        self._judged: Counter[int] = Counter()
        self._amounts: Counter[Context] = Counter()
        self._buckets: Counter[tuple[Context, float, float]] = Counter()
        self._logs: list[Log] = []
        self._handles: dict[EventQueue, list[str]] = {}

    @property
    def intake(self) -> Intake:
        handles = {queue: tuple(texts) for queue, texts in self._handles.items()}
        return Intake(self._amounts, self._buckets, tuple(self._logs), handles)

    def memory(self, now: float, is_read: bool) -> Memory:
        if not (self._keys or (is_read and self._before.since is None)):
            return self._before
        return self._before.with_events(self._keys, self._names, self._judged, now)

    def take(self, queue: EventQueue, message: Message, state: QueueState) -> None:
        content = message.content
        if isinstance(content, Unreadable):
            self._take_unreadable(queue, message, content, state)
            return
        self._handles.setdefault(queue, []).append(message.handle)
        if isinstance(content, Ignored):
            self._count(counts.IGNORED, queue, f'reason:{content}')
        elif self._is_known(content.key):
            self._count(counts.DUPLICATES, queue)
        else:
            self._keys[content.key] = None
            self._take_event(queue, content)

    def _take_event(self, queue: EventQueue, facts: Facts) -> None:
        account = '' if facts.account in ('', self._target.account) else facts.account
        if account and queue.ignores_other_accounts:
            self._count(counts.IGNORED, queue, f'reason:{Ignored.OTHER_ACCOUNT}')
            return
        added, self._names = counts.tally(facts, self._names, account)
        for context, number in added.amounts:
            self._amounts[context] += number
        for bucket, number in added.buckets:
            self._buckets[bucket] += number
        if facts.is_judged and not account:
            self._judged[hour_of(facts.at)] += facts.recipients
        if self._writes_logs:
            self._logs += logs_of(facts, self._target)

    def _take_unreadable(self, queue: EventQueue, message: Message, reason: Unreadable, state: QueueState) -> None:
        """Leave it for the dead-letter queue. Without one it is deleted at its third receipt."""
        if not self._is_known(message.key):
            self._keys[message.key] = None
            self._count(counts.UNREADABLE, queue, f'reason:{reason}')
        if state.has_dead_letters is False and message.receipts >= LAST_RECEIPT:
            self._count(counts.GIVEN_UP, queue)
            self._handles.setdefault(queue, []).append(message.handle)

    def _is_known(self, key: int) -> bool:
        return key in self._before.ring or key in self._keys

    def _count(self, metric: MetricSpec, queue: EventQueue, *tags: str) -> None:
        self._amounts[Context(metric, (*queue.tags, *tags))] += 1


def logs_of(facts: Facts, target: Target) -> Iterable[Log]:
    """The logs of an event: one for each group of recipients. Nothing but these fields ever leaves."""
    shared = {
        'timestamp': facts.at,
        'event': str(facts.kind),
        'type': facts.category,
        'sub_type': facts.subtype,
        'configuration_set': facts.configuration_set,
        'template': facts.template,
        'from_domain': facts.from_domain,
        'message_hash': facts.message,
        'aws_account': facts.account or target.account,
        'region': target.region,
    }
    groups = facts.groups or (None,)
    for group in groups:
        words = (group.provider, str(group.reason), group.code) if group else ('', '', '')
        log = {
            **shared,
            **dict(zip(('provider', 'reason', 'enhanced_code'), words, strict=True)),
            'recipients': group.recipients if group else facts.recipients,
        }
        title = ' '.join(filter(None, (facts.kind, facts.category, facts.subtype, *words)))
        yield {name: value for name, value in {**log, 'message': title}.items() if value != ''}


def _state(before: QueueState, every: Sequence[Received]) -> QueueState:
    """What is known of a queue after its workers read it."""
    asked_left = next((received for received in every if received.has_attributes), None)
    failed = {failure.operation: failure for received in every for failure in received.failures}
    if DELETE in before.failures:
        failed[DELETE] = before.failures[DELETE]
    waits = [
        max(0.0, received.at - message.sent_at)
        for received in every
        for message in received.messages
        if message.sent_at is not None and message.receipts <= 1
    ]
    # An empty queue has no lag; of one that cannot be read nobody knows.
    lag = max(waits) if waits else None if failed else 0.0
    return QueueState(
        asked_left.left if asked_left else None,
        lag,
        asked_left.has_dead_letters if asked_left else before.has_dead_letters,
        max(received.at for received in every),
        failed,
    )
