"""Whether an instance may move from one Agent to another, by what the Agent says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from datadog_checks.amazon_ses.role import may_fail_over


@pytest.mark.parametrize(
    ('provider', 'settings', 'moves'),
    [
        ('file', {}, False),
        ('file', {'ha_agent.enabled': True}, True),
        ('file', {'clc_runner_enabled': True}, False),
        ('cluster-checks', {}, True),
        ('endpoints-checks', {}, True),
        ('', {}, False),
        ('', {'clc_runner_enabled': True}, True),
        ('', {'extra_config_providers': ['clusterchecks']}, True),
        ('', {'extra_config_providers': 'clusterchecks endpointschecks'}, True),
        ('', {'config_providers': [{'name': 'docker'}, {'name': 'clusterchecks', 'polling': True}]}, True),
        ('', {'config_providers': [{'name': 'docker'}], 'extra_config_providers': []}, False),
        ('', {'clc_runner_enabled': '', 'extra_config_providers': 7, 'config_providers': None}, False),
    ],
)
def test_an_instance_of_an_agent_that_does_not_say_may_be_a_cluster_check(
    provider: str, settings: dict[str, Any], moves: bool
) -> None:
    """A provider that is named decides; where an older Agent names none, one that runs cluster checks does."""
    assert may_fail_over(provider, settings.get) is moves
