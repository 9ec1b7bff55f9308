"""The processes of one host on one cache: shared by their tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from common import ACCOUNT, OTHER, REGION, START, Driver, instance_of

from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.base.stubs import aggregator as shared_aggregator
from datadog_checks.base.stubs import datadog_agent as agent_stub
from simulator import Clock, Simulator
from simulator.scenarios import Scenario

STEADY = {'regions': [REGION, OTHER], 'collect': ['account', 'cloudwatch'], 'min_collection_interval': 60}
HOUR, MINUTE = 3600, 60
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())


def put_mails(sim: Simulator, minutes: int, regions: Sequence[str] = (REGION, OTHER)) -> None:
    """One mail a minute in each Region."""
    begin = int(START) // 60 * 60
    for minute in range(minutes):
        for region in regions:
            sim.world.put(ACCOUNT, region, 'Send', begin + 60 * minute, 1)


class Host:
    """The processes of one host on one cache, as check objects. Each has its own monotonic clock and leases."""

    def __init__(self, sim: Simulator, clock: Clock, **options: Any) -> None:
        self.sim, self.clock, self.options = sim, clock, options
        self.drivers: list[Driver] = []

    def process(self, cmd_port: object = 5001, **attributes: Any) -> Callable[[], str]:
        """A new process. Returns how to run it."""
        options = {**STEADY, **self.options}
        driver = Driver(self.sim, self.clock, shared_aggregator, instance_of(self.sim, **options), counts_at_once=False)
        driver.check.leases, driver.check.monotonic = Leases(), self.clock
        for name, value in attributes.items():
            setattr(driver.check, name, value)
        self.drivers.append(driver)

        def run() -> str:
            agent_stub._config['cmd_port'] = cmd_port
            return driver.run()

        return run

    def by_hand(self, runs: int = 1, pause: float = 1.0) -> list[str]:
        """`agent check`, whose output reaches nobody. Returns its warnings."""
        run = self.process(cmd_port=0)
        submitted = {name: list(shared_aggregator.metrics(name)) for name in shared_aggregator.metric_names}
        events = list(shared_aggregator.events)
        for _ in range(runs):
            assert run() == ''
            self.clock.advance(pause)
        for name in shared_aggregator.metric_names:
            printed = shared_aggregator.metrics(name)[len(submitted.get(name, [])) :]
            assert not name.endswith('.count') and 'collector.periods' not in name or printed == []
        assert shared_aggregator.events == events
        return list(self.drivers[-1].check.get_warnings())

    def missing(self, region: str = REGION) -> float:
        """How many mails are missing since counting began; less than 0 where some were counted twice."""
        since = self.drivers[0].values('collector.counting_since', region)
        assert len(set(since)) == 1
        return self.drivers[0].cloudwatch_sum('Send', since[0], region=region) - self.drivers[0].total(
            'send.count', region
        )


@contextmanager
def host(minutes: int, scenario: Scenario = QUIET, **options: Any) -> Iterator[Host]:
    shared_aggregator.reset()
    agent_stub.reset()
    clock = Clock(START)
    with Simulator(scenario, clock=clock) as sim:
        put_mails(sim, minutes)
        machine = Host(sim, clock, **options)
        try:
            yield machine
        finally:
            for driver in machine.drivers:
                driver.check.cancel()


def every_minute(host: Host, run: Callable[[], str], minutes: int) -> None:
    for _ in range(minutes):
        assert run() == ''
        host.clock.advance(MINUTE)
