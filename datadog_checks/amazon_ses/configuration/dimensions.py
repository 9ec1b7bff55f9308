"""The option `dimensions`: series that the operator names by their dimensions.

CloudWatch answers for exact combinations of dimensions only. An entry with lists of values stands for all their
combinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.cloudwatch.metric_table import BY_DIMENSION, SENDING
from datadog_checks.amazon_ses.cloudwatch.series import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_DIMENSIONS,
    Dimensions,
    Scope,
    Series,
)
from datadog_checks.amazon_ses.configuration.options import SECRETS, SettingsError, number_as_text, refused
from datadog_checks.amazon_ses.configuration.quotes import quoted

MOST_SERIES = 1000
"""Series that one instance may name: about 86 dollars a month at the default period."""

FORM = (
    'a list of maps from the name of a dimension to a value or a list of values, for example '
    '[{"ses:configuration-set": [news, alerts]}], with an optional list `metrics`'
)


def parse_dimensions(entries: object, show_addresses: bool) -> tuple[Series, ...]:
    """The series that the option names, each once. Raises SettingsError for the first entry that cannot be used."""
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)) or len(entries) > MOST_SERIES:
        raise _refused(quoted(entries), FORM)
    pairs = dict.fromkeys(pair for entry in entries for pair in _entry(entry))
    _check_limit(len(pairs))
    tags_of = tags.distinct({dimensions: tags.for_dimensions(dimensions, show_addresses) for _, dimensions in pairs})
    return tuple(
        Series(BY_DIMENSION[metric], dimensions, tags_of[dimensions], Scope.NAMED) for metric, dimensions in pairs
    )


def _check_limit(number: int) -> None:
    if number > MOST_SERIES:
        raise _refused(
            f'{number} series',
            f'at most {MOST_SERIES} series (combinations times metrics): each costs about $0.09 a month at a period '
            'of 300 s. Name fewer values, or list fewer `metrics`',
        )


def _entry(entry: object) -> list[tuple[str, Dimensions]]:
    """The pairs of a metric and a combination of dimensions that one entry names."""
    if not isinstance(entry, Mapping):
        raise _refused(quoted(entry), FORM)
    by_name = {number_as_text(name): value for name, value in entry.items() if name != 'metrics'}
    if not 0 < len(by_name) <= MOST_DIMENSIONS or not all(map(_is_name, by_name)):
        accepted = f'{FORM}; 1 to {MOST_DIMENSIONS} dimensions in each, with names of 1 to {LONGEST_NAME} characters'
        raise _refused(quoted(entry), accepted)
    for name in by_name:
        if name in SECRETS:
            accepted = 'names of dimensions; an option of the instance is indented like `dimensions`'
            raise _refused(f'`{name}` in an entry', accepted)
    values = [_values(name, value) for name, value in by_name.items()]
    metrics = _metrics(entry.get('metrics'))
    # The combinations are counted before they are built: a few long lists make millions.
    _check_limit(prod(map(len, values)) * len(metrics))
    return [
        (metric, tuple(zip(by_name, combination, strict=True)))
        for combination in product(*values)
        for metric in metrics
    ]


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME


def _values(name: str, value: Any) -> list[str]:
    texts = [number_as_text(text) for text in (value if isinstance(value, (list, tuple)) else [value])]
    for text in texts or [value]:
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_VALUE:
            accepted = f'{FORM}; values are texts of 1 to {LONGEST_VALUE} characters'
            raise _refused(quoted({name: text}), accepted)
    return texts


def _metrics(names: object) -> list[str]:
    if names is None:
        return [row.metric_name for row in SENDING]
    if not isinstance(names, (list, tuple)) or not names:
        raise _refused(f'metrics: {quoted(names)}', f'a list of {", ".join(BY_DIMENSION)}')
    for name in names:
        if not isinstance(name, str) or name not in BY_DIMENSION:
            raise _refused(f'metrics: {quoted(name)}', f'the names that CloudWatch uses: {", ".join(BY_DIMENSION)}')
    return list(dict.fromkeys(names))


def _refused(shown: str, accepted: str) -> SettingsError:
    return refused('dimensions', shown, accepted)
