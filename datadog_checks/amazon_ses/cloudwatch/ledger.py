"""The ledger: how the amounts of CloudWatch become counts that add up.

CloudWatch answers with the sum of each period, and that sum grows: while the period runs, and for some time after it
has ended. The ledger remembers, for each series and period, how much was already handed over, so that every answer is
worth exactly the difference. Reading the same period again is free and changes nothing; a failed, partial or repeated
answer changes nothing either.

Words, all of them in epoch seconds and aligned to the period:

- `since`: counting starts here. Periods before it are never counted. A series that an option added later has a
  boundary of its own, in `born`.
- `read_to`: the end of the newest period that was asked for and answered; `read_at`: when.
- mark: for a series, everything before it was read, and re-read as far back as late data is waited for
  (`Reach.late`).
- horizon: for a series, its mark minus that, but never before counting started. Below it nothing is counted again.
  It follows the mark, which moves with a complete answer only, and never back.
- `kept_from`: what was booked is remembered from here on, for every series. So horizons may move back to it, as when
  `timeframe` grows or a series returns, without that anything is counted twice.
- `closing`: the boundary at which the ledger ends because the option `period` was edited.

A clock that is wrong cannot make the ledger count twice, because what may be counted again is remembered; and it cannot
close a period early, because an answer speaks only for the time before its own date (`answered_at`, AWS's clock).

Not promised: amounts that appear more than `timeframe` after the end of their period, and amounts that CloudWatch
lowers after they were handed over (they are reported as shrunk).

Series have places, and what is kept of them stands in columns, a number for each place: that is compact in memory and
on the disk, and it is fast.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import lcm
from typing import NamedTuple

NEWEST_PERIODS = 3
"""Periods that every read asks for: the unfinished one and the two before it."""

FAILOVER_GAP = 1.5
"""Periods between two answers above which another Agent may have counted in between."""

FAILOVER_WAIT = 2
"""Periods that an Agent which takes over leaves to the one before it, more than that would fill after a gap."""

Column = array  # of a number for each place: 'd' amounts, 'q' times and slots


class Window(NamedTuple):
    """A span of whole periods: `start` inclusive, `end` exclusive, in epoch seconds."""

    start: int
    end: int


class GivenUp(NamedTuple):
    """Periods of `period` seconds from `start` to `end` whose missing amounts will not be counted, and why.

    `reason` is backfill_limit (unread for longer than the limit), failover (another Agent may have counted them),
    state_lost (what was handed over is not known), period_change or late_growth (read, but not re-read for as long as
    late data is waited for).
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


