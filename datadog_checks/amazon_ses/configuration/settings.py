"""What the operator decided: the options of an instance, checked once and frozen.

Defaults come from the generated config models, so assets/configuration/spec.yaml stays their only source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from os import R_OK, access
from os.path import isfile
from typing import Any

from datadog_checks.amazon_ses import thresholds
from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback
from datadog_checks.amazon_ses.cloudwatch.periods import NEWEST_PERIODS
from datadog_checks.amazon_ses.cloudwatch.selection import Pattern
from datadog_checks.amazon_ses.cloudwatch.series import STATISTICS, Series
from datadog_checks.amazon_ses.cloudwatch.slots import IDLE_INTERVAL
from datadog_checks.amazon_ses.config_models import defaults
from datadog_checks.amazon_ses.configuration import dimensions, patterns, proxies
from datadog_checks.amazon_ses.configuration.options import REGION, Options, SettingsError
from datadog_checks.amazon_ses.configuration.proxies import Proxies
from datadog_checks.amazon_ses.model import MetricSpec
from datadog_checks.amazon_ses.thresholds import Threshold

SERVICES = ('cloudwatch', 'ses', 'sesv2', 'sts')
SOURCES = ('account', 'cloudwatch', *families.SOURCES, 'send_statistics')
ALL = 'all'
"""In place of a list of Regions: every one in which the SDK knows SES."""

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

FIPS_REGIONS = (
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
    'ca-central-1',
    'ca-west-1',
    'us-gov-east-1',
    'us-gov-west-1',
)
"""Where SES has FIPS endpoints (AWS General Reference, Amazon SES endpoints)."""

ISOLATED = re.compile(r'[a-z]{2}-iso[a-z]*-.*')
"""Regions of the isolated partitions, which have no dual-stack endpoints."""

ROLE = re.compile(r'arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):role/\S+')
SESSION_NAME = re.compile(r'[\w+=,.@-]{2,64}', re.ASCII)
LEDGER = re.compile(r'[A-Za-z0-9_-]{1,64}')

DAY = 86400
MOST_SERIES = 50_000
"""Series of one Region that listing may add: a hundred requests, and half of what one listing reads."""
SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class SignIn:
    """Whose credentials are used: keys, a profile or the default chain, and the roles assumed from there in turn."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    roles: tuple[str, ...] = ()
    external_id: str | None = None
    session_name: str = 'datadog-amazon-ses'


