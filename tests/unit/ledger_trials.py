"""A CloudWatch whose amounts arrive late, and what asks it and books: shared by the tests of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import booking
from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.blocks import joined
from datadog_checks.amazon_ses.cloudwatch.booking import Observations
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, Origin, SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.periods import Window, newest_window, period_start
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


def observed(
    points: Mapping[str, Mapping[int, float]], origin: Origin, window: Window, answered_at: float, complete: bool = True
) -> Observations:
    """The answer to a request for some counted series, with these points."""
    rows = ((position, (*sums,), (*sums.values(),), complete) for position, sums in enumerate(points.values()))
    number = len(points)
    return Observations(origin, window, answered_at, tuple(points), range(number), [True] * number, joined(rows))


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
            answers.append(observed({series: points}, origin, window, now, series not in incomplete))
        if self.ledger is None:
            if any(reads.any_complete for reads in answers):
                opened = counting.new_ledger(self.selection.keys, period, now, self.lookback)
                self.ledger = booking.record_reads(opened, answers)
            return
        before = self.ledger
        booked = booking.book(before, answers, self.lookback)
        end = counting.finish_period_change(booked.ledger, self.period, now, self.settle_delay, self.lookback)
        keys, self.ledger = self.ledger.keys, end.ledger
        self.skipped += [*booked.skipped, *end.skipped]
        for start, column in booked.ledger.booked.items():
            if booked.amounts and sum(column) > sum(before.booked.get(start, ())):
                self.counted.add(start)
        for index, amount in booked.amounts.items():
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


ORDERS = [SERIES, SERIES[::-1], ('send',), ('bounce',), ('new', 'bounce', 'send')]


MANY = tuple(f'series-{number:02}' for number in range(12))
some_keys = st.lists(st.sampled_from(MANY), unique=True).map(tuple)
"""A subset of many series in any order, so that every index changes."""
