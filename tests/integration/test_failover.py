"""More than one Agent: an HA pair, or cluster checks, whose Agents do not share their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from common import OTHER, REGION, START
from hypothesis import given, settings
from hypothesis import strategies as st
from story import FEW, Story, every_minute, reported, skipped, story

from datadog_checks.base.stubs import datadog_agent

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
