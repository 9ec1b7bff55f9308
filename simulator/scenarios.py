"""Scenarios as plain values: traffic, trouble, and the standing of the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.inventory import DOMAIN, Change
from simulator.streams import Chances, Curve, Stream

HOUR = 3600.0
SES = 'AWS/SES'

EVENTS = (
    *('Send', 'Delivery', 'Bounce', 'Complaint', 'Reject', 'RenderingFailure'),
    *('Open', 'Click', 'DeliveryDelay', 'Subscription'),
)
"""The metrics of messages of an account and of its configuration sets."""

BOUNCE_RATE = 'Reputation.BounceRate'
COMPLAINT_RATE = 'Reputation.ComplaintRate'


@dataclass(frozen=True)
class Standing:
    """Limits and status of an account; `max_24_hour_send` -1 is unlimited, rates are messages per second."""

    sending_enabled: bool = True
    production_access: bool = True
    enforcement_status: str = 'HEALTHY'
    max_24_hour_send: float = 100_000.0
    max_send_rate: float = 50.0


@dataclass(frozen=True)
class Gauge:
    """A metric whose samples are readings, one every `every` minutes with silent gaps.

    `value` is the mean reading, and `spread` how far it moves; a rate of the reputation follows from the messages.
    """

    metric: str
    value: float = 0.0
    every: int = 4
    unit: str = 'None'
    spread: float = 0.02


@dataclass(frozen=True)
class Family:
    """Series that share their dimension names.

    `values` lists the dimension values of each member; `count` members more are named by `patterns`, one pattern for
    each dimension. `mail` names the metrics of the messages that the account sends: a member has those of the streams
    that name it, and the members that none names share `share` of the other streams evenly. `events` gives metrics of
    other events, and their number as a ratio to that share of the volume. `appears` is when its data begin, in seconds
    after the scenario start.
    `awake`: how many members send at any time, all of them by default; every `turn` minutes the next one begins, and
    the one that began first falls silent.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...] = ()
    count: int = 0
    patterns: tuple[str, ...] = ()
    mail: tuple[str, ...] = ()
    events: Mapping[str, float] = field(default_factory=dict)
    gauges: tuple[Gauge, ...] = ()
    share: float = 1.0
    namespace: str = SES
    appears: float | None = None
    awake: int | None = None
    turn: int = 1

    def members(self) -> list[tuple[tuple[str, str], ...]]:
        """The dimension sets of all members."""
        named = [tuple(zip(self.dimensions, values, strict=True)) for values in self.values]
        numbered = [
            tuple((name, pattern.format(number)) for name, pattern in zip(self.dimensions, self.patterns, strict=True))
            for number in range(self.count)
        ]
        return named + numbered


@dataclass(frozen=True)
class Scenario:
    """The traffic of an account, its trouble and its standing over time.

    `volume`: mean sends per minute of an account in a Region (0: no mail at all, ever). `streams` divide it by sender
    and provider; `mail` names the metrics of the account. `curves`: with the name '*' the factor on the volume.
    `shares`: how much of the volume a Region has, all of it where it is not named. `troubled`: the Regions in which the
    curves of streams and the later standings hold, None for all.
    `standings`: (seconds, Standing) steps. `lag`: seconds after a minute's end until CloudWatch shows it;
    `late_share` of the events takes `late` seconds instead. `regions`: where mail is sent, None for everywhere.
    `history`: seconds before the start in which mail was sent too, None for ever. `changes`: what happens to the
    inventory, which at first is healthy and has what the families name; in the troubled Regions, where it names none.
    """

    name: str
    summary: str
    volume: float = 40.0
    amplitude: float = 0.5
    streams: tuple[Stream, ...] = (Stream(),)
    mail: tuple[str, ...] = EVENTS
    gauges: tuple[Gauge, ...] = (Gauge(BOUNCE_RATE), Gauge(COMPLAINT_RATE))
    curves: Mapping[str, Curve] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    troubled: tuple[str, ...] | None = None
    standings: tuple[tuple[float, Standing], ...] = ((0.0, Standing()),)
    families: tuple[Family, ...] = ()
    lag: tuple[float, float] = (60.0, 120.0)
    late_share: float = 0.0
    late: tuple[float, float] = (300.0, 3000.0)
    regions: tuple[str, ...] | None = None
    history: float | None = None
    changes: tuple[Change, ...] = ()

    def sized(self, members: int) -> Scenario:
        """The same with that many members in each family that has patterns; each member sends as before."""
        sizes = [family.count for family in self.families if family.count]
        families = tuple(replace(family, count=members) if family.count else family for family in self.families)
        volume = self.volume * members / max(sizes) if sizes else self.volume
        return replace(self, families=families, volume=volume)

    def between(self, first: float, last: float) -> Scenario:
        """The same, but from its start on with mail only between these seconds after it."""
        mail = ((0.0, 0.0), (first, 0.0), (first, 1.0), (last, 1.0), (last, 0.0))
        return replace(self, curves={**self.curves, '*': mail})


