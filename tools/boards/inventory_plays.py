"""The plays about what AWS, mailbox providers and pools say of an account that has everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from simulator import Change, Clock, Simulator, mail_events
from simulator.inventory import DOMAIN, Destination
from simulator.scenarios import HOUR, STREAMS, Standing
from simulator.series import series_id
from tools.boards.play import HEALTHY, LEAD, STEADY, Incident, Play

HERE, THERE = 'us-east-1', 'eu-west-1'
LISTED, CLEAN = '198.51.100.7', '198.51.100.8'
ACCOUNT, QUEUE = '123456789012', 'ses-events'
QUEUE_URL = f'https://sqs.{HERE}.amazonaws.com/{ACCOUNT}/{QUEUE}'
BLOCKED = ('5.7.1', 'smtp; 550 5.7.1 part of the network is on our block list (S3140)')
DAY = 24 * HOUR

SWEEPS = (
    *('identities', 'findings', 'configuration_set_health', 'tenant_health', 'receiving_rules', 'dedicated_ips'),
    *('jobs', 'vdm', 'global_endpoint_health', 'suppression_list', 'suppression_size'),
)
OWNED = (
    Change(0, 'account', values={'vdm': 'ENABLED', 'plan': 'ESSENTIALS', 'validation': 'MEDIUM'}),
    *(Change(0, 'tenants', name) for name in ('bakery', 'bookshop', 'travel')),
    Change(0, 'rule_sets', 'inbound', {'active': True}),
    Change(0, 'ip_pools', 'own'),
    *(Change(0, 'dedicated_ips', address, {'pool': 'own'}) for address in (LISTED, CLEAN)),
    Change(0, 'endpoints', 'abcdef12.g3h', {'regions': (HERE, THERE)}),
    *(Change(0, 'jobs', name, {'type': name}) for name in ('import', 'export')),
    *(Change(0, 'suppressed', f'user-{number}@mail.example') for number in range(40)),
)
"""What the account has, all of it healthy."""

OWNER = replace(
    STEADY,
    streams=tuple(replace(stream, chances=HEALTHY) for stream in STREAMS),
    standings=((0.0, Standing(max_24_hour_send=500_000.0)),),
    changes=OWNED,
)


def owned() -> Play:
    """Everything that an account can have is well: no monitor may say anything."""
    options = {'collect': ['account', *SWEEPS], 'regions': [HERE, THERE]}
    return Play(OWNER, 3 * HOUR, options=options, step=900)


def held_against() -> Play:
    """AWS finds bounces, pauses a tenant and lists an address; no rule set is active; the second Region has too small a
    quota; Yahoo refuses most mail. All is over after some hours, and Yahoo's next day is good."""
    sick, well = 3 * HOUR, 7 * HOUR
    refused = {'permanent': ((0.0, 1.0), (sick, 1.0), (sick, 400.0), (12 * HOUR, 400.0), (12 * HOUR, 1.0))}
    streams = tuple(
        replace(stream, curves=refused) if stream.provider == 'Yahoo' else stream for stream in OWNER.streams
    )
    finding = {'resource': 'account', 'type': 'BOUNCE', 'created': sick, 'updated': sick}
    changes = (
        *OWNED,
        *_between((sick, well), 'findings', 'bounces', finding, {'status': 'FIXED', 'updated': well}),
        *_between((sick, well), 'tenants', 'travel', {'ses_status': 'DISABLED'}, {'ses_status': 'ENABLED'}),
        *_between((sick, well), 'rule_sets', 'inbound', {'active': False}, {'active': True}),
        *_between((sick, well), 'dedicated_ips', LISTED, {'blocklists': ['zen.example']}, {'blocklists': []}),
        *_between((sick, well), 'standing', '', {'max_24_hour_send': 50_000.0}, {'max_24_hour_send': 500_000.0}, THERE),
    )
    scenario = replace(OWNER, streams=streams, changes=changes, troubled=(HERE,))
    sweeps = ('findings', 'tenant_health', 'receiving_rules', 'dedicated_ips', 'vdm', 'global_endpoint_health')
    options = {'collect': ['account', *sweeps], 'regions': [HERE, THERE]}
    return Play(scenario, 52 * HOUR, options=options, step=1800)


def addresses() -> Play:
    """For a day Outlook finds spam and traps behind an address, a managed pool fills up, and SES gives up received
    mail. Before the last hours CloudWatch has no new rates of the reputation for ten hours."""
    options = {'collect': ['account', 'cloudwatch', 'snds', 'managed_pools', 'receiving']}
    scenario = replace(STEADY, gauges=(), families=())
    return Play(scenario, 60 * HOUR, options=options, incidents=(Incident(0, _publish),), step=1800)


def _publish(aws: Simulator, clock: Clock) -> None:
    """All that CloudWatch will have, each from its minute on."""
    now = clock()

    def put(metric: str, dimensions: dict[str, str], points: Iterable[tuple[float, float]]) -> None:
        for at, value in points:
            aws.world.put(aws.account, HERE, series_id(metric, dimensions), now + at, value)

    for metric, values in (('SpamRate', (0.0, 1.0, 0.0)), ('TrapHits', (0.0, 3.0, 0.0)), ('ComplaintRate', (0.0,) * 3)):
        put(f'SNDS.{metric}', {'IP': LISTED}, [(day * DAY - HOUR, value) for day, value in enumerate(values)])
    times = [half * 0.5 * HOUR for half in range(-4, 120)]
    pool = {'PoolName': 'managed-main'}
    put('Available24HourSend', pool, [(at, 90_000.0) for at in times])
    put('SentLast24Hours', pool, [(at, 86_000.0 if 20 * HOUR <= at < 30 * HOUR else 40_000.0) for at in times])
    put('Received', {'RuleName': 'store'}, [(at, 20.0) for at in times])
    put('PublishExpired', {'RuleName': 'store'}, [(at, 3.0) for at in times if 10 * HOUR <= at < 12 * HOUR])
    for metric, rate in (('Reputation.BounceRate', 0.004), ('Reputation.ComplaintRate', 0.0001)):
        put(metric, {}, [(at, rate) for at in times if not 35 * HOUR <= at < 45 * HOUR])


