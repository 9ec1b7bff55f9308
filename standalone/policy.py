"""The command `policy`: the IAM policy that the options of a configuration file need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# The host comes first: it installs the Agent's modules, which the check looks for when it is imported.
from standalone.host import Host  # isort: skip
from datadog_checks.amazon_ses.diagnose import policies


def policy(hosts: Sequence[Host]) -> str:
    """One policy for all instances, one statement for each feature."""
    settings = [host.check.settings for host in hosts]
    actions = list(dict.fromkeys(action for each in settings for action in policies.needed_actions(each)))
    queues = [queue for each in settings for queue in each.events.queues]
    return policies.policy(
        policies.statement(
            feature,
            [action for action in actions if action.name in names],
            policies.queue_resources(queues) if any(name.startswith('sqs:') for name in names) else (),
        )
        for feature, names in policies.by_feature(actions).items()
    )


def hints(hosts: Iterable[Host]) -> list[str]:
    """What else AWS must allow, which is no part of that policy."""
    settings: list[Any] = [host.check.settings for host in hosts]
    texts = {}
    if any(each.sign_in.roles for each in settings):
        texts['roles'] = (
            'attach it to the role of role_arn (the last one of a chain); what assumes a role needs sts:AssumeRole '
            'for it, and the trust policy of the role has to name what assumes it'
        )
    if any(each.events.queues for each in settings):
        texts['keys'] = 'a queue with a key of your own needs kms:Decrypt for that key too'
    return list(texts.values())
