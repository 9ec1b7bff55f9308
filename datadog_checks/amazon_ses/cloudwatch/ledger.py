"""The ledger: how the amounts of CloudWatch become counts that add up.

CloudWatch answers with the sum of each period, and that sum grows: while the period runs, and for some time after it
has ended. The ledger remembers for each series and period the amount that was already submitted, and submits only the
difference. Reading the same period again is free and changes nothing; nor does a failed, partial or repeated answer.

Terms, all of them epoch seconds and period boundaries:

- `since`: the boundary at which counting began. Periods before it are never counted. A series that an option named
  later has a boundary of its own, in `series_since`.
- `counting_from`: `since`, or a later boundary at which counting went on after a gap or an edit.
- watermark: for each series, everything before it was read, and was read again for as long as late data is waited for.
- unread series: one that was never answered completely. Its watermark is the boundary from which its amounts are owed:
  what is given up after that is reported.
- open period: one that may still be counted for a series. The first one lies the allowed lateness before the watermark;
  of an unread series, `backfill` before the answer.
- `retained_from`: amounts of periods from here on are remembered, for every series.
- `forgotten_before`: no series of which nothing is remembered any more was ever counted from here on.
- `read_to`: the end of the newest period that was asked for and answered; `read_at`: when.
- `closes_at`: the boundary at which the ledger ends because the option `period` was edited.

Rules:

1. A watermark moves with a complete answer only, and never back. Periods before the first open one are never counted.
2. Amounts are remembered from `retained_from` on, so a series may be read again back to there (a longer `timeframe`, a
   series that returns) and nothing is counted twice. A wrong clock can therefore mute the ledger but not double it.
3. An unread series is counted by a complete answer only, and by that one back to `forgotten_before` at most: nothing of
   it was counted before. Its amounts before `retained_from` need not be remembered, because the same booking moves its
   watermark past them.
4. An answer says nothing about the time after its own date (`answered_at`, AWS's clock), so a clock that runs ahead
   closes no period early.
5. An answer is booked by series key. It is dropped where the ledger was opened anew since its request (`Origin`).

Not promised: amounts that appear more than `timeframe` after the end of their period, and amounts that CloudWatch
lowers after they were submitted (reported as `lowered`).

Inside the ledger a series is known by its index, and columns hold a number for each index: they are compact in memory
and on the disk, and fast to copy.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, lcm
from types import MappingProxyType
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.periods import Window, next_boundary, period_start

FAILOVER_GAP = 1.5
"""Periods or collection intervals, whichever is longer, between two answers above which another Agent may have counted
in between."""

STATE_LOST, ANOTHER_WRITER, FAILOVER = 'state_lost', 'another_writer', 'failover'
"""Reasons for which nobody knows whether a period was counted."""

Column = array  # of a number for each index: 'd' amounts, 'q' times and slots


class SkippedSpan(NamedTuple):
    """Periods of `period` seconds from `start` to `end` whose missing amounts will not be counted, and why.

    `reason` is backfill_limit (unread for longer than the limit), failover (another Agent may have counted them),
    state_lost (the submitted amounts are not known), another_writer (another process wrote the same state),
    period_change or late_growth (read, but not again for as long as late data is waited for).
    """

    start: int
    end: int
    reason: str
    period: int

    @property
    def unknown(self) -> bool:
        """Whether the amounts may have been counted, or counted twice; else nobody counted them."""
        return self.reason in (STATE_LOST, ANOTHER_WRITER, FAILOVER)


@dataclass(frozen=True, slots=True)
class Lookback:
    """How far back the ledger reads, in seconds before a watermark, from the options `timeframe` and `backfill_limit`.

    A watermark lies up to a period after the answer, and a period starts its length before its end: `allowed_lateness`
    is therefore the time for which late data is waited for after the end of a period, and two periods.
    `failover_interval` is the collection interval where another Agent may count in turn with this one without sharing
    its state, else 0. `observed` is for how long this process ran before this run without counting.
    """

    allowed_lateness: int
    backfill: int
    failover_interval: float = 0.0
    observed: float = 0.0


class Origin(NamedTuple):
    """The state that a request was made from: the slot, the period, and the boundaries of the ledger. An answer counts
    only while these boundaries are in force. `since` is None where there was no ledger yet."""

    slot: int
    period: int
    since: int | None = None
    counting_from: int = 0
    series_since: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ledger:
    """The amounts counted so far for one account in one Region.

    `keys` name the series that are asked for, by index; `inactive_keys` have the indexes after them: these series are
    not asked for now, and their watermarks and amounts are remembered. `read_slots` is the slot (see slots.py) of the
    last complete answer, 0 for none; `newest_data` the start of the newest period with data. `booked` are the submitted
    amounts by period start, `lowered` by how much they exceed CloudWatch's newest answer. `unread` are the keys that
    were never answered completely. `doubt` is the reason for which more may have been submitted than is booked here, or
    empty.
    """

    period: int
    since: int
    counting_from: int
    retained_from: int
    read_at: float
    read_to: int
    keys: tuple[str, ...]
    watermarks: Column[int]
    read_slots: Column[int]
    newest_data: Column[int]
    booked: Mapping[int, Column[float]] = field(default_factory=dict)
    inactive_keys: tuple[str, ...] = ()
    lowered: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    series_since: Mapping[str, int] = field(default_factory=dict)
    closes_at: int | None = None
    doubt: str = ''
    unread: frozenset[str] = frozenset()
    forgotten_before: int = 0

    @property
    def oldest_watermark(self) -> int:
        return min(self.watermarks[: len(self.keys)], default=self.counting_from)

    @property
    def excess(self) -> float:
        """By how much the submitted amounts of the remembered periods exceed CloudWatch's newest answers."""
        return sum(sum(amounts.values()) for amounts in self.lowered.values())

    def origin(self, slot: int) -> Origin:
        return Origin(slot, self.period, self.since, self.counting_from, self.series_since)


