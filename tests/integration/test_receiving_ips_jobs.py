"""What AWS says of receiving, dedicated IP addresses and jobs, with real botocore against the simulator."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from common import ACCOUNT, REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers

from datadog_checks.amazon_ses.sweeps.dedicated_ips import DEDICATED_IPS
from datadog_checks.amazon_ses.sweeps.jobs import JOBS
from datadog_checks.amazon_ses.sweeps.receiving_rules import RECEIVING_RULES
from simulator import Fault, Simulator
from simulator.inventory import PLANTED
from simulator.scenarios import HOUR

OK, WARNING = 0, 1
SWEEPS = (RECEIVING_RULES, DEDICATED_IPS, JOBS)
OPERATIONS = [action.name.partition(':')[2] for sweep in SWEEPS for action in sweep.actions]
VERDICTS: dict[str, Any] = {'collect': ['account', *(sweep.name for sweep in SWEEPS)]}
OF_OPERATION = {
    'DescribeActiveReceiptRuleSet': ('receiving.rules', 'status:enabled'),
    'ListReceiptRuleSets': ('receiving.limit_utilization', 'limit:rule_sets'),
    'ListReceiptFilters': ('receiving.limit_utilization', 'limit:filters'),
    'GetDedicatedIps': ('dedicated_ip.count',),
    'ListDedicatedIpPools': ('dedicated_ip.pools',),
    'GetDedicatedIpPool': ('dedicated_ip.pools', 'scaling_mode:managed'),
    'GetBlacklistReports': ('dedicated_ip.listed',),
    'ListImportJobs': ('job.stuck', 'job_type:import'),
    'ListExportJobs': ('job.stuck', 'job_type:export'),
}
"""A metric of each operation."""


@pytest.fixture
def troubled(start: StartSimulator) -> Simulator:
    """An account with a rule that is off, an address on a blocklist, one that warms up, and a job that failed."""
    sim = start('everything', quotas=False)
    sim.change('rule_sets', 'inbound', {'rules': [{'name': 'store'}, {'name': 'forward', 'enabled': False}]})
    sim.change('dedicated_ips', '198.51.100.7', {'blocklists': ('zen.example',)})
    sim.change('dedicated_ips', '198.51.100.8', {'warmup_status': 'IN_PROGRESS', 'warmup_percentage': 40})
    sim.change('jobs', 'a-failed-job', {'status': 'FAILED', 'failed_records': 12})
    sim.change('jobs', 'an-export', {'type': 'export', 'status': 'PROCESSING'})
    return sim


def run_for(driver: Driver, seconds: float, step: float = 60.0) -> None:
    """Run now and every `step` seconds; what was asked has come by the next run."""
    for _ in range(round(seconds / step)):
        assert driver.run() == ''
        wait_for_workers()
        driver.clock.advance(step)


def told(driver: Driver) -> list[str]:
    where = f' ({ACCOUNT}, {REGION})'
    return [event['msg_title'].removesuffix(where).removeprefix('Amazon SES: ') for event in driver.aggregator.events]


def missing(driver: Driver) -> set[str]:
    return {name for name, (metric, *tags) in OF_OPERATION.items() if not driver.values(metric, REGION, *tags)}


def test_everything_is_shown(make_driver: MakeDriver, troubled: Simulator) -> None:
    """Rules, addresses, blocklists and jobs are counted, no first look is an event, and the actions that the sweeps
    declare are those that AWS sees."""
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, HOUR)
    for expected, metric, *tags in (
        (1, 'receiving.rule_set_active'),
        (1, 'receiving.rules', 'status:disabled'),
        (1, 'receiving.limit_utilization', 'limit:rules'),
        (1, 'dedicated_ip.listed'),
        (1, 'dedicated_ip.listing', 'ip:198.51.100.7', 'blocklist:zen.example'),
        (40, 'dedicated_ip.warmup', 'ip:198.51.100.8'),
        (1, 'job.count', 'job_type:import', 'status:failed'),
        (12, 'job.failed_records'),
    ):
        assert driver.last(metric, REGION, *tags) == expected, metric
    assert missing(driver) == set() and told(driver) == []
    seen = {request.action for request in troubled.log if request.operation != 'GetAccount'}
    assert seen - {'sts:GetCallerIdentity'} == {action.name for sweep in SWEEPS for action in sweep.actions}
    assert connection_status(driver.aggregator) == (OK, '')


def test_an_account_without_any_of_it_is_quiet(make_driver: MakeDriver, start: StartSimulator) -> None:
    """An account that receives nothing and has neither dedicated IP addresses nor jobs submits nothing of them, and is
    asked at most eight times an hour."""
    sim = start('steady', quotas=False)
    driver = make_driver(sim, **VERDICTS)
    run_for(driver, 3 * HOUR, 300)
    names = {name.removeprefix('amazon_ses.').partition('.')[0] for name in driver.aggregator.metric_names}
    assert not names & {'receiving', 'dedicated_ip', 'job'} and told(driver) == []
    assert sum(sim.log.count(operation=operation) for operation in OPERATIONS) <= 3 * 8


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
    needed = {
        'GetDedicatedIps': {'GetBlacklistReports'},
        'ListDedicatedIpPools': {'GetDedicatedIpPool'},
    }
    assert missing(driver) == {operation} | needed.get(operation, set())
    troubled.allow()
    run_for(driver, 600)
    assert connection_status(driver.aggregator) == (OK, '') and missing(driver) == set()


FAULTS: dict[str, dict[str, Any]] = {
    'garbage': {'kind': 'garbage'},
    'half a body': {'kind': 'truncate'},
    'null in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result)},
    'text in it': {'kind': 'mutate', 'argument': lambda result: dict.fromkeys(result, 'x')},
    'pages without end': {'kind': 'token_loop'},
    'throttled': {'kind': 'throttle'},
}


@pytest.mark.parametrize('fault', FAULTS)
@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_broken_answer_costs_itself(make_driver: MakeDriver, troubled: Simulator, operation: str, fault: str) -> None:
    """An answer that is garbage, cut, without end or not of AWS costs its operation alone, for as long as such answers
    come, a few requests, and no event."""
    rule = troubled.faults.add(Fault(operation=operation, **FAULTS[fault]))
    driver = make_driver(troubled, **VERDICTS)
    # Twice within minutes, an answer without content says that no rule set is active.
    run_for(driver, 240 if (operation, fault) == ('DescribeActiveReceiptRuleSet', 'null in it') else 600)
    assert driver.last('can_connect') >= 0.5 and driver.values('quota.utilization')
    assert troubled.log.count(operation=operation) <= 24
    kinds = {name: metric.partition('.')[0] for name, (metric, *_) in OF_OPERATION.items()}
    assert {kinds[name] for name in missing(driver)} <= {kinds[operation]}
    troubled.faults.remove(rule)
    run_for(driver, HOUR + 1200, 300)
    assert connection_status(driver.aggregator) == (OK, '')
    # What AWS leaves out of a pool is unknown for a day.
    late = {'GetDedicatedIpPool'} if operation == 'GetDedicatedIpPool' else set()
    assert missing(driver) <= late and told(driver) == []


@pytest.mark.parametrize('operation', OPERATIONS)
def test_what_a_region_lacks_is_silent(make_driver: MakeDriver, troubled: Simulator, operation: str) -> None:
    """An operation that AWS does not know in a Region is no warning, and is asked once a day."""
    troubled.faults.add(Fault('error', operation=operation, argument=('UnknownOperationException', 404)))
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, 3 * HOUR, 300)
    assert connection_status(driver.aggregator) == (OK, '')
    assert troubled.log.count(operation=operation) == 1


@pytest.mark.parametrize(
    ('scenario', 'seconds', 'events'),
    [
        ('receiving_stopped', 4 * HOUR, [
            'a receipt rule switched off', 'no receipt rule set is active', '2 receipt rules changed',
        ]),
        ('address_listed', 7 * HOUR, [
            'a dedicated IP address on a blocklist', 'a dedicated IP address on no blocklist any more',
        ]),
        ('jobs_failed', 8 * HOUR, ['an import job failed', 'an export job stuck']),
    ],
)  # fmt: skip
def test_each_story_is_told_once(
    make_driver: MakeDriver, start: StartSimulator, scenario: str, seconds: float, events: list[str]
) -> None:
    """What happens in a scenario is one event each, also over restarts."""
    driver = make_driver(start(scenario, quotas=False), **VERDICTS)
    for _ in range(4):
        run_for(driver, seconds / 4, 300)
        driver.restart()
    assert sorted(told(driver)) == sorted(events)


def test_blocklists_that_aws_refuses_are_unsupported(make_driver: MakeDriver, troubled: Simulator) -> None:
    """Where AWS refuses to read the blocklists, nothing is submitted of them, never zero, and nothing warns."""
    troubled.change('account', values={'blocklist_reports': False})
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, 3 * HOUR, 300)
    assert connection_status(driver.aggregator) == (OK, '')
    assert missing(driver) == {'GetBlacklistReports'} and not driver.values('dedicated_ip.listing')
    assert troubled.log.count(operation='GetBlacklistReports') == 1


def test_stories_are_told_once_and_nothing_planted_leaves(
    make_driver: MakeDriver, troubled: Simulator, datadog_agent: Any, caplog: Any
) -> None:
    """A rule set that is active no more, a changed rule, a listed address and failed jobs are one event each, also over
    restarts; recipients, buckets, functions, contact lists and ARNs reach neither logs, tags, events nor the state."""
    caplog.set_level(logging.DEBUG)
    driver = make_driver(troubled, **VERDICTS)
    run_for(driver, HOUR, 300)
    driver.restart()
    rules = [{'name': 'store', 'enabled': False}, {'name': 'forward', 'enabled': False, 'recipients': ['a@b.example']}]
    troubled.change('rule_sets', 'inbound', {'rules': rules})
    troubled.change('dedicated_ips', '198.51.100.7', {'blocklists': ()})
    troubled.change('dedicated_ips', '198.51.100.8', {'blocklists': ('zen.example',)})
    for number in range(3):
        troubled.change('jobs', f'job-{number}', {'status': 'FAILED', 'created': HOUR})
    run_for(driver, 2 * HOUR, 300)
    troubled.change('rule_sets', 'inbound', {'active': False})
    driver.restart()
    run_for(driver, HOUR, 300)
    assert sorted(told(driver)) == [
        '3 import jobs failed',
        'a dedicated IP address on a blocklist',
        'a dedicated IP address on no blocklist any more',
        'a receipt rule changed',
        'a receipt rule switched off',
        'no receipt rule set is active',
    ]
    assert driver.last('receiving.rule_set_active') == 0
    aggregator = driver.aggregator
    samples = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    texts = map(str, (*samples, *aggregator.events, driver.check.get_warnings()))
    output = '\n'.join([caplog.text, *texts, *cached])
    for secret in (*PLANTED, 'a@b.example', 'arn:aws:lambda', 'arn:aws:sns', 'list-', 'bucket-'):
        assert secret not in output, secret
