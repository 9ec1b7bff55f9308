"""Warnings: each is said when it begins, once an hour while it goes on, and when it is over."""

from __future__ import annotations

import logging

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, MakeDriver

from simulator import Clock, Fault, Simulator

HOUR, DAY = 3600, 86400


def test_a_warning_is_said_once_an_hour(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A denial that lasts for half a day is said once an hour, whatever its text; its end is said once, in the log."""
    caplog.set_level(logging.INFO)
    driver = make_driver(account_id=ACCOUNT, collect=['account'])
    denial = sim.deny('ses:GetAccount')
    for _ in range(144):
        driver.run()
        clock.advance(300)
    said = [warning for warning in driver.check.get_warnings() if 'GetAccount' in warning]
    assert len(said) == 12
    sim.allow(denial)
    for _ in range(12):
        driver.run()
        clock.advance(300)
    assert driver.check.get_warnings() == []
    over = [record.getMessage() for record in caplog.records if record.getMessage().startswith('Over: ')]
    assert over == ['Over: the warning about us-east-1: GetAccount.']


def test_another_kind_or_operation_is_another_warning(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A failure of another kind or of another operation is said at once."""
    driver = make_driver(account_id=ACCOUNT, collect=['account', 'cloudwatch'])
    driver.run_for(600, 60)
    for fault in (
        Fault('server_error', operation='GetAccount'),
        Fault('throttle', operation='GetAccount'),
        Fault('throttle', operation='GetMetricData'),
    ):
        sim.faults[:] = [fault]
        clock.advance(300)
        driver.run()
        (warning,) = driver.check.get_warnings()
        assert str(fault.operation) in warning
        clock.advance(60)
        driver.run()
        assert driver.check.get_warnings() == []


def test_options_are_warned_of_once_an_hour(make_driver: MakeDriver, clock: Clock) -> None:
    """What is said about options, limits and left out series is said once an hour as well."""
    driver = make_driver(account_id=ACCOUNT, collect=['account'], colour='blue', max_returned_metrics=ACCOUNT_METRICS)
    warnings: list[str] = []
    for _ in range(90):
        driver.run()
        warnings += driver.check.get_warnings()
        clock.advance(60)
    assert len([warning for warning in warnings if 'colour' in warning]) == 2
    assert len([warning for warning in warnings if 'max_returned_metrics' in warning]) == 2


def test_a_warning_that_comes_and_goes_is_said_once_an_hour(
    make_driver: MakeDriver, sim: Simulator, clock: Clock
) -> None:
    """An operation that fails in every second run warns once an hour, not in every second run."""
    driver = make_driver(account_id=ACCOUNT, collect=['account'])
    warnings: list[str] = []
    for _ in range(60):
        sim.faults.clear()
        driver.run()
        clock.advance(60)
        sim.faults.add(Fault('throttle', operation='GetAccount'))
        driver.run()
        warnings += driver.check.get_warnings()
        clock.advance(60)
    assert len(warnings) == 2
