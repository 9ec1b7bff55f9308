"""The rate limit, on a clock that only sleeping moves."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread
from typing import NamedTuple

import hypothesis
from hypothesis import strategies as st

from datadog_checks.amazon_ses.aws.rate_limit import RateLimit

PER_SECOND = 90.0
MOMENT = 1e-6
REQUESTS = st.lists(st.tuples(st.integers(1, 120), st.floats(0.0, 2.0)), max_size=40)


class Turn(NamedTuple):
    """A request: when it began to wait, when it was let through, and its amount."""

    waits_from: float
    sent_at: float
    amount: int


def turns(requests: list[tuple[int, float]], workers: int) -> list[Turn]:
    """How some workers are let through. Each request begins a pause after the one before, or when a worker is free."""
    now, completed, free_at = 1000.0, [], [0.0] * workers
    sleeps: list[float] = []
    limit = RateLimit(PER_SECOND, lambda: now, sleeps.append)
    for amount, pause in requests:
        worker = free_at.index(min(free_at))
        now = max(now + pause, free_at[worker])
        limit.wait(amount)
        free_at[worker] = now + sleeps[-1]
        completed.append(Turn(now, free_at[worker], amount))
    return completed


@hypothesis.given(REQUESTS, st.integers(1, 8))
def test_within_any_second_no_more_than_the_limit(requests: list[tuple[int, float]], workers: int) -> None:
    """Within any second no more is let through than the limit, but an amount that exceeds it, which goes alone."""
    completed = turns(requests, workers)
    for index, first in enumerate(completed):
        amounts = [turn.amount for turn in completed[index:] if turn.sent_at - first.sent_at < 1.0 - MOMENT]
        assert sum(amounts) <= PER_SECOND or len(amounts) == 1, completed


@hypothesis.given(REQUESTS, st.integers(1, 8))
def test_requests_stay_in_order(requests: list[tuple[int, float]], workers: int) -> None:
    """The request that waits first goes first, so a large request is not overtaken by small ones for ever."""
    assert all(before.sent_at <= after.sent_at + MOMENT for before, after in pairwise(turns(requests, workers)))


@hypothesis.given(REQUESTS, st.integers(1, 8))
def test_no_request_waits_without_need(requests: list[tuple[int, float]], workers: int) -> None:
    """A request that waits is behind another one, or would have exceeded the limit a moment before."""
    completed = turns(requests, workers)
    for index, turn in enumerate(completed):
        recent = [earlier for earlier in completed[:index] if earlier.sent_at >= turn.sent_at - 1.0 - MOMENT]
        waits = turn.sent_at > max(turn.waits_from, *(earlier.sent_at for earlier in completed[:index]), 0.0) + MOMENT
        assert not waits or sum(earlier.amount for earlier in recent) + turn.amount > PER_SECOND, completed


def test_nothing_is_remembered_for_longer_than_a_second() -> None:
    """However many requests there were, only those of the last second stay in memory."""
    now = 0.0
    limit = RateLimit(PER_SECOND, lambda: now, lambda _: None)
    for _ in range(10_000):
        now += 0.05
        limit.wait(1)
    assert len(limit._turns) <= 21


def test_workers_share_the_limit() -> None:
    """Eighty workers at once are let through as one worker would be: together no more than the limit."""
    sleeps: list[float] = []
    limit = RateLimit(PER_SECOND, lambda: 0.0, sleeps.append)
    workers = [Thread(target=limit.wait, args=(45,)) for _ in range(80)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sleeps) == [float(second) for second in range(40) for _ in range(2)]
