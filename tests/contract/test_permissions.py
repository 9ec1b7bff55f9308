"""Promise P5: The shipped IAM policy compared with the requests that AWS receives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, START, Driver, instance_of, wait_for_workers

from datadog_checks.amazon_ses.registry import SOURCE_NAMES
from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Simulator, mail_events
from simulator.inventory import Change
from simulator.operations.table import OPERATIONS
from simulator.request_log import Request
from simulator.scenarios import DEDICATED_IPS, MANAGED_POOLS, RECEIPT_RULES, Scenario, configuration_sets

READS = ('Get', 'List', 'Describe', 'BatchGet')
SEVERAL = ('BatchGetMetricData', 'ListSuppressedDestinations')
"""Operations with a rate of their own, or that two sources ask, which are off by default."""

VDM_IS_ON = (Change(0, 'account', values={'vdm': 'ENABLED'}),)


@pytest.fixture(scope='module')
def requests() -> list[Request]:
    """The requests of half an hour with every feature on, and of another one without the permission for GetAccount."""
    aggregator.reset()
    datadog_agent.reset()
    clock = Clock(START)
    families = (configuration_sets(1), *RECEIPT_RULES, DEDICATED_IPS, MANAGED_POOLS)
    with Simulator(Scenario('all', 'all that is collected', families=families, changes=VDM_IS_ON), clock=clock) as sim:
        queue = sim.queues.create('datadog-ses-events', ACCOUNT)
        sim.queues.put(queue, mail_events.sns(mail_events.bounce()))
        features: dict[str, Any] = {
            'regions': [REGION, OTHER],
            'collect': list(SOURCE_NAMES),
            'dimensions': [{'ses:configuration-set': 'set-00000'}],
            'event_queues': [{'url': sim.queue_url(queue)}],
        }
        for role in (f'arn:aws:iam::{ACCOUNT}:role/reader', None):
            driver = Driver(sim, clock, aggregator, instance_of(sim, role_arn=role, **features))
            try:
                for _ in range(6):
                    # On a busy machine a request may else be sent after the clock was turned for the next run.
                    driver.run()
                    wait_for_workers()
                    clock.advance(300)
            finally:
                driver.check.cancel()
            sim.deny('ses:GetAccount')
        return list(sim.log)


def policy(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / 'assets' / 'iam_policy.json').read_text(encoding='utf-8'))
    return document


def test_policy_allows_exactly_the_actions_used(root: Path, requests: list[Request]) -> None:
    """The policy lists each action that the check uses with every feature on, and no other."""
    used = {request.action for request in requests if request.action}
    listed = [action for statement in policy(root)['Statement'] for action in statement['Action']]
    unused, missing = set(listed) - used, {action for action in used - set(listed) if not action.startswith('sts:')}
    assert not unused, f'{sorted(unused)}: no request needed it. Is its operation in simulator/operations/table.py?'
    assert not missing, f'{sorted(missing)}: declare it in the `actions` of its source, then `make sync`'
    assert len(listed) == len(set(listed))
    assert {action for action in used if action.startswith('sts:')} == {'sts:AssumeRole', 'sts:GetCallerIdentity'}


def test_the_default_policy_is_enough_for_the_default_configuration(
    root: Path, aggregator: Any, datadog_agent: Any
) -> None:
    """With the actions of the small policy alone, the default configuration has no failure, and uses each of them."""
    document = json.loads((root / 'assets' / 'iam_policy_default.json').read_text(encoding='utf-8'))
    (statement,) = document['Statement']
    allowed, clock = set(statement['Action']), Clock(START)
    families = (configuration_sets(1), DEDICATED_IPS, MANAGED_POOLS)
    with Simulator(Scenario('sets', 'sets', families=families, changes=VDM_IS_ON), clock=clock) as sim:
        for operation in OPERATIONS.values():
            if operation.action not in allowed and not operation.action.startswith('sts:'):
                sim.deny(operation.action)
        driver = Driver(sim, clock, aggregator, instance_of(sim))
        try:
            driver.run_for(1800, 300)
        finally:
            driver.check.cancel()
        assert driver.status('can_connect') == (0, '')
        assert {request.action for request in sim.log if not str(request.action).startswith('sts:')} == allowed


def test_policy_only_reads(root: Path) -> None:
    """Nothing in the policy changes anything but messages of queues of a certain name; no action is a wildcard."""
    changing = []
    for statement in policy(root)['Statement']:
        assert statement['Effect'] == 'Allow'
        assert not any('*' in action for action in statement['Action'])
        if not all(action.partition(':')[2].startswith(READS) for action in statement['Action']):
            changing.append(statement)
    (of_queues,) = changing
    assert of_queues['Action'] == ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage']
    assert of_queues['Resource'] == 'arn:aws:sqs:*:*:datadog-ses-events*'


def test_aws_understands_every_request(requests: list[Request]) -> None:
    """AWS knows every operation and accepts every request, apart from those whose permission is missing."""
    unknown = {f'{request.service} {request.operation}' for request in requests if not request.action}
    assert not unknown, f'{sorted(unknown)}: add it to simulator/operations/table.py'
    assert {request.action for request in requests if request.error} == {'ses:GetAccount'}


@pytest.mark.parametrize('service', ['ses', 'sesv2'])
def test_no_ses_operation_is_called_twice_in_a_run(requests: list[Request], service: str) -> None:
    """In each Region every SES operation is called at most once a run, because production shares its rate limit."""
    for region in (REGION, OTHER):
        calls = [
            (call.time, call.operation)
            for call in requests
            if (call.service, call.region) == (service, region) and call.operation not in SEVERAL
        ]
        assert calls
        assert len(calls) == len(set(calls))