def refused() -> Play:
    """For an hour Gmail refuses mail because of a blocklist, as failure events in a queue say."""
    incidents = [_send(0, 0), *(_send(HOUR + minutes * 60, 40) for minutes in range(0, 60, 5))]
    options = {'collect': ['account'], 'account_id': ACCOUNT, 'event_queues': [{'url': QUEUE_URL}]}
    return Play(STEADY, 4 * HOUR, options=options, incidents=tuple(incidents))


def _send(at: float, bounces: int) -> Incident:
    """Bounces of Gmail in the queue."""

    def strike(aws: Simulator, clock: Clock) -> None:
        events = [mail_events.bounce('ann@gmail.com', answer=BLOCKED, at=clock()) for _ in range(bounces)]
        aws.send(QUEUE, [mail_events.sns(event) for event in events], HERE, ACCOUNT)

    return Incident(at, strike)


def _between(
    times: tuple[float, float], kind: str, name: str, sick: dict[str, Any], well: dict[str, Any], region: str = HERE
) -> Sequence[Change]:
    """A member of the inventory is sick for some time, in a Region."""
    first, last = times
    return Change(first + LEAD, kind, name, sick, region), Change(last + LEAD, kind, name, well, region)


BLOCKLISTS = {'blocklists': ['bl.blocklist.example', 'zen.example'], 'warmup_status': 'IN_PROGRESS'}
NOBODY = {'destinations': (Destination('feedback', enabled=False),)}
FINDINGS = (
    ('newsletter', 'configuration-set/newsletter', 'COMPLAINT', 'HIGH'),
    ('dkim', f'identity/{DOMAIN}', 'DKIM', 'HIGH'),
    ('travel', 'tenant/travel/tn-travel', 'BOUNCE', 'HIGH'),
    ('spf', f'identity/{DOMAIN}', 'SPF', 'LOW'),
    ('ops', 'identity/ops@example.com', 'DMARC', 'HIGH'),
    ('dmarc', f'identity/{DOMAIN}', 'DMARC', 'HIGH'),
)
ILLS = (
    Change(2 * HOUR, 'identities', DOMAIN, {'dkim_status': 'FAILED', 'error_type': 'HOST_NOT_FOUND'}),
    Change(0, 'identities', 'ops@example.com', {'verification': 'FAILED', 'sending_enabled': False}),
    *(Change(2 * HOUR, 'configuration_sets', name, NOBODY) for name in ('newsletter', 'alerts')),
    *(
        Change(3 * HOUR, 'findings', name, {'resource': resource, 'type': kind, 'impact': impact, 'created': 3 * HOUR})
        for name, resource, kind, impact in FINDINGS
    ),
    Change(4 * HOUR, 'tenants', 'travel', {'ses_status': 'DISABLED', 'impact': 'HIGH'}),
    Change(4 * HOUR, 'tenants', 'bookshop', {'impact': 'HIGH'}),
    Change(3 * HOUR, 'dedicated_ips', LISTED, {**BLOCKLISTS, 'warmup_percentage': 40}),
    Change(0, 'jobs', 'export', {'status': 'PROCESSING'}),
    Change(2 * HOUR, 'jobs', 'import', {'status': 'FAILED', 'failed_records': 120}),
    Change(0, 'standing', values={'max_24_hour_send': 120_000.0}, region=THERE),
    Change(0, 'identities', 'news.example', None, region=THERE),
)
"""Something wrong in each place."""


def inventory() -> Play:
    """An account that has everything, with something wrong in each place, for the dashboard of the inventory."""
    bad = {'permanent': ((0.0, 80.0), (13 * HOUR, 80.0), (13 * HOUR, 20.0))}
    streams = tuple(replace(stream, curves=bad) if stream.provider == 'Yahoo' else stream for stream in OWNER.streams)
    scenario = replace(OWNER, volume=20.0, streams=streams, changes=(*OWNED, *ILLS), history=2 * DAY, troubled=(HERE,))
    options = {
        'collect': ['account', 'cloudwatch', 'send_statistics', *SWEEPS],
        'regions': [HERE, THERE],
        'account_id': ACCOUNT,
        'event_queues': [{'url': QUEUE_URL}],
        'max_configuration_sets': 1,
        'max_tenants': 1,
        'max_findings': 4,
    }
    incidents = (_send(0, 0), *(Incident(hour * HOUR, _publish_events) for hour in range(1, 26)))
    return Play(scenario, 26 * HOUR, options=options, incidents=incidents, step=1000)


def _publish_events(aws: Simulator, clock: Clock) -> None:
    """What failed in the last hour comes to the queue."""
    queue = aws.queues.find(ACCOUNT, HERE, QUEUE)
    assert queue is not None
    aws.publish(queue, clock() - HOUR, clock())
    delivered = mail_events.sns(mail_events.delivery(seconds=2.0, at=clock()))
    opened = mail_events.sns(mail_events.event('Open', 'open', {}, clock(), ('ann@gmail.com',)))
    aws.send(QUEUE, [delivered, delivered, opened, 'not an event'], HERE, ACCOUNT)


INVENTORY_PLAYS = (owned, held_against, addresses, refused, inventory)
