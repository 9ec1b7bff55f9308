"""The options `include` and `exclude`: which of the series that CloudWatch lists are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.cloudwatch.selection import Pattern
from datadog_checks.amazon_ses.configuration.options import SettingsError

KEYS = ('metric', 'dimension', 'value')
FORM = (
    'a list of maps with at least one of metric, dimension and value, each a name of CloudWatch in which * stands for '
    'anything, for example [{"dimension": "ses:configuration-set", "value": "test-*"}]'
)


def read(option: str, given: object) -> tuple[Pattern, ...]:
    """The patterns of an option. Raises SettingsError for the first entry that cannot be used."""
    if given is None:
        return ()
    if not isinstance(given, (list, tuple)) or not given:
        raise _refused(option, given)
    return tuple(_entry(option, entry) for entry in given)


def _entry(option: str, entry: object) -> Pattern:
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(KEYS):
        raise _refused(option, entry)
    # A number is the text that it stands for, as in the option `dimensions`.
    texts = {
        key: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for key, value in entry.items()
    }
    if not all(isinstance(text, str) and text for text in texts.values()):
        raise _refused(option, entry)
    return Pattern(**texts)


def _refused(option: str, value: object) -> SettingsError:
    shown = tags.without_addresses(repr(value))
    return SettingsError(f'Option `{option}`: {shown} cannot be used. Accepted: {FORM}.')
