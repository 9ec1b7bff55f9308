"""How much the accounts of a plan cost: calls, billed metrics, dollars, contexts, and the Agents that they need.

The calls follow from the intervals that the check declares. `make fleet` compares the figures with the requests that a
simulated AWS gets, and measures the two limits of an Agent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch import discovery, families, slots
from datadog_checks.amazon_ses.cloudwatch.cost import MONTH, PRICE
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SPECS, BY_CONFIGURATION_SET, BY_TENANT
from datadog_checks.amazon_ses.cloudwatch.queries import MAX_QUERIES
from datadog_checks.amazon_ses.collectors.account import ACCOUNT
from datadog_checks.amazon_ses.collectors.send_statistics import SEND_STATISTICS
from datadog_checks.amazon_ses.sweeps import (
    dedicated_ips,
    findings,
    global_endpoints,
    identity_rounds,
    jobs,
    receiving_rules,
    set_facts,
    set_rounds,
    tenant_rounds,
)
from standalone.accounts import Account

HOUR = 3600
SERIES_OF_SET = len(BY_CONFIGURATION_SET)
SERIES_OF_TENANT = len(set(BY_TENANT.values()))

SERIES_OF_PAGE = 500
"""Series that a page of ListMetrics names."""

CONTEXTS, CONTEXTS_WITH_SETS, CONTEXTS_WITH_TENANTS = 125, 13, 4
"""Contexts of an account in a Region that sends mail, and how many more there are where it has configuration sets or
tenants, beside one for each of their series. Counted by `tests/benchmarks/test_benchmarks_fleet.py`."""

PLAIN_LISTS = {
    'global_endpoint_health': (global_endpoints.EMPTY_INTERVAL, ('ListMultiRegionEndpoints',)),
    'dedicated_ips': (dedicated_ips.INTERVAL, ('GetDedicatedIps', 'ListDedicatedIpPools')),
    'jobs': (jobs.INTERVAL, ('ListImportJobs', 'ListExportJobs')),
    'receiving_rules': (
        receiving_rules.INTERVAL,
        ('DescribeActiveReceiptRuleSet', 'ListReceiptRuleSets', 'ListReceiptFilters'),
    ),
}
"""By source, the lists of what most accounts have none of: how often, and which."""

MOST_CALLS = 500_000
"""Calls of AWS that one Agent makes in an hour at most: so many take a quarter to a third of a processor core, and all
Python checks of an Agent share one. `make fleet` measures the milliseconds of a call."""

MOST_TARGETS = 1_000
"""Accounts by Region that one Agent reads at most: so many take about a gigabyte. `make fleet` measures it."""


class Choices(NamedTuple):
    """The options that decide the cost: `period`, `min_collection_interval`, `max_series`, `collect`."""

    period: int
    interval: float
    max_series: int
    collect: frozenset[str]


@dataclass(frozen=True)
class Estimate:
    """What some accounts cost: calls of each operation and billed metrics in an hour, contexts, accounts by Region, and
    series that `max_series` leaves out."""

    calls: Mapping[str, float] = field(default_factory=dict)
    billed_metrics: float = 0.0
    contexts: int = 0
    targets: int = 0
    series_left_out: int = 0

    @property
    def all_calls(self) -> float:
        return sum(self.calls.values())

    @property
    def dollars(self) -> float:
        """Dollars of CloudWatch for 30 days."""
        return self.billed_metrics * MONTH / HOUR * PRICE

    @property
    def share_of_agent(self) -> float:
        """The part of one Agent that they take: above 1, several are needed."""
        return max(self.all_calls / MOST_CALLS, self.targets / MOST_TARGETS)


def total(estimates: Iterable[Estimate]) -> Estimate:
    """The sum of some estimates."""
    calls: Counter[str] = Counter()
    billed, contexts, targets, left_out = 0.0, 0, 0, 0
    for estimate in estimates:
        calls.update(estimate.calls)
        billed += estimate.billed_metrics
        contexts += estimate.contexts
        targets += estimate.targets
        left_out += estimate.series_left_out
    return Estimate(calls, billed, contexts, targets, left_out)


def of_account(account: Account, choices: Choices) -> Estimate:
    """The estimate of an account in all of its Regions."""
    regions = len(account.regions)
    discovered = _discovered(account, choices.collect)
    read = min(discovered, choices.max_series)
    queries = _queries(read, min(read, account.idle_series), choices)
    calls = {name: number * regions for name, number in _calls(account, discovered, queries, choices).items()}
    if account.role_arn:
        # A session lasts an hour, and the SDK renews it a quarter of an hour before.
        calls['AssumeRole'] = 4 / 3
    return Estimate(
        calls=calls,
        billed_metrics=regions * HOUR / choices.period * queries,
        contexts=regions * _contexts(account, read),
        targets=regions,
        series_left_out=regions * (discovered - read),
    )


def _discovered(account: Account, collect: Collection[str]) -> int:
    """The series that ListMetrics finds in a Region and that may be read, beside those of the account as a whole."""
    sets = account.configuration_sets * SERIES_OF_SET if 'configuration_sets' in collect else 0
    tenants = account.tenants * SERIES_OF_TENANT if 'tenants' in collect else 0
    return sets + tenants + account.series


def _queries(read: int, idle: int, choices: Choices) -> float:
    """The metrics that are asked for in each period, on average."""
    of_account = len(ACCOUNT_SPECS) if families.CLOUDWATCH in choices.collect else 0
    return of_account + read - idle + idle / slots.phases(choices.period)


def _contexts(account: Account, read: int) -> int:
    sets = CONTEXTS_WITH_SETS if account.configuration_sets else 0
    tenants = CONTEXTS_WITH_TENANTS if account.tenants else 0
    return CONTEXTS + sets + tenants + read


def _calls(account: Account, discovered: int, queries: float, choices: Choices) -> dict[str, float]:
    """The calls of an hour in one Region, by operation."""
    calls_of_source = {
        'account': {'GetAccount': HOUR / max(ACCOUNT.interval, choices.interval)},
        'send_statistics': {'GetSendStatistics': HOUR / SEND_STATISTICS.interval},
        'identities': _calls_of_identities(account.identities),
        # A whole list is an urgent one, too.
        'findings': {'ListRecommendations': HOUR / findings.URGENT_INTERVAL},
        'configuration_set_health': _calls_of_sets(account.configuration_sets),
        'tenant_health': _calls_of_tenants(account.tenants),
        **{source: dict.fromkeys(names, HOUR / interval) for source, (interval, names) in PLAIN_LISTS.items()},
    }
    calls = {
        name: rate
        for source, rates in calls_of_source.items()
        if source in choices.collect
        for name, rate in rates.items()
    }
    if not choices.collect.isdisjoint(families.SOURCES):
        calls['ListMetrics'] = _listings(discovered, families.UNRECOGNIZED in choices.collect)
    calls['GetMetricData'] = HOUR / choices.period * ceil(queries / MAX_QUERIES)
    return {name: rate for name, rate in calls.items() if rate}


def _listings(discovered: int, unrecognized: bool) -> float:
    """Calls of ListMetrics: full ones ask for the namespaces beside AWS/SES too."""
    pages = ceil((len(ACCOUNT_SPECS) + discovered) / SERIES_OF_PAGE)
    further_namespaces = len(families.NAMESPACES) - 1 if unrecognized else 0
    return HOUR / discovery.LISTING_INTERVAL * pages + HOUR / discovery.FULL_INTERVAL * further_namespaces


def _calls_of_identities(identities: int) -> dict[str, float]:
    lists = HOUR / identity_rounds.LIST_INTERVAL * _pages(identities, identity_rounds.PAGE_SIZE)
    batches = HOUR / identity_rounds.INTERVAL * ceil(identities / identity_rounds.BATCH)
    single = min(identities, HOUR / identity_rounds.DETAIL_INTERVAL)
    return {
        identity_rounds.LIST: lists,
        **dict.fromkeys(identity_rounds.BATCHES, batches),
        identity_rounds.DETAILS: single,
    }


def _calls_of_sets(sets: int) -> dict[str, float]:
    single = min(HOUR / set_rounds.INTERVAL * sets, HOUR / set_rounds.SECONDS_OF_A_SET)
    lists = HOUR / set_rounds.INTERVAL * _pages(sets, set_rounds.PAGE_SIZE)
    return {set_rounds.LIST: lists, **dict.fromkeys((set_facts.SET, set_facts.DESTINATIONS), single)}


def _calls_of_tenants(tenants: int) -> dict[str, float]:
    """Short lists of those with trouble, and the whole one."""
    short = len(tenant_rounds.SHORT) * HOUR / tenant_rounds.SHORT_INTERVAL
    whole = HOUR / (tenant_rounds.INTERVAL if tenants else tenant_rounds.EMPTY_INTERVAL)
    return {tenant_rounds.LIST: whole + short if tenants else whole}


def _pages(items: int, size: int) -> int:
    return max(1, ceil(items / size))
