from __future__ import annotations

from collections.abc import Iterator

import pytest
from common import ACCOUNT, OTHER, REGION, START, Driver, MakeDriver, StartSimulator
from slow import MINUTES, SlowAws, slow_aws

from simulator import Simulator
from simulator.scenarios import Scenario

SENT = Scenario('sent', 'nothing but what a test puts there', volume=0.0, gauges=())


@pytest.fixture
def mail(start: StartSimulator) -> Simulator:
    """An AWS that one mail a minute is sent with for four hours, in two Regions."""
    sim = start(SENT)
    for minute in range(MINUTES):
        for region in (REGION, OTHER):
            sim.world.put(ACCOUNT, region, 'Send', int(START) // 60 * 60 + 60 * minute, 1)
    return sim


@pytest.fixture
def slow(mail: Simulator) -> Iterator[SlowAws]:
    with slow_aws(mail) as slow:
        yield slow


@pytest.fixture
def counting(make_driver: MakeDriver, mail: Simulator, slow: SlowAws) -> Driver:
    """A check that counts the mail, with requests that a test may hold."""
    options = {'collect': ['account', 'cloudwatch'], 'account_id': ACCOUNT, 'read_timeout': 60}
    return slow.slow_down(make_driver(mail, **options))