@dataclass(frozen=True, slots=True)
class Booking:
    """The result of booking: the next ledger, the amounts to submit by index, the spans skipped, and the indexes of the
    counted series whose watermark a complete answer moved, so that no amount means zero."""

    ledger: Ledger
    amounts: Mapping[int, float] = field(default_factory=dict)
    skipped: tuple[SkippedSpan, ...] = ()
    advanced: frozenset[int] = frozenset()


def failover_gap(period: int, lookback: Lookback) -> float:
    """Seconds between two answers above which another Agent may have counted in between."""
    return FAILOVER_GAP * max(period, lookback.failover_interval)


def failover_wait(period: int, lookback: Lookback) -> int:
    """Seconds that a ledger waits before it counts, so that it cannot overlap what the Agent before may still backfill.

    That Agent backfills after a gap, and its process may then observe for one and a half intervals before it counts.
    No shorter wait is enough. Zero where Agents do not take turns.
    """
    if not lookback.failover_interval:
        return 0
    return ceil((failover_gap(period, lookback) + FAILOVER_GAP * lookback.failover_interval) / period) * period


def was_away(ledger: Ledger, answered_at: float, lookback: Lookback) -> bool:
    """Whether this Agent did not read for so long that another one may have counted in between.

    The runs that only observed show that no other Agent was at work. A read in the future is one of a wrong clock.
    """
    observed = lookback.observed if lookback.observed <= FAILOVER_GAP * lookback.failover_interval else 0.0
    silence = abs(answered_at - ledger.read_at - observed)
    return bool(lookback.failover_interval) and silence > failover_gap(ledger.period, lookback)


def lookback_start(ledger: Ledger, watermark: int, window: Window, lookback: Lookback) -> int:
    """Start of a window that holds every open period of a series with this watermark."""
    late = period_start(watermark - lookback.allowed_lateness, ledger.period)
    limit = period_start(window.end - lookback.backfill, ledger.period)
    return min(window.start, max(ledger.counting_from, ledger.retained_from, late, limit))


def first_lookback_start(ledger: Ledger, window: Window, lookback: Lookback) -> int:
    """Start of a window that holds every open period of an unread series. It holds one more, for a clock that runs a
    little ahead."""
    limit = period_start(window.end - lookback.backfill, ledger.period) - ledger.period
    return min(window.start, max(ledger.counting_from, ledger.forgotten_before, limit))


def new_ledger(keys: tuple[str, ...], period: int, answered_at: float, lookback: Lookback) -> Ledger:
    """A ledger that begins with the first period after `answered_at`, the first good answer.

    Where Agents take turns it begins later, by what the Agent before may still backfill, so that no period is counted
    by both.
    """
    end = next_boundary(answered_at, period)
    since = end + failover_wait(period, lookback)
    never = array('q', [0]) * len(keys)
    return Ledger(period, since, since, since, answered_at, end, keys, array('q', [since]) * len(keys), never, never)


