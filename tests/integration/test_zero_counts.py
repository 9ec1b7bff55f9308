"""Promise P1: An explicit zero of a count says that nothing happened, and never that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, REGION, START, MakeDriver, StartSimulator, replace_attribute

from simulator import Clock, Fault, series_id
from simulator.scenarios import Scenario

HOUR, DAY = 3600, 86400
SET_SENDS = series_id('Send', {'ses:configuration-set': 'news'})
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())


def test_a_count_is_an_explicit_zero_once_mail_stops(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """After the last email `send.count` is 0 again and again for a day, then missing; what never happened is missing,
    and so is every count of a configuration set."""
    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Send', START, 3)
    sim.world.put(ACCOUNT, REGION, SET_SENDS, START, 3)
    driver = make_driver(sim)
    zeros = []
    for _ in range(int(26 * HOUR / 900)):
        before = len(driver.values('send.count'))
        driver.run()
        zeros += [clock() for value in driver.values('send.count')[before:] if value == 0]
        clock.advance(900)
    assert zeros[-1] - START == pytest.approx(DAY, abs=2400)
    assert max(later - earlier for earlier, later in zip(zeros, zeros[1:], strict=False)) <= HOUR
    assert driver.values('bounce.count') == []
    assert 0 not in driver.values('configuration_set.send.count')


@pytest.mark.parametrize('kind', ['denied', 'server_error', 'throttle', 'empty'])
def test_a_failed_collection_is_no_zero(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, kind: str
) -> None:
    """While CloudWatch cannot be read, the counts of the account are missing and not zero."""
    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Send', START, 3)
    driver = make_driver(sim, collect=['cloudwatch'])
    driver.run_for(HOUR, 300)
    assert driver.values('send.count')[-1] == 0
    counted = len(driver.values('send.count'))
    sim.faults.add(Fault(kind, operation='GetMetricData'))
    for _ in range(24):
        driver.run()
        clock.advance(300)
    assert len(driver.values('send.count')) == counted


def test_the_opening_run_has_no_zero(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """The run in which counting begins, or begins anew for lack of a state, hands over no count at all."""
    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Send', START - 900, 3)
    make_driver(sim, collect=['cloudwatch']).run()
    driver = make_driver(sim, collect=['cloudwatch'])
    driver.run()
    assert driver.values('send.count') == []


def test_a_run_that_cannot_save_has_no_zero(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, datadog_agent: Any
) -> None:
    """While the state cannot be saved, no zero is handed over either."""

    def refuse(*_: object) -> str:
        raise OSError('No space left on device')

    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Send', START, 3)
    driver = make_driver(sim, collect=['cloudwatch'])
    driver.run_for(HOUR, 300)
    counted = len(driver.values('send.count'))
    with replace_attribute(datadog_agent, 'write_persistent_cache', refuse):
        driver.run_for(HOUR, 300)
    assert len(driver.values('send.count')) == counted
