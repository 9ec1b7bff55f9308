"""The dashboard Amazon SES Deliverability: who sends how much, how much arrives, and how much is received."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.limits import Limit
from tools.boards.queries import ACCOUNT, ALL, SETS, TARGET_TAGS, Family
from tools.boards.widgets import (
    Board,
    Group,
    Measure,
    Row,
    Widget,
    bars,
    chart,
    limit_lines,
    newest,
    note,
    number,
    own_lines,
    share,
    table,
    top,
    trail,
)

TENANTS = Family('tenant.', ('tenant',), f'{ACCOUNT},$tenant,tenant:*')
POOLS = Family('managed_pool.', ('pool_name',))
ENDPOINTS = Family('global_endpoint.', ('multi_region_endpoint_id', 'region'))
RULES = Family('receiving.', ('rule',), f'{ACCOUNT},$rule,rule:*')
RULE_SETS = Family('receiving.', ('rule_set',), f'{ACCOUNT},rule_set:*')
DIMENSIONS = Family('dimension.')
WINDOWS = Family('send_statistics.', ('window',))
DAY = Family('send_statistics.', ('region',), f'{ACCOUNT},window:24h')
UNRECOGNIZED = Family('unrecognized', ('namespace', 'metric_name'))

CONTENT = """\
**Which emails arrive, and whose do not?** From the whole account to configuration sets, rules and dimensions.

- **Configuration sets** need an event destination to CloudWatch; their rates need reputation metrics.
- **Engagement** needs open and click tracking. Mail programs open by themselves: compare, do not trust.
- **Named dimensions** need the option `dimensions`. Clone a chart to group it by your own tag.
- What is not set up stays empty. Fold those groups.

[Dashboards](/dashboard/lists?q=Amazon%20SES) · [Monitors](/monitors/manage?q=amazon-ses-agent)
"""

DIMENSIONS_CONTENT = """\
What the option `dimensions` asks for, with **tags of yours**, which a shipped dashboard cannot know.

Type one into `scope`, such as campaign:spring, or clone a chart and group it by your tag. Dimensions overlap: the sum \
of two tags counts emails twice.
"""

UNRECOGNIZED_CONTENT = """\
What CloudWatch lists of SES and this check has no family for: **Mail Manager**, event destinations with dimensions of \
your own, metrics that are newer than the check.

