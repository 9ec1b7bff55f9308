"""Options as they were written, and what is accepted of each kind.

A wrong value is refused in one sentence with the option, the value and the accepted form; a secret is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

REGION = re.compile(r'[a-z]{2,}(-[a-z]+)+-\d+')
ACCOUNT = re.compile(r'[0-9]{12}')
URL = re.compile(r'https?://[^\s/]+\S*')
SECRETS = frozenset({'aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', 'external_id', 'proxy'})


class SettingsError(ValueError):
    """An option that cannot be used. The text names the option, the value and the accepted form."""


class Options:
    """The options of an instance as they were written. An option that is null counts as not given."""

    def __init__(self, instance: Mapping[str, Any]) -> None:
        self._given = {name: value for name, value in instance.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str, form: re.Pattern[str] | None, accepted: str, *default: Any) -> Any:
        if name not in self and default:
            return default[0]
        value = self._given.get(name)
        if not isinstance(value, str) or not value.strip() or (form is not None and not form.fullmatch(value)):
            raise self.refused(name, value, accepted)
        return value

    def whole(self, name: str, least: int, most: int, step: int, default: Any, unit: str = 'seconds') -> int:
        value = self._given.get(name, default)
        accepted = f'a whole number of {unit} from {least} to {most}'
        accepted += f' that is a multiple of {step}' if step > 1 else ''
        number = _number(value)
        if number is None or number != int(number) or not least <= number <= most or number % step:
            raise self.refused(name, value, accepted)
        return int(number)

    def number(self, name: str, accepted: str, least: float, most: float, default: Any) -> float:
        value = self._given.get(name, default)
        number = _number(value)
        if number is None or not least <= number <= most:
            raise self.refused(name, value, accepted)
        return number

    def tags(self, name: str) -> tuple[str, ...]:
        value = self._given.get(name, ())
        if not isinstance(value, (list, tuple)) or not all(isinstance(tag, str) for tag in value):
            raise self.refused(name, value, 'a list of texts, for example ["team:mail"]')
        return tuple(value)

    def regions(self, name: str) -> tuple[str, ...]:
        accepted = 'all, or a list of AWS Regions, each once, for example [us-east-1, eu-west-1]'
        value = self._given[name]
        if not isinstance(value, (list, tuple)) or not value or len(set(map(str, value))) != len(value):
            raise self.refused(name, value, accepted)
        for region in value:
            if not isinstance(region, str) or not REGION.fullmatch(region):
                raise self.refused(name, region, accepted)
        return tuple(value)

    def account(self, name: str) -> str | None:
        value = self._given.get(name)
        # YAML reads digits without quotes as a number, and a leading zero as octal.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if text is not None and not (isinstance(text, str) and ACCOUNT.fullmatch(text)):
            raise self.refused(name, value, "the 12 digits of an AWS account in quotes, for example '012345678901'")
        return text

    def flag(self, name: str, default: bool) -> bool:
        value = self._given.get(name, default)
        if isinstance(value, str) and value.lower() in ('true', 'false'):
            return value.lower() == 'true'
        if not isinstance(value, bool):
            raise self.refused(name, value, 'true or false')
        return value

    def one_of(self, name: str, accepted: Collection[str], default: str) -> str:
        value = self._given.get(name, default)
        if not isinstance(value, str) or value not in accepted:
            raise self.refused(name, value, ', '.join(accepted))
        return str(value)

    def some_of(self, name: str, accepted: Collection[str], default: Sequence[str]) -> tuple[str, ...]:
        value = self._given.get(name, default)
        form = f'a list of some of {", ".join(accepted)}'
        if not isinstance(value, (list, tuple)):
            raise self.refused(name, value, form)
        for one in value:
            if not isinstance(one, str) or one not in accepted:
                raise self.refused(name, one, form)
        return tuple(dict.fromkeys(value))

    def texts(self, name: str, form: re.Pattern[str], accepted: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = self._given.get(name, ())
        texts = (value,) if isinstance(value, str) else value
        if not isinstance(texts, (list, tuple)):
            raise self.refused(name, value, accepted)
        for text in texts:
            if not isinstance(text, str) or not form.fullmatch(text):
                raise self.refused(name, text, accepted)
        return tuple(texts)

    def urls(self, name: str, services: Collection[str]) -> dict[str, str]:
        value = self._given.get(name, {})
        accepted = f'a URL (http:// or https://) for all services, or a map of {", ".join(services)} to URLs'
        urls = dict.fromkeys(services, value) if isinstance(value, str) else value
        if not isinstance(urls, Mapping):
            raise self.refused(name, value, accepted)
        for service, url in urls.items():
            if service not in services or not isinstance(url, str) or not URL.fullmatch(url) or not host_of(url):
                raise self.refused(name, f'{service}: {url}' if urls is value else url, accepted)
        return dict(urls)

    def raw(self, name: str) -> Any:
        return self._given.get(name)

    def needs(self, one: str, other: str) -> None:
        if one in self and other not in self:
            raise SettingsError(f'Option `{one}` is of use only together with `{other}`, which is not given.')

    def excludes(self, one: str, other: str) -> None:
        if one in self and other in self:
            raise SettingsError(f'Options `{one}` and `{other}` are both given: give one of them.')

    def refused(self, name: str, value: Any, accepted: str) -> SettingsError:
        shown = '(not shown)' if name in SECRETS else repr(value)
        return SettingsError(f'Option `{name}`: {shown} cannot be used. Accepted: {accepted}.')


def host_of(url: str) -> str | None:
    """The host of a URL, or None where the URL is none: no host, or a port that cannot be."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
