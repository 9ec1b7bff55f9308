"""`regions: all`: Regions that are not enabled cause no error, and quiet Regions cost no queries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Driver, MakeDriver, StartSimulator

from datadog_checks.amazon_ses.aws import regions
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, configuration_sets

HOUR, DAY = 3600, 86400
UNKNOWN = 3
QUIET = 'eu-central-1'
BY_ORGANIZATION = 'with an explicit deny in a service control policy'
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


def levels(driver: Driver, region: str) -> set[int]:
    """The levels that can_connect had in a Region."""
    samples = driver.aggregator.service_checks('amazon_ses.can_connect')
    return {sample.status for sample in samples if f'region:{region}' in sample.tags}


def everywhere(make_driver: MakeDriver, sim: Simulator, **options: Any) -> Driver:
    return make_driver(sim, region=None, regions='all', min_collection_interval=60, **options)


def in_a_few(make_driver: MakeDriver, sim: Simulator, **options: Any) -> Driver:
    """The same with six Regions of all, for hours in which the others would only repeat what these do."""
    kept = (REGION, OTHER, QUIET, *OPT_IN)
    left_out = [name for name in regions.ses_regions(SignIn(), False).names if name not in kept]
    return everywhere(make_driver, sim, exclude_regions=left_out, **options)


def test_every_enabled_region_reports_its_standing(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock, names: tuple[str, ...]
) -> None:
    """With regions all, each enabled Region has its quota, its standing and a can_connect that is OK; a Region that is
    not enabled is UNKNOWN at most, and its refusal is no warning."""
    driver = everywhere(make_driver, two_regions)
    driver.run_for(1200, 60)
    enabled = [name for name in names if name not in OPT_IN]
    assert len(enabled) >= 20
    for name in enabled:
        assert driver.values('quota.max_24_hour', name), name
        assert driver.status('can_connect', name) == (0, '')
    for name in OPT_IN:
        assert levels(driver, name) == {UNKNOWN} and driver.values('can_connect', name) == []
        assert two_regions.log.count(operation='GetAccount', region=name) <= 6
    assert driver.check.get_warnings() == []


def test_a_region_that_is_not_enabled_is_tried_again_after_a_day(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """A Region that is not enabled is left out after an hour, tried again once a day, and read once it is enabled."""
    driver = in_a_few(make_driver, two_regions, collect=['account'])
    driver.run_for(HOUR + 900, 60)
    assert driver.values('quota.max_24_hour', OPT_IN[0]) == []
    assert driver.last('collector.region_left_out', OPT_IN[0], 'reason:not_enabled') == 1
    requests_sent = two_regions.log.count(operation='GetAccount', region=OPT_IN[0])
    two_regions.disabled_regions.clear()
    clock.advance(12 * HOUR)
    driver.run_for(120, 60)
    assert two_regions.log.count(operation='GetAccount', region=OPT_IN[0]) == requests_sent
    clock.advance(12 * HOUR)
    driver.run_for(120, 60)
    assert driver.values('quota.max_24_hour', OPT_IN[0])
    driver.new_values()
    driver.run()
    assert not any(name == 'collector.region_left_out' for name, _ in driver.new_values())


def test_a_new_key_costs_no_region_a_day(make_driver: MakeDriver, two_regions: Simulator, clock: Clock) -> None:
    """A key that some Regions do not know yet for ten minutes is read everywhere a quarter of an hour after that at the
    latest, and no Region is left out."""
    late = (QUIET, OTHER)
    two_regions.disabled_regions.update(late)
    driver = in_a_few(make_driver, two_regions, collect=['account'])
    driver.run_for(600, 60)
    two_regions.disabled_regions.difference_update(late)
    driver.run_for(960, 60)
    for name in late:
        assert driver.status('can_connect', name) == (0, '')
        assert driver.values('collector.region_left_out', name) == []


def test_two_refusals_with_a_pause_between_prove_nothing(make_driver: MakeDriver, two_regions: Simulator) -> None:
    """A Region that refused before the machine slept for two hours, and once after that, is still asked."""
    driver = in_a_few(make_driver, two_regions, collect=['account'])
    for _ in range(2):
        driver.run()
        driver.clock.advance(2 * HOUR)
    two_regions.disabled_regions.clear()
    driver.run()
    assert all(driver.status('can_connect', name) == (0, '') for name in OPT_IN)


@pytest.mark.parametrize('reason', [BY_ORGANIZATION, ''], ids=['organization', 'identity'])
def test_regions_that_deny_everything_are_left_out(
    make_driver: MakeDriver,
    two_regions: Simulator,
    names: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
    reason: str,
) -> None:
    """Where a policy allows two Regions only, the others page nobody, cause no warning, are named in one line and one
    metric, and cost few requests: with an explicit deny of the organization one run, else an hour of growing pauses."""
    caplog.set_level(logging.INFO)
    denied = [name for name in names if name not in (REGION, OTHER)]
    for name in denied:
        two_regions.deny('*', region=name, reason=reason)
    two_regions.disabled_regions.clear()
    driver = everywhere(make_driver, two_regions, account_id=ACCOUNT, collect=['account', 'cloudwatch'])
    for _ in range(90):
        assert driver.run() == ''
        assert not driver.check.get_warnings()
        driver.clock.advance(60)
    requests = [request for request in two_regions.log if request.region in denied]
    assert len(requests) <= len(denied) * (5 if reason else 60)
    for name in denied:
        assert levels(driver, name) <= {UNKNOWN}
        kind = 'organization' if reason else 'denied'
        assert driver.last('collector.region_left_out', name, f'reason:{kind}') == 1
    lines = [record.getMessage() for record in caplog.records if 'Left out of' in record.getMessage()]
    assert len(lines) == 1 and all(name in lines[0] for name in denied) and 'exclude_regions' in lines[0]
    assert driver.status('can_connect', REGION) == driver.status('can_connect', OTHER) == (0, '')
    two_regions.log.clear()
    driver.clock.advance(DAY)
    driver.run_for(600, 60)
    assert {request.region for request in two_regions.log} >= set(denied), 'asked again after a day'
    assert len([request for request in two_regions.log if request.region in denied]) <= len(denied) * 6
    assert all(levels(driver, name) <= {UNKNOWN} for name in denied)


def test_a_single_run_leaves_refusing_regions_out(make_driver: MakeDriver, two_regions: Simulator) -> None:
    """A process of one run, such as that of a Nagios check, is not UNKNOWN because of Regions that are not enabled."""
    driver = everywhere(make_driver, two_regions, collect=['account'])
    driver.check.waits_for_requests = True
    assert driver.run() == ''
    for name in OPT_IN:
        assert levels(driver, name) == set()
        assert driver.last('collector.region_left_out', name, 'reason:not_enabled') == 1


def test_a_region_that_never_answers_pages_after_an_hour(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """A Region of all that never answered is UNKNOWN for an hour, without warnings, and CRITICAL then."""
    two_regions.faults.add(Fault('server_error', region=QUIET))
    driver = in_a_few(make_driver, two_regions, account_id=ACCOUNT, collect=['account'])
    driver.run_for(HOUR, 300)
    assert levels(driver, QUIET) == {UNKNOWN} and driver.check.get_warnings() == []
    driver.run()
    assert driver.status('can_connect', QUIET)[0] == 2 and driver.check.get_warnings()


def test_regions_are_excluded_by_pattern(
    make_driver: MakeDriver, two_regions: Simulator, names: tuple[str, ...]
) -> None:
    """Where `exclude_regions` matches, nothing is asked and nothing is submitted."""
    driver = everywhere(make_driver, two_regions, exclude_regions=['us-*', 'ap-*', 'me-south-1'], collect=['account'])
    assert driver.run() == ''
    requested = {request.region for request in two_regions.log}
    assert requested == {name for name in names if not name.startswith(('us-', 'ap-')) and name != 'me-south-1'}
    for options, refusal in (
        ({'exclude_regions': ['*']}, 'patterns that leave at least one Region'),
        ({'exclude_regions': ['US EAST']}, 'in which \\* stands for anything'),
    ):
        with pytest.raises(AssertionError, match=refusal):
            raise AssertionError(everywhere(make_driver, two_regions, **options).run())


def test_no_metrics_are_queried_in_quiet_regions(make_driver: MakeDriver, two_regions: Simulator, clock: Clock) -> None:
    """A Region without sends in 24 hours and without series costs no metric; Regions that send are counted exactly."""
    driver = in_a_few(make_driver, two_regions)
    driver.run_for(2 * HOUR, 60)
    queried = {request.region for request in two_regions.log.where(operation='GetMetricData')}
    # A Region that is not enabled refuses, and AWS bills no refusal.
    assert queried - {*OPT_IN} == {REGION, OTHER}
    for name in OPT_IN:
        assert not any(driver.values('collector.billed_metrics', name))
    assert {request.region for request in two_regions.log.where(operation='GetSendStatistics')} >= {REGION, OTHER}
    quiet = [request for request in two_regions.log if request.region == QUIET]
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
    driver = in_a_few(make_driver, two_regions, collect=['account', 'cloudwatch'])
    driver.run_for(HOUR, 60)
    clock.advance(3 * DAY)
    driver.run_for(HOUR, 60)
    begin = clock()
    for minute in range(60):
        minute_start = begin + 60 * minute
        two_regions.world.put(ACCOUNT, QUIET, 'Send', minute_start, 7, visible_at=minute_start + 90)
    driver.run_for(3 * HOUR, 60)
    assert driver.total('send.count', QUIET) == 420
    assert driver.values('collector.periods_skipped', QUIET) == []


def test_the_first_mail_is_counted_where_only_the_listing_shows_it(
    make_driver: MakeDriver, two_regions: Simulator, clock: Clock
) -> None:
    """When only the listing, half an hour late, shows that a quiet Region has begun to send, every amount is counted
    even without an allowed lateness."""
    driver = in_a_few(make_driver, two_regions, collect=['cloudwatch'], timeframe=60, period=60)
    driver.run_for(HOUR, 60)
    begin = clock()
    for minute in range(60):
        minute_start = begin + 60 * minute
        two_regions.world.put(ACCOUNT, QUIET, 'Send', minute_start, 7, visible_at=minute_start)
    driver.run_for(2 * HOUR, 60)
    assert driver.total('send.count', QUIET) == 420


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
    driver = in_a_few(make_driver, two_regions, collect=['account'])
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
    assert driver.status('can_connect', hang[0])[0] == UNKNOWN
    fine = [name for name in names if name not in (*hang, *OPT_IN)]
    assert all(driver.values('quota.max_24_hour', name) for name in fine)


def test_all_regions_of_govcloud(make_driver: MakeDriver, sim: Simulator) -> None:
    """The partition comes from the role: all requests go to the two Regions of GovCloud."""
    role = f'arn:aws-us-gov:iam::{ACCOUNT}:role/reader'
    driver = everywhere(make_driver, sim, role_arn=role, collect=['account'])
    driver.run()
    assert {request.region for request in sim.log} == {'us-gov-east-1', 'us-gov-west-1'}
