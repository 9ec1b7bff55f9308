"""Thresholds: compares gauges with the limits of the option `thresholds` and yields the service check `threshold`.

Values are compared in the unit of the metric, as in metadata.csv: a bounce rate of 5 is 5 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from datadog_checks.amazon_ses.model import Level, MetricSpec, Sample, Status, StatusSpec
from datadog_checks.amazon_ses.tags import as_stored

THRESHOLD = StatusSpec(
    'threshold',
    'Threshold',
    'OK while a metric keeps within its thresholds, WARNING or CRITICAL when it breaks one (the message names the '
    'range), UNKNOWN when the metric has no value.',
    groups=('aws_account', 'region', 'metric'),
)
STATUSES = (THRESHOLD,)

DIGITS = 15
"""Significant digits to which a value is rounded before it is compared, so that 0.07 x 100 is 7."""

DECIMALS = 4
"""Decimal places of a value in a message."""


@dataclass(frozen=True, slots=True)
class Range:
    """A span of numbers, ends included, that alerts on values outside it, or with `inside` on values within it.

    An open end is an infinity. `str()` gives a text that the option `thresholds` reads as an equal range.
    """

    start: float
    end: float
    inside: bool = False

    def broken_by(self, value: float) -> bool:
        """Whether a value is to be alerted on."""
        return (self.start <= value <= self.end) is self.inside

    @property
    def meaning(self) -> str:
        """The values that alert, in words."""
        start, end = _text(self.start), _text(self.end)
        if self.start == -inf and self.end == inf:
            return 'alert always' if self.inside else 'alert never'
        if self.end == inf:
            return f'alert at {start} and above' if self.inside else f'alert below {start}'
        if self.start == -inf:
            return f'alert at {end} and below' if self.inside else f'alert above {end}'
        return f'alert from {start} to {end}' if self.inside else f'alert outside {start} to {end}'

    def __str__(self) -> str:
        start = '' if self.start == 0 and self.end < inf else f'{_text(self.start)}:'
        return ('@' if self.inside else '') + start + ('' if self.end == inf else _text(self.end))


@dataclass(frozen=True, slots=True)
class Threshold:
    """The limits of one gauge, for those of its series that carry all of `tags`. At least one of the ranges is set."""

    metric: MetricSpec
    warning: Range | None
    critical: Range | None
    tags: frozenset[str] = frozenset()


def statuses(
    thresholds: Iterable[Threshold], samples: Iterable[Sample], scope: tuple[str, ...] = ()
) -> Iterable[Status]:
    """The statuses of one scope: one for each series that a threshold selects, or UNKNOWN where it selects none.

    `scope` are the tags that samples do not carry themselves (account, Region, instance); a threshold can select them,
    but the status does not repeat them. Tags are compared as Datadog stores them. Where several thresholds select the
    same series, its status has the worst of their levels, since a later status would overwrite an earlier one. A
    threshold that selects another scope, for example another Region, has no status here.
    """
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric.name, []).append(sample)
    scope_tags = frozenset(map(as_stored, scope))
    worst: dict[tuple[str, tuple[str, ...]], Status] = {}
    for threshold in thresholds:
        for status in _judged(threshold, by_metric.get(threshold.metric.name, ()), scope_tags):
            series = status.account, status.tags
            if series not in worst or worst[series].level < status.level:
                worst[series] = status
    yield from worst.values()


def _judged(threshold: Threshold, samples: Iterable[Sample], scope_tags: frozenset[str]) -> list[Status]:
    """The statuses that one threshold gives to the samples of its metric."""
    required = {as_stored(tag): tag for tag in threshold.tags if as_stored(tag) not in scope_tags}
    selected = [sample for sample in samples if required.keys() <= set(map(as_stored, sample.tags))]
    if selected:
        return [_status(threshold, sample) for sample in selected]
    if {_key(tag) for tag in required} & {_key(tag) for tag in scope_tags}:
        return []
    return [_missing(threshold, [required[tag] for tag in sorted(required)])]


def _status(threshold: Threshold, sample: Sample) -> Status:
    metric = threshold.metric
    value = float(f'{sample.value:.{DIGITS}g}')
    tags = (*sample.tags, f'metric:{metric.name}')
    for level, limits in ((Level.CRITICAL, threshold.critical), (Level.WARNING, threshold.warning)):
        if limits is not None and limits.broken_by(value):
            side = 'inside' if limits.inside else 'outside'
            message = (
                f'{metric.name} is {_amount(value, limits, metric)}: '
                f'{side} the {level.name.lower()} range {limits} ({limits.meaning}).'
            )
            return Status(THRESHOLD, level, message, tags, sample.account)
    return Status(THRESHOLD, Level.OK, tags=tags, account=sample.account)


def _missing(threshold: Threshold, tags: list[str]) -> Status:
    name = threshold.metric.name
    where = f' with {", ".join(tags)}' if tags else ''
    message = f'{name} has no value{where}, so its threshold cannot be checked.'
    return Status(THRESHOLD, Level.UNKNOWN, message, (*tags, f'metric:{name}'))


def _amount(value: float, broken: Range, metric: MetricSpec) -> str:
    """A value with its unit, rounded unless that would hide that the range is broken."""
    short = round(value, DECIMALS)
    text = _text(short if broken.broken_by(short) else value)
    if metric.unit:
        text += f' {metric.unit}' + ('' if metric.unit in ('percent', 'fraction') or text == '1' else 's')
    return f'{text} per {metric.per_unit}' if metric.per_unit else text


def _key(tag: str) -> str:
    return tag.partition(':')[0]


def _text(number: float) -> str:
    """A number in the shortest form that means exactly it."""
    return '~' if number == -inf else repr(float(number)).removesuffix('.0')
