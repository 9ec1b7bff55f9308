"""Promise P1: Single steps of the ledger: answers, edits and quiet Regions."""

from __future__ import annotations

from array import array
from dataclasses import replace
from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_trials import HOUR, MANY, SERIES, START, observed, some_keys

from datadog_checks.amazon_ses.cloudwatch import booking
from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch.booking import Observations
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, Origin
from datadog_checks.amazon_ses.cloudwatch.periods import Window, next_boundary


def ledgers() -> st.SearchStrategy[Ledger]:
    """Ledgers with polled and unpolled series; every amount in a ledger is different."""

    def build(keys: tuple[str, ...], polled: int, marks: list[int], starts: list[int]) -> Ledger:
        length = len(keys)
        return Ledger(
            period=300,
            since=START,
            counting_from=START,
            retained_from=START + 300 * min(starts, default=0),
            read_at=START + 30_000.0,
            read_to=START + 30_300,
            keys=keys[:polled],
            watermarks=array('q', [START + 300 * mark for mark in marks[:length]]),
            read_slots=array('q', [index + 1 for index in range(min(polled, length))]),
            newest_data=array('q', [START + index for index in range(min(polled, length))]),
            booked={
                START + 300 * start: array('d', [1000.0 * start + index for index in range(length)]) for start in starts
            },
            inactive_keys=keys[polled:],
        )

    return st.builds(
        build,
        some_keys,
        st.integers(0, len(MANY)),
        st.lists(st.integers(0, 100), min_size=len(MANY), max_size=len(MANY)),
        st.lists(st.integers(0, 100), unique=True, max_size=6),
    )


def remembered_by_series(ledger: Ledger) -> dict[str, tuple[int, dict[int, float]]]:
    """The watermark and the booked amounts of each series, by its name."""
    names = (*ledger.keys, *ledger.inactive_keys)
    return {
        name: (ledger.watermarks[index], {start: column[index] for start, column in ledger.booked.items()})
        for index, name in enumerate(names)
    }


@given(ledgers(), some_keys)
def test_arranging_changes_the_indexes_of_series_and_nothing_else(ledger: Ledger, keys: tuple[str, ...]) -> None:
    """Each series keeps its watermark and its amounts when its index changes.

    A new series is unread and owed from the newest period on. An unpolled series is forgotten only when none of its
    amounts are retained any more, and nothing new is counted below the watermark of a forgotten one.
    """
    after = counting.reindex(ledger, keys)
    before, now = remembered_by_series(ledger), remembered_by_series(after)
    assert after.keys == keys
    assert {len(after.watermarks), *map(len, after.booked.values())} == {len(now)} or not now
    assert len(after.read_slots) == len(after.newest_data) == len(keys)
    assert len(now) == len(after.keys) + len(after.inactive_keys), 'no series has two indexes'
    for name in keys:
        owed_from = max(ledger.counting_from, ledger.read_to - ledger.period)
        assert now[name] == before.get(name, (owed_from, dict.fromkeys(ledger.booked, 0.0)))
    assert after.unread == set(keys) - before.keys()
    for name in before.keys() - set(keys):
        watermark, amounts = before[name]
        assert now.get(name) == before[name] or (watermark < ledger.retained_from and not any(amounts.values()))
        assert name in now or after.forgotten_before >= watermark
    assert counting.reindex(after, keys) == after
    assert counting.reindex(counting.reindex(after, ledger.keys), keys).keys == keys


@given(ledgers(), st.integers(-HOUR, 20 * HOUR))
def test_a_quiet_region_advances_the_ledger_like_an_empty_answer(ledger: Ledger, after: int) -> None:
    """In a Region without data a ledger advances as after a complete, empty answer: never back, and only once."""
    now, lookback = ledger.read_to + after, Lookback(HOUR + 600, 3 * HOUR)
    retained = {start: column for start, column in ledger.booked.items() if start >= ledger.retained_from}
    ledger = replace(ledger, booked=retained)
    moved = counting.advance_without_data(ledger, now, now, lookback)
    assert moved.read_to == max(ledger.read_to, next_boundary(now, 300))
    assert all(old <= new for old, new in zip(ledger.watermarks, moved.watermarks, strict=True))
    assert moved.retained_from >= ledger.retained_from
    assert all(start >= moved.retained_from for start in moved.booked)
    assert counting.advance_without_data(moved, now, now, lookback) == moved
    # Booked amounts that may still be read are not submitted again.
    window = Window(
        counting.lookback_start(moved, moved.oldest_watermark, Window(moved.read_to, moved.read_to), lookback), now
    )
    sums = {
        key: {start: column[index] for start, column in moved.booked.items()} for index, key in enumerate(moved.keys)
    }
    answer = observed(sums, moved.origin(99), window, float(now))
    assert not booking.book(moved, [answer], lookback).amounts


