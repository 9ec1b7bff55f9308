"""Every Region there is: the ones that are not enabled are no trouble, and the quiet ones cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Watch

from datadog_checks.amazon_ses.aws import regions
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, configuration_sets

Watching = Callable[..., Watch]
Starting = Callable[..., Simulator]
HOUR, DAY = 3600, 86400
OPT_IN = ('af-south-1', 'me-south-1', 'ap-southeast-3')


@pytest.fixture(autouse=True)
def no_default_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def names() -> tuple[str, ...]:
    return regions.ses_regions(SignIn(), False).names


@pytest.fixture
def two(start: Starting) -> Iterator[Simulator]:
    """Mail in two Regions, three that are not enabled, and silence in the others."""
    sim = start(Scenario('two', 'two Regions send', regions=(REGION, OTHER), families=(configuration_sets(1),)))
    sim.disabled_regions.update(OPT_IN)
    yield sim


def everywhere(watch: Watching, sim: Simulator, **options: Any) -> Watch:
    return watch(sim, region=None, regions='all', min_collection_interval=60, **options)


def test_every_region_is_asked_for_its_standing(
    watch: Watching, two: Simulator, clock: Clock, names: tuple[str, ...]
) -> None:
    """With regions all, each enabled Region has its quota, its standing and a can_connect that is OK; a Region that is
    not enabled has nothing, and its refusal is no error."""
    watching = everywhere(watch, two)
    watching.through(1200, 60)
    enabled = [name for name in names if name not in OPT_IN]
    assert len(enabled) >= 20
    for name in enabled:
        assert watching.values('quota.max_24_hour', name), name
        assert watching.status('can_connect', name) == (0, '')
    for name in OPT_IN:
        tags = [one.tags for one in watching.aggregator.service_checks('amazon_ses.can_connect')]
        assert not any(f'region:{name}' in one for one in tags)
        assert two.log.count(operation='GetAccount', region=name) == 1
    assert watching.check.get_warnings() == []


def test_a_region_that_is_not_enabled_is_asked_again_after_a_day(watch: Watching, two: Simulator, clock: Clock) -> None:
    """Once a day a refused Region is asked again; when it has been enabled it is there."""
    watching = everywhere(watch, two, collect=['account'])
    watching.through(300, 60)
    assert watching.values('quota.max_24_hour', OPT_IN[0]) == []
    two.disabled_regions.clear()
    clock.advance(12 * HOUR)
    watching.through(120, 60)
    assert two.log.count(operation='GetAccount', region=OPT_IN[0]) == 1
    clock.advance(12 * HOUR)
    watching.through(120, 60)
    assert watching.values('quota.max_24_hour', OPT_IN[0])


def test_quiet_regions_are_not_asked_for_metrics(watch: Watching, two: Simulator, clock: Clock) -> None:
    """A Region without sends in 24 hours and without series costs no metric; those that send are counted exactly."""
    watching = everywhere(watch, two)
    watching.through(2 * HOUR, 60)
    assert {one.region for one in two.log.where(operation='GetMetricData')} == {REGION, OTHER}
    assert {one.region for one in two.log.where(operation='GetSendStatistics')} >= {REGION, OTHER}
    quiet = [one for one in two.log if one.region == 'eu-central-1']
    assert {one.operation for one in quiet} <= {'GetAccount', 'ListMetrics', 'GetSendStatistics'}
    for name in (REGION, OTHER):
        since = watching.last('collector.counting_since', name)
        handed = watching.total('send.count', name)
        assert (
            watching.truth('Send', since, clock() - 900, name) <= handed <= watching.truth('Send', since, clock(), name)
        )


def test_the_first_mail_of_a_quiet_region_is_counted(watch: Watching, two: Simulator, clock: Clock) -> None:
    """A Region in which nothing went on for days begins to send: all of its mail is counted, the first minute too, and
    nothing is reported as missing."""
    watching = everywhere(watch, two, collect=['account', 'cloudwatch'])
    watching.through(HOUR, 60)
    clock.advance(3 * DAY)
    watching.through(HOUR, 60)
    begun = clock()
    for minute in range(60):
        at = begun + 60 * minute
        two.world.put(ACCOUNT, 'eu-central-1', 'Send', at, 7, visible_at=at + 90)
    watching.through(3 * HOUR, 60)
    assert watching.total('send.count', 'eu-central-1') == 420
    assert watching.values('collector.periods_skipped', 'eu-central-1') == []


def test_the_first_mail_is_counted_where_only_the_list_tells(watch: Watching, two: Simulator, clock: Clock) -> None:
    """Where nothing but the list says that a quiet Region has begun to send, which is late by half an hour, all is
    counted even if no late data is waited for."""
    watching = everywhere(watch, two, collect=['cloudwatch'], timeframe=60, period=60)
    watching.through(HOUR, 60)
    begun = clock()
    for minute in range(60):
        at = begun + 60 * minute
        two.world.put(ACCOUNT, 'eu-central-1', 'Send', at, 7, visible_at=at)
    watching.through(2 * HOUR, 60)
    assert watching.total('send.count', 'eu-central-1') == 420


def test_wrong_credentials_are_an_error_everywhere(watch: Watching, start: Starting, names: tuple[str, ...]) -> None:
    """Where no Region takes the credentials, that is what is said, and no Region is taken for one that is off."""
    sim = start()
    sim.disabled_regions.update(names)
    watching = everywhere(watch, sim, account_id=ACCOUNT, collect=['account'])
    for _ in range(2):
        assert watching.run().startswith('Nothing can be read from AWS')
    level, message = watching.status('can_connect', REGION)
    assert level == 2 and 'credentials' in message


def test_a_region_that_fails_is_not_taken_for_one_that_is_off(watch: Watching, two: Simulator, clock: Clock) -> None:
    """A Region that answered before and then refuses the credentials is an error there, and no other Region suffers."""
    watching = everywhere(watch, two, collect=['account'])
    watching.through(300, 60)
    two.disabled_regions.add(OTHER)
    watching.run()
    assert watching.status('can_connect', OTHER)[0] in (1, 2)
    assert watching.status('can_connect', REGION)[0] == 0


def test_hanging_regions_cost_themselves(watch: Watching, two: Simulator, clock: Clock, names: tuple[str, ...]) -> None:
    """Ten Regions that never answer leave all others as they are, in time."""
    hang = [name for name in names if name not in (*OPT_IN, REGION, OTHER)][:10]
    for name in hang:
        two.faults.add(Fault('hang', region=name, argument=3.0))
    timing = {'min_collection_interval': 2, 'read_timeout': 1, 'connect_timeout': 1}
    watching = watch(two, region=None, regions='all', collect=['account'], **timing)
    watching.run()
    assert watching.status('can_connect', REGION)[0] == 0
    assert watching.status('can_connect', hang[0])[0] == 2
    fine = [name for name in names if name not in (*hang, *OPT_IN)]
    assert all(watching.values('quota.max_24_hour', name) for name in fine)


def test_all_regions_of_govcloud(watch: Watching, sim: Simulator) -> None:
    """The partition is that of the role: its two Regions, and the STS of one of them."""
    role = f'arn:aws-us-gov:iam::{ACCOUNT}:role/reader'
    watching = everywhere(watch, sim, role_arn=role, collect=['account'])
    watching.run()
    assert {one.region for one in sim.log} == {'us-gov-east-1', 'us-gov-west-1'}
