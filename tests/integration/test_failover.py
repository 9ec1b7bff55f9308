"""Counting by several Agents that do not share their state: an HA pair, or cluster checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from common import OTHER, REGION, START
from counting_trials import FEW_EXAMPLES, Trial, every_minute, logged_skips, new_trial, submitted_skips
from hypothesis import given, settings
from hypothesis import strategies as st

from datadog_checks.base.stubs import datadog_agent

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
