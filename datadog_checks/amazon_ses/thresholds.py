"""Thresholds that the operator set on gauges: how they are read and which status each value gets.

Ranges are those of the Nagios plug-in development guidelines, section "Threshold and Ranges". Values are compared in
the unit of the metric, as in metadata.csv: a bounce rate of 5 is 5 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf, isfinite

from datadog_checks.amazon_ses.model import PREFIX, Level, MetricSpec, Sample, Status, StatusSpec
from datadog_checks.amazon_ses.tags import normal

THRESHOLD = StatusSpec(
    'threshold',
    'Threshold',
    'OK while a metric keeps within its thresholds, WARNING or CRITICAL when it breaks one (the message names the '
    'range), UNKNOWN when the metric has no value.',
    groups=('aws_account', 'region', 'metric'),
)
STATUSES = (THRESHOLD,)

OPTION = 'thresholds'
KEYS = ('metric', 'warning', 'critical', 'tags')
RANGES = (
    '10 (alert outside 0 to 10), 10: (below 10), ~:10 (above 10), 10:20 (outside 10 to 20), '
    '@10:20 (from 10 to 20, ends included), in quotes, the start not above the end'
)
METRICS = 'the name of a gauge, for example reputation.bounce_rate'
TAGS = "a list of texts KEY:VALUE, for example ['configuration_set:news']"

NUMBER = r'[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?'
FORM = re.compile(rf'(?P<inside>@)?(?:(?P<start>~|{NUMBER})?:)?(?P<end>{NUMBER})?')
SELECTOR = re.compile(r'[^\s:][^:]*:.*\S')

DIGITS = 15
"""Significant digits of a value that are compared: a double holds no more of a decimal number, so 0.07 x 100 is 7."""

PLACES = 4
"""Decimal places of a value in a message."""


@dataclass(frozen=True, slots=True)
class Range:
    """A span of numbers, ends included, that is broken from outside, or with `inside` from within.

    An open end is an infinity. `str()` gives a text from which `parse` makes an equal range.
    """

    start: float
    end: float
    inside: bool = False

    @classmethod
    def parse(cls, text: object) -> Range:
        """The range that a text or a number of the configuration means. Raises ValueError with the accepted forms.

        A missing start is 0, a missing end is infinity, `~` is minus infinity.
        """
        match = FORM.fullmatch(str(text).strip()) if isinstance(text, (str, int, float)) else None
        if match is None or (match['start'] is None and match['end'] is None):
            raise _refused(text, RANGES)
        start = -inf if match['start'] == '~' else float(match['start'] or 0)
        end = float(match['end'] or inf)
        # A number too large for a double reads as infinite, and only an open end may be that.
        finite = (isfinite(start) or match['start'] == '~') and (isfinite(end) or match['end'] is None)
        if start > end or not finite:
            raise _refused(text, RANGES)
        return cls(start, end, match['inside'] is not None)

    def broken_by(self, value: float) -> bool:
        """Whether a value raises the alert."""
        return (self.start <= value <= self.end) is self.inside

    @property
    def meaning(self) -> str:
        """When the range raises the alert, in words."""
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
    """What the operator wants to hear about one gauge, for those of its series that carry all of `tags`.

    At least one of the ranges is given.
    """

    metric: MetricSpec
    warning: Range | None
    critical: Range | None
    tags: frozenset[str] = frozenset()


def read(options: object, gauges: Mapping[str, MetricSpec]) -> tuple[Threshold, ...]:
    """The thresholds of the option as YAML gave it. `gauges` are the metrics that can be named, without prefix.

    Raises ValueError for the first entry that cannot be used. A key that is null counts as not given. Ranges belong in
    quotes: YAML may read a bare 10:20 as the number 620, which nothing here can notice.
    """
    if options is None:
        return ()
    if not isinstance(options, (list, tuple)):
        error = _refused(options, f'a list of maps with {", ".join(KEYS)}')
        raise ValueError(f'Option `{OPTION}`: {error}')
    entries: dict[tuple[str, frozenset[str]], int] = {}
    thresholds = []
    for number, entry in enumerate(options, 1):
        try:
            threshold = _entry(entry, gauges)
            # Datadog stores both spellings of a tag as one, so the statuses would be one, too.
            key = threshold.metric.name, frozenset(map(normal, threshold.tags))
            if key in entries:
                raise ValueError(
                    f'`metric` {threshold.metric.name!r} with the same `tags` is in entry {entries[key]} already. '
                    'Accepted: each metric once for each selection of tags.'
                )
        except ValueError as error:
            raise ValueError(f'Option `{OPTION}`: entry {number}: {error}') from None
        entries[key] = number
        thresholds.append(threshold)
    return tuple(thresholds)


def statuses(
    thresholds: Iterable[Threshold], readings: Iterable[Sample], scope: tuple[str, ...] = ()
) -> Iterable[Status]:
    """The statuses of one scope: one for each series that a threshold selects, or UNKNOWN where it selects none.

    `scope` are the tags that samples do not carry themselves (account, Region, instance); they can be selected but are
    not repeated in the status. Tags are compared as Datadog stores them. Where several thresholds select the same
    series, the worst of their levels is its status, since a later one would overwrite it. A threshold that selects
    another scope, as another Region, says nothing.
    """
    samples: dict[str, list[Sample]] = {}
    for sample in readings:
        samples.setdefault(sample.metric.name, []).append(sample)
    around = frozenset(map(normal, scope))
    found: dict[tuple[str, tuple[str, ...]], Status] = {}
    for threshold in thresholds:
        rest = {normal(tag): tag for tag in threshold.tags if normal(tag) not in around}
        selected = [
            sample for sample in samples.get(threshold.metric.name, ()) if rest.keys() <= set(map(normal, sample.tags))
        ]
        judged = [_judged(threshold, sample) for sample in selected]
        if not selected and not {_key(tag) for tag in rest} & {_key(tag) for tag in around}:
            judged = [_missing(threshold, [rest[tag] for tag in sorted(rest)])]
        for status in judged:
            series = status.account, status.tags
            if series not in found or found[series].level < status.level:
                found[series] = status
    yield from found.values()


def _judged(threshold: Threshold, sample: Sample) -> Status:
    metric = threshold.metric
    value = float(f'{sample.value:.{DIGITS}g}')
    tags = (*sample.tags, f'metric:{metric.name}')
    for level, one in ((Level.CRITICAL, threshold.critical), (Level.WARNING, threshold.warning)):
        if one is not None and one.broken_by(value):
            side = 'inside' if one.inside else 'outside'
            message = (
                f'{metric.name} is {_amount(value, one, metric)}: '
                f'{side} the {level.name.lower()} range {one} ({one.meaning}).'
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
    short = round(value, PLACES)
    text = _text(short if broken.broken_by(short) else value)
    if metric.unit:
        text += f' {metric.unit}' + ('' if metric.unit in ('percent', 'fraction') or text == '1' else 's')
    return f'{text} per {metric.per_unit}' if metric.per_unit else text


def _entry(entry: object, gauges: Mapping[str, MetricSpec]) -> Threshold:
    if not isinstance(entry, Mapping):
        raise _refused(entry, f'a map with {", ".join(KEYS)}')
    for key in entry:
        if key not in KEYS:
            raise ValueError(f'key {_refused(key, ", ".join(KEYS), get_close_matches(str(key), KEYS, 1))}')
    given = {key: value for key, value in entry.items() if value is not None}
    metric = _metric(given.get('metric'), gauges)
    if 'warning' not in given and 'critical' not in given:
        raise ValueError(f'at least one of `warning` and `critical` is needed for {metric.name}, and neither is given.')
    return Threshold(metric, _range('warning', given), _range('critical', given), _tags(given.get('tags', ())))


def _metric(value: object, gauges: Mapping[str, MetricSpec]) -> MetricSpec:
    if not isinstance(value, str):
        raise ValueError(f'`metric`: {_refused(value, METRICS)}')
    name = value.strip().removeprefix(PREFIX)
    if name in gauges:
        return gauges[name]
    gauge = name.removesuffix('.count')
    if gauge != name and gauge in gauges:
        accepted = f'{METRICS}, since thresholds look at gauges and not at counts: use `{gauge}`'
        raise ValueError(f'`metric`: {_refused(value, accepted)}')
    # A family left out in front is the usual mistake, and difflib would rather find a shorter name.
    wanted, names = gauge.lower(), sorted(gauges)
    near = [one for one in names if one.endswith(f'.{wanted}')] or get_close_matches(wanted, names, 1, 0.4)
    accepted = METRICS if gauge == name else f'{METRICS}; thresholds look at gauges and not at counts'
    raise ValueError(f'`metric`: {_refused(value, accepted, near)}')


def _range(key: str, given: Mapping[str, object]) -> Range | None:
    try:
        return Range.parse(given[key]) if key in given else None
    except ValueError as error:
        raise ValueError(f'`{key}`: {error}') from None


def _tags(value: object) -> frozenset[str]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f'`tags`: {_refused(value, TAGS)}')
    for tag in value:
        if not isinstance(tag, str) or not SELECTOR.fullmatch(tag.strip()):
            raise ValueError(f'`tags`: {_refused(tag, TAGS)}')
    return frozenset(tag.strip() for tag in value)


def _refused(value: object, accepted: str, near: Iterable[str] = ()) -> ValueError:
    names = ' or '.join(f'`{name}`' for name in near)
    hint = f'; did you mean {names}?' if names else '.'
    return ValueError(f'{value!r} cannot be used. Accepted: {accepted}{hint}')


def _key(tag: str) -> str:
    return tag.partition(':')[0]


def _text(number: float) -> str:
    """A number in the shortest form that means exactly it."""
    return '~' if number == -inf else repr(float(number)).removesuffix('.0')
