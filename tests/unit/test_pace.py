"""The pace of requests, on a clock that only sleeping moves."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.aws.rate_limit import Pace

MOST = 90.0
MOMENT = 1e-6
NUMBERS = st.lists(st.tuples(st.integers(1, 120), st.floats(0.0, 2.0)), max_size=40)


class Turn(NamedTuple):
    """A request: when it was asked for, when it was let through, how much it takes."""

    asked: float
    at: float
    number: int


def turns(asked: list[tuple[int, float]], workers: int) -> list[Turn]:
    """What some workers are let do. Each request comes so long after the one before, or when a worker is free."""
    now, told, free = 1000.0, [], [0.0] * workers
    slept: list[float] = []
    pace = Pace(MOST, lambda: now, slept.append)
    for number, pause in asked:
        worker = free.index(min(free))
        now = max(now + pause, free[worker])
        pace.wait(number)
        free[worker] = now + slept[-1]
        told.append(Turn(now, free[worker], number))
    return told


@given(NUMBERS, st.integers(1, 8))
def test_within_any_second_no_more_than_the_limit(asked: list[tuple[int, float]], workers: int) -> None:
    """Within any second no more is let through than the limit, but one that exceeds it alone, which goes alone."""
    told = turns(asked, workers)
    for place, first in enumerate(told):
        within = [one.number for one in told[place:] if one.at - first.at < 1.0 - MOMENT]
        assert sum(within) <= MOST or len(within) == 1, told


@given(NUMBERS, st.integers(1, 8))
def test_the_order_is_kept(asked: list[tuple[int, float]], workers: int) -> None:
    """Who asked first goes first, so a large request is not overtaken by small ones for ever."""
    assert all(before.at <= after.at + MOMENT for before, after in pairwise(turns(asked, workers)))


@given(NUMBERS, st.integers(1, 8))
def test_nobody_waits_without_need(asked: list[tuple[int, float]], workers: int) -> None:
    """Who waits is behind somebody else, or would have exceeded the limit a moment before."""
    told = turns(asked, workers)
    for place, one in enumerate(told):
        recent = [other for other in told[:place] if other.at >= one.at - 1.0 - MOMENT]
        waits = one.at > max(one.asked, *(other.at for other in told[:place]), 0.0) + MOMENT
        assert not waits or sum(other.number for other in recent) + one.number > MOST, told


def test_nothing_is_remembered_for_longer_than_a_second() -> None:
    """However many requests there were, only those of the last second are kept."""
    now = 0.0
    pace = Pace(MOST, lambda: now, lambda _: None)
    for _ in range(10_000):
        now += 0.05
        pace.wait(1)
    assert len(pace._taken) <= 21


def test_workers_share_the_limit() -> None:
    """Eight workers at once are let through as one would be: each gets a turn, and together no more than the limit."""
    slept: list[float] = []
    pace = Pace(MOST, lambda: 0.0, slept.append)
    workers = [Thread(target=pace.wait, args=(45,)) for _ in range(80)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(slept) == [float(second) for second in range(40) for _ in range(2)]
