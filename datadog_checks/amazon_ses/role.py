"""The role of this process: whether it counts, or only observes.

The Agent's cache has no lock, and every process on the host may read and write it: a check that is run by hand beside
the Agent, and an Agent that is being replaced. What such a process counted would be missing in Datadog, or would be
there twice. So a process counts from its first run that comes half a collection interval after its very first one: most
runs by hand have ended by then. A process that observes neither reads nor writes the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum


class Role(Enum):
    """COUNTING, or the reason for which the process only observes."""

    COUNTING = ''
    STARTING = (
        'This is the first run of this process, so it shows no counts and no events: they begin with the next run. '
        'Another process may still be counting.'
    )
    NO_ACCOUNT = (
        'The AWS account is not known, so there are no counts and no events, and the tag is aws_account:unknown. The '
        'option account_id names the account without asking AWS.'
    )
    BY_HAND = (
        "This run shows no counts and no events, because it was started by hand: what it counted would be missing in "
        "the Agent's own counts. It shows what is known now; the Agent counts."
    )


REPLAY = 'DD_REPLAY_CHECK_NAME'
"""Environment variable of a process that the Agent made for one run, because of the option `process_isolation`."""


def is_by_hand(cmd_port: object) -> bool:
    """Whether the Agent's command has no port, as `agent check` says of itself. No setting at all says nothing."""
    return cmd_port is not None and str(cmd_port).strip() == '0'


def is_isolated(environment: Mapping[str, str]) -> bool:
    """Whether this process was made for one run of the check."""
    return REPLAY in environment


def role(by_hand: bool, at_once: bool, since_first_run: float, interval: float) -> Role:
    """The role in a run that comes `since_first_run` seconds after the first one of this process.

    `at_once` says that the process needs no run before: the Agent made it for one run, or its host knows that it is the
    only one.
    """
    if by_hand:
        return Role.BY_HAND
    return Role.COUNTING if at_once or since_first_run >= interval / 2 else Role.STARTING


CLUSTER_CHECKS = ('cluster-checks', 'endpoints-checks')
"""Providers of configurations that move from one Agent to another."""

CLUSTER_PROVIDERS = ('clusterchecks', 'endpointschecks')
"""The same providers, as the Agent's settings name them."""

NO_PROVIDER = (
    'This Agent is too old to say whether an instance is a cluster check, and it runs such checks: each instance is '
    'taken for one. After a gap nothing is counted later, since another Agent may have counted it. Newer Agents say it.'
)


def may_fail_over(provider: str, setting: Callable[[str], object]) -> bool:
    """Whether another Agent may run an instance in turn with this one, without its state.

    `provider` says where the Agent has the instance from. Older Agents leave it empty: then each instance of an Agent
    that runs cluster checks may be one. `setting` reads the Agent's settings.
    """
    if setting('ha_agent.enabled'):
        return True
    return provider in CLUSTER_CHECKS if provider else runs_cluster_checks(setting)


def runs_cluster_checks(setting: Callable[[str], object]) -> bool:
    """Whether an Agent has instances from the Cluster Agent: a cluster check runner, or an Agent with such a
    provider."""
    if setting('clc_runner_enabled') is True:
        return True
    names: list[object] = []
    for option in ('extra_config_providers', 'config_providers'):
        value = setting(option)
        listed = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        names += [each.get('name') if isinstance(each, Mapping) else each for each in listed]
    return any(name in CLUSTER_PROVIDERS for name in names)
