"""Accounts that share their metrics with ours are read through it, each under its own account tag."""

from __future__ import annotations

from collections.abc import Callable

from common import ACCOUNT, REGION, Watch

from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, configuration_sets

Watching = Callable[..., Watch]
Starting = Callable[..., Simulator]
OWNER, OTHER_OWNER = '210987654321', '310987654321'
HOUR = 3600


def linked(start: Starting) -> Simulator:
    sim = start(Scenario('linked', 'three accounts', volume=400.0, families=(configuration_sets(2),)))
    for owner in (OWNER, OTHER_OWNER):
        sim.accounts.link(ACCOUNT, owner)
    return sim


def total(watching: Watch, name: str, account: str) -> float:
    return watching.total(name, REGION, f'aws_account:{account}')


def truth(sim: Simulator, account: str, metric: str, since: float, until: float) -> float:
    return sim.world.final_sum(account, REGION, metric, start=since, end=until)


def test_linked_accounts_keep_their_own_tag(watch: Watching, start: Starting, clock: Clock) -> None:
    """Counts, gauges, reputation and the distance to a pause come for each linked account with its own aws_account tag,
    and add up to what that account's CloudWatch holds."""
    sim = linked(start)
    watching = watch(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    watching.through(2 * HOUR, 60)
    since = watching.last('collector.counting_since')
    for account in (ACCOUNT, OWNER, OTHER_OWNER):
        handed = total(watching, 'send.count', account)
        assert (
            truth(sim, account, 'Send', since, clock() - 900) <= handed <= truth(sim, account, 'Send', since, clock())
        )
        mine = f'aws_account:{account}'
        assert watching.values('send', REGION, mine) and watching.values('reputation.pause_proximity', REGION, mine)
        assert watching.total('configuration_set.send.count', REGION, mine, 'configuration_set:set-00001') > 0
    assert watching.values('quota.sent_24_hour', REGION, f'aws_account:{OWNER}') == []
    assert len({truth(sim, account, 'Send', since, clock()) for account in (ACCOUNT, OWNER, OTHER_OWNER)}) == 3


def test_without_the_option_linked_accounts_are_not_asked_for(watch: Watching, start: Starting, clock: Clock) -> None:
    """By default no request speaks of another account."""
    sim = linked(start)
    watching = watch(sim)
    watching.through(HOUR, 60)
    assert not any(one.params.get('IncludeLinkedAccounts') for one in sim.log.where(operation='ListMetrics'))
    assert all(
        'AccountId' not in query
        for one in sim.log.where(operation='GetMetricData')
        for query in one.params['MetricDataQueries']
    )


def test_an_account_that_may_not_be_shown_costs_that_account(watch: Watching, start: Starting, clock: Clock) -> None:
    """When CloudWatch says Forbidden for one linked account, the others are counted, the account is named, left alone
    for an hour, and counted on, without a gap, when it may be shown again."""
    sim = linked(start)
    watching = watch(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    watching.through(HOUR, 60)

    def forbid(result: dict) -> None:
        batch = sim.log.where(operation='GetMetricData')[-1].params['MetricDataQueries']
        theirs = {query['Id'] for query in batch if query.get('AccountId') == OWNER}
        for one in result['MetricDataResults']:
            if one['Id'] in theirs:
                one.update(StatusCode='Forbidden', Timestamps=[], Values=[])

    fault = sim.faults.add(Fault('mutate', operation='GetMetricData', argument=forbid))
    before = {account: total(watching, 'send.count', account) for account in (ACCOUNT, OWNER, OTHER_OWNER)}
    for _ in range(40):
        watching.run()
        clock.advance(60)
    assert total(watching, 'send.count', OWNER) == before[OWNER]
    assert total(watching, 'send.count', ACCOUNT) > before[ACCOUNT]
    assert total(watching, 'send.count', OTHER_OWNER) > before[OTHER_OWNER]
    told = [one.message for one in watching.aggregator.service_checks('amazon_ses.can_connect') if one.status == 1]
    assert any(OWNER in message and 'cross-account' in message for message in told)
    assert watching.last('collector.series_dropped', REGION, 'reason:forbidden') > 12
    sim.faults.remove(fault)
    watching.through(2 * HOUR, 60)
    since = watching.last('collector.counting_since')
    handed = total(watching, 'send.count', OWNER)
    assert truth(sim, OWNER, 'Send', since, clock() - 900) <= handed <= truth(sim, OWNER, 'Send', since, clock())
    assert watching.values('collector.periods_skipped') == []


def test_without_the_option_any_more_linked_accounts_are_left_alone(
    watch: Watching, start: Starting, clock: Clock
) -> None:
    """When the option is taken away, no request speaks of another account from the next run on."""
    sim = linked(start)
    watching = watch(sim, linked_accounts=True, collect=['cloudwatch', 'configuration_sets'])
    watching.through(HOUR, 60)
    watching.restart(linked_accounts=None)
    sim.log.clear()
    watching.through(1200, 60)
    asked = [query for one in sim.log.where(operation='GetMetricData') for query in one.params['MetricDataQueries']]
    assert asked and not any('AccountId' in query for query in asked)


def test_an_account_that_was_linked_is_left_to_its_own_instance_after_a_restart(
    watch: Watching, start: Starting, clock: Clock
) -> None:
    """When an instance for a linked account comes first after a restart, the other counts nothing of it any more, and
    nothing is counted by both."""
    sim = linked(start)
    sim.accounts.add('AKIAOWNER00000000000', OWNER)
    watching = watch(sim, linked_accounts=True, collect=['cloudwatch'])
    watching.through(HOUR, 60)
    counted = total(watching, 'send.count', OWNER)
    since = watching.last('collector.counting_since')
    assert counted > 0
    watching.check.cancel()
    itself = watch(sim, aws_access_key_id='AKIAOWNER00000000000', collect=['cloudwatch'])
    itself.run()
    watching.restart()
    for _ in range(90):
        watching.run()
        clock.advance(60)
        itself.run()
    handed = total(watching, 'send.count', OWNER)
    assert counted < handed <= truth(sim, OWNER, 'Send', since, clock())
    assert total(watching, 'send.count', OTHER_OWNER) > 0


def test_an_account_is_not_counted_by_two_instances(watch: Watching, start: Starting, clock: Clock) -> None:
    """A linked account that another instance reads itself is left to that instance."""
    sim = linked(start)
    sim.accounts.add('AKIAOWNER00000000000', OWNER)
    itself = watch(sim, aws_access_key_id='AKIAOWNER00000000000', collect=['cloudwatch'])
    itself.run()
    watching = watch(sim, linked_accounts=True, collect=['cloudwatch'])
    watching.through(HOUR, 60)
    assert total(watching, 'send.count', OWNER) == 0
    assert total(watching, 'send.count', OTHER_OWNER) > 0
