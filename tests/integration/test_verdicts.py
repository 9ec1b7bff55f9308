"""What AWS itself says of findings, configuration sets and tenants, with real botocore against the simulator."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from common import ACCOUNT, REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers

from datadog_checks.amazon_ses.sweeps.configuration_sets import CONFIGURATION_SETS
from datadog_checks.amazon_ses.sweeps.findings import FINDINGS
from datadog_checks.amazon_ses.sweeps.tenants import TENANTS
from simulator import Clock, Fault, Simulator
from simulator.inventory import PLANTED
from simulator.scenarios import HOUR

OK, WARNING = 0, 1
SWEEPS = (FINDINGS, CONFIGURATION_SETS, TENANTS)
OPERATIONS = [action.name.partition(':')[2] for sweep in SWEEPS for action in sweep.actions]
VERDICTS: dict[str, Any] = {'collect': ['account', *(sweep.name for sweep in SWEEPS)]}
OF_OPERATION = {
    'ListRecommendations': 'finding.open',
    'ListConfigurationSets': 'configuration_set.count',
    'GetConfigurationSet': 'configuration_set.unhealthy',
    'GetConfigurationSetEventDestinations': 'configuration_set.destinations',
    'ListReputationEntities': 'tenant.count',
}
"""A metric of each operation."""


@pytest.fixture
def troubled(start: StartSimulator) -> Simulator:
    """An account with a finding, a broken configuration set and a paused tenant."""
    sim = start('everything', quotas=False)
    sim.change('findings', 'spf', {'resource': 'identity/jane.doe@mail.example', 'type': 'SPF'})
    sim.change('configuration_sets', 'set-00001', {'sending_enabled': False})
    sim.change('tenants', 'tenant-00001', {'ses_status': 'DISABLED', 'impact': 'HIGH'})
    return sim


def run_for(driver: Driver, seconds: float, step: float = 60.0) -> None:
    """Run now and every `step` seconds; what was asked has come by the next run."""
    for _ in range(round(seconds / step)):
        assert driver.run() == ''
        wait_for_workers()
        driver.clock.advance(step)


def event_titles(aggregator: Any) -> list[str]:
    where = f' ({ACCOUNT}, {REGION})'
    return [event['msg_title'].removesuffix(where) for event in aggregator.events]


def test_every_verdict_is_shown(make_driver: MakeDriver, troubled: Simulator) -> None:
    """An open finding, a set that is switched off and a paused tenant are counted and named, and no first look is an
    event; the actions that the sweeps declare are those that AWS sees."""
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, HOUR)
    assert driver.last('finding.open', REGION, 'type:spf', 'impact:high', 'scope:identity') == 1
    assert driver.last('finding.high_impact', REGION, 'identity:mail.example') == 1
    assert driver.last('configuration_set.count') == 3
    assert driver.last('configuration_set.severity', REGION, 'configuration_set:set-00001') == 3
    assert driver.last('configuration_set.destinations', REGION, 'destination_type:sns', 'status:enabled') == 3
    assert driver.last('tenant.count', REGION, 'status:disabled') == 1
    assert driver.last('tenant.sending_enabled', REGION, 'tenant:tenant-00001', 'paused_by:aws') == 0
    assert event_titles(driver.aggregator) == []
    seen = {request.action for request in troubled.log if request.operation != 'GetAccount'}
    assert seen - {'sts:GetCallerIdentity'} == {action.name for sweep in SWEEPS for action in sweep.actions}
    assert connection_status(driver.aggregator) == (OK, '')


@pytest.mark.parametrize(
    ('scenario', 'seconds', 'events'),
    [
        ('finding', 7 * HOUR, ['a finding opened', 'a finding fixed']),
        ('destination_disabled', 3 * HOUR, [
            'a configuration set with the problem destination_disabled',
            'a configuration set with the problem no_failure_destination',
        ]),
        ('tenant_paused', 6 * HOUR, [
            'a finding opened', 'a tenant with findings', 'a tenant paused', 'a tenant resumed',
        ]),
    ],
)  # fmt: skip
def test_each_story_is_told_once(
    make_driver: MakeDriver, start: StartSimulator, scenario: str, seconds: float, events: list[str]
) -> None:
    """What happens in a scenario is one event each, also over restarts."""
    driver = make_driver(start(scenario, quotas=False), **VERDICTS)
    for _ in range(6):
        run_for(driver, seconds / 6, 300)
        driver.restart()
    assert sorted(event_titles(driver.aggregator)) == sorted(f'Amazon SES: {event}' for event in events)


@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_denied_operation_costs_itself_and_names_the_action(
    make_driver: MakeDriver, troubled: Simulator, operation: str
) -> None:
    """Where an operation is denied, its own metrics are missing, the message names the IAM action, it is asked once an
    hour, and everything else goes on."""
    troubled.deny(f'ses:{operation}')
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, HOUR, 300)
    status, message = connection_status(driver.aggregator)
    assert status == WARNING and f'ses:{operation}' in message
    assert troubled.log.count(operation=operation) == 1
    missing = {name for name in OF_OPERATION.values() if not driver.values(name)}
    of_sets = {name for name in OF_OPERATION.values() if name.startswith('configuration_set.')}
    lost = of_sets if operation == 'ListConfigurationSets' else {OF_OPERATION[operation]}
    assert missing == (set() if operation == 'GetConfigurationSet' else lost)
    sending_off = driver.values('configuration_set.unhealthy', REGION, 'problem:sending_off')
    assert bool(sending_off) == (operation not in ('GetConfigurationSet', 'ListConfigurationSets'))
    troubled.allow()
    run_for(driver, 600)
    assert connection_status(driver.aggregator) == (OK, '')
    assert all(driver.values(name) for name in OF_OPERATION.values())


FAULTS: dict[str, dict[str, Any]] = {
    'garbage': {'kind': 'garbage'},
    'a page': {'kind': 'html'},
    'half a body': {'kind': 'truncate'},
    'nothing in it': {'kind': 'empty_results'},
    'null in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result)},
    'text in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result, 'x')},
    'pages without end': {'kind': 'token_loop'},
    'throttled': {'kind': 'throttle'},
}


@pytest.mark.parametrize('fault', FAULTS)
@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_broken_answer_costs_itself(make_driver: MakeDriver, troubled: Simulator, operation: str, fault: str) -> None:
    """An answer that is garbage, cut, without end or not of AWS costs its operation alone, for as long as such answers
    come, at most one request a minute, and no event."""
    rule = troubled.faults.add(Fault(operation=operation, **FAULTS[fault]))
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, 600)
    assert driver.last('can_connect') >= 0.5 and driver.values('quota.utilization')
    assert troubled.log.count(operation=operation) <= 24
    others = {name for other, name in OF_OPERATION.items() if other != operation and 'configuration_set' not in name}
    assert all(driver.values(name) for name in others if operation != 'ListReputationEntities' or 'tenant' not in name)
    troubled.faults.remove(rule)
    run_for(driver, HOUR + 1200, 300)
    assert connection_status(driver.aggregator) == (OK, '')
    assert all(driver.values(name) for name in OF_OPERATION.values()) and event_titles(driver.aggregator) == []


@pytest.mark.parametrize('operation', OPERATIONS)
def test_what_a_region_lacks_is_silent(make_driver: MakeDriver, troubled: Simulator, operation: str) -> None:
    """An operation that AWS does not know in a Region is no warning, and is asked once a day."""
    unknown = ('UnknownOperationException', 404)
    troubled.faults.add(Fault('error', operation=operation, argument=unknown))
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, 3 * HOUR, 300)
    assert connection_status(driver.aggregator) == (OK, '')
    assert troubled.log.count(operation=operation) == 1


@pytest.mark.parametrize('operation', ['ListRecommendations', 'ListReputationEntities', 'ListConfigurationSets'])
def test_lists_in_part_tell_no_lies(make_driver: MakeDriver, troubled: Simulator, operation: str) -> None:
    """A list that lacks half of its entries once is no event that something was fixed, resumed or deleted."""
    for name in ('b', 'c', 'd'):
        troubled.change('findings', name, {'resource': f'identity/{name}.example'})
        troubled.change('tenants', name, {'customer_status': 'DISABLED'})
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, 1200)
    # The finding that is missing is looked for among the fixed ones, and in the next list.
    troubled.faults.add(Fault('missing_results', operation=operation, times=1))
    run_for(driver, 2 * HOUR, 300)
    assert event_titles(driver.aggregator) == []


def test_nothing_planted_leaves(make_driver: MakeDriver, troubled: Simulator, datadog_agent: Any, caplog: Any) -> None:
    """Descriptions, causes, tags, topics and ARNs of AWS's answers reach neither logs, tags, messages, events nor the
    state, nor does the address of an identity that a finding is about."""
    caplog.set_level(logging.DEBUG)
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, HOUR, 300)
    troubled.change('findings', 'spf', {'status': 'FIXED'})
    troubled.change('findings', 'dkim', {'resource': 'identity/john.doe@mail.example'})
    troubled.change('tenants', 'tenant-00002', {'customer_status': 'DISABLED'})
    troubled.change('configuration_sets', 'set-00000', {'suppressed_reasons': ()})
    run_for(driver, HOUR, 300)
    aggregator = driver.aggregator
    samples = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    events = list(aggregator.events)
    assert len(events) == 4
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    output = '\n'.join([caplog.text, *map(str, (*samples, *events, driver.check.get_warnings())), *cached])
    for secret in (*PLANTED, 'jane.doe', 'john.doe', 'arn:aws:ses', 'arn:aws:sns'):
        assert secret not in output, secret


def test_names_of_tenants_are_hashed_everywhere(make_driver: MakeDriver, troubled: Simulator, clock: Clock) -> None:
    """With `hash_tenant_names` the series of CloudWatch and what AWS says of a tenant have the same tag, without its
    name."""
    driver = make_driver(troubled, collect=['account', 'tenants', 'tenant_health'], hash_tenant_names=True)
    run_for(driver, HOUR, 300)
    metrics = {name: driver.aggregator.metrics(name) for name in driver.aggregator.metric_names if '.tenant.' in name}
    tags = {tag for samples in metrics.values() for one in samples for tag in one.tags if tag.startswith('tenant:')}
    named = {tag for one in metrics['amazon_ses.tenant.sending_enabled'] for tag in one.tags}
    assert len(tags) == 5 and 'tenant-0' not in str(tags) and tags & named
