"""The dashboard Amazon SES Inventory: what AWS says of the account and of all that it has, and why mail bounces."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.inventory_bounces import EVENTS, PROVIDER_GROUP, QUEUE_GROUP
from tools.boards.inventory_queries import by, by_target, total
from tools.boards.limits import Limit
from tools.boards.queries import ALL, BY_TARGET, IDENTITY_HINTS, SET_HINTS, TARGET_TAGS, Family, without_hints
from tools.boards.widgets import Board, Group, Measure, Row, Widget, chart, newest, note, number, table, top

CONTENT = """\
**What does AWS hold against me, and who is it about?** Each list has the worst first.

- AWS opens a **finding** well before it acts on it.
- What is well is counted and not named: only what is ill has a row.
- **Queues** need the option `event_queues`, **providers** Virtual Deliverability Manager.
- What the account does not have stays empty. Fold those groups.

[Dashboards](/dashboard/lists?q=Amazon%20SES) · [Monitors](/monitors/manage?q=amazon-ses-agent)
"""

ENDED = 'A row stays until its end has left the time shown.'
"""For what AWS names only as long as it lasts."""


def _tile(title: str, family: Family, metric: str, description: str, limit: Limit | None = limits.ILL) -> Widget:
    return number(2, title, total(title, family, metric, limit), description, precision=0)


IDENTITIES = by_target('identity.', 'identity', 'identity_type', only='identity:*,identity_type:*')
SETS = by_target('configuration_set.', 'configuration_set')
TENANTS = by_target('tenant.', 'tenant')
ENDPOINTS = by('global_endpoint.', 'multi_region_endpoint_id', 'region', 'secondary_region')
ENDPOINT_STATES = by('global_endpoint.', 'multi_region_endpoint_id', 'region', 'status')

ABOUT = Group('About', 'white', Row(4, note(4, CONTENT)))

OVERVIEW = Group(
    'Overview',
    'vivid_blue',
    Row(
        2,
        _tile('Findings of high impact', by('finding.', only='impact:high'), 'open', 'AWS acts on these next.'),
        number(
            2,
            'Sick identities',
            total('sick', by('identity.', only=f'problem:*,{without_hints(IDENTITY_HINTS)}'), 'unhealthy', limits.ILL),
            'Problems of identities by which mail is refused or suffers, added up: one may have several.',
            precision=0,
        ),
        number(
            2,
            'Sick configuration sets',
            total(
                'sick', by('configuration_set.', only=f'problem:*,{without_hints(SET_HINTS)}'), 'unhealthy', limits.ILL
            ),
            'Problems of sets by which mail is refused or suffers, added up: one may have several.',
            precision=0,
        ),
        _tile('Paused tenants', Family('tenant.'), 'paused', 'By AWS, their policy or their owner.'),
    ),
    Row(
        2,
        _tile('Addresses on blocklists', Family('dedicated_ip.'), 'listed', 'To get off a list is yours to do.'),
        _tile('Failed jobs', by('job.', only='status:failed'), 'count', 'Imports and exports of seven days.'),
        number(
            2,
            'Receiving off',
            newest('off', f'1 - {ALL.gauge("receiving.rule_set_active", "min")}', limits.ILL),
            '1: a Region has receipt rule sets and none is active, so mail is refused.',
            precision=0,
        ),
        number(
            2,
            'Judged bounce rate',
            newest('judged', EVENTS.gauge('judged_bounce_rate'), limits.BOUNCE_RATE),
            'Of 24 hours, from the queues: the bounces that AWS judges, of the worst Region.',
            precision=2,
        ),
    ),
    same_line=True,
)

FINDINGS = Group(
    'What Does AWS Say?',
    'vivid_orange',
    Row(
        3,
        table(
            4,
            'Open findings by kind',
            total('open', by('finding.', 'impact', 'type', 'scope', only='type:*,scope:*'), 'open'),
            description='AWS lists a finding some hours after its cause, and as long after the repair.',
        ),
        table(
            4,
            'High impact by identity',
            total('findings', by_target('finding.', 'identity', 'type', only='identity:*'), 'high_impact', limits.ILL),
            description=ENDED,
        ),
        table(
            4,
            'High impact by tenant',
            total('findings', by_target('finding.', 'tenant', 'type', only='tenant:*'), 'high_impact', limits.ILL),
            description=ENDED,
        ),
    ),
    Row(
        3,
        table(
            4,
            'High impact by configuration set',
            total(
                'findings',
                by_target('finding.', 'configuration_set', 'type', only='configuration_set:*'),
                'high_impact',
                limits.ILL,
            ),
            description=ENDED,
        ),
        chart(4, 'Age of the oldest finding', Measure('age', by('finding.', 'impact').gauge('age'))),
        table(
            4,
            'Settings by Region',
            newest('warm-up: 1 on, 0 off', BY_TARGET.gauge('account.auto_warmup_enabled', 'min')),
            newest('VDM: 1 on, 0 off', BY_TARGET.gauge('account.vdm_enabled', 'min')),
        ),
    ),
    Row(
        3,
        top(
            3,
            'Suppression switched off',
            newest(
                'off: 1 yes, 0 no',
                f'1 - {by_target("account.", "reason").gauge("suppression_enabled", "min")}',
                limits.ILL,
            ),
            '1: mail goes on to who bounced or complained. Somebody may have switched it off.',
        ),
        top(3, 'Regions by plan', total('Regions', by('account.', 'status'), 'plan')),
        top(3, 'Regions by validation', total('Regions', by('account.', 'status'), 'auto_validation')),
        top(
            3,
            'Requests of production access',
            total('Regions', by('account.', 'status'), 'production_access_request'),
            'Granted where nobody asked: look who did.',
        ),
    ),
)

IDENTITY_GROUP = Group(
    'Identities',
    'vivid_pink',
    Row(
        4,
        table(
            6,
            'Sick identities by name',
            newest('severity', IDENTITIES.gauge('severity'), limits.SEVERITY),
            newest('off: 1 yes, 0 no', f'1 - {IDENTITIES.gauge("sending_enabled", "min")}', limits.ILL),
            description='3: mail is refused, 2: mail or feedback suffers, 1: a hint, 0: well again. Restore the DNS '
            'records that the SES console shows.',
        ),
        top(3, 'Identities by problem', total('identities', by('identity.', 'problem', only='problem:*'), 'unhealthy')),
        top(
            3,
            'Identities by verification',
            total('identities', by('identity.', 'identity_type', 'verification'), 'count'),
        ),
    ),
)

SET_GROUP = Group(
    'Configuration Sets and Destinations',
    'vivid_pink',
    Row(
        3,
        table(
            6,
            'Sick sets by name',
            newest('severity', SETS.gauge('severity'), limits.SEVERITY),
            description='3: mail is refused, 2: mail or feedback suffers, 1: a hint, 0: well again. A disabled '
            'destination takes no bounces and complaints.',
        ),
        top(3, 'Sets by problem', total('sets', by('configuration_set.', 'problem'), 'unhealthy')),
        top(
            3,
            'Destinations by state',
            total('destinations', by('configuration_set.', 'destination_type', 'status'), 'destinations'),
        ),
    ),
)

TENANT_GROUP = Group(
    'Tenants',
    'vivid_pink',
    Row(
        3,
        table(
            6,
            'Tenants in trouble',
            newest('paused: 1 yes, 0 no', f'1 - {TENANTS.gauge("sending_enabled", "min")}', limits.ILL),
            description='0: near a pause, or well again. A finding of high impact pauses a tenant unless its policy is '
            'none, and one of low impact where it is strict.',
        ),
        top(3, 'Tenants by status', total('tenants', by('tenant.', 'status'), 'count')),
        top(3, 'Tenants with findings', total('tenants', by('tenant.', 'impact'), 'with_findings')),
    ),
)


ADDRESS_GROUP = Group(
    'Dedicated Addresses',
    'vivid_yellow',
    Row(
        3,
        table(
            4,
            'Addresses on a blocklist',
            newest('listed', by_target('dedicated_ip.', 'ip', 'blocklist').gauge('listing'), limits.ILL),
            description=ENDED,
        ),
        table(
            4,
            'Addresses that warm up',
            newest('warmed up', by_target('dedicated_ip.', 'ip', 'pool_name').gauge('warmup')),
            description='Until it is warm, mail beyond its share leaves from shared addresses.',
        ),
        top(4, 'Addresses by pool and state', total('addresses', by('dedicated_ip.', 'pool_name', 'status'), 'count')),
    ),
)

RECEIVING_GROUP = Group(
    'Receiving, Jobs and Suppression',
    'vivid_purple',
    Row(
        3,
        table(
            4,
            'Receipt rules',
            total('rules', by_target('receiving.', 'status'), 'rules'),
            description='A rule that is disabled drops nothing: its mail goes to the next rule, or nowhere.',
        ),
        table(
            4,
            'Limits of receiving',
            newest('used', by('receiving.', 'limit').gauge('limit_utilization'), limits.QUOTA),
        ),
        table(4, 'Pools by mode', total('pools', by('dedicated_ip.', 'scaling_mode'), 'pools')),
    ),
    Row(
        3,
        table(
            4,
            'Jobs by state',
            total('jobs', by('job.', 'job_type', 'status'), 'count'),
            description=f'Of seven days. {ENDED}',
        ),
        number(
            2,
            'Stuck jobs',
            total('stuck', Family('job.'), 'stuck', limits.ILL),
            'Not finished after six hours.',
            precision=0,
        ),
        number(
            2,
            'Records not imported',
            total('records', Family('job.'), 'failed_records', limits.ILL),
            'Of the imports of seven days.',
            precision=0,
        ),
        table(
            4,
            'Suppressed addresses',
            total('on the list', by('suppression.', 'reason'), 'size'),
            total('new in a day', by('suppression.', 'reason'), 'additions'),
            description='Who is on the list gets no mail, password resets included.',
        ),
    ),
)

ENDPOINT_GROUP = Group(
    'Can the Second Region Take Over?',
    'vivid_purple',
    Row(
        3,
        table(
            6,
            'Failover of global endpoints',
            newest('quota that all mail needs', ENDPOINTS.gauge('failover_utilization'), limits.FAILOVER),
            description='Of the smaller quota of both Regions. Above 100 mail is refused when a Region fails.',
        ),
        table(
            6,
            'Missing in the second Region',
            newest(
                'missing',
                by('global_endpoint.', 'multi_region_endpoint_id', 'secondary_region', 'kind', only='kind:*').gauge(
                    'failover_missing'
                ),
                limits.ILL,
            ),
            description='Identities and configuration sets that are only in the first Region, or its sandbox.',
        ),
    ),
    Row(
        2,
        table(
            12,
            'Endpoints by state',
            newest(
                'not ready: 1 yes, 0 no',
                f'1 - {ENDPOINT_STATES.gauge("ready", "min")}',
                limits.ILL,
            ),
        ),
    ),
)


def _unnamed(title: str, prefix: str, option: str) -> Widget:
    """How many of a kind have no row here. Only where there are some, so that without data it is none."""
    measure = newest('not named', f'default_zero({Family(prefix).total("unnamed")})')
    return number(2, title, measure, f'What is ill beyond the limit of {option} is counted only.', precision=0)


SWEEP_GROUP = Group(
    'How Old Is This?',
    'blue',
    Row(
        4,
        table(
            12,
            'Lists',
            newest('age of the oldest', by('collector.', 'source').gauge('sweep_age')),
            total('to be read', by('collector.', 'source'), 'sweep_pending'),
            description='By the words of the option collect. SES answers one request a second: thousands of identities '
            'take hours.',
        ),
    ),
    Row(
        2,
        number(
            2,
            'Configuration sets',
            total('sets', Family('configuration_set.'), 'count'),
            'All there are, of all Regions.',
            precision=0,
        ),
        _unnamed('Identities not named', 'identity.', 'max_identities'),
        _unnamed('Sets not named', 'configuration_set.', 'max_configuration_sets'),
        _unnamed('Tenants not named', 'tenant.', 'max_tenants'),
        _unnamed('Findings not named', 'finding.', 'max_findings'),
        number(
            2,
            'Findings in all',
            total('findings', Family('finding.'), 'open'),
            'Open ones of any impact.',
            precision=0,
        ),
    ),
)

BOARD = Board(
    'Amazon SES Inventory',
    'What AWS and mailbox providers hold against the account, its identities, configuration sets, tenants and '
    'addresses, and why mail bounces.',
    TARGET_TAGS,
    (
        ABOUT,
        OVERVIEW,
        FINDINGS,
        IDENTITY_GROUP,
        SET_GROUP,
        TENANT_GROUP,
        PROVIDER_GROUP,
        QUEUE_GROUP,
        ADDRESS_GROUP,
        RECEIVING_GROUP,
        ENDPOINT_GROUP,
        SWEEP_GROUP,
    ),
)
