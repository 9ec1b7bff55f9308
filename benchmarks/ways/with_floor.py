"""The check and its floor, in turns in one process.

The floor is the least that Python can do: it sends the requests of the run before, from bodies written beforehand, all
at once over connections that stay open, unsigned, and reads the answers with `json.loads`, nothing else.
"""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from benchmarks.case import Case
from benchmarks.meter import Cost, cost
from benchmarks.stand_in import Sent
from benchmarks.ways import ours, steps

PACE, LONGEST_PACE = 5000.0, 1.0
"""Series a second, and seconds, that are left between two runs, so that none waits for what the one before asked."""

LISTING = '.ListMetrics'


class Way(ours.Way):
    """The check as an Agent runs it: what may be late is late, and what the clock is turned by has passed."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._netloc = urlsplit(endpoint).netloc
        self._control = HTTPConnection(self._netloc)
        self._connections: list[HTTPConnection] = []
        self._is_measured = False

    def add(self, case: Case, now: float, periods: int) -> None:
        self._case = case
        super().add(case, now, periods)

    def restart(self, now: float, latency: float) -> dict[str, Any]:
        """The first run of a new check, which reads the saved state, and whether a listing begins in it."""
        self._wait()
        self._usage(now=now, latency=latency)
        self.drop()
        spent = cost(lambda: self.add(self._case, now, 0))
        self._end_run()
        sent = [Sent(*request) for request in self._usage()['sent']]
        return {**spent._asdict(), 'lists': _lists(sent)}

    def turn(self, now: float, latency: float) -> dict[str, Any]:
        """A run, where its CPU goes, and what the floor costs beside it."""
        self._wait()
        before = self._usage(now=now, latency=latency)['cpu']
        steps.spent()
        began = time.process_time()
        wall = cost(lambda: self.run(now, 0)).wall
        # What goes on beside the next run belongs to this one.
        self._end_run()
        cpu = time.process_time() - began
        usage = self._usage()
        sent = [Sent(*request) for request in usage['sent']]
        return {
            'ours': Cost(wall, cpu)._asdict(),
            'steps': steps.spent(),
            'lists': _lists(sent),
            'requests': len(sent),
            'server': usage['cpu'] - before,
            'floor': self._floor([request for request in sent if LISTING not in request.target])._asdict(),
        }

    def _wait(self) -> None:
        time.sleep(min(LONGEST_PACE, self._case.number / PACE))

    def _end_run(self) -> None:
        from datadog_checks.amazon_ses.threads import BUSY

        while any(thread.name == BUSY for thread in threading.enumerate()):
            time.sleep(0.001)

    def _floor(self, sent: list[Sent]) -> Cost:
        bodies = [(request, request.body.encode('latin-1')) for request in sent]
        while len(self._connections) < len(sent):
            self._connections.append(HTTPConnection(self._netloc))
            self._connections[-1].connect()
        spent = cost(lambda: self._ask(bodies))
        self._usage()
        return spent

    def _ask(self, bodies: list[tuple[Sent, bytes]]) -> None:
        """Send all requests at once, each in a thread of its own, and read the answers."""
        threads = [
            Thread(target=_ask, args=(connection, request, body))
            for connection, (request, body) in zip(self._connections, bodies, strict=False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _usage(self, **settings: float) -> dict[str, Any]:
        self._control.request('POST', '/control', json.dumps(settings))
        usage: dict[str, Any] = json.loads(self._control.getresponse().read())
        return usage

    def prepare(self, check: Any) -> None:
        if not self._is_measured:
            self._is_measured = True
            steps.install()
        check.clock_is_turned = False
        check.monotonic = lambda: time.monotonic() + self._now


def _lists(sent: list[Sent]) -> bool:
    return any(LISTING in request.target for request in sent)


def _ask(connection: HTTPConnection, request: Sent, body: bytes) -> None:
    headers = {'X-Amz-Target': request.target} if request.target else {}
    connection.request(request.method, request.path, body or None, headers)
    json.loads(connection.getresponse().read())
