"""The run itself: a pretend AWS, the real check once a minute, mishaps, a restart, and the wait for late data."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Stays first: it installs the fake Agent, which must be there before anything of datadog_checks is imported.
import standalone.host
from datadog_checks.amazon_ses import catalogue
from demo import series, truth
from demo.choices import Choices
from demo.mishaps import DOWN_FROM, DOWN_TO, MISHAPS, Mishap
from demo.proof import Proof, prove
from demo.tally import Key, Tally
from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.request_log import Request
from simulator.scenarios import Scenario
from simulator.traffic import interpolate
from standalone.agent import AGENT

MINUTE, HOUR = 60, 3600
START = 1_772_442_037.0
"""2026-03-02 09:00:37 UTC: inside a period, as a real start would be."""

LEAD = HOUR
"""Seconds that the scenario is already running when the Agent starts."""

PERIOD, TIMEFRAME = 300, HOUR
WAIT = TIMEFRAME + 40 * MINUTE
"""Seconds from the end of the mail to the end of the run: the newest period's late data, and a read of all of it."""

LATE_SHARE = 0.25
TIMEOUT = 2
"""Real seconds that the hanging request costs, and far more than any other answer takes, on a slow machine too."""

Report = Callable[[float, Tally], None]


@dataclass(frozen=True)
class Happened:
    """One mishap as it came to pass: simulated time, in plain words, and how many requests it struck."""

    time: float
    region: str
    what: str
    struck: int | None


@dataclass
class Scene:
    """What the run came to. `values` are the gauges at the end of the mail, before the wait for late data."""

    chosen: Choices
    account: str
    started: float
    mail_ended: float
    ended: float
    tally: Tally
    values: dict[Key, float]
    happened: list[Happened]
    proof: Proof
    late_share: float
    late: tuple[float, float]
    throttled: dict[tuple[str, str], Counter[str]]


def play(chosen: Choices, folder: Path, report: Report = lambda now, tally: None) -> Scene:
    """Run everything and return what came of it. `folder` takes the check's state; `report` hears of each run."""
    # What fails on purpose is on the page; only what nobody meant to fail belongs on stderr.
    AGENT.set_log_level(logging.ERROR)
    clock = Clock(START - LEAD)
    length = round(chosen.hours * 60) * MINUTE
    story = _with_an_end(series.whole(SCENARIOS[chosen.scenario]), LEAD + length)
    # That answers fit the models of botocore is proven elsewhere, and takes a tenth of the time.
    with Simulator(scenario=story, clock=clock, seed=chosen.seed, strict=False) as aws:
        clock.advance(LEAD)
        stage = _Stage(aws, clock, chosen.regions, folder / 'state.json', report)
        try:
            stage.run_until(START + length, length if chosen.faults else 0)
            values = stage.tally.fresh(clock() - HOUR)
            stage.wait(WAIT)
        finally:
            stage.close()
        tally = stage.tally
        account = min(tally.accounts, default='')
        ended = clock()
        return Scene(
            chosen=chosen,
            account=account,
            started=START,
            mail_ended=START + length,
            ended=ended,
            tally=tally,
            values=values,
            happened=sorted(stage.happened(), key=lambda one: one.time),
            proof=prove(tally, chosen.regions, truth.FAMILIES, truth.of(aws, account, ended)),
            late_share=aws.scenario.late_share,
            late=aws.scenario.late,
            throttled=_throttled(aws.log),
        )


def units() -> dict[str, str]:
    """The unit of every metric in the catalogue, such as `email/second`; '' where it has none."""
    return {one.full_name: '/'.join(filter(None, (one.unit, one.per_unit))) for one in catalogue.METRICS}


def _throttled(log: Iterable[Request]) -> dict[tuple[str, str], Counter[str]]:
    """By Region and operation, whether a throttling was a mishap or AWS's own limit."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for one in log:
        if one.error == 'Throttling':
            by = 'on purpose' if one.fault == 'throttle' else "by AWS's own limit"
            found.setdefault((str(one.region), str(one.operation)), Counter())[by] += 1
    return found


class _Stage:
    """The check with its clock and its mishaps, one run at a time."""

    def __init__(self, aws: Simulator, clock: Clock, regions: tuple[str, ...], state: Path, report: Report) -> None:
        self.tally = Tally()
        self._aws = aws
        self._clock = clock
        self._regions = regions
        self._state = state
        self._report = report
        self._faults: list[tuple[float, Mishap, Fault]] = []
        self._stops: list[Happened] = []
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
            **series.OPTIONS,
        }
        self._host = self._start()

    def run_until(self, end: float, length: int) -> None:
        """A run each minute. Mishaps happen at their share of `length` seconds; with 0 there are none."""
        begin = self._clock()
        coming = sorted(MISHAPS, key=lambda one: one.at) if length else []
        down = (begin + DOWN_FROM * length, begin + DOWN_TO * length) if length else None
        while self._clock() < end:
            now = self._clock()
            if down is not None and now >= down[0]:
                self._restart(down[1] - now)
                down = None
                continue
            while coming and now >= begin + coming[0].at * length:
                self._befall(coming.pop(0))
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

    def happened(self) -> list[Happened]:
        struck = [Happened(at, str(fault.region), mishap.what, fault.hits) for at, mishap, fault in self._faults]
        return struck + self._stops

    def close(self) -> None:
        self._host.close()

    def _run(self, step: float) -> None:
        self.tally.add(self._host.run())
        self._report(self._clock(), self.tally)
        self._clock.advance(step)

    def _befall(self, mishap: Mishap) -> None:
        region = self._regions[mishap.place % len(self._regions)]
        fault = Fault(kind=mishap.kind, operation=mishap.operation, region=region, times=mishap.times)
        self._faults.append((self._clock(), mishap, self._aws.faults.add(fault)))

    def _restart(self, seconds: float) -> None:
        """Stop the check, let time pass without it, and start another one on the same state."""
        minutes = max(1, round(seconds / MINUTE))
        self._stops.append(
            Happened(self._clock(), 'all', f'the Agent is stopped; it starts again after {minutes} minutes', None)
        )
        self._host.close()
        self._clock.advance(minutes * MINUTE)
        self._host = self._start()

    def _start(self) -> standalone.host.Host:
        return standalone.host.Host(dict(self._instance), state=self._state, clock=self._clock)


def _with_an_end(scenario: Scenario, end: float) -> Scenario:
    """The scenario with late data, and without mail from `end` on: only then can everything have arrived."""
    curve = scenario.curves.get('*', ((0.0, 1.0),))
    before = tuple(point for point in curve if point[0] < end)
    stopped = (*before, (end, interpolate(curve, end)), (end, 0.0))
    return replace(scenario, curves={**scenario.curves, '*': stopped}, late_share=scenario.late_share or LATE_SHARE)
