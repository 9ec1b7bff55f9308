"""The ledger alone, against a CloudWatch whose amounts arrive late."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from math import lcm

from hypothesis import given, settings
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch import schedule
from datadog_checks.amazon_ses.cloudwatch.ledger import GivenUp, Ledger, Reach, Reads, Window
from datadog_checks.amazon_ses.cloudwatch.selection import Pace, Selection
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state import encoding
from datadog_checks.amazon_ses.state.document import from_document, to_document

HOUR = 3600
START = 1_790_000_100
SERIES = ('send', 'bounce')
SELECTED = Selection(keys=SERIES, paces=bytes([Pace.STEADY] * 2), leaders=[-1] * 2)
IDLING = Selection(keys=SERIES, paces=bytes([Pace.NORMAL, Pace.FEEDBACK]), leaders=[-1, 0])


@dataclass
class CloudWatch:
    """Amounts as (second, amount, delay) by series: each is seen from its second plus its delay on."""

    events: dict[str, list[tuple[int, int, int]]]

    def sums(self, series: str, window: Window, period: int, now: float) -> dict[int, float]:
        points: dict[int, float] = {}
        for second, amount, delay in self.events.get(series, ()):
            start = counting.align(second, period)
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
class Counter:
    """What the check does with a ledger: plan what is due, ask for it batch by batch, book, close."""

    cloudwatch: CloudWatch
    period: int = 300
    settle_delay: int = 300
    reach: Reach = Reach(HOUR + 600, 3 * HOUR)
    selection: Selection = SELECTED
    ledger: Ledger | None = None
    slot: int = 0
    handed: dict[str, float] = field(default_factory=dict)
    given_up: list[GivenUp] = field(default_factory=list)
    asked: int = 0

    def read(self, now: float, skew: float = 0.0, incomplete: tuple[str, ...] = (), cut: bool = False) -> None:
        """One collection at AWS's time `now`, with our clock off by `skew`; `incomplete` series come without status
        Complete, and without points where `cut`."""
        if self.ledger is not None:
            self.ledger = counting.closing(self.ledger, self.period, now + skew)
            self.ledger = counting.arranged(self.ledger, self.selection.keys)
        period = self.period if self.ledger is None else self.ledger.period
        # As planning.py numbers them.
        self.slot = max(self.slot + 1, round((now + skew) / period))
        newest = counting.newest(now + skew, period, self.settle_delay)
        due = schedule.due(self.selection, self.ledger, newest, self.slot, self.reach)
        self.asked += len(due.starts)
        answers = []
        for place, start in due.starts.items():
            series, window = self.selection.keys[place], Window(start, newest.end)
            points = {} if series in incomplete and cut else self.cloudwatch.sums(series, window, period, now)
            answers.append(Reads(window, [place], [points], [series not in incomplete], [True]))
        if self.ledger is None:
            if any(any(reads.complete) for reads in answers):
                opened = counting.opened(self.selection.keys, period, now, self.reach)
                self.ledger = counting.noted(opened, answers, self.slot)
            return
        booking = counting.book(self.ledger, answers, now, self.slot, self.reach)
        end = counting.closed(booking.ledger, self.period, now, self.settle_delay, self.reach)
        keys, self.ledger = self.ledger.keys, end.ledger
        self.given_up += [*booking.given_up, *end.given_up]
        for place, amount in booking.amounts.items():
            self.handed[keys[place]] = self.handed.get(keys[place], 0.0) + amount

    def restart(self) -> None:
        """Go on with what was saved: it must be all there is."""
        if self.ledger is not None:
            saved = encoding.pack(to_document(Progress(ledger=self.ledger)), 7)
            loaded = encoding.load([saved, ''], '7')
            assert loaded.document is not None and loaded.exact
            ledger = from_document(loaded.document).ledger
            assert ledger == self.ledger
            self.ledger = ledger

    def choose(self, keys: tuple[str, ...]) -> None:
        """Ask for these series from now on."""
        self.selection = Selection(keys=keys, paces=bytes([Pace.NORMAL] * len(keys)), leaders=[-1] * len(keys))

    def settle(self, now: float) -> float:
        """Clean collections until nothing can arrive any more."""
        for _ in range(2 * (self.reach.late + 2 * schedule.ROUND) // 300):
            now += 300
            self.read(now)
        return now

    def check(self) -> None:
        """All amounts were handed over but those of periods that were given up, and none twice."""
        assert self.ledger is not None
        for series in SERIES:
            since = self.ledger.since
            truth = self.cloudwatch.total(series, [(since, 2 * START)])
            missable = self.cloudwatch.total(series, [(max(since, span.start), span.end) for span in self.given_up])
            handed = self.handed.get(series, 0.0)
            assert handed <= truth, (series, self.given_up, self.ledger)
            assert handed >= truth - missable, (series, self.given_up, self.ledger)


def events(
    span: int, most_delay: int, names: tuple[str, ...] = SERIES
) -> st.SearchStrategy[dict[str, list[tuple[int, int, int]]]]:
    event = st.tuples(st.integers(START, START + span), st.integers(1, 50), st.integers(0, most_delay))
    return st.fixed_dictionaries({series: st.lists(event, max_size=25) for series in names})


selections = st.sampled_from([SELECTED, IDLING])
"""Series that are asked for in each slot, and series that idle."""

step = st.fixed_dictionaries(
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
def test_counts_add_up_through_everything(data: st.DataObject) -> None:
    """Whatever fails, comes late or is edited, all amounts are handed over once or their period is reported."""
    steps = data.draw(st.lists(step, max_size=25))
    span = sum(step['pause'] for step in steps) + HOUR
    most_delay = 900
    counter = Counter(CloudWatch(data.draw(events(span, most_delay))), selection=data.draw(selections))
    now = float(START)
    counter.read(now)
    for one in steps:
        now += one['pause']
        if one['period']:
            counter.period = one['period']
        if one['timeframe'] or one['period']:
            late = max(one['timeframe'] or HOUR, 3 * counter.period) + 2 * counter.period
            counter.reach = Reach(late, max(3 * HOUR, late + schedule.ROUND + counter.period))
        if one['restart']:
            counter.restart()
        if not one['fails']:
            counter.read(now, one['skew'], one['incomplete'], one['cut'])
    counter.settle(now)
    counter.check()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_is_given_up_without_a_reason(data: st.DataObject) -> None:
    """Within the backfill limit, with right clocks and no edits, the counts equal CloudWatch's final sums exactly."""
    pauses = data.draw(st.lists(st.integers(1, HOUR), max_size=25))
    reach = Reach(HOUR + 600, backfill=sum(pauses) + 12 * HOUR)
    cloudwatch = CloudWatch(data.draw(events(sum(pauses) + HOUR, HOUR)))
    counter = Counter(cloudwatch, reach=reach, selection=data.draw(selections))
    now = float(START)
    counter.read(now)
    for pause in pauses:
        now += pause
        counter.read(now, incomplete=data.draw(st.sets(st.sampled_from(SERIES), max_size=1).map(tuple)))
    counter.settle(now)
    assert counter.given_up == []
    assert counter.ledger is not None
    for series in SERIES:
        truth = counter.cloudwatch.total(series, [(counter.ledger.since, 2 * START)])
        assert counter.handed.get(series, 0.0) == truth, (series, truth, counter.handed, counter.ledger)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_two_agents_in_turn_never_count_the_same_amount(data: st.DataObject) -> None:
    """Agents that take turns without sharing their state hand over no amount twice."""
    turns = data.draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 12), st.integers(30, 400)), max_size=12))
    span = sum(reads * pause for _, reads, pause in turns) + HOUR
    cloudwatch = CloudWatch(data.draw(events(span, 600)))
    reach = Reach(HOUR + 600, 3 * HOUR, failover=True)
    agents = [Counter(cloudwatch, reach=reach), Counter(cloudwatch, reach=reach)]
    now = float(START)
    for agent, reads, pause in turns:
        for _ in range(reads):
            now += pause
            agents[agent].read(now)
    for series in SERIES:
        handed = sum(agent.handed.get(series, 0.0) for agent in agents)
        assert handed <= cloudwatch.total(series, [(0, 2 * START)])
    for agent in agents:
        if agent.ledger is not None:
            assert all(span.reason in ('failover', 'late_growth') for span in agent.given_up)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_series_that_come_and_go_are_not_counted_twice(data: st.DataObject) -> None:
    """A series that is left out for a while and comes back, in whatever place, hands over no amount twice."""
    turns = data.draw(st.lists(st.tuples(st.sampled_from(ORDERS), st.integers(30, 2000)), max_size=20))
    cloudwatch = CloudWatch(data.draw(events(sum(pause for _, pause in turns) + HOUR, HOUR)))
    counter = Counter(cloudwatch)
    now = float(START)
    counter.read(now)
    for keys, pause in turns:
        now += pause
        counter.choose(keys)
        counter.read(now)
    assert counter.ledger is not None
    for series in SERIES:
        truth = cloudwatch.total(series, [(counter.ledger.since, 2 * START)])
        assert counter.handed.get(series, 0.0) <= truth, (series, counter.ledger)