def skipped_spans(open_from: int, last_read: int, end: int, reason: str, period: int) -> Iterable[SkippedSpan]:
    """The open periods before `end` that will not be read again: up to `last_read` only their late growth is lost."""
    if open_from < min(last_read, end):
        yield SkippedSpan(open_from, min(last_read, end), 'late_growth', period)
    if max(open_from, last_read) < end:
        yield SkippedSpan(max(open_from, last_read), end, reason, period)


def reopen(ledger: Ledger, answered_at: float, lookback: Lookback, reason: str) -> Booking:
    """Go on counting at a later boundary, because the amounts submitted in between are not known."""
    fresh = new_ledger(ledger.keys, ledger.period, answered_at, lookback)
    # An answer may come late: what was read since must not be counted again.
    counting_from = max(fresh.counting_from, ledger.counting_from, ledger.read_to)
    fresh = replace(
        fresh,
        since=ledger.since,
        counting_from=counting_from,
        retained_from=counting_from,
        watermarks=array('q', [counting_from]) * len(ledger.keys),
        read_slots=ledger.read_slots,
        newest_data=ledger.newest_data,
        series_since=ledger.series_since,
    )
    open_from = _oldest_open(ledger, lookback)
    # Another Agent counts no late growth of what this one read. Of a doubtful ledger nothing is known.
    last_read = max(open_from, ledger.read_to - ledger.period) if reason == FAILOVER else open_from
    return Booking(fresh, skipped=tuple(skipped_spans(open_from, last_read, counting_from, reason, ledger.period)))


def in_doubt(ledger: Ledger, reason: str, since: int | None = None) -> Ledger:
    """The ledger of which more may have been submitted, in periods from its open ones on, or from `since`."""
    counting_from = ledger.counting_from if since is None else min(ledger.counting_from, since)
    watermarks = ledger.watermarks
    if since is not None:
        watermarks = array('q', [min(watermark, since) for watermark in watermarks])
    return replace(ledger, doubt=reason, counting_from=counting_from, watermarks=watermarks)


def advance_without_data(ledger: Ledger, silent_until: float, now: float, lookback: Lookback) -> Ledger:
    """The ledger of a Region in which nothing happened until `silent_until`, as if CloudWatch had answered `now` with
    no data."""
    end = next_boundary(silent_until, ledger.period)
    if end <= ledger.read_to:
        # Where Agents take turns, a Region that is looked at is not one that another Agent counts.
        unseen = now - ledger.read_at
        stale = lookback.failover_interval and unseen > failover_gap(ledger.period, lookback) / 3
        return replace(ledger, read_at=now) if stale else ledger
    watermarks = array('q', [max(watermark, end) for watermark in ledger.watermarks])
    retained_from = max(ledger.retained_from, period_start(end - lookback.allowed_lateness, ledger.period))
    return replace(
        ledger,
        watermarks=watermarks,
        retained_from=retained_from,
        booked={start: column for start, column in ledger.booked.items() if start >= retained_from},
        lowered={start: amounts for start, amounts in ledger.lowered.items() if start >= retained_from},
        unread=frozenset(),
        read_at=now,
        read_to=end,
    )


