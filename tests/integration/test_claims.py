"""Who counts for an account in a Region."""

from __future__ import annotations

from collections.abc import Callable

from common import ACCOUNT, OTHER, REGION, Watch

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Simulator

Watching = Callable[..., Watch]
HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}
STEADY = {'collect': ['account', 'cloudwatch']}


def test_a_second_instance_is_refused(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A second live instance for the same account and Region is an error that names the first and the ways out."""
    first = watch(name='the-first', **STEADY)
    second = watch(regions=[OTHER, REGION], **STEADY)
    assert first.run() == ''
    report = second.run()
    for word in ('`region`', ACCOUNT, REGION, 'the-first', '`ledger`'):
        assert word in report
    assert first.run() == ''
    first.check.cancel()
    assert second.run() == ''
    assert f'in {REGION} is counted already' in first.run()


def test_a_named_configuration_set_counts_beside_the_listed_one(
    watch: Watching, start: Callable[..., Simulator], clock: Clock
) -> None:
    """A configuration set that is named in `dimensions` and found by listing as well is counted in both families."""
    watching = watch(start('configuration_sets'), dimensions=[SET])
    watching.through(HOUR, 60)
    since = watching.last('collector.counting_since')
    least = watching.truth('Send', since, clock() - 600, dimensions=SET)
    most = watching.truth('Send', since, clock(), dimensions=SET)
    assert least <= watching.total('dimension.send.count') <= most
    assert least <= watching.total('configuration_set.send.count', REGION, 'configuration_set:set-00000') <= most


def test_a_ledger_name_counts_separately(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """An instance with a ledger name of its own counts beside the first, each everything, each in its own state."""
    first = watch(tags=['who:first'], collect=['cloudwatch'])
    second = watch(tags=['who:second'], ledger='second', collect=['cloudwatch'])
    for number in range(20):
        assert first.run() == ''
        assert second.run() == ''
        if number == 10:
            first.restart()
            second.restart()
        clock.advance(300)
    handed = [first.total('send.count', REGION, f'who:{who}') for who in ('first', 'second')]
    assert handed[0] == handed[1] > 0
    since = first.last('collector.counting_since')
    assert handed[0] <= first.truth('Send', since)


def test_high_availability_is_declared() -> None:
    """The Agent may run this check on one of several Agents in turn."""
    assert AmazonSesCheck.HA_SUPPORTED is True
