"""Promise P1: Agents that take turns without sharing their state never count the same amount."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_trials import HOUR, SERIES, START, CloudWatch, Poller, SteadyMail, events

from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback
from datadog_checks.amazon_ses.cloudwatch.periods import next_boundary


@dataclass
class Turn:
    """A turn of one of two Agents: its process restarts or not, then it reads some times. A short one interrupts the
    other Agent. `lead` is the time to its first run, in intervals."""

    lead: float
    agent: int
    reads: int
    restarts: bool
    short: bool
    jitters: list[float]


turns = st.lists(
    st.builds(
        Turn,
        st.floats(0.01, 1.4),
        st.integers(0, 1),
        st.integers(1, 12),
        st.booleans(),
        st.booleans(),
        st.lists(st.floats(0.6, 1.4), min_size=1, max_size=12),
    ),
    max_size=12,
)
"""Turns of two Agents. Between two runs of an Agent lies the interval, more or less."""


def take_turns(cloudwatch: CloudWatch, period: int, interval: int, agent_turns: list[Turn]) -> list[Poller]:
    """Two Agents that do not share their state read in turn, each for longer than the gap that means another Agent, or
    for any shorter time between two such turns. After a restart the first run only observes.
    """
    late = max(HOUR, 3 * period) + 2 * period
    lookback = Lookback(late, max(3 * HOUR, late + polling.IDLE_INTERVAL + period), failover_interval=interval)
    agents = [Poller(cloudwatch, period=period, lookback=lookback) for _ in range(2)]
    longest = ceil(counting.failover_gap(period, lookback) / (0.6 * interval))
    now, previous = float(START), None
    for turn in agent_turns:
        observed = 0.0
        interrupts = turn.short and previous is not None and not previous.short and previous.agent != turn.agent
        previous = replace(turn, short=interrupts)
        for number in range(turn.reads + (0 if interrupts else longest)):
            step = interval * (turn.jitters[number % len(turn.jitters)] if number else turn.lead)
            now += step
            if turn.restarts and number == 0:
                continue
            observed = observed + step if turn.restarts else 0.0
            agents[turn.agent].lookback = replace(lookback, observed=observed)
            agents[turn.agent].poll(now)
    return agents


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_two_agents_in_turn_never_count_the_same_amount(data: st.DataObject) -> None:
    """Agents that take turns without sharing their state submit no amount twice, whatever the interval and the period.

    Restarts are among the turns. What nobody is known to have counted is reported.
    """
    period = data.draw(st.sampled_from([60, 120, 300, 420, 600, 900]))
    interval = data.draw(st.one_of(st.sampled_from([15, 60, 300, 600, 900]), st.integers(15, HOUR)))
    agent_turns = data.draw(turns)
    span = (sum(turn.reads for turn in agent_turns) + 2) * 2 * max(period, interval)
    cloudwatch = CloudWatch(data.draw(events(span, 600)))
    agents = take_turns(cloudwatch, period, interval, agent_turns)
    for series in SERIES:
        submitted = sum(agent.submitted.get(series, 0.0) for agent in agents)
        assert submitted <= cloudwatch.total(series, [(0, 2 * START)])
    first, second = take_turns(SteadyMail({}), period, interval, agent_turns)
    assert first.counted.isdisjoint(second.counted)
    for agent in (*agents, first, second):
        assert all(span.reason in ('failover', 'late_growth', 'backfill_limit') for span in agent.skipped)


@settings(max_examples=100, deadline=None)
@given(st.integers(15, HOUR), st.sampled_from([60, 300, 900]), st.lists(st.floats(0.6, 1.4), min_size=3, max_size=40))
def test_an_agent_alone_never_looks_like_two(interval: int, period: int, jitters: list[float]) -> None:
    """An Agent that is never replaced is not taken for two, whatever the interval, over restarts of its process too."""
    limit = 1.45 if interval >= period else 1.0
    mails = [(START + 60 * minute, 1, 0) for minute in range(40 * HOUR // 60)]
    late = max(HOUR, 3 * period) + 2 * period
    lookback = Lookback(late, max(3 * HOUR, late + polling.IDLE_INTERVAL + period), failover_interval=interval)
    poller = Poller(CloudWatch({'send': mails}), period=period, lookback=lookback)
    now, observed = float(START), 0.0
    poller.poll(now)
    for number, jitter in enumerate(jitters):
        now += interval * min(jitter, limit)
        if number % 3 == 1:
            # The process restarted, and this run only observes.
            observed = 0.0
            continue
        observed += interval * min(jitter, limit) if number % 3 == 2 else 0.0
        poller.lookback = replace(lookback, observed=observed if number % 3 == 2 else 0.0)
        poller.poll(now)
    assert [span for span in poller.skipped if span.unknown] == []


@given(st.sampled_from([60, 300, 420, 900]), st.integers(15, HOUR), st.lists(st.floats(0.8, 1.2), max_size=40))
def test_a_quiet_region_never_looks_like_a_failover(period: int, interval: int, jitters: list[float]) -> None:
    """While an Agent looks at a quiet Region in each run, its first mail is not taken for a turn of another Agent."""
    lookback = Lookback(HOUR + 600, 3 * HOUR, failover_interval=interval)
    now = START + 0.0
    ledger = counting.new_ledger(SERIES, period, now, lookback)
    for jitter in jitters:
        now += interval * jitter
        assert not counting.was_away(ledger, now, lookback)
        ledger = counting.advance_without_data(ledger, now - 1800, now, lookback)


@pytest.mark.parametrize('period', [60, 300, 900])
@pytest.mark.parametrize('interval', [60, 300, 450, 900, HOUR])
def test_no_shorter_wait_after_a_takeover_is_exact(period: int, interval: int) -> None:
    """The wait of an Agent that takes over is the shortest: with a period less, both count the same period.

    The first Agent reads, the second takes over at once, and the first comes back as late as it may without reporting:
    its process observes once the gap has passed, and counts one and a half intervals later.
    """
    late = max(HOUR, 3 * period) + 2 * period
    lookback = Lookback(late, max(3 * HOUR, late + polling.IDLE_INTERVAL + period), failover_interval=interval)
    wait = counting.failover_wait(period, lookback)
    gap, observed = counting.failover_gap(period, lookback), counting.FAILOVER_GAP * interval
    # The later the first answer in its period, the later the return.
    answered_at = START // period * period + period - 1.0
    first = counting.new_ledger(SERIES, period, answered_at - 2 * wait, lookback)
    first = replace(first, read_at=answered_at)
    back_at = answered_at + gap + observed
    assert not counting.was_away(first, back_at, replace(lookback, observed=observed))
    assert counting.was_away(first, back_at + 1, replace(lookback, observed=observed))
    second = counting.new_ledger(SERIES, period, answered_at, lookback)
    counted_to = next_boundary(back_at, period)
    assert second.since >= counted_to
    assert second.since - period < counted_to, 'a wait that is shorter by a period doubles'
