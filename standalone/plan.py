"""`python -m standalone plan`: the instances for a list of accounts, and what they will cost. It calls nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.configuration.options import SettingsError
from datadog_checks.amazon_ses.model import MetricType
from standalone import estimate
from standalone.accounts import Account, AccountList, InvalidList
from standalone.estimate import Choices, Estimate

INTERVAL = 60
"""The `min_collection_interval` of the shipped example."""

SHOWN_CALLS = 4
HEADER = '# Written by `python -m standalone plan`. Exactly one Agent may run each of these instances.\n'


@dataclass(frozen=True)
class Part:
    """The accounts that one Agent reads, and what they cost."""

    accounts: tuple[Account, ...]
    cost: Estimate


@dataclass(frozen=True)
class Plan:
    """The instances of all accounts by account, the parts that Agents read, and what all of them cost."""

    instances: Mapping[str, Mapping[str, Any]]
    parts: tuple[Part, ...]
    cost: Estimate


def make(listed: AccountList, name_tag: str, agents: int | None = None) -> Plan:
    """The plan for a list of accounts, for so many Agents, or as many as are needed.

    Raises InvalidList where the check would refuse an instance.
    """
    instances = {account.account: instance_of(account, listed.options, name_tag) for account in listed.accounts}
    costs = {
        account.account: estimate.of_account(account, _choices(account.account, instances[account.account]))
        for account in listed.accounts
    }
    whole = estimate.total(costs.values())
    parts = _parts(listed.accounts, costs, agents or ceil(whole.share_of_agent))
    return Plan(instances, parts, whole)


def instance_of(account: Account, options: Mapping[str, Any], name_tag: str) -> dict[str, Any]:
    """The instance of an account. `options` are those of every instance; its own tags come beside theirs."""
    named = [f'{name_tag}:{account.name}'] if account.name and name_tag else []
    tags = [*(options.get('tags') or ()), *named, *account.tags]
    instance: dict[str, Any] = {
        **({'region': account.regions[0]} if len(account.regions) == 1 else {'regions': list(account.regions)}),
        **({'role_arn': account.role_arn} if account.role_arn else {'account_id': account.account}),
        **({'external_id': account.external_id} if account.external_id else {}),
        'min_collection_interval': INTERVAL,
        'empty_default_hostname': True,
        **options,
    }
    return {**instance, 'tags': tags} if tags else instance


def files(plan: Plan, cluster_check: bool) -> dict[str, str]:
    """The configuration of each Agent by the name of its file; for cluster checks one file, which they share."""
    if cluster_check:
        return {'amazon_ses.yaml': _document(plan.instances.values(), {'cluster_check': True})}
    texts = [_document([plan.instances[account.account] for account in part.accounts], {}) for part in plan.parts]
    if len(texts) == 1:
        return {'conf.yaml': texts[0]}
    return {f'agent-{number}/conf.yaml': text for number, text in enumerate(texts, 1)}


def figures(plan: Plan) -> dict[str, Any]:
    """What the plan costs, as plain values."""
    cost = plan.cost
    return {
        'accounts': len(plan.instances),
        'targets': cost.targets,
        'calls': {name: round(number, 2) for name, number in sorted(cost.calls.items(), key=lambda pair: -pair[1])},
        'calls_an_hour': round(cost.all_calls, 2),
        'billed_metrics_an_hour': round(cost.billed_metrics, 2),
        'dollars_for_30_days': round(cost.dollars, 2),
        'contexts': cost.contexts,
        'series_left_out': cost.series_left_out,
        'agents': len(plan.parts),
    }


def lines(plan: Plan) -> list[str]:
    """What the plan costs, in lines for people."""
    cost = plan.cost
    most = sorted(cost.calls.items(), key=lambda pair: -pair[1])[:SHOWN_CALLS]
    of_most = ', '.join(f'{name} {number:,.0f}' for name, number in most)
    rows = [
        ('accounts', f'{len(plan.instances):,}', ''),
        ('accounts by Region', f'{cost.targets:,}', 'each is counted by exactly one Agent'),
        ('calls of AWS an hour', f'{cost.all_calls:,.0f}', of_most),
        ('billed metrics an hour', f'{cost.billed_metrics:,.0f}', 'GetMetricData; everything else is free'),
        ('dollars for 30 days', f'{cost.dollars:,.2f}', 'at $0.01 for 1,000 metrics, which AWS bills each account'),
        ('contexts', f'{cost.contexts:,}', 'different metrics with tags: what Datadog calls custom metrics'),
        (
            'Agents',
            f'{len(plan.parts):,}',
            f'{estimate.MOST_TARGETS:,} accounts by Region and {estimate.MOST_CALLS:,} calls an hour each at most',
        ),
    ]
    texts = [f'{name:<24}{number:>14}  {remark}'.rstrip() for name, number, remark in rows]
    if cost.series_left_out:
        texts.append(
            f'{cost.series_left_out:,} series are left out: raise `max_series` below `options`, or `exclude` some'
        )
    return texts


def as_json(plan: Plan, paths: Iterable[Path]) -> str:
    """What the plan costs, as JSON, with the paths of the files that were written."""
    return json.dumps({**figures(plan), 'files': [str(path) for path in paths]}, indent=2)


def write(texts: Mapping[str, str], folder: Path, replaces: bool) -> list[Path]:
    """Write the files below a folder. Raises FileExistsError before anything is written, unless it `replaces` files."""
    paths = {folder / name: text for name, text in texts.items()}
    for path in paths:
        if path.exists() and not replaces:
            raise FileExistsError(path)
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    return list(paths)


def _choices(account: str, instance: Mapping[str, Any]) -> Choices:
    """The options of an instance that decide its cost. Raises InvalidList where the check would refuse the instance."""
    gauges = {metric.name: metric for metric in catalogue.METRICS if metric.type is MetricType.GAUGE}
    # The Agent looks up ENC[...] itself, so any secret may come of it.
    resolved = {name: 'secret' if str(value).startswith('ENC[') else value for name, value in instance.items()}
    try:
        chosen = settings.from_options(resolved, {}, None, gauges, lambda path: True)
    except SettingsError as error:
        raise InvalidList(f'account {account}: {error}') from None
    return Choices(chosen.period, chosen.interval, chosen.max_series, chosen.collect)


def _parts(accounts: Sequence[Account], costs: Mapping[str, Estimate], agents: int) -> tuple[Part, ...]:
    """The accounts of each Agent, in their order: the largest accounts first, each to the Agent that has the least."""
    shares = [0.0] * max(1, min(agents, len(accounts)))
    agent_of: dict[str, int] = {}
    for account in sorted(accounts, key=lambda account: -costs[account.account].share_of_agent):
        agent = shares.index(min(shares))
        agent_of[account.account] = agent
        shares[agent] += costs[account.account].share_of_agent
    return tuple(
        _part([account for account in accounts if agent_of[account.account] == agent], costs)
        for agent in range(len(shares))
    )


def _part(accounts: Iterable[Account], costs: Mapping[str, Estimate]) -> Part:
    members = tuple(accounts)
    return Part(members, estimate.total(costs[account.account] for account in members))


def _document(instances: Iterable[Mapping[str, Any]], more: Mapping[str, Any]) -> str:
    content = {**more, 'init_config': {}, 'instances': [dict(instance) for instance in instances]}
    return HEADER + str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
