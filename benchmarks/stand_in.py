"""A server that answers like AWS at as little cost as it can: `python -m benchmarks.stand_in`.

The first line on stdin is a case, as JSON, and the first line on stdout is the endpoint. Answers are put together from
parts that were written beforehand: each series has an amount in each period, and that of the newest one is still
growing. A request to `/control` sets `now` and `latency` in seconds, and returns the requests since the last one and
the CPU time of this process.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from email.utils import formatdate
from functools import lru_cache
from threading import Thread
from typing import IO, Any, NamedTuple

from benchmarks.case import PERIOD, Case, Series

PAGE = 500
"""Metrics in a page of ListMetrics."""

AMOUNTS = [f'{number * number * 37 % 30_011 + 2}.0' for number in range(101)]
GROWING = [f'{int(float(amount)) // 2}.0' for amount in AMOUNTS]
"""The amounts of complete periods, and of the one that goes on."""

WINDOW = re.compile(rb'"(StartTime|EndTime)":(\d+)')
QUERIES, QUERY = b'"MetricDataQueries":[', b'{"Id":"'

HEAD = b'HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n'

STANDING = {
    'DedicatedIpAutoWarmupEnabled': False,
    'EnforcementStatus': 'HEALTHY',
    'ProductionAccessEnabled': True,
    'SendingEnabled': True,
    'SendQuota': {'Max24HourSend': 50000.0, 'MaxSendRate': 14.0, 'SentLast24Hours': 100.0},
    'SuppressionAttributes': {'SuppressedReasons': ['BOUNCE', 'COMPLAINT']},
}


class Sent(NamedTuple):
    """A request as it was sent. `target` is the header that names the operation, or empty."""

    method: str
    path: str
    target: str
    body: str


class StandIn:
    """The answers and the requests so far."""

    def __init__(self, case: Case) -> None:
        self.now = self.latency = 0.0
        self._sent: list[Sent] = []
        # Each query gets a number when it is first asked, which decides its amounts.
        self._numbers: dict[bytes, int] = {}
        self._account = json.dumps(STANDING).encode()
        metrics = [json.dumps(_listed(series)) for series in case.series()]
        self._pages = [','.join(metrics[first : first + PAGE]) for first in range(0, len(metrics), PAGE)]

    def answer(self, sent: Sent, body: bytes) -> bytes:
        """The answer to a request. Any request of SES is answered like GetAccount."""
        if sent.path == '/control':
            return self._control(json.loads(body))
        self._sent.append(sent)
        if sent.target.endswith('.GetMetricData'):
            return self._metric_data(body)
        return self._listing(json.loads(body)) if sent.target.endswith('.ListMetrics') else self._account

    def _control(self, settings: dict[str, float]) -> bytes:
        self.now, self.latency = settings.get('now', self.now), settings.get('latency', self.latency)
        sent, self._sent = self._sent, []
        return json.dumps({'sent': sent, 'cpu': time.process_time()}).encode()

    def _listing(self, request: dict[str, Any]) -> bytes:
        number = int(request.get('NextToken', 0))
        more = f',"NextToken":"{number + 1}"' if number + 1 < len(self._pages) else ''
        return f'{{"Metrics":[{self._pages[number]}]{more}}}'.encode()

    def _metric_data(self, body: bytes) -> bytes:
        window = {name: int(seconds) for name, seconds in WINDOW.findall(body)}
        times, amounts = _written(window[b'StartTime'], window[b'EndTime'], self.now)
        queries = body[body.index(QUERIES) + len(QUERIES) : body.rindex(b'}]')]
        results = []
        for text in queries.split(QUERY)[1:]:
            query_id, _, query = text.partition(b'"')
            number = self._numbers.setdefault(query.rstrip(b'},'), len(self._numbers))
            results.append(
                b'{"Id":"%s","Label":"set-%05d Send",%s%s' % (query_id, number, times, amounts[number % 101])
            )
        return b'{"MetricDataResults":[%s],"Messages":[]}' % b','.join(results)


def _listed(series: Series) -> dict[str, Any]:
    dimensions = [{'Name': name, 'Value': value} for name, value in series.dimensions]
    return {'Namespace': series.metric.namespace, 'MetricName': series.metric.name, 'Dimensions': dimensions}


@lru_cache(maxsize=16)
def _written(start: int, end: int, now: float) -> tuple[bytes, list[bytes]]:
    """The texts of the timestamps of a window, and of the amounts of a series with each number."""
    starts = range(start, end, PERIOD)
    times = ','.join(repr(float(at)) for at in starts)
    amounts = []
    for number in range(len(AMOUNTS)):
        values = [(AMOUNTS if at + PERIOD <= now else GROWING)[(number + at // PERIOD) % len(AMOUNTS)] for at in starts]
        amounts.append(f'"Values":[{",".join(values)}],"StatusCode":"Complete"}}'.encode())
    return f'"Timestamps":[{times}],'.encode(), amounts


def _serve(stand_in: StandIn, connection: socket.socket) -> None:
    with connection, connection.makefile('rb') as reader:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            sent, body = _request(reader)
            if not sent.method:
                return
            arrived = time.monotonic()
            answer = stand_in.answer(sent, body)
            if sent.path != '/control':
                time.sleep(max(0.0, stand_in.latency + arrived - time.monotonic()))
            connection.sendall(HEAD % (formatdate(stand_in.now, usegmt=True).encode(), len(answer)) + answer)


def _request(reader: IO[bytes]) -> tuple[Sent, bytes]:
    """The next request of a connection and its body, without a method at the end."""
    method, _, path = reader.readline().decode('latin-1').partition(' ')
    target, length = '', 0
    while line := reader.readline().strip():
        name, _, text = line.decode('latin-1').partition(':')
        if name.lower() == 'x-amz-target':
            target = text.strip()
        elif name.lower() == 'content-length':
            length = int(text)
    body = reader.read(length)
    return Sent(method, path.partition(' ')[0], target, body.decode('latin-1')), body


def main() -> None:
    """Serve until stdin ends."""
    stand_in = StandIn(Case.from_document(json.loads(sys.stdin.readline())))
    listener = socket.create_server(('127.0.0.1', 0), backlog=256)
    Thread(target=_accept, args=(stand_in, listener), daemon=True).start()
    print(f'http://127.0.0.1:{listener.getsockname()[1]}', flush=True)
    sys.stdin.read()


def _accept(stand_in: StandIn, listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        Thread(target=_serve, args=(stand_in, connection), daemon=True).start()


if __name__ == '__main__':
    main()
