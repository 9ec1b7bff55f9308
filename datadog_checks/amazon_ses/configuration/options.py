"""Options: reads the options of an instance, one method for each kind of value.

A value that cannot be used is refused in one sentence with the option, the value and the accepted form. Secrets are not
shown. Defaults come from the generated config models, so assets/configuration/spec.yaml is their only source.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from datadog_checks.amazon_ses.config_models import defaults
from datadog_checks.amazon_ses.configuration.quotes import NOT_SHOWN, quoted

REGION = re.compile(r'[a-z]{2,}(-[a-z]+)+-\d+')
ACCOUNT_ID = re.compile(r'[0-9]{12}')
URL = re.compile(r'https?://[^\s/]+\S*')
NUMBER = re.compile(r'[-+]?[0-9]{1,15}(\.[0-9]{1,15})?')
SECRETS = frozenset({'aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', 'external_id', 'proxy'})

LONGEST_TEXT = 8192
"""Characters of a text: more than any token of AWS has."""

LONGEST_FORM = 2048
"""Characters of a text that must have a certain form: more than any ARN or URL of AWS has."""

LONGEST_NUMBER = 64
"""Characters, and bits, of a number."""

MOST_MEMBERS = 1000
"""Members of a list."""


class SettingsError(ValueError):
    """An option that cannot be used. The text names the option, the value and the accepted form."""


def refused(option: str, shown: str, accepted: str, reason: str = '') -> SettingsError:
    """The error for the value of an option. The arguments are those of `refusal`."""
    return SettingsError(f'Option `{option}`: {refusal(shown, accepted, reason)}')


def refusal(shown: str, accepted: str, reason: str = '', nearest: Iterable[str] = ()) -> str:
    """The sentence that refuses a value.

    `shown` is the value as a message may show it, `reason` continues "cannot be used", `nearest` are similar names.
    """
    return f'{shown} cannot be used{reason}. Accepted: {accepted}{suggestion(nearest) or "."}'


def suggestion(names: Iterable[str]) -> str:
    """The end of a sentence that suggests similar names, or nothing where there are none."""
    quoted = ' or '.join(f'`{name}`' for name in names)
    return f'; did you mean {quoted}?' if quoted else ''


class Options:
    """The options of one section of the configuration: `instance`, or `shared` for init_config.

    An option whose value is null counts as absent. Each method raises SettingsError for a value that it cannot use.
    """

    def __init__(self, values: Mapping[str, Any], section: str = 'instance') -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._section = section

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def default(self, name: str) -> Any:
        return getattr(defaults, f'{self._section}_{name}')()

    def text(self, name: str, accepted: str, form: re.Pattern[str] | None = None, default: Any = None) -> Any:
        if name not in self:
            return default
        value = self._values[name]
        if not isinstance(value, str) or not value.strip() or not has_form(value, form):
            raise self.refused(name, value, accepted)
        return value

    def stripped(self, name: str, accepted: str, form: re.Pattern[str]) -> str | None:
        """A text without the white space around it, which mounted secrets and blocks of YAML add."""
        value = self._values.get(name)
        if value is None:
            return None
        text = value.strip() if isinstance(value, str) else ''
        if not form.fullmatch(text):
            raise self.refused(name, value, accepted)
        return text

    def whole_number(self, name: str, least: int, most: int, step: int = 1, unit: str = 'seconds') -> int:
        value = self._value(name)
        accepted = f'a whole number of {unit} from {least} to {most}'
        accepted += f' that is a multiple of {step}' if step > 1 else ''
        number = _number(value)
        if number is None or number != int(number) or not least <= number <= most or number % step:
            raise self.refused(name, value, accepted)
        return int(number)

    def number(self, name: str, accepted: str, least: float, most: float) -> float:
        value = self._value(name)
        number = _number(value)
        if number is None or not least <= number <= most:
            raise self.refused(name, value, accepted)
        return number

    def tags(self, name: str) -> tuple[str, ...]:
        accepted = f'a list of at most {MOST_MEMBERS} texts, for example ["team:mail"]'
        value = self._list(name, accepted, ())
        for tag in value:
            if not isinstance(tag, str) or len(tag) > LONGEST_TEXT:
                raise self.refused(name, tag, accepted)
        return tuple(value)

    def regions(self, name: str) -> tuple[str, ...]:
        accepted = 'all, or a list of AWS Regions, each once, for example [us-east-1, eu-west-1]'
        value = self._list(name, accepted)
        for region in value:
            if not isinstance(region, str) or not has_form(region, REGION):
                raise self.refused(name, region, accepted)
        if not value or len(set(value)) != len(value):
            raise self.refused(name, value, accepted)
        return tuple(value)

    def account_id(self, name: str) -> str | None:
        value = self._values.get(name)
        # YAML reads digits without quotes as a number, and a leading zero as octal.
        text = number_as_text(value)
        if text is not None and not (isinstance(text, str) and ACCOUNT_ID.fullmatch(text)):
            raise self.refused(name, value, "the 12 digits of an AWS account in quotes, for example '012345678901'")
        return text

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false. `default` replaces the default of the config models."""
        value = self._value(name) if default is None else self._values.get(name, default)
        if isinstance(value, str) and value.lower() in ('true', 'false'):
            return value.lower() == 'true'
        if not isinstance(value, bool):
            raise self.refused(name, value, 'true or false')
        return value

    def choice(self, name: str, accepted: Collection[str]) -> str:
        value = self._value(name)
        if not isinstance(value, str) or value not in accepted:
            raise self.refused(name, value, ', '.join(accepted))
        return str(value)

    def choices(self, name: str, accepted: Collection[str], default: Collection[str]) -> tuple[str, ...]:
        """Some of the accepted words, each once."""
        form = f'a list of some of {", ".join(accepted)}'
        value = self._list(name, form, default)
        for word in value:
            if not isinstance(word, str) or word not in accepted:
                raise self.refused(name, word, form)
        return tuple(dict.fromkeys(value))

    def texts(self, name: str, form: re.Pattern[str], accepted: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = self._values.get(name, ())
        texts = (value,) if isinstance(value, str) else self._list(name, accepted, ())
        for text in texts:
            if not isinstance(text, str) or not has_form(text, form):
                raise self.refused(name, text, accepted)
        return tuple(texts)

    def urls(self, name: str, services: Collection[str]) -> dict[str, str]:
        """URLs by service. A single URL is that of every service."""
        value = self._values.get(name, {})
        accepted = f'a URL (http:// or https://) for all services, or a map of {", ".join(services)} to URLs'
        urls = dict.fromkeys(services, value) if isinstance(value, str) else value
        if not isinstance(urls, Mapping):
            raise self.refused(name, value, accepted)
        for service, url in urls.items():
            if service not in services or not isinstance(url, str) or not has_form(url, URL) or not host_of(url):
                raise self.refused(name, {service: url} if urls is value else url, accepted)
        return dict(urls)

    def needs(self, name: str, companion: str) -> None:
        if name in self and companion not in self:
            raise SettingsError(f'Option `{name}` is of use only together with `{companion}`, which is not given.')

    def excludes(self, name: str, rival: str) -> None:
        if name in self and rival in self:
            raise SettingsError(f'Options `{name}` and `{rival}` are both given: give one of them.')

    def refused(self, name: str, value: Any, accepted: str) -> SettingsError:
        return refused(name, NOT_SHOWN if name in SECRETS else quoted(value), accepted)

    def shown(self, name: str) -> str:
        """The value of an option as a message may show it."""
        return NOT_SHOWN if name in SECRETS else quoted(self.raw(name))

    def _list(self, name: str, accepted: str, default: Collection[Any] = ()) -> list[Any] | tuple[Any, ...]:
        value = self._values.get(name, default)
        if not isinstance(value, (list, tuple)) or len(value) > MOST_MEMBERS:
            raise self.refused(name, value, accepted)
        return value

    def _value(self, name: str) -> Any:
        return self._values[name] if name in self else self.default(name)


def has_form(text: str, form: re.Pattern[str] | None) -> bool:
    """Whether a text has a form, or without a form is printable and not longer than any text that is meant. No text
    takes long."""
    if form is None:
        return len(text) <= LONGEST_TEXT and text.strip().isprintable()
    return len(text) <= LONGEST_FORM and form.fullmatch(text) is not None


def host_of(url: str) -> str | None:
    """The host of a URL, or None where the URL has no host or an impossible port."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def number_as_text(value: Any) -> Any:
    """The digits of a whole number, any other value as it is. True and false are most likely a yes or no in YAML."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= LONGEST_NUMBER
    return str(value) if is_number else value


def _number(value: Any) -> float | None:
    if isinstance(value, str) and not (len(value) <= LONGEST_NUMBER and NUMBER.fullmatch(value.strip())):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
        return None
    number = float(value)
    return number if abs(number) < 1e12 else None
