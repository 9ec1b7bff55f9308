"""What three other systems offer for Amazon SES, row by row, and what carries each row here.

The systems are those of DEVELOPERS.md. `render()` is the table of the README; tests/contract/test_coverage.py walks the
rows: what a row names has to be there, and a figure has to be what its source in AWS says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MACKEREL = 'Mackerel, AWS integration'
MACKEREL_PLUGIN = 'Mackerel, mackerel-plugin-aws-ses'
CENTREON = 'Centreon, cloud::aws::ses'
AWS_CLI = 'aws ses get-send-statistics'

TEXT, JSON, OPENMETRICS, NAGIOS = FORMATS = ('text', 'json', 'openmetrics', 'nagios')


class CloudWatch(NamedTuple):
    """A metric of CloudWatch with the statistic that is right for it; `dimension` where it is one for each value."""

    metric: str
    statistic: str
    dimension: str = ''

    def __str__(self) -> str:
        where = f' for each {self.dimension}' if self.dimension else ''
        return f'CloudWatch {self.metric} ({self.statistic}){where}'


class Api(NamedTuple):
    """A field in the answer of an operation of SES."""

    operation: str
    field: str

    def __str__(self) -> str:
        return f'{self.operation} {self.field}'


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a system offers. What carries it here: metrics, options of the instance, or formats.

    `source` is where AWS has the figure of a metric. `note` says what is different here.
    """

    system: str
    feature: str
    source: CloudWatch | Api | None = None
    metrics: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    note: str = ''


def _event(system: str, feature: str, metric: str, name: str, note: str = '') -> Row:
    return Row(
        system, feature, CloudWatch(metric, 'Sum'), (f'amazon_ses.{name}', f'amazon_ses.{name}.count'), note=note
    )


def _rule(feature: str, metric: str, name: str) -> Row:
    source = CloudWatch(metric, 'Sum', 'RuleName')
    metrics = (f'amazon_ses.receiving.{name}', f'amazon_ses.receiving.{name}.count')
    return Row(MACKEREL, feature, source, metrics, ('collect',), note='one series for each rule, tag `rule`')


def _rate(system: str, feature: str, metric: str, name: str, note: str) -> Row:
    return Row(system, feature, CloudWatch(metric, 'Average'), (f'amazon_ses.reputation.{name}',), note=note)


def _option(system: str, feature: str, *options: str, note: str = '') -> Row:
    return Row(system, feature, options=options, note=note)


def _statistics(system: str, feature: str, field: str, name: str) -> Row:
    return Row(
        system,
        feature,
        Api('GetSendStatistics', field),
        (f'amazon_ses.send_statistics.{name}',),
        note='the last whole bucket, and sums of 24 hours and 14 days, tag `window`',
    )


EXACT = 'the gauge is the newest settled period, the count is exact'
PERCENT = 'in percent, as AWS states its limits: 5 is 5 %'

