"""Requests to queues at once: how many, and which go first. With threads, without HTTP; nothing waits for a time."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

from datadog_checks.amazon_ses.aws.queues import Places
from datadog_checks.amazon_ses.events.queues import DELETE, RECEIVE, WORKERS


class Events:
    """The event handlers of a client."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[..., None]] = {}

    def register(self, name: str, handler: Callable[..., None]) -> None:
        self.handlers[name] = handler

    register_first = register


def new_places() -> tuple[Places, Callable[[str], None], Callable[..., None]]:
    """Places of a client, and what the client calls before it sends and after an answer."""
    events = Events()
    places = Places(SimpleNamespace(meta=SimpleNamespace(events=events)))
    send, answered = events.handlers['before-send.sqs'], events.handlers['needs-retry.sqs']
    return places, lambda operation: send(event_name=f'before-send.sqs.{operation}'), answered


def test_requests_at_once_are_limited_and_deletes_go_first() -> None:
    """No more requests of a client run at once than there are places; a waiting delete gets the next one."""
    _, send, answered = new_places()
    entered: SimpleQueue[str] = SimpleQueue()
    ends = [Event() for _ in range(WORKERS)]

    def request(operation: str, end: Event | None = None) -> None:
        send(operation)
        entered.put(operation)
        if end is not None:
            end.wait(60)
        answered(response=None, attempts=1)

    def started(operation: str, end: Event | None = None) -> Thread:
        thread = Thread(target=request, args=(operation, end), daemon=True)
        thread.start()
        return thread

    threads = [started(RECEIVE, end) for end in ends]
    assert [entered.get(timeout=60) for _ in ends] == [RECEIVE] * WORKERS
    blocked = started(RECEIVE)
    blocked.join(0.05)
    delete = started(DELETE)
    delete.join(0.05)
    assert entered.empty()
    ends[0].set()
    assert [entered.get(timeout=60), entered.get(timeout=60)] == [DELETE, RECEIVE]
    for end in ends:
        end.set()
    for thread in (*threads, blocked, delete):
        thread.join(60)
        assert not thread.is_alive()


def test_a_place_is_given_back_once() -> None:
    """A request that fails before its answer gives its place back too, and none gives back more than it had."""
    places, send, answered = new_places()
    for _ in range(3 * WORKERS):
        send(RECEIVE)
        answered()
        places.leave()
    results: list[Any] = []
    for _ in range(WORKERS):
        thread = Thread(target=lambda: results.append(send(RECEIVE)), daemon=True)
        thread.start()
        thread.join(60)
    over = Thread(target=lambda: results.append(send(RECEIVE)), daemon=True)
    over.start()
    over.join(0.05)
    assert len(results) == WORKERS and over.is_alive()