def reindex(ledger: Ledger, keys: tuple[str, ...], begins: Mapping[str, float] = MappingProxyType({})) -> Ledger:
    """The ledger with these series asked for, at these indexes.

    A new series is unread: its first complete answer counts it back to the backfill limit. `begins` says of a series
    that was not left out by choice before which time it had no data: from there on its amounts are owed. A series that
    returns goes on at its own watermark, as far back as its amounts are remembered.
    """
    if keys is ledger.keys:
        return ledger
    if keys == ledger.keys:
        return replace(ledger, keys=keys)
    names, active = (*ledger.keys, *ledger.inactive_keys), len(ledger.keys)
    index_of = {key: index for index, key in enumerate(names)}
    selected, watermarks = set(keys), ledger.watermarks
    indexes = [index_of.get(key, -1) for key in keys]
    away = [index for key, index in index_of.items() if key not in selected]
    inactive = [index for index in away if _is_remembered(ledger, index)]
    forgotten = {names[index]: watermarks[index] for index in set(away).difference(inactive)}
    counted_to = (mark for key, mark in forgotten.items() if key not in ledger.unread)
    new = {key: _owed_from(ledger, begins.get(key)) for key in selected - index_of.keys()}
    positions = (*indexes, *inactive)
    return replace(
        ledger,
        keys=keys,
        inactive_keys=tuple(names[index] for index in inactive),
        watermarks=array(
            'q',
            [
                *(new[key] if index < 0 else watermarks[index] for key, index in zip(keys, indexes, strict=True)),
                *(watermarks[index] for index in inactive),
            ],
        ),
        read_slots=array('q', [ledger.read_slots[index] if 0 <= index < active else 0 for index in indexes]),
        newest_data=array('q', [ledger.newest_data[index] if 0 <= index < active else 0 for index in indexes]),
        booked={
            start: array('d', [column[index] if index >= 0 else 0.0 for index in positions])
            for start, column in ledger.booked.items()
        },
        unread=(ledger.unread - forgotten.keys()) | new.keys(),
        forgotten_before=max((ledger.forgotten_before, *counted_to)),
    )


def _is_remembered(ledger: Ledger, index: int) -> bool:
    """Whether the watermark of a series that is not asked for, or an amount of it, must still be remembered."""
    return ledger.watermarks[index] >= ledger.retained_from or any(column[index] for column in ledger.booked.values())


def _owed_from(ledger: Ledger, begins: float | None) -> int:
    """From where the amounts of a new series are owed: from its beginning, or from now on if it was left out so far."""
    newest = ledger.read_to - ledger.period
    owed_from = newest if begins is None else min(newest, period_start(begins, ledger.period))
    return max(ledger.counting_from, owed_from)


def with_boundaries(ledger: Ledger, named: Iterable[str], own_since: Mapping[str, float], now: float) -> Ledger:
    """The ledger with a boundary for each named series, a new one counts from the first boundary after `now`, and for
    each series that another instance counted before: it counts from the first boundary after the time given here."""
    series_since = {key: ledger.series_since.get(key, next_boundary(now, ledger.period)) for key in named}
    series_since |= {key: next_boundary(since, ledger.period) for key, since in own_since.items()}
    return ledger if series_since == ledger.series_since else replace(ledger, series_since=series_since)


def plan_period_change(ledger: Ledger, period: int, now: float) -> Ledger:
    """The ledger with a boundary at which it closes, common to both periods, where the option `period` was edited."""
    if period == ledger.period:
        return ledger if ledger.closes_at is None else replace(ledger, closes_at=None)
    common = lcm(period, ledger.period)
    if ledger.closes_at is not None and ledger.closes_at % common == 0:
        return ledger
    return replace(ledger, closes_at=period_start(max(now, ledger.read_to, ledger.counting_from) + common - 1, common))


def finish_period_change(
    ledger: Ledger, period: int, answered_at: float, settle_delay: int, lookback: Lookback
) -> Booking:
    """The ledger in its new period, once everything before the closing boundary was read and had time to settle.

    Until then the old period is asked for, so that no period is cut. Later growth is skipped, and so is a series that
    could not be read for as long as `backfill_limit`.
    """
    boundary = ledger.closes_at
    if boundary is None or ledger.read_to < boundary or answered_at < boundary + settle_delay:
        return Booking(ledger)
    if ledger.oldest_watermark < boundary and answered_at < boundary + lookback.backfill:
        return Booking(ledger)
    open_from = _oldest_open(ledger, lookback)
    skipped = (SkippedSpan(open_from, boundary, 'period_change', ledger.period),) if open_from < boundary else ()
    fresh = replace(
        new_ledger(ledger.keys, period, answered_at, lookback),
        since=ledger.since,
        counting_from=boundary,
        retained_from=boundary,
        read_at=ledger.read_at,
        read_to=boundary,
        watermarks=array('q', [boundary]) * len(ledger.keys),
        newest_data=ledger.newest_data,
        series_since=ledger.series_since,
    )
    return Booking(fresh, skipped=skipped)


def _oldest_open(ledger: Ledger, lookback: Lookback) -> int:
    late = period_start(ledger.oldest_watermark - lookback.allowed_lateness, ledger.period)
    return max(ledger.counting_from, late)
