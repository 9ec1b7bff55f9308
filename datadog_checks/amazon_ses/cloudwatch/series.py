"""CloudWatch series: a metric of the metric table with certain dimensions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.cloudwatch.periods import DAY
from datadog_checks.amazon_ses.model import MetricSpec

NAMESPACE = 'AWS/SES'

SUM, AVERAGE, MAXIMUM = 'Sum', 'Average', 'Maximum'
STATISTICS = {
    'sum': SUM,
    'average': AVERAGE,
    'minimum': 'Minimum',
    'maximum': MAXIMUM,
    'sample_count': 'SampleCount',
}
"""CloudWatch's name of each statistic that the options `statistic` and `statistics` accept."""

EMPTY_IS_ZERO = frozenset({SUM, 'SampleCount'})
"""Statistics that are zero in a period without events. The other statistics have no value then."""

MOST_DIMENSIONS = 30
LONGEST_NAME = 255
LONGEST_VALUE = 1024
"""Limits of CloudWatch: dimensions of one metric; characters of the name of a metric or dimension, and of a value."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values of dimensions, sorted by name where CloudWatch listed them."""


class Scope(StrEnum):
    """Where a series comes from: the account as a whole, the option `dimensions`, or a listing.

    The values are part of the saved keys and must never change.
    """

    ACCOUNT = 'account'
    NAMED = 'named'
    LISTED = 'found'


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """One CloudWatch metric and what is submitted for it: at least one of `gauge` and `count`.

    `count` is fed by the ledger from the statistic Sum. A spec with a count shows as `gauge` the newest settled period,
    by the statistic of the options, or by `statistic` where that is set. A spec without a count is a measurement: its
    gauge shows the newest datapoint of `statistic` times `scale`, for `hold` seconds. A `daily` measurement has one
    datapoint a day and is read once an hour. `account_wide` metrics are published by SES for the account as a whole,
    without dimensions.
    """

    metric_name: str
    gauge: MetricSpec | None = None
    count: MetricSpec | None = None
    scale: float = 1.0
    statistic: str = ''
    hold: int = DAY
    daily: bool = False
    account_wide: bool = False

    def __hash__(self) -> int:
        # The hash of all fields costs more than the rest of a query.
        return hash(self.metric_name)

    @property
    def is_measurement(self) -> bool:
        return self.count is None

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        return tuple(metric for metric in (self.gauge, self.count) if metric is not None)

    def suffixed(self, statistic: str) -> tuple[MetricSpec, ...]:
        """The gauge of an additional statistic, spelled as in the options; empty where there is no gauge."""
        if self.gauge is None:
            return ()
        description = f'{STATISTICS[statistic]} of CloudWatch {self.metric_name} in the newest settled period.'
        unit = '' if statistic == 'sample_count' else self.gauge.unit
        return (replace(self.gauge, name=f'{self.gauge.name}.{statistic}', description=description, unit=unit),)


# Nothing changes a series. It is not frozen, because a frozen one takes more than twice as long to make, and an account
# has thousands.
@dataclass(slots=True, unsafe_hash=True)
class Series:
    """One CloudWatch series: a spec with its dimensions, and the tags that they become.

    `metric_name` is CloudWatch's spelling, where it differs from that of the spec. `account` is the linked account that
    owns the series, or empty for the target's own. `key` names the series in the saved state and must never change
    between versions. Its scope tells a series that an option names from the same series in a listing. A key holds no
    e-mail address. A query of the series ends with `dimensions_json` and `metric_json`, which series share.
    """

    spec: SeriesSpec
    dimensions: Dimensions = ()
    tags: tuple[str, ...] = ()
    scope: Scope = Scope.ACCOUNT
    namespace: str = NAMESPACE
    metric_name: str = ''
    account: str = ''
    key: str = field(init=False, compare=False, repr=False)
    dimensions_json: bytes = field(init=False, compare=False, repr=False)
    metric_json: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.metric_name = self.metric_name or self.spec.metric_name
        parts, self.dimensions_json = _group_texts(self.dimensions)
        self.key = _key(self.scope, self.account, self.namespace, self.metric_name, parts)
        self.metric_json = _metric_json(self.namespace, self.metric_name, self.account)

    @property
    def follows_options(self) -> bool:
        """Whether the options `statistic` and `statistics` apply. Listed series only have the Sum, to save contexts."""
        spec = self.spec
        return not spec.is_measurement and not spec.statistic and (self.scope is Scope.NAMED or spec.account_wide)


def key_of(scope: str, account: str, namespace: str, metric_name: str, dimensions: Dimensions) -> str:
    """The name of a series in the saved state. `dimensions` are sorted; a name or value with an
    e-mail address becomes a hash."""
    return _key(scope, account, namespace, metric_name, _group_texts(dimensions)[0])


def _key(scope: str, account: str, namespace: str, metric_name: str, parts: tuple[str, ...]) -> str:
    owner = (account,) if account else ()
    return '\x1f'.join((scope, *owner, namespace, _masked_name(metric_name), *parts))


@lru_cache(maxsize=1000)
def _masked_name(metric_name: str) -> str:
    return masked(metric_name)


# The cache holds the dimensions of as many groups as an account may have.
@lru_cache(maxsize=20_000)
def _group_texts(dimensions: Dimensions) -> tuple[tuple[str, ...], bytes]:
    """Dimensions as a part of a key, sorted, and as a query has them. All series of a group share the two."""
    parts = ('\x1f'.join(masked(part) for pair in sorted(dimensions) for part in pair),) if dimensions else ()
    text = json.dumps([{'Name': name, 'Value': value} for name, value in dimensions], separators=(',', ':'))
    return parts, text.encode()


@lru_cache(maxsize=1000)
def _metric_json(namespace: str, metric_name: str, account: str) -> bytes:
    """The end of a query, after the dimensions of its metric."""
    owner = f',"AccountId":"{account}"' if account else ''
    return f',"Namespace":{json.dumps(namespace)},"MetricName":{json.dumps(metric_name)}}}}}{owner}}}'.encode()


class Query(NamedTuple):
    """One statistic of one series: what a single CloudWatch query asks for."""

    series: Series
    statistic: str


def statistics_of(series: Series, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The statistics to ask for: a measurement's own, or the Sum and those that the gauges show.

    `configured` are those of the options, Sum first. AWS bills up to five statistics of a metric as one.
    """
    if series.spec.is_measurement:
        return _ALONE[series.spec.statistic]
    if series.spec.statistic:
        return _AFTER_SUM[series.spec.statistic]
    return configured if series.follows_options else _ALONE[SUM]


# Built once: an account may have 50,000 series.
_ALONE = {name: (name,) for name in STATISTICS.values()}
_AFTER_SUM = {name: (SUM, name) for name in STATISTICS.values()}
