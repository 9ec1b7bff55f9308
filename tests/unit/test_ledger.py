"""Promise P1: The ledger alone, tested against a CloudWatch whose amounts arrive late."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from math import lcm

from hypothesis import given, settings
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, Observations, SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.periods import Window, newest_window, next_boundary, period_start
from datadog_checks.amazon_ses.cloudwatch.selection import PollingClass, Selection
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state import encoding
from datadog_checks.amazon_ses.state.document import from_document, to_document

HOUR = 3600
START = 1_790_000_100
SERIES = ('send', 'bounce')
SELECTED = Selection(keys=SERIES, classes=bytes([PollingClass.NEVER_IDLE] * 2), send_indexes=[-1] * 2)
IDLING = Selection(keys=SERIES, classes=bytes([PollingClass.NORMAL, PollingClass.FEEDBACK]), send_indexes=[-1, 0])


@dataclass
class CloudWatch:
    """Amounts as (second, amount, delay) by series: an amount is visible `delay` seconds after its second."""

    events: dict[str, list[tuple[int, int, int]]]

    def sums(self, series: str, window: Window, period: int, now: float) -> dict[int, float]:
        points: dict[int, float] = {}
        for second, amount, delay in self.events.get(series, ()):
            start = period_start(second, period)
            if second + delay <= now and window.start <= start < window.end:
                points[start] = points.get(start, 0.0) + amount
        return points

    def total(self, series: str, spans: list[tuple[int, int]]) -> float:
        return sum(
            amount
            for second, amount, _ in self.events.get(series, ())
            if any(start <= second < end for start, end in spans)
        )


@dataclass
class Poller:
    """Uses a ledger as the check does: plans the due series, reads them, books the amounts, closes periods."""

    cloudwatch: CloudWatch
    period: int = 300
    settle_delay: int = 300
    lookback: Lookback = Lookback(HOUR + 600, 3 * HOUR)
    selection: Selection = SELECTED
    ledger: Ledger | None = None
    slot: int = 0
    submitted: dict[str, float] = field(default_factory=dict)
    skipped: list[SkippedSpan] = field(default_factory=list)
    queries: int = 0

    def poll(self, now: float, skew: float = 0.0, incomplete: tuple[str, ...] = (), cut: bool = False) -> None:
        """Collect once at AWS's time `now`; our clock is off by `skew` seconds.

        The series in `incomplete` lack the status Complete, and their points too if `cut` is set.
        """
        if self.ledger is not None:
            self.ledger = counting.plan_period_change(self.ledger, self.period, now + skew)
            self.ledger = counting.reindex(self.ledger, self.selection.keys)
        period = self.period if self.ledger is None else self.ledger.period
        # planning.py numbers slots in the same way.
        self.slot = max(self.slot + 1, round((now + skew) / period))
        newest = newest_window(now + skew, period, self.settle_delay)
        due = polling.due(self.selection, self.ledger, newest, self.slot, self.lookback)
        self.queries += len(due.starts)
        answers = []
        for index, start in due.starts.items():
            series, window = self.selection.keys[index], Window(start, newest.end)
            points = {} if series in incomplete and cut else self.cloudwatch.sums(series, window, period, now)
            answers.append(Observations(window, [index], [points], [series not in incomplete], [True]))
        if self.ledger is None:
            if any(any(reads.complete) for reads in answers):
                opened = counting.new_ledger(self.selection.keys, period, now, self.lookback)
                self.ledger = counting.record_reads(opened, answers, self.slot)
            return
        booking = counting.book(self.ledger, answers, now, self.slot, self.lookback)
        end = counting.finish_period_change(booking.ledger, self.period, now, self.settle_delay, self.lookback)
        keys, self.ledger = self.ledger.keys, end.ledger
        self.skipped += [*booking.skipped, *end.skipped]
        for index, amount in booking.amounts.items():
            self.submitted[keys[index]] = self.submitted.get(keys[index], 0.0) + amount

    def restart(self) -> None:
        """Continue from the saved document, which must contain the whole ledger."""
        if self.ledger is not None:
            saved = encoding.pack(to_document(Progress(ledger=self.ledger)), 7)
            loaded = encoding.load([saved, ''], '7')
            assert loaded.document is not None and loaded.exact
            ledger = from_document(loaded.document).ledger
            assert ledger == self.ledger
            self.ledger = ledger

    def choose(self, keys: tuple[str, ...]) -> None:
        """Poll these series from now on."""
        self.selection = Selection(
            keys=keys, classes=bytes([PollingClass.NORMAL] * len(keys)), send_indexes=[-1] * len(keys)
        )

    def settle(self, now: float) -> float:
        """Collect without failures until no more amounts can arrive; return the last time."""
        for _ in range(2 * (self.lookback.allowed_lateness + 2 * polling.IDLE_INTERVAL) // 300):
            now += 300
            self.poll(now)
        return now

    def verify_totals(self) -> None:
        """Each amount was submitted once, except amounts in skipped periods, which may be missing."""
        assert self.ledger is not None
        for series in SERIES:
            since = self.ledger.since
            truth = self.cloudwatch.total(series, [(since, 2 * START)])
            skipped = self.cloudwatch.total(series, [(max(since, span.start), span.end) for span in self.skipped])
            submitted = self.submitted.get(series, 0.0)
            assert submitted <= truth, (series, self.skipped, self.ledger)
            assert submitted >= truth - skipped, (series, self.skipped, self.ledger)


def events(
    span: int, most_delay: int, names: tuple[str, ...] = SERIES
) -> st.SearchStrategy[dict[str, list[tuple[int, int, int]]]]:
    event = st.tuples(st.integers(START, START + span), st.integers(1, 50), st.integers(0, most_delay))
    return st.fixed_dictionaries({series: st.lists(event, max_size=25) for series in names})


selections = st.sampled_from([SELECTED, IDLING])
"""A selection that is polled in every slot, and a selection whose series become idle."""

any_step = st.fixed_dictionaries(
    {
        'pause': st.one_of(st.integers(1, 900), st.integers(900, 5 * HOUR)),
        'fails': st.booleans(),
        'incomplete': st.sets(st.sampled_from(SERIES)).map(tuple),
        'cut': st.booleans(),
        'skew': st.one_of(st.just(0), st.integers(-6 * HOUR, 6 * HOUR)),
        'period': st.sampled_from([None, None, None, 60, 300, 420, 900]),
        'timeframe': st.sampled_from([None, None, None, 900, HOUR, 2 * HOUR]),
        'restart': st.booleans(),
    }
)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_counts_add_up_through_failures_delays_edits_and_restarts(data: st.DataObject) -> None:
    """Despite failures, late data and edited options, each amount is submitted once or its period is reported."""
    steps = data.draw(st.lists(any_step, max_size=25))
    span = sum(step['pause'] for step in steps) + HOUR
    most_delay = 900
    poller = Poller(CloudWatch(data.draw(events(span, most_delay))), selection=data.draw(selections))
    now = float(START)
    poller.poll(now)
    for step in steps:
        now += step['pause']
        if step['period']:
            poller.period = step['period']
        if step['timeframe'] or step['period']:
            late = max(step['timeframe'] or HOUR, 3 * poller.period) + 2 * poller.period
            poller.lookback = Lookback(late, max(3 * HOUR, late + polling.IDLE_INTERVAL + poller.period))
        if step['restart']:
            poller.restart()
        if not step['fails']:
            poller.poll(now, step['skew'], step['incomplete'], step['cut'])
    poller.settle(now)
    poller.verify_totals()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_period_is_skipped_within_the_backfill_limit(data: st.DataObject) -> None:
    """Within the backfill limit, with right clocks and no edits, the counts equal CloudWatch's final sums exactly."""
    pauses = data.draw(st.lists(st.integers(1, HOUR), max_size=25))
    lookback = Lookback(HOUR + 600, backfill=sum(pauses) + 12 * HOUR)
    cloudwatch = CloudWatch(data.draw(events(sum(pauses) + HOUR, HOUR)))
    poller = Poller(cloudwatch, lookback=lookback, selection=data.draw(selections))
    now = float(START)
    poller.poll(now)
    for pause in pauses:
        now += pause
        poller.poll(now, incomplete=data.draw(st.sets(st.sampled_from(SERIES), max_size=1).map(tuple)))
    poller.settle(now)
    assert poller.skipped == []
    assert poller.ledger is not None
    for series in SERIES:
        truth = poller.cloudwatch.total(series, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(series, 0.0) == truth, (series, truth, poller.submitted, poller.ledger)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_two_agents_in_turn_never_count_the_same_amount(data: st.DataObject) -> None:
    """Agents that take turns without sharing their state submit no amount twice."""
    turns = data.draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 12), st.integers(30, 400)), max_size=12))
    span = sum(reads * pause for _, reads, pause in turns) + HOUR
    cloudwatch = CloudWatch(data.draw(events(span, 600)))
    lookback = Lookback(HOUR + 600, 3 * HOUR, failover=True)
    agents = [Poller(cloudwatch, lookback=lookback), Poller(cloudwatch, lookback=lookback)]
    now = float(START)
    for agent, reads, pause in turns:
        for _ in range(reads):
            now += pause
            agents[agent].poll(now)
    for series in SERIES:
        submitted = sum(agent.submitted.get(series, 0.0) for agent in agents)
        assert submitted <= cloudwatch.total(series, [(0, 2 * START)])
    for agent in agents:
        if agent.ledger is not None:
            assert all(span.reason in ('failover', 'late_growth') for span in agent.skipped)


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