REPUTATION = (Gauge(BOUNCE_RATE, every=5), Gauge(COMPLAINT_RATE, every=5))
"""What a configuration set publishes of its reputation."""


def configuration_sets(count: int = 5, share: float = 0.9) -> Family:
    """`count` configuration sets that publish every event type and their own reputation."""
    return Family(
        dimensions=('ses:configuration-set',),
        count=count,
        patterns=('set-{:05d}',),
        mail=EVENTS,
        gauges=REPUTATION,
        share=share,
    )


def tenants(count: int = 200) -> Family:
    """`count` tenants with their Sends, Bounces and Complaints."""
    return Family(
        dimensions=('TenantId', 'TenantName'),
        count=count,
        patterns=('tn-{:08x}', 'tenant-{:05d}'),
        mail=('Sends', 'Bounces', 'Complaints'),
        share=0.9,
    )


def of_size(identities: int, sets: int, number_of_tenants: int) -> Scenario:
    """An account without mail that has so many identities, configuration sets and tenants."""
    domains = Family(dimensions=('ses:from-domain',), count=identities, patterns=('customer-{:05d}.example',))
    numbers = f'{identities:,} identities, {sets:,} configuration sets and {number_of_tenants:,} tenants'
    families = (domains, configuration_sets(sets), tenants(number_of_tenants))
    return Scenario(f'of_size_{identities}', f'{numbers}, without mail', volume=0.0, gauges=(), families=families)


_RECEIPT = {'Received': 1.0, 'PublishSuccess': 0.98, 'PublishFailure': 0.02, 'PublishExpired': 0.004}
RECEIPT_RULES = (
    Family(dimensions=('RuleSetName',), values=(('[Active]',), ('inbound',)), events=_RECEIPT, share=0.5),
    Family(
        dimensions=('RuleName',),
        values=(('store-in-bucket',), ('forward-support',), ('bounce-unknown',)),
        events=_RECEIPT,
        share=0.6,
    ),
)
DEDICATED_IPS = Family(
    dimensions=('IP',),
    values=(('198.51.100.7',), ('198.51.100.8',)),
    gauges=(
        Gauge('SNDS.RCPTCommands', 9000.0, every=1440, spread=0.2),
        Gauge('SNDS.DATACommands', 8900.0, every=1440, spread=0.2),
        Gauge('SNDS.MessageRecipients', 8800.0, every=1440, spread=0.2),
        Gauge('SNDS.TrapHits', 2.0, every=1440, spread=0.5),
        Gauge('SNDS.SpamRate', 0.5, every=1440, spread=0.0),
        Gauge('SNDS.ComplaintRate', 0.001, every=1440, spread=0.2),
    ),
)
MANAGED_POOLS = Family(
    dimensions=('PoolName',),
    values=(('managed-main',),),
    mail=('Send',),
    gauges=(
        Gauge('ApproximateDedicatedSendingPercentage', 80.0, every=15),
        Gauge('SentLast24Hours', 30_000.0, 15),
        Gauge('Available24HourSend', 90_000.0, 15),
    ),
    share=0.5,
)
GLOBAL_ENDPOINTS = Family(
    dimensions=('ses:multi-region-endpoint-id',), values=(('abcdef12.g3h',),), mail=('SendCount',), share=0.3
)
ADDRESS_VALIDATION = Family(
    dimensions=(),
    values=((),),
    events={
        f'EmailAddressInsights.ConfidenceVerdict.{v}': r for v, r in (('LOW', 0.1), ('MEDIUM', 0.2), ('HIGH', 0.7))
    },
    share=0.4,
)
MAIL_MANAGER = Family(
    dimensions=('IngressPointId',),
    values=(('inp-0123456789abcdef',),),
    events={'Received': 1.0},
    gauges=(Gauge('ReceivedBytes', 52_000.0, every=1, unit='Bytes', spread=0.5),),
    namespace='AWS/SES/MailManager',
    share=0.2,
)
_OTHER_FAMILIES = (DEDICATED_IPS, MANAGED_POOLS, GLOBAL_ENDPOINTS, ADDRESS_VALIDATION, MAIL_MANAGER)

