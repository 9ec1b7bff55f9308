"""The table of cases. Metrics come from the metric table of the check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.case import HOUR, QUEUE_URL, Case, Family, Metric
from datadog_checks.amazon_ses.cloudwatch import metric_table
from datadog_checks.amazon_ses.cloudwatch.series import NAMESPACE, SUM
from datadog_checks.amazon_ses.registry import SWEEPS

EVENTS = tuple(Metric(NAMESPACE, spec.metric_name, SUM) for spec in metric_table.EVENTS)
RATES = tuple(Metric(NAMESPACE, spec.metric_name, spec.statistic) for spec in metric_table.RATES)
ACCOUNT_LEVEL = Family(EVENTS + RATES)

# Free calls that are due every 15 minutes are left out, so that all due runs are alike.
ACCOUNT_ONLY = {'collect': ['account', 'cloudwatch']}
SETS = {'collect': ['account', 'cloudwatch', 'configuration_sets'], 'max_series': 50_000}
OF_QUEUE = {'collect': ['account'], 'event_queues': [{'url': QUEUE_URL}]}
IDENTITIES = {'collect': ['account', 'cloudwatch', 'unrecognized'], 'max_series': 50_000}
OF_SES = ('account', 'send_statistics', *(sweep.name for sweep in SWEEPS))
CLIENTS = {'collect': ['account', 'cloudwatch', 'send_statistics']}

TEN_REGIONS = (
    *('us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1', 'eu-west-2'),
    *('ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1', 'sa-east-1'),
)


def of_account(
    name: str, title: str, scenario: str = 'steady', options: Mapping[str, Any] = ACCOUNT_ONLY, **more: Any
) -> Case:
    """A case with the account's series only."""
    return Case(name, title, scenario, (ACCOUNT_LEVEL,), options, **more)


def of_sets(name: str, number: int = 1000, note: str = '', scenario: str = 'large', **more: Any) -> Case:
    """A case with configuration sets, each with all events."""
    sets = Family(EVENTS, 'ses:configuration-set', 'set-{:05d}', number)
    return Case(name, f'{number:,} sets x {len(EVENTS)}{note}', scenario, (ACCOUNT_LEVEL, sets), SETS, **more)


def of_floor(number: int, *measures: str, rounds: int = 14) -> Case:
    """A case with configuration sets that is measured beside its floor, and otherwise."""
    return of_sets(f'floor{number}', number, members=number, measures=('floor', *measures), rounds=rounds)


def of_identities(name: str, number: int, **more: Any) -> Case:
    """A case with identities, each with four events."""
    identities = Family(EVENTS[:4], 'ses:from-domain', 'customer-{:05d}.example', number)
    return Case(name, f'{number:,} identities x 4', 'identities', (ACCOUNT_LEVEL, identities), IDENTITIES, **more)


def of_size(number: int) -> Case:
    """A case with so many identities, with the configuration sets and tenants of such an account, and SES alone."""
    options = {'collect': list(OF_SES)}
    return Case(f'budget{number}', f'{number:,} identities', f'of_size_{number}', (), options, measures=('budget',))


CASES = (
    of_account('account', 'account level', measures=('work', 'first', 'idle')),
    of_sets('sets50', 50, members=50),
    of_sets('sets1000', measures=('work', 'ledger'), rounds=4),
    of_sets('amounts', note=', large amounts', measures=('ledger',), volume=1.27e7),
    of_identities('identities', 10_000, measures=('work', 'growth'), rounds=3, sample=100),
    of_sets('regions', note=' in 10 Regions', regions=TEN_REGIONS, rounds=2, sample=100),
    of_account('instances', '100 instances', instances=100, rounds=2, sample=100),
    # Without mail AWS has almost no data, so this measures an instance and its three clients.
    of_account('clients', '100 instances, three clients each', 'idle', CLIENTS, instances=100, measures=('instances',)),
    # A run of a single set is so short that a median of a few runs shows what else the machine does.
    of_floor(1, rounds=44),
    of_floor(50),
    of_floor(1000, 'restarts'),
    of_floor(4000, 'growth'),
    Case('events', '150 failure events a second', 'idle', options=OF_QUEUE, measures=('queue',), rounds=3, families=()),
    *(of_size(number) for number in (10, 100, 10_000)),
    of_sets('sparse', note=', 30 active', scenario='sparse', measures=('thrift',), between=(HOUR / 2, 3 * HOUR)),
)
