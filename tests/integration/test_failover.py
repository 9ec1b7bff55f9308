"""Counting by several Agents that do not share their state: an HA pair, or cluster checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from common import ACCOUNT, OTHER, REGION, START, Driver, MakeDriver, StartSimulator
from counting_trials import FEW_EXAMPLES, Trial, every_minute, logged_skips, new_trial, submitted_skips
from hypothesis import given, settings
from hypothesis import strategies as st

from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.base.stubs import datadog_agent
from simulator import Clock
from simulator.scenarios import Scenario

pytestmark = pytest.mark.usefixtures('no_waiting')


@contextmanager
def two_agents(minutes: int, delay: int = 0) -> Iterator[tuple[Trial, Callable[[int, int, float], None]]]:
    """The trial of an HA pair, each Agent with its own cache, and a function that lets an Agent run some times."""
    with new_trial() as trial:
        datadog_agent._config['ha_agent.enabled'] = True
        trial.add(every_minute(minutes, delay))
        caches: list[dict[str, str]] = [{}, {}]

        def take_turn(agent: int, runs: int, step: float) -> None:
            # In production each Agent is a process with leases of its own, so the lease of the other must end here.
            trial.driver.restart()
            datadog_agent._cache = caches[agent]
            for _ in range(runs):
                trial.clock.advance(step)
                trial.driver.run()

        yield trial, take_turn


def test_an_agent_that_is_never_replaced_counts_everything() -> None:
    """With HA configured, an Agent that is never replaced counts everything from its `counting_since`, exactly."""
    with two_agents(180) as (trial, take_turn):
        take_turn(0, 36, 300)
        take_turn(0, 6, 300)
        take_turn(0, 12, 300)
        since = trial.driver.last('collector.counting_since')
        assert trial.auditor.skipped == []
        assert trial.submitted('Send', REGION) == trial.driver.cloudwatch_sum('Send', since)


def test_a_failover_gives_up_the_gap_and_reports_it() -> None:
    """When another Agent counted meanwhile, the first continues at a later boundary and reports the skipped periods."""
    with two_agents(400) as (trial, take_turn):
        for agent in (0, 1, 0, 1):
            take_turn(agent, 12, 300)
        submitted = trial.submitted('Send', REGION)
        assert 'failover' in logged_skips(trial)
        assert submitted_skips() == logged_skips(trial)
        happened = trial.driver.cloudwatch_sum('Send', START, trial.clock())
        # At each change of Agents some periods are skipped; all others are counted.
        assert happened - 4 * 20 <= submitted <= happened


@settings(FEW_EXAMPLES, max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 8), st.integers(60, 400)), max_size=8), st.integers(0, 600))
def test_agents_in_turn_never_count_twice(turns: list[tuple[int, int, int]], delay: int) -> None:
    """Agents that take turns, each for longer than two collections, hand over no amount twice."""
    with two_agents(sum(runs * step for _, runs, step in turns) // 60 + 30 * len(turns) + 60, delay) as (
        trial,
        take_turn,
    ):
        for agent, runs, step in turns:
            take_turn(agent, runs, step)
            take_turn(agent, 4, 300)
        for region in (REGION, OTHER):
            assert trial.submitted('Send', region) <= trial.driver.cloudwatch_sum('Send', START, region=region)


@pytest.mark.parametrize('interval', [300, 451, 700, 900, 3600])
def test_an_interval_longer_than_the_period_counts_all(interval: int) -> None:
    """With HA and a collection interval of more than one and a half periods, one Agent counts everything."""
    with new_trial(min_collection_interval=interval) as trial:
        datadog_agent._config['ha_agent.enabled'] = True
        trial.add(every_minute(24 * 60))
        trial.run_for(25 * 3600, interval)
        since = trial.driver.last('collector.counting_since')
        for region in (REGION, OTHER):
            assert (
                trial.submitted('Send', region)
                == trial.driver.cloudwatch_sum('Send', since, region=region)
                > 1300 - interval / 20
            )
        assert submitted_skips() == {}


def test_a_long_interval_with_two_agents_counts_nothing_twice() -> None:
    """With HA and an interval of 15 minutes, Agents that take turns hand over no mail twice and report what is open."""
    with new_trial(min_collection_interval=900) as trial:
        datadog_agent._config['ha_agent.enabled'] = True
        trial.add(every_minute(24 * 60))
        caches: list[dict[str, str]] = [{}, {}]
        for turn in range(6):
            trial.driver.restart()
            datadog_agent._cache = caches[turn % 2]
            for _ in range(14):
                trial.clock.advance(900)
                trial.driver.run()
        handed = trial.submitted('Send', REGION)
        assert handed <= trial.driver.cloudwatch_sum('Send', START, trial.clock())
        # At each change nobody counts for the gap, and for the wait after it.
        assert (
            handed
            >= trial.driver.cloudwatch_sum('Send', START, trial.clock()) - 6 * (900 + 1350 + 1350 + 900 + 300) / 60
        )
        assert submitted_skips().keys() == {'failover', 'late_growth'}


def test_a_first_run_that_observes_is_no_failover() -> None:
    """Under cluster checks the restart of a runner costs no count: the run that only observes is not taken for a turn
    of another one."""
    with new_trial(min_collection_interval=300) as trial:
        trial.add(every_minute(300))
        check = trial.driver.check
        for _ in range(4):
            trial.driver.counts_at_once = False
            check = trial.driver.restart()
            check.leases, check.monotonic, check.provider = Leases(), trial.clock, 'cluster-checks'
            for _ in range(8):
                trial.driver.run()
                trial.clock.advance(300)
        since = trial.driver.last('collector.counting_since')
        assert len(set(trial.driver.values('collector.counting_since', REGION))) == 1
        assert submitted_skips() == {}
        trial.run_for(3 * 3600)
        assert trial.submitted('Send', REGION) == trial.driver.cloudwatch_sum('Send', since) > 200


@pytest.fixture
def everywhere(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> Callable[[int], Driver]:
    """HA, and all Regions but those that the tests do not need, at a collection interval."""
    sim = start(Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=()))
    datadog_agent._config['ha_agent.enabled'] = True
    left_out = ['a*', 'c*', 'i*', 'm*', 's*', 'eu-c*', 'eu-n*', 'eu-s*', 'eu-west-2', 'eu-west-3', 'us-*-2', 'us-gov-*']
    options = {'region': None, 'regions': 'all', 'exclude_regions': left_out, 'collect': ['account', 'cloudwatch']}
    return lambda interval: make_driver(sim, **options, min_collection_interval=interval)


def put_mails(driver: Driver, minutes: int) -> float:
    """A mail a minute in one Region from now on. Returns when the first one was sent."""
    begun = driver.clock() // 60 * 60 + 60
    for minute in range(minutes):
        driver.sim.world.put(ACCOUNT, OTHER, 'Send', begun + 60 * minute, 1)
    return float(begun)


@pytest.mark.parametrize('interval', [60, 300])
def test_the_first_mail_of_a_quiet_region_is_no_failover(everywhere: Callable[[int], Driver], interval: int) -> None:
    """With HA and `regions: all`, the first mail of a quiet Region is counted, and nothing is given up."""
    driver = everywhere(interval)
    driver.run_for(3600, interval)
    put_mails(driver, 60)
    driver.run_for(2 * 3600, interval)
    assert driver.total('send.count', OTHER) == 60
    assert driver.values('collector.periods_unknown', OTHER) == []


def test_a_takeover_of_a_quiet_region_is_recognized(everywhere: Callable[[int], Driver]) -> None:
    """Another Agent counts the first mails of a quiet Region; when this one comes back it counts none of them again."""
    driver = everywhere(60)
    driver.run_for(2400, 60)
    put_mails(driver, 20)
    # The other Agent has its turn.
    driver.clock.advance(2400)
    begun = put_mails(driver, 60)
    driver.run_for(2 * 3600, 60)
    unknown = driver.values('collector.periods_unknown', OTHER)
    assert len(unknown) == 1 and unknown[0] > 0
    assert 60 - 25 <= driver.total('send.count', OTHER) <= driver.cloudwatch_sum('Send', begun, region=OTHER)
