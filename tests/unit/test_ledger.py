"""Promise P1: The ledger alone, tested against a CloudWatch whose amounts arrive late."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from math import ceil, lcm

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, Observations, Origin, SkippedSpan
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


class SteadyMail(CloudWatch):
    """A mail in each minute, in each series."""

    def sums(self, series: str, window: Window, period: int, now: float) -> dict[int, float]:
        ends = {start: min(start + period, int(now) // 60 * 60 + 60) for start in range(*window, period)}
        return {start: float((end - start) // 60) for start, end in ends.items() if end > start}


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
    begins: dict[str, float] = field(default_factory=dict)
    submitted: dict[str, float] = field(default_factory=dict)
    skipped: list[SkippedSpan] = field(default_factory=list)
    queries: int = 0
    counted: set[int] = field(default_factory=set)
    """The periods of which something was submitted."""

    def poll(self, now: float, skew: float = 0.0, incomplete: tuple[str, ...] = (), cut: bool = False) -> None:
        """Collect once at AWS's time `now`; our clock is off by `skew` seconds.

        The series in `incomplete` lack the status Complete, and their points too if `cut` is set.
        """
        if self.ledger is not None:
            self.ledger = counting.plan_period_change(self.ledger, self.period, now + skew)
            self.ledger = counting.reindex(self.ledger, self.selection.keys, self.begins)
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
            origin = self.ledger.origin(self.slot) if self.ledger else Origin(self.slot, period)
            answers.append(Observations(origin, window, now, [series], [points], [series not in incomplete], [True]))
        if self.ledger is None:
            if any(any(reads.complete) for reads in answers):
                opened = counting.new_ledger(self.selection.keys, period, now, self.lookback)
                self.ledger = counting.record_reads(opened, answers)
            return
        before = self.ledger
        booking = counting.book(before, answers, self.lookback)
        end = counting.finish_period_change(booking.ledger, self.period, now, self.settle_delay, self.lookback)
        keys, self.ledger = self.ledger.keys, end.ledger
        self.skipped += [*booking.skipped, *end.skipped]
        for start, column in booking.ledger.booked.items():
            if booking.amounts and sum(column) > sum(before.booked.get(start, ())):
                self.counted.add(start)
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

    def verify_totals(self, names: tuple[str, ...] = SERIES) -> None:
        """Each amount was submitted once, except amounts in skipped periods, which may be missing."""
        assert self.ledger is not None
        for series in names:
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


def inside(second: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= second < end for start, end in spans)


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
    indexes = range(len(moved.keys))
    points = [{start: column[index] for start, column in moved.booked.items()} for index in indexes]
    true = [True] * len(points)
    answer = Observations(moved.origin(99), window, float(now), moved.keys, points, true, true)
    assert not counting.book(moved, [answer], lookback).amounts


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
    window, true = Window(NOON - 2 * HOUR, NOON + 1200), [True] * len(points)
    columns = list(points), list(points.values()), [complete] * len(points), true
    return Observations(ledger.origin(8), window, answered_at, *columns)


def test_each_answer_closes_periods_by_its_own_date() -> None:
    """In a run that takes in answers of different age, each series counts as read up to the date of its own answer, and
    the older answer holds no other series back."""
    pages = [answered(RUNNING, {'send': {NOON: 1}}, NOON + 10), answered(RUNNING, {'bounce': {NOON: 2}}, NOON + 650)]
    booking = counting.book(RUNNING, pages, LOOKBACK)
    assert list(booking.ledger.watermarks) == [NOON + 300, NOON + 900]
    assert (booking.ledger.read_to, booking.ledger.read_at) == (NOON + 900, NOON + 650)
    assert booking.amounts == {0: 1.0, 1: 2.0}
    assert booking == counting.book(RUNNING, pages[::-1], LOOKBACK)


@given(st.lists(st.sampled_from((*SERIES, 'new')), unique=True).map(tuple))
def test_an_answer_is_booked_for_the_series_that_it_names(keys: tuple[str, ...]) -> None:
    """Whatever is selected by the time an answer comes, its amounts belong to the same series as before, and those of a
    series that is not asked for any more are dropped and counted when it returns."""
    page = answered(RUNNING, {'send': {NOON - 300: 15}, 'bounce': {NOON - 300: 26}}, NOON + 10)
    today = counting.reindex(RUNNING, keys)
    current = counting.rebased(page, today)
    assert current is not None
    amounts = counting.book(today, [current], LOOKBACK).amounts
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
    assert counting.rebased(page, RUNNING) == page
    current = counting.rebased(page, today)
    assert current is None or list(current.keys) == []
    assert counting.rebased(page._replace(origin=Origin(8, 300)), RUNNING) is None


def test_the_excess_is_what_there_is_now() -> None:
    """Where CloudWatch shows 10, then 4, then 10 again, the excess is 6, then 0; an answer that is older than the
    newest one says nothing of it."""
    ledger, excess = RUNNING, []
    for value, answered_at in ((10, 1), (4, 2), (10, 0), (4, 3), (10, 4), (7, 5), (12, 6), (9, 1)):
        page = answered(ledger, {'send': {NOON - 300: float(value)}}, NOON + 10.0 * answered_at)
        ledger = counting.book(ledger, [page], LOOKBACK).ledger
        excess.append(ledger.excess)
    assert excess == [0, 6, 6, 6, 0, 3, 0, 0]
    later = replace(ledger, lowered={NOON - 300: {'send': 2.0}})
    page = answered(later, {'send': {}, 'bounce': {}}, NOON + 3 * HOUR)
    page = page._replace(window=Window(NOON - HOUR, NOON + 3 * HOUR))
    assert later.excess == 2
    assert counting.book(later, [page], LOOKBACK).ledger.excess == 0, 'the period is not read any more'


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
