"""Signing in where some Regions cannot: a refusal in one of them costs nobody else anything, and STS is spared."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Driver, MakeDriver

from simulator import Clock, Fault, Simulator

OK, WARNING, CRITICAL, UNKNOWN = range(4)
ROLE = f'arn:aws:iam::{ACCOUNT}:role/reader'
STEADY = {'collect': ['account', 'cloudwatch']}
BROKEN = {
    'refused': Fault('error', service='sts', region=OTHER, argument=('InvalidClientTokenId', 403)),
    'denied': Fault('denied', service='sts', region=OTHER),
    'throttled': Fault('throttle', service='sts', region=OTHER),
    'down': Fault('reset', service='sts', region=OTHER),
    'failing': Fault('server_error', service='sts', region=OTHER),
}


def simulated(driver: Driver) -> Driver:
    """The driver with a monotonic clock that follows the simulated one."""
    driver.check.monotonic = driver.clock
    return driver


@pytest.mark.parametrize('options', [{}, {'role_arn': ROLE}, {'account_id': ACCOUNT}], ids=['keys', 'role', 'account'])
def test_a_first_region_that_is_not_enabled_costs_itself(
    make_driver: MakeDriver, sim: Simulator, options: dict[str, Any]
) -> None:
    """With a first Region that is not enabled the second is read and counted as if it stood alone."""
    sim.disabled_regions.add(OTHER)
    driver = simulated(make_driver(regions=[OTHER, REGION], **options, **STEADY))
    driver.run_for(1800, 60)
    assert driver.status('can_connect', REGION) == (OK, '') and driver.total('send.count', REGION) > 0
    assert driver.status('can_connect', OTHER)[0] == CRITICAL
    assert sim.log.count(operation='GetCallerIdentity') <= 2


@pytest.mark.parametrize('fault', BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize('options', [{}, {'role_arn': ROLE}], ids=['keys', 'role'])
def test_the_next_region_signs_in(
    make_driver: MakeDriver, sim: Simulator, options: dict[str, Any], fault: Fault
) -> None:
    """Where the STS of the first Region refuses, throttles or is down, that of the next Region signs in, in the same
    run; all Regions are read."""
    sim.faults.add(fault)
    driver = simulated(make_driver(regions=[OTHER, REGION], **options, **STEADY))
    assert driver.run() == ''
    assert {driver.status('can_connect', region) for region in (REGION, OTHER)} == {(OK, '')}
    requests = sim.log.count(service='sts')
    driver.run_for(1200, 60)
    assert sim.log.count(service='sts') == requests, 'whoever signed in signs nobody in again'


def test_a_region_that_is_not_enabled_causes_no_storm(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """One Region of the list that is not enabled costs a handful of sign-ins in 40 minutes. When STS throttles then,
    nobody who has credentials notices: all mail is counted."""
    sim.disabled_regions.add('eu-central-1')
    driver = simulated(make_driver(regions=[REGION, 'eu-central-1', OTHER], role_arn=ROLE, **STEADY))
    driver.run_for(2400, 60)
    assert sim.log.count(operation='AssumeRole') <= 3
    sim.faults.add(Fault('throttle', service='sts'))
    driver.run_for(2400, 60)
    sim.faults.clear()
    driver.run_for(2400, 60)
    for region in (REGION, OTHER):
        assert {sample.status for sample in statuses(driver, region)} == {OK}
        since = driver.last('collector.counting_since', region)
        assert driver.total('send.count', region) >= driver.cloudwatch_sum('Send', since, clock() - 1200, region) > 0
    assert sim.log.count(operation='AssumeRole') <= 6


def test_a_throttled_sts_is_asked_rarely(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """While STS throttles and the session of the role was revoked, STS is asked once in some minutes and Region, and
    once it answers, nothing is missing."""
    driver = simulated(make_driver(regions=[REGION, OTHER], role_arn=ROLE, **STEADY))
    driver.run_for(1200, 60)
    sim.faults.add(Fault('throttle', service='sts'))
    sim.expire_tokens()
    before = sim.log.count(operation='AssumeRole')
    for _ in range(30):
        driver.run()
        clock.advance(60)
    # Each sign-in is two attempts in each of two Regions.
    assert sim.log.count(operation='AssumeRole') - before <= 4 * 11
    sim.faults.clear()
    for _ in range(4):
        driver.run()
        clock.advance(60)
    driver.run_for(3600, 300)
    for region in (REGION, OTHER):
        assert driver.status('can_connect', region) == (OK, '')
        since = driver.last('collector.counting_since', region)
        assert driver.total('send.count', region) >= driver.cloudwatch_sum('Send', since, clock() - 1200, region) > 0
        assert driver.values('collector.periods_skipped', region) == []


def statuses(driver: Driver, region: str) -> list[Any]:
    samples = driver.aggregator.service_checks('amazon_ses.can_connect')
    return [sample for sample in samples if f'region:{region}' in sample.tags]
