"""What AWS says of providers, global endpoints and the suppression list, where it fails, over HTTP."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from common import REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers

from simulator import Fault, Simulator
from simulator.inventory import PLANTED
from simulator.scenarios import HOUR

OK, WARNING = 0, 1
CASES = {
    'BatchGetMetricData': (['vdm'], ('vdm.delivery_rate',)),
    'ListMultiRegionEndpoints': (['global_endpoint_health'], ('global_endpoint.ready',)),
    'ListSuppressedDestinations': (
        ['suppression_list', 'suppression_size'], ('suppression.additions', 'suppression.size'),
    ),
}  # fmt: skip
"""The words of `collect` of each operation, and its metrics."""


@pytest.fixture
def account(start: StartSimulator) -> Simulator:
    """An account with VDM, mail to three providers, and a global endpoint."""
    sim = start('bounce_storm', quotas=False)
    sim.change('account', values={'vdm': 'ENABLED'})
    sim.change('endpoints', 'abcdef12.g3h')
    return sim


def new_driver(make_driver: MakeDriver, sim: Simulator, operation: str) -> Driver:
    return make_driver(sim, collect=['account', *CASES[operation][0]])


def run_for(driver: Driver, seconds: float, step: float = 300.0) -> None:
    """Run now and every `step` seconds; what was asked has come by the next run."""
    for _ in range(round(seconds / step)):
        assert driver.run() == ''
        wait_for_workers()
        driver.clock.advance(step)


def shown(driver: Driver, operation: str) -> list[bool]:
    return [bool(driver.values(name)) for name in CASES[operation][1]]


@pytest.mark.parametrize('operation', CASES)
def test_a_denial_names_the_action_and_costs_nothing_else(
    make_driver: MakeDriver, account: Simulator, operation: str
) -> None:
    """Where the read is denied, the message names the IAM action, it is asked once an hour, and the account goes on."""
    account.deny(f'ses:{operation}')
    driver = new_driver(make_driver, account, operation)
    run_for(driver, HOUR)
    status, message = connection_status(driver.aggregator)
    assert status == WARNING and f'ses:{operation}' in message
    assert account.log.count(operation=operation) == len(CASES[operation][0])
    assert not any(shown(driver, operation)) and driver.values('quota.utilization')
    account.allow()
    run_for(driver, 900)
    assert all(shown(driver, operation)) and connection_status(driver.aggregator) == (OK, '')


@pytest.mark.parametrize('operation', CASES)
def test_what_a_region_lacks_is_silent(make_driver: MakeDriver, account: Simulator, operation: str) -> None:
    """Where AWS does not know the operation there is no warning, and it is asked once a day."""
    account.faults.add(Fault('error', operation=operation, argument=('UnknownOperationException', 404)))
    driver = new_driver(make_driver, account, operation)
    run_for(driver, 3 * HOUR)
    assert connection_status(driver.aggregator) == (OK, '')
    assert account.log.count(operation=operation) == len(CASES[operation][0])


FAULTS: dict[str, dict[str, Any]] = {
    'garbage': {'kind': 'garbage'},
    'a page': {'kind': 'html'},
    'half a body': {'kind': 'truncate'},
    'nothing in it': {'kind': 'mutate', 'argument': lambda result: {}},
    'null in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result)},
    'text in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result, 'x')},
    'throttled': {'kind': 'throttle'},
    'pages without end': {'kind': 'token_loop'},
}


@pytest.mark.parametrize(
    ('operation', 'fault'),
    [(operation, fault) for operation in CASES for fault in FAULTS
     if (operation, fault) != ('BatchGetMetricData', 'pages without end')],
)  # fmt: skip
def test_a_broken_answer_costs_itself(make_driver: MakeDriver, account: Simulator, operation: str, fault: str) -> None:
    """An answer that is garbage, cut, without end or not of AWS costs its metrics alone, while such answers come."""
    rule = account.faults.add(Fault(operation=operation, **FAULTS[fault]))
    driver = new_driver(make_driver, account, operation)
    run_for(driver, 900)
    assert not any(shown(driver, operation)) and driver.values('quota.utilization')
    assert account.log.count(operation=operation) <= 24
    account.faults.remove(rule)
    run_for(driver, 25 * HOUR, 900)
    assert all(shown(driver, operation)) and connection_status(driver.aggregator) == (OK, '')


def test_no_address_of_the_suppression_list_leaves(
    make_driver: MakeDriver, account: Simulator, datadog_agent: Any, caplog: Any
) -> None:
    """Addresses on the suppression list reach neither logs, tags, messages nor the state, and are counted once."""
    caplog.set_level(logging.DEBUG)
    for number in range(250):
        account.change('suppressed', f'jane.doe{number}@mail.example', {'reason': 'COMPLAINT', 'updated': -7200.0})
    driver = new_driver(make_driver, account, 'ListSuppressedDestinations')
    run_for(driver, HOUR)
    for name in CASES['ListSuppressedDestinations'][1]:
        assert driver.last(name, REGION, 'reason:bounce') == 1
        assert driver.last(name, REGION, 'reason:complaint') == 250
    driver.restart()
    run_for(driver, HOUR)
    assert driver.last('suppression.additions', REGION, 'reason:complaint') == 250
    aggregator = driver.aggregator
    samples = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    output = '\n'.join([caplog.text, *map(str, (*samples, *driver.check.get_warnings())), *cached])
    for secret in (*PLANTED, 'jane.doe'):
        assert secret not in output, secret


def test_the_suppression_list_is_off_by_default(make_driver: MakeDriver, account: Simulator) -> None:
    """Nobody lists addresses who was not told to."""
    driver = make_driver(account)
    run_for(driver, HOUR)
    assert account.log.count(operation='ListSuppressedDestinations') == 0
    assert driver.values('vdm.delivery_rate')
