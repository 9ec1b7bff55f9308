"""The options `include` and `exclude`: which of the series that CloudWatch lists are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.cloudwatch.selection import Pattern
from datadog_checks.amazon_ses.configuration.options import SettingsError, number_as_text, refused

KEYS = ('metric', 'dimension', 'value')
FORM = (
    'a list of maps with at least one of metric, dimension and value, each a name of CloudWatch in which * stands for '
    'anything, for example [{"dimension": "ses:configuration-set", "value": "test-*"}]'
)


def parse_patterns(option: str, entries: object) -> tuple[Pattern, ...]:
    """The patterns of an option. Raises SettingsError for the first entry that cannot be used."""
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)) or not entries:
        raise _refused(option, entries)
    return tuple(_pattern(option, entry) for entry in entries)


def _pattern(option: str, entry: object) -> Pattern:
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(KEYS):
        raise _refused(option, entry)
    texts = {key: number_as_text(value) for key, value in entry.items()}
    if not all(isinstance(text, str) and text for text in texts.values()):
        raise _refused(option, entry)
    return Pattern(**texts)


def _refused(option: str, entry: object) -> SettingsError:
    return refused(option, masked(repr(entry)), FORM)
