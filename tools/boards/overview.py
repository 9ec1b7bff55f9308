"""The dashboard Amazon SES Overview: its groups are the operator's questions, in the order of their urgency."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.limits import PAUSE_BOUNCES, PAUSE_COMPLAINTS, REVIEW_BOUNCES, REVIEW_COMPLAINTS
from tools.boards.monitors import TAG
from tools.boards.text import ACCOUNT, RATIO_STEP, SET, STEP, count, gauge, total
from tools.boards.widgets import (
    Board,
    Group,
    Row,
    Value,
    chart,
    marked,
    monitors,
    note,
    number,
    rare,
    share,
    status,
    table,
    top,
)

VARIABLES = ('aws_account', 'region', 'configuration_set')
PLACE = ('aws_account', 'region')

ABOUT = f"""\
**Is my mail in danger, and who causes it?** Read from left to right and from top to bottom.

- AWS reviews an account from a bounce rate of **{REVIEW_BOUNCES:g} %** or a complaint rate of \
**{REVIEW_COMPLAINTS:g} %**, and may pause it from **{PAUSE_BOUNCES:g} %** or **{PAUSE_COMPLAINTS:g} %**.
- Account and configuration sets count the same emails: never add them up.
- Counts are exact, and each stands at the time when CloudWatch showed it, some minutes late.

