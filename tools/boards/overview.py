"""The dashboard Amazon SES Overview: its groups are the operator's questions, in the order of their urgency."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.limits import PAUSE_BOUNCES, PAUSE_COMPLAINTS, REVIEW_BOUNCES, REVIEW_COMPLAINTS
from tools.boards.monitor import TAG
from tools.boards.queries import (
    ACCOUNT,
    ALL,
    BY_TARGET,
    IDENTITY_HINTS,
    SETS,
    STEP,
    TARGET_TAGS,
    Family,
    without_hints,
)
from tools.boards.widgets import (
    BOUNCE_LINES,
    COMPLAINT_LINES,
    Board,
    Group,
    Line,
    Measure,
    Row,
    Widget,
    bars,
    chart,
    limit_lines,
    monitors,
    newest,
    note,
    number,
    own_lines,
    rare,
    share,
    status,
    table,
    top,
    trail,
)

CONTENT = f"""\
**Is my mail in danger, and who causes it?** Read from left to right and from top to bottom.

- AWS reviews an account from a bounce rate of **{REVIEW_BOUNCES:g} %** or a complaint rate of \
**{REVIEW_COMPLAINTS:g} %**, and may pause it from **{PAUSE_BOUNCES:g} %** or **{PAUSE_COMPLAINTS:g} %**.
- Account and configuration sets count the same emails: never add them up.
- Counts are exact, and each stands at the time when CloudWatch showed it, some minutes late.

**What to do first**

- **Rates or risk are red**: stop the configuration set that leads Who Causes It? below, then answer the case of AWS.
- **Mail jumps and nobody knows why**, or an identity is new: a key is stolen. Take it away, switch sending off.
- **An identity is sick**: restore its DNS records; providers reject or file its mail as spam meanwhile.
- **Mail is flat at zero**: look at sending status, at the quota, then at who sends.
- **Collection is red**: the rest of this page is old.

[Dashboards](/dashboard/lists?q=Amazon%20SES) · [Monitors](/monitors/manage?q=amazon-ses-agent) · \
[What AWS enforces](https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html)
"""


def _events(name: str, label: str) -> Measure:
    """The shape of the account's mail, from the gauge: after a gap a single bar of the count holds hours."""
    return Measure(label, ALL.total(name))


def _rate(title: str, metric: str, limit: limits.Limit, precision: int, description: str) -> Widget:
    return number(2, title, newest(title, ALL.gauge(metric), limit), description, precision)


SICK_BY_NAME = Family('identity.', ('identity', 'region', 'aws_account'), f'{ACCOUNT},identity:*')
PROBLEMS = Family('identity.', ('problem',))
SICK = Family('identity.', filters=f'{ACCOUNT},problem:*,{without_hints(IDENTITY_HINTS)}')
HIGH_IMPACT = Family(filters=f'{ACCOUNT},impact:high')
FINDINGS = Family('', ('impact', 'type', 'scope'), f'{ACCOUNT},type:*,scope:*')

ABOUT = Group('About', 'white', Row(7, note(4, CONTENT)))

OVERVIEW = Group(
    'Overview',
    'vivid_blue',
    Row(
        2,
        status(
            2,
            'Sending status',
            'amazon_ses.sending_status',
            TARGET_TAGS,
            'WARNING: under review. CRITICAL: paused by AWS or switched off. Open the case in AWS Support.',
        ),
        _rate('Bounce rate', 'reputation.bounce_rate', limits.BOUNCE_RATE, 2, 'Worst Region, as AWS judges.'),
        _rate('Complaint rate', 'reputation.complaint_rate', limits.COMPLAINT_RATE, 3, 'Worst Region, as AWS judges.'),
        _rate('Daily quota used', 'quota.utilization', limits.QUOTA, 1, 'Of the Region that is nearest.'),
    ),
    Row(
        2,
        number(
            2,
            'Mail of five minutes',
            newest('accepted', ALL.total('send')),
            'A jump that nobody planned is how a stolen key looks.',
            precision=0,
        ),
        number(
            2,
            'Sick identities',
            newest('sick', SICK.total('unhealthy'), limits.ILL),
            'Problems by which mail is refused or suffers, added up. Who it is: below, in What Does AWS Say?',
            precision=0,
        ),
        number(
            2,
            'Findings of high impact',
            newest('open', HIGH_IMPACT.total('finding.open'), limits.ILL),
            'AWS acts on these next.',
            precision=0,
        ),
        status(
            2,
            'Collection',
            'amazon_ses.can_connect',
            TARGET_TAGS,
            'CRITICAL: nothing can be read, the rest of this board is old. The message names the way out.',
        ),
    ),
    Row(3, monitors(8, 'Monitors', TAG)),
    same_line=True,
)

