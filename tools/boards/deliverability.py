"""The dashboard Amazon SES Deliverability: who sends what, what becomes of it, and what is received."""

from __future__ import annotations

from typing import Any

from tools.boards import limits
from tools.boards.limits import PAUSE_BOUNCES, PAUSE_COMPLAINTS, REVIEW_BOUNCES, REVIEW_COMPLAINTS, Limit
from tools.boards.text import ACCOUNT, RATIO_STEP, SET, STEP, count, gauge, total
from tools.boards.widgets import PERCENT, Board, Group, Row, Value, chart, marked, note, number, share, table, top

VARIABLES = ('aws_account', 'region', 'configuration_set', 'tenant', 'rule')
BY_SET = ('configuration_set',)
BY_TENANT = ('tenant',)
BY_POOL = ('pool_name',)
BY_ADDRESS = ('ip',)
BY_METRIC = ('namespace', 'metric_name')
BY_RULE = ('rule',)
TENANTS = f'{ACCOUNT},$tenant,tenant:*'
RULES = f'{ACCOUNT},$rule,rule:*'
RULE_SETS = f'{ACCOUNT},rule_set:*'
DAY = f'{ACCOUNT},window:24h'

ABOUT = """\
**Which emails arrive, and whose do not?** From the whole account to configuration sets, rules and dimensions.

- **Configuration sets** need an event destination to CloudWatch; their rates need reputation metrics.
- **Engagement** needs open and click tracking. Mail programs open by themselves: compare, do not trust.
- **Named dimensions** need the option `dimensions`. Clone a chart to group it by your own tag.
- What is not set up stays empty. Fold those groups.

[Dashboards](/dashboard/lists?q=Amazon%20SES) · [Monitors](/monitors/manage?q=amazon-ses-agent)
"""

UNRECOGNIZED = """\
What CloudWatch lists of SES and this check has no family for: **Mail Manager**, event destinations with dimensions of \
your own, metrics that are newer than the check.

Each dimension is a tag: clone the table to group by it. Leave out what you do not need with the option `exclude`.
"""


def _of_sends(label: str, part: str, limit: Limit | None = None, step: int = 0) -> Value:
    return share(label, count(f'{part}.count', step=step), count('send.count', step=step), limit)


def _of_set(label: str, part: str, limit: Limit | None = None, step: int = 0, whole: str = 'send') -> Value:
    return share(
        label,
        count(f'configuration_set.{part}.count', BY_SET, SET, step),
        count(f'configuration_set.{whole}.count', BY_SET, SET, step),
        limit,
    )


def _set_count(label: str, metric: str, step: int = 0, bar: bool = False) -> Value:
    return Value(label, (count(f'configuration_set.{metric}.count', BY_SET, SET, step),), bar=bar)


def _tenant_count(label: str, metric: str, step: int = 0, bar: bool = False) -> Value:
    return Value(label, (count(f'tenant.{metric}.count', BY_TENANT, TENANTS, step),), bar=bar)


def _of_tenant(label: str, part: str, limit: Limit | None = None, step: int = 0) -> Value:
    return share(
        label,
        count(f'tenant.{part}.count', BY_TENANT, TENANTS, step),
        count('tenant.send.count', BY_TENANT, TENANTS, step),
        limit,
    )


def _of_address(label: str, metric: str, limit: Limit | None = None, bar: bool = False) -> Value:
    return Value(label, (gauge(f'snds.{metric}', BY_ADDRESS),), reduced='last', limit=limit, bar=bar)


def _verdict(verdict: str, step: int = 0) -> str:
    return count(f'email_validation.{verdict}.count', step=step)


def _tile(title: str, value: Value, precision: int = 2) -> tuple[int, dict[str, Any]]:
    return 2, number(title, value, precision=precision)


def _rule(label: str, metric: str, step: int = 0, limit: Limit | None = None, bar: bool = False) -> Value:
    return Value(label, (count(f'receiving.{metric}.count', BY_RULE, RULES, step),), limit=limit, bar=bar)


def _window(label: str, metric: str) -> Value:
    return Value(label, (total(f'send_statistics.{metric}', ('window',)),), reduced='last')


BEFORE = Group('About', 'white', (Row(4, ((4, note(ABOUT)),)),))