ROWS: tuple[Row, ...] = (
    _event(MACKEREL, 'Send', 'Send', 'send', EXACT),
    _event(MACKEREL, 'Delivery', 'Delivery', 'delivery', EXACT),
    _event(MACKEREL, 'Bounce', 'Bounce', 'bounce', EXACT),
    _event(MACKEREL, 'Complaint', 'Complaint', 'complaint', EXACT),
    _event(MACKEREL, 'Reject', 'Reject', 'reject', EXACT),
    _event(MACKEREL, 'Open', 'Open', 'open', EXACT),
    _event(MACKEREL, 'Click', 'Click', 'click', EXACT),
    _rate(MACKEREL, 'Reputation.BounceRate', 'Reputation.BounceRate', 'bounce_rate', PERCENT),
    _rate(MACKEREL, 'Reputation.ComplaintRate', 'Reputation.ComplaintRate', 'complaint_rate', PERCENT),
    _rule('PublishFailure for each receipt rule', 'PublishFailure', 'publish_failure'),
    _rule('PublishExpired for each receipt rule', 'PublishExpired', 'publish_expired'),
    Row(MACKEREL, 'SentLast24Hours', Api('GetSendQuota', 'SentLast24Hours'), ('amazon_ses.quota.sent_24_hour',)),
    _option(MACKEREL, 'One host for each Region', 'region', 'regions', note='tags `aws_account` and `region`'),
    _option(MACKEREL, 'Keys or a role with an external id', 'aws_access_key_id', 'role_arn', 'external_id'),
    Row(MACKEREL_PLUGIN, 'Max24HourSend', Api('GetSendQuota', 'Max24HourSend'), ('amazon_ses.quota.max_24_hour',)),
    Row(MACKEREL_PLUGIN, 'SentLast24Hours', Api('GetSendQuota', 'SentLast24Hours'), ('amazon_ses.quota.sent_24_hour',)),
    Row(MACKEREL_PLUGIN, 'MaxSendRate', Api('GetSendQuota', 'MaxSendRate'), ('amazon_ses.quota.max_send_rate',)),
    _statistics(MACKEREL_PLUGIN, 'DeliveryAttempts, newest bucket', 'DeliveryAttempts', 'delivery_attempts'),
    _statistics(MACKEREL_PLUGIN, 'Bounces, newest bucket', 'Bounces', 'bounces'),
    _statistics(MACKEREL_PLUGIN, 'Complaints, newest bucket', 'Complaints', 'complaints'),
    _statistics(MACKEREL_PLUGIN, 'Rejects, newest bucket', 'Rejects', 'rejects'),
    _option(MACKEREL_PLUGIN, '-access-key-id, -secret-access-key', 'aws_access_key_id', 'aws_secret_access_key'),
    _option(MACKEREL_PLUGIN, '-endpoint', 'region', 'endpoint_url', note='the Region is given as such'),
    _event(CENTREON, 'Emails sent', 'Send', 'send', 'the sum, where Centreon shows the average, which is 1'),
    _event(CENTREON, 'Emails delivered', 'Delivery', 'delivery', 'the sum'),
    _rate(CENTREON, 'Rejected rate', 'Reputation.BounceRate', 'bounce_rate', f'the bounce rate, {PERCENT}'),
    _rate(CENTREON, 'Spam rate', 'Reputation.ComplaintRate', 'complaint_rate', f'the complaint rate, {PERCENT}'),
    _option(CENTREON, '--region', 'region', 'regions'),
    _option(CENTREON, '--period', 'period'),
    _option(CENTREON, '--timeframe', 'timeframe', note='late data within it are counted, not averaged away'),
    _option(CENTREON, '--statistic', 'statistic', 'statistics', note='honoured for the gauges of events'),
    _option(CENTREON, '--dimension', 'dimensions', note='several values, and all combinations of several dimensions'),
    _option(CENTREON, '--zeroed', 'zeroed', note='for events only: no data is not a rate of zero'),
    _option(CENTREON, '--aws-access-key, --aws-secret-key', 'aws_access_key_id', 'aws_secret_access_key'),
    _option(CENTREON, '--aws-session-token', 'aws_session_token'),
    _option(
        CENTREON, '--aws-role-arn', 'role_arn', 'external_id', 'role_session_name', note='a chain of roles as well'
    ),
    _option(CENTREON, '--aws-profile', 'aws_profile'),
    _option(CENTREON, '--proxyurl', 'proxy', 'skip_proxy'),
    _option(CENTREON, '--endpoint-url', 'endpoint_url', note='one URL, or one for each service'),
    _option(CENTREON, '--timeout', 'connect_timeout', 'read_timeout'),
    _option(CENTREON, '--skip-ssl-check', 'tls_verify', 'tls_ca_cert', note='a private authority can be trusted'),
    _option(
        CENTREON, '--warning-*, --critical-*', 'thresholds', note='Nagios ranges, on any gauge and selected by tags'
    ),
    Row(CENTREON, 'Status line with performance figures', options=('thresholds',), formats=(NAGIOS,)),
    Row(CENTREON, '--output-json', formats=(JSON,)),
    Row(CENTREON, '--output-openmetrics', formats=(OPENMETRICS,), note='counts as counters'),
    Row(CENTREON, '--output-xml', formats=(JSON,), note='no XML: the same figures as JSON'),
    _statistics(AWS_CLI, 'DeliveryAttempts', 'DeliveryAttempts', 'delivery_attempts'),
    _statistics(AWS_CLI, 'Bounces', 'Bounces', 'bounces'),
    _statistics(AWS_CLI, 'Complaints', 'Complaints', 'complaints'),
    _statistics(AWS_CLI, 'Rejects', 'Rejects', 'rejects'),
    Row(
        AWS_CLI,
        'Timestamp: buckets of 15 minutes over two weeks',
        metrics=tuple(
            f'amazon_ses.send_statistics.{name}' for name in ('delivery_attempts', 'bounces', 'complaints', 'rejects')
        ),
        note='as the last whole bucket and as windows that end now, wherever AWS lets its buckets begin',
    ),
    _option(AWS_CLI, '--region, --profile, --endpoint-url', 'region', 'aws_profile', 'endpoint_url'),
    _option(AWS_CLI, '--no-verify-ssl, --ca-bundle', 'tls_verify', 'tls_ca_cert'),
    _option(AWS_CLI, '--cli-connect-timeout, --cli-read-timeout', 'connect_timeout', 'read_timeout'),
    Row(AWS_CLI, '--output', formats=(TEXT, JSON)),
)


def render() -> str:
    """The rows as a Markdown table, which ends with a line break."""
    heads = ('System', 'There', 'Here', 'Source', 'Remark')
    return _table(heads, [(row.system, row.feature, carriers(row), str(row.source or ''), row.note) for row in ROWS])


def carriers(row: Row) -> str:
    """What carries a row, in words."""
    kinds = (('', row.metrics), ('option ', row.options), ('`make check` with FORMAT=', row.formats))
    return '; '.join(
        before + ', '.join(f'`{name}`' if before != kinds[2][0] else name for name in names)
        for before, names in kinds
        if names
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ['---'] * len(heads), *rows]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n' for line in lines)