FLOW = Group(
    'Is Mail Flowing?',
    'vivid_green',
    Row(
        3,
        chart(4, 'Accepted and delivered', _events('send', 'accepted'), _events('delivery', 'delivered')),
        bars(
            4,
            'Failures by kind',
            _events('bounce', 'bounced'),
            _events('complaint', 'complained'),
            _events('reject', 'rejected'),
            _events('rendering_failure', 'not rendered'),
            _events('delivery_delay', 'delayed'),
        ),
        chart(
            4,
            'Delivery ratio',
            trail('delivered', ALL, 'delivery'),
            lines=limit_lines(limits.DELIVERED),
            minimum=80,
            description='Deliveries come later than the emails, so a fresh batch looks low for a while.',
        ),
    ),
)

REPUTATION = Group(
    'Is the Reputation Safe?',
    'vivid_orange',
    Row(
        3,
        chart(
            4,
            'Bounce rate by Region',
            Measure('bounce rate', BY_TARGET.gauge('reputation.bounce_rate')),
            lines=BOUNCE_LINES,
        ),
        chart(
            4,
            'Complaint rate by Region',
            Measure('complaint rate', BY_TARGET.gauge('reputation.complaint_rate')),
            lines=COMPLAINT_LINES,
            description='Gmail sends SES no complaints, and Yahoo and Gmail demand less than 0.3 %, better 0.1 %, by '
            'their own count: see Postmaster Tools.',
        ),
        number(
            2,
            'Risk',
            newest('risk', ALL.gauge('reputation.risk'), limits.RISK),
            'AWS reviews from 50 and may pause from 100. The worse rate of the worst Region. AWS also acts for reasons '
            'that no rate shows.',
            precision=0,
        ),
        number(
            2,
            'Headroom to review',
            Measure(
                'headroom',
                f'100 - 2 * {ALL.gauge("reputation.risk")}',
                'last',
                'percent',
                limits.HEADROOM,
            ),
            'Share of the way to a review that is left, of bounces or complaints, whichever is nearer. Below zero AWS '
            'reviews.',
            precision=0,
        ),
    ),
    Row(
        3,
        table(
            8,
            'Standing by Region',
            newest('1 review, 2 paused', BY_TARGET.gauge('account.enforcement_level'), limits.STANDING),
            newest('1 switched off', f'1 - {BY_TARGET.gauge("account.sending_enabled", "min")}', limits.ILL),
            newest('1 sandbox', f'1 - {BY_TARGET.gauge("account.production_access", "min")}', limits.ILL),
            newest('risk by bounces', BY_TARGET.gauge('reputation.bounce_risk'), limits.RISK),
            newest('risk by complaints', BY_TARGET.gauge('reputation.complaint_risk'), limits.RISK),
            newest('age of the rates', BY_TARGET.gauge('reputation.age')),
            description='0 is well. AWS renews the rates only while mail is sent; an old one still counts. Gmail sends '
            'SES no complaints.',
        ),
        chart(
            4,
            'Standing over time',
            Measure('1 review, 2 paused', BY_TARGET.gauge('account.enforcement_level')),
            lines=(Line(1, 'warning', ' review '), Line(2, 'error', ' paused ')),
        ),
    ),
)

VERDICTS = Group(
    'What Does AWS Say?',
    'vivid_orange',
    Row(
        3,
        table(
            4,
            'Sick identities by name',
            newest('severity', SICK_BY_NAME.gauge('severity'), limits.SEVERITY),
            description='3: mail is refused, 2: it suffers, 1: a hint, 0: well again. Restore the DNS records that the '
            'SES console shows.',
        ),
        top(3, 'Problems of identities', newest('identities', PROBLEMS.total('unhealthy'))),
        top(
            3,
            'Open findings',
            newest('open', FINDINGS.total('finding.open')),
            'AWS acts on those of high impact next. About whom: the dashboard Amazon SES Inventory.',
        ),
        number(
            2,
            'Identities',
            newest('identities', ALL.total('identity.count')),
            'All there are. One that nobody added is how a stolen key begins.',
            precision=0,
        ),
    ),
)

CAUSES = Group(
    'Who Causes It?',
    'vivid_pink',
    Row(
        4,
        table(
            6,
            'Configuration sets',
            Measure('accepted', SETS.count('send.count'), bar=True),
            share('delivered', SETS, 'delivery', limits.DELIVERED),
            share('bounced', SETS, 'bounce', limits.SET_BOUNCES),
            share('complained', SETS, 'complaint', limits.SET_COMPLAINTS),
            description='The worst first; only sets with an event destination to CloudWatch. The levels are ours: AWS '
            'judges the account, by hard bounces alone.',
            order=2,
        ),
        top(3, 'Bounces by set', Measure('bounced', SETS.count('bounce.count'))),
        top(3, 'Complaints by set', Measure('complained', SETS.count('complaint.count'))),
    ),
    Row(
        3,
        chart(
            6,
            'Bounced share by set',
            trail('bounced', SETS, 'bounce'),
            lines=own_lines(limits.SET_BOUNCES),
            description='The levels are ours: AWS judges the account, by hard bounces alone.',
        ),
        top(6, 'Accepted by set', Measure('accepted', SETS.count('send.count'))),
    ),
)