SUMMARY = Group(
    'Overview',
    'vivid_blue',
    (
        Row(
            2,
            (
                _tile('Accepted', Value('accepted', (count('send.count'),)), 1),
                _tile('Delivered', _of_sends('delivered', 'delivery', limits.DELIVERED)),
                _tile('Bounced', _of_sends('bounced', 'bounce', limits.SET_BOUNCES)),
                _tile('Complained', _of_sends('complained', 'complaint', limits.SET_COMPLAINTS), 3),
            ),
        ),
        Row(
            2,
            (
                _tile('Delayed', _of_sends('delayed', 'delivery_delay')),
                _tile('Rejected for a virus', Value('rejected', (count('reject.count'),)), 0),
                _tile('Not rendered', Value('not rendered', (count('rendering_failure.count'),)), 0),
                _tile('Opened', _of_sends('opened', 'open'), 1),
            ),
        ),
    ),
    beside=True,
)

SETS = Group(
    'Configuration Sets Side by Side',
    'vivid_pink',
    (
        Row(
            4,
            (
                (
                    12,
                    table(
                        'Configuration sets',
                        (
                            _set_count('accepted', 'send', bar=True),
                            _of_set('delivered', 'delivery', limits.DELIVERED),
                            _of_set('bounced', 'bounce', limits.SET_BOUNCES),
                            _of_set('complained', 'complaint', limits.SET_COMPLAINTS),
                            _of_set('delayed', 'delivery_delay'),
                            _set_count('rejected', 'reject'),
                            _set_count('not rendered', 'rendering_failure'),
                        ),
                    ),
                ),
            ),
        ),
        Row(
            3,
            (
                (
                    6,
                    chart(
                        'Bounce rate by set',
                        (Value('bounce rate', (gauge('configuration_set.reputation.bounce_rate', BY_SET, SET),)),),
                        lines=((REVIEW_BOUNCES, 'warning', ' review '), (PAUSE_BOUNCES, 'error', ' pause ')),
                        description='As AWS judges the set. Its limits are those of the account.',
                    ),
                ),
                (
                    6,
                    chart(
                        'Complaint rate by set',
                        (Value('complaint rate',
                               (gauge('configuration_set.reputation.complaint_rate', BY_SET, SET),)),),
                        lines=((REVIEW_COMPLAINTS, 'warning', ' review '), (PAUSE_COMPLAINTS, 'error', ' pause ')),
                    ),
                ),
            ),
        ),
        Row(
            3,
            (
                (6, chart('Accepted by set', (_set_count('accepted', 'send', STEP),), 'bars')),
                (
                    6,
                    chart(
                        'Delivered share by set',
                        (_of_set('delivered', 'delivery', step=RATIO_STEP),),
                        lines=marked(limits.DELIVERED),
                        minimum=60,
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

WHOSE = Group(
    'Tenants',
    'vivid_pink',
    (
        Row(
            3,
            (
                (
                    4,
                    table(
                        'Tenants',
                        (
                            _tenant_count('accepted', 'send', bar=True),
                            _of_tenant('bounced', 'bounce', limits.SET_BOUNCES),
                            _of_tenant('complained', 'complaint', limits.SET_COMPLAINTS),
                        ),
                    ),
                ),
                (
                    4,
                    chart(
                        'Bounced share by tenant',
                        (_of_tenant('bounced', 'bounce', step=RATIO_STEP),),
                        lines=marked(limits.SET_BOUNCES),
                    ),
                ),
                (4, chart('Accepted by tenant', (_tenant_count('accepted', 'send', STEP),), 'bars')),
            ),
        ),
    ),
)

FAILURES = Group(
    'What Fails, and How?',
    'vivid_orange',
    (
        Row(
            3,
            (
                (
                    6,
                    chart(
                        'Share of accepted by kind',
                        (
                            _of_sends('bounced', 'bounce', step=RATIO_STEP),
                            _of_sends('delayed', 'delivery_delay', step=RATIO_STEP),
                            _of_sends('not rendered', 'rendering_failure', step=RATIO_STEP),
                        ),
                        lines=((REVIEW_BOUNCES, 'warning', ' review '),),
                    ),
                ),
                (
                    6,
                    chart(
                        'Complained and rejected share',
                        (
                            _of_sends('complained', 'complaint', step=RATIO_STEP),
                            _of_sends('rejected', 'reject', step=RATIO_STEP),
                        ),
                        lines=((REVIEW_COMPLAINTS, 'warning', ' review '),),
                        description='On an axis of its own: a tenth of a percent is much here.',
                    ),
                ),
            ),
        ),
        Row(
            3,
            (
                (4, top('Bounces by set', _set_count('bounced', 'bounce'))),
                (4, top('Render failures by set', _set_count('not rendered', 'rendering_failure'),
                        'A template lacks a value: look at the set whose release was last.')),
                (4, top('Delays by set', _set_count('delayed', 'delivery_delay'))),
            ),
        ),
    ),
)  # fmt: skip

ENGAGEMENT = Group(
    'Engagement',
    'vivid_green',
    (
        Row(
            3,
            (
                (
                    6,
                    chart(
                        'Opened and clicked share',
                        (
                            share('opened', count('open.count', step=RATIO_STEP),
                                  count('delivery.count', step=RATIO_STEP)),
                            share('clicked', count('click.count', step=RATIO_STEP),
                                  count('delivery.count', step=RATIO_STEP)),
                        ),
                        description='Of delivered emails. One email can be opened several times.',
                    ),
                ),
                (
                    6,
                    table(
                        'Engagement by set',
                        (
                            _of_set('opened', 'open', whole='delivery'),
                            _of_set('clicked', 'click', whole='delivery'),
                            _set_count('preferences changed', 'subscription'),
                        ),
                    ),
                ),
            ),
        ),
        Row(
            2,
            (
                (
                    12,
                    chart(
                        'Preference changes',
                        (Value('changes', (count('subscription.count', step=STEP),)),),
                        'bars',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

ADDRESSES = Group(
    'Dedicated IPs',
    'vivid_orange',
    (
        Row(
            3,
            (
                (
                    6,
                    table(
                        'Outlook on each address',
                        (
                            _of_address('recipients', 'message_recipients', bar=True),
                            _of_address('spam', 'spam_rate', limits.SPAM),
                            _of_address('complained', 'complaint_rate'),
                            _of_address('trap hits', 'trap_hits', limits.LOST),
                            _of_address('RCPT', 'rcpt_commands'),
                            _of_address('DATA', 'data_commands'),
                        ),
                        'Of one day, from Outlook SNDS. Spam is 0 below 10, 50 up to 90 and 100 above. Trap hits: the '
                        'list is old or bought. Group by your own tag of the address if it is not ip.',
                        by=1,
                    ),
                ),
                (
                    6,
                    table(
                        'Managed pools',
                        (
                            Value('accepted', (count('managed_pool.send.count', BY_POOL),), bar=True),
                            Value('from dedicated', (gauge('managed_pool.dedicated_percentage', BY_POOL, space='avg'),),
                                  reduced='last'),
                            Value('sent in 24 h', (total('managed_pool.sent_24_hour', BY_POOL),), reduced='last'),
                            Value('possible in 24 h', (total('managed_pool.available_24_hour', BY_POOL),),
                                  reduced='last'),
                        ),
                        'The rest of the emails leaves from shared addresses, while the dedicated ones warm up.',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

ENDPOINTS = Group(
    'Global Endpoints and Validation',
    'vivid_green',
    (
        Row(
            3,
            (
                (
                    6,
                    chart(
                        'Accepted by endpoint and Region',
                        (
                            Value(
                                'accepted',
                                (count('global_endpoint.send.count', ('multi_region_endpoint_id', 'region'),
                                       step=STEP),),
                            ),
                        ),
                        'bars',
                        'A global endpoint splits emails between two Regions. A Region that fails gets none.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Validated addresses by confidence',
                        tuple(
                            Value(verdict, (_verdict(verdict, STEP),)) for verdict in ('high', 'medium', 'low')
                        ),
                        'bars',
                    ),
                ),
                (
                    2,
                    number(
                        'Low confidence',
                        Value(
                            'low confidence',
                            tuple(_verdict(verdict) for verdict in ('low', 'medium', 'high')),
                            '100 * default_zero({0}) / (default_zero({0}) + default_zero({1}) + default_zero({2}))',
                            unit=PERCENT,
                            limit=limits.LOW_CONFIDENCE,
                        ),
                        'Of validated addresses. Where it rises, look at the form that they come from.',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

RECEIVING = Group(
    'Receiving by Rule',
    'vivid_purple',
    (
        Row(
            3,
            (
                (4, chart('Received by rule', (_rule('received', 'received', STEP),), 'bars')),
                (
                    4,
                    chart(
                        'Failed actions by rule',
                        (_rule('failed', 'publish_failure', STEP),),
                        'bars',
                        'SES tries again. Look at the bucket, topic or function that the rule writes to.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Given up by rule',
                        (_rule('given up', 'publish_expired', STEP),),
                        'bars',
                        'These emails are lost.',
                    ),
                ),
            ),
        ),
        Row(
            3,
            (
                (
                    8,
                    table(
                        'Rules',
                        (
                            _rule('received', 'received', bar=True),
                            _rule('all actions ran', 'publish_success'),
                            _rule('failed', 'publish_failure'),
                            _rule('given up', 'publish_expired', limit=limits.LOST),
                        ),
                    ),
                ),
                (
                    4,
                    top(
                        'Received by rule set',
                        Value('received', (count('receiving.received.count', ('rule_set',), RULE_SETS),)),
                        'Rule sets and rules count the same emails.',
                    ),
                ),
            ),
        ),
    ),
)

DIMENSIONS = Group(
    'Named Dimensions',
    'vivid_yellow',
    (
        Row(
            3,
            (
                (
                    4,
                    chart(
                        'Accepted with these dimensions',
                        (Value('accepted', (count('dimension.send.count', ('region',), step=STEP),)),),
                        'bars',
                        'Type a tag of yours into `scope`, such as campaign:spring.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Bounced and complained share',
                        (
                            share('bounced', count('dimension.bounce.count', step=RATIO_STEP),
                                  count('dimension.send.count', step=RATIO_STEP)),
                            share('complained', count('dimension.complaint.count', step=RATIO_STEP),
                                  count('dimension.send.count', step=RATIO_STEP)),
                        ),
                        lines=((REVIEW_BOUNCES, 'warning', ' review '),),
                    ),
                ),
                (
                    4,
                    chart(
                        'Delivered with these dimensions',
                        (Value('delivered', (count('dimension.delivery.count', ('region',), step=STEP),)),),
                        'bars',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

STATISTICS = Group(
    'Send Statistics',
    'blue',
    (
        Row(
            3,
            (
                (
                    6,
                    table(
                        'Windows that end now',
                        (
                            _window('tried', 'delivery_attempts'),
                            _window('bounced', 'bounces'),
                            _window('complained', 'complaints'),
                            _window('rejected', 'rejects'),
                        ),
                        'From SES itself, free of charge and without CloudWatch.',
                    ),
                ),
                (
                    6,
                    chart(
                        'Tried in 24 hours',
                        (Value('tried', (gauge('send_statistics.delivery_attempts', ('region',), DAY),)),),
                    ),
                ),
            ),
        ),
    ),
)

UNKNOWN = Group(
    'Unrecognized Metrics',
    'blue',
    (
        Row(
            3,
            (
                (
                    8,
                    table(
                        'Unrecognized metrics',
                        (
                            Value('sum', (count('unrecognized.count', BY_METRIC),)),
                            Value('average', (gauge('unrecognized', BY_METRIC, space='avg'),), reduced='last'),
                        ),
                        'Which of the two says something depends on the metric.',
                    ),
                ),
                (4, note(UNRECOGNIZED)),
            ),
        ),
    ),
)

BOARD = Board(
    'Amazon SES Deliverability',
    'Configuration sets and tenants side by side, failures by kind, dedicated IPs, engagement, receiving by rule, and '
    'dimensions of your own.',
    VARIABLES,
    (
        BEFORE,
        SUMMARY,
        SETS,
        WHOSE,
        FAILURES,
        ADDRESSES,
        ENGAGEMENT,
        ENDPOINTS,
        RECEIVING,
        DIMENSIONS,
        STATISTICS,
        UNKNOWN,
    ),
)
