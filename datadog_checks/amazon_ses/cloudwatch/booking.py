"""Booking: compare the answers of CloudWatch with the ledger. Pure: a ledger and answers give the next ledger.

The terms and the rules stand at the top of `ledger.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import repeat
from math import inf
from operator import itemgetter
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.blocks import Block, Starts
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
    """The answer to one request: the window that was asked for, AWS's date of the answer, and blocks of the sums of
    each period.

    `keys` name the series of the selection that was asked from. By position are the index of each series in it, and
    whether it is counted. Of a series that is not counted only the read is recorded.
    """

    origin: Origin
    window: Window
    answered_at: float
    keys: tuple[str, ...]
    indexes: Sequence[int]
    counted: Sequence[int]
    blocks: Sequence[Block]

    @property
    def any_complete(self) -> bool:
        return any(block.complete for block in self.blocks)


class _Group(NamedTuple):
    """Series with data in the same periods: the starts of these, the index of each series, and its sums, series after
    series."""

    starts: Starts
    indexes: list[int]
    sums: array[float]


class _Span(NamedTuple):
    """The time that an answer covers, and before which it is too late to count."""

    start: int
    end: int
    limit: int


_Kind = tuple[int, int, int]
"""What decides how a series is booked: its watermark, its own boundary, and whether it is counted."""


class _Effect(NamedTuple):
    """What a block does to a series: whether its watermark moves, whether it counts, and from which start on."""

    advances: bool
    counted: int
    first: int


def rebased(page: Observations, ledger: Ledger) -> Observations | None:
    """What of an answer may be booked in the ledger of today, which need not be the one that it was asked from.

    None where nothing may, because the period was edited or counting was opened anew. Series that an option named anew
    are left out, and those that are not asked for any more.
    """
    origin = page.origin
    if (origin.period, origin.since, origin.counting_from) != (ledger.period, ledger.since, ledger.counting_from):
        return None
    page = _reindexed(page, ledger.keys)
    before, today = origin.series_since, ledger.series_since
    if before == today:
        return page
    keys = [page.keys[index] for index in page.indexes]
    usable = [before.get(key) == today.get(key) for key in keys]
    return page._replace(blocks=[block.where(usable.__getitem__) for block in page.blocks])


def _reindexed(page: Observations, keys: tuple[str, ...]) -> Observations:
    """The observations with the indexes that their series have among these keys, without those that are not there."""
    if page.keys is keys or page.keys == keys:
        return page
    index_of = {key: index for index, key in enumerate(keys)}
    indexes = [index_of.get(page.keys[index], -1) for index in page.indexes]
    blocks = [block.where(lambda position: indexes[position] >= 0) for block in page.blocks]
    return page._replace(keys=keys, indexes=indexes, blocks=blocks)


def book(ledger: Ledger, observations: Sequence[Observations], lookback: Lookback) -> Booking:
    """Compare the observations of one run with the booked amounts; the differences are to be submitted.

    Each answer counts up to its own date, by AWS's clock: whatever ours says, an answer can know nothing later.
    """
    if not any(page.any_complete for page in observations):
        return Booking(ledger)
    observations = [_reindexed(page, ledger.keys) for page in observations]
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
        unread=ledger.unread - draft.read,
        forgotten_before=draft.forgotten_before(retained_from),
    )
    return Booking(next_ledger, draft.amounts, merge_spans(draft.skipped), frozenset(draft.advanced))


class _Draft:
    """The columns of a ledger, copied where one booking changes them, and the outcome so far."""

    def __init__(self, ledger: Ledger, lookback: Lookback) -> None:
        self._ledger = ledger
        self._lookback = lookback
        self._since = {index: ledger.series_since[key] for index, key in _among(ledger.keys, ledger.series_since)}
        self._unread = {index for index, _ in _among(ledger.keys, ledger.unread)}
        # The starts of the columns that were copied, because something in them changed.
        self._changed: set[int] = set()
        self._empty = array('d', [0.0]) * (len(ledger.keys) + len(ledger.inactive_keys))
        self._compares = True
        self._effects: dict[tuple[bool, _Span, _Kind], _Effect] = {}
        self.watermarks = ledger.watermarks[:]
        self.booked = dict(ledger.booked)
        self.lowered = {start: dict(amounts) for start, amounts in ledger.lowered.items()}
        self.read: set[str] = set()
        self.amounts: dict[int, float] = {}
        self.advanced: set[int] = set()
        self.skipped: set[SkippedSpan] = set()
        self.read_to = ledger.read_to

    def book(self, page: Observations) -> None:
        """Advance the watermarks of the series that were answered completely, then count the amounts of all."""
        ledger = self._ledger
        answered_to = min(page.window.end, next_boundary(page.answered_at, ledger.period))
        limit = period_start(max(answered_to, ledger.read_to) - self._lookback.backfill, ledger.period)
        span = _Span(page.window.start, _until(ledger.closes_at, answered_to), limit)
        self.read_to = max(self.read_to, span.end)
        # An answer that is older than the newest one does not show what CloudWatch holds now.
        self._compares = page.answered_at >= ledger.read_at
        for block in page.blocks:
            for effect, group in self._groups(page, block, span).items():
                if effect.advances:
                    for index in group.indexes:
                        self.watermarks[index] = span.end
                    if effect.counted:
                        self.advanced.update(group.indexes)
                if effect.counted:
                    self._count(group, effect.first)

    def _groups(self, page: Observations, block: Block, span: _Span) -> dict[_Effect, _Group]:
        """The series of a block in groups to which it does the same. Unread series are booked one by one."""
        indexes = list(map(page.indexes.__getitem__, block.positions))
        marks, since = map(self.watermarks.__getitem__, indexes), self._since
        boundaries = [since.get(index, 0) for index in indexes] if since else repeat(0, len(indexes))
        kinds = [*zip(marks, boundaries, map(page.counted.__getitem__, block.positions), strict=True)]
        unread = self._unread.intersection(indexes)
        if unread:
            read = {kind for index, kind in zip(indexes, kinds, strict=True) if index not in unread}
        else:
            read = {*kinds}
        effects = {kind: self._effect(block, span, kind) for kind in read}
        if not unread and len({*effects.values()}) == 1:
            return {effects[kinds[0]]: _Group(block.starts, indexes, block.values)}
        groups: dict[_Effect, _Group] = {}
        for index, kind, (_, sums) in zip(indexes, kinds, block.rows(), strict=True):
            if index in unread:
                if block.complete:
                    self._book_unread(_Group(block.starts, [index], sums), kind[-1], span)
                continue
            group = groups.setdefault(effects[kind], _Group(block.starts, [], array('d')))
            group.indexes.append(index)
            group.sums.extend(sums)
        return groups

    def _effect(self, block: Block, span: _Span, kind: _Kind) -> _Effect:
        """What a block does to a series of this kind."""
        place = block.complete, span, kind
        if place not in self._effects:
            self._effects[place] = self._new_effect(block.complete, span, kind)
        effect = self._effects[place]
        # Series that count every period of the block are booked together, whatever their watermarks.
        return effect if min(block.starts, default=effect.first) < effect.first else effect._replace(first=0)

    def _new_effect(self, complete: bool, span: _Span, kind: _Kind) -> _Effect:
        """What an answer does to a series of this kind. Gives up the open periods that its watermark moves past."""
        ledger, (watermark, since, counted) = self._ledger, kind
        late_from = period_start(watermark - self._lookback.allowed_lateness, ledger.period)
        open_from = max(ledger.counting_from, late_from, since)
        first_readable = max(ledger.retained_from, span.limit)
        advances = complete and span.end > watermark and span.start <= max(open_from, first_readable)
        if advances and counted and open_from < first_readable:
            self._skip(open_from, watermark, span)
        return _Effect(advances, counted, max(open_from, ledger.retained_from))

    def _book_unread(self, series: _Group, counted: int, span: _Span) -> None:
        """Count a series for the first time, by a complete answer over a span, and move its watermark past it.

        An answer that does not reach back far enough is left alone.
        """
        ledger, (index,), end = self._ledger, series.indexes, span.end
        since = max(ledger.counting_from, self._since.get(index, 0))
        first = max(since, ledger.forgotten_before, span.limit)
        if span.start > first:
            return
        owed_from = max(since, self.watermarks[index])
        self.watermarks[index] = max(end, self.watermarks[index])
        self._unread.discard(index)
        self.read.add(ledger.keys[index])
        if not counted:
            return
        if end > first:
            self.advanced.add(index)
        if owed_from < min(first, end):
            self.skipped.add(SkippedSpan(owed_from, min(first, end), 'backfill_limit', ledger.period))
        not_remembered = min(ledger.retained_from, end)
        points = zip(series.starts, series.sums, strict=True)
        amount = sum(value for at, value in points if first <= at < not_remembered)
        if amount > 0:
            self.amounts[index] = self.amounts.get(index, 0.0) + amount
        self._count(series, max(first, ledger.retained_from))

    def _skip(self, open_from: int, watermark: int, span: _Span) -> None:
        """Give up the open periods that lie before the backfill limit when the watermark moves past them."""
        ledger = self._ledger
        last_read = watermark - ledger.period
        # Without remembered amounts a series goes on at the limit, or where amounts begin to be remembered.
        skipped_to = span.limit if last_read >= ledger.retained_from else max(span.limit, ledger.retained_from)
        skipped_to = min(skipped_to, span.end)
        self.skipped.update(skipped_spans(open_from, last_read, skipped_to, 'backfill_limit', ledger.period))

    def _count(self, group: _Group, first: int) -> None:
        """Book what each open period of a group grew by, from `first` on."""
        starts, indexes, sums = group
        last = inf if self._ledger.closes_at is None else self._ledger.closes_at
        amounts_in = _getter(indexes)
        for number, start in enumerate(starts):
            if not first <= start < last:
                continue
            column = self.booked.setdefault(start, self._empty)
            answered = tuple(sums[number :: len(starts)]) if len(indexes) > 1 else (sums[number],)
            before = amounts_in(column)
            if answered != before or start in self.lowered:
                self._count_period(start, column, zip(indexes, answered, before, strict=True))

    def _count_period(self, start: int, column: Column[float], series: Iterable[tuple[int, float, float]]) -> None:
        """Book what a period of these series grew by: their indexes, what was answered, and what is booked."""
        amounts, is_lowered = self.amounts, start in self.lowered
        if start not in self._changed:
            column = self.booked[start] = column[:]
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
        return {start: column for start, column in self.booked.items() if start >= retained_from}

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


def _getter(indexes: Sequence[int]) -> Callable[[Column[float]], tuple[float, ...]]:
    """The function that reads what stands at these indexes of a column."""
    if len(indexes) == 1:
        return lambda column: (column[indexes[0]],)
    return itemgetter(*indexes)


def _until(closes_at: int | None, end: int) -> int:
    """The end, or where counting closes before it."""
    return end if closes_at is None else min(end, closes_at)


def _among(keys: Sequence[str], names: Collection[str]) -> Iterable[tuple[int, str]]:
    """The index and the key of each series that is among these names."""
    return ((index, key) for index, key in enumerate(keys) if key in names) if names else ()


def record_reads(ledger: Ledger, observations: Iterable[Observations]) -> Ledger:
    """Record when each series was read and when it last had data. Counts nothing."""
    read_slots, newest_data = ledger.read_slots[:], ledger.newest_data[:]
    for page in (_reindexed(page, ledger.keys) for page in observations):
        slot = page.origin.slot
        for block in page.blocks:
            newest = max(block.starts, default=0)
            for index in map(page.indexes.__getitem__, block.positions):
                if block.complete and slot > read_slots[index]:
                    read_slots[index] = slot
                if newest > newest_data[index]:
                    newest_data[index] = newest
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
