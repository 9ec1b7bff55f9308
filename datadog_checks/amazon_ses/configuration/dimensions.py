"""The option `dimensions`: series that the operator names, because nothing else can know which combination exists.

CloudWatch answers for exact combinations only. An entry with lists of values stands for all their combinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.cloudwatch.metric_table import BY_DIMENSION, SENDING
from datadog_checks.amazon_ses.cloudwatch.series import Scope, Series
from datadog_checks.amazon_ses.configuration.options import SettingsError

MOST_DIMENSIONS = 30
"""Dimensions of one metric: CloudWatch's limit."""

MOST_SERIES = 1000
"""Series of one instance that may be named: about 86 dollars a month at the default period."""

FORM = (
    'a list of maps from the name of a dimension to a value or a list of values, for example '
    '[{"ses:configuration-set": [news, alerts]}], with an optional list `metrics`'
)


def read(given: object, show_addresses: bool) -> tuple[Series, ...]:
    """The series that the option names, each once. Raises SettingsError for the first entry that cannot be used."""
    if given is None:
        return ()
    if not isinstance(given, (list, tuple)):
        raise _refused(given, FORM)
    found = dict.fromkeys(pair for entry in given for pair in _entry(entry))
    _limit(len(found))
    combinations = {combination: tags.named(combination, show_addresses) for _, combination in found}
    distinct = tags.distinct(combinations)
    return tuple(
        Series(BY_DIMENSION[metric], combination, distinct[combination], Scope.NAMED) for metric, combination in found
    )


def _limit(series: int) -> None:
    if series > MOST_SERIES:
        raise _refused(
            f'{series} series',
            f'at most {MOST_SERIES} series (combinations times metrics): each costs about $0.09 a month at a period '
            'of 300 s. Name fewer values, or list fewer `metrics`',
        )


def _entry(entry: object) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    if not isinstance(entry, Mapping):
        raise _refused(tags.without_addresses(str(entry)), FORM)
    names = [name for name in entry if name != 'metrics']
    if not names or len(names) > MOST_DIMENSIONS:
        raise _refused(tags.without_addresses(str(dict(entry))), f'{FORM}; 1 to {MOST_DIMENSIONS} dimensions in each')
    values = [_values(name, entry[name]) for name in names]
    metrics = _metrics(entry.get('metrics'))
    # Before they are built: a few long lists make millions.
    _limit(prod(map(len, values)) * len(metrics))
    return [
        (metric, tuple(zip(map(str, names), combination, strict=True)))
        for combination in product(*values)
        for metric in metrics
    ]


def _values(name: object, given: Any) -> list[str]:
    values = given if isinstance(given, (list, tuple)) else [given]
    # A number is the text that it stands for; a truth value is most likely a yes or no that YAML has eaten.
    texts = [str(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values]
    if not texts or not all(isinstance(text, str) and 0 < len(text) <= 1024 for text in texts):
        # The values themselves may be addresses.
        raise _refused(f'the value of {name}', f'{FORM}; values are texts of 1 to 1024 characters')
    return texts


def _metrics(given: object) -> list[str]:
    if given is None:
        return [event.metric_name for event in SENDING]
    if not isinstance(given, (list, tuple)) or not given:
        raise _refused(f'metrics: {given!r}', f'a list of {", ".join(BY_DIMENSION)}')
    for name in given:
        if name not in BY_DIMENSION:
            raise _refused(f'metrics: {name!r}', f'the names that CloudWatch uses: {", ".join(BY_DIMENSION)}')
    return list(given)


def _refused(value: object, accepted: str) -> SettingsError:
    return SettingsError(f'Option `dimensions`: {value} cannot be used. Accepted: {accepted}.')
