"""Queues of SQS: visibility, receipts, duplicates and dead-letter queues, on the simulator's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

MOST_AT_ONCE = 10
VISIBILITY = 30


@dataclass(slots=True)
class Stored:
    """A message in a queue. Its newest handle is the one that deletes it."""

    message_id: str
    body: str
    sent_at: float
    visible_at: float
    receipts: int = 0
    first_received_at: float | None = None
    handle: str = ''


@dataclass(slots=True)
class Queue:
    """A standard queue of an account in a Region.

    `redrive` is the queue that gets what was received too often, and how often that is; None where there is none.
    `order` is a heap of the messages by the time from which they are visible.
    """

    account: str
    region: str
    name: str
    redrive: tuple[str, int] | None = None
    messages: dict[str, Stored] = field(default_factory=dict)
    order: list[tuple[float, str]] = field(default_factory=list)
    deleted: int = 0


class Queues:
    """The queues of a simulator. Messages come from a test, or from whoever publishes events. Safe for threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._queues: dict[tuple[str, str, str], Queue] = {}

    def create(
        self, name: str, account: str, region: str = 'us-east-1', redrive: tuple[str, int] | None = None
    ) -> Queue:
        """A new queue; `redrive` names another one in the same place, and after how many receipts it gets a message."""
        queue = Queue(account, region, name, redrive)
        self._queues[account, region, name] = queue
        return queue

    def find(self, account: str, region: str, name: str) -> Queue | None:
        return self._queues.get((account, region, name))

    def put(self, queue: Queue, body: str, copies: int = 1, age: float = 0.0) -> None:
        """Send a message, which SQS delivers so many times. `age` is for how many seconds it is there already."""
        now = self._clock()
        with self._lock:
            for _ in range(copies):
                number = f'{next(self._numbers):08d}-0000-4000-8000-000000000000'
                queue.messages[number] = Stored(number, body, now - age, now)
                heappush(queue.order, (now, number))

    def receive(self, queue: Queue, most: int, visibility: int) -> list[Stored]:
        """Messages that are visible, those first that were so first; each gets a new handle."""
        now = self._clock()
        with self._lock:
            chosen: list[Stored] = []
            while queue.order and queue.order[0][0] <= now and len(chosen) < most:
                message = queue.messages.get(heappop(queue.order)[1])
                if message is not None and not self._redriven(queue, message):
                    message.receipts += 1
                    message.visible_at = now + visibility
                    message.handle = f'handle-{message.message_id}-{message.receipts}'
                    if message.first_received_at is None:
                        message.first_received_at = now
                    chosen.append(message)
            # Only now, because a visibility of no time would give a message twice.
            for message in chosen:
                heappush(queue.order, (message.visible_at, message.message_id))
            return chosen

    def delete(self, queue: Queue, handle: str) -> bool:
        """Delete by a handle. Whether it is one; a message that is gone already is no mistake."""
        message_id = handle.removeprefix('handle-').rpartition('-')[0]
        with self._lock:
            if not handle.startswith('handle-'):
                return False
            if queue.messages.pop(message_id, None) is not None:
                queue.deleted += 1
            return True

    def waiting(self, queue: Queue) -> tuple[int, int]:
        """How many messages are visible, and how many are not."""
        now = self._clock()
        with self._lock:
            visible = sum(message.visible_at <= now for message in queue.messages.values())
            return visible, len(queue.messages) - visible

    def _redriven(self, queue: Queue, message: Stored) -> bool:
        """Whether a message was received too often, and is moved."""
        if queue.redrive is None or message.receipts < queue.redrive[1]:
            return False
        target = self._queues[queue.account, queue.region, queue.redrive[0]]
        del queue.messages[message.message_id]
        target.messages[message.message_id] = message
        heappush(target.order, (message.visible_at, message.message_id))
        return True
