"""Promise P7: The Agent receives every declared metric, each once, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common import ACCOUNT, OTHER, REGION, MakeDriver, StartSimulator

from datadog_checks.amazon_ses.cloudwatch.metric_table import REPUTATION
from datadog_checks.amazon_ses.cloudwatch.series import STATISTICS
from datadog_checks.amazon_ses.registry import SOURCE_NAMES
from datadog_checks.dev.utils import get_metadata_metrics, get_service_checks
from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.inventory import DOMAIN
from simulator.models import service_model

HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}

NEWER = {
    'PricingAttributes': 'amazon_ses.account.plan',
    'ValidationAttributes': 'amazon_ses.account.auto_validation',
    'DeliveryAttributes': 'amazon_ses.account.shared_pool',
}
"""Metrics of fields of GetAccount that an older botocore drops."""


def metadata() -> dict[str, Any]:
    """The declared metrics that this botocore has fields for, but those of queues, which `test_event_queues.py` has."""
    answer = service_model('sesv2').operation_model('GetAccount').output_shape
    fields = {*answer.members, *answer.members['SuppressionAttributes'].members}
    missing = {metric for field, metric in NEWER.items() if field not in fields}
    rows = get_metadata_metrics().items()
    return {name: row for name, row in rows if name not in missing and not name.startswith('amazon_ses.event.')}


def break_the_inventory(sim: Simulator) -> None:
    """Something is wrong with two of each, of which one is named and one is left unnamed."""
    sim.change('identities', DOMAIN, {'sending_enabled': False})
    for number in (1, 2):
        sim.change('findings', f'spf{number}', {'resource': f'identity/d{number}.example', 'type': 'SPF'})
        sim.change('configuration_sets', f'set-0000{number}', {'sending_enabled': False})
        sim.change('tenants', f'tenant-0000{number}', {'ses_status': 'DISABLED', 'impact': 'HIGH'})
    for number in range(201):
        sim.change('dedicated_ips', f'192.0.2.{number}', {'warmup_status': 'IN_PROGRESS', 'warmup_percentage': 40})
    sim.change('dedicated_ips', '192.0.2.0', {'blocklists': ('zen.example',)})
    sim.change('jobs', 'import', {'status': 'FAILED'})


def run_several_regions(make_driver: MakeDriver, sim: Simulator) -> None:
    """Read both Regions of a global endpoint, then all Regions, of which the organization denies one."""
    options = {'regions': [REGION, OTHER], 'collect': ['account', 'global_endpoint_health']}
    make_driver(sim, region=None, ledger='both', tags=['team:mail'], **options).run_for(600, 300)
    sim.deny('*', region=OTHER, reason='with an explicit deny in a service control policy')
    everywhere = {'regions': 'all', 'exclude_regions': ['ap-*', 'us-west-*'], 'collect': ['account']}
    make_driver(sim, region=None, account_id=ACCOUNT, ledger='everywhere', tags=['team:mail'], **everywhere).run()


def test_every_declared_metric_comes_and_no_other(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any, datadog_agent: Any
) -> None:
    """Over some hours with every feature and some trouble, the Agent gets each metric of metadata.csv and no other."""
    everything = SCENARIOS['everything']
    sim = start(replace(everything, volume=30_000.0))
    break_the_inventory(sim)
    rates = [rate.metric_name for rate in REPUTATION]
    driver = make_driver(
        sim,
        collect=list(SOURCE_NAMES),
        statistics=list(STATISTICS),
        dimensions=[SET, {**SET, 'metrics': rates}],
        thresholds=[{'metric': 'send', 'warning': '10'}],
        backfill_limit=HOUR,
        max_findings=1,
        max_configuration_sets=1,
        max_tenants=1,
        tags=['team:mail'],
    )
    driver.run_for(2400, 300)
    sim.world.shrink(ACCOUNT, REGION, 'Send', clock() - 900, 5)
    sim.faults.add(Fault('throttle', operation='GetMetricData', times=1))
    driver.run_for(1500, 300)
    clock.advance(5 * HOUR)
    sim.faults.add(Fault('denied', operation='GetAccount', times=3))
    driver.run_for(300, 60)
    driver.restart(max_returned_metrics=5)
    driver.run_for(600, 300)
    # A damage of the saved state.
    for key in [key for key in datadog_agent._cache if 'handed_over' in key]:
        del datadog_agent._cache[key]
    driver.restart(max_returned_metrics=None)
    driver.run_for(900, 300)
    run_several_regions(make_driver, sim)

    lacking = metadata().keys() - set(aggregator.metric_names)
    assert not lacking, f'{sorted(lacking)}: never submitted. Has the scenario `everything` data for it?'
    aggregator.assert_metrics_using_metadata(metadata(), check_submission_type=True, check_symmetric_inclusion=True)
    for name in aggregator.metric_names:
        aggregator.assert_metric(name)
        aggregator.assert_metric_has_tag(name, 'team:mail')
        aggregator.assert_metric_has_tag(name, f'aws_account:{ACCOUNT}')
    aggregator.assert_all_metrics_covered()
    aggregator.assert_service_checks(get_service_checks())
    declared = {check['check'] for check in get_service_checks()}
    assert {name for name in declared if aggregator.service_checks(name)} == declared


def test_no_run_submits_anything_twice(make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any) -> None:
    """Within one run each metric, count and service check comes once for each set of tags."""
    driver = make_driver(dimensions=[SET, {'ses:configuration-set': ['a', 'A']}], statistics=['maximum', 'sum'])
    for _ in range(12):
        aggregator.reset()
        assert driver.run() == ''
        aggregator.assert_no_duplicate_all()
        counts = [
            (name, tuple(sorted(sample.tags)))
            for name in aggregator.metric_names
            for sample in aggregator.metrics(name)
            if name.endswith('.count')
        ]
        assert len(counts) == len(set(counts))
        clock.advance(300)
    assert counts


def test_collector_contexts_counts_the_contexts_of_a_run(
    make_driver: MakeDriver, clock: Clock, aggregator: Any
) -> None:
    """`collector.contexts` is the number of different metrics with tags that a run submits."""
    driver = make_driver()
    driver.run_for(900, 300)
    aggregator.reset()
    driver.run()
    submitted = {
        (name, tuple(sorted(sample.tags))) for name in aggregator.metric_names for sample in aggregator.metrics(name)
    }
    assert driver.last('collector.contexts') == len(submitted)
