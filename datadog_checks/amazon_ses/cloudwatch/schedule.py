"""Which series are asked for in a run, and how far back.

Time is cut into slots of a period, which have numbers. In each slot every series is asked for once, but an idle one,
which had no data within an hour, only in every slot of its lane: every 20 minutes. Then it is asked for as far back as
its amounts may still grow, so nothing is lost, only later known. The others are asked for that far in the slots of
their lane as well, and for the newest periods in between. Lanes spread what would otherwise come together.

Never idle are the series of accounts as a whole, reputation, what the option `dimensions` names, and the bounces and
complaints of whatever sent within the hour.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Reach, Window
from datadog_checks.amazon_ses.cloudwatch.selection import Pace, Selection

ROUND = 1200
"""Seconds within which each series is asked for at least once, and for everything that may still grow."""

IDLE_AFTER = 3600
"""Seconds without data after which a series is idle."""

DAILY_EVERY = 3600
"""Seconds between two reads of what has one datapoint a day."""

DAILY_SPAN = 3 * 86400
"""Seconds that such a read looks back: days at low volume are left out (SES Developer Guide, SNDS metrics)."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is asked for: places, and for each where its window starts. `idle` are the series that wait their turn."""

    starts: dict[int, int] = field(default_factory=dict)
    idle: int = 0


def lanes(period: int) -> int:
    """Slots from one read of an idle series to the next."""
    return max(1, ROUND // period)


def due(
    selection: Selection, ledger: Ledger | None, window: Window, slot: int, reach: Reach, resting: Collection[int] = ()
) -> Due:
    """Everything that was not yet answered in this slot and is not left for a later one.

    `window` holds the newest periods. `resting` are the places that are not asked for now.
    """
    steady = [place for place, pace in enumerate(selection.paces) if pace != Pace.DAILY and place not in resting]
    if ledger is None:
        return Due(dict.fromkeys(steady, window.start))
    period, turns = ledger.period, lanes(ledger.period)
    paces, leaders = selection.paces, selection.leaders
    read_in, seen, marks = ledger.read_in, ledger.seen, ledger.marks
    alive = window.end - period - IDLE_AFTER
    lane = slot % turns
    hurried = ledger.closing is not None
    starts: dict[int, int] = {}
    whole: dict[int, int] = {}
    idle = 0
    for place in steady:
        last = read_in[place]
        turn = place % turns == lane or slot - last >= turns or hurried
        if paces[place] and last and seen[place] < alive and not _leads(seen, leaders[place], alive):
            idle += 1
            if not turn:
                continue
            start = -1
        else:
            # What was not read for more than two slots has periods that the newest ones do not cover.
            start = -1 if turn or slot - last > 2 or not 0 <= slot - last else window.start
        if last == slot:
            continue
        if start < 0:
            mark = marks[place]
            start = whole.get(mark, -1)
            if start < 0:
                start = whole[mark] = counting.whole(ledger, mark, window, reach)
        starts[place] = start
    return Due(starts, idle)


def _leads(seen: Sequence[int], leader: int, alive: int) -> bool:
    return leader >= 0 and seen[leader] >= alive