ORDERS = [SERIES, SERIES[::-1], ('send',), ('bounce',), ('new', 'bounce', 'send')]


MANY = tuple(f'series-{number:02}' for number in range(12))
chosen = st.lists(st.sampled_from(MANY), unique=True).map(tuple)
"""Some of many series, in any order, so that all places change."""


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_series_that_are_away_for_a_while_lose_nothing(data: st.DataObject) -> None:
    """Whatever is left out and comes back within the backfill limit, restarts in between: all amounts are counted."""
    pauses = data.draw(st.lists(st.integers(30, HOUR), max_size=20))
    reach = Reach(HOUR + 600, backfill=sum(pauses) + 12 * HOUR)
    cloudwatch = CloudWatch(data.draw(events(sum(pauses) + HOUR, HOUR, MANY)))
    counter = Counter(cloudwatch, reach=reach)
    counter.choose(MANY)
    now = float(START)
    counter.read(now)
    for pause in pauses:
        now += pause
        counter.choose(data.draw(chosen))
        counter.read(now, incomplete=data.draw(chosen), cut=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            counter.restart()
    counter.choose(MANY[::-1])
    counter.settle(now)
    assert counter.ledger is not None and counter.given_up == []
    for series in MANY:
        truth = cloudwatch.total(series, [(counter.ledger.since, 2 * START)])
        assert counter.handed.get(series, 0.0) == truth, (series, counter.ledger)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_a_series_misses_that_was_away_for_too_long_is_reported(data: st.DataObject) -> None:
    """A series that comes back after the backfill limit, as after a restart when it is listed late, reports what it
    cannot count any more, and in the meantime nothing is remembered for its sake."""
    away = data.draw(st.integers(4 * HOUR, 20 * HOUR))
    counter = Counter(CloudWatch(data.draw(events(away + 2 * HOUR, 900))))
    now = float(START)
    for _ in range(12):
        counter.read(now)
        now += 300
    counter.choose(SERIES[:1])
    now += data.draw(st.sampled_from([0, away]))
    while now < START + HOUR + away:
        counter.read(now)
        now += 300
    assert counter.ledger is not None and len(counter.ledger.booked) <= counter.reach.late // 300 + 6
    counter.choose(SERIES)
    counter.settle(now)
    counter.check()


def ledgers() -> st.SearchStrategy[Ledger]:
    """Ledgers with some series that are asked for and some that are not, each with an amount of its own."""

    def made(keys: tuple[str, ...], asked: int, marks: list[int], starts: list[int]) -> Ledger:
        whole = len(keys)
        return Ledger(
            period=300,
            since=START,
            floor=START,
            kept_from=START + 300 * min(starts, default=0),
            read_at=START + 30_000.0,
            read_to=START + 30_300,
            keys=keys[:asked],
            marks=array('q', [START + 300 * mark for mark in marks[:whole]]),
            read_in=array('q', [place + 1 for place in range(min(asked, whole))]),
            seen=array('q', [START + place for place in range(min(asked, whole))]),
            booked={
                START + 300 * start: array('d', [1000.0 * start + place for place in range(whole)]) for start in starts
            },
            others=keys[asked:],
        )

    return st.builds(
        made,
        chosen,
        st.integers(0, len(MANY)),
        st.lists(st.integers(0, 100), min_size=len(MANY), max_size=len(MANY)),
        st.lists(st.integers(0, 100), unique=True, max_size=6),
    )


def of_series(ledger: Ledger) -> dict[str, tuple[int, dict[int, float]]]:
    """What is remembered of each series, wherever it stands: its mark and what was booked."""
    names = (*ledger.keys, *ledger.others)
    return {
        name: (ledger.marks[place], {start: column[place] for start, column in ledger.booked.items()})
        for place, name in enumerate(names)
    }


@given(ledgers(), chosen)
def test_arranging_changes_places_and_nothing_else(ledger: Ledger, keys: tuple[str, ...]) -> None:
    """Each series keeps its mark and its amounts in whatever place; what is new begins at the newest mark with nothing
    booked; of what is not asked for, only that is forgotten which nothing may be counted of any more."""
    after = counting.arranged(ledger, keys)
    before, now = of_series(ledger), of_series(after)
    assert after.keys == keys
    assert {len(after.marks), *map(len, after.booked.values())} == {len(now)} or not now
    assert len(after.read_in) == len(after.seen) == len(keys)
    assert len(now) == len(after.keys) + len(after.others), 'no series has two places'
    for name in keys:
        assert now[name] == before.get(name, (ledger.newest_mark, dict.fromkeys(ledger.booked, 0.0)))
    for name in before.keys() - set(keys):
        assert now.get(name) == before[name] or before[name][0] < ledger.kept_from
    assert counting.arranged(after, keys) == after
    assert counting.arranged(counting.arranged(after, ledger.keys), keys).keys == keys


@given(ledgers(), st.integers(-HOUR, 20 * HOUR), st.booleans())
def test_quiet_is_an_answer_with_nothing(ledger: Ledger, after: int, closes: bool) -> None:
    """While nothing goes on a ledger moves as if it had read nothing, completely: never back, and never twice."""
    now, reach = ledger.read_to + after, Reach(HOUR + 600, 3 * HOUR)
    ledger = replace(ledger, booked={start: one for start, one in ledger.booked.items() if start >= ledger.kept_from})
    moved = counting.quiet(ledger, ledger.keys, 300, now, reach)
    assert moved.read_to == max(ledger.read_to, counting.end_of(now, 300))
    assert all(old <= new for old, new in zip(ledger.marks, moved.marks, strict=True))
    assert moved.kept_from >= ledger.kept_from
    assert all(start >= moved.kept_from for start in moved.booked)
    assert counting.quiet(moved, moved.keys, 300, now, reach) == moved
    # What was booked and may still be asked for is not handed over again.
    window = counting.Window(counting.whole(moved, moved.oldest_mark, Window(moved.read_to, moved.read_to), reach), now)
    places = range(len(moved.keys))
    points = [{start: column[place] for start, column in moved.booked.items()} for place in places]
    answer = Reads(window, places, points, [True] * len(points), [True] * len(points))
    assert not counting.book(moved, [answer], float(now), 99, reach).amounts


@given(ledgers(), st.sampled_from([60, 300, 420, 900, HOUR]), st.integers(-2 * HOUR, 6 * HOUR))
def test_closing_ends_the_ledger_at_a_common_boundary(ledger: Ledger, period: int, after: int) -> None:
    """An edited period takes place at a boundary of both, when everything before was read, or cannot be read any more;
    what is lost is reported in the old period, and nothing is counted on both sides of the boundary."""
    reach = Reach(HOUR + 600, 3 * HOUR)
    ending = counting.closing(ledger, period, ledger.read_at)
    if period == ledger.period:
        assert ending == ledger
        return
    boundary = ending.closing
    assert boundary is not None and boundary % lcm(period, 300) == 0 and boundary >= ledger.read_to
    assert counting.closing(ending, period, ledger.read_at + HOUR) == ending
    ending = replace(ending, read_to=boundary)
    end = counting.closed(ending, period, float(boundary + after), 300, reach)
    read = ending.oldest_mark >= boundary or after >= reach.backfill
    assert (end.ledger.period == period) == (read and after >= 300)
    if end.ledger.period != period:
        assert end.ledger == ending and end.given_up == ()
        return
    assert (end.ledger.floor, end.ledger.kept_from, end.ledger.booked) == (boundary, boundary, {})
    assert set(end.ledger.marks) <= {boundary}
    assert all(span.period == 300 and span.end == boundary for span in end.given_up)


def test_an_idle_series_costs_a_quarter_and_its_first_amount_comes_within_twenty_minutes() -> None:
    """At a period of 300 s an idle series is asked for in one slot of four, and what then happens is counted."""
    cloudwatch = CloudWatch({'send': [(START + 20_000, 7, 0)]})
    counter = Counter(cloudwatch, selection=IDLING)
    now = float(START)
    while now < START + 19_800:
        counter.read(now)
        now += 300
    slots = 19_800 // 300
    assert counter.asked <= 2 * slots / 4 + 2 * 3
    while 'send' not in counter.handed:
        counter.read(now)
        now += 300
    assert now - 300 <= START + 20_000 + schedule.ROUND
    before = counter.asked
    for _ in range(4):
        counter.read(now)
        now += 300
    assert counter.asked - before == 8, 'both are asked for now: the bounces of what sent within the hour as well'
    assert counter.handed == {'send': 7}
