"""The plays that are recorded for the monitors, derived from scenarios of the simulator.

Times are in seconds after the first run, or in a scenario after its start, which is LEAD earlier. The dashboards are
tried on the run of `make demo`, and on `losses`, `left_out` and `verdicts` for metrics that the demo must not submit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator import SCENARIOS, Change, Clock, Simulator
from simulator.inventory import DOMAIN
from simulator.scenarios import (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    HOUR,
    RATIOS,
    Family,
    Gauge,
    Scenario,
    Standing,
)

START = 1_772_442_037.0
"""2026-03-02 09:00:37 UTC: inside a period, as a real start would be."""

LEAD = HOUR
STEP = 300
"""Seconds between two runs: as often as CloudWatch is read. A real Agent runs each minute."""

LEAN = {'collect': ['account', 'cloudwatch', 'configuration_sets']}
"""The sources that monitors look at. The other sources cost half of the time."""


DENIED = 'us-west-2'
BY_ORGANIZATION = 'with an explicit deny in a service control policy'
"""Words of AWS where a policy of the organization denies a request."""


@dataclass(frozen=True)
class Incident:
    """A change of the pretend AWS, or a jump of the clock, at a time."""

    at: float
    strike: Callable[[Simulator, Clock], object]


@dataclass(frozen=True)
class Play:
    """A scenario, how long it is read, and the incidents meanwhile."""

    scenario: Scenario
    seconds: float
    options: Mapping[str, Any] = field(default_factory=lambda: LEAN)
    incidents: tuple[Incident, ...] = ()


def configuration_sets(shares: Mapping[str, tuple[float, float]]) -> tuple[Family, ...]:
    """Configuration sets by name: share of the mail, and bounced share of that."""
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


SETS = configuration_sets({'receipts': (0.5, 0.004), 'alerts': (0.2, 0.004), 'newsletter': (0.3, 0.004)})


def quiet() -> Play:
    """A healthy account with three configuration sets: no monitor may say anything."""
    return Play(replace(SCENARIOS['steady'], families=SETS), 12 * HOUR)


def storm() -> Play:
    """A list of bad addresses: bounces and complaints rise, AWS reviews and pauses the account, and it recovers."""
    bad = configuration_sets({'receipts': (0.6, 0.004), 'alerts': (0.2, 0.004), 'newsletter': (0.2, 0.1)})
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
    return Play(scenario, 22 * HOUR)


def losses() -> Play:
    """A gap longer than backfill_limit, emails that CloudWatch takes back, and a limit that drops counts: an exact run
    has none of them."""
    return Play(
        replace(SCENARIOS['steady'], families=SETS),
        3 * HOUR,
        options={**LEAN, 'backfill_limit': 3600, 'max_returned_metrics': 20},
        incidents=(
            Incident(0.5 * HOUR, _shrink),
            Incident(1 * HOUR, lambda aws, clock: clock.advance(1.5 * HOUR)),
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
        incidents=(
            Incident(10 * HOUR, lambda aws, clock: aws.deny('*')),
            Incident(10.6 * HOUR, lambda aws, clock: aws.allow()),
        ),
    )


def left_out() -> Play:
    """`regions: all`, where a policy of the organization denies one of four Regions. The demo lists its Regions."""
    denial = Incident(0, lambda aws, clock: aws.deny('*', region=DENIED, reason=BY_ORGANIZATION))
    options = {**LEAN, 'regions': 'all', 'exclude_regions': ['a*', 'c*', 'e*', 'i*', 'm*', 's*', 'us-g*', 'us-i*']}
    return Play(SCENARIOS['steady'], 0.5 * HOUR, options=options, incidents=(denial,))


def verdicts() -> Play:
    """AWS itself has something against identities, sets and tenants: those that the demo must not have."""
    address = 'ops@example.com'
    high = {'created': LEAD, 'updated': LEAD}
    changes = (
        Change(0, 'identities', DOMAIN, {'dkim_status': 'FAILED'}),
        Change(0, 'identities', address, {'verification': 'FAILED', 'sending_enabled': False}),
        Change(0, 'configuration_sets', 'news', {'sending_enabled': False}),
        Change(0, 'tenants', 'acme', {'ses_status': 'DISABLED', 'impact': 'HIGH'}),
        *(
            Change(0, 'findings', resource, {'resource': resource, **high})
            for resource in (f'identity/{address}', 'configuration-set/news', 'tenant/acme/tn-acme')
        ),
    )
    sweeps = ('identities', 'findings', 'configuration_set_health', 'tenant_health')
    return Play(replace(SCENARIOS['steady'], changes=changes), 2 * HOUR, options={'collect': ['account', *sweeps]})


def _shrink(aws: Simulator, clock: Clock) -> None:
    """CloudWatch takes back emails that it has shown and the check has counted."""
    aws.world.shrink(aws.account, 'us-east-1', 'Send', clock() - 1200, 5, clock())


PLAYS: Mapping[str, Callable[[], Play]] = {
    play.__name__: play for play in (quiet, storm, squeeze, losses, left_out, verdicts)
}