[Dashboards](/dashboard/lists?q=Amazon%20SES) · [Monitors](/monitors/manage?q=amazon-ses-agent) · \
[What AWS enforces](https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html)
"""


def _events(name: str, label: str) -> Value:
    return Value(label, (count(f'{name}.count', step=STEP),))


def _rate(title: str, metric: str, limit: limits.Limit, precision: int, say: str) -> tuple[int, dict[str, object]]:
    value = Value(title, (gauge(metric),), reduced='last', limit=limit)
    return 2, number(title, value, say, precision=precision)


def _set_share(label: str, part: str, limit: limits.Limit | None, step: int = 0) -> Value:
    by = ('configuration_set',)
    return share(
        label,
        count(f'configuration_set.{part}.count', by, SET, step),
        count('configuration_set.send.count', by, SET, step),
        limit,
    )


BEFORE = Group('About', 'white', (Row(4, ((4, note(ABOUT)),)),))

OVERVIEW = Group(
    'Overview',
    'vivid_blue',
    (
        Row(
            2,
            (
                (
                    2,
                    status(
                        'Sending status',
                        'amazon_ses.sending_status',
                        PLACE,
                        'WARNING: under review. CRITICAL: paused by AWS or switched off. Open the case in AWS Support.',
                    ),
                ),
                _rate('Bounce rate', 'reputation.bounce_rate', limits.BOUNCE_RATE, 2, 'Worst Region, as AWS judges.'),
                _rate(
                    'Complaint rate', 'reputation.complaint_rate', limits.COMPLAINT_RATE, 3,
                    'Worst Region, as AWS judges.',
                ),
                _rate('Daily quota used', 'quota.utilization', limits.QUOTA, 1, 'Of the Region that is nearest.'),
            ),
        ),
        Row(
            2,
            (
                (
                    3,
                    status(
                        'Collection',
                        'amazon_ses.can_connect',
                        PLACE,
                        'CRITICAL: nothing can be read, the rest of this board is old. The message names the way out.',
                    ),
                ),
                (5, monitors('Monitors', TAG)),
            ),
        ),
    ),
    beside=True,
)  # fmt: skip

FLOW = Group(
    'Is Mail Flowing?',
    'vivid_green',
    (
        Row(
            3,
            (
                (4, chart('Accepted and delivered', (_events('send', 'accepted'), _events('delivery', 'delivered')))),
                (
                    4,
                    chart(
                        'Failures by kind',
                        (
                            _events('bounce', 'bounced'),
                            _events('complaint', 'complained'),
                            _events('reject', 'rejected'),
                            _events('rendering_failure', 'not rendered'),
                            _events('delivery_delay', 'delayed'),
                        ),
                        'bars',
                    ),
                ),
                (
                    4,
                    chart(
                        'Delivery ratio',
                        (share('delivered', count('delivery.count', step=RATIO_STEP),
                               count('send.count', step=RATIO_STEP)),),
                        lines=marked(limits.DELIVERED),
                        minimum=80,
                        description='Deliveries come later than the emails, so a fresh batch looks low for a while.',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

REPUTATION = Group(
    'Is the Reputation Safe?',
    'vivid_orange',
    (
        Row(
            3,
            (
                (
                    4,
                    chart(
                        'Bounce rate by Region',
                        (Value('bounce rate', (gauge('reputation.bounce_rate', PLACE),)),),
                        lines=((REVIEW_BOUNCES, 'warning', ' review '), (PAUSE_BOUNCES, 'error', ' pause ')),
                    ),
                ),
                (
                    4,
                    chart(
                        'Complaint rate by Region',
                        (Value('complaint rate', (gauge('reputation.complaint_rate', PLACE),)),),
                        lines=((REVIEW_COMPLAINTS, 'warning', ' review '), (PAUSE_COMPLAINTS, 'error', ' pause ')),
                    ),
                ),
                (
                    2,
                    number(
                        'Way to a pause',
                        Value('way to a pause', (gauge('reputation.pause_proximity'),), reduced='last',
                              limit=limits.PAUSE_PROXIMITY),
                        '100 is where AWS may pause: a bounce rate of 10 % or a complaint rate of 0.5 %.',
                        precision=0,
                    ),
                ),
                (
                    2,
                    number(
                        'Headroom to review',
                        Value('headroom', (gauge('reputation.bounce_rate'),), f'{REVIEW_BOUNCES:g} - {{0}}', 'last',
                              'percent', limits.HEADROOM),
                        'Points that the bounce rate may rise until AWS reviews the account.',
                        precision=2,
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
                        'Standing by Region',
                        (
                            Value('standing',
                                  (gauge('account.enforcement_level', PLACE),), reduced='last', limit=limits.STANDING),
                            Value('may send', (gauge('account.sending_enabled', PLACE, space='min'),), reduced='last',
                                  limit=limits.OFF),
                            Value('production access', (gauge('account.production_access', PLACE, space='min'),),
                                  reduced='last'),
                            Value('way to a pause', (gauge('reputation.pause_proximity', PLACE),), reduced='last',
                                  limit=limits.PAUSE_PROXIMITY),
                            Value('age of the rates', (gauge('reputation.age', PLACE),), reduced='last'),
                        ),
                        'Standing: 0 healthy, 1 under review, 2 paused. AWS renews the rates only while mail is sent; '
                        'an old one still counts.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Standing over time',
                        (Value('0 healthy, 1 review, 2 paused', (gauge('account.enforcement_level', PLACE),)),),
                        lines=((1, 'warning', ' review '), (2, 'error', ' paused ')),
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

QUOTA = Group(
    'Are We Near the Quota?',
    'vivid_purple',
    (
        Row(
            3,
            (
                (
                    4,
                    chart(
                        'Daily quota used by Region',
                        (Value('used', (gauge('quota.utilization', PLACE),)),),
                        lines=marked(limits.QUOTA),
                        description='Nothing is shown where the quota is unlimited.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Send rate, of the maximum',
                        (Value('of the maximum', (gauge('quota.rate_utilization', PLACE),)),),
                        lines=marked(limits.SEND_RATE),
                        description='Mean of five minutes: short bursts are higher. Above 100 AWS throttles sending.',
                    ),
                ),
                (
                    4,
                    table(
                        'Room by Region',
                        (
                            Value('used', (gauge('quota.utilization', PLACE),), reduced='last', limit=limits.QUOTA),
                            Value('left today', (gauge('quota.remaining_24_hour', PLACE, space='min'),),
                                  reduced='last'),
                            Value(
                                'hours left',
                                (
                                    gauge('quota.remaining_24_hour', PLACE, space='min'),
                                    gauge('quota.send_rate', PLACE),
                                ),
                                '{0} / ({1} * 3600)',
                                'last',
                                limit=limits.HOURS_LEFT,
                            ),
                        ),
                        'Hours at the present pace. The window slides and frees old emails, so it may be more.',
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
                        'Sent in 24 hours and limit',
                        (
                            Value('sent', (gauge('quota.sent_24_hour', PLACE),)),
                            Value('limit', (gauge('quota.max_24_hour', PLACE),)),
                        ),
                    ),
                ),
                (
                    6,
                    chart(
                        'Send rate and limit',
                        (
                            Value('rate', (gauge('quota.send_rate', PLACE),)),
                            Value('limit', (gauge('quota.max_send_rate', PLACE),)),
                        ),
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

CAUSES = Group(
    'Who Causes It?',
    'vivid_pink',
    (
        Row(
            4,
            (
                (
                    6,
                    table(
                        'Configuration sets',
                        (
                            Value('accepted', (count('configuration_set.send.count', ('configuration_set',), SET),),
                                  bar=True),
                            _set_share('delivered', 'delivery', limits.DELIVERED),
                            _set_share('bounced', 'bounce', limits.SET_BOUNCES),
                            _set_share('complained', 'complaint', limits.SET_COMPLAINTS),
                        ),
                        'The worst first. Only sets with an event destination to CloudWatch appear.',
                        by=2,
                    ),
                ),
                (
                    3,
                    top(
                        'Bounces by set',
                        Value('bounced', (count('configuration_set.bounce.count', ('configuration_set',), SET),)),
                    ),
                ),
                (
                    3,
                    top(
                        'Complaints by set',
                        Value('complained', (count('configuration_set.complaint.count', ('configuration_set',), SET),)),
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
                        'Bounced share by set',
                        (_set_share('bounced', 'bounce', None, RATIO_STEP),),
                        lines=marked(limits.SET_BOUNCES),
                    ),
                ),
                (
                    6,
                    chart(
                        'Accepted by set',
                        (
                            Value(
                                'accepted',
                                (count('configuration_set.send.count', ('configuration_set',), SET, STEP),),
                            ),
                        ),
                        'bars',
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

COLLECTOR = Group(
    'Is the Collection Healthy?',
    'blue',
    (
        Row(
            3,
            (
                (
                    4,
                    chart(
                        'AWS calls by operation',
                        (Value('calls', (count('collector.api_calls', ('operation',), step=STEP),)),),
                        'bars',
                    ),
                ),
                (
                    4,
                    chart(
                        'Failed calls by kind',
                        (Value('failed', (count('collector.api_errors', ('reason',), step=STEP),)),),
                        'bars',
                        'The kind says what to do: denied needs a permission, throttled a longer period.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Age of the data by source',
                        (Value('age', (gauge('collector.data_age', ('source',), f'{ACCOUNT},!source:snds'),)),),
                        lines=marked(limits.DATA_AGE),
                        description='Without SNDS, which has one value a day and is asked for every hour.',
                    ),
                ),
            ),
        ),
        Row(
            2,
            (
                (
                    2,
                    number(
                        'Cost in 30 days',
                        Value('cost', (total('collector.estimated_cost'),), reduced='last'),
                        'Estimate of what AWS bills for the CloudWatch reads.',
                        precision=2,
                    ),
                ),
                (
                    2,
                    number(
                        'Billed metrics',
                        Value('billed', (count('collector.billed_metrics'),)),
                        'Metrics asked for in the time shown. AWS bills these, not the calls.',
                        precision=0,
                    ),
                ),
                (
                    2,
                    number(
                        'Contexts',
                        Value('contexts', (total('collector.contexts'),), reduced='last'),
                        'Metrics with tags that Datadog counts as custom metrics.',
                        precision=0,
                    ),
                ),
                (
                    2,
                    number(
                        'Series left out',
                        Value('left out', (total('collector.series_dropped', scope=f'{ACCOUNT},!reason:excluded'),),
                              reduced='last', limit=limits.LOST),
                        'Without those that you exclude. Raise max_series, or take a source out of collect; the tag '
                        'reason tells what AWS forbids or refuses.',
                        precision=0,
                    ),
                ),
                (
                    2,
                    number(
                        'Throttled calls',
                        rare('throttled', count('collector.api_throttles')),
                        'Nothing is lost: they are made again. Look at who else calls the API in this account.',
                        precision=0,
                    ),
                ),
                (
                    2,
                    number(
                        'Run time',
                        Value('run time', (gauge('collector.run_duration'),), reduced='max',
                              limit=limits.RUN_SECONDS),
                        'The longest run in the time shown. A run that takes an interval is too slow.',
                        precision=2,
                    ),
                ),
            ),
        ),
        Row(
            3,
            (
                (
                    4,
                    chart(
                        'Series read and idle',
                        (
                            Value('read', (total('collector.series'),)),
                            Value('of these idle', (total('collector.idle_series'),)),
                        ),
                        description='Idle is what had no data within an hour. It is asked for every 20 minutes, at a '
                        'quarter of the cost.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Known errors of the counts',
                        (
                            rare('periods given up', count('collector.periods_skipped', step=STEP)),
                            rare('emails over the limit', count('collector.amounts_dropped', step=STEP)),
                            Value('emails too many now', (total('collector.amounts_shrunk'),)),
                        ),
                        'bars',
                        'Periods whose missing emails are in no count; emails that max_returned_metrics kept from '
                        'Datadog; and by how many emails the counts of the last hours exceed CloudWatch, because it '
                        'took them back. Zero is exact.',
                    ),
                ),
                (
                    4,
                    chart(
                        'Connection by Region',
                        (Value('1 fine, 0.5 partly, 0 nothing', (gauge('can_connect', PLACE, space='min'),)),),
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

BOARD = Board(
    'Amazon SES Overview',
    'Is mail flowing, is the reputation safe, is the quota enough, who causes it, and can the numbers be trusted.',
    VARIABLES,
    (BEFORE, OVERVIEW, FLOW, REPUTATION, CAUSES, QUOTA, COLLECTOR),
)
