"""The series table: which CloudWatch metrics are read, with which statistic, and what they become."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.model import MetricSpec, MetricType

NAMESPACE = 'AWS/SES'

SUM, AVERAGE, MAXIMUM = 'Sum', 'Average', 'Maximum'
STATISTICS = {
    'sum': SUM,
    'average': AVERAGE,
    'minimum': 'Minimum',
    'maximum': MAXIMUM,
    'sample_count': 'SampleCount',
}
"""The options `statistic` and `statistics`, and what CloudWatch calls them."""

EMPTY_IS_ZERO = frozenset({SUM, 'SampleCount'})
"""Statistics that are zero where nothing happened. The others have no value then."""

DAY = 86400

Dimensions = tuple[tuple[str, str], ...]
"""Names and values of dimensions, in the order of their names where CloudWatch listed them."""


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """One CloudWatch metric and what is submitted for it. At least one of `gauge` and `count` is there.

    `count` is fed by the ledger from the statistic Sum. With a count, `gauge` shows the newest settled period: by the
    statistic that the options name, or by `statistic` where that is given. Without one, it is a reading: `gauge` shows
    the newest datapoint of `statistic` times `scale`, for `hold` seconds. A reading that is `daily` has one datapoint
    a day, so it is asked for once an hour.
    """

    metric_name: str
    gauge: MetricSpec | None = None
    count: MetricSpec | None = None
    scale: float = 1.0
    statistic: str = ''
    hold: int = DAY
    daily: bool = False

    def __hash__(self) -> int:
        # That of all that is in it costs more than to ask for a series.
        return hash(self.metric_name)

    @property
    def is_reading(self) -> bool:
        return self.count is None

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        return tuple(metric for metric in (self.gauge, self.count) if metric is not None)

    def suffixed(self, statistic: str) -> tuple[MetricSpec, ...]:
        """The gauge of an additional statistic, given as the option spells it, where there is a gauge."""
        if self.gauge is None:
            return ()
        description = f'{STATISTICS[statistic]} of CloudWatch {self.metric_name} in the newest settled period.'
        unit = '' if statistic == 'sample_count' else self.gauge.unit
        return (replace(self.gauge, name=f'{self.gauge.name}.{statistic}', description=description, unit=unit),)


@dataclass(frozen=True, slots=True)
class Series:
    """One CloudWatch series: a line of the table with its dimensions, and the tags these become.

    `metric_name` is how CloudWatch spells it, where that is not as in the line. `named` says that an option named it:
    it counts from a boundary of its own. `account` is the linked account that owns it, or empty for our own. `key`
    names the series in the saved state and must never change between versions: a named series is kept apart from the
    same one that was found, and addresses do not reach the disk.
    """

    spec: SeriesSpec
    dimensions: Dimensions = ()
    tags: tuple[str, ...] = ()
    named: bool = False
    namespace: str = NAMESPACE
    metric_name: str = ''
    account: str = ''
    key: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.metric_name:
            object.__setattr__(self, 'metric_name', self.spec.metric_name)
        scope = 'named' if self.named else 'found' if self.found else 'account'
        key = key_of(scope, self.account, self.namespace, self.metric_name, tuple(sorted(self.dimensions)))
        object.__setattr__(self, 'key', key)

    @property
    def found(self) -> bool:
        """Whether listing found it, and no option named it."""
        return not self.named and (bool(self.account) or self.spec not in OF_THE_ACCOUNT)

    @property
    def has_statistics(self) -> bool:
        """Whether the options `statistic` and `statistics` apply: contexts of what was only found cost the user too."""
        return not self.spec.is_reading and not self.spec.statistic and (self.named or self.spec in OF_THE_ACCOUNT)


def key_of(scope: str, account: str, namespace: str, metric_name: str, dimensions: Dimensions) -> str:
    """What a series is called in the saved state. `dimensions` are sorted; an address among them becomes a hash."""
    pairs = (part for name, value in dimensions for part in (name, masked(value)))
    return '\x1f'.join((scope, *((account,) if account else ()), namespace, metric_name, *pairs))


class Query(NamedTuple):
    """One statistic of one series, as CloudWatch calls it: what a single query asks for."""

    series: Series
    statistic: str


class Event(NamedTuple):
    """A kind of thing that CloudWatch counts: each is one sample, so Sum is the statistic that counts them."""

    metric_name: str
    name: str
    what: str
    orientation: int = 0

    def spec(self, prefix: str = '', scope: str = '', with_gauge: bool = True) -> SeriesSpec:
        gauge = MetricSpec(
            prefix + self.name,
            MetricType.GAUGE,
            f'{scope}{self.what}: Sum of CloudWatch {self.metric_name} in the newest settled period.',
            unit='email',
            orientation=self.orientation,
            interval=300,
        )
        count = replace(
            gauge,
            name=f'{gauge.name}.count',
            type=MetricType.COUNT,
            description=f'{scope}{self.what}: each counted exactly once.',
        )
        return SeriesSpec(self.metric_name, gauge if with_gauge else None, count)


class Reading(NamedTuple):
    """Something that CloudWatch holds the state of: a rate, a share, a number that is measured again and again.

    `scale` makes percent of a fraction.
    """

    metric_name: str
    name: str
    what: str
    unit: str = 'percent'
    scale: float = 100.0
    orientation: int = -1
    statistic: str = AVERAGE
    daily: bool = False

    def spec(self, prefix: str = '', scope: str = '') -> SeriesSpec:
        gauge = MetricSpec(
            prefix + self.name,
            MetricType.GAUGE,
            f'{scope}{self.what}',
            unit=self.unit,
            orientation=self.orientation,
            interval=3600 if self.daily else 300,
        )
        hold = 3 * DAY if self.daily else DAY
        return SeriesSpec(self.metric_name, gauge, None, self.scale, self.statistic, hold, self.daily)


SENDING = (
    Event('Send', 'send', 'Emails accepted for sending'),
    Event('Delivery', 'delivery', 'Emails that the receiving server accepted', 1),
    Event('Bounce', 'bounce', 'Hard bounces, and soft bounces that SES gave up on', -1),
    Event('Complaint', 'complaint', 'Emails that recipients marked as spam', -1),
    Event('Reject', 'reject', 'Emails that SES accepted and then dropped because of a virus', -1),
    Event('RenderingFailure', 'rendering_failure', 'Emails not sent because their template could not be rendered', -1),
    Event('Open', 'open', 'Opens of emails, where tracking is on'),
    Event('Click', 'click', 'Clicks on links in emails, where tracking is on'),
    Event('DeliveryDelay', 'delivery_delay', 'Emails whose delivery was delayed', -1),
    Event('Subscription', 'subscription', 'Changes of subscription preferences by recipients'),
)
REPUTATION = (
    Reading(
        'Reputation.BounceRate',
        'reputation.bounce_rate',
        'Bounce rate as SES judges it. AWS reviews an account from 5 and may pause it from 10.',
    ),
    Reading(
        'Reputation.ComplaintRate',
        'reputation.complaint_rate',
        'Complaint rate as SES judges it. AWS reviews an account from 0.1 and may pause it from 0.5.',
    ),
)

EVENTS = tuple(event.spec() for event in SENDING)
BOUNCE_RATE, COMPLAINT_RATE = RATES = tuple(rate.spec() for rate in REPUTATION)
SEND = EVENTS[0]

OF_THE_ACCOUNT = frozenset({*EVENTS, *RATES})
"""The lines of an account as a whole: its series have no dimensions, and SES itself publishes them."""

ACCOUNT = tuple(Series(spec) for spec in EVENTS + RATES)
"""The series of our own account."""

BY_DIMENSION = {one.metric_name: one.spec('dimension.', 'By named dimensions: ') for one in (*SENDING, *REPUTATION)}
"""What may be asked for with the option `dimensions`, by CloudWatch's name of the metric."""

SUFFIXED = tuple(
    metric
    for spec in (*EVENTS, *(spec for spec in BY_DIMENSION.values() if not spec.is_reading))
    for statistic in STATISTICS
    for metric in spec.suffixed(statistic)
)


def statistics_of(series: Series, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What to ask of a series: of a reading its statistic; of anything that is counted the Sum, and the statistics that
    its gauges show. `wanted` are those of the options, Sum in front. AWS bills up to five statistics of a metric as
    one."""
    if series.spec.is_reading:
        return STATISTIC[series.spec.statistic]
    if series.spec.statistic:
        return SUM_AND[series.spec.statistic]
    return wanted if series.has_statistics else STATISTIC[SUM]


# Made once, since there may be many series.
STATISTIC = {name: (name,) for name in STATISTICS.values()}
SUM_AND = {name: (SUM, name) for name in STATISTICS.values()}