_THOUSAND_SETS = replace(configuration_sets(1000), gauges=())
SETS = Family(
    dimensions=('ses:configuration-set',),
    values=(('receipts',), ('alerts',), ('newsletter',)),
    mail=EVENTS,
    gauges=REPUTATION,
)
"""The configuration sets of STREAMS."""

CLEAN = Chances(permanent=0.0008, transient=0.003, suppressed=0.0002, complained=0.0001)
NEWSLETTER = Chances(permanent=0.016, transient=0.01, suppressed=0.004, opened=0.25, complained=0.0003)
STREAMS = (
    Stream(0.25, CLEAN, 'receipts', 'shop.example', 'bakery', 'Gmail'),
    Stream(0.13, CLEAN, 'receipts', 'shop.example', 'bakery', 'Outlook'),
    Stream(0.2, CLEAN, 'alerts', 'shop.example', 'bookshop', 'Gmail'),
    Stream(0.25, NEWSLETTER, 'newsletter', 'news.example', 'travel', 'Yahoo', {'campaign': 'spring'}),
    Stream(0.15, NEWSLETTER, 'newsletter', 'news.example', 'travel', 'Gmail', {'campaign': 'welcome'}),
    Stream(0.02, CLEAN, identity='shop.example', provider='Gmail'),
)
"""The mail of an account with three configuration sets, as many tenants, and two campaigns; some mail has no set."""


def streams(**curves: Curve) -> tuple[Stream, ...]:
    """STREAMS, with factors on the chances of the campaign `spring`, which has one bad list of addresses."""
    return tuple(
        replace(stream, curves=curves) if stream.tags.get('campaign') == 'spring' else stream for stream in STREAMS
    )


_HEALTHY = Standing()
_REVIEW = Standing(enforcement_status='PROBATION')
_LARGE = Standing(max_24_hour_send=10_000_000.0, max_send_rate=500.0)
_PAUSED = Standing(sending_enabled=False, enforcement_status='SHUTDOWN')

_SANDBOX = Standing(production_access=False, max_24_hour_send=200.0, max_send_rate=1.0)
_STORM_FINDINGS = ('account', 'configuration-set/newsletter')


def _bounces(resource: str, created: float) -> dict[str, Any]:
    """A finding of high impact: too many bounces of a resource."""
    return {'resource': resource, 'type': 'BOUNCE', 'created': created, 'updated': created}


QUIET = 'eu-west-1'
"""The Region of the scenario `stolen_key` in which no mail is sent."""
_PHISHING = ('accounts-security.example', 'billing-update.example', 'noreply@parcel-notice.example')

