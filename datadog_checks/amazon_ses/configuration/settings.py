"""Settings: the options of an instance, validated once and frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback
from datadog_checks.amazon_ses.cloudwatch.periods import NEWEST_PERIODS
from datadog_checks.amazon_ses.cloudwatch.selection import Pattern
from datadog_checks.amazon_ses.cloudwatch.series import STATISTICS, Series
from datadog_checks.amazon_ses.cloudwatch.slots import IDLE_INTERVAL
from datadog_checks.amazon_ses.configuration.agent_options import MOST_WARNINGS
from datadog_checks.amazon_ses.configuration.bounds import Bounds, parse_bounds
from datadog_checks.amazon_ses.configuration.dimensions import parse_dimensions
from datadog_checks.amazon_ses.configuration.event_queues import parse_event_queues
from datadog_checks.amazon_ses.configuration.network import Network, parse_network
from datadog_checks.amazon_ses.configuration.options import REGION, Options, SettingsError
from datadog_checks.amazon_ses.configuration.patterns import parse_patterns
from datadog_checks.amazon_ses.configuration.quotes import quoted
from datadog_checks.amazon_ses.configuration.sign_in import SignIn, parse_sign_in
from datadog_checks.amazon_ses.configuration.thresholds import parse_thresholds
from datadog_checks.amazon_ses.events.queues import EventOptions
from datadog_checks.amazon_ses.model import MetricSpec
from datadog_checks.amazon_ses.registry import DEFAULT_SOURCES, SOURCE_NAMES
from datadog_checks.amazon_ses.thresholds import Threshold

ALL = 'all'
"""In place of a list of Regions: every Region in which the SDK knows SES."""

LIMITED = (
    'Option `max_returned_metrics` is %s: beyond that many metrics in a run the Agent drops values, amounts of counts '
    'among them, which are then in no count. `amazon_ses.collector.amounts_dropped` reports how many. Use `collect`, '
    '`max_series` or `exclude` to collect less, and take the limit away from this instance.'
)
"""The warning about a limit on metrics, with the limit."""

REGION_PATTERN = re.compile(r'[a-z0-9*-]{1,64}')
OWN_TAGS = ('aws_account', 'region')
DOUBLE_TAG = (
    'is submitted beside the tag of that name which every metric has already, so that a query by it finds both: give '
    'it another name.'
)

LEDGER_NAME = re.compile(r'[A-Za-z0-9_-]{1,64}')

DAY = 86400
MOST_SERIES = 50_000
"""Series that listing may add in one Region: a hundred requests, and half of what one listing reads."""
SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one instance, resolved. Times are seconds. No `regions` means all of them.

    `statistic` and the values of `statistics` are spelled as CloudWatch does; the keys of `statistics` are suffixes.
    `dropped_metrics` are the names, without prefix, of the metrics that `metric_patterns` drops in the Agent.
    `interval` is the collection interval.
    """

    regions: tuple[str, ...]
    exclude_regions: tuple[str, ...]
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
    bounds: Bounds
    show_addresses: bool
    include: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]
    linked_accounts: bool
    thresholds: tuple[Threshold, ...]
    ledger_name: str
    tags: tuple[str, ...]
    dropped_metrics: frozenset[str]
    interval: float
    run_timeout: float
    events: EventOptions = field(default_factory=EventOptions)

    @property
    def account(self) -> str | None:
        """The account, where the options state it: `account_id`, else the account of the last role."""
        return self.sign_in.account if self.account_id is None else self.account_id

    def lookback(self, failover: bool, observed: float = 0.0) -> Lookback:
        """How far back the ledger looks: at least three periods, and for late data `timeframe` from a period's end.

        `failover` says that Agents take turns. `observed` is for how long this process ran without counting.
        """
        late = max(self.timeframe, NEWEST_PERIODS * self.period) + 2 * self.period
        return Lookback(
            late,
            max(self.backfill_limit, late + IDLE_INTERVAL + self.period),
            self.interval if failover else 0.0,
            observed,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be shown. Those of less than six characters are left out: they may occur anywhere."""
        keys = (self.sign_in.secret_access_key, self.sign_in.session_token, self.sign_in.external_id)
        passwords = self.network.proxies.passwords if self.network.proxies else ()
        return tuple(secret for secret in (*keys, *passwords) if secret and len(secret) >= SHORTEST_SECRET)


def from_options(
    instance: Mapping[str, Any],
    init_config: Mapping[str, Any],
    agent_proxy: object,
    gauges: Mapping[str, MetricSpec],
    is_readable: Callable[[str], bool],
    dropped_metrics: Iterable[str] = (),
) -> Settings:
    """The settings of an instance. Raises SettingsError for the first option that cannot be used.

    `agent_proxy` is the Agent's own proxy setting. `gauges` are the metrics that thresholds may name and
    `dropped_metrics` those that `metric_patterns` drops, without prefix. `is_readable` tells whether a path is a file
    that the Agent can read.
    """
    options = Options(instance)
    interval = options.number('min_collection_interval', 'seconds above 0, for example 60', 0.001, DAY)
    regions = _regions(options)
    network = parse_network(instance, init_config, agent_proxy, regions, is_readable)
    thresholds = parse_thresholds(options.raw('thresholds'), gauges)
    sign_in = parse_sign_in(options)
    named_series = parse_dimensions(options.raw('dimensions'), options.flag('show_addresses'))
    return Settings(
        regions=regions,
        exclude_regions=_exclude_regions(options),
        collect=_sources(options, named_series),
        account_id=_account_id(options, sign_in),
        sign_in=sign_in,
        network=network,
        period=options.whole_number('period', 60, DAY, step=60),
        timeframe=options.whole_number('timeframe', 60, DAY),
        settle_delay=options.whole_number('settle_delay', 0, DAY),
        backfill_limit=options.whole_number('backfill_limit', 60, DAY),
        statistic=STATISTICS[options.choice('statistic', STATISTICS)],
        statistics={name: STATISTICS[name] for name in options.choices('statistics', STATISTICS, ())},
        zeroed=options.flag('zeroed'),
        named_series=named_series,
        max_series=options.whole_number('max_series', 0, MOST_SERIES, unit='series'),
        bounds=parse_bounds(options),
        show_addresses=options.flag('show_addresses'),
        include=parse_patterns('include', options.raw('include')),
        exclude=parse_patterns('exclude', options.raw('exclude')),
        linked_accounts=options.flag('linked_accounts'),
        thresholds=thresholds,
        ledger_name=options.text('ledger', 'letters, digits, _ and -, at most 64', LEDGER_NAME, ''),
        tags=options.tags('tags'),
        dropped_metrics=frozenset(dropped_metrics),
        interval=interval,
        run_timeout=options.number('run_timeout', 'seconds from 0.1 to 60', 0.1, 60),
        events=EventOptions(parse_event_queues(options.raw('event_queues'), regions), options.flag('event_logs')),
    )


def odd_tags(tags: Iterable[str]) -> list[str]:
    """A warning for each tag of the options whose name is that of a tag of ours: a query by it would find both."""
    odd = (tag for tag in tags if tag.partition(':')[0].strip().lower() in OWN_TAGS)
    return [f'Option `tags`: {quoted(tag)} {DOUBLE_TAG}' for tag in islice(odd, MOST_WARNINGS)]


def _regions(options: Options) -> tuple[str, ...]:
    if ('region' in options) == ('regions' in options):
        raise SettingsError(
            'Option `region`: exactly one of `region` (for example us-east-1) and `regions` (a list of such names) '
            f'is needed, and {"both are" if "region" in options else "neither is"} given.'
        )
    if options.raw('regions') == ALL:
        return ()
    if 'regions' in options:
        return options.regions('regions')
    return (options.text('region', 'the name of one AWS Region, for example us-east-1', REGION),)


def _exclude_regions(options: Options) -> tuple[str, ...]:
    if 'exclude_regions' in options and options.raw('regions') != ALL:
        raise SettingsError('Option `exclude_regions` is of use only together with `regions: all`.')
    accepted = 'a list of AWS Regions in which * stands for anything, for example ["ap-*", "me-south-1"]'
    return options.texts('exclude_regions', REGION_PATTERN, accepted)


def _account_id(options: Options, sign_in: SignIn) -> str | None:
    account_id = options.account_id('account_id')
    if account_id is not None and sign_in.account not in (None, account_id):
        raise SettingsError(
            f'Option `account_id`: {account_id} is not the account of `role_arn`, which is {sign_in.account}. '
            'Accepted: that account, or no `account_id`.'
        )
    return account_id


def _sources(options: Options, named_series: Collection[Series]) -> frozenset[str]:
    sources = options.choices('collect', SOURCE_NAMES, DEFAULT_SOURCES)
    if not sources and not named_series:
        accepted = f'at least one of {", ".join(SOURCE_NAMES)}, or some `dimensions`'
        raise options.refused('collect', list(sources), accepted)
    return frozenset(sources)
