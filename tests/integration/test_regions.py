"""`regions: all`: Regions that are not enabled cause no error, and quiet Regions cost no queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Driver, MakeDriver, StartSimulator

from datadog_checks.amazon_ses.aws import regions
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, configuration_sets

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
def two_regions(start: StartSimulator) -> Iterator[Simulator]:
    """An AWS with mail in two Regions, three Regions that are not enabled, and no mail in the others."""
    sim = start(Scenario('two', 'two Regions send', regions=(REGION, OTHER), families=(configuration_sets(1),)))
    sim.disabled_regions.update(OPT_IN)
    yield sim


def everywhere(make_driver: MakeDriver, sim: Simulator, **options: Any) -> Driver:
    return make_driver(sim, region=None, regions='all', min_collection_interval=60, **options)


def test_every_enabled_region_reports_its_standing(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock, names: tuple[str, ...]
) -> None:
    """With regions all, each enabled Region has its quota, its standing and a can_connect that is OK; a Region that is
    not enabled has nothing, and its refusal is no error."""
    driver = everywhere(make_driver, two_regions)
    driver.run_for(1200, 60)
    enabled = [name for name in names if name not in OPT_IN]
    assert len(enabled) >= 20
    for name in enabled:
        assert driver.values('quota.max_24_hour', name), name
        assert driver.status('can_connect', name) == (0, '')
    for name in OPT_IN:
        tags = [sample.tags for sample in driver.aggregator.service_checks('amazon_ses.can_connect')]
        assert not any(f'region:{name}' in sample_tags for sample_tags in tags)
        assert two_regions.log.count(operation='GetAccount', region=name) == 1
    assert driver.check.get_warnings() == []


def test_a_region_that_is_not_enabled_is_tried_again_after_a_day(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """A Region that is not enabled is tried again once a day, and is read once it is enabled."""
    driver = everywhere(make_driver, two_regions, collect=['account'])
    driver.run_for(300, 60)
    assert driver.values('quota.max_24_hour', OPT_IN[0]) == []
    two_regions.disabled_regions.clear()
    clock.advance(12 * HOUR)
    driver.run_for(120, 60)
    assert two_regions.log.count(operation='GetAccount', region=OPT_IN[0]) == 1
    clock.advance(12 * HOUR)
    driver.run_for(120, 60)
    assert driver.values('quota.max_24_hour', OPT_IN[0])


def test_no_metrics_are_queried_in_quiet_regions(make_driver: MakeDriver, two_regions: Simulator, clock: Clock) -> None:
    """A Region without sends in 24 hours and without series costs no metric; Regions that send are counted exactly."""
    driver = everywhere(make_driver, two_regions)
    driver.run_for(2 * HOUR, 60)
    assert {request.region for request in two_regions.log.where(operation='GetMetricData')} == {REGION, OTHER}
    assert {request.region for request in two_regions.log.where(operation='GetSendStatistics')} >= {REGION, OTHER}
    quiet = [request for request in two_regions.log if request.region == 'eu-central-1']
    assert quiet and 'GetMetricData' not in {request.operation for request in quiet}
    for name in (REGION, OTHER):
        since = driver.last('collector.counting_since', name)
        counted = driver.total('send.count', name)
        assert (
            driver.cloudwatch_sum('Send', since, clock() - 900, name)
            <= counted
            <= driver.cloudwatch_sum('Send', since, clock(), name)
        )


def test_the_first_mail_of_a_quiet_region_is_counted(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """A Region in which nothing went on for days begins to send: all of its mail is counted, the first minute too, and
    nothing is reported as missing."""
    driver = everywhere(make_driver, two_regions, collect=['account', 'cloudwatch'])
    driver.run_for(HOUR, 60)
    clock.advance(3 * DAY)
    driver.run_for(HOUR, 60)
    begin = clock()
    for minute in range(60):
        minute_start = begin + 60 * minute
        two_regions.world.put(ACCOUNT, 'eu-central-1', 'Send', minute_start, 7, visible_at=minute_start + 90)
    driver.run_for(3 * HOUR, 60)
    assert driver.total('send.count', 'eu-central-1') == 420
    assert driver.values('collector.periods_skipped', 'eu-central-1') == []


def test_the_first_mail_is_counted_where_only_the_listing_shows_it(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """When only the listing, half an hour late, shows that a quiet Region has begun to send, every amount is counted
    even without an allowed lateness."""
    driver = everywhere(make_driver, two_regions, collect=['cloudwatch'], timeframe=60, period=60)
    driver.run_for(HOUR, 60)
    begin = clock()
    for minute in range(60):
        minute_start = begin + 60 * minute
        two_regions.world.put(ACCOUNT, 'eu-central-1', 'Send', minute_start, 7, visible_at=minute_start)
    driver.run_for(2 * HOUR, 60)
    assert driver.total('send.count', 'eu-central-1') == 420


def test_wrong_credentials_are_an_error_everywhere(
    make_driver: MakeDriver, start: StartSimulator, names: tuple[str, ...]
) -> None:
    """When no Region accepts the credentials, the error says so, and no Region counts as not enabled."""
    sim = start()
    sim.disabled_regions.update(names)
    driver = everywhere(make_driver, sim, account_id=ACCOUNT, collect=['account'])
    for _ in range(2):
        assert driver.run().startswith('Nothing can be read from AWS')
    level, message = driver.status('can_connect', REGION)
    assert level == 2 and 'credentials' in message


def test_a_failing_region_does_not_count_as_not_enabled(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """A Region that answered before and then refuses the credentials is an error there, and no other Region suffers."""
    driver = everywhere(make_driver, two_regions, collect=['account'])
    driver.run_for(300, 60)
    two_regions.disabled_regions.add(OTHER)
    driver.run()
    assert driver.status('can_connect', OTHER)[0] in (1, 2)
    assert driver.status('can_connect', REGION)[0] == 0


def test_hanging_regions_leave_the_others_alone(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock, names: tuple[str, ...]
) -> None:
    """Ten Regions that never answer do not delay or change the others."""
    hang = [name for name in names if name not in (*OPT_IN, REGION, OTHER)][:10]
    for name in hang:
        two_regions.faults.add(Fault('hang', region=name, argument=3.0))
    timing = {'min_collection_interval': 2, 'read_timeout': 1, 'connect_timeout': 1}
    driver = make_driver(two_regions, region=None, regions='all', collect=['account'], **timing)
    driver.run()
    assert driver.status('can_connect', REGION)[0] == 0
    assert driver.status('can_connect', hang[0])[0] == 2
    fine = [name for name in names if name not in (*hang, *OPT_IN)]
    assert all(driver.values('quota.max_24_hour', name) for name in fine)


def test_all_regions_of_govcloud(make_driver: MakeDriver, sim: Simulator) -> None:
    """The partition comes from the role: all requests go to the two Regions of GovCloud."""
    role = f'arn:aws-us-gov:iam::{ACCOUNT}:role/reader'
    driver = everywhere(make_driver, sim, role_arn=role, collect=['account'])
    driver.run()
    assert {request.region for request in sim.log} == {'us-gov-east-1', 'us-gov-west-1'}
