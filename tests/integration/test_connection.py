"""`can_connect`: each kind of failure is reported with its remedy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, OTHER, REGION, MakeDriver, metric_names

from simulator import Clock, Fault, Simulator

OK, WARNING, CRITICAL, UNKNOWN = range(4)
HOUR, DAY = 3600, 86400
STEADY = {'collect': ['account', 'cloudwatch']}


FAILURES = {
    'throttle': ('throttled', 'it is asked again in the next run'),
    'denied': ('denied', 'Allow the IAM action ses:GetAccount'),
    'server_error': ('network', 'Look at the way to AWS'),
    'unavailable': ('network', 'Look at the way to AWS'),
    'reset': ('network', 'Look at the way to AWS'),
    'close': ('network', 'Look at the way to AWS'),
    'html': ('malformed', 'Look for a proxy or an endpoint_url that is not AWS'),
    'empty': ('malformed', 'Look for a proxy or an endpoint_url that is not AWS'),
    # An older botocore reports that the body ended early; a newer version returns an empty success.
    'truncate': ('(network|malformed)', 'Look '),
}


@pytest.mark.parametrize('kind', FAILURES)
def test_one_failing_source_is_a_warning(make_driver: MakeDriver, sim: Simulator, clock: Clock, kind: str) -> None:
    """When one source fails, the others go on: WARNING, with the operation, the kind of failure and the remedy."""
    driver = make_driver(**STEADY)
    driver.run_for(600, 60)
    assert driver.status('can_connect') == (OK, '')
    assert driver.last('can_connect') == 1.0
    sim.faults.add(Fault(kind, operation='GetAccount'))
    for _ in range(6):
        clock.advance(60)
        driver.new_values()
        assert driver.run() == ''
    level, message = driver.status('can_connect')
    reason, remedy = FAILURES[kind]
    assert (level, driver.last('can_connect')) == (WARNING, 0.5)
    assert re.match(f'GetAccount: {reason}: ', message)
    assert remedy in message
    assert len(message) <= 1000
    assert {'send', 'bounce', 'reputation.bounce_rate'} <= metric_names(driver.new_values())
    assert driver.total('send.count') > 0
    assert any(re.match(f'{REGION}: GetAccount: {reason}', warning) for warning in driver.check.get_warnings())
    sim.faults.clear()
    clock.advance(60)
    driver.run()
    assert driver.status('can_connect') == (OK, '')


@pytest.mark.parametrize('kind', sorted(set(FAILURES) - {'throttle'}))
def test_all_sources_failing_is_critical(make_driver: MakeDriver, sim: Simulator, clock: Clock, kind: str) -> None:
    """When nothing can be read: CRITICAL, the run fails with a hint where to look, and submits no count."""
    driver = make_driver(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault(kind))
    report = driver.run()
    level, message = driver.status('can_connect')
    assert (level, driver.last('can_connect')) == (CRITICAL, 0.0)
    for operation in ('GetAccount', 'GetMetricData'):
        assert re.search(f'{operation}: {FAILURES[kind][0]}: ', message)
    assert 'can_connect' in report
    submitted = metric_names(driver.new_values())
    assert not {name for name in submitted if name.split('.')[0] not in ('collector', 'can_connect')}


def test_expired_credentials_are_reported_once(make_driver: MakeDriver, sim: Simulator) -> None:
    """Credentials that AWS refuses to every operation are one line of the message, which says where they come from."""
    driver = make_driver(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault('expired_token'))
    assert driver.run() != ''
    level, message = driver.status('can_connect')
    assert (level, message.count('credentials: ')) == (CRITICAL, 1)
    assert message.startswith('GetAccount: credentials: ')
    assert 'aws_access_key_id' in message


def test_throttling_of_a_fresh_account_is_a_warning(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Throttling is a WARNING while the last answers are fresh, and CRITICAL once none is."""
    driver = make_driver(**STEADY)
    driver.run_for(600, 60)
    sim.faults.add(Fault('throttle'))
    clock.advance(300)
    assert driver.run() == ''
    assert driver.status('can_connect')[0] == WARNING
    clock.advance(HOUR)
    assert driver.run() != ''
    assert driver.status('can_connect')[0] == CRITICAL


