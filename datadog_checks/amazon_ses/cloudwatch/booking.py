"""Booking: compare the answers of CloudWatch with the ledger. Pure: a ledger and answers give the next ledger.

The terms and the rules stand at the top of `ledger.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from math import inf
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.ledger import (
    FAILOVER,
    Booking,
    Column,
    Ledger,
    Lookback,
    Origin,
    SkippedSpan,
    reopen,
    skipped_spans,
    was_away,
)
from datadog_checks.amazon_ses.cloudwatch.periods import Window, next_boundary, period_start


class Observations(NamedTuple):
    """The answer to one request: the window that was asked for, AWS's date of the answer, and as columns for each
    series its key, the starts and the sums of its periods, whether those are all, and whether the series is counted.

    Of a series that is not counted only the read is recorded.
    """

    origin: Origin
    window: Window
    answered_at: float
    keys: Sequence[str]
    starts: Sequence[tuple[int, ...]]
    sums: Sequence[Sequence[float]]
    complete: Sequence[bool]
    counted: Sequence[bool]


class _Group(NamedTuple):
    """Series with data in the same periods: the starts of these, and by series the index and the sums."""

    starts: tuple[int, ...]
    indexes: list[int]
    sums: list[Sequence[float]]


def rebased(page: Observations, ledger: Ledger) -> Observations | None:
    """What of an answer may be booked in the ledger of today, which need not be the one that it was asked from.

    None where nothing may, because the period was edited or counting was opened anew. Series that an option named anew
    are left out. `book` leaves out those that are not asked for any more.
    """
    origin = page.origin
    if (origin.period, origin.since, origin.counting_from) != (ledger.period, ledger.since, ledger.counting_from):
        return None
    before, today = origin.series_since, ledger.series_since
    if before == today:
        return page
    usable = [before.get(key) == today.get(key) for key in page.keys]
    return page._replace(
        keys=list(compress(page.keys, usable)),
        starts=list(compress(page.starts, usable)),
        sums=list(compress(page.sums, usable)),
        complete=list(compress(page.complete, usable)),
        counted=list(compress(page.counted, usable)),
    )


def book(ledger: Ledger, observations: Sequence[Observations], lookback: Lookback) -> Booking:
    """Compare the observations of one run with the booked amounts; the differences are to be submitted.

    Each answer counts up to its own date, by AWS's clock: whatever ours says, an answer can know nothing later.
    """
    if not any(any(page.complete) for page in observations):
        return Booking(ledger)
    answered_at = max(page.answered_at for page in observations)
    if ledger.doubt:
        return reopen(record_reads(ledger, observations), answered_at, lookback, ledger.doubt)
    if was_away(ledger, answered_at, lookback):
        return reopen(record_reads(ledger, observations), answered_at, lookback, FAILOVER)
    draft = _Draft(ledger, lookback)
    for page in observations:
        draft.book(page)
    retained_from = draft.retained_from()
    next_ledger = replace(
        record_reads(ledger, observations),
        retained_from=retained_from,
        read_at=max(ledger.read_at, answered_at),
        read_to=draft.read_to,
        watermarks=draft.watermarks,
        booked=draft.booked_from(retained_from),
        lowered={start: amounts for start, amounts in draft.lowered.items() if start >= retained_from and amounts},
        unread=frozenset(draft.unread),
        forgotten_before=draft.forgotten_before(retained_from),
    )
    return Booking(next_ledger, draft.amounts, merge_spans(draft.skipped), frozenset(draft.advanced))


class _Draft:
    """Copies of the columns of a ledger that one booking changes, and the outcome so far."""

    def __init__(self, ledger: Ledger, lookback: Lookback) -> None:
        self._ledger = ledger
        self._lookback = lookback
        self._index_of = _index_of(ledger)
        self._changed: set[int] = set()
        self._empty = array('d', [0.0]) * (len(ledger.keys) + len(ledger.inactive_keys))
        self._compares = True
        self.watermarks = ledger.watermarks[:]
        self.booked = {start: column[:] for start, column in ledger.booked.items()}
        self.lowered = {start: dict(amounts) for start, amounts in ledger.lowered.items()}
        self.unread = set(ledger.unread)
        self.amounts: dict[int, float] = {}
        self.advanced: set[int] = set()
        self.skipped: set[SkippedSpan] = set()
        self.read_to = ledger.read_to

    def book(self, page: Observations) -> None:
        """Advance the watermarks of the series that were answered completely, then count the amounts of all."""
        ledger, watermarks = self._ledger, self.watermarks
        period, allowed_lateness = ledger.period, self._lookback.allowed_lateness
        answered_to = min(page.window.end, next_boundary(page.answered_at, period))
        limit = period_start(max(answered_to, ledger.read_to) - self._lookback.backfill, period)
        end = _until(ledger.closes_at, answered_to)
        self.read_to = max(self.read_to, end)
        # An answer that is older than the newest one does not show what CloudWatch holds now.
        self._compares = page.answered_at >= ledger.read_at
        first_readable = max(ledger.retained_from, limit)
        for (watermark, since, complete, counted, _), group in self._groups(page, end, limit).items():
            late_from = watermark - allowed_lateness
            open_from = max(ledger.counting_from, late_from - late_from % period, since)
            if complete and end > watermark and page.window.start <= max(open_from, first_readable):
                if open_from < first_readable and counted:
                    self._skip(open_from, watermark, limit, end)
                for index in group.indexes:
                    watermarks[index] = end
                if counted:
                    self.advanced.update(group.indexes)
            if group.starts and counted:
                self._count(group, max(open_from, ledger.retained_from))

    def _groups(self, page: Observations, end: int, limit: int) -> dict[tuple[int, int, bool, bool, int], _Group]:
        """The series of a page in groups for which the same holds: watermark, own boundary, complete, counted, and
        starts. Unread series are booked one by one."""
        groups: dict[tuple[int, int, bool, bool, int], _Group] = {}
        watermarks, index_of, unread, since = self.watermarks, self._index_of, self.unread, self._ledger.series_since
        for key, starts, sums, complete, counted in zip(*page[3:], strict=True):
            index = index_of.get(key)
            if index is None:
                continue
            if key in unread:
                if complete:
                    series = _Group(starts, [index], [sums])
                    self._book_unread(key, series, counted, Window(page.window.start, end), limit)
                continue
            # Equal starts are mostly one object, and are booked in two groups where they are not.
            place = watermarks[index], since.get(key, 0) if since else 0, complete, counted, id(starts)
            group = groups.get(place)
            if group is None:
                group = groups[place] = _Group(starts, [], [])
            group.indexes.append(index)
            group.sums.append(sums)
        return groups

    def _book_unread(self, key: str, series: _Group, counted: bool, window: Window, limit: int) -> None:
        """Count a series for the first time, by a complete answer over a window, and move its watermark past it.

        An answer that does not reach back far enough is left alone.
        """
        ledger, (index,), end = self._ledger, series.indexes, window.end
        since = max(ledger.counting_from, ledger.series_since.get(key, 0))
        first = max(since, ledger.forgotten_before, limit)
        if window.start > first:
            return
        owed_from = max(since, self.watermarks[index])
        self.watermarks[index] = max(end, self.watermarks[index])
        self.unread.discard(key)
        if not counted:
            return
        if end > first:
            self.advanced.add(index)
        if owed_from < min(first, end):
            self.skipped.add(SkippedSpan(owed_from, min(first, end), 'backfill_limit', ledger.period))
        not_remembered = min(ledger.retained_from, end)
        points = zip(series.starts, series.sums[0], strict=True)
        amount = sum(value for at, value in points if first <= at < not_remembered)
        if amount > 0:
            self.amounts[index] = self.amounts.get(index, 0.0) + amount
        self._count(series, max(first, ledger.retained_from))

    def _skip(self, open_from: int, watermark: int, limit: int, end: int) -> None:
        """Give up the open periods that lie before the backfill limit when the watermark moves past them."""
        ledger = self._ledger
        last_read = watermark - ledger.period
        # Without remembered amounts a series goes on at the limit, or where amounts begin to be remembered.
        skipped_to = limit if last_read >= ledger.retained_from else max(limit, ledger.retained_from)
        self.skipped.update(skipped_spans(open_from, last_read, min(skipped_to, end), 'backfill_limit', ledger.period))

    def _count(self, group: _Group, first: int) -> None:
        """Book what each open period of a group grew by, from `first` on."""
        starts, indexes, sums = group
        last = inf if self._ledger.closes_at is None else self._ledger.closes_at
        for start, answered in zip(starts, zip(*sums, strict=True), strict=True):
            if not first <= start < last:
                continue
            column = self.booked.setdefault(start, self._empty[:])
            before = tuple(map(column.__getitem__, indexes))
            if answered != before or start in self.lowered:
                self._count_period(start, column, zip(indexes, answered, before, strict=True))

    def _count_period(self, start: int, column: Column[float], series: Iterable[tuple[int, float, float]]) -> None:
        """Book what a period of these series grew by: their indexes, what was answered, and what is booked."""
        amounts, is_lowered = self.amounts, start in self.lowered
        self._changed.add(start)
        for index, answered, before in series:
            if answered > before:
                amounts[index] = amounts.get(index, 0.0) + (answered - before)
                column[index] = answered
            if answered < before or is_lowered:
                self._compare(start, index, before - answered)
                is_lowered = start in self.lowered

    def booked_from(self, retained_from: int) -> dict[int, Column[float]]:
        """The booked amounts that are remembered. A column without a change stays the same object."""
        before = self._ledger.booked
        return {
            start: column if start in self._changed else before.get(start, column)
            for start, column in self.booked.items()
            if start >= retained_from
        }

    def _compare(self, start: int, index: int, excess: float) -> None:
        """Record by how much a submitted amount exceeds the newest answer, if it does."""
        if not self._compares:
            return
        key = self._ledger.keys[index]
        if excess > 0:
            self.lowered.setdefault(start, {})[key] = excess
        else:
            self.lowered[start].pop(key, None)

    def retained_from(self) -> int:
        """From where amounts must be remembered: the oldest open period of any series that may still be counted.

        A series that is not asked for now counts as long as it could still be backfilled.
        """
        ledger = self._ledger
        limit = period_start(self.read_to - self._lookback.backfill, ledger.period)
        active = len(ledger.keys)
        marks = [*self.watermarks[:active], *(mark for mark in self.watermarks[active:] if mark >= limit)]
        oldest = min(marks, default=self.read_to)
        late = period_start(oldest - self._lookback.allowed_lateness, ledger.period)
        return max(ledger.retained_from, late, limit)

    def forgotten_before(self, retained_from: int) -> int:
        """The boundary after the amounts that lie past the watermark of their series and are not remembered any more.

        An incomplete answer books such amounts without moving the watermark, which then does not say that they were
        counted.
        """
        oldest = min(self.watermarks, default=retained_from)
        for start in sorted((start for start in self.booked if oldest <= start < retained_from), reverse=True):
            if any(amount and mark <= start for amount, mark in zip(self.booked[start], self.watermarks, strict=True)):
                return max(self._ledger.forgotten_before, start + self._ledger.period)
        return self._ledger.forgotten_before


def _until(closes_at: int | None, end: int) -> int:
    """The end, or where counting closes before it."""
    return end if closes_at is None else min(end, closes_at)


def _index_of(ledger: Ledger) -> dict[str, int]:
    return {key: index for index, key in enumerate(ledger.keys)}


def record_reads(ledger: Ledger, observations: Iterable[Observations]) -> Ledger:
    """Record when each series was read and when it last had data. Counts nothing."""
    read_slots, newest_data, index_of = ledger.read_slots[:], ledger.newest_data[:], _index_of(ledger)
    for page in observations:
        slot, newest_of = page.origin.slot, {starts: max(starts, default=0) for starts in {*page.starts}}
        for key, starts, complete in zip(page.keys, page.starts, page.complete, strict=True):
            index = index_of.get(key)
            if index is None:
                continue
            if complete and slot > read_slots[index]:
                read_slots[index] = slot
            if starts and newest_of[starts] > newest_data[index]:
                newest_data[index] = newest_of[starts]
    return replace(ledger, read_slots=read_slots, newest_data=newest_data)


def merge_spans(spans: Iterable[SkippedSpan]) -> tuple[SkippedSpan, ...]:
    """The spans of series with different watermarks, merged so that each period stands once for each reason."""
    merged: list[SkippedSpan] = []
    for span in sorted(spans, key=lambda span: (span.reason, span.period, span.start)):
        previous = merged[-1] if merged else None
        if previous is not None and previous[2:] == span[2:] and span.start <= previous.end:
            merged[-1] = previous._replace(end=max(previous.end, span.end))
        else:
            merged.append(span)
    return tuple(sorted(merged))
