"""Whether AWS can be reached: every kind of failure, told with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from common import ACCOUNT, REGION, Watch, names

from simulator import Clock, Fault, Simulator

Watching = Callable[..., Watch]
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
    # An older botocore tells that the body ended early, a newer one makes an empty success of it.
    'truncate': ('(network|malformed)', 'Look '),
}


@pytest.mark.parametrize('kind', FAILURES)
def test_one_failing_source_is_a_warning(watch: Watching, sim: Simulator, clock: Clock, kind: str) -> None:
    """Where one source fails the rest goes on: WARNING, with the operation, the kind of failure and the way out."""
    watching = watch(**STEADY)
    watching.through(600, 60)
    assert watching.status('can_connect') == (OK, '')
    assert watching.last('can_connect') == 1.0
    sim.faults.add(Fault(kind, operation='GetAccount'))
    for _ in range(6):
        clock.advance(60)
        watching.fresh()
        assert watching.run() == ''
    level, message = watching.status('can_connect')
    named, remedy = FAILURES[kind]
    assert (level, watching.last('can_connect')) == (WARNING, 0.5)
    assert re.match(f'GetAccount: {named}: ', message)
    assert remedy in message
    assert len(message) <= 1000
    assert {'send', 'bounce', 'reputation.bounce_rate'} <= names(watching.fresh())
    assert watching.total('send.count') > 0
    assert any(re.match(f'{REGION}: GetAccount: {named}', warning) for warning in watching.check.get_warnings())
    sim.faults.clear()
    clock.advance(60)
    watching.run()
    assert watching.status('can_connect') == (OK, '')


@pytest.mark.parametrize('kind', sorted(set(FAILURES) - {'throttle'}))
def test_all_sources_failing_is_critical(watch: Watching, sim: Simulator, clock: Clock, kind: str) -> None:
    """Where nothing can be read: CRITICAL, the run fails and says where to look, and no count comes."""
    watching = watch(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault(kind))
    report = watching.run()
    level, message = watching.status('can_connect')
    assert (level, watching.last('can_connect')) == (CRITICAL, 0.0)
    for operation in ('GetAccount', 'GetMetricData'):
        assert re.search(f'{operation}: {FAILURES[kind][0]}: ', message)
    assert 'can_connect' in report
    submitted = names(watching.fresh())
    assert not {name for name in submitted if name.split('.')[0] not in ('collector', 'can_connect')}


def test_credentials_that_expired_are_told_once(watch: Watching, sim: Simulator) -> None:
    """Who cannot sign in is not tried for every source of a run, and the message says where credentials come from."""
    watching = watch(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault('expired_token'))
    assert watching.run() != ''
    level, message = watching.status('can_connect')
    assert (level, message.count('credentials: ')) == (CRITICAL, 1)
    assert message.startswith('GetAccount: credentials: ')
    assert 'aws_access_key_id' in message
    assert set(sim.log.operations()) == {'GetAccount'}


def test_throttling_of_a_fresh_account_is_a_warning(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Throttling passes by itself: WARNING while the last answers are fresh, CRITICAL once nothing is."""
    watching = watch(**STEADY)
    watching.through(600, 60)
    sim.faults.add(Fault('throttle'))
    clock.advance(300)
    assert watching.run() == ''
    assert watching.status('can_connect')[0] == WARNING
    clock.advance(HOUR)
    assert watching.run() != ''
    assert watching.status('can_connect')[0] == CRITICAL


def test_a_hanging_source_is_a_timeout(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A request that hangs ends at read_timeout, and the message says that nothing came in time and what to raise."""
    watching = watch(account_id=ACCOUNT, min_collection_interval=60, read_timeout=0.3, **STEADY)
    watching.run()
    sim.faults.add(Fault('hang', operation='GetAccount'))
    clock.advance(300)
    assert watching.run() == ''
    level, message = watching.status('can_connect')
    assert level == WARNING
    assert message.startswith('GetAccount: timeout: ')
    assert 'read_timeout' in message


def test_partial_answers_are_told(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where CloudWatch answers with a part, the message names how many series lack data, and the rest is used."""
    watching = watch(**STEADY)
    watching.through(900, 60)
    sim.faults.add(Fault('partial', operation='GetMetricData'))
    clock.advance(300)
    watching.run()
    level, message = watching.status('can_connect')
    assert level == WARNING
    assert 'GetMetricData: partial: 6 of 12 series' in message


@pytest.mark.parametrize(
    ('kind', 'named'), [('throttle', 'throttled'), ('expired_token', 'credentials'), ('reset', 'network')]
)
def test_unknown_account_submits_nothing_of_an_account(
    watch: Watching, sim: Simulator, clock: Clock, aggregator: Any, kind: str, named: str
) -> None:
    """Until it is known whose account it is, only can_connect, the calls and their failures come, and say why."""
    watching = watch()
    fault = sim.faults.add(Fault(kind, service='sts'))
    assert watching.run().startswith(f'The AWS account is not known. GetCallerIdentity: {named}: ')
    assert watching.status('can_connect')[0] == CRITICAL
    assert watching.status('can_connect')[1].startswith(f'GetCallerIdentity: {named}: ')
    assert names(watching.fresh()) == {'can_connect', 'collector.api_calls', 'collector.api_errors'} | (
        {'collector.api_throttles'} if named == 'throttled' else set()
    )
    assert not any(
        tag.startswith('aws_account:') for one in aggregator.metrics('amazon_ses.can_connect') for tag in one.tags
    )
    sim.faults.remove(fault)
    clock.advance(60)
    assert watching.run() == ''
    assert watching.status('can_connect') == (OK, '')
    assert sim.log.count(operation='GetCallerIdentity', error=None, fault=None) == 1


def test_given_account_needs_no_sts(watch: Watching, sim: Simulator) -> None:
    """With account_id, or with a role, nobody is asked whose account it is."""
    watch(account_id='210987654321', **STEADY).run()
    watch(role_arn='arn:aws:iam::310987654321:role/reader', **STEADY).run()
    assert sim.log.count(operation='GetCallerIdentity') == 0
    assert sim.log.count(operation='AssumeRole') == 1


def test_the_role_is_used(watch: Watching, sim: Simulator, clock: Clock, aggregator: Any) -> None:
    """With role_arn the data are those of the role's account, and a wrong external id says what to look at."""
    role = 'arn:aws:iam::310987654321:role/reader'
    sim.accounts.declare_role(role, external_id='right-id')
    watching = watch(role_arn=role, external_id='right-id', **STEADY)
    assert watching.run() == ''
    assert {one.account for one in sim.log.where(action='ses:GetAccount')} == {'310987654321'}
    assert 'aws_account:310987654321' in aggregator.metrics('amazon_ses.quota.max_24_hour')[0].tags
    clock.advance(HOUR)
    watching.restart(external_id='wrong-id')
    assert watching.run() != ''
    level, message = watching.status('can_connect')
    assert level == CRITICAL
    assert 'AssumeRole: denied: ' in message
    assert 'external_id' in message


def test_expired_tokens_are_renewed(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """When AWS ends the session of a role early, the next run signs in again by itself."""
    watching = watch(role_arn=f'arn:aws:iam::{ACCOUNT}:role/reader', **STEADY)
    watching.through(300, 60)
    sim.expire_tokens()
    clock.advance(60)
    watching.run()
    clock.advance(60)
    assert watching.run() == ''
    assert watching.status('can_connect') == (OK, '')
