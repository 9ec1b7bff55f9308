"""Only one instance counts an account in a Region, unless each has a ledger name."""

from __future__ import annotations

from common import ACCOUNT, OTHER, REGION, MakeDriver, StartSimulator

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Simulator

HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}
STEADY = {'collect': ['account', 'cloudwatch']}


def test_a_second_instance_is_refused(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A second live instance for the same account and Region is an error that names the first and the ways out."""
    first = make_driver(name='the-first', **STEADY)
    second = make_driver(regions=[OTHER, REGION], **STEADY)
    assert first.run() == ''
    report = second.run()
    for word in ('`region`', ACCOUNT, REGION, 'the-first', '`ledger`'):
        assert word in report
    assert first.run() == ''
    first.check.cancel()
    assert second.run() == ''
    assert f'in {REGION} is counted already' in first.run()


def test_a_named_configuration_set_counts_beside_the_listed_one(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """A configuration set that is named in `dimensions` and is also listed is counted in both families."""
    driver = make_driver(start('configuration_sets'), dimensions=[SET])
    driver.run_for(HOUR, 60)
    since = driver.last('collector.counting_since')
    least = driver.cloudwatch_sum('Send', since, clock() - 600, dimensions=SET)
    most = driver.cloudwatch_sum('Send', since, clock(), dimensions=SET)
    assert least <= driver.total('dimension.send.count') <= most
    assert least <= driver.total('configuration_set.send.count', REGION, 'configuration_set:set-00000') <= most


def test_a_ledger_name_counts_separately(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """An instance with another ledger name counts everything once more, in a state of its own."""
    first = make_driver(tags=['who:first'], collect=['cloudwatch'])
    second = make_driver(tags=['who:second'], ledger='second', collect=['cloudwatch'])
    for number in range(20):
        assert first.run() == ''
        assert second.run() == ''
        if number == 10:
            first.restart()
            second.restart()
        clock.advance(300)
    counted = [first.total('send.count', REGION, f'who:{who}') for who in ('first', 'second')]
    assert counted[0] == counted[1] > 0
    since = first.last('collector.counting_since')
    assert counted[0] <= first.cloudwatch_sum('Send', since)


def test_high_availability_is_declared() -> None:
    """The Agent may run this check on one of several Agents in turn."""
    assert AmazonSesCheck.HA_SUPPORTED is True