@given(ledgers(), st.sampled_from([60, 300, 420, 900, HOUR]), st.integers(-2 * HOUR, 6 * HOUR))
def test_closing_ends_the_ledger_at_a_common_boundary(ledger: Ledger, period: int, after: int) -> None:
    """An edited `period` takes effect at a boundary of both periods, once everything before it was read or is too old.

    Lost amounts are reported in the old period, and no amount is counted on both sides of the boundary.
    """
    lookback = Lookback(HOUR + 600, 3 * HOUR)
    ending = counting.plan_period_change(ledger, period, ledger.read_at)
    if period == ledger.period:
        assert ending == ledger
        return
    boundary = ending.closes_at
    assert boundary is not None and boundary % lcm(period, 300) == 0 and boundary >= ledger.read_to
    assert counting.plan_period_change(ending, period, ledger.read_at + HOUR) == ending
    ending = replace(ending, read_to=boundary)
    end = counting.finish_period_change(ending, period, float(boundary + after), 300, lookback)
    read = ending.oldest_watermark >= boundary or after >= lookback.backfill
    assert (end.ledger.period == period) == (read and after >= 300)
    if end.ledger.period != period:
        assert end.ledger == ending and end.skipped == ()
        return
    assert (end.ledger.counting_from, end.ledger.retained_from, end.ledger.booked) == (boundary, boundary, {})
    assert set(end.ledger.watermarks) <= {boundary}
    assert all(span.period == 300 and span.end == boundary for span in end.skipped)


NOON = START + 300 * 100
"""The newest boundary of the ledger below."""


RUNNING = Ledger(
    period=300,
    since=START,
    counting_from=START,
    retained_from=NOON - HOUR - 900,
    read_at=NOON - 20.0,
    read_to=NOON,
    keys=SERIES,
    watermarks=array('q', [NOON, NOON]),
    read_slots=array('q', [7, 7]),
    newest_data=array('q', [0, 0]),
    booked={NOON - 300: array('d', [10.0, 20.0])},
)


LOOKBACK = Lookback(HOUR + 600, 3 * HOUR)


def answered(
    ledger: Ledger, points: dict[str, dict[int, float]], answered_at: float, complete: bool = True
) -> Observations:
    """A complete answer for some series, to a request that was made from this ledger."""
    return observed(points, ledger.origin(8), Window(NOON - 2 * HOUR, NOON + 1200), answered_at, complete)


def test_each_answer_closes_periods_by_its_own_date() -> None:
    """In a run that takes in answers of different age, each series counts as read up to the date of its own answer, and
    the older answer holds no other series back."""
    pages = [answered(RUNNING, {'send': {NOON: 1}}, NOON + 10), answered(RUNNING, {'bounce': {NOON: 2}}, NOON + 650)]
    booked = booking.book(RUNNING, pages, LOOKBACK)
    assert list(booked.ledger.watermarks) == [NOON + 300, NOON + 900]
    assert (booked.ledger.read_to, booked.ledger.read_at) == (NOON + 900, NOON + 650)
    assert booked.amounts == {0: 1.0, 1: 2.0}
    assert booked == booking.book(RUNNING, pages[::-1], LOOKBACK)


@given(st.lists(st.sampled_from((*SERIES, 'new')), unique=True).map(tuple))
def test_an_answer_is_booked_for_the_series_that_it_names(keys: tuple[str, ...]) -> None:
    """Whatever is selected by the time an answer comes, its amounts belong to the same series as before, and those of a
    series that is not asked for any more are dropped and counted when it returns."""
    page = answered(RUNNING, {'send': {NOON - 300: 15}, 'bounce': {NOON - 300: 26}}, NOON + 10)
    today = counting.reindex(RUNNING, keys)
    current = booking.rebased(page, today)
    assert current is not None
    amounts = booking.book(today, [current], LOOKBACK).amounts
    assert {keys[index]: amount for index, amount in amounts.items()} == {
        name: growth for name, growth in {'send': 5.0, 'bounce': 6.0}.items() if name in keys
    }


@pytest.mark.parametrize(
    'today',
    [
        replace(RUNNING, period=60),
        replace(RUNNING, since=START + 300),
        replace(RUNNING, counting_from=NOON),
        replace(RUNNING, series_since={'send': NOON, 'bounce': NOON}),
    ],
)
def test_an_answer_to_another_ledger_is_dropped(today: Ledger) -> None:
    """An answer is dropped where the period was edited, counting was opened anew, or its series was named anew."""
    page = answered(RUNNING, {'send': {NOON: 1}}, NOON + 10.0)
    same = booking.rebased(page, RUNNING)
    assert same is not None and same.blocks == page.blocks
    current = booking.rebased(page, today)
    assert current is None or not any(block.positions for block in current.blocks)
    assert booking.rebased(page._replace(origin=Origin(8, 300)), RUNNING) is None


def test_the_excess_is_what_there_is_now() -> None:
    """Where CloudWatch shows 10, then 4, then 10 again, the excess is 6, then 0; an answer that is older than the
    newest one says nothing of it."""
    ledger, excess = RUNNING, []
    for value, answered_at in ((10, 1), (4, 2), (10, 0), (4, 3), (10, 4), (7, 5), (12, 6), (9, 1)):
        page = answered(ledger, {'send': {NOON - 300: float(value)}}, NOON + 10.0 * answered_at)
        ledger = booking.book(ledger, [page], LOOKBACK).ledger
        excess.append(ledger.excess)
    assert excess == [0, 6, 6, 6, 0, 3, 0, 0]
    later = replace(ledger, lowered={NOON - 300: {'send': 2.0}})
    page = answered(later, {'send': {}, 'bounce': {}}, NOON + 3 * HOUR)
    page = page._replace(window=Window(NOON - HOUR, NOON + 3 * HOUR))
    assert later.excess == 2
    assert booking.book(later, [page], LOOKBACK).ledger.excess == 0, 'the period is not read any more'
