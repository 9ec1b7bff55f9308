"""Which IAM actions the options need, and the statements that allow them."""

from __future__ import annotations

from typing import Any

import pytest

from datadog_checks.amazon_ses.catalogue import DEFAULT_ACTIONS
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.diagnose import policies
from datadog_checks.amazon_ses.events import queues
from datadog_checks.amazon_ses.events.queues import EventQueue


def needed(**options: Any) -> set[str]:
    """The names of the actions that an instance needs."""
    merged = {'regions': ['us-east-1'], **options}
    read = settings.from_options(merged, {}, None, {}, lambda _: True)
    return {action.name for action in policies.needed_actions(read)}


@pytest.mark.parametrize(
    ('options', 'actions'),
    [
        ({'collect': ['account']}, {'ses:GetAccount'}),
        ({'collect': ['cloudwatch']}, {'cloudwatch:GetMetricData'}),
        ({'collect': ['tenants']}, {'cloudwatch:GetMetricData', 'cloudwatch:ListMetrics'}),
        ({'collect': [], 'dimensions': [{'a': 'b'}]}, {'cloudwatch:GetMetricData'}),
        ({'collect': ['account'], 'regions': 'all'}, {'ses:GetAccount', 'cloudwatch:ListMetrics'}),
        (
            {'collect': ['cloudwatch'], 'linked_accounts': True},
            {'cloudwatch:GetMetricData', 'cloudwatch:ListMetrics'},
        ),
        ({'collect': ['jobs']}, {'ses:ListImportJobs', 'ses:ListExportJobs'}),
        ({}, {action.name for action in DEFAULT_ACTIONS}),
    ],
)
def test_each_option_needs_its_actions(options: dict[str, Any], actions: set[str]) -> None:
    """An option that is off needs no permission."""
    assert needed(**options) == actions


@pytest.mark.parametrize(
    ('url', 'region', 'resource'),
    [
        (
            'https://sqs.eu-west-1.amazonaws.com/123456789012/mail',
            'eu-west-1',
            'arn:aws:sqs:eu-west-1:123456789012:mail',
        ),
        (
            'https://sqs.us-gov-west-1.amazonaws.com/123456789012/mail.fifo',
            'us-gov-west-1',
            'arn:aws-us-gov:sqs:us-gov-west-1:123456789012:mail.fifo',
        ),
        (
            'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/mail',
            'cn-north-1',
            'arn:aws-cn:sqs:cn-north-1:123456789012:mail',
        ),
        ('https://proxy.example.com/queue', 'eu-west-1', queues.RESOURCE),
    ],
)
def test_a_queue_is_named_by_its_arn(url: str, region: str, resource: str) -> None:
    """The statement for queues names those of the options, in the partition of their Region."""
    assert policies.queue_resources([EventQueue(url, region, 'mail')]) == [resource]


def test_reading_and_deleting_are_apart() -> None:
    """What only reads is one statement for everything, and what deletes messages another one, for the queues alone."""
    queue = EventQueue('https://sqs.eu-west-1.amazonaws.com/123456789012/mail', 'eu-west-1', 'mail')
    reading, deleting = policies.compact_statements([*DEFAULT_ACTIONS, *queues.ACTIONS], [queue])
    assert reading['Resource'] == '*' and set(reading['Action']) == {action.name for action in DEFAULT_ACTIONS}
    assert deleting['Resource'] == 'arn:aws:sqs:eu-west-1:123456789012:mail'
    assert policies.compact_statements([], []) == []
