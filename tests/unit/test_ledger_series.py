"""Promise P1: Series that come and go, and that begin at any moment, are counted once or reported."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_trials import HOUR, MANY, ORDERS, SERIES, START, CloudWatch, Poller, events, some_keys

from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback
from datadog_checks.amazon_ses.cloudwatch.periods import period_start


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_series_that_come_and_go_are_not_counted_twice(data: st.DataObject) -> None:
    """A series that is deselected and selected again, at any index, submits no amount twice."""
    turns = data.draw(st.lists(st.tuples(st.sampled_from(ORDERS), st.integers(30, 2000)), max_size=20))
    cloudwatch = CloudWatch(data.draw(events(sum(pause for _, pause in turns) + HOUR, HOUR)))
    poller = Poller(cloudwatch)
    now = float(START)
    poller.poll(now)
    for keys, pause in turns:
        now += pause
        poller.choose(keys)
        poller.poll(now)
    assert poller.ledger is not None
    for series in SERIES:
        truth = cloudwatch.total(series, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(series, 0.0) <= truth, (series, poller.ledger)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_series_that_return_within_the_backfill_limit_lose_nothing(data: st.DataObject) -> None:
    """Series that are deselected and return within the backfill limit lose no amount, restarts included."""
    pauses = data.draw(st.lists(st.integers(30, HOUR), max_size=20))
    lookback = Lookback(HOUR + 600, backfill=sum(pauses) + 12 * HOUR)
    cloudwatch = CloudWatch(data.draw(events(sum(pauses) + HOUR, HOUR, MANY)))
    poller = Poller(cloudwatch, lookback=lookback)
    poller.choose(MANY)
    now = float(START)
    poller.poll(now)
    for pause in pauses:
        now += pause
        poller.choose(data.draw(some_keys))
        poller.poll(now, incomplete=data.draw(some_keys), cut=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            poller.restart()
    poller.choose(MANY[::-1])
    poller.settle(now)
    assert poller.ledger is not None and poller.skipped == []
    for series in MANY:
        truth = cloudwatch.total(series, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(series, 0.0) == truth, (series, poller.ledger)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_series_that_returns_too_late_reports_its_skipped_periods(data: st.DataObject) -> None:
    """A series that returns after the backfill limit reports the periods that it cannot count any more.

    This happens when it is listed late after a restart. While it is away, no amounts are retained for it.
    """
    absence = data.draw(st.integers(4 * HOUR, 20 * HOUR))
    poller = Poller(CloudWatch(data.draw(events(absence + 2 * HOUR, 900))))
    now = float(START)
    for _ in range(12):
        poller.poll(now)
        now += 300
    poller.choose(SERIES[:1])
    now += data.draw(st.sampled_from([0, absence]))
    while now < START + HOUR + absence:
        poller.poll(now)
        now += 300
    assert poller.ledger is not None and len(poller.ledger.booked) <= poller.lookback.allowed_lateness // 300 + 6
    poller.choose(SERIES)
    poller.settle(now)
    poller.verify_totals()


def inside(second: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= second < end for start, end in spans)


@dataclass
class Listing:
    """What ListMetrics names: a series from `lag` seconds after its first amount was visible."""

    poller: Poller
    lags: dict[str, int]
    listed_at: float | None = None

    def look(self, now: float) -> None:
        """List the series, and poll those that are listed from now on, as planning.py does."""
        cloudwatch, known = self.poller.cloudwatch, self.poller.selection.keys
        new = [
            name
            for name, lag in self.lags.items()
            if name not in known and any(at + delay + lag <= now for at, _, delay in cloudwatch.events[name])
        ]
        begins = max(0.0, (self.listed_at or 0.0) - 900)
        self.poller.begins |= dict.fromkeys(new, begins)
        self.poller.choose((*known, *new))
        self.listed_at = now


BORN = MANY[:4]
"""Series that begin at some time, besides those of SERIES."""


@st.composite
def births(draw: st.DrawFn, span: int) -> dict[str, list[tuple[int, int, int]]]:
    """Amounts of series each of which begins at some time, with an amount that is visible at once."""
    born = {name: draw(st.integers(START, START + span)) for name in BORN}
    later = draw(events(span, 900, (*SERIES, *BORN)))
    return {
        name: [(born[name], 1, 0), *(event for event in amounts if event[0] >= born[name])] if name in born else amounts
        for name, amounts in later.items()
    }


outage_step = st.fixed_dictionaries(
    {
        'pause': st.one_of(st.just(300), st.integers(20, 900), st.integers(900, 5 * HOUR)),
        'lists': st.booleans(),
        'answers': st.booleans(),
        'incomplete': st.sets(st.sampled_from((*SERIES, *BORN))).map(tuple),
        'cut': st.booleans(),
        'restart': st.booleans(),
        'backfill': st.sampled_from([None, None, 3 * HOUR, 24 * HOUR]),
        'timeframe': st.sampled_from([None, None, 900, HOUR]),
    }
)


def through_outages(data: st.DataObject, steps: list[dict], backfill: int) -> Poller:
    """A poller that went through these steps, with series that are born in them, until all is read."""
    span = sum(step['pause'] for step in steps) + HOUR
    cloudwatch = CloudWatch(data.draw(births(span)))
    poller = Poller(cloudwatch, lookback=Lookback(HOUR + 600, backfill))
    listing = Listing(poller, {name: data.draw(st.integers(0, 900)) for name in BORN})
    now = float(START)
    poller.choose(SERIES)
    poller.poll(now)
    for step in steps:
        now += step['pause']
        if step['restart']:
            poller.restart()
            late = max(step['timeframe'] or HOUR, 900) + 600
            poller.lookback = Lookback(late, step['backfill'] or poller.lookback.backfill)
        if step['lists']:
            listing.look(now)
        if step['answers']:
            poller.poll(now, incomplete=step['incomplete'], cut=step['cut'])
    # By now the last series is born.
    for _ in range(10):
        now += 600
        poller.poll(now)
        listing.look(now)
    poller.settle(now)
    return poller


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_series_born_in_an_outage_are_counted_or_reported(data: st.DataObject) -> None:
    """A series that begins at any moment of any outage is counted back to the backfill limit, and the rest reported."""
    steps = data.draw(st.lists(outage_step, max_size=20))
    through_outages(data, steps, 3 * HOUR).verify_totals((*SERIES, *BORN))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_series_born_within_the_backfill_limit_lose_nothing(data: st.DataObject) -> None:
    """While outages are shorter than the backfill limit, every amount of every new series is counted, and none is
    reported as given up."""
    steps = [{**step, 'backfill': None} for step in data.draw(st.lists(outage_step, max_size=20))]
    poller = through_outages(data, steps, sum(step['pause'] for step in steps) + 24 * HOUR)
    assert poller.skipped == [] and poller.ledger is not None
    for name in (*SERIES, *BORN):
        truth = poller.cloudwatch.total(name, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(name, 0.0) == truth, (name, poller.ledger)


def test_what_a_new_series_lost_is_reported_from_its_birth_on() -> None:
    """After six hours in which nothing is listed, a new series is counted for three hours; what it had before that is
    reported, and not the hours in which it cannot have existed."""
    born = START + 3 * HOUR
    cloudwatch = CloudWatch({name: [(START + 60 * minute, 1, 0) for minute in range(12 * 60)] for name in SERIES})
    cloudwatch.events['new'] = [(at, 1, 0) for at, _, _ in cloudwatch.events['send'] if at >= born]
    poller = Poller(cloudwatch)
    listing = Listing(poller, {'new': 300})
    poller.choose(SERIES)
    for slot in range(10 * 12):
        now = float(START + 300 * slot)
        if not 2 * HOUR < now - START < 8 * HOUR:
            listing.look(now)
        poller.poll(now)
    assert len(poller.skipped) == 1
    ((start, end, reason, period),) = poller.skipped
    assert (start, reason, period) == (period_start(START + 2 * HOUR - 900, 300), 'backfill_limit', 300)
    assert end <= START + 5 * HOUR + 600
    assert poller.submitted['new'] == cloudwatch.total('new', [(end, int(now) + 1)])


NAMES = ('send', 'bounce', 'new')


absences = st.lists(
    st.tuples(
        st.sampled_from([*ORDERS, ('bounce', 'new')]),
        st.integers(1, 6),
        st.sampled_from([300, 300, 1200, 3 * HOUR]),
        st.sampled_from([None, None, 2 * HOUR, 3 * HOUR, 24 * HOUR]),
        st.sets(st.sampled_from(NAMES)).map(tuple),
    ),
    min_size=3,
    max_size=10,
)
"""Which series are polled, how often and at what pace, the backfill limit from there on, and what is incomplete."""


@settings(max_examples=150, deadline=None)
@given(absences, st.integers(0, 900))
def test_a_raised_backfill_limit_doubles_no_series_that_returns(turns: list[tuple], delay: int) -> None:
    """Series that go for any time and return, while `backfill_limit` is raised or lowered at any restart, submit no
    amount twice, and lose none of those that were read while they were polled."""
    span = sum(polls * pause for _, polls, pause, *_ in turns)
    # Something happens in each period, so that each period that is counted twice shows.
    cloudwatch = CloudWatch({name: [(at, 1, delay) for at in range(START, START + span, 300)] for name in NAMES})
    poller = Poller(cloudwatch)
    now = float(START)
    poller.poll(now)
    owed: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    polled_from: dict[str, float] = {}
    for keys, polls, pause, backfill, incomplete in turns:
        if backfill:
            poller.restart()
            poller.lookback = Lookback(HOUR + 600, backfill)
        poller.choose(keys)
        for _ in range(polls):
            now += pause
            poller.poll(now, incomplete=incomplete)
            polled_from = {name: polled_from.get(name, now) for name in keys}
            for name in set(keys).difference(incomplete):
                owed[name].append((polled_from[name], now - polling.IDLE_INTERVAL - 1500))
    poller.choose(NAMES)
    poller.settle(now)
    assert poller.ledger is not None
    reported = [(span.start, span.end) for span in poller.skipped]
    for name in NAMES:
        truth = cloudwatch.total(name, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(name, 0.0) <= truth, (name, poller.ledger)
        spans = [(max(start, poller.ledger.since), end) for start, end in owed[name]]
        promised = CloudWatch({name: [event for event in cloudwatch.events[name] if not inside(event[0], reported)]})
        assert poller.submitted.get(name, 0.0) >= promised.total(name, spans), (name, poller.skipped, poller.ledger)


@pytest.mark.parametrize('partial', [False, True])
def test_a_series_that_was_forgotten_is_not_counted_again(partial: bool) -> None:
    """A series of which nothing is remembered, and that returns with a higher backfill limit, goes on where it was
    counted last: by a complete answer, or by one that was not complete."""
    cloudwatch = CloudWatch({name: [(at, 1, 0) for at in range(START, START + 40 * HOUR, 300)] for name in NAMES})
    poller = Poller(cloudwatch)
    now = float(START)

    def poll(keys: tuple[str, ...], times: int, incomplete: tuple[str, ...] = ()) -> None:
        nonlocal now
        poller.choose(keys)
        for _ in range(times):
            poller.poll(now, incomplete=incomplete)
            now += 300

    poll(NAMES, 24)
    poll(NAMES, 24, ('bounce',) if partial else ())
    counted = poller.submitted['bounce']
    poll(('send', 'new'), 60)
    poll(('send',), 2)
    assert poller.ledger is not None and 'bounce' not in poller.ledger.inactive_keys
    poller.lookback = Lookback(HOUR + 600, 24 * HOUR)
    returned = now
    poll(NAMES, 24)
    away = cloudwatch.total('bounce', [(START + 48 * 300, int(returned))])
    since = cloudwatch.total('bounce', [(int(returned), int(now))])
    assert poller.submitted['bounce'] - counted in (since + away, since + away + 1)