ORDERS = [SERIES, SERIES[::-1], ('send',), ('bounce',), ('new', 'bounce', 'send')]


MANY = tuple(f'series-{number:02}' for number in range(12))
some_keys = st.lists(st.sampled_from(MANY), unique=True).map(tuple)
"""A subset of many series in any order, so that every index changes."""


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

    A new series starts at the newest watermark with no amounts. An unpolled series is forgotten only when none of its
    amounts are retained any more.
    """
    after = counting.reindex(ledger, keys)
    before, now = remembered_by_series(ledger), remembered_by_series(after)
    assert after.keys == keys
    assert {len(after.watermarks), *map(len, after.booked.values())} == {len(now)} or not now
    assert len(after.read_slots) == len(after.newest_data) == len(keys)
    assert len(now) == len(after.keys) + len(after.inactive_keys), 'no series has two indexes'
    for name in keys:
        assert now[name] == before.get(name, (ledger.newest_watermark, dict.fromkeys(ledger.booked, 0.0)))
    for name in before.keys() - set(keys):
        assert now.get(name) == before[name] or before[name][0] < ledger.retained_from
    assert counting.reindex(after, keys) == after
    assert counting.reindex(counting.reindex(after, ledger.keys), keys).keys == keys


@given(ledgers(), st.integers(-HOUR, 20 * HOUR))
def test_a_quiet_region_advances_the_ledger_like_an_empty_answer(ledger: Ledger, after: int) -> None:
    """In a Region without data a ledger advances as after a complete, empty answer: never back, and only once."""
    now, lookback = ledger.read_to + after, Lookback(HOUR + 600, 3 * HOUR)
    retained = {start: column for start, column in ledger.booked.items() if start >= ledger.retained_from}
    ledger = replace(ledger, booked=retained)
    moved = counting.advance_without_data(ledger, now, lookback)
    assert moved.read_to == max(ledger.read_to, next_boundary(now, 300))
    assert all(old <= new for old, new in zip(ledger.watermarks, moved.watermarks, strict=True))
    assert moved.retained_from >= ledger.retained_from
    assert all(start >= moved.retained_from for start in moved.booked)
    assert counting.advance_without_data(moved, now, lookback) == moved
    # Booked amounts that may still be read are not submitted again.
    window = Window(
        counting.lookback_start(moved, moved.oldest_watermark, Window(moved.read_to, moved.read_to), lookback), now
    )
    indexes = range(len(moved.keys))
    points = [{start: column[index] for start, column in moved.booked.items()} for index in indexes]
    answer = Observations(window, indexes, points, [True] * len(points), [True] * len(points))
    assert not counting.book(moved, [answer], float(now), 99, lookback).amounts


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


def test_an_idle_series_costs_a_quarter_and_its_first_amount_comes_within_twenty_minutes() -> None:
    """At a period of 300 s an idle series is polled in one slot of four, and its later amounts are counted."""
    cloudwatch = CloudWatch({'send': [(START + 20_000, 7, 0)]})
    poller = Poller(cloudwatch, selection=IDLING)
    now = float(START)
    while now < START + 19_800:
        poller.poll(now)
        now += 300
    slots = 19_800 // 300
    assert poller.queries <= 2 * slots / 4 + 2 * 3
    while 'send' not in poller.submitted:
        poller.poll(now)
        now += 300
    assert now - 300 <= START + 20_000 + polling.IDLE_INTERVAL
    queries_before = poller.queries
    for _ in range(4):
        poller.poll(now)
        now += 300
    assert poller.queries - queries_before == 8, 'sends and their bounces are both polled now'
    assert poller.submitted == {'send': 7}