class Reads(NamedTuple):
    """The answer to one request: the window that was asked for, and what CloudWatch said of the series at each place.

    `points` are the sums of its periods by their start, `complete` whether that was all. `counted` is false for what
    has no count: then only that it was read is noted.
    """

    window: Window
    places: Sequence[int]
    points: Sequence[Mapping[int, float]]
    complete: Sequence[bool]
    counted: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was counted so far for one account in one Region.

    `floor` is `since`, or a later boundary at which counting went on after a gap or an edit. `keys` name the series
    that are asked for, by place; `others` have the places after them: they are not asked for any more, and their marks
    and what was booked of them are remembered. `read_in` is the slot (see schedule.py) of the last complete answer, 0
    for none; `seen` the start of the newest period with data. `doubtful` says that more may have been handed over than
    is booked here, because a newer state was lost.
    """

    period: int
    since: int
    floor: int
    kept_from: int
    read_at: float
    read_to: int
    keys: tuple[str, ...]
    marks: Column[int]
    read_in: Column[int]
    seen: Column[int]
    booked: Mapping[int, Column[float]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    shrunk: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    born: Mapping[str, int] = field(default_factory=dict)
    closing: int | None = None
    doubtful: bool = False

    @property
    def newest_mark(self) -> int:
        return max(self.marks[: len(self.keys)], default=self.floor)

    @property
    def oldest_mark(self) -> int:
        return min(self.marks[: len(self.keys)], default=self.floor)

    def floor_of(self, series: str) -> int:
        return max(self.floor, self.born.get(series, self.floor))


@dataclass(frozen=True, slots=True)
class Booking:
    """The outcome of one read: the next ledger, what to hand over by place, and what was lost on the way."""

    ledger: Ledger
    amounts: Mapping[int, float] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = ()
    shrunk: float = 0.0


def align(instant: float, period: int) -> int:
    """The start of the period in which `instant` lies."""
    return int(instant // period) * period


def end_of(instant: float, period: int) -> int:
    """The first boundary after `instant`."""
    return align(instant, period) + period


def newest(now: float, period: int, settle_delay: int) -> Window:
    """The periods that every read asks for. They reach back to the newest settled period, which the gauges show."""
    end = end_of(now, period)
    settled = align(settle_delay + period - 1, period) + 2 * period
    return Window(end - max(NEWEST_PERIODS * period, settled), end)


def whole(ledger: Ledger, mark: int, window: Window, reach: Reach) -> int:
    """Where a read must start to ask for everything that may still grow of a series with this mark."""
    late = align(mark - reach.late, ledger.period)
    limit = align(window.end - reach.backfill, ledger.period)
    return min(window.start, max(ledger.floor, ledger.kept_from, late, limit))


def opened(keys: tuple[str, ...], period: int, answered_at: float, reach: Reach) -> Ledger:
    """A new ledger: counting starts with the first period that begins after `answered_at`, the first good answer.

    Where Agents take turns it starts later, by the gap that the Agent before may still fill, so that no period is
    counted by both.
    """
    end = end_of(answered_at, period)
    since = end + (FAILOVER_WAIT * period if reach.failover else 0)
    never = array('q', [0]) * len(keys)
    return Ledger(period, since, since, since, answered_at, end, keys, array('q', [since]) * len(keys), never, never)


def book(ledger: Ledger, answers: Sequence[Reads], answered_at: float, slot: int, reach: Reach) -> Booking:
    """Compare what was read in one run with what was handed over before, and hand over the difference.

    `answered_at` is AWS's clock: whatever ours says, an answer can know nothing later.
    """
    if not any(any(reads.complete) for reads in answers):
        return Booking(ledger)
    if ledger.doubtful:
        return reopened(noted(ledger, answers, slot), answered_at, reach, 'state_lost')
    if reach.failover and answered_at - ledger.read_at > FAILOVER_GAP * ledger.period:
        return reopened(noted(ledger, answers, slot), answered_at, reach, 'failover')

    period, born, late = ledger.period, ledger.born, reach.late
    marks = ledger.marks[:]
    booked = {start: column[:] for start, column in ledger.booked.items()}
    empty = array('d', [0.0]) * (len(ledger.keys) + len(ledger.others))
    shrunk = {start: dict(series) for start, series in ledger.shrunk.items()}
    ceiling = ledger.closing
    given_up: set[GivenUp] = set()
    amounts: dict[int, float] = {}
    lost, read_to = 0.0, ledger.read_to
    for window, places, points_of, complete_of, counted_of in answers:
        end = min(window.end, end_of(answered_at, period))
        limit = align(max(end, ledger.read_to) - reach.backfill, period)
        end = end if ceiling is None else min(end, ceiling)
        read_to = max(read_to, end)
        for place, points, complete, counted in zip(places, points_of, complete_of, counted_of, strict=True):
            mark = marks[place]
            floor = max(ledger.floor, born.get(ledger.keys[place], 0)) if born else ledger.floor
            late_from = mark - late
            horizon = max(floor, late_from - late_from % period)
            if complete and end > mark and window.start <= max(horizon, ledger.kept_from, limit):
                # One that was away for longer than that has nothing remembered to go on from.
                lost_to = limit if mark - period >= ledger.kept_from else max(limit, ledger.kept_from)
                if horizon < lost_to and counted:
                    given_up.update(_closed_early(horizon, mark - period, min(lost_to, end), period))
                marks[place] = end
            if not points or not counted:
                continue
            horizon = max(horizon, ledger.kept_from)
            amount = 0.0
            for start, value in points.items():
                if start < horizon or (ceiling is not None and start >= ceiling):
                    continue
                column = booked.get(start)
                if column is None:
                    column = booked[start] = empty[:]
                before = column[place]
                if value > before:
                    amount += value - before
                    column[place] = value
                elif value < before:
                    lost += _fallen(shrunk.setdefault(start, {}), ledger.keys[place], before - value)
            if amount:
                amounts[place] = amounts.get(place, 0.0) + amount
    # Those that are not asked for are waited for as long as they could be made up for.
    limit, asked = align(read_to - reach.backfill, period), len(ledger.keys)
    oldest = min((mark for place, mark in enumerate(marks) if place < asked or mark >= limit), default=read_to)
    kept_from = max(ledger.kept_from, align(oldest - late, period), limit)
    after = replace(
        noted(ledger, answers, slot),
        kept_from=kept_from,
        read_at=max(ledger.read_at, answered_at),
        read_to=read_to,
        marks=marks,
        booked={start: column for start, column in booked.items() if start >= kept_from},
        shrunk={start: series for start, series in shrunk.items() if start >= kept_from and series},
    )
    return Booking(after, amounts, _joined(given_up), lost)


def noted(ledger: Ledger, answers: Iterable[Reads], slot: int) -> Ledger:
    """The ledger with what was read when, and nothing counted."""
    read_in, seen = ledger.read_in[:], ledger.seen[:]
    for reads in answers:
        for place, points, complete in zip(reads.places, reads.points, reads.complete, strict=True):
            if complete:
                read_in[place] = slot
            if points:
                newest_point = max(points)
                if newest_point > seen[place]:
                    seen[place] = newest_point
    return replace(ledger, read_in=read_in, seen=seen)


def _fallen(fallen: dict[str, float], series: str, by: float) -> float:
    """Book by how much an amount fell, and return what of it is new."""
    before = fallen.get(series, 0.0)
    fallen[series] = max(before, by)
    return max(0.0, by - before)


def _closed_early(horizon: int, last_read: int, limit: int, period: int) -> Iterable[GivenUp]:
    """The periods before the backfill limit, when a mark moves past them without their having been asked for."""
    if horizon < min(last_read, limit):
        yield GivenUp(horizon, min(last_read, limit), 'late_growth', period)
    if max(horizon, last_read) < limit:
        yield GivenUp(max(horizon, last_read), limit, 'backfill_limit', period)


def _joined(spans: Iterable[GivenUp]) -> tuple[GivenUp, ...]:
    """What series that were read to different marks give up for the same reason, each period once."""
    joined: list[GivenUp] = []
    for span in sorted(spans, key=lambda one: (one.reason, one.period, one.start)):
        before = joined[-1] if joined else None
        if before is not None and before[2:] == span[2:] and span.start <= before.end:
            joined[-1] = before._replace(end=max(before.end, span.end))
        else:
            joined.append(span)
    return tuple(sorted(joined))


def reopened(ledger: Ledger, answered_at: float, reach: Reach, reason: str) -> Booking:
    """Go on counting at a later boundary, where what was handed over in between is not known."""
    fresh = opened(ledger.keys, ledger.period, answered_at, reach)
    floor = max(fresh.floor, ledger.floor)
    fresh = replace(
        fresh,
        since=ledger.since,
        floor=floor,
        kept_from=floor,
        marks=array('q', [floor]) * len(ledger.keys),
        read_in=ledger.read_in,
        seen=ledger.seen,
        born=ledger.born,
    )
    horizon = max(ledger.floor, align(ledger.oldest_mark - reach.late, ledger.period))
    last_read = max(horizon, ledger.read_to - ledger.period)
    spans = (
        GivenUp(horizon, last_read, 'late_growth', ledger.period),
        GivenUp(last_read, floor, reason, ledger.period),
    )
    return Booking(fresh, given_up=tuple(span for span in spans if span.start < span.end))


def quiet(ledger: Ledger | None, keys: tuple[str, ...], period: int, now: float, reach: Reach) -> Ledger:
    """The ledger where it is known, without asking CloudWatch, that nothing happened until `now`: as if it had
    answered, completely and with nothing."""
    if ledger is None:
        return opened(keys, period, now, reach)
    end = end_of(now, ledger.period)
    if end <= ledger.read_to:
        return ledger
    marks = array('q', [max(mark, end) for mark in ledger.marks])
    kept_from = max(ledger.kept_from, align(end - reach.late, ledger.period))
    booked = {start: column for start, column in ledger.booked.items() if start >= kept_from}
    return replace(ledger, marks=marks, kept_from=kept_from, booked=booked, read_at=now, read_to=end)


def arranged(ledger: Ledger, keys: tuple[str, ...]) -> Ledger:
    """The ledger with these series asked for, in these places.

    One that is new goes out from the newest mark: it is counted as far back as late data is waited for. One that comes
    back goes on where it was, as far back as what was booked of it is remembered: nothing of it is counted again.
    """
    if keys is ledger.keys:
        return ledger
    if keys == ledger.keys:
        return replace(ledger, keys=keys)
    before = {key: place for place, key in enumerate((*ledger.keys, *ledger.others))}
    asked, chosen = len(ledger.keys), set(keys)
    marks, mark = ledger.marks, ledger.newest_mark
    places = [before.get(key, -1) for key in keys]
    gone = [place for key, place in before.items() if key not in chosen]
    gone = [place for place in gone if marks[place] >= ledger.kept_from]
    names = (*ledger.keys, *ledger.others)
    return replace(
        ledger,
        keys=keys,
        others=tuple(names[place] for place in gone),
        marks=array('q', [marks[place] if place >= 0 else mark for place in (*places, *gone)]),
        read_in=array('q', [ledger.read_in[place] if 0 <= place < asked else 0 for place in places]),
        seen=array('q', [ledger.seen[place] if 0 <= place < asked else 0 for place in places]),
        booked={
            start: array('d', [column[place] if place >= 0 else 0.0 for place in (*places, *gone)])
            for start, column in ledger.booked.items()
        },
    )


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
    horizon = max(ledger.floor, align(ledger.oldest_mark - reach.late, ledger.period))
    given_up = (GivenUp(horizon, boundary, 'period_change', ledger.period),) if horizon < boundary else ()
    fresh = replace(
        opened(ledger.keys, period, answered_at, reach),
        since=ledger.since,
        floor=boundary,
        kept_from=boundary,
        read_at=ledger.read_at,
        read_to=boundary,
        marks=array('q', [boundary]) * len(ledger.keys),
        seen=ledger.seen,
        born=ledger.born,
    )
    return Booking(fresh, given_up=given_up)
