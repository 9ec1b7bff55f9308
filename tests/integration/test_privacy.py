"""Promise P6: No secret and no mail address leaves the check."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from common import ACCOUNT, KEY, PREFIX, REGION, SECRET, START, MakeDriver

from simulator import Clock, Fault, Simulator, series_id
from simulator.inventory import PLANTED


def received(aggregator: Any) -> list[str]:
    """Everything that the Agent received, as text."""
    metrics = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    checks = [
        sample
        for name in ('can_connect', 'sending_status', 'threshold')
        for sample in aggregator.service_checks(PREFIX + name)
    ]
    return [*map(str, metrics), *map(str, checks), *map(str, aggregator.events)]


def test_no_output_holds_a_secret_or_an_address(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, caplog: Any
) -> None:
    """Neither logs at DEBUG nor metrics, messages, events or the state hold a key, token, external id or address."""
    caplog.set_level(logging.DEBUG)
    token, external, address = 'planted-session-token-0123456789', 'planted-external-id', 'jane.doe@mail.example'
    roles = [f'arn:aws:iam::{ACCOUNT}:role/first', f'arn:aws:iam::{ACCOUNT}:role/reader']
    sim.accounts.declare_role(roles[0], external_id=external)
    sim.accounts.add(KEY, ACCOUNT, user=address)
    driver = make_driver(
        aws_session_token=token,
        role_arn=roles,
        external_id=external,
        dimensions=[{'identity': address}],
        thresholds=[{'metric': 'dimension.send', 'warning': '@0:', 'tags': ['identity:mail.example']}],
    )
    sim.world.put(ACCOUNT, REGION, series_id('Send', {'identity': address}), START + 60, 7)
    warnings: list[Any] = []
    for number, kind in enumerate((None, None, 'denied', 'throttle', 'expired_token', 'html', 'truncate', 'reset')):
        sim.faults.clear()
        if kind:
            sim.faults.add(Fault(kind))
        if number == 5:
            driver.restart()
        driver.run()
        warnings += driver.check.get_warnings()
        clock.advance(300)
    driver.restart(external_id='another-planted-id')
    report = driver.run()
    assert report
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    output = '\n'.join([caplog.text, report, *map(str, warnings), *received(aggregator), *cached])
    keys = {request.access_key for request in sim.log if request.access_key}
    assert len(keys) > 1
    for secret in (SECRET, token, external, 'another-planted-id', *keys):
        assert secret not in output, secret
    assert address not in output
    assert 'jane.doe' not in output
    for planted in PLANTED:
        assert planted not in output, planted
    assert 'identity:mail.example' in output
    assert 'Counts of' not in output


@pytest.mark.parametrize(
    'options',
    [
        {'dimensions': {'identity': 'jane.doe@mail.example'}},
        {'dimensions': ['jane.doe@mail.example']},
        {'dimensions': [{'identity': [['jane.doe@mail.example']]}]},
        {'include': {'value': 'jane.doe@mail.example'}},
        {'exclude': [{'value': 'jane.doe@mail.example', 'name': 'identity'}]},
    ],
)
def test_refused_options_show_no_address(make_driver: MakeDriver, options: dict[str, Any]) -> None:
    """The message that refuses an option names the option and shows no e-mail address of its value."""
    report = make_driver(**options).run()
    assert f'`{next(iter(options))}`' in report
    assert 'jane.doe' not in report


def test_names_that_hold_an_address(
    make_driver: MakeDriver, sim: Simulator, aggregator: Any, datadog_agent: Any
) -> None:
    """An address in the name of a metric or a dimension reaches neither tags nor messages nor the state."""
    address = 'jane.doe@mail.example'
    for minutes in range(-10, 60, 5):
        sim.world.put(ACCOUNT, REGION, series_id(f'A {address}', {f'for {address}': 'x'}), START + 60 * minutes, 7)
    driver = make_driver(settle_delay=0)
    for _ in range(8):
        driver.run()
        driver.clock.advance(300)
    sim.faults.add(Fault('partial', operation='GetMetricData', argument=1))
    driver.run()
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    output = '\n'.join([*map(str, driver.check.get_warnings()), *received(aggregator), *cached])
    assert 'unrecognized' in output and 'metric_name:' in output
    assert 'jane' not in output.lower()
