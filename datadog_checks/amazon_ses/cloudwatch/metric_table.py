"""The metric table: which CloudWatch metrics are read, family by family, and which Datadog metrics they become.

To add a metric, add a row to its family. `families.py` decides of which family a listed metric is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.periods import DAY
from datadog_checks.amazon_ses.cloudwatch.series import AVERAGE, MAXIMUM, STATISTICS, Series, SeriesSpec
from datadog_checks.amazon_ses.model import MetricSpec, MetricType


class CountRow(NamedTuple):
    """An event that CloudWatch counts, as a count and a gauge. Each event is one sample, so Sum counts events."""

    metric_name: str
    name: str
    meaning: str
    orientation: int = 0

    def spec(self, prefix: str = '', scope: str = '', with_gauge: bool = True) -> SeriesSpec:
        gauge = MetricSpec(
            prefix + self.name,
            MetricType.GAUGE,
            f'{scope}{self.meaning}: Sum of CloudWatch {self.metric_name} in the newest settled period.',
            unit='email',
            orientation=self.orientation,
            interval=300,
        )
        count = replace(
            gauge,
            name=f'{gauge.name}.count',
            type=MetricType.COUNT,
            description=f'{scope}{self.meaning}: each counted exactly once.',
        )
        return SeriesSpec(self.metric_name, gauge if with_gauge else None, count)


class MeasurementRow(NamedTuple):
    """A rate, a share or a level that CloudWatch measures, as a gauge. `scale` 100 makes percent of a fraction.

    `part_meaning` is the meaning for a part of the account, such as a configuration set, where it differs.
    """

    metric_name: str
    name: str
    meaning: str
    unit: str = 'percent'
    scale: float = 100.0
    orientation: int = -1
    statistic: str = AVERAGE
    daily: bool = False
    part_meaning: str = ''

    def spec(self, prefix: str = '', scope: str = '') -> SeriesSpec:
        meaning = self.part_meaning if scope and self.part_meaning else self.meaning
        gauge = MetricSpec(
            prefix + self.name,
            MetricType.GAUGE,
            f'{scope}{meaning}',
            unit=self.unit,
            orientation=self.orientation,
            interval=3600 if self.daily else 300,
        )
        hold = 3 * DAY if self.daily else DAY
        return SeriesSpec(self.metric_name, gauge, None, self.scale, self.statistic, hold, self.daily)


SENDING = (
    CountRow('Send', 'send', 'Emails accepted for sending'),
    CountRow('Delivery', 'delivery', 'Emails that the receiving server accepted', 1),
    CountRow('Bounce', 'bounce', 'Hard bounces, and soft bounces that SES gave up on', -1),
    CountRow('Complaint', 'complaint', 'Emails that recipients marked as spam', -1),
    CountRow('Reject', 'reject', 'Emails that SES accepted and then dropped because of a virus', -1),
    CountRow(
        'RenderingFailure', 'rendering_failure', 'Emails not sent because their template could not be rendered', -1
    ),
    CountRow('Open', 'open', 'Opens of emails, where tracking is on'),
    CountRow('Click', 'click', 'Clicks on links in emails, where tracking is on'),
    CountRow('DeliveryDelay', 'delivery_delay', 'Emails whose delivery was delayed', -1),
    CountRow('Subscription', 'subscription', 'Changes of subscription preferences by recipients'),
)
SEND_NAMES = ('Send', 'Sends', 'SendCount')
"""CloudWatch's names for emails sent. They differ between families."""

FEEDBACK_NAMES = ('Bounce', 'Bounces', 'Complaint', 'Complaints')
"""CloudWatch's names for bounces and complaints."""

REPUTATION = (
    MeasurementRow(
        'Reputation.BounceRate',
        'reputation.bounce_rate',
        'Bounce rate as AWS judges the account, which it reviews from 5 and may pause from 10.',
        part_meaning='Bounce rate of this part. AWS judges accounts, not parts of them.',
    ),
    MeasurementRow(
        'Reputation.ComplaintRate',
        'reputation.complaint_rate',
        'Complaint rate as AWS judges the account, which it reviews from 0.1 and may pause from 0.5. Gmail sends SES '
        'no complaints.',
        part_meaning='Complaint rate of this part. AWS judges accounts, not parts of them. Gmail sends SES no '
        'complaints.',
    ),
)
REPUTATION_NAMES = frozenset(row.metric_name for row in REPUTATION)

EVENTS = tuple(replace(row.spec(), account_wide=True) for row in SENDING)
RATES = tuple(replace(row.spec(), account_wide=True) for row in REPUTATION)
SEND, BOUNCE_RATE, COMPLAINT_RATE = EVENTS[0], RATES[0], RATES[1]

ACCOUNT_SPECS = EVENTS + RATES
"""The metrics that SES itself publishes for an account as a whole."""

ACCOUNT_SERIES = tuple(Series(spec) for spec in ACCOUNT_SPECS)

BY_DIMENSION = {row.metric_name: row.spec('dimension.', 'By named dimensions: ') for row in (*SENDING, *REPUTATION)}
"""The metrics that the option `dimensions` may ask for, by CloudWatch's name."""

