"""The options `include` and `exclude`: which of the series that CloudWatch lists are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from datadog_checks.amazon_ses.cloudwatch.selection import Pattern, compiles
from datadog_checks.amazon_ses.cloudwatch.series import LONGEST_VALUE
from datadog_checks.amazon_ses.configuration.options import SettingsError, number_as_text, refused
from datadog_checks.amazon_ses.configuration.quotes import quoted

KEYS = ('metric', 'dimension', 'value')
MOST_PATTERNS = 200
"""Each pattern is compared with every series that CloudWatch lists."""

FORM = (
    'a list of maps with at least one of metric, dimension and value, each a name of CloudWatch in which * stands for '
    'anything, for example [{"dimension": "ses:configuration-set", "value": "test-*"}]; '
    f'at most {MOST_PATTERNS} maps, and {LONGEST_VALUE} characters in a name'
)


def parse_patterns(option: str, entries: object) -> tuple[Pattern, ...]:
    """The patterns of an option. Raises SettingsError for the first entry that cannot be used."""
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)) or not 0 < len(entries) <= MOST_PATTERNS:
        raise _refused(option, entries)
    return tuple(_pattern(option, entry) for entry in entries)


def _pattern(option: str, entry: object) -> Pattern:
    if not isinstance(entry, Mapping) or not entry or not all(key in KEYS for key in entry):
        raise _refused(option, entry)
    texts = {key: number_as_text(value) for key, value in entry.items()}
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST_VALUE and compiles(text) for text in texts.values()):
        raise _refused(option, entry)
    return Pattern(**texts)


def _refused(option: str, entry: object) -> SettingsError:
    return refused(option, quoted(entry), FORM)
