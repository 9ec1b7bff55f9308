"""A trial of faults: the check runs each minute while strikes come and go, until all mail has settled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import ACCOUNT, OTHER, REGION, START, Driver, instance_of, wait_for_workers

from datadog_checks.amazon_ses.cloudwatch.metric_table import EVENTS
from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Fault, Simulator, mail_events
from simulator.inventory import Change
from simulator.scenarios import Scenario, configuration_sets

REGIONS = (REGION, OTHER)
OPTIONS = {
    'regions': list(REGIONS),
    'collect': ['account', 'cloudwatch', 'configuration_sets', 'send_statistics'],
    'min_collection_interval': 60,
    'period': 60,
    'connect_timeout': 1,
    'read_timeout': 1,
}
SETTLING_RUNS = 4
QUEUE = 'datadog-ses-events'
QUEUE_URL = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}'

MINUTE, STEP = 60, 900
HISTORY = 4 * 3600.0
"""Seconds of mail before the first run: more than the check looks back."""

ALIVE = 'collector.'
"""Prefix of what the check says of itself, which differs from the twin by right."""

Values = dict[tuple[str, frozenset[str]], float]


class Strike(NamedTuple):
    """A fault of an operation in a Region, or in all with None, from run `begin` to before run `end`."""

    operation: str
    region: str | None
    fault: Mapping[str, Any]
    begin: int
    end: int


@dataclass
class Record:
    """What was submitted: the values of each run, the level and message of each Region, and the messages of runs; by
    Region since when it counts and its skipped periods; by Region and metric how many events are missing in the end."""

    runs: list[Values] = field(default_factory=list)
    statuses: list[dict[str, tuple[int, str]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    since: dict[str, float] = field(default_factory=dict)
    missing: dict[tuple[str, str], float] = field(default_factory=dict)
    skipped: dict[str, float] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)


INVENTORY = (
    Change(0, 'rule_sets', 'inbound', {'active': True}),
    Change(0, 'ip_pools', 'main'),
    Change(0, 'dedicated_ips', '192.0.2.1', {'pool': 'main', 'blocklists': ('zen.example',)}),
    Change(0, 'jobs', 'import', {'status': 'FAILED'}),
    Change(0, 'jobs', 'export', {'type': 'export'}),
)
"""What each operation has something to say of."""


class _Lines(logging.Handler):
    """Collects what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def play(options: Mapping[str, Any], strikes: Sequence[Strike], runs: int) -> Record:
    """Run the check through strikes for so many minutes with mail, and until all of it has settled."""
    aggregator.reset()
    datadog_agent.reset()
    clock, handler = Clock(START), _Lines()
    curve = ((0.0, 1.0), (60.0 * runs, 1.0), (60.0 * runs, 0.0))
    families = (configuration_sets(2),)
    scenario = Scenario(
        'mail', 'mail that ends', 600.0, families=families, curves={'*': curve}, history=HISTORY, changes=INVENTORY
    )
    logging.getLogger().addHandler(handler)
    try:
        with Simulator(scenario, clock=clock, strict=False) as sim:
            driver = Driver(sim, clock, aggregator, instance_of(sim, **OPTIONS, **options))
            driver.check.monotonic = clock
            try:
                record = _play(driver, strikes, runs)
            finally:
                driver.check.cancel()
                wait_for_workers()
    finally:
        logging.getLogger().removeHandler(handler)
    record.log = handler.lines
    return record


def _play(driver: Driver, strikes: Sequence[Strike], runs: int) -> Record:
    record = Record()
    rules: dict[int, Fault] = {}
    for number in range(runs + SETTLING_RUNS):
        for index, strike in enumerate(strikes):
            if strike.end == number:
                wait_for_workers()
                driver.sim.faults.remove(rules.pop(index))
        for index, strike in enumerate(strikes):
            if strike.begin != number:
                continue
            place = {} if strike.region is None else {'region': strike.region}
            rules[index] = driver.sim.faults.add(Fault(operation=strike.operation, **place, **strike.fault))
        driver.sim.send(QUEUE, [mail_events.sns(mail_events.bounce())])
        _run(driver, record)
        driver.clock.advance(MINUTE if number < runs else STEP)
    for region in REGIONS:
        record.since[region] = (driver.values('collector.counting_since', region) or [0.0])[-1]
        record.skipped[region] = driver.total('collector.periods_skipped', region)
        if not record.since[region]:
            continue
        for spec in EVENTS:
            counted = driver.total(spec.count.name, region) if spec.count else 0.0
            truth = driver.cloudwatch_sum(spec.metric_name, record.since[region], region=region)
            record.missing[region, spec.metric_name] = truth - counted
    return record


def _run(driver: Driver, record: Record) -> None:
    before = len(aggregator.service_checks('amazon_ses.can_connect'))
    record.messages.append(driver.run())
    values = driver.new_values()
    record.runs.append({key: value for key, value in values.items() if not key[0].startswith(ALIVE)})
    checks = aggregator.service_checks('amazon_ses.can_connect')[before:]
    record.statuses.append({_region_of(check): (check.status, check.message) for check in checks})


def _region_of(check: Any) -> str:
    return next((tag.partition(':')[2] for tag in check.tags if tag.startswith('region:')), '')