def test_a_hanging_source_is_a_timeout(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A request that hangs ends at read_timeout, and the message reports the timeout and the option to raise."""
    driver = make_driver(account_id=ACCOUNT, min_collection_interval=60, read_timeout=0.3, **STEADY)
    driver.run()
    sim.faults.add(Fault('hang', operation='GetAccount'))
    clock.advance(300)
    assert driver.run() == ''
    level, message = driver.status('can_connect')
    assert level == WARNING
    assert message.startswith('GetAccount: timeout: ')
    assert 'read_timeout' in message


def test_partial_answers_are_reported(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When CloudWatch answers in part, the message says how many series lack data, and the other series are used."""
    driver = make_driver(**STEADY)
    driver.run_for(900, 60)
    sim.faults.add(Fault('partial', operation='GetMetricData'))
    clock.advance(300)
    driver.run()
    level, message = driver.status('can_connect')
    assert level == WARNING
    assert f'GetMetricData: partial: {ACCOUNT_METRICS // 2} of {ACCOUNT_METRICS} series' in message


@pytest.mark.parametrize(
    ('kind', 'reason'), [('throttle', 'throttled'), ('expired_token', 'credentials'), ('reset', 'network')]
)
def test_an_unknown_account_costs_counts_alone(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, datadog_agent: Any, kind: str, reason: str
) -> None:
    """While AWS does not tell the account, gauges and can_connect of each Region go out with aws_account:unknown, and
    neither counts nor a state; the message names the way out. The account is asked for until AWS tells it."""
    driver = make_driver(regions=[REGION, OTHER])
    aggregator = driver.aggregator
    fault = sim.faults.add(Fault(kind, service='sts'))
    for _ in range(10):
        assert driver.run() == ''
        clock.advance(60)
    for region in (REGION, OTHER):
        level, message = driver.status('can_connect', region)
        assert level == WARNING and message.startswith(f'GetCallerIdentity: {reason}: ') and 'account_id' in message
        for name in ('quota.max_24_hour', 'send', 'reputation.bounce_rate', 'account.sending_enabled', 'can_connect'):
            assert driver.values(name, region, 'aws_account:unknown'), name
    assert not [name for name in aggregator.metric_names if name.endswith('.count')]
    assert not datadog_agent._cache and not aggregator.events
    assert sim.log.count(operation='GetCallerIdentity') <= 24, 'at most two attempts of one request in each run'
    sim.faults.remove(fault)
    aggregator.reset()
    driver.run_for(900, 60)
    assert driver.total('send.count') > 0 and driver.status('can_connect') == (OK, '')
    tags = {tag for name in aggregator.metric_names for sample in aggregator.metrics(name) for tag in sample.tags}
    assert 'aws_account:unknown' not in tags
    assert sim.log.count(operation='GetCallerIdentity', error=None, fault=None) == 1


def test_a_hanging_sts_costs_counts_alone(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """Where STS hangs, as in a private subnet without its endpoint, the run waits for it for half of its time, and
    reads SES in the other half."""
    driver = make_driver(read_timeout=30, run_timeout=1, **STEADY)
    sim.faults.add(Fault('hang', service='sts'))
    for _ in range(3):
        assert driver.run() == ''
        clock.advance(60)
    assert driver.values('quota.max_24_hour', REGION, 'aws_account:unknown')
    assert 'account_id' in driver.status('can_connect')[1]


def test_given_account_needs_no_sts(make_driver: MakeDriver, sim: Simulator) -> None:
    """With account_id, or with a role, no STS request asks for the account."""
    make_driver(account_id='210987654321', **STEADY).run()
    make_driver(role_arn='arn:aws:iam::310987654321:role/reader', **STEADY).run()
    assert sim.log.count(operation='GetCallerIdentity') == 0
    assert sim.log.count(operation='AssumeRole') == 1


def test_role_arn_reads_the_account_of_the_role(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any
) -> None:
    """With role_arn the samples are of the role's account, and a wrong external id is named in the message."""
    role = 'arn:aws:iam::310987654321:role/reader'
    sim.accounts.declare_role(role, external_id='right-id')
    driver = make_driver(role_arn=role, external_id='right-id', **STEADY)
    assert driver.run() == ''
    assert {request.account for request in sim.log.where(action='ses:GetAccount')} == {'310987654321'}
    assert 'aws_account:310987654321' in aggregator.metrics('amazon_ses.quota.max_24_hour')[0].tags
    clock.advance(HOUR)
    driver.restart(external_id='wrong-id')
    assert driver.run() != ''
    level, message = driver.status('can_connect')
    assert level == CRITICAL
    assert 'AssumeRole: denied: ' in message
    assert 'external_id' in message


def test_expired_tokens_are_renewed(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When AWS ends the session of a role early, the next run signs in again by itself."""
    driver = make_driver(role_arn=f'arn:aws:iam::{ACCOUNT}:role/reader', **STEADY)
    driver.run_for(300, 60)
    sim.expire_tokens()
    clock.advance(60)
    driver.run()
    clock.advance(60)
    assert driver.run() == ''
    assert driver.status('can_connect') == (OK, '')
