"""The series table: which CloudWatch metrics are read, with which statistic, and what they become."""

from __future__ import annotations

from dataclasses import dataclass

from datadog_checks.amazon_ses.model import MetricSpec, MetricType

NAMESPACE = 'AWS/SES'


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """One CloudWatch metric and what is submitted for it.

    `count` is fed by the ledger and needs the statistic Sum. `gauge` shows the newest settled period, or for a rate
    the newest datapoint, times `scale`.
    """

    metric_name: str
    statistic: str
    gauge: MetricSpec
    count: MetricSpec | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Series:
    """One CloudWatch series: a line of the table with its dimensions, and the tags these become."""

    spec: SeriesSpec
    dimensions: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    namespace: str = NAMESPACE

    @property
    def key(self) -> str:
        """A text that names this series in the saved state. It must never change between versions."""
        return '\x1f'.join(
            (self.namespace, self.spec.metric_name, *(part for pair in self.dimensions for part in pair))
        )


def event(metric_name: str, name: str, what: str, orientation: int = 0) -> SeriesSpec:
    """A kind of sending event: each event is one sample, so Sum is the only statistic that counts them."""
    gauge = MetricSpec(
        name,
        MetricType.GAUGE,
        f'{what} in the newest settled period (Sum of CloudWatch {metric_name}).',
        unit='email',
        orientation=orientation,
        interval=300,
    )
    count = MetricSpec(
        f'{name}.count',
        MetricType.COUNT,
        f'{what}, each counted exactly once.',
        unit='email',
        orientation=orientation,
        interval=300,
    )
    return SeriesSpec(metric_name, 'Sum', gauge, count)


def rate(metric_name: str, name: str, what: str) -> SeriesSpec:
    """A reputation rate: CloudWatch holds a fraction, so Average and percent."""
    gauge = MetricSpec(name, MetricType.GAUGE, what, unit='percent', orientation=-1, interval=300)
    return SeriesSpec(metric_name, 'Average', gauge, scale=100.0)


SEND = event('Send', 'send', 'Emails accepted for sending')
BOUNCE_RATE = rate(
    'Reputation.BounceRate',
    'reputation.bounce_rate',
    'Bounce rate that AWS judges the account by. AWS reviews from 5, may pause from 10.',
)
COMPLAINT_RATE = rate(
    'Reputation.ComplaintRate',
    'reputation.complaint_rate',
    'Complaint rate that AWS judges the account by. AWS reviews from 0.1, may pause from 0.5.',
)

EVENTS = (
    SEND,
    event('Delivery', 'delivery', 'Emails that the receiving server accepted', 1),
    event('Bounce', 'bounce', 'Hard bounces, and soft bounces that SES gave up on', -1),
    event('Complaint', 'complaint', 'Emails that recipients marked as spam', -1),
    event('Reject', 'reject', 'Emails that SES accepted and then dropped because of a virus', -1),
    event('RenderingFailure', 'rendering_failure', 'Emails not sent because their template could not be rendered', -1),
    event('Open', 'open', 'Opens of emails, where tracking is on'),
    event('Click', 'click', 'Clicks on links in emails, where tracking is on'),
    event('DeliveryDelay', 'delivery_delay', 'Emails whose delivery was delayed', -1),
    event('Subscription', 'subscription', 'Changes of subscription preferences by recipients'),
)
RATES = (BOUNCE_RATE, COMPLAINT_RATE)

ACCOUNT = tuple(Series(spec) for spec in EVENTS + RATES)
"""The account-level series: without dimensions, published by SES itself."""
