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
from datadog_checks.amazon_ses.aws import botocore_internals, json_protocol, ses_budget
from simulator import Fault, Simulator
from simulator.server import read_request
from simulator.wire import HttpRequest

SERVICES = {'GetMetricData': 'monitoring', 'GetAccount': 'ses'}
"""The services in the signatures of the operations whose requests are repeated."""

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
SOURCES = {'GetMetricData': 'cloudwatch', 'GetAccount': 'account'}
ONLY: dict[str, dict[str, Any]] = {
    operation: {'collect': [source], 'period': 60, 'account_id': ACCOUNT} for operation, source in SOURCES.items()
}
"""The options with which a check asks for nothing else, each minute."""

each_operation = pytest.mark.parametrize('operation', SERVICES)
ROLE = f'arn:aws:iam::{ACCOUNT}:role/mail'


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    """The requests of SES and CloudWatch, as they arrived."""
    requests = []

    def read(*arguments: Any) -> HttpRequest | None:
        request = read_request(*arguments)
        if request is not None and any(f'/{name}/' in request.headers['authorization'] for name in SERVICES.values()):
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


@each_operation
def test_requests_after_the_first_need_no_call_of_botocore(
    make_driver: MakeDriver, sim: Simulator, received: list[HttpRequest], operation: str
) -> None:
    """The first request of the check is a call of botocore, and those after it have the same headers but for the
    signature, the date and what counts attempts. Where CloudWatch speaks no JSON, each of its requests is a call."""
    driver = make_driver(**ONLY[operation])
    with calls_of_botocore() as calls:
        runs(driver, 5)
    metrics = driver.check.access._clients.existing('cloudwatch', REGION)
    if metrics is not None and not json_protocol.speaks_json(metrics):
        assert calls[operation] == 5
        return
    assert calls[operation] == 1 and len(received) == sim.log.count(operation=operation) == 5
    first, *repeated = (request.headers for request in received)
    assert {name for name in first if not name.startswith('amz-sdk-')} == {*repeated[0]}
    for headers in repeated:
        scope = f'{REGION}/{SERVICES[operation]}/aws4_request'
        assert re.fullmatch(rf'AWS4-HMAC-SHA256 Credential=\S+/{scope}, .*', headers['authorization'])
        for name in {*first} & {'host', 'x-amz-target', 'content-type', 'user-agent'}:
            assert headers[name] == first[name]


@each_operation
def test_a_repeated_request_carries_the_session_of_its_time(
    make_driver: MakeDriver, sim: Simulator, received: list[HttpRequest], operation: str
) -> None:
    """After a new sign-in, repeated requests are signed with the new keys and carry the new session token."""
    driver = make_driver(role_arn=ROLE, **ONLY[operation])
    runs(driver, 2)
    sim.expire_tokens()
    runs(driver, 4)
    assert driver.run() == ''
    assert driver.status('can_connect') == (0, '')
    tokens = [request.headers['x-amz-security-token'] for request in received]
    assert tokens[0] == tokens[1] != tokens[-1] == tokens[-2]


@contextmanager
def forgetful_clients() -> Iterator[None]:
    """Inside the block every request is a call of botocore."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore_internals, 'repeated', lambda *_: None)
        yield


@each_operation
def test_a_repeated_request_gives_the_values_of_any_other(make_driver: MakeDriver, operation: str) -> None:
    """A run whose requests are repeated submits what it would submit if botocore had written them."""

    def values(ledger: str) -> dict[Any, float]:
        driver = make_driver(ledger=ledger, **ONLY[operation])
        runs(driver, 2)
        driver.clock.advance(-120)
        driver.new_values()
        driver.run()
        return {key: value for key, value in driver.new_values().items() if not key[0].startswith('collector.')}

    with forgetful_clients():
        expected = values('botocore')
    assert values('repeated') == expected
    assert len(expected) > 5


def figures_of_a_failure(driver: Driver, operation: str, fault: Fault) -> tuple[float, ...]:
    """What five runs ask and submit, the third of which meets a fault: requests that arrived and those that are
    submitted, errors, billed metrics, turns at SES, and the level at the end."""

    def spent() -> list[float]:
        of_operation = REGION, f'operation:{operation}'
        calls, billed = driver.total('collector.api_calls', *of_operation), driver.total('collector.billed_metrics')
        turns = sum(len(budget._sent) for budget in ses_budget._budgets.values())
        return [calls, driver.total('collector.api_errors'), billed, turns]

    ses_budget._budgets.clear()
    before = spent()
    runs(driver, 2)
    driver.sim.faults.add(replace(fault, operation=operation, times=1))
    runs(driver, 3)
    driver.sim.faults.clear()
    figures = [now - then for now, then in zip(spent(), before, strict=True)]
    return driver.sim.log.count(operation=operation), *figures, driver.status('can_connect')[0]


@each_operation
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
    make_driver: MakeDriver, sim: Simulator, operation: str, kind: str, argument: Any
) -> None:
    """A repeated request that fails waits once, counts once, is tried again as often as one of botocore, and costs what
    reached AWS; afterwards all is as before."""
    fault = Fault(kind, argument=argument)
    with forgetful_clients():
        expected = figures_of_a_failure(make_driver(ledger='botocore', **ONLY[operation]), operation, fault)
    sim.log.clear()
    figures = figures_of_a_failure(make_driver(ledger='repeated', **ONLY[operation]), operation, fault)
    assert figures == expected
    assert figures[0] == figures[1] >= 5
    assert bool(figures[4]) == (operation == 'GetAccount')


def test_the_first_answers_of_a_process_may_come_at_once() -> None:
    """Several threads may decode the first answers of a process at the same time."""
    subprocess.run([sys.executable, '-I', '-c', FIRST_ANSWERS], check=True, timeout=60)
