"""The run: a pretend AWS, the real check once a minute, mishaps, a restart, and the wait for late data."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Stays first: it installs the fake Agent, which must be there before anything of datadog_checks is imported.
import standalone.host
from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.leases import Leases
from demo import series, truth
from demo.choices import Choices
from demo.mishaps import BY_HAND_AT, DOWN_FROM, DOWN_TO, MISHAPS, Mishap
from demo.proof import Proof, prove
from demo.tally import Key, Tally
from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.request_log import Request
from simulator.scenarios import Scenario
from simulator.traffic import interpolate
from standalone.agent import AGENT
from standalone.state import State

MINUTE, HOUR = 60, 3600
START = 1_772_442_037.0
"""2026-03-02 09:00:37 UTC: inside a period, as a real start would be."""

LEAD = HOUR
"""Seconds that the scenario is already running when the Agent starts."""

PERIOD, TIMEFRAME = 300, HOUR
WAIT = TIMEFRAME + 40 * MINUTE
"""Seconds from the end of the mail to the end of the run: the newest period's late data, and a read of all of it."""

LATE_SHARE = 0.25
TIMEOUT = 4
"""Real seconds that the hanging request costs. Every other response takes far less, on a slow machine too."""

RUNS_BY_HAND = 2

Report = Callable[[float, Tally], None]


@dataclass(frozen=True)
class Incident:
    """A mishap that happened: simulated time, and how many requests were hit, None where it is not about requests."""

    time: float
    region: str
    description: str
    requests: int | None


@dataclass
class Scene:
    """A run. `values` are the gauges at the end of the mail, before the wait for late data."""

    choices: Choices
    account: str
    start: float
    mail_end: float
    end: float
    tally: Tally
    values: dict[Key, float]
    incidents: list[Incident]
    proof: Proof
    scenario: Scenario
    throttles: dict[tuple[str, str], Counter[str]]


def play(choices: Choices, folder: Path, report: Report = lambda now, tally: None) -> Scene:
    """Run everything. `folder` takes the check's state; `report` is called after each run."""
    # The page shows what fails on purpose. Only other failures belong on stderr.
    AGENT.set_log_level(logging.ERROR)
    clock = Clock(START - LEAD)
    length = round(choices.hours * 60) * MINUTE
    scenario = _with_an_end(series.staged(SCENARIOS[choices.scenario], choices.regions), LEAD + length)
    # Other tests prove that responses fit the models of botocore. Here that would take a tenth of the time.
    with Simulator(scenario=scenario, clock=clock, seed=choices.seed, strict=False) as aws:
        clock.advance(LEAD)
        with closing(_Stage(aws, clock, choices.regions, folder / 'state.json', report)) as stage:
            stage.run_until(START + length, length if choices.faults else 0)
            values = stage.tally.fresh(clock() - HOUR)
            stage.wait(WAIT)
        account = min(stage.tally.accounts, default='')
        return Scene(
            choices=choices,
            account=account,
            start=START,
            mail_end=START + length,
            end=clock(),
            tally=stage.tally,
            values=values,
            incidents=stage.incidents(),
            proof=prove(
                stage.tally, choices.regions, truth.FAMILIES, truth.truth_of(aws, account, clock(), stage.by_hand)
            ),
            scenario=scenario,
            throttles=_throttles(aws.log),
        )


def units() -> dict[str, str]:
    """The unit of every metric in the catalogue, such as `email/second`; '' where it has none."""
    return {metric.full_name: '/'.join(filter(None, (metric.unit, metric.per_unit))) for metric in catalogue.METRICS}


def _throttles(log: Iterable[Request]) -> dict[tuple[str, str], Counter[str]]:
    """By Region and operation, whether a throttling was a mishap or AWS's own limit."""
    sources: dict[tuple[str, str], Counter[str]] = {}
    for request in log:
        if request.error == 'Throttling':
            source = 'on purpose' if request.fault == 'throttle' else "by AWS's own limit"
            sources.setdefault((str(request.region), str(request.operation)), Counter())[source] += 1
    return sources


