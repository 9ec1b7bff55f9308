"""Slots: which series are asked for in a run, and how far back. Idle series are asked for less often.

Time is cut into numbered slots of one period. Active series are read in every slot. A series is idle after an hour
without data, and is read every 20 minutes, in the slots of its phase. In its phase each series, idle or not, is read
with the full lookback, so nothing is lost; in between, active series are read for the newest periods only. Phases
spread the long reads over the slots.

Never idle are the series of an account as a whole, reputation, the series that the option `dimensions` names, and the
bounces and complaints of a group that sent within the hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from datadog_checks.amazon_ses.cadence import is_time, offset
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, first_lookback_start, lookback_start
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR, Window, period_start
from datadog_checks.amazon_ses.cloudwatch.queries import MAX_DATAPOINTS, Batch
from datadog_checks.amazon_ses.cloudwatch.selection import PollingClass, Selection
from datadog_checks.amazon_ses.model import Target

IDLE_INTERVAL = 1200
"""Seconds within which each series is read at least once, with the full lookback."""

IDLE_AFTER = HOUR
"""Seconds without data after which a series is idle."""

UNANSWERED_FOR = 30
"""Slots for which it is remembered that a series was asked for in vain."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The place in the sequence of slots.

    `slot` is the number of the newest slot in which series were asked for, and `polled_at` when that slot began for us.
    `poll_now` says that some series are asked for before the next slot. `idle` is how many series are idle.
    `unanswered` holds for series keys the newest slot in which they were asked for and not answered.
    """

    slot: int = 0
    polled_at: float | None = None
    poll_now: bool = False
    idle: int = 0
    unanswered: Mapping[str, int] = field(default_factory=dict)


class Poll(NamedTuple):
    """What is asked of CloudWatch in a run: the number of the slot, the batches, and how far back the ledger reads."""

    slot: int
    batches: tuple[Batch, ...]
    lookback: Lookback


@dataclass(frozen=True, slots=True)
class DueSeries:
    """The series to ask for: by index, the start of the window. `idle` is how many series are idle."""

    starts: dict[int, int] = field(default_factory=dict)
    idle: int = 0


def phases(period: int) -> int:
    """Number of phases: slots from one read of an idle series to the next."""
    return max(1, IDLE_INTERVAL // period)


def next_slot(slots: Slots, target: Target, now: float, period: int) -> int:
    """Number of the slot to ask in: the newest one until the next begins."""
    if slots.polled_at is not None and not is_time(slots.polled_at, period, now, target):
        return slots.slot
    return max(slots.slot + 1, round((now - offset(target, period)) / period))


def after_polling(slots: Slots, slot: int, now: float, poll_now: bool) -> Slots:
    """The slots after a poll. `poll_now`: some answers are missing, or the selection changed."""
    if slot > slots.slot:
        return replace(slots, slot=slot, polled_at=now, poll_now=poll_now)
    return replace(slots, poll_now=poll_now)


def after_no_answer(slots: Slots, slot: int, keys: Iterable[str]) -> Slots:
    """The slots after these series were asked for and not answered: others are asked before them."""
    recent = {key: last for key, last in slots.unanswered.items() if last > slot - UNANSWERED_FOR}
    unanswered = {**recent, **dict.fromkeys(keys, slot)}
    return replace(slots, unanswered=unanswered) if unanswered or slots.unanswered else slots


def in_turn(batches: Iterable[Batch], ledger: Ledger | None, slots: Slots) -> list[Batch]:
    """The batches in the order in which they are asked: first the one with the series that waits longest.

    So every series gets its turn where a run cannot ask for all of them. A series waits since the slot in which it was
    last answered, or asked for in vain: what never answers takes no more turns than anything else.
    """
    if ledger is None:
        return list(batches)
    read_slots, unanswered = ledger.read_slots, slots.unanswered

    def waits_since(batch: Batch) -> tuple[int, bool]:
        if not unanswered:
            return min(map(read_slots.__getitem__, batch.indexes)), False
        failed = [unanswered.get(series.key, 0) for series in batch.queries.series]
        last = min(max(read_slots[index], slot) for index, slot in zip(batch.indexes, failed, strict=True))
        return last, any(failed)

    return sorted(batches, key=waits_since)


def due(
    selection: Selection,
    ledger: Ledger | None,
    window: Window,
    slot: int,
    lookback: Lookback,
    blocked: Collection[int] = (),
) -> DueSeries:
    """Every series that was not answered in this slot yet and is not left for a later one.

    `window` holds the newest periods. `blocked` are the indexes that are left alone: those in quarantine, and those
    that are under way.
    """
    polled = _polled(selection, blocked)
    if ledger is None:
        return DueSeries(dict.fromkeys(polled, window.start))
    alive_from = window.end - ledger.period - IDLE_AFTER
    idle = _idle(polled, selection, ledger, alive_from)
    read_slots, watermarks = ledger.read_slots, ledger.watermarks
    waiting = [index for index in polled if read_slots[index] != slot]
    in_phase, behind = _reading_back(waiting, slot, ledger)
    starts = dict.fromkeys(waiting, window.start)
    for index in idle - in_phase:
        starts.pop(index, None)
    full_starts: dict[int, int] = {}
    for index in (in_phase | behind | idle) & starts.keys():
        watermark = watermarks[index]
        if watermark not in full_starts:
            full_starts[watermark] = lookback_start(ledger, watermark, window, lookback)
        starts[index] = full_starts[watermark]
    if ledger.unread:
        unread = [index for index in waiting if selection.keys[index] in ledger.unread]
        starts |= dict.fromkeys(unread, first_lookback_start(ledger, window, lookback))
    return DueSeries(starts, len(idle))


def _reading_back(waiting: Sequence[int], slot: int, ledger: Ledger) -> tuple[set[int], set[int]]:
    """Of the series that wait, those whose turn in the phases it is, and those that the newest periods do not reach."""
    read_slots, number_of_phases = ledger.read_slots, phases(ledger.period)
    # Most series were last read in the same few slots.
    last_slots = {*map(read_slots.__getitem__, waiting)}
    overdue = {last for last in last_slots if ledger.closes_at is not None or slot - last >= number_of_phases}
    in_phase = {*range(slot % number_of_phases, len(read_slots), number_of_phases)}.intersection(waiting)
    # The newest periods do not reach back to a read of more than two slots ago.
    behind = _read_in({last for last in last_slots if not 0 <= slot - last <= 2}, waiting, read_slots)
    return in_phase | _read_in(overdue, waiting, read_slots), behind


def _read_in(slots: Collection[int], indexes: Iterable[int], read_slots: Sequence[int]) -> set[int]:
    """Those of the indexes whose series were last read in one of these slots."""
    return {index for index in indexes if read_slots[index] in slots} if slots else set()


def _polled(selection: Selection, blocked: Collection[int]) -> Sequence[int]:
    """The indexes of the series that are read in slots."""
    indexes = range(len(selection.classes))
    if not blocked and PollingClass.DAILY not in selection.classes:
        return indexes
    return [index for index in indexes if selection.classes[index] != PollingClass.DAILY and index not in blocked]


def _idle(polled: Sequence[int], selection: Selection, ledger: Ledger, alive_from: int) -> set[int]:
    """The indexes of the idle series: read before, no data since `alive_from`, and not the feedback of a live group."""
    classes, send_indexes = selection.classes, selection.send_indexes
    read_slots, newest_data = ledger.read_slots, ledger.newest_data
    return {
        index
        for index in polled
        if newest_data[index] < alive_from
        and classes[index]
        and read_slots[index]
        and (send_indexes[index] < 0 or newest_data[send_indexes[index]] < alive_from)
    }


def extended_by_a_day(
    starts: dict[int, int], unknown: Iterable[int], ledger: Ledger | None, slot: int, window: Window, period: int
) -> dict[int, int]:
    """The starts with a whole day for measurements whose value is unknown, when they are read first or in their phase.

    Their datapoints may lie hours apart. Datapoints are not billed, but limited in a second: where a day of all of them
    is more than that, nothing is extended.
    """
    number_of_phases = phases(period)
    extended = [
        index
        for index in unknown
        if index in starts
        and (ledger is None or not ledger.read_slots[index] or index % number_of_phases == slot % number_of_phases)
    ]
    day_start = period_start(window.end - period - DAY, period)
    if len(extended) * (window.end - day_start) // period > MAX_DATAPOINTS:
        return starts
    return {**starts, **{index: min(starts[index], day_start) for index in extended}}
