"""Promise P4: a request that repeats an earlier one is signed, counted, tried again and refused as any other."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import botocore.client
import pytest
from common import ACCOUNT, REGION, Driver, MakeDriver

import simulator.server
from datadog_checks.amazon_ses.aws.repeated_requests import RepeatedRequests
from simulator import Fault, Simulator
from simulator.server import read_request
from simulator.wire import HttpRequest

OPERATION = 'GetMetricData'
FIRST_ANSWERS = """
import sys, threading
from datadog_checks.amazon_ses.aws import json_protocol

def decode():
    barrier.wait()
    answers.append(json_protocol.json.decode(b'{}'))

sys.setswitchinterval(1e-6)
barrier, answers = threading.Barrier(8), []
threads = [threading.Thread(target=decode) for _ in range(8)]
for step in (threading.Thread.start, threading.Thread.join):
    for thread in threads:
        step(thread)
sys.exit(len(answers) != 8)
"""
ONLY_METRICS = {'collect': ['cloudwatch'], 'period': 60, 'account_id': ACCOUNT}
ROLE = f'arn:aws:iam::{ACCOUNT}:role/mail'


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    """The requests for metrics, as they arrived."""
    requests = []

    def read(*arguments: Any) -> HttpRequest | None:
        request = read_request(*arguments)
        if request is not None and request.headers.get('x-amz-target', '').endswith(OPERATION):
            requests.append(request)
        return request

    monkeypatch.setattr(simulator.server, 'read_request', read)
    return requests


@contextmanager
def calls_of_botocore() -> Iterator[Counter[str]]:
    """How often botocore is called inside the block, by operation."""
    calls: Counter[str] = Counter()
    call = botocore.client.BaseClient._make_api_call

    def counted(client: Any, operation: str, parameters: Any) -> Any:
        calls[operation] += 1
        return call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, '_make_api_call', counted)
        yield calls


def runs(driver: Driver, number: int = 1) -> None:
    for _ in range(number):
        driver.run()
        driver.clock.advance(60)


def test_requests_after_the_first_need_no_call_of_botocore(
    make_driver: MakeDriver, sim: Simulator, received: list[HttpRequest]
) -> None:
    """The first request for metrics is a call of botocore, and those after it have the same headers but for the
    signature, the date and what counts attempts."""
    driver = make_driver(**ONLY_METRICS)
    with calls_of_botocore() as calls:
        runs(driver, 5)
    assert calls[OPERATION] == 1 and len(received) == sim.log.count(operation=OPERATION) == 5
    first, *repeated = (request.headers for request in received)
    assert {name for name in first if not name.startswith('amz-sdk-')} == {*repeated[0]}
    for headers in repeated:
        assert re.fullmatch(r'AWS4-HMAC-SHA256 Credential=\S+/monitoring/aws4_request, .*', headers['authorization'])
        assert headers['authorization'] != first['authorization']
        for name in ('host', 'x-amz-target', 'content-type', 'user-agent'):
            assert headers[name] == first[name]


def test_a_repeated_request_carries_the_session_of_its_time(
    make_driver: MakeDriver, sim: Simulator, received: list[HttpRequest]
) -> None:
    """After a new sign-in, repeated requests are signed with the new keys and carry the new session token."""
    driver = make_driver(role_arn=ROLE, **ONLY_METRICS)
    runs(driver, 2)
    sim.expire_tokens()
    runs(driver, 4)
    assert driver.run() == ''
    assert driver.status('can_connect') == (0, '')
    tokens = [request.headers['x-amz-security-token'] for request in received]
    assert tokens[0] == tokens[1] != tokens[-1] == tokens[-2]


@contextmanager
def forgetful_clients() -> Iterator[None]:
    """Inside the block every request for metrics is a call of botocore."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RepeatedRequests, 'response', lambda *_: None)
        yield


def figures_of_a_failure(driver: Driver, fault: Fault) -> tuple[float, ...]:
    """What five runs ask and submit, the third of which meets a fault: requests that arrived and those that are
    submitted, errors, billed metrics, and the level at the end."""

    def submitted() -> list[float]:
        of_operation = REGION, f'operation:{OPERATION}'
        calls, billed = driver.total('collector.api_calls', *of_operation), driver.total('collector.billed_metrics')
        return [calls, driver.total('collector.api_errors'), billed]

    before = submitted()
    runs(driver, 2)
    driver.sim.faults.add(replace(fault, operation=OPERATION, times=1))
    runs(driver, 3)
    driver.sim.faults.clear()
    spent = [now - then for now, then in zip(submitted(), before, strict=True)]
    return driver.sim.log.count(operation=OPERATION), *spent, driver.status('can_connect')[0]


@pytest.mark.parametrize(
    ('kind', 'argument'),
    [
        ('throttle', None),
        ('server_error', None),
        ('reset', None),
        ('truncate', None),
        ('html', None),
        ('error', ('AccessDenied', 403)),
    ],
)
def test_what_is_no_usual_answer_is_the_first_attempt_of_a_call(
    make_driver: MakeDriver, sim: Simulator, kind: str, argument: Any
) -> None:
    """A repeated request that fails counts once, is tried again as often as one of botocore, and costs what reached
    AWS; afterwards all is as before."""
    with forgetful_clients():
        expected = figures_of_a_failure(make_driver(ledger='botocore', **ONLY_METRICS), Fault(kind, argument=argument))
    sim.log.clear()
    figures = figures_of_a_failure(make_driver(ledger='repeated', **ONLY_METRICS), Fault(kind, argument=argument))
    assert figures == expected
    assert figures[0] == figures[1] >= 5 and figures[2] == 1


def test_the_first_answers_of_a_process_may_come_at_once() -> None:
    """Several threads may decode the first answers of a process at the same time."""
    subprocess.run([sys.executable, '-I', '-c', FIRST_ANSWERS], check=True, timeout=60)
