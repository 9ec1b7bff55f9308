"""What AWS says of mailbox providers (VDM), with real botocore against the simulator."""

from __future__ import annotations

from typing import Any

import pytest
from common import REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers

from simulator import Simulator
from simulator.scenarios import HOUR

OK = 0
OPERATION = 'BatchGetMetricData'
VDM: dict[str, Any] = {'collect': ['account', 'vdm']}


@pytest.fixture
def storm(start: StartSimulator) -> Simulator:
    """An account that sends to three providers, with VDM."""
    sim = start('bounce_storm', quotas=True)
    sim.change('account', values={'vdm': 'ENABLED'})
    return sim


def run_for(driver: Driver, seconds: float, step: float = 300.0) -> None:
    """Run now and every `step` seconds; what was asked has come by the next run."""
    for _ in range(round(seconds / step)):
        assert driver.run() == ''
        wait_for_workers()
        driver.clock.advance(step)


def newest(driver: Driver, name: str, *tags: str) -> float:
    """The newest value of a series with these tags and of no other provider."""
    samples = [
        sample
        for sample in driver.aggregator.metrics(f'amazon_ses.{name}')
        if set(tags) <= set(sample.tags) and ('provider:' in str(tags)) == ('provider:' in str(sample.tags))
    ]
    return float(samples[-1].value)


def test_rates_by_provider_are_those_of_the_mail(make_driver: MakeDriver, storm: Simulator) -> None:
    """The rates are those of the messages of the last complete UTC day and week: of all mail and of each provider that
    has mail; complaints only where the provider reports them."""
    driver = make_driver(storm, **VDM)
    run_for(driver, HOUR)
    end = int(storm.clock() // 86_400) * 1440
    for provider, tags in (('', ()), ('Gmail', ('provider:gmail',)), ('Yahoo', ('provider:yahoo',))):
        for window, days in (('window:1d', 1), ('window:7d', 7)):
            rows = [
                storm.world.outcomes(storm.account, REGION, number, minute)
                for number, stream in enumerate(storm.scenario.streams)
                if provider in ('', stream.provider)
                for minute in range(end - days * 1440, end)
            ]
            sent = sum(row.sent for row in rows)
            assert sent >= 1000
            for name, part in (
                ('delivery', sum(row.delivered for row in rows)),
                ('permanent_bounce', sum(row.permanent for row in rows)),
                ('transient_bounce', sum(row.transient for row in rows)),
            ):
                shown = newest(driver, f'vdm.{name}_rate', *tags, window)
                assert shown == pytest.approx(100 * part / sent), (name, provider, window)
    assert driver.values('vdm.complaint_rate', REGION, 'provider:yahoo')
    assert not driver.values('vdm.complaint_rate', REGION, 'provider:gmail')
    assert connection_status(driver.aggregator) == (OK, '')
    assert {request.action for request in storm.log if request.operation == OPERATION} == {f'ses:{OPERATION}'}


def test_nothing_is_asked_until_vdm_is_on(make_driver: MakeDriver, start: StartSimulator) -> None:
    """Where GetAccount does not say that VDM is on, nothing is asked, before and after a restart; once it is, the rates
    come, and go again when it is switched off."""
    sim = start('bounce_storm', quotas=False)
    driver = make_driver(sim, **VDM)
    run_for(driver, HOUR)
    driver.restart()
    run_for(driver, HOUR)
    assert sim.log.count(operation=OPERATION) == 0
    sim.change('account', values={'vdm': 'ENABLED'})
    run_for(driver, HOUR)
    assert driver.values('vdm.delivery_rate') and sim.log.count(operation=OPERATION) == 13
    sim.change('account', values={'vdm': 'DISABLED'})
    run_for(driver, 600)
    driver.aggregator.reset()
    run_for(driver, HOUR)
    assert not driver.values('vdm.delivery_rate') and connection_status(driver.aggregator) == (OK, '')
