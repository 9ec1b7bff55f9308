"""Global endpoints and whether their second Region could take over, with real botocore against the simulator."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers

from simulator import Simulator
from simulator.inventory import PLANTED
from simulator.scenarios import HOUR

OK = 0
COLLECT = ['account', 'identities', 'configuration_set_health', 'global_endpoint_health']
KINDS = ('identities', 'configuration_sets', 'production_access')


@pytest.fixture
def sim(start: StartSimulator) -> Simulator:
    """An account with a global endpoint, whose first Region is the one of the tests."""
    simulator = start('configuration_sets', quotas=False)
    simulator.change('endpoints', 'abcdef12.g3h', {'regions': (REGION, OTHER)})
    return simulator


def run_for(driver: Driver, seconds: float, step: float = 60.0) -> None:
    """Run now and every `step` seconds; what was asked has come by the next run."""
    for _ in range(round(seconds / step)):
        assert driver.run() == ''
        wait_for_workers()
        driver.clock.advance(step)


def missing(driver: Driver) -> dict[str, list[float]]:
    name = 'global_endpoint.failover_missing'
    return {kind: driver.values(name, REGION, f'kind:{kind}')[-1:] for kind in KINDS}


def test_what_the_second_region_lacks_is_counted(make_driver: MakeDriver, sim: Simulator) -> None:
    """With both Regions in `regions`, what the second one lacks is counted in the first one alone, as it is removed and
    put back, without a request more."""
    driver = make_driver(sim, region=None, regions=[REGION, OTHER], collect=COLLECT)
    run_for(driver, 1200)
    assert missing(driver) == {'identities': [0], 'configuration_sets': [0], 'production_access': [0]}
    assert driver.values('global_endpoint.ready', REGION, f'secondary_region:{OTHER}')[-1] == 1
    assert not driver.values('global_endpoint.ready', OTHER)
    of_both = sum(driver.values('quota.sent_24_hour', region)[-1] for region in (REGION, OTHER))
    quotas = [driver.values('quota.max_24_hour', region)[-1] for region in (REGION, OTHER)]
    used = driver.values('global_endpoint.failover_utilization', REGION)[-1]
    assert used == pytest.approx(100 * of_both / min(quotas))
    sim.change('identities', 'example.com', None, region=OTHER)
    sim.change('configuration_sets', 'set-00001', None, region=OTHER)
    sim.change('standing', values={'production_access': False, 'max_24_hour_send': 200.0}, region=OTHER)
    run_for(driver, HOUR + 300)
    assert missing(driver) == {'identities': [1], 'configuration_sets': [1], 'production_access': [1]}
    assert driver.values('global_endpoint.failover_utilization', REGION)[-1] > used
    assert connection_status(driver.aggregator) == (OK, '')


def test_one_region_alone_says_nothing_of_the_other(make_driver: MakeDriver, sim: Simulator) -> None:
    """Where only the first Region is read, there is the status of the endpoint, and nothing of what is not known."""
    driver = make_driver(sim, collect=COLLECT)
    run_for(driver, 1200)
    assert driver.values('global_endpoint.ready')
    assert missing(driver) == dict.fromkeys(KINDS, [])
    assert not driver.values('global_endpoint.failover_utilization')


def test_a_denied_list_of_the_second_region_is_unknown(make_driver: MakeDriver, sim: Simulator) -> None:
    """Where the identities of the second Region may not be listed, they are unknown, and the rest is shown."""
    sim.deny('ses:ListEmailIdentities', region=OTHER)
    driver = make_driver(sim, region=None, regions=[REGION, OTHER], collect=COLLECT)
    run_for(driver, 1200)
    assert missing(driver) == {'identities': [], 'configuration_sets': [0], 'production_access': [0]}


def test_a_failure_of_an_endpoint_is_one_event(make_driver: MakeDriver, sim: Simulator) -> None:
    """An endpoint that fails is an event, also over a restart, and its name of the owner is shown nowhere."""
    driver = make_driver(sim, collect=COLLECT)
    run_for(driver, 1200)
    driver.restart()
    sim.change('endpoints', 'abcdef12.g3h', {'status': 'FAILED'})
    run_for(driver, 1200)
    events: list[Any] = driver.aggregator.events
    assert [event['msg_title'] for event in events] == [f'Amazon SES: a global endpoint failed ({ACCOUNT}, {REGION})']
    names = driver.aggregator.metric_names
    output = str([*events, *(sample for name in names for sample in driver.aggregator.metrics(name))])
    assert not any(planted in output for planted in PLANTED)
