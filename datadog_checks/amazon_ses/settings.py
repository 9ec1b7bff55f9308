"""What the operator decided: the options of an instance, checked once and frozen.

A wrong value is refused with the option, the value and the accepted form. Defaults come from the generated config
models, so assets/configuration/spec.yaml stays their only source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .cloudwatch.ledger import NEWEST_PERIODS, SWEEP_EVERY, Reach
from .config_models import defaults

SERVICES = ('cloudwatch', 'ses', 'sesv2', 'sts')
SECRETS = frozenset({'aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', 'external_id'})

AGENT_OPTIONS = frozenset(
    {
        'ad_identifiers',
        'check_sampling',
        'cluster_check',
        'debug_metrics',
        'disable_generic_tags',
        'empty_default_hostname',
        'enable_legacy_tags_normalization',
        'exclude_metrics_filters',
        'ignore_missing_mp',
        'loader',
        'max_returned_metrics',
        'metric_patterns',
        'min_collection_interval',
        'name',
        'namespace',
        'no_index',
        'process_isolation',
        'provider',
        'service',
        'tags',
        'use_agent_proxy',
    }
)
"""Options that the Agent reads itself or adds; they are none of ours and no mistake."""

REGION = re.compile(r'[a-z]{2,}(-[a-z]+)+-\d+')
ACCOUNT = re.compile(r'\d{12}')
ROLE = re.compile(r'arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):role/\S+')
URL = re.compile(r'https?://[^\s/]+\S*')

DAY = 86400
SHORTEST_SECRET = 6


class SettingsError(ValueError):
    """An option that cannot be used. The text names the option, the value and the accepted form."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one instance, resolved. Times are seconds."""

    regions: tuple[str, ...]
    account_id: str | None
    access_key_id: str | None
    secret_access_key: str | None
    session_token: str | None
    profile: str | None
    role_arn: str | None
    external_id: str | None
    endpoint_urls: Mapping[str, str]
    connect_timeout: float
    read_timeout: float
    period: int
    timeframe: int
    settle_delay: int
    backfill_limit: int
    ledger: str
    tags: tuple[str, ...]
    deadline: float

    @property
    def account(self) -> str | None:
        """The account, where the options tell it: `account_id`, else that of the role."""
        if self.account_id is None and self.role_arn is not None:
            role = ROLE.fullmatch(self.role_arn)
            return role['account'] if role else None
        return self.account_id

    def reach(self, failover: bool) -> Reach:
        """How far back the ledger looks: at least three periods, and for late data `timeframe` from a period's end."""
        late = max(self.timeframe, NEWEST_PERIODS * self.period) + 2 * self.period
        return Reach(late, max(self.backfill_limit, late + SWEEP_EVERY + self.period), failover)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown. A text of a few letters is no secret, and to blank it would blank half of a log."""
        given = (self.secret_access_key, self.session_token, self.external_id)
        return tuple(secret for secret in given if secret and len(secret) >= SHORTEST_SECRET)


def read(instance: Mapping[str, Any]) -> Settings:
    """The settings of an instance. Raises SettingsError for the first option that cannot be used."""
    option = _Options(instance)
    if ('region' in option) == ('regions' in option):
        raise SettingsError(
            'Option `region`: exactly one of `region` (for example us-east-1) and `regions` (a list of such names) '
            f'is needed, and {"both are" if "region" in option else "neither is"} given.'
        )
    if 'region' in option:
        regions = (option.text('region', REGION, 'the name of one AWS Region, for example us-east-1'),)
    else:
        regions = option.regions('regions')
    access_key, secret_key, token = (
        option.text(name, None, 'text', None)
        for name in ('aws_access_key_id', 'aws_secret_access_key', 'aws_session_token')
    )
    option.together('aws_access_key_id', 'aws_secret_access_key')
    option.needs('aws_session_token', 'aws_access_key_id')
    option.needs('external_id', 'role_arn')
    option.excludes('aws_profile', 'aws_access_key_id')
    interval = option.number('min_collection_interval', 'seconds above 0, for example 60', 0.001, DAY, 15.0)
    connect_timeout = option.number(
        'connect_timeout', 'seconds from 0.1 to 60', 0.1, 60, defaults.instance_connect_timeout()
    )
    read_timeout = option.number('read_timeout', 'seconds from 0.1 to 60', 0.1, 60, defaults.instance_read_timeout())
    return Settings(
        regions=regions,
        account_id=option.account('account_id'),
        access_key_id=access_key,
        secret_access_key=secret_key,
        session_token=token,
        profile=option.text('aws_profile', None, 'the name of a profile', None),
        role_arn=option.text('role_arn', ROLE, 'the ARN of a role, arn:aws:iam::123456789012:role/NAME', None),
        external_id=option.text('external_id', None, 'text', None),
        endpoint_urls=option.endpoints('endpoint_url'),
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        period=option.whole('period', 60, DAY, 60, defaults.instance_period()),
        timeframe=option.whole('timeframe', 60, DAY, 1, defaults.instance_timeframe()),
        settle_delay=option.whole('settle_delay', 0, DAY, 1, defaults.instance_settle_delay()),
        backfill_limit=option.whole('backfill_limit', 60, DAY, 1, defaults.instance_backfill_limit()),
        ledger=option.text('ledger', re.compile(r'[A-Za-z0-9_-]{1,64}'), 'letters, digits, _ and -, at most 64', None)
        or '',
        tags=option.tags('tags'),
        deadline=max(0.75 * interval, connect_timeout + read_timeout),
    )


def unknown(instance: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """A sentence for each option that nobody reads, with the nearest name there is."""
    names = sorted({*known, *AGENT_OPTIONS})
    return [
        f'Option `{option}` is not known and has no effect'
        + ''.join(f'; did you mean `{near}`?' for near in get_close_matches(str(option), names, 1, 0.6))
        for option in instance
        if option not in names and not str(option).startswith('_')
    ]


class _Options:
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
            raise self._refused(name, value, accepted)
        return value

    def whole(self, name: str, least: int, most: int, step: int, default: Any) -> int:
        value = self._given.get(name, default)
        accepted = f'a whole number of seconds from {least} to {most}'
        accepted += f' that is a multiple of {step}' if step > 1 else ''
        number = _number(value)
        if number is None or number != int(number) or not least <= number <= most or number % step:
            raise self._refused(name, value, accepted)
        return int(number)

    def number(self, name: str, accepted: str, least: float, most: float, default: Any) -> float:
        value = self._given.get(name, default)
        number = _number(value)
        if number is None or not least <= number <= most:
            raise self._refused(name, value, accepted)
        return number

    def regions(self, name: str) -> tuple[str, ...]:
        accepted = 'a list of AWS Regions, each once, for example [us-east-1, eu-west-1]'
        value = self._given[name]
        if not isinstance(value, (list, tuple)) or not value or len(set(map(str, value))) != len(value):
            raise self._refused(name, value, accepted)
        for region in value:
            if not isinstance(region, str) or not REGION.fullmatch(region):
                raise self._refused(name, region, accepted)
        return tuple(value)

    def account(self, name: str) -> str | None:
        value = self._given.get(name)
        # YAML reads digits without quotes as a number, and a leading zero as octal.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if text is not None and not (isinstance(text, str) and ACCOUNT.fullmatch(text)):
            raise self._refused(name, value, "the 12 digits of an AWS account in quotes, for example '012345678901'")
        return text

    def endpoints(self, name: str) -> dict[str, str]:
        value = self._given.get(name, {})
        accepted = f'a URL (http:// or https://) for all services, or a map of {", ".join(SERVICES)} to URLs'
        urls = dict.fromkeys(SERVICES, value) if isinstance(value, str) else value
        if not isinstance(urls, Mapping):
            raise self._refused(name, value, accepted)
        for service, url in urls.items():
            if service not in SERVICES or not isinstance(url, str) or not URL.fullmatch(url):
                raise self._refused(name, f'{service}: {url}' if urls is value else url, accepted)
        return dict(urls)

    def tags(self, name: str) -> tuple[str, ...]:
        value = self._given.get(name, ())
        if not isinstance(value, (list, tuple)) or not all(isinstance(tag, str) for tag in value):
            raise self._refused(name, value, 'a list of texts, for example ["team:mail"]')
        return tuple(value)

    def together(self, one: str, other: str) -> None:
        self.needs(one, other)
        self.needs(other, one)

    def needs(self, one: str, other: str) -> None:
        if one in self and other not in self:
            raise SettingsError(f'Option `{one}` is of use only together with `{other}`, which is not given.')

    def excludes(self, one: str, other: str) -> None:
        if one in self and other in self:
            raise SettingsError(f'Options `{one}` and `{other}` are both given: give one of them.')

    def _refused(self, name: str, value: Any, accepted: str) -> SettingsError:
        shown = '(not shown)' if name in SECRETS else repr(value)
        return SettingsError(f'Option `{name}`: {shown} cannot be used. Accepted: {accepted}.')


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
