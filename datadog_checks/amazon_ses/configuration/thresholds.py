"""The option `thresholds`: parses its entries and ranges. `thresholds.py` of the package compares gauges with them.

Ranges are written as in the Nagios plug-in development guidelines, section "Threshold and Ranges".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from math import inf, isfinite

from datadog_checks.amazon_ses.configuration.options import SettingsError, number_as_text, refusal, refused
from datadog_checks.amazon_ses.configuration.quotes import quoted
from datadog_checks.amazon_ses.model import PREFIX, MetricSpec
from datadog_checks.amazon_ses.tags import as_stored
from datadog_checks.amazon_ses.thresholds import Range, Threshold

OPTION = 'thresholds'
KEYS = ('metric', 'warning', 'critical', 'tags')
RANGES = (
    '10 (alert outside 0 to 10), 10: (below 10), ~:10 (above 10), 10:20 (outside 10 to 20), '
    '@10:20 (from 10 to 20, ends included), in quotes, the start not above the end'
)
LONGEST_RANGE = 100
MOST_THRESHOLDS = 1000
MOST_TAGS, LONGEST_TAG = 100, 1000
"""Bounds on what is compared with each series."""

METRICS = 'the name of a gauge, for example reputation.bounce_rate'
TAGS = "a list of texts KEY:VALUE, for example ['configuration_set:news']"

NUMBER = r'[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?'
FORM = re.compile(rf'(?P<inside>@)?(?:(?P<start>~|{NUMBER})?:)?(?P<end>{NUMBER})?')
TAG_FORM = re.compile(r'[^\s:][^:]*:.*\S')


def parse_thresholds(entries: object, gauges: Mapping[str, MetricSpec]) -> tuple[Threshold, ...]:
    """The thresholds of the option as parsed from YAML. `gauges` are the metrics that can be named, without prefix.

    Raises SettingsError for the first entry that cannot be used. A key that is null counts as absent. Ranges belong in
    quotes: YAML may read a bare 10:20 as the number 620, which cannot be noticed here.
    """
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)) or len(entries) > MOST_THRESHOLDS:
        raise refused(OPTION, quoted(entries), f'a list of maps with {", ".join(KEYS)}, at most {MOST_THRESHOLDS}')
    numbers: dict[tuple[str, frozenset[str]], int] = {}
    thresholds = []
    for number, entry in enumerate(entries, 1):
        try:
            threshold = _threshold(entry, gauges)
            # Datadog stores both spellings of a tag as one, so the two statuses would be one, too.
            key = threshold.metric.name, frozenset(map(as_stored, threshold.tags))
            if key in numbers:
                raise ValueError(
                    f'`metric` {threshold.metric.name!r} with the same `tags` is in entry {numbers[key]} already. '
                    'Accepted: each metric once for each selection of tags.'
                )
        except ValueError as error:
            raise SettingsError(f'Option `{OPTION}`: entry {number}: {error}') from None
        numbers[key] = number
        thresholds.append(threshold)
    return tuple(thresholds)


def parse_range(text: object) -> Range:
    """The range that a text or a number of the configuration means. Raises ValueError with the accepted forms.

    A missing start is 0, a missing end is infinity, `~` is minus infinity.
    """
    written = str(text) if isinstance(text, float) else number_as_text(text)
    match = FORM.fullmatch(written.strip()) if isinstance(written, str) and len(written) <= LONGEST_RANGE else None
    if match is None or (match['start'] is None and match['end'] is None):
        raise ValueError(refusal(quoted(text), RANGES))
    start = -inf if match['start'] == '~' else float(match['start'] or 0)
    end = float(match['end'] or inf)
    # A number too large for a double reads as infinite, and only an open end may be that.
    finite = (isfinite(start) or match['start'] == '~') and (isfinite(end) or match['end'] is None)
    if start > end or not finite:
        raise ValueError(refusal(quoted(text), RANGES))
    return Range(start, end, match['inside'] is not None)


def _threshold(entry: object, gauges: Mapping[str, MetricSpec]) -> Threshold:
    if not isinstance(entry, Mapping):
        raise ValueError(refusal(quoted(entry), f'a map with {", ".join(KEYS)}'))
    for key in entry:
        if key not in KEYS:
            nearest = get_close_matches(key, KEYS, 1) if isinstance(key, str) else ()
            raise ValueError(f'key {refusal(quoted(key), ", ".join(KEYS), nearest=nearest)}')
    fields = {key: value for key, value in entry.items() if value is not None}
    metric = _metric(fields.get('metric'), gauges)
    if 'warning' not in fields and 'critical' not in fields:
        raise ValueError(f'at least one of `warning` and `critical` is needed for {metric.name}, and neither is given.')
    return Threshold(metric, _range('warning', fields), _range('critical', fields), _tags(fields.get('tags', ())))


def _metric(value: object, gauges: Mapping[str, MetricSpec]) -> MetricSpec:
    if not isinstance(value, str):
        raise ValueError(f'`metric`: {refusal(quoted(value), METRICS)}')
    name = value[:LONGEST_TAG].strip().removeprefix(PREFIX)
    if name in gauges:
        return gauges[name]
    gauge = name.removesuffix('.count')
    if gauge != name and gauge in gauges:
        accepted = f'{METRICS}, since thresholds look at gauges and not at counts: use `{gauge}`'
        raise ValueError(f'`metric`: {refusal(quoted(value), accepted)}')
    # The usual mistake is to leave out the family in front, and difflib would rather suggest a shorter name.
    lower, names = gauge.lower(), sorted(gauges)
    nearest = [name for name in names if name.endswith(f'.{lower}')] or get_close_matches(lower, names, 1, 0.4)
    accepted = METRICS if gauge == name else f'{METRICS}; thresholds look at gauges and not at counts'
    raise ValueError(f'`metric`: {refusal(quoted(value), accepted, nearest=nearest)}')


def _range(key: str, fields: Mapping[str, object]) -> Range | None:
    try:
        return parse_range(fields[key]) if key in fields else None
    except ValueError as error:
        raise ValueError(f'`{key}`: {error}') from None


def _tags(tags: object) -> frozenset[str]:
    if not isinstance(tags, (list, tuple)) or len(tags) > MOST_TAGS:
        raise ValueError(f'`tags`: {refusal(quoted(tags), TAGS)}')
    for tag in tags:
        if not isinstance(tag, str) or len(tag) > LONGEST_TAG or not TAG_FORM.fullmatch(tag.strip()):
            raise ValueError(f'`tags`: {refusal(quoted(tag), TAGS)}')
    return frozenset(tag.strip() for tag in tags)
