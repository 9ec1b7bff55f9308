"""The ledger: how the amounts of CloudWatch become counts that add up.

CloudWatch answers with the sum of each period, and that sum grows: while the period runs, and for some time after it
has ended. The ledger remembers, for each series and period, how much was already handed over, so that every answer is
worth exactly the difference. Reading the same period again is free and changes nothing; a failed, partial or repeated
answer changes nothing either.

Words, all of them in epoch seconds and aligned to the period:

- `since`: counting starts here. Periods before it are never counted. A series that an option added later has a
  boundary of its own, in `born`.
- `read_to`: the end of the newest period that was asked for and answered; `read_at`: when.
- mark: for a series, everything before it was read, and re-read as far back as late data is waited for (`late`).
  All series share `swept_to`; those that were not answered then are in `behind` with a mark of their own.
- horizon: for a series, its mark minus `late`, but never before counting started. Below it nothing is counted again,
  so booked amounts are forgotten there. It follows the marks: it moves with a successful answer only, and never back.
- `closing`: the boundary at which the ledger ends because the option `period` was edited.

A clock that is wrong cannot make the ledger count twice, because horizons never move back; and it cannot close a
period early, because an answer speaks only for the time before its own date (`answered_at`, AWS's clock).

Not promised: amounts that appear more than `timeframe` after the end of their period, and amounts that CloudWatch
lowers after they were handed over (they are reported as shrunk).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import lcm
from typing import NamedTuple

SWEEP_EVERY = 1200
"""Seconds between two reads of the whole window; reads in between ask for the newest periods only."""

NEWEST_PERIODS = 3
"""Periods that every read asks for: the unfinished one and the two before it."""

FAILOVER_GAP = 1.5
"""Periods between two answers above which another Agent may have counted in between."""

FAILOVER_WAIT = 2
"""Periods that an Agent which takes over leaves to the one before it, more than that would fill after a gap."""


class Window(NamedTuple):
    """A span of whole periods: `start` inclusive, `end` exclusive, in epoch seconds."""

    start: int
    end: int


class GivenUp(NamedTuple):
    """Periods of `period` seconds from `start` to `end` whose missing amounts will not be counted, and why.

    `reason` is backfill_limit (unread for longer than the limit), failover (another Agent may have counted them),
    state_lost (the newest saved state was damaged), late_growth (read, but closed before the wait for late data was
    over) or period_change (the same, because the option `period` was edited).
    """

    start: int
    end: int
    reason: str
    period: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back the ledger looks, in seconds before a mark, from the options `timeframe` and `backfill_limit`.

    A mark lies up to a period after the answer, and a period's start one before its end: so to wait for late data for
    some time after a period has ended, `late` is that time and two periods.
    `failover` says that another Agent may count in turn with this one, without sharing its state.
    """

    late: int
    backfill: int
    failover: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What CloudWatch said of one series: the sum of each period by its start, and whether that was all of it."""

    points: Mapping[int, float]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was counted so far for one account in one Region. Series are named by any stable text.

    `floor` is `since`, or a later boundary at which counting went on after a gap or an edit. `doubtful` says that more
    may have been handed over than is booked here, because a newer state was lost.
    """

    period: int
    since: int
    floor: int
    late: int
    read_at: float
    read_to: int
    swept_to: int
    closing: int | None = None
    behind: Mapping[str, int] = field(default_factory=dict)
    born: Mapping[str, int] = field(default_factory=dict)
    booked: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    shrunk: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    doubtful: bool = False

    @property
    def oldest_mark(self) -> int:
        return min([self.swept_to, *self.behind.values()])

    def mark(self, series: str) -> int:
        return self.behind.get(series, self.swept_to)

    def floor_of(self, series: str) -> int:
        return max(self.floor, self.born.get(series, self.floor))

    def horizon(self, series: str) -> int:
        return max(self.floor_of(series), align(self.mark(series) - self.late, self.period))


@dataclass(frozen=True, slots=True)
class Booking:
    """The outcome of one answer: the next ledger, what to hand over by series, and what was lost on the way."""

    ledger: Ledger
    amounts: Mapping[str, float] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = ()
    shrunk: float = 0.0


