"""What is due. Pure: settings, progress and the time give the plan of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from .cloudwatch import ledger as counting
from .cloudwatch.gauges import DAY
from .cloudwatch.ledger import Ledger, Reach
from .cloudwatch.queries import Question
from .cloudwatch.series import ACCOUNT, RATES
from .collectors import Collector
from .model import Target
from .progress import CLOUDWATCH, Progress, Source
from .registry import COLLECTORS
from .settings import Settings

GRACE = 5.0
"""Seconds that a run may come early: the Agent's cycle is not exact, and a run at 59.9 s is not to be skipped."""

Task = Collector | Question


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of one Region, in their order. `ledger` is the one the question was made for."""

    tasks: tuple[Task, ...]
    ledger: Ledger | None


def plan(settings: Settings, target: Target, progress: Progress, now: float, reach: Reach) -> Plan:
    """What is asked in this run for one account and Region."""
    ledger = progress.ledger
    if ledger is not None:
        ledger = counting.closing(ledger, settings.period, now)
    tasks: list[Task] = [
        collector for collector in COLLECTORS if is_due(progress.sources, collector.name, collector.every, now, target)
    ]
    period = settings.period if ledger is None else ledger.period
    if is_due(progress.sources, CLOUDWATCH, period, now, target):
        tasks.append(_question(settings, progress, ledger, now, reach))
    return Plan(tuple(tasks), ledger)


def is_due(sources: Mapping[str, Source], name: str, every: int, now: float, target: Target) -> bool:
    """Whether a source's next slot has begun. Slots hang on the epoch, shifted by account and Region, so that they do
    not drift and many instances do not collect together."""
    source = sources.get(name)
    if source is None or source.ask_again:
        return True
    shift = crc32(':'.join(target).encode()) % every
    slot, asked = ((at - shift) // every for at in (now, source.asked))
    return slot != asked or now - source.asked >= every - GRACE


def _question(settings: Settings, progress: Progress, ledger: Ledger | None, now: float, reach: Reach) -> Question:
    window = counting.window(ledger, now, settings.period, settings.settle_delay, reach)
    period = settings.period if ledger is None else ledger.period
    unknown = any(series.key not in progress.shown.rates for series in ACCOUNT if series.spec in RATES)
    if unknown and (ledger is None or CLOUDWATCH not in progress.sources or counting.sweep_is_due(ledger, window.end)):
        # Reputation rates come with gaps of hours. Datapoints are not billed, so the same call looks back a day.
        window = window._replace(start=min(window.start, counting.align(now - DAY, period)))
    return Question(ACCOUNT, window, period)