Each dimension is a tag: clone the table to group by it. Leave out what you do not need with the option `exclude`.
"""


def _tile(title: str, measure: Measure, precision: int = 2, description: str = '', span: str = '') -> Widget:
    return number(2, title, measure, description, precision, span)


def _address(label: str, metric: str, limit: Limit | None = None, bar: bool = False) -> Measure:
    return newest(label, Family('snds.', ('ip',)).gauge(metric), limit, bar)


def _validation(confidence: str) -> str:
    return ALL.count(f'email_validation.{confidence}.count')


ABOUT = Group('About', 'white', Row(4, note(4, CONTENT)))

OVERVIEW = Group(
    'Overview',
    'vivid_blue',
    Row(
        2,
        _tile('Accepted', Measure('accepted', ALL.count('send.count')), 1),
        _tile(
            'Delivered',
            share('delivered', ALL, 'delivery', limits.DELIVERED),
            description='Of a day, whatever the time shown: a fresh batch is not delivered yet.',
            span='1d',
        ),
        _tile('Bounced', share('bounced', ALL, 'bounce')),
        _tile('Complained', share('complained', ALL, 'complaint'), 3),
    ),
    Row(
        2,
        _tile('Delayed', share('delayed', ALL, 'delivery_delay')),
        _tile('Rejected for a virus', Measure('rejected', ALL.count('reject.count')), 0),
        _tile('Not rendered', Measure('not rendered', ALL.count('rendering_failure.count')), 0),
        _tile('Opened', share('opens per delivered email', ALL, 'open', whole='delivery'), 1),
    ),
    same_line=True,
)

SET_GROUP = Group(
    'Configuration Sets Side by Side',
    'vivid_pink',
    Row(
        4,
        table(
            12,
            'Configuration sets',
            Measure('accepted', SETS.count('send.count'), bar=True),
            share('delivered', SETS, 'delivery', limits.DELIVERED),
            share('bounced', SETS, 'bounce', limits.SET_BOUNCES),
            share('complained', SETS, 'complaint', limits.SET_COMPLAINTS),
            share('delayed', SETS, 'delivery_delay'),
            Measure('rejected', SETS.count('reject.count')),
            Measure('not rendered', SETS.count('rendering_failure.count')),
        ),
    ),
    Row(
        3,
        chart(
            6,
            'Bounce rate by set',
            Measure('bounce rate', SETS.gauge('reputation.bounce_rate')),
            lines=own_lines(limits.BOUNCE_RATE),
            description='The levels are ours: AWS judges accounts, not sets.',
        ),
        chart(
            6,
            'Complaint rate by set',
            Measure('complaint rate', SETS.gauge('reputation.complaint_rate')),
            lines=own_lines(limits.COMPLAINT_RATE),
            description='The levels are ours: AWS judges accounts, not sets. Gmail sends SES no complaints.',
        ),
    ),
    Row(
        3,
        top(6, 'Accepted by set', Measure('accepted', SETS.count('send.count'))),
        chart(
            6,
            'Delivered share by set',
            trail('delivered', SETS, 'delivery'),
            lines=limit_lines(limits.DELIVERED),
            minimum=60,
        ),
    ),
)

TENANT_GROUP = Group(
    'Tenants',
    'vivid_pink',
    Row(
        3,
        table(
            4,
            'Tenants',
            Measure('accepted', TENANTS.count('send.count'), bar=True),
            share('bounced', TENANTS, 'bounce', limits.SET_BOUNCES),
            share('complained', TENANTS, 'complaint', limits.SET_COMPLAINTS),
        ),
        chart(
            4,
            'Bounced share by tenant',
            trail('bounced', TENANTS, 'bounce'),
            lines=own_lines(limits.SET_BOUNCES),
            description='The levels are ours: AWS judges the account, by hard bounces alone.',
        ),
        top(4, 'Accepted by tenant', Measure('accepted', TENANTS.count('send.count'))),
    ),
)

FAILURES = Group(
    'What Fails, and How?',
    'vivid_orange',
    Row(
        3,
        chart(
            6,
            'Share of accepted by kind',
            trail('bounced', ALL, 'bounce'),
            trail('delayed', ALL, 'delivery_delay'),
            trail('not rendered', ALL, 'rendering_failure'),
            description='Not the rate that AWS judges: suppressed and soft bounces are in it.',
        ),
        chart(
            6,
            'Complained and rejected share',
            trail('complained', ALL, 'complaint'),
            trail('rejected', ALL, 'reject'),
            description='A tenth of a percent is much. Not the rate that AWS judges: that counts only emails to '
            'providers that send complaints, and Gmail sends none.',
        ),
    ),
    Row(
        3,
        top(4, 'Bounces by set', Measure('bounced', SETS.count('bounce.count'))),
        top(
            4,
            'Render failures by set',
            Measure('not rendered', SETS.count('rendering_failure.count')),
            'A template lacks a value: look at the set whose release was last.',
        ),
        top(4, 'Delays by set', Measure('delayed', SETS.count('delivery_delay.count'))),
    ),
)

ADDRESSES = Group(
    'Dedicated IPs',
    'vivid_orange',
    Row(
        3,
        table(
            6,
            'Outlook on each address',
            _address('recipients', 'message_recipients', bar=True),
            _address('spam band', 'spam_band', limits.SPAM),
            _address('complained', 'complaint_rate', limits.SET_COMPLAINTS),
            _address('trap hits', 'trap_hits', limits.LOST),
            _address('RCPT', 'rcpt_commands'),
            _address('DATA', 'data_commands'),
            description='Of one day, from Outlook SNDS. The band of spam is 0 below 10, 1 up to 90 and 2 above 90 %. '
            'Trap hits: the list is old or bought. Group by your own tag of the address if it is not ip.',
            order=1,
        ),
        table(
            6,
            'Managed pools',
            Measure('accepted', POOLS.count('send.count'), bar=True),
            newest('from dedicated', POOLS.gauge('dedicated_percentage', 'avg')),
            newest('capacity used', POOLS.gauge('utilization', 'max'), limits.POOL),
            description='The rest of the emails leaves from shared addresses, while the dedicated ones warm up. The '
            'capacity is that of the tightest mailbox provider.',
        ),
    ),
)

ENGAGEMENT = Group(
    'Engagement',
    'vivid_green',
    Row(
        3,
        chart(
            6,
            'Opened and clicked share',
            trail('opens per delivered email', ALL, 'open', whole='delivery'),
            trail('clicked', ALL, 'click', whole='delivery'),
            description='Of delivered emails. One email can be opened several times.',
        ),
        table(
            6,
            'Engagement by set',
            share('opens per delivered email', SETS, 'open', whole='delivery'),
            share('clicked', SETS, 'click', whole='delivery'),
            Measure('preferences changed', SETS.count('subscription.count')),
        ),
    ),
    Row(2, bars(12, 'Preference changes', Measure('changes', ALL.total('subscription')))),
)

ENDPOINT_GROUP = Group(
    'Global Endpoints and Validation',
    'vivid_green',
    Row(
        3,
        top(
            6,
            'Accepted by endpoint and Region',
            Measure('accepted', ENDPOINTS.count('send.count')),
            description='A global endpoint splits emails between two Regions. A Region that fails gets none.',
        ),
        table(
            4,
            'Validated addresses by confidence',
            *(Measure(confidence, _validation(confidence)) for confidence in ('high', 'medium', 'low')),
        ),
        number(
            2,
            'Low confidence',
            Measure(
                'low confidence',
                f'100 * default_zero({_validation("low")}) / (default_zero({_validation("low")}) + '
                f'default_zero({_validation("medium")}) + default_zero({_validation("high")}))',
                unit='percent',
                limit=limits.LOW_CONFIDENCE,
            ),
            'Of validated addresses. Where it rises, look at the form that they come from.',
        ),
    ),
)

RECEIVING = Group(
    'Receiving by Rule',
    'vivid_purple',
    Row(
        3,
        top(4, 'Received by rule', Measure('received', RULES.count('received.count'))),
        top(
            4,
            'Failed actions by rule',
            Measure('failed', RULES.count('publish_failure.count')),
            description='SES tries again. Look at the bucket, topic or function that the rule writes to.',
        ),
        top(
            4,
            'Given up by rule',
            Measure('given up', RULES.count('publish_expired.count')),
            description='These emails are lost.',
        ),
    ),
    Row(
        3,
        table(
            8,
            'Rules',
            Measure('received', RULES.count('received.count'), bar=True),
            Measure('all actions ran', RULES.count('publish_success.count')),
            Measure('failed', RULES.count('publish_failure.count')),
            Measure('given up', RULES.count('publish_expired.count'), limit=limits.LOST),
        ),
        top(
            4,
            'Received by rule set',
            Measure('received', RULE_SETS.count('received.count')),
            'Rule sets and rules count the same emails.',
        ),
    ),
)

DIMENSION_GROUP = Group(
    'Named Dimensions',
    'vivid_yellow',
    Row(
        3,
        note(4, DIMENSIONS_CONTENT),
        chart(
            4,
            'Accepted and delivered there',
            Measure('accepted', DIMENSIONS.total('send')),
            Measure('delivered', DIMENSIONS.total('delivery')),
        ),
        chart(
            4,
            'Bounced and complained share',
            trail('bounced', DIMENSIONS, 'bounce'),
            trail('complained', DIMENSIONS, 'complaint'),
            description='AWS judges the account and no part of it.',
        ),
    ),
)

STATISTICS = Group(
    'Send Statistics',
    'blue',
    Row(
        3,
        table(
            6,
            'Windows that end now',
            newest('tried', WINDOWS.total('delivery_attempts')),
            newest('bounced', WINDOWS.total('bounces')),
            newest('complained', WINDOWS.total('complaints')),
            newest('rejected', WINDOWS.total('rejects')),
            description='From SES itself, free of charge and without CloudWatch.',
        ),
        chart(6, 'Tried in 24 hours', Measure('tried', DAY.gauge('delivery_attempts'))),
    ),
)

UNRECOGNIZED_GROUP = Group(
    'Unrecognized Metrics',
    'blue',
    Row(
        3,
        table(
            8,
            'Unrecognized metrics',
            Measure('sum', UNRECOGNIZED.count('.count')),
            newest('average', UNRECOGNIZED.gauge('', 'avg')),
            description='Which of the two says something depends on the metric.',
        ),
        note(4, UNRECOGNIZED_CONTENT),
    ),
)

BOARD = Board(
    'Amazon SES Deliverability',
    'Configuration sets and tenants side by side, failures by kind, dedicated IPs, engagement, receiving by rule, and '
    'dimensions of your own.',
    (*TARGET_TAGS, 'configuration_set', 'tenant', 'rule'),
    (
        ABOUT,
        OVERVIEW,
        SET_GROUP,
        TENANT_GROUP,
        FAILURES,
        ADDRESSES,
        ENGAGEMENT,
        ENDPOINT_GROUP,
        RECEIVING,
        DIMENSION_GROUP,
        STATISTICS,
        UNRECOGNIZED_GROUP,
    ),
)