def align(instant: float, period: int) -> int:
    """The start of the period in which `instant` lies."""
    return int(instant // period) * period


def end_of(instant: float, period: int) -> int:
    """The first boundary after `instant`."""
    return align(instant, period) + period


def window(ledger: Ledger | None, now: float, period: int, settle_delay: int, reach: Reach) -> Window:
    """The periods to ask for now: the newest ones, and the whole re-read window when that is due.

    The newest ones reach back to the newest settled period, which the gauges show. `period` is the option's; a ledger
    keeps its own until it is closed.
    """
    if ledger is not None:
        period = ledger.period
    end = end_of(now, period)
    settled = align(settle_delay + period - 1, period) + 2 * period
    start = end - max(NEWEST_PERIODS * period, settled)
    if ledger is not None and sweep_is_due(ledger, end):
        late = align(ledger.oldest_mark - min(ledger.late, reach.late), period)
        start = min(start, max(ledger.floor, late, align(end - reach.backfill, period)))
    return Window(start, end)


def sweep_is_due(ledger: Ledger, end: int) -> bool:
    """Whether the whole window is asked for: every `SWEEP_EVERY`, after a gap, while a series lags, before closing."""
    gap = end - ledger.read_to >= NEWEST_PERIODS * ledger.period
    return gap or bool(ledger.behind) or ledger.closing is not None or end - ledger.swept_to >= SWEEP_EVERY


def opened(period: int, answered_at: float, reach: Reach) -> Ledger:
    """A new ledger: counting starts with the first period that begins after `answered_at`, the first good answer.

    Where Agents take turns it starts later, by the gap that the Agent before may still fill, so that no period is
    counted by both.
    """
    end = end_of(answered_at, period)
    since = end + (FAILOVER_WAIT * period if reach.failover else 0)
    return Ledger(period, since, since, reach.late, read_at=answered_at, read_to=end, swept_to=since)


def book(ledger: Ledger, asked: Window, answers: Mapping[str, Answered], answered_at: float, reach: Reach) -> Booking:
    """Compare an answer with what was handed over before, and hand over the difference.

    `answers` holds every series that was asked for, complete or not. `answered_at` is AWS's clock: whatever ours says,
    the answer can know nothing later.
    """
    if not any(answer.complete for answer in answers.values()):
        return Booking(ledger)
    if ledger.doubtful:
        return reopened(ledger, answered_at, reach, 'state_lost')
    end = min(asked.end, end_of(answered_at, ledger.period))
    if reach.failover and answered_at - ledger.read_at > FAILOVER_GAP * ledger.period:
        return reopened(ledger, answered_at, reach, 'failover')
    limit = align(end - reach.backfill, ledger.period)
    if ledger.closing is not None:
        end = min(end, ledger.closing)
    ledger = replace(ledger, late=min(ledger.late, reach.late))

    marks: dict[str, int] = {}
    given_up: set[GivenUp] = set()
    for series, answer in answers.items():
        mark, horizon = ledger.mark(series), ledger.horizon(series)
        if answer.complete and end > mark and asked.start <= max(horizon, limit):
            given_up.update(_closed_early(horizon, mark - ledger.period, min(limit, end), ledger.period))
            mark = end
        marks[series] = mark
    swept_to = max(ledger.swept_to, *marks.values())
    # A longer wait for late data is grown into: at once, horizons would move back over amounts already forgotten.
    grown = ledger.late + min(mark - ledger.mark(series) for series, mark in marks.items())
    after = replace(
        ledger,
        late=max(ledger.late, min(reach.late, grown)),
        read_at=max(ledger.read_at, answered_at),
        read_to=max(ledger.read_to, end),
        swept_to=swept_to,
        behind={series: mark for series, mark in marks.items() if mark < swept_to},
    )

    amounts: dict[str, float] = {}
    booked: dict[str, Mapping[int, float]] = {}
    shrunk: dict[str, Mapping[int, float]] = {}
    lost = 0.0
    for series in {**ledger.booked, **answers}:
        known, fallen = dict(ledger.booked.get(series, {})), dict(ledger.shrunk.get(series, {}))
        if series in answers:
            amount, newly_lost = _count(known, fallen, answers[series].points, ledger.horizon(series), ledger.closing)
            lost += newly_lost
            if amount:
                amounts[series] = amount
        horizon = after.horizon(series)
        for kept, periods in ((booked, known), (shrunk, fallen)):
            if any(start >= horizon for start in periods):
                kept[series] = {start: value for start, value in periods.items() if start >= horizon}
    return Booking(replace(after, booked=booked, shrunk=shrunk), amounts, tuple(sorted(given_up)), lost)


def _count(
    known: dict[int, float], fallen: dict[int, float], points: Mapping[int, float], horizon: int, ceiling: int | None
) -> tuple[float, float]:
    """Book what grew in `known` and what fell in `fallen`; return both amounts. Only what grew is handed over."""
    amount = lost = 0.0
    for start, value in points.items():
        if start < horizon or (ceiling is not None and start >= ceiling):
            continue
        before = known.get(start, 0.0)
        if value > before:
            amount += value - before
            known[start] = value
        elif before - value > fallen.get(start, 0.0):
            lost += before - value - fallen.get(start, 0.0)
            fallen[start] = before - value
    return amount, lost


def _closed_early(horizon: int, last_read: int, limit: int, period: int) -> Iterable[GivenUp]:
    """The periods before the backfill limit, when a mark moves past them without their having been asked for."""
    if horizon < min(last_read, limit):
        yield GivenUp(horizon, min(last_read, limit), 'late_growth', period)
    if max(horizon, last_read) < limit:
        yield GivenUp(max(horizon, last_read), limit, 'backfill_limit', period)


def reopened(ledger: Ledger, answered_at: float, reach: Reach, reason: str) -> Booking:
    """Go on counting at a later boundary, where what was handed over in between is not known."""
    fresh = opened(ledger.period, answered_at, reach)
    floor = max(fresh.floor, ledger.floor)
    fresh = replace(fresh, since=ledger.since, floor=floor, swept_to=floor, born=ledger.born)
    horizon = max(ledger.floor, align(ledger.oldest_mark - ledger.late, ledger.period))
    last_read = max(horizon, ledger.read_to - ledger.period)
    spans = (
        GivenUp(horizon, last_read, 'late_growth', ledger.period),
        GivenUp(last_read, floor, reason, ledger.period),
    )
    return Booking(fresh, given_up=tuple(span for span in spans if span.start < span.end))


def enrolled(ledger: Ledger, named: Iterable[str], now: float) -> Ledger:
    """The ledger with exactly these series born: a new one counts from the first boundary after `now`."""
    born = {series: ledger.born.get(series, end_of(now, ledger.period)) for series in named}
    return ledger if born == ledger.born else replace(ledger, born=born)


def closing(ledger: Ledger, period: int, now: float) -> Ledger:
    """The ledger with a closing boundary, common to both periods, where the option `period` differs from its own."""
    if period == ledger.period:
        return ledger if ledger.closing is None else replace(ledger, closing=None)
    both = lcm(period, ledger.period)
    if ledger.closing is not None and ledger.closing % both == 0:
        return ledger
    return replace(ledger, closing=align(max(now, ledger.read_to, ledger.floor) + both - 1, both))


def closed(ledger: Ledger, period: int, answered_at: float, settle_delay: int, reach: Reach) -> Booking:
    """The ledger in its new period, once everything before the closing boundary was read and had time to settle.

    Until then the old period goes on being asked for, so that no period is cut. What grows later is given up, and so
    is a series that could not be read for as long as `backfill_limit`.
    """
    boundary = ledger.closing
    if boundary is None or ledger.read_to < boundary or answered_at < boundary + settle_delay:
        return Booking(ledger)
    if ledger.oldest_mark < boundary and answered_at < boundary + reach.backfill:
        return Booking(ledger)
    horizon = max(ledger.floor, align(ledger.oldest_mark - ledger.late, ledger.period))
    given_up = (GivenUp(horizon, boundary, 'period_change', ledger.period),) if horizon < boundary else ()
    fresh = Ledger(
        period,
        ledger.since,
        floor=boundary,
        late=reach.late,
        read_at=ledger.read_at,
        read_to=boundary,
        swept_to=boundary,
        born=ledger.born,
    )
    return Booking(fresh, given_up=given_up)