@dataclass(frozen=True, slots=True)
class Network:
    """How AWS is reached. Timeouts are seconds.

    `proxies` is None where the environment decides. `verify` is whether certificates are checked, or the file of the
    authorities to check them against.
    """

    endpoint_urls: Mapping[str, str]
    connect_timeout: float
    read_timeout: float
    proxies: Proxies | None = None
    verify: bool | str = True
    use_fips: bool = False
    use_dualstack: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one instance, resolved. Times are seconds. No `regions` means all of them.

    `statistic` and the values of `statistics` are spelled as CloudWatch does; the keys of `statistics` are suffixes.
    `excluded` are the names, without prefix, of metrics that the Agent would drop.
    """

    regions: tuple[str, ...]
    account_id: str | None
    sign_in: SignIn
    network: Network
    collect: frozenset[str]
    period: int
    timeframe: int
    settle_delay: int
    backfill_limit: int
    statistic: str
    statistics: Mapping[str, str]
    zeroed: bool
    named_series: tuple[Series, ...]
    max_series: int
    include: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]
    linked_accounts: bool
    thresholds: tuple[Threshold, ...]
    ledger: str
    tags: tuple[str, ...]
    excluded: frozenset[str]
    deadline: float

    @property
    def account(self) -> str | None:
        """The account, where the options tell it: `account_id`, else that of the last role."""
        if self.account_id is None and self.sign_in.roles:
            role = ROLE.fullmatch(self.sign_in.roles[-1])
            return role['account'] if role else None
        return self.account_id

    def lookback(self, failover: bool) -> Lookback:
        """How far back the ledger looks: at least three periods, and for late data `timeframe` from a period's end."""
        late = max(self.timeframe, NEWEST_PERIODS * self.period) + 2 * self.period
        return Lookback(late, max(self.backfill_limit, late + IDLE_INTERVAL + self.period), failover)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown. A text of a few letters is no secret, and to blank it would blank half of a log."""
        given = (self.sign_in.secret_access_key, self.sign_in.session_token, self.sign_in.external_id)
        passwords = self.network.proxies.passwords if self.network.proxies else ()
        return tuple(secret for secret in (*given, *passwords) if secret and len(secret) >= SHORTEST_SECRET)


def read(
    instance: Mapping[str, Any],
    init_config: Mapping[str, Any],
    agent_proxy: object,
    gauges: Mapping[str, MetricSpec],
    excluded: Iterable[str] = (),
) -> Settings:
    """The settings of an instance. Raises SettingsError for the first option that cannot be used.

    `agent_proxy` is the Agent's own proxy setting; `gauges` are the metrics that thresholds may name, and `excluded`
    those that `metric_patterns` drops, all without prefix.
    """
    option = Options(instance)
    interval = option.number('min_collection_interval', 'seconds above 0, for example 60', 0.001, DAY, 15.0)
    regions = _regions(option)
    if option.raw('max_returned_metrics'):
        raise SettingsError(
            f'Option `max_returned_metrics`: {option.raw("max_returned_metrics")!r} cannot be used, because it would '
            'drop amounts that are booked as counted. Accepted: 0. Use `collect`, `dimensions` or `metric_patterns` to '
            'collect less.'
        )
    network = _network(option, instance, init_config, agent_proxy, regions)
    statistic = option.one_of('statistic', STATISTICS, defaults.instance_statistic())
    try:
        chosen_thresholds = thresholds.read(option.raw('thresholds'), gauges)
        named = dimensions.read(
            option.raw('dimensions'), option.flag('show_addresses', defaults.instance_show_addresses())
        )
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(str(error)) from None
    collect = option.some_of('collect', SOURCES, SOURCES)
    if not collect and not named:
        raise option.refused('collect', list(collect), f'at least one of {", ".join(SOURCES)}, or some `dimensions`')
    return Settings(
        regions=regions,
        account_id=option.account('account_id'),
        sign_in=_sign_in(option),
        network=network,
        collect=frozenset(collect),
        period=option.whole('period', 60, DAY, 60, defaults.instance_period()),
        timeframe=option.whole('timeframe', 60, DAY, 1, defaults.instance_timeframe()),
        settle_delay=option.whole('settle_delay', 0, DAY, 1, defaults.instance_settle_delay()),
        backfill_limit=option.whole('backfill_limit', 60, DAY, 1, defaults.instance_backfill_limit()),
        statistic=STATISTICS[statistic],
        statistics={name: STATISTICS[name] for name in option.some_of('statistics', STATISTICS, ())},
        zeroed=option.flag('zeroed', defaults.instance_zeroed()),
        named_series=named,
        max_series=option.whole('max_series', 0, MOST_SERIES, 1, defaults.instance_max_series(), 'series'),
        include=patterns.read('include', option.raw('include')),
        exclude=patterns.read('exclude', option.raw('exclude')),
        linked_accounts=option.flag('linked_accounts', defaults.instance_linked_accounts()),
        thresholds=chosen_thresholds,
        ledger=option.text('ledger', LEDGER, 'letters, digits, _ and -, at most 64', ''),
        tags=option.tags('tags'),
        excluded=frozenset(excluded),
        deadline=max(0.75 * interval, network.connect_timeout + network.read_timeout),
    )


def _regions(option: Options) -> tuple[str, ...]:
    if ('region' in option) == ('regions' in option):
        raise SettingsError(
            'Option `region`: exactly one of `region` (for example us-east-1) and `regions` (a list of such names) '
            f'is needed, and {"both are" if "region" in option else "neither is"} given.'
        )
    if option.raw('regions') == ALL:
        return ()
    if 'regions' in option:
        return option.regions('regions')
    return (option.text('region', REGION, 'the name of one AWS Region, for example us-east-1'),)


def _sign_in(option: Options) -> SignIn:
    option.needs('aws_access_key_id', 'aws_secret_access_key')
    option.needs('aws_secret_access_key', 'aws_access_key_id')
    option.needs('aws_session_token', 'aws_access_key_id')
    option.needs('external_id', 'role_arn')
    option.needs('role_session_name', 'role_arn')
    option.excludes('aws_profile', 'aws_access_key_id')
    return SignIn(
        access_key_id=option.text('aws_access_key_id', None, 'text', None),
        secret_access_key=option.text('aws_secret_access_key', None, 'text', None),
        session_token=option.text('aws_session_token', None, 'text', None),
        profile=option.text('aws_profile', None, 'the name of a profile', None),
        roles=option.texts(
            'role_arn', ROLE, 'the ARN of a role (arn:aws:iam::123456789012:role/NAME), or a list of them for a chain'
        ),
        external_id=option.text('external_id', None, 'text', None),
        session_name=option.text(
            'role_session_name',
            SESSION_NAME,
            '2 to 64 letters, digits and _+=,.@-',
            defaults.instance_role_session_name(),
        ),
    )


def _network(
    option: Options,
    instance: Mapping[str, Any],
    init_config: Mapping[str, Any],
    agent_proxy: object,
    regions: Iterable[str],
) -> Network:
    seconds = 'seconds from 0.1 to 60'
    verify = option.flag('tls_verify', defaults.instance_tls_verify())
    authorities = option.text('tls_ca_cert', None, 'the path of a file with certificates', None)
    if authorities is not None and not (isfile(authorities) and access(authorities, R_OK)):
        raise option.refused('tls_ca_cert', authorities, 'the path of a file with certificates that the Agent can read')
    use_fips = option.flag('use_fips', defaults.instance_use_fips())
    use_dualstack = option.flag('use_dualstack', defaults.instance_use_dualstack())
    for region in regions:
        if use_fips and region not in FIPS_REGIONS:
            raise SettingsError(
                f'Option `use_fips`: true cannot be used in {region}, where SES has no FIPS endpoint. '
                f'Accepted: false, or one of the Regions {", ".join(FIPS_REGIONS)}.'
            )
        if use_dualstack and ISOLATED.fullmatch(region):
            raise SettingsError(
                f'Option `use_dualstack`: true cannot be used in {region}, which has no dual-stack endpoints. '
                'Accepted: false.'
            )
    return Network(
        endpoint_urls=option.urls('endpoint_url', SERVICES),
        connect_timeout=option.number('connect_timeout', seconds, 0.1, 60, defaults.instance_connect_timeout()),
        read_timeout=option.number('read_timeout', seconds, 0.1, 60, defaults.instance_read_timeout()),
        proxies=proxies.read(instance, init_config, agent_proxy),
        verify=(authorities or True) if verify else False,
        use_fips=use_fips,
        use_dualstack=use_dualstack,
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
