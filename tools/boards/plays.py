"""What is recorded: stories of the simulator, made of its own scenarios, in which the dashboards and monitors are
tried. Times are in seconds after the first run, or in a scenario after its start, which is LEAD earlier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.scenarios import (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    HOUR,
    RATIOS,
    RECEIPT_RULES,
    Family,
    Gauge,
    Scenario,
    Standing,
    configuration_sets,
)

START = 1_772_442_037.0
"""2026-03-02 09:00:37 UTC: inside a period, as a real start would be."""

LEAD = HOUR
STEP = 300
"""Seconds between two runs: as often as CloudWatch is read. A real Agent runs each minute."""

Happen = Callable[[Simulator, Clock], None]


@dataclass(frozen=True)
class Happening:
    """Something that befalls the pretend AWS at a time."""

    at: float
    happen: Happen


@dataclass(frozen=True)
class Play:
    """One story: a scenario, where it is read, for how long, and what happens meanwhile."""

    scenario: Scenario
    seconds: float
    regions: tuple[str, ...] = ('us-east-1',)
    options: Mapping[str, Any] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()


def mailers(shares: Mapping[str, tuple[float, float]]) -> tuple[Family, ...]:
    """Configuration sets with a name, their share of the mail, and of that what bounces."""
    return tuple(
        Family(
            dimensions=('ses:configuration-set',),
            values=((name,),),
            events={**RATIOS, 'Bounce': bounced, 'Delivery': max(0.0, 0.99 - bounced)},
            gauges=(Gauge(BOUNCE_RATE, bounced, every=5), Gauge(COMPLAINT_RATE, 0.0003, every=5)),
            share=share,
        )
        for name, (share, bounced) in shares.items()
    )


LEAN = {'collect': ['account', 'cloudwatch', 'configuration_sets']}
"""What monitors look at. The other sources cost half of the time."""

SETS = mailers({'receipts': (0.5, 0.004), 'alerts': (0.2, 0.004), 'newsletter': (0.3, 0.004)})


def tour() -> Play:
    """Everything there is, with failures: each widget must have data."""
    dimensions = {'ses:configuration-set': ['set-00000', 'set-00001']}
    rates = {**RATIOS, 'Complaint': 0.004, 'Reject': 0.004, 'RenderingFailure': 0.006, 'Subscription': 0.004}
    sets = replace(configuration_sets(3), events=rates)
    scenario = replace(SCENARIOS['everything'], ratios=rates, families=(sets, *RECEIPT_RULES))
    return Play(
        scenario,
        6 * HOUR,
        regions=('us-east-1', 'eu-west-1'),
        options={'dimensions': [dimensions], 'timeframe': 3600, 'backfill_limit': 3600},
        happenings=(
            Happening(0.5 * HOUR, _fault('throttle', 'GetMetricData', 2)),
            Happening(0.9 * HOUR, _fault('denied', 'GetAccount', 3)),
            Happening(1.5 * HOUR, _shrink),
            # Longer than may be read again, so some periods are given up.
            Happening(2 * HOUR, lambda aws, clock: clock.advance(3 * HOUR)),
        ),
    )


def quiet() -> Play:
    """A healthy account with three configuration sets: no monitor may say anything."""
    return Play(replace(SCENARIOS['steady'], families=SETS), 12 * HOUR, options=LEAN)


def storm() -> Play:
    """A list of bad addresses: bounces and complaints rise, AWS reviews and pauses the account, and it recovers."""
    bad = mailers({'receipts': (0.6, 0.004), 'alerts': (0.2, 0.004), 'newsletter': (0.2, 0.1)})
    scenario = replace(
        SCENARIOS['bounce_storm'],
        families=bad,
        gauges=(Gauge(BOUNCE_RATE, 0.02, spread=0.08), Gauge(COMPLAINT_RATE, 0.0004, spread=0.08)),
        ratios={**RATIOS, 'Bounce': 0.0232},
        curves={
            '*': ((0, 1), (10 * HOUR, 1), (10 * HOUR, 0), (13 * HOUR, 0), (13 * HOUR, 1)),
            'Bounce': ((0, 0.15), (4 * HOUR, 0.15), (5 * HOUR, 4), (13 * HOUR, 4), (13 * HOUR, 0.15)),
            'Delivery': ((0, 1), (4 * HOUR, 1), (5 * HOUR, 0.92), (13 * HOUR, 0.92), (13 * HOUR, 1)),
            'Complaint': ((0, 1), (4 * HOUR, 1), (6 * HOUR, 6), (13 * HOUR, 6), (13 * HOUR, 1)),
            BOUNCE_RATE: ((0, 0.8), (4 * HOUR, 0.8), (9 * HOUR, 4.6), (14 * HOUR, 4.6), (20 * HOUR, 0.5)),
            COMPLAINT_RATE: ((0, 0.8), (4 * HOUR, 0.8), (8 * HOUR, 4), (14 * HOUR, 4), (19 * HOUR, 0.5)),
        },
        standings=(
            (0, Standing()),
            (8 * HOUR, Standing(enforcement_status='PROBATION')),
            (10 * HOUR, Standing(sending_enabled=False, enforcement_status='SHUTDOWN')),
            (13 * HOUR, Standing(enforcement_status='PROBATION')),
            (16 * HOUR, Standing()),
        ),
    )
    return Play(scenario, 22 * HOUR, options=LEAN)


def story() -> Play:
    """The storm until shortly before the pause, with all that the dashboards show: what the pictures are drawn from."""
    calm = storm()
    return Play(
        replace(calm.scenario, families=(*calm.scenario.families, *RECEIPT_RULES)),
        8.5 * HOUR,
        options={'dimensions': [{'ses:configuration-set': ['newsletter', 'receipts']}]},
        happenings=(
            Happening(2 * HOUR, _fault('throttle', 'GetMetricData', 2)),
            Happening(4.5 * HOUR, _fault('denied', 'GetAccount', 3)),
            Happening(5 * HOUR, _shrink),
        ),
    )


def squeeze() -> Play:
    """A batch nearly fills the quota and the send rate until AWS raises them; later nothing can be read for a while."""
    small = Standing(max_24_hour_send=50_000.0, max_send_rate=2.1)
    scenario = replace(
        SCENARIOS['quota_nearly_used'],
        volume=20.0,
        amplitude=0.0,
        curves={'*': ((0, 1), (4 * HOUR, 1), (4 * HOUR, 6), (7 * HOUR, 6), (7 * HOUR, 1))},
        standings=((0, small), (9 * HOUR, replace(small, max_24_hour_send=100_000.0, max_send_rate=14.0))),
        families=SETS,
    )
    return Play(
        scenario,
        14 * HOUR,
        options=LEAN,
        happenings=(
            Happening(10 * HOUR, lambda aws, clock: _deny(aws)),
            Happening(10.6 * HOUR, lambda aws, clock: aws.allow()),
        ),
    )


PLAYS: Mapping[str, Callable[[], Play]] = {
    'tour': tour,
    'quiet': quiet,
    'storm': storm,
    'squeeze': squeeze,
    'story': story,
}


def _fault(kind: str, operation: str, times: int) -> Happen:
    def happen(aws: Simulator, clock: Clock) -> None:
        aws.faults.add(Fault(kind=kind, operation=operation, region='us-east-1', times=times))

    return happen


def _shrink(aws: Simulator, clock: Clock) -> None:
    """CloudWatch takes back emails that it has shown and the check has counted."""
    aws.world.shrink(aws.account, 'us-east-1', 'Send', clock() - 1200, 5, clock())


def _deny(aws: Simulator) -> None:
    aws.deny('*')
