"""Threads that perform calls, and then wait a while for the next ones: to start a thread costs as much CPU as to sign a
request."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

BUSY, IDLE = 'amazon_ses', 'amazon_ses idle'
"""The names of a thread while it performs a call, and while it waits for one."""

MOST_IDLE = 8
"""Threads of the process that wait at the same time: two for each of the four runs that an Agent has at once."""

IDLE_SECONDS = 90.0
"""Seconds for which a thread waits: each account is asked for once a minute."""

Call = Callable[[], None]


class Threads:
    """Daemon threads, as many as there are calls. A call that hangs holds its own thread, and no other call.

    May be used from several threads at once.
    """

    def __init__(self, most_idle: int = MOST_IDLE, idle_seconds: float = IDLE_SECONDS) -> None:
        self._most_idle = most_idle
        self._idle_seconds = idle_seconds
        # The last that began to wait stands at the end.
        self._idle: list[_Worker] = []
        self._lock = Lock()

    def start(self, call: Call) -> None:
        """Perform a call, which must not raise, in a thread of its own."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            _Worker(self, call).start()
        else:
            worker.name = BUSY
            worker.calls.put(call)

    def next_call(self, worker: _Worker) -> Call | None:
        """The next call of a thread that waits, None where none came in time."""
        with self._lock:
            if len(self._idle) >= self._most_idle:
                return None
            worker.name = IDLE
            self._idle.append(worker)
        try:
            return worker.calls.get(timeout=self._idle_seconds)
        except Empty:
            pass
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return None
        # The call is on its way.
        return worker.calls.get()


class _Worker(Thread):
    """A thread and the calls that it is to perform, the first of which it begins with."""

    def __init__(self, threads: Threads, call: Call) -> None:
        super().__init__(name=BUSY, daemon=True)
        self.calls: SimpleQueue[Call] = SimpleQueue()
        self.calls.put(call)
        self._threads = threads

    def run(self) -> None:
        call: Call | None = self.calls.get()
        while call is not None:
            call()
            # A thread that waits holds nothing of a call.
            call = None
            call = self._threads.next_call(self)


OF_THIS_PROCESS = Threads()