QUOTA = Group(
    'Are We Near the Quota?',
    'vivid_purple',
    Row(
        3,
        chart(
            4,
            'Daily quota used by Region',
            Measure('used', BY_TARGET.gauge('quota.utilization')),
            lines=limit_lines(limits.QUOTA),
            description='Nothing is shown where the quota is unlimited.',
        ),
        chart(
            4,
            'Send rate, of the maximum',
            Measure('of the maximum', BY_TARGET.gauge('quota.rate_utilization')),
            lines=limit_lines(limits.SEND_RATE),
            description='Mean of five minutes: short bursts are higher. Above 100 AWS throttles sending.',
        ),
        table(
            4,
            'Room by Region',
            newest('used', BY_TARGET.gauge('quota.utilization'), limits.QUOTA),
            newest('left today', BY_TARGET.gauge('quota.remaining_24_hour', 'min')),
            description='The window slides: what was sent 24 hours ago becomes free again.',
        ),
    ),
    Row(
        3,
        chart(
            6,
            'Sent in 24 hours and limit',
            Measure('sent', BY_TARGET.gauge('quota.sent_24_hour')),
            Measure('limit', BY_TARGET.gauge('quota.max_24_hour')),
        ),
        chart(
            6,
            'Send rate and limit',
            Measure('rate', BY_TARGET.gauge('quota.send_rate')),
            Measure('limit', BY_TARGET.gauge('quota.max_send_rate')),
        ),
    ),
)

COLLECTOR = Group(
    'Is the Collection Healthy?',
    'blue',
    Row(
        3,
        bars(
            4,
            'AWS calls by operation',
            Measure('calls', Family('collector.', ('operation',)).count('api_calls', STEP)),
        ),
        bars(
            4,
            'Failed calls by kind',
            Measure('failed', Family('collector.', ('reason',)).count('api_errors', STEP)),
            description='The kind says what to do: denied needs a permission, throttled a longer period.',
        ),
        chart(
            4,
            'Age of the oldest data by Region',
            Measure('age', Family('collector.', TARGET_TAGS, f'{ACCOUNT},!source:snds').gauge('data_age')),
            lines=limit_lines(limits.DATA_AGE),
            description='Without SNDS, which has one value a day and is asked for every hour.',
        ),
    ),
    Row(
        2,
        number(
            2,
            'Cost in 30 days',
            newest('cost', ALL.total('collector.estimated_cost')),
            'Estimate of what AWS bills for the CloudWatch reads.',
            precision=2,
        ),
        number(
            2,
            'Billed metrics',
            Measure('billed', ALL.count('collector.billed_metrics')),
            'Metrics asked for in the time shown. AWS bills these, not the calls.',
            precision=0,
        ),
        number(
            2,
            'Contexts',
            newest('contexts', ALL.total('collector.contexts')),
            'Metrics with tags that Datadog counts as custom metrics.',
            precision=0,
        ),
        number(
            2,
            'Series left out',
            newest(
                'left out',
                Family('collector.', filters=f'{ACCOUNT},!reason:excluded').total('series_dropped'),
                limits.LOST,
            ),
            'Without those that you exclude. Raise max_series, or take a source out of collect; the tag '
            'reason tells what AWS forbids or refuses.',
            precision=0,
        ),
        number(
            2,
            'Throttled calls',
            rare('throttled', ALL.count('collector.api_throttles')),
            'Nothing is lost: they are made again. Look at who else calls the API in this account.',
            precision=0,
        ),
        number(
            2,
            'Run time',
            Measure('run time', ALL.gauge('collector.run_duration'), 'max', limit=limits.RUN_SECONDS),
            'The longest run in the time shown. A run that takes an interval is too slow.',
            precision=2,
        ),
    ),
    Row(
        3,
        chart(
            4,
            'Series read and idle',
            Measure('read', ALL.total('collector.series')),
            Measure('of these idle', ALL.total('collector.idle_series')),
            description='Idle is what had no data within an hour. It is asked for every 20 minutes, at a '
            'quarter of the cost.',
        ),
        bars(
            4,
            'Known errors of the counts',
            rare('periods given up', ALL.count('collector.periods_skipped', STEP)),
            rare('emails over the limit', ALL.count('collector.amounts_dropped', STEP)),
            Measure('emails too many now', ALL.total('collector.amounts_shrunk')),
            description='Periods and emails that are in no count, and by how many emails the counts of the last hours '
            'exceed CloudWatch, because it took them back. Zero is exact.',
        ),
        chart(
            4,
            'Connection by Region',
            Measure('1 fine, 0.5 partly, 0 nothing', BY_TARGET.gauge('can_connect', 'min'), lowest=True),
        ),
    ),
)

BOARD = Board(
    'Amazon SES Overview',
    'Is mail flowing, is the reputation safe, is the quota enough, who causes it, and can the numbers be trusted.',
    (*TARGET_TAGS, 'configuration_set'),
    (ABOUT, OVERVIEW, FLOW, REPUTATION, VERDICTS, CAUSES, QUOTA, COLLECTOR),
)
