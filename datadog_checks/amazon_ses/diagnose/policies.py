"""IAM policies: which actions an instance needs, and the documents that allow them.

The shipped policies, `standalone policy` and the statement that a diagnosis prints are written by the same functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from datadog_checks.amazon_ses.cloudwatch import discovery, families, queries
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events import queues
from datadog_checks.amazon_ses.events.queues import EventQueue
from datadog_checks.amazon_ses.model import Action
from datadog_checks.amazon_ses.planning import active_sweeps, lists_metrics
from datadog_checks.amazon_ses.registry import COLLECTORS
from datadog_checks.amazon_ses.sources import CLOUDWATCH

PARTITIONS = {
    'cn-': 'aws-cn',
    'us-gov-': 'aws-us-gov',
    'us-iso-': 'aws-iso',
    'us-isob-': 'aws-iso-b',
    'us-isof-': 'aws-iso-f',
    'eu-isoe-': 'aws-iso-e',
    'eusc-': 'aws-eusc',
}
"""The partition of a Region by how its name begins; all others are in `aws`."""

QUEUE_PATH = re.compile(r'/(?P<account>\d{12})/(?P<name>[\w-]{1,80}(?:\.fifo)?)')

Statement = Mapping[str, object]


def needed_actions(settings: Settings) -> tuple[Action, ...]:
    """The actions that these options need, where none of them is denied."""
    reads_series = CLOUDWATCH in settings.collect or not settings.collect.isdisjoint(families.SOURCES)
    collectors = (each for each in COLLECTORS if each.name in settings.collect and not each.instead_of)
    return tuple(
        dict.fromkeys(
            (
                *(queries.ACTIONS if reads_series or settings.named_series else ()),
                *(discovery.ACTIONS if lists_metrics(settings) else ()),
                *(action for collector in collectors for action in collector.actions),
                *(action for sweep in active_sweeps(settings) for action in sweep.actions),
                *(queues.ACTIONS if settings.events.queues else ()),
            )
        )
    )


def queue_resources(event_queues: Iterable[EventQueue]) -> list[str]:
    """The ARNs of queues; the resource of the shipped policy for a queue whose URL does not have AWS's form."""
    return sorted({_queue_resource(queue) for queue in event_queues})


def by_feature(actions: Iterable[Action]) -> dict[str, set[str]]:
    """The names of actions by what is lost without them."""
    features: dict[str, set[str]] = {}
    for action in sorted(actions, key=lambda action: (action.feature.lower(), action.name)):
        features.setdefault(action.feature, set()).add(action.name)
    return features


def statement(feature: str, actions: Iterable[Action], resources: Iterable[str] = ()) -> Statement:
    """One statement of a policy. `resources` stand in for that of the actions, of which all have the same."""
    allowed = list(actions)
    listed = list(resources) or sorted({action.resource for action in allowed})
    names = sorted({action.name for action in allowed})
    resource = listed[0] if len(listed) == 1 else listed
    return {'Sid': sid(feature), 'Effect': 'Allow', 'Action': names, 'Resource': resource}


def compact_statements(actions: Iterable[Action], event_queues: Iterable[EventQueue]) -> list[Statement]:
    """As few statements as allow all of these actions: one, and another for queues."""
    every = list(actions)
    of_queues = [action for action in every if action in queues.ACTIONS]
    reading = [action for action in every if action not in queues.ACTIONS]
    statements = [statement('Datadog Amazon SES', reading)] if reading else []
    if of_queues:
        statements.append(statement('Datadog Amazon SES queues', of_queues, queue_resources(event_queues)))
    return statements


def policy(statements: Iterable[Statement]) -> str:
    """The text of a policy."""
    return json.dumps({'Version': '2012-10-17', 'Statement': list(statements)}, indent=4) + '\n'


def sid(feature: str) -> str:
    """The id of a statement. IAM accepts letters and digits only."""
    return ''.join(word[:1].upper() + word[1:] for word in re.findall(r'[A-Za-z0-9]+', feature))


def _queue_resource(queue: EventQueue) -> str:
    path = QUEUE_PATH.fullmatch(urlsplit(queue.url).path)
    if path is None:
        return queues.RESOURCE
    partition = next((name for start, name in PARTITIONS.items() if queue.region.startswith(start)), 'aws')
    return f'arn:{partition}:sqs:{queue.region}:{path["account"]}:{path["name"]}'
