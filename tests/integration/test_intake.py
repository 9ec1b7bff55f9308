"""Promise P4: no answer is read without end, in bytes or in time, however it is sent."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from common import ACCOUNT, MakeDriver, StartSimulator, connection_status, wait_for_workers

from datadog_checks.amazon_ses.aws import intake
from datadog_checks.amazon_ses.aws.intake import MIB, Budget, Intake, TooLarge
from simulator import Fault, Simulator
from simulator.server import read_request

BLOCK = b'x' * 65_536
HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: 12345678-1234\r\n'
Answer = Callable[[], Iterator[bytes]]


class EndlessServer:
    """Answers each request with what `answer` yields, until the client goes; `sent` are the bytes of each answer."""

    def __init__(self, answer: Answer) -> None:
        self.sent: list[int] = []
        self._answer = answer
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'

    def __enter__(self) -> EndlessServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.sent.append(0)
        number = len(self.sent) - 1
        with client, client.makefile('rb') as reader, suppress(OSError):
            read_request(reader, client)
            for part in self._answer():
                client.sendall(part)
                self.sent[number] += len(part)


def endless_body() -> Iterator[bytes]:
    yield HEAD + b'Connection: close\r\n\r\n{"'
    while True:
        yield BLOCK


def endless_chunks() -> Iterator[bytes]:
    yield HEAD + b'Transfer-Encoding: chunked\r\n\r\n'
    while True:
        yield b'10000\r\n' + BLOCK + b'\r\n'


def small_chunks() -> Iterator[bytes]:
    """Chunks whose frames are five times as long as what they hold."""
    yield HEAD + b'Transfer-Encoding: chunked\r\n\r\n'
    while True:
        yield b'1\r\nx\r\n' * 10_000


def promised() -> Iterator[bytes]:
    yield HEAD + b'Content-Length: 100000000000\r\n\r\n'
    while True:
        yield BLOCK


def endless_headers() -> Iterator[bytes]:
    yield HEAD
    while True:
        yield b'x-header: ' + b'x' * 60_000 + b'\r\n'


@pytest.mark.parametrize('answer', [endless_body, endless_chunks, small_chunks, promised])
def test_endless_answer(make_driver: MakeDriver, aggregator: object, answer: Answer) -> None:
    """An answer of SES without end is read up to 4 MiB and fails alone, however it is sent."""
    with EndlessServer(answer) as server:
        driver = make_driver(account_id=ACCOUNT, collect=['account'], endpoint_url=server.url, read_timeout=60)
        assert driver.run()
        level, message = connection_status(aggregator)
        assert level == 2 and 'GetAccount: malformed: the answer has more than 4 MiB' in message
        # What the sockets of both sides hold was sent, and not read.
        assert server.sent and max(server.sent) < 16 * MIB
    wait_for_workers()


def test_endless_headers(make_driver: MakeDriver, aggregator: object) -> None:
    """Headers without end are no answer."""
    with EndlessServer(endless_headers) as server:
        make_driver(account_id=ACCOUNT, collect=['account'], endpoint_url=server.url, read_timeout=60).run()
        assert connection_status(aggregator)[0] == 2 and max(server.sent) < 16 * MIB


def test_compressed_answer(make_driver: MakeDriver, aggregator: object) -> None:
    """An answer that is small as it comes and huge when it is unpacked is not unpacked."""
    bomb = gzip.compress(b'x' * 64 * MIB)

    def compressed() -> Iterator[bytes]:
        yield HEAD + b'Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(bomb) + bomb

    with EndlessServer(compressed) as server:
        make_driver(account_id=ACCOUNT, collect=['account'], endpoint_url=server.url).run()
        level, message = connection_status(aggregator)
        assert level == 2 and 'GetAccount: malformed' in message


@pytest.mark.parametrize('operation', ['GetAccount', 'GetMetricData'])
def test_answer_that_trickles(make_driver: MakeDriver, sim: Simulator, aggregator: object, operation: str) -> None:
    """An answer that comes byte by byte, headers too, ends as a timeout: the limit is for the request as a whole."""
    sim.faults.add(Fault('drip', operation=operation, argument=0.02))
    driver = make_driver(account_id=ACCOUNT, collect=['account', 'cloudwatch'], connect_timeout=0.2, read_timeout=0.3)
    driver.run()
    wait_for_workers()
    driver.run()
    level, message = connection_status(aggregator)
    assert level == 1 and f'{operation}: timeout' in message
    wait_for_workers()


def test_bytes_of_the_process(make_driver: MakeDriver, aggregator: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers under way in a process hold a limited number of bytes, and give them back when they are read."""
    driver = make_driver(account_id=ACCOUNT)
    monkeypatch.setattr(intake.PROCESS, 'most', 100)
    assert driver.run()
    assert 'the answers under way in this process' in connection_status(aggregator)[1]
    monkeypatch.undo()
    driver.clock.advance(60)
    assert driver.run() == ''
    assert connection_status(aggregator) == (0, '')
    wait_for_workers()
    gc.collect()
    assert intake.PROCESS.used == 0


def test_answer_over_the_limit_fails_alone() -> None:
    """The answer that passes the limit of the process fails and gives its bytes back; those beside it go on."""
    budget = Budget(100)
    first, second = Intake(1000, 60, budget), Intake(1000, 60, budget)
    first.add(80)
    with pytest.raises(TooLarge):
        second.add(30)
    second.release()
    first.add(15)
    first.release()
    second.release()
    assert budget.used == 0


def test_listing_without_end(make_driver: MakeDriver, start: StartSimulator) -> None:
    """A listing whose pages never end is cut, and what it listed is used."""
    sim = start()
    numbers = iter(range(10**9))

    def another_page(result: dict[str, object]) -> None:
        result['NextToken'] = f'page-{next(numbers)}'

    sim.faults.add(Fault('mutate', operation='ListMetrics', argument=another_page))
    driver = make_driver(sim, account_id=ACCOUNT)
    driver.run()
    wait_for_workers()
    assert 0 < sim.log.count(operation='ListMetrics') <= 201