class _Stage:
    """The check with its clock and its mishaps, run after run."""

    def __init__(self, aws: Simulator, clock: Clock, regions: tuple[str, ...], state: Path, report: Report) -> None:
        self.tally = Tally()
        self.by_hand: list[Request] = []
        self._aws = aws
        self._clock = clock
        self._regions = regions
        self._state = state
        self._report = report
        self._faults: list[tuple[float, Mishap, Fault]] = []
        self._stops: list[Incident] = []
        self._queues = [aws.queues.create('datadog-ses-events', aws.account, region) for region in regions]
        self._published: float = math.ceil(clock() / PERIOD) * PERIOD
        self._instance: dict[str, Any] = {
            'regions': list(regions),
            'endpoint_url': aws.endpoint_url,
            'aws_access_key_id': 'AKIAIOSFODNN7EXAMPLE',
            'aws_secret_access_key': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
            'period': PERIOD,
            'timeframe': TIMEFRAME,
            'connect_timeout': TIMEOUT,
            'read_timeout': TIMEOUT,
            'min_collection_interval': MINUTE,
            'empty_default_hostname': True,
            'event_queues': [{'url': aws.queue_url(queue)} for queue in self._queues],
            **series.OPTIONS,
        }
        self._host = self._start(state)

    def run_until(self, end: float, length: int) -> None:
        """A run each minute. Mishaps happen at their share of `length` seconds; with 0 there are none."""
        begin = self._clock()
        mishaps = sorted(MISHAPS, key=lambda mishap: mishap.at) if length else []
        stop = begin + DOWN_FROM * length if length else end
        by_hand = begin + BY_HAND_AT * length if length else end
        while self._clock() < end:
            now = self._clock()
            if now >= stop:
                self._restart(begin + DOWN_TO * length - now)
                stop = end
                continue
            if now >= by_hand:
                self._check_by_hand('beside the Agent', self._host.state)
                by_hand = end
            while mishaps and now >= begin + mishaps[0].at * length:
                self._strike(mishaps.pop(0))
            for _, mishap, fault in self._faults:
                if mishap.until is not None and now >= begin + mishap.until * length:
                    self._aws.faults.remove(fault)
            self._run(MINUTE)

    def wait(self, seconds: float) -> None:
        """Go on, in longer steps, until late data has arrived."""
        end = self._clock() + seconds
        while self._clock() < end:
            self._run(PERIOD)
        self._run(0)

    def incidents(self) -> list[Incident]:
        faults = [Incident(at, str(fault.region), mishap.description, fault.hits) for at, mishap, fault in self._faults]
        return sorted(faults + self._stops, key=lambda incident: incident.time)

    def close(self) -> None:
        self._host.close()

    def _run(self, step: float) -> None:
        self._publish()
        self.tally.add(self._host.run())
        self._report(self._clock(), self.tally)
        self._clock.advance(step)

    def _publish(self) -> None:
        """Send the failure events of the minutes since the last run, of those from which the check counts."""
        for queue in self._queues:
            self._aws.publish(queue, self._published, self._clock())
        self._published = max(self._published, self._clock())

    def _strike(self, mishap: Mishap) -> None:
        region = self._regions[mishap.region % len(self._regions)]
        fault = Fault(kind=mishap.kind, operation=mishap.operation, region=region, times=mishap.times)
        self._faults.append((self._clock(), mishap, self._aws.faults.add(fault)))

    def _restart(self, seconds: float) -> None:
        """Stop the check, let time pass without it, and start another one on the same state."""
        minutes = max(1, round(seconds / MINUTE))
        description = f'the Agent is stopped; it starts again after {minutes} minutes'
        self._stops.append(Incident(self._clock(), 'all', description, None))
        self._host.close()
        self._clock.advance(minutes * MINUTE)
        self._check_by_hand('while the Agent is stopped', self._state)
        self._host = self._start(self._state)

    def _check_by_hand(self, situation: str, state: State | Path) -> None:
        """Do as `agent check` does: a process of its own with the Agent's cache, whose submissions reach nobody."""
        logged = len(self._aws.log)
        AGENT.settings['cmd_port'] = 0
        with closing(self._start(state)) as host:
            host.check.counts_at_once = False
            host.check.leases = Leases()
            metrics = [metric for _ in range(RUNS_BY_HAND) for metric in host.run().metrics]
        del AGENT.settings['cmd_port']
        self.by_hand += self._aws.log[logged:]
        amounts = sum(metric.type == 'count' and '.collector.' not in metric.name for metric in metrics)
        description = f'{RUNS_BY_HAND} x `agent check` by hand {situation}: it shows {amounts} counts of email'
        self._stops.append(Incident(self._clock(), 'all', description, None))

    def _start(self, state: State | Path) -> standalone.host.Host:
        return standalone.host.Host(dict(self._instance), state=state, clock=self._clock, receives_events=True)


def _with_an_end(scenario: Scenario, end: float) -> Scenario:
    """The scenario with late data, and without mail from `end` on: only then can everything have arrived."""
    curve = scenario.curves.get('*', ((0.0, 1.0),))
    before = tuple(point for point in curve if point[0] < end)
    stopped = (*before, (end, interpolate(curve, end)), (end, 0.0))
    return replace(scenario, curves={**scenario.curves, '*': stopped}, late_share=scenario.late_share or LATE_SHARE)