_ALL = (
    Scenario('steady', 'a healthy account with even traffic'),
    Scenario(
        'bounce_storm',
        'bounces of one campaign rise until 10 % of all mail bounces after three hours; AWS opens findings after four, '
        'and puts the account under review after six; it recovers after a day',
        families=(SETS,),
        streams=streams(permanent=((0, 1), (3 * HOUR, 23), (20 * HOUR, 23), (26 * HOUR, 1))),
        standings=((0, _HEALTHY), (6 * HOUR, _REVIEW), (44 * HOUR, _HEALTHY)),
        changes=(
            *(Change(4 * HOUR, 'findings', name, _bounces(name, 4 * HOUR)) for name in _STORM_FINDINGS),
            *(
                Change(44 * HOUR, 'findings', name, {'status': 'FIXED', 'updated': 44 * HOUR})
                for name in _STORM_FINDINGS
            ),
        ),
    ),
    Scenario(
        'complaint_surge',
        'complaints rise twelvefold within three hours and reputation follows',
        families=(SETS,),
        streams=streams(complained=((0, 1), (3 * HOUR, 48), (18 * HOUR, 48), (24 * HOUR, 1))),
        standings=((0, _HEALTHY), (8 * HOUR, _REVIEW), (46 * HOUR, _HEALTHY)),
    ),
    Scenario(
        'under_review',
        'AWS reviews the account (PROBATION), which still sends',
        streams=(Stream(chances=Chances(permanent=0.06, complained=0.0006)),),
        standings=((0, _REVIEW),),
    ),
    Scenario(
        'paused',
        'AWS paused sending (SHUTDOWN) at the scenario start',
        curves={'*': ((0, 1), (0, 0))},
        streams=(Stream(chances=Chances(permanent=0.12, complained=0.006)),),
        standings=((0, _PAUSED),),
    ),
    Scenario(
        'sending_disabled',
        'the owner switched sending off at the scenario start; AWS has nothing against the account',
        curves={'*': ((0, 1), (0, 0))},
        standings=((0, Standing(sending_enabled=False)),),
    ),
    Scenario(
        'quota_nearly_used',
        '95 % of the daily quota is used',
        volume=0.95 * 50_000 / 1440,
        standings=((0, Standing(max_24_hour_send=50_000.0, max_send_rate=14.0)),),
    ),
    Scenario('unlimited_quota', 'no daily quota (-1)', standings=((0, Standing(max_24_hour_send=-1.0)),)),
    Scenario('late_data', 'a third of the events reaches CloudWatch 5 to 50 minutes late', late_share=0.33),
    Scenario(
        'sandbox',
        'a sandbox account: 200 messages a day, one per second',
        volume=0.08,
        standings=((0, _SANDBOX),),
    ),
    Scenario('silence', 'mail stops two hours after the scenario start', curves={'*': ((0, 1), (7200, 1), (7200, 0))}),
    Scenario('idle', 'an account that never sent', volume=0.0, gauges=()),
    Scenario(
        'dkim_broken',
        'an hour after the start the DKIM record of the domain is gone; SES calls it temporary, and failed a day later',
        changes=(
            Change(HOUR, 'identities', DOMAIN, {'dkim_status': 'TEMPORARY_FAILURE', 'error_type': 'HOST_NOT_FOUND'}),
            Change(25 * HOUR, 'identities', DOMAIN, {'dkim_status': 'FAILED'}),
        ),
    ),
    Scenario(
        'topic_removed',
        'an hour after the start SES cannot publish to the topics of the domain, removes them and forwards by email',
        changes=(Change(HOUR, 'identities', DOMAIN, {'bounce_topic': '', 'complaint_topic': '', 'forwarding': True}),),
    ),
    Scenario(
        'destination_disabled',
        'an hour after the start nobody takes the bounces and complaints of a configuration set',
        families=(configuration_sets(2),),
        changes=(
            Change(
                HOUR, 'configuration_sets', 'set-00001', {'destinations': ({'name': 'feedback', 'enabled': False},)}
            ),
        ),
    ),
    Scenario(
        'tenant_paused',
        'AWS finds too many bounces of a tenant after an hour, pauses it after two, and the owner lets it send again '
        'after five',
        volume=400.0,
        families=(tenants(20),),
        standings=((0, Standing(max_24_hour_send=1_000_000.0, max_send_rate=100.0)),),
        changes=(
            Change(HOUR, 'tenants', 'tenant-00003', {'impact': 'HIGH', 'updated': HOUR}),
            Change(HOUR, 'findings', 'tenant', _bounces('tenant/tenant-00003/tn-00000003', HOUR)),
            Change(2 * HOUR, 'tenants', 'tenant-00003', {'ses_status': 'DISABLED', 'updated': 2 * HOUR}),
            Change(
                5 * HOUR,
                'tenants',
                'tenant-00003',
                {'ses_status': 'ENABLED', 'customer_status': 'REINSTATED', 'updated': 5 * HOUR},
            ),
        ),
    ),
    Scenario(
        'finding',
        'AWS finds an SPF record missing after an hour, and that it is there after six',
        changes=(
            Change(
                HOUR,
                'findings',
                'spf',
                {'resource': f'identity/{DOMAIN}', 'type': 'SPF', 'created': HOUR, 'updated': HOUR},
            ),
            Change(6 * HOUR, 'findings', 'spf', {'status': 'FIXED', 'updated': 6 * HOUR}),
        ),
    ),
    Scenario(
        'receiving_stopped',
        'a receipt rule is switched off after an hour, and no rule set is active any more after two',
        families=RECEIPT_RULES,
        changes=(
            Change(HOUR, 'rule_sets', 'inbound', {'rules': [{'name': 'store-in-bucket', 'enabled': False}]}),
            Change(2 * HOUR, 'rule_sets', 'inbound', {'active': False}),
        ),
    ),
    Scenario(
        'address_listed',
        'a dedicated IP address that warms up is on two blocklists after an hour and on none after four',
        families=(DEDICATED_IPS,),
        changes=(
            Change(0, 'dedicated_ips', '198.51.100.8', {'warmup_status': 'IN_PROGRESS', 'warmup_percentage': 40}),
            Change(HOUR, 'dedicated_ips', '198.51.100.8', {'blocklists': ['bl.blocklist.example', 'zen.example']}),
            Change(4 * HOUR, 'dedicated_ips', '198.51.100.8', {'blocklists': []}),
        ),
    ),
    Scenario(
        'jobs_failed',
        'an import job fails after an hour, and an export job does not end',
        changes=(
            Change(0, 'jobs', 'export', {'type': 'export', 'status': 'PROCESSING'}),
            Change(0, 'jobs', 'import', {'status': 'PROCESSING', 'processed_records': 0}),
            Change(HOUR, 'jobs', 'import', {'status': 'FAILED', 'processed_records': 900, 'failed_records': 100}),
        ),
    ),
    Scenario(
        'sandbox_left',
        'an account asks for production access, and gets it after two hours',
        volume=0.08,
        standings=((0, _SANDBOX), (2 * HOUR, Standing(max_24_hour_send=50_000.0, max_send_rate=14.0))),
        changes=(
            Change(0, 'account', values={'review': 'PENDING'}),
            Change(2 * HOUR, 'account', values={'review': 'GRANTED'}),
        ),
    ),
    Scenario(
        'stolen_key',
        'mail leaves from us-east-1; in eu-west-1, where none does, somebody gets production access and a large quota '
        'after an hour and adds identities after two',
        regions=('us-east-1',),
        changes=(
            Change(0, 'standing', values=vars(_SANDBOX), region=QUIET),
            Change(0, 'account', values={'review': ''}, region=QUIET),
            Change(HOUR, 'standing', values=vars(_LARGE), region=QUIET),
            Change(HOUR, 'account', values={'review': 'GRANTED'}, region=QUIET),
            *(Change(2 * HOUR, 'identities', name, region=QUIET) for name in _PHISHING),
        ),
    ),
    Scenario(
        'many_tenants',
        '200 tenants share the account',
        volume=400.0,
        families=(tenants(200),),
        standings=((0, Standing(max_24_hour_send=1_000_000.0, max_send_rate=100.0)),),
    ),
    Scenario('receiving', 'mail is received by two rule sets and three rules', families=RECEIPT_RULES),
    Scenario(
        'configuration_sets',
        'five configuration sets with event and reputation metrics',
        families=(configuration_sets(5),),
    ),
    Scenario(
        'everything',
        'every family of series that SES is known to publish',
        volume=60.0,
        families=(configuration_sets(3), tenants(5), *RECEIPT_RULES, *_OTHER_FAMILIES),
        changes=(Change(0, 'account', values={'vdm': 'ENABLED'}),),
    ),
    Scenario(
        'large',
        '1,000 configuration sets with every event metric',
        volume=4000.0,
        families=(_THOUSAND_SETS,),
        standings=((0, _LARGE),),
    ),
    Scenario(
        'identities',
        '10,000 sending domains with four event metrics each, which the check knows no family for',
        volume=40_000.0,
        families=(
            Family(
                dimensions=('ses:from-domain',),
                count=10_000,
                patterns=('customer-{:05d}.example',),
                mail=('Send', 'Delivery', 'Bounce', 'Complaint'),
            ),
        ),
        standings=((0, replace(_LARGE, max_24_hour_send=100_000_000.0)),),
    ),
    of_size(10, 5, 0),
    of_size(100, 50, 100),
    of_size(10_000, 1000, 10_000),
    Scenario(
        'sparse',
        '1,000 configuration sets with every event metric, of which 30 carry all the mail, each for six hours',
        volume=4000.0,
        families=(replace(_THOUSAND_SETS, share=1.0, awake=30, turn=12),),
        standings=((0, _LARGE),),
    ),
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
