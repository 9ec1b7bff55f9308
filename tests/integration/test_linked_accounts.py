"""Linked accounts, which share their metrics with a monitoring account, are read through it under their tags."""

from __future__ import annotations

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, REGION, Driver, MakeDriver, StartSimulator

from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, configuration_sets

OWNER, OTHER_OWNER = '210987654321', '310987654321'
HOUR = 3600


def linked(start: StartSimulator) -> Simulator:
    sim = start(Scenario('linked', 'three accounts', volume=400.0, families=(configuration_sets(2),)))
    for owner in (OWNER, OTHER_OWNER):
        sim.accounts.link(ACCOUNT, owner)
    return sim


def total(driver: Driver, name: str, account: str) -> float:
    return driver.total(name, REGION, f'aws_account:{account}')


def truth(sim: Simulator, account: str, metric: str, since: float, until: float) -> float:
    return sim.world.final_sum(account, REGION, metric, start=since, end=until)


def test_linked_accounts_have_separate_account_tags(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """Counts, gauges, reputation and the distance to a pause come for each linked account under its aws_account tag,
    and add up to the final sums of that account's CloudWatch."""
    sim = linked(start)
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    driver.run_for(2 * HOUR, 60)
    since = driver.last('collector.counting_since')
    for account in (ACCOUNT, OWNER, OTHER_OWNER):
        counted = total(driver, 'send.count', account)
        assert (
            truth(sim, account, 'Send', since, clock() - 900) <= counted <= truth(sim, account, 'Send', since, clock())
        )
        account_tag = f'aws_account:{account}'
        assert driver.values('send', REGION, account_tag) and driver.values('reputation.risk', REGION, account_tag)
        assert driver.total('configuration_set.send.count', REGION, account_tag, 'configuration_set:set-00001') > 0
    assert driver.values('quota.sent_24_hour', REGION, f'aws_account:{OWNER}') == []
    assert len({truth(sim, account, 'Send', since, clock()) for account in (ACCOUNT, OWNER, OTHER_OWNER)}) == 3


def test_linked_accounts_are_not_read_by_default(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """By default no request names another account."""
    sim = linked(start)
    driver = make_driver(sim)
    driver.run_for(HOUR, 60)
    assert not any(request.params.get('IncludeLinkedAccounts') for request in sim.log.where(operation='ListMetrics'))
    assert all(
        'AccountId' not in query
        for request in sim.log.where(operation='GetMetricData')
        for query in request.params['MetricDataQueries']
    )


def test_a_forbidden_linked_account_costs_that_account_only(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """When CloudWatch says Forbidden for one linked account, the others are counted, the account is named, not
    queried for an hour, and counted on without a gap once it is permitted again."""
    sim = linked(start)
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    driver.run_for(HOUR, 60)

    def forbid(result: dict) -> None:
        batch = sim.log.where(operation='GetMetricData')[-1].params['MetricDataQueries']
        owner_ids = {query['Id'] for query in batch if query.get('AccountId') == OWNER}
        for series in result['MetricDataResults']:
            if series['Id'] in owner_ids:
                series.update(StatusCode='Forbidden', Timestamps=[], Values=[])

    fault = sim.faults.add(Fault('mutate', operation='GetMetricData', argument=forbid))
    before = {account: total(driver, 'send.count', account) for account in (ACCOUNT, OWNER, OTHER_OWNER)}
    for _ in range(40):
        driver.run()
        clock.advance(60)
    assert total(driver, 'send.count', OWNER) == before[OWNER]
    assert total(driver, 'send.count', ACCOUNT) > before[ACCOUNT]
    assert total(driver, 'send.count', OTHER_OWNER) > before[OTHER_OWNER]
    warnings = [
        sample.message for sample in driver.aggregator.service_checks('amazon_ses.can_connect') if sample.status == 1
    ]
    assert any(OWNER in message and 'cross-account' in message for message in warnings)
    assert driver.last('collector.series_dropped', REGION, 'reason:forbidden') > ACCOUNT_METRICS
    sim.faults.remove(fault)
    driver.run_for(2 * HOUR, 60)
    since = driver.last('collector.counting_since')
    counted = total(driver, 'send.count', OWNER)
    assert truth(sim, OWNER, 'Send', since, clock() - 900) <= counted <= truth(sim, OWNER, 'Send', since, clock())
    assert driver.values('collector.periods_skipped') == []


def test_linked_accounts_are_not_read_after_the_option_is_removed(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """After the option is removed, no request names another account from the next run on."""
    sim = linked(start)
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    driver.run_for(HOUR, 60)
    driver.restart(linked_accounts=None)
    sim.log.clear()
    driver.run_for(1200, 60)
    queries = [
        query for request in sim.log.where(operation='GetMetricData') for query in request.params['MetricDataQueries']
    ]
    assert queries and not any('AccountId' in query for query in queries)


def test_the_instance_of_a_linked_account_takes_over_after_a_restart(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """When an instance for a linked account comes first after a restart, the other counts it no
    longer, and no amount is counted by both."""
    sim = linked(start)
    sim.accounts.add('AKIAOWNER00000000000', OWNER)
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch'])
    driver.run_for(HOUR, 60)
    before = total(driver, 'send.count', OWNER)
    since = driver.last('collector.counting_since')
    assert before > 0
    driver.check.cancel()
    owner_driver = make_driver(sim, aws_access_key_id='AKIAOWNER00000000000', collect=['cloudwatch'])
    owner_driver.run()
    driver.restart()
    for _ in range(90):
        driver.run()
        clock.advance(60)
        owner_driver.run()
    counted = total(driver, 'send.count', OWNER)
    assert before < counted <= truth(sim, OWNER, 'Send', since, clock())
    assert total(driver, 'send.count', OTHER_OWNER) > 0


def test_an_account_is_not_counted_by_two_instances(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A linked account with an instance that reads it directly is counted by that instance only."""
    sim = linked(start)
    sim.accounts.add('AKIAOWNER00000000000', OWNER)
    owner_driver = make_driver(sim, aws_access_key_id='AKIAOWNER00000000000', collect=['cloudwatch'])
    owner_driver.run()
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch'])
    driver.run_for(HOUR, 60)
    assert total(driver, 'send.count', OWNER) == 0
    assert total(driver, 'send.count', OTHER_OWNER) > 0


@pytest.mark.parametrize('restarts', [False, True])
def test_an_account_that_passes_to_the_linking_instance_is_not_counted_twice(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, restarts: bool
) -> None:
    """When the instance of a linked account is removed, the one with `linked_accounts` counts the account from then
    on, with or without a restart, and nothing of what was counted before."""
    sim = linked(start)
    sim.accounts.add('AKIAOWNER00000000000', OWNER)
    owner_driver = make_driver(sim, aws_access_key_id='AKIAOWNER00000000000', collect=['cloudwatch'])
    owner_driver.run()
    driver = make_driver(sim, linked_accounts=True, collect=['cloudwatch'])
    for _ in range(120):
        driver.run()
        owner_driver.run()
        clock.advance(60)
    since = owner_driver.last('collector.counting_since')
    counted_by_owner = total(driver, 'send.count', OWNER)
    owner_driver.check.cancel()
    removed_at = clock()
    if restarts:
        driver.restart()
    driver.run_for(2 * HOUR, 60)
    counted = total(driver, 'send.count', OWNER)
    assert counted <= truth(sim, OWNER, 'Send', since, clock())
    assert counted - counted_by_owner > truth(sim, OWNER, 'Send', removed_at + HOUR, clock() - HOUR / 2)
    before, other = total(driver, 'send.count', OWNER), total(driver, 'send.count', OTHER_OWNER)
    driver.restart()
    driver.run_for(HOUR, 60)
    assert total(driver, 'send.count', OWNER) > before and total(driver, 'send.count', OTHER_OWNER) > other
    assert total(driver, 'send.count', OWNER) <= truth(sim, OWNER, 'Send', since, clock())