BY_CONFIGURATION_SET = {
    **{row.metric_name: row.spec('configuration_set.', 'By configuration set: ', with_gauge=False) for row in SENDING},
    **{row.metric_name: row.spec('configuration_set.', 'By configuration set: ') for row in REPUTATION},
}
"""Published by an event destination or by the reputation metrics of a configuration set."""

RECEIVING = (
    CountRow('Received', 'received', 'Emails received'),
    CountRow('PublishSuccess', 'publish_success', 'Emails for which all rules ran', 1),
    CountRow('PublishFailure', 'publish_failure', 'Failures of a rule or an action, retries included', -1),
    CountRow('PublishExpired', 'publish_expired', 'Emails for which a rule or an action was given up', -1),
)
BY_RULE = {row.metric_name: row.spec('receiving.', 'By rule set and by rule: ') for row in RECEIVING}

_TENANT = {
    row.metric_name: row.spec('tenant.', 'By tenant: ', with_gauge=False)
    for row in SENDING
    if row.name in ('send', 'bounce', 'complaint')
}
# AWS's documents speak of Sends, Bounces and Complaints, and none shows the names as CloudWatch spells them.
BY_TENANT = {**_TENANT, **{f'{name}s': spec for name, spec in _TENANT.items()}}

POOL_SENT, POOL_CAPACITY = 'SentLast24Hours', 'Available24HourSend'
POOL_METRIC = 'ApproximateDedicatedSendingPercentage'
BY_POOL = {
    row.metric_name: row.spec('managed_pool.', 'By managed pool: ')
    for row in (
        MeasurementRow(
            POOL_METRIC,
            'dedicated_percentage',
            'Share of the emails of a managed pool that leave from its dedicated IP addresses.',
            scale=1.0,
            orientation=0,
        ),
        MeasurementRow(
            POOL_SENT,
            'sent_24_hour',
            'Emails sent in 24 hours, by mailbox provider.',
            'email',
            1.0,
            0,
            MAXIMUM,
        ),
        MeasurementRow(
            POOL_CAPACITY,
            'available_24_hour',
            'Emails that may be sent in 24 hours, by mailbox provider: a sum of providers means nothing.',
            'email',
            1.0,
            1,
            MAXIMUM,
        ),
    )
}
POOL_SEND = SENDING[0].spec('managed_pool.', 'By managed pool: ', with_gauge=False)
"""A Send with the dimensions of a managed pool. Only the pool's own metrics show that the dimensions are a pool's."""

BY_ADDRESS = {
    row.metric_name: row.spec('snds.', 'By dedicated IP address, from Outlook SNDS, once a day: ')
    for row in (
        MeasurementRow('SNDS.RCPTCommands', 'rcpt_commands', 'RCPT commands.', 'request', 1.0, 0, MAXIMUM, True),
        MeasurementRow('SNDS.DATACommands', 'data_commands', 'DATA commands.', 'request', 1.0, 0, MAXIMUM, True),
        MeasurementRow('SNDS.MessageRecipients', 'message_recipients', 'Recipients.', 'email', 1.0, 0, MAXIMUM, True),
        MeasurementRow(
            'SNDS.SpamRate',
            'spam_band',
            'The band of the share of spam, which is all that Outlook says of it: 0 below 10, 1 from 10 to 90, 2 from '
            '90 percent.',
            '',
            2.0,
            -1,
            MAXIMUM,
            True,
        ),
        MeasurementRow('SNDS.ComplaintRate', 'complaint_rate', 'Complaint rate.', statistic=MAXIMUM, daily=True),
        MeasurementRow('SNDS.TrapHits', 'trap_hits', 'Emails to trap accounts.', 'email', 1.0, -1, MAXIMUM, True),
    )
}

BY_GLOBAL_ENDPOINT = {
    'SendCount': replace(
        SENDING[0].spec('global_endpoint.', 'By global endpoint: ', with_gauge=False), metric_name='SendCount'
    )
}
VALIDATION = {
    f'EmailAddressInsights.ConfidenceVerdict.{verdict}': CountRow(
        f'EmailAddressInsights.ConfidenceVerdict.{verdict}',
        f'email_validation.{verdict.lower()}',
        f'Validated addresses with {verdict.lower()} confidence',
        orientation,
    ).spec(with_gauge=False)
    for verdict, orientation in (('LOW', -1), ('MEDIUM', 0), ('HIGH', 1))
}

UNRECOGNIZED_METRIC = SeriesSpec(
    'metrics that no family knows',
    MetricSpec(
        'unrecognized',
        MetricType.GAUGE,
        'A CloudWatch metric of SES that this check does not know: its Average in the newest settled period.',
        interval=300,
    ),
    MetricSpec(
        'unrecognized.count',
        MetricType.COUNT,
        'A CloudWatch metric of SES that this check does not know, or one with dimensions it does not know: its Sum, '
        'each amount counted exactly once.',
        interval=300,
    ),
    statistic=AVERAGE,
)
UNRECOGNIZED_DIMENSIONS = replace(UNRECOGNIZED_METRIC, gauge=None, statistic='')
"""A sending event with dimensions that no family knows: it can only be a count."""

SUFFIXED = tuple(
    metric
    for spec in (*EVENTS, *(spec for spec in BY_DIMENSION.values() if not spec.is_measurement))
    for statistic in STATISTICS
    for metric in spec.suffixed(statistic)
)
"""The gauges of additional statistics."""
