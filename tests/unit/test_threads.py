"""Promise P3: calls of other threads go on whatever hangs, and threads are used again."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread, current_thread
from weakref import ref

from datadog_checks.amazon_ses.threads import BUSY, IDLE, Threads

PATIENCE = 60.0


class Stay:
    """A call that stays until it is released, and the thread that performs it."""

    def __init__(self) -> None:
        self.begun, self.released = Event(), Event()
        self.thread: Thread | None = None

    def __call__(self) -> None:
        self.thread = current_thread()
        self.begun.set()
        self.released.wait(PATIENCE)


def begin(threads: Threads, *stays: Stay) -> list[Thread]:
    """The threads that perform these calls, which have begun."""
    for stay in stays:
        threads.start(stay)
    assert all(stay.begun.wait(PATIENCE) for stay in stays)
    return [stay.thread for stay in stays if stay.thread is not None]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def end(*stays: Stay) -> None:
    """Release the calls, and wait until their threads wait or have ended."""
    for stay in stays:
        stay.released.set()
        thread = stay.thread
        assert thread is not None
        wait_until(lambda: thread.name == IDLE or not thread.is_alive())  # noqa: B023  # called at once


def test_a_thread_that_waits_performs_the_next_call() -> None:
    """After its call a thread performs the next one, and what hangs keeps only its own."""
    threads, hanging, first, second = Threads(), Stay(), Stay(), Stay()
    thread_that_hangs, thread = begin(threads, hanging, first)
    end(first)
    assert begin(threads, second) == [thread] and thread is not thread_that_hangs
    assert thread.daemon and thread.name == thread_that_hangs.name == BUSY
    end(hanging, second)


def test_few_threads_wait_and_not_for_ever() -> None:
    """Of many threads only a few wait for the next call, and these end after a while without one."""
    threads, stays = Threads(most_idle=2, idle_seconds=0.2), [Stay() for _ in range(6)]
    workers = begin(threads, *stays)
    assert len({*workers}) == 6
    end(*stays)
    assert sum(thread.is_alive() for thread in workers) <= 2
    for thread in workers:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    late = Stay()
    assert begin(threads, late)[0] not in workers
    end(late)


def test_a_call_is_performed_whenever_it_comes() -> None:
    """No call is lost where threads are about to give up waiting."""
    threads, performed = Threads(idle_seconds=0.001), []
    for number in range(300):
        threads.start(lambda number=number: performed.append(number))  # type: ignore[misc]  # mypy cannot infer it
        time.sleep(0.001)
    wait_until(lambda: len(performed) == 300)
    assert sorted(performed) == [*range(300)]


def test_a_thread_that_waits_holds_nothing_of_its_call() -> None:
    """What a call held, as an answer, is freed when it has ended, not when the next one comes."""
    threads, stay = Threads(), Stay()
    begin(threads, stay)
    reference = ref(stay)
    end(stay)
    del stay
    wait_until(lambda: reference() is None)
