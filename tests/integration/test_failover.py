"""More than one Agent: an HA pair, or cluster checks, whose Agents do not share their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from common import ACCOUNT, OTHER, REGION, START, Watch
from hypothesis import given, settings
from hypothesis import strategies as st
from story import FEW, Story, every_minute, reported, skipped, story

from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.base.stubs import datadog_agent
from simulator import Clock, Simulator
from simulator.scenarios import Scenario

pytestmark = pytest.mark.usefixtures('no_waiting')


@contextmanager
def two_agents(minutes: int, delay: int = 0) -> Iterator[tuple[Story, Callable[[int, int, float], None]]]:
    """An HA pair, each Agent with its own cache: the story of both, and a way to give one of them some runs."""
    with story() as told:
        datadog_agent._config['ha_agent.enabled'] = True
        told.happens(every_minute(minutes, delay))
        caches: list[dict[str, str]] = [{}, {}]

        def turn(agent: int, runs: int, step: float) -> None:
            # The other Agent is another process, so it has no lease in this one.
            told.watch.restart()
            datadog_agent._cache = caches[agent]
            for _ in range(runs):
                told.clock.advance(step)
                told.watch.run()

        yield told, turn


def test_an_agent_alone_counts_all() -> None:
    """With HA configured, an Agent that is never replaced counts everything from its `counting_since`, exactly."""
    with two_agents(180) as (told, turn):
        turn(0, 36, 300)
        turn(0, 6, 300)
        turn(0, 12, 300)
        since = told.watch.last('collector.counting_since')
        assert told.auditor.missed == []
        assert told.handed('Send', REGION) == told.watch.truth('Send', since)


def test_a_failover_gives_up_the_gap_and_reports_it() -> None:
    """When another Agent counted in between, the first goes on at a later boundary and reports what it left out."""
    with two_agents(400) as (told, turn):
        for agent in (0, 1, 0, 1):
            turn(agent, 12, 300)
        handed = told.handed('Send', REGION)
        assert 'failover' in reported(told)
        assert skipped() == reported(told)
        happened = told.watch.truth('Send', START, told.clock())
        # At each change of Agents nobody counts for some periods; all else is there.
        assert happened - 4 * 20 <= handed <= happened


@settings(FEW, max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 8), st.integers(60, 400)), max_size=8), st.integers(0, 600))
def test_agents_in_turn_never_count_twice(turns: list[tuple[int, int, int]], delay: int) -> None:
    """Agents that take turns, each for longer than two collections, hand over no amount twice."""
    with two_agents(sum(runs * step for _, runs, step in turns) // 60 + 30 * len(turns) + 60, delay) as (told, turn):
        for agent, runs, step in turns:
            turn(agent, runs, step)
            turn(agent, 4, 300)
        for region in (REGION, OTHER):
            assert told.handed('Send', region) <= told.watch.truth('Send', START, region=region)


@pytest.mark.parametrize('interval', [300, 451, 700, 900, 3600])
def test_an_interval_longer_than_the_period_counts_all(interval: int) -> None:
    """With HA and a collection interval of more than one and a half periods, one Agent counts everything."""
    with story(min_collection_interval=interval) as told:
        datadog_agent._config['ha_agent.enabled'] = True
        told.happens(every_minute(24 * 60))
        told.through(25 * 3600, interval)
        since = told.watch.last('collector.counting_since')
        for region in (REGION, OTHER):
            assert told.handed('Send', region) == told.watch.truth('Send', since, region=region) > 1300 - interval / 20
        assert skipped() == {}


def test_a_long_interval_with_two_agents_counts_nothing_twice() -> None:
    """With HA and an interval of 15 minutes, Agents that take turns hand over no mail twice and report what is open."""
    with story(min_collection_interval=900) as told:
        datadog_agent._config['ha_agent.enabled'] = True
        told.happens(every_minute(24 * 60))
        caches: list[dict[str, str]] = [{}, {}]
        for turn in range(6):
            told.watch.restart()
            datadog_agent._cache = caches[turn % 2]
            for _ in range(14):
                told.clock.advance(900)
                told.watch.run()
        handed = told.handed('Send', REGION)
        assert handed <= told.watch.truth('Send', START, told.clock())
        # At each change nobody counts for the gap, and for the wait after it.
        assert handed >= told.watch.truth('Send', START, told.clock()) - 6 * (900 + 1350 + 1350 + 900 + 300) / 60
        assert skipped().keys() == {'failover', 'late_growth'}


def test_a_first_run_that_observes_is_no_failover() -> None:
    """Under cluster checks the restart of a runner costs no count: the run that only observes is not taken for a turn
    of another one."""
    with story(min_collection_interval=300) as told:
        told.happens(every_minute(300))
        check = told.watch.check
        for _ in range(4):
            told.watch.counts_at_once = False
            check = told.watch.restart()
            check.leases, check.monotonic, check.provider = Leases(), told.clock, 'cluster-checks'
            for _ in range(8):
                told.watch.run()
                told.clock.advance(300)
        since = told.watch.last('collector.counting_since')
        assert len(set(told.watch.values('collector.counting_since', REGION))) == 1
        assert skipped() == {}
        told.through(3 * 3600)
        assert told.handed('Send', REGION) == told.watch.truth('Send', since) > 200


@pytest.fixture
def everywhere(watch: Callable[..., Watch], start: Callable[..., Simulator], clock: Clock) -> Callable[[int], Watch]:
    """HA, and all Regions, of which those of the tests send mails now and then, at a collection interval."""
    sim = start(Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=()))
    datadog_agent._config['ha_agent.enabled'] = True
    options = {'region': None, 'regions': 'all', 'collect': ['account', 'cloudwatch']}
    return lambda interval: watch(sim, **options, min_collection_interval=interval)


def put_mails(watching: Watch, minutes: int) -> float:
    """A mail a minute in one Region from now on. Returns when the first one was sent."""
    begun = watching.clock() // 60 * 60 + 60
    for minute in range(minutes):
        watching.sim.world.put(ACCOUNT, OTHER, 'Send', begun + 60 * minute, 1)
    return float(begun)


@pytest.mark.parametrize('interval', [60, 300])
def test_the_first_mail_of_a_quiet_region_is_no_failover(everywhere: Callable[[int], Watch], interval: int) -> None:
    """With HA and `regions: all`, the first mail of a quiet Region is counted, and nothing is given up."""
    watching = everywhere(interval)
    watching.through(3600, interval)
    put_mails(watching, 60)
    watching.through(2 * 3600, interval)
    assert watching.total('send.count', OTHER) == 60
    assert watching.values('collector.periods_unknown', OTHER) == []


def test_a_takeover_of_a_quiet_region_is_recognized(everywhere: Callable[[int], Watch]) -> None:
    """Another Agent counts the first mails of a quiet Region; when this one comes back it counts none of them again."""
    watching = everywhere(60)
    watching.through(2400, 60)
    put_mails(watching, 20)
    # The other Agent has its turn.
    watching.clock.advance(2400)
    begun = put_mails(watching, 60)
    watching.through(2 * 3600, 60)
    unknown = watching.values('collector.periods_unknown', OTHER)
    assert len(unknown) == 1 and unknown[0] > 0
    assert 60 - 25 <= watching.total('send.count', OTHER) <= watching.truth('Send', begun, region=OTHER)
