"""The plays that are recorded for the monitors, derived from scenarios of the simulator.

The dashboards are tried on the run of `make demo`, and on `losses`, `left_out` and `inventory` for metrics that the
demo must not submit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from simulator import SCENARIOS, Change, Clock, Fault, Simulator
from simulator.inventory import DOMAIN, Destination
from simulator.scenarios import HOUR, SETS, Standing
from simulator.streams import Stream
from tools.boards.inventory_plays import INVENTORY_PLAYS
from tools.boards.play import HEALTHY, LEAN, STEADY, Incident, Play, streams

DENIED = 'us-west-2'
PHISHING = ('accounts-security.example', 'billing-update.example')
BY_ORGANIZATION = 'with an explicit deny in a service control policy'
"""Words of AWS where a policy of the organization denies a request."""


def quiet() -> Play:
    """A healthy account with three configuration sets: no monitor may say anything."""
    return Play(STEADY, 12 * HOUR)


def storm() -> Play:
    """A list of bad addresses, mailed in waves: bounces and complaints rise, AWS reviews and pauses the account, and it
    recovers."""
    waves = ((4.0, 4.97), (5.7, 5.77), (6.4, 6.5), (7.0, 10.0))
    bad = Stream(
        chances=HEALTHY,
        curves={
            'permanent': tuple(point for wave in waves for point in _wave(*wave, factor=300.0)),
            'complained': ((0, 1), (4 * HOUR, 1), (6 * HOUR, 250), (10 * HOUR, 250), (10 * HOUR, 1)),
        },
    )
    large = Standing(max_24_hour_send=10_000_000.0, max_send_rate=500.0)
    review = replace(large, enforcement_status='PROBATION')
    scenario = replace(
        STEADY,
        volume=400.0,
        streams=streams(bad),
        curves={'*': ((0, 1), (10 * HOUR, 1), (10 * HOUR, 0), (13 * HOUR, 0), (13 * HOUR, 1))},
        standings=(
            (0, large),
            (8.75 * HOUR, review),
            (10 * HOUR, replace(large, sending_enabled=False, enforcement_status='SHUTDOWN')),
            (13 * HOUR, review),
            (18 * HOUR, large),
        ),
    )
    return Play(scenario, 22 * HOUR)


def _wave(first: float, last: float, factor: float) -> tuple[tuple[float, float], ...]:
    """The points of a curve that is 1 but for some hours."""
    return (first * HOUR, 1.0), (first * HOUR, factor), (last * HOUR, factor), (last * HOUR, 1.0)


def losses() -> Play:
    """A gap longer than backfill_limit, emails that CloudWatch takes back, and a limit that drops counts: an exact run
    has none of them."""
    return Play(
        STEADY,
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
        families=(SETS,),
        streams=STEADY.streams,
    )
    return Play(
        scenario,
        14 * HOUR,
        incidents=(
            Incident(10 * HOUR, lambda aws, clock: aws.deny('*')),
            Incident(10.6 * HOUR, lambda aws, clock: aws.allow()),
        ),
    )


def switched_off() -> Play:
    """The owner switches sending off for two hours, so no mail is accepted meanwhile."""
    on = Standing()
    scenario = replace(
        STEADY,
        curves={'*': ((0, 1), (3 * HOUR, 1), (3 * HOUR, 0), (5 * HOUR, 0), (5 * HOUR, 1))},
        standings=((0, on), (3 * HOUR, replace(on, sending_enabled=False)), (5 * HOUR, on)),
    )
    return Play(scenario, 7 * HOUR)


def denied() -> Play:
    """Mail flows, and for three hours GetMetricData is denied."""
    return Play(
        STEADY,
        7 * HOUR,
        incidents=(
            Incident(2 * HOUR, lambda aws, clock: aws.deny('cloudwatch:GetMetricData')),
            Incident(5 * HOUR, lambda aws, clock: aws.allow()),
        ),
    )


def partial() -> Play:
    """Mail flows, and for two hours every second result of GetMetricData is incomplete."""
    return Play(STEADY, 6 * HOUR, incidents=_while(2 * HOUR, 4 * HOUR, Fault('partial', operation='GetMetricData')))


def stopped() -> Play:
    """Mail flows, and the Agent is stopped for two hours."""
    return Play(STEADY, 6 * HOUR, incidents=(Incident(2 * HOUR, lambda aws, clock: clock.advance(2 * HOUR)),))


def late() -> Play:
    """Mail flows, and for three hours half of it reaches CloudWatch up to 50 minutes late."""
    return Play(replace(STEADY, late_share=0.5), 5 * HOUR)


def away() -> Play:
    """The Agent is stopped for longer than `backfill_limit`."""
    gap = Incident(2 * HOUR, lambda aws, clock: clock.advance(2.5 * HOUR))
    return Play(STEADY, 7 * HOUR, options={**LEAN, 'backfill_limit': 3600}, incidents=(gap,))


def stolen() -> Play:
    """A thief gets a large quota, adds identities, and sends for three hours what bounces and is complained about."""
    first, last = 4 * HOUR, 7 * HOUR
    large = {'max_24_hour_send': 1_000_000.0, 'max_send_rate': 100.0}
    theft = Stream(chances=HEALTHY, curves={'permanent': ((0, 1.0), *_wave(4, 7, 20.0))})
    scenario = replace(
        STEADY,
        streams=streams(theft),
        curves={'*': ((0, 1), (first, 1), (first, 10), (last, 10), (last, 1))},
        changes=(
            Change(3 * HOUR, 'standing', values=large),
            *(Change(3.5 * HOUR, 'identities', name) for name in PHISHING),
        ),
    )
    return Play(scenario, 8 * HOUR, options={'collect': [*LEAN['collect'], 'identities', 'findings']})


def wrong_keys() -> Play:
    """From the start AWS refuses the keys, so that it does not tell the account. After two hours it takes them."""
    return Play(STEADY, 3 * HOUR, incidents=_while(0, 2 * HOUR, Fault('error', argument=('InvalidClientTokenId', 403))))


def _while(start: float, end: float, fault: Fault) -> tuple[Incident, ...]:
    """A fault between two times."""
    return (
        Incident(start, lambda aws, clock: aws.faults.add(fault)),
        Incident(end, lambda aws, clock: aws.faults.remove(fault)),
    )


def mail_trouble() -> Play:
    """Templates cannot be rendered, then providers put mail off, then they refuse it. The account begins in the
    sandbox."""

    def trouble(first: float, last: float, factor: float) -> tuple[tuple[float, float], ...]:
        return ((0, 1.0), *_wave(first, last, factor))

    curves = {'unrendered': trouble(3, 5, 500), 'late': trouble(7, 9, 100), 'permanent': trouble(11, 14, 200)}
    troubled = tuple(replace(stream, curves=curves) for stream in STEADY.streams)
    standings = ((0, Standing(production_access=False)), (4 * HOUR, Standing()))
    return Play(replace(STEADY, streams=troubled, standings=standings), 20 * HOUR)


def lost() -> Play:
    """A domain loses DKIM, and an event destination is disabled; both are repaired three hours later."""
    sick, well = 2 * HOUR, 5 * HOUR
    destinations = {enabled: (Destination('feedback', enabled=enabled),) for enabled in (True, False)}
    changes = (
        Change(sick, 'identities', DOMAIN, {'dkim_status': 'FAILED'}),
        Change(well, 'identities', DOMAIN, {'dkim_status': 'SUCCESS'}),
        Change(sick, 'configuration_sets', 'news', {'destinations': destinations[False]}),
        Change(well, 'configuration_sets', 'news', {'destinations': destinations[True]}),
    )
    options = {'collect': [*LEAN['collect'], 'identities', 'configuration_set_health', 'findings']}
    return Play(replace(SCENARIOS['steady'], changes=changes), 18 * HOUR, options=options)


def left_out() -> Play:
    """`regions: all`, where a policy of the organization denies one of four Regions. The demo lists its Regions."""
    denial = Incident(0, lambda aws, clock: aws.deny('*', region=DENIED, reason=BY_ORGANIZATION))
    options = {**LEAN, 'regions': 'all', 'exclude_regions': ['a*', 'c*', 'e*', 'i*', 'm*', 's*', 'us-g*', 'us-i*']}
    return Play(SCENARIOS['steady'], 0.5 * HOUR, options=options, incidents=(denial,))


def _shrink(aws: Simulator, clock: Clock) -> None:
    """CloudWatch takes back emails that it has shown and the check has counted."""
    aws.world.shrink(aws.account, 'us-east-1', 'Send', clock() - 1200, 5, clock())


PLAYS: Mapping[str, Callable[[], Play]] = {
    play.__name__: play
    for play in (
        *INVENTORY_PLAYS,
        quiet,
        storm,
        squeeze,
        switched_off,
        denied,
        partial,
        stopped,
        late,
        wrong_keys,
        stolen,
        away,
        mail_trouble,
        lost,
        losses,
        left_out,
    )
}
