"""The series table: which CloudWatch metrics are read, with which statistic, and what they become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.model import MetricSpec, MetricType

NAMESPACE = 'AWS/SES'

SUM, AVERAGE = 'Sum', 'Average'
STATISTICS = {
    'sum': SUM,
    'average': AVERAGE,
    'minimum': 'Minimum',
    'maximum': 'Maximum',
    'sample_count': 'SampleCount',
}
"""The options `statistic` and `statistics`, and what CloudWatch calls them."""

EMPTY_IS_ZERO = frozenset({SUM, 'SampleCount'})
"""Statistics that are zero where nothing happened. The others have no value then."""


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """One CloudWatch metric and what is submitted for it.

    `count` is fed by the ledger from the statistic Sum. `gauge` shows the newest settled period, or for a rate (which
    has no count) the newest datapoint times `scale`. At least one of them is there.
    """

    metric_name: str
    gauge: MetricSpec | None = None
    count: MetricSpec | None = None
    scale: float = 1.0

    @property
    def is_rate(self) -> bool:
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

    `named` says that an option named it: it counts from a boundary of its own. `key` names the series in the saved
    state and must never change between versions: a named series is kept apart from the same one that was found, and
    addresses do not reach the disk.
    """

    spec: SeriesSpec
    dimensions: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    named: bool = False
    namespace: str = NAMESPACE
    key: str = field(init=False, compare=False, repr=False)

    @property
    def has_statistics(self) -> bool:
        """Whether the options `statistic` and `statistics` apply: contexts of what was only found cost the user too."""
        return self.named or not self.dimensions

    def __post_init__(self) -> None:
        values = ((name, tags.without_addresses(value)) for name, value in sorted(self.dimensions))
        scope = 'named' if self.named else 'found' if self.dimensions else 'account'
        parts = (scope, self.namespace, self.spec.metric_name, *(part for pair in values for part in pair))
        object.__setattr__(self, 'key', '\x1f'.join(parts))


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


class Rate(NamedTuple):
    """A reputation rate. CloudWatch holds a fraction: its Average, in percent."""

    metric_name: str
    name: str
    what: str

    def spec(self, prefix: str = '', scope: str = '') -> SeriesSpec:
        gauge = MetricSpec(
            prefix + self.name,
            MetricType.GAUGE,
            f'{scope}{self.what}',
            unit='percent',
            orientation=-1,
            interval=300,
        )
        return SeriesSpec(self.metric_name, gauge, scale=100.0)


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
    Rate(
        'Reputation.BounceRate',
        'reputation.bounce_rate',
        'Bounce rate as SES judges it. AWS reviews an account from 5 and may pause it from 10.',
    ),
    Rate(
        'Reputation.ComplaintRate',
        'reputation.complaint_rate',
        'Complaint rate as SES judges it. AWS reviews an account from 0.1 and may pause it from 0.5.',
    ),
)
RECEIVING = (
    Event('Received', 'received', 'Emails received'),
    Event('PublishSuccess', 'publish_success', 'Emails for which all rules ran', 1),
    Event('PublishFailure', 'publish_failure', 'Failures of a rule or an action, retries included', -1),
    Event('PublishExpired', 'publish_expired', 'Emails for which a rule or an action was given up', -1),
)

EVENTS = tuple(event.spec() for event in SENDING)
BOUNCE_RATE, COMPLAINT_RATE = RATES = tuple(rate.spec() for rate in REPUTATION)
SEND = EVENTS[0]

ACCOUNT = tuple(Series(spec) for spec in EVENTS + RATES)
"""The account-level series: without dimensions, published by SES itself."""

BY_RULE = {event.metric_name: event.spec('receiving.', 'By rule set and by rule: ') for event in RECEIVING}
"""Receiving, by CloudWatch's name of the metric."""

BY_DIMENSION = {one.metric_name: one.spec('dimension.', 'By named dimensions: ') for one in (*SENDING, *REPUTATION)}
"""What may be asked for with the option `dimensions`, by CloudWatch's name of the metric."""

SUFFIXED = tuple(
    metric
    for spec in (*EVENTS, *(spec for spec in BY_DIMENSION.values() if not spec.is_rate))
    for statistic in STATISTICS
    for metric in spec.suffixed(statistic)
)

BY_CONFIGURATION_SET = {
    **{one.metric_name: one.spec('configuration_set.', 'By configuration set: ', with_gauge=False) for one in SENDING},
    **{one.metric_name: one.spec('configuration_set.', 'By configuration set: ') for one in REPUTATION},
}
"""What an event destination or the reputation metrics of a configuration set publish, by CloudWatch's name."""

FOUND: Mapping[str, Mapping[tuple[str, ...], Mapping[str, SeriesSpec]]] = {
    'configuration_sets': {('ses:configuration-set',): BY_CONFIGURATION_SET},
    'receiving': {('RuleSetName',): BY_RULE, ('RuleName',): BY_RULE},
}
"""What is found by listing: by source, for each set of dimensions, what CloudWatch's metrics become."""

SOURCES = {spec: source for source, families in FOUND.items() for specs in families.values() for spec in specs.values()}
"""The source that finds the series of a line."""

SPECS = (
    *EVENTS,
    *RATES,
    *BY_DIMENSION.values(),
    *SOURCES,
)
"""Every line of the table."""


def queries(series: Iterable[Series], statistics: Iterable[str]) -> tuple[Query, ...]:
    """What to ask for: of a rate its Average; of anything that is counted the Sum, and the statistics (as CloudWatch
    calls them) that its gauges show. Those of one metric follow each other: AWS bills up to five as one."""
    wanted = tuple(dict.fromkeys((SUM, *statistics)))
    return tuple(Query(one, statistic) for one in series for statistic in _statistics(one, wanted))


def _statistics(series: Series, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if series.spec.is_rate:
        return (AVERAGE,)
    return wanted if series.has_statistics else (SUM,)


def found(source: str, listed: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[Series, ...]:
    """The series of a source among metrics that were listed, each a name with its dimensions.

    Those of one configuration set or rule stand together, so that a limit keeps whole ones, with reputation first.
    """
    known = [
        (specs[metric_name], tuple(dimensions.items()))
        for metric_name, dimensions in listed
        if metric_name in (specs := FOUND[source].get(tuple(dimensions), {}))
    ]
    tagged = tags.distinct({dimensions: tags.named(dimensions) for _, dimensions in known})
    places = {spec: place for place, spec in enumerate(SOURCES)}
    known.sort(key=lambda one: (one[1], not one[0].is_rate, places[one[0]]))
    return tuple(Series(spec, dimensions, tagged[dimensions]) for spec, dimensions in known)
