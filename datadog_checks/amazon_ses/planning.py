"""What is due. Pure: settings, progress and the time give the plan of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

from .cloudwatch import discovery
from .cloudwatch import ledger as counting
from .cloudwatch.discovery import Listing
from .cloudwatch.gauges import DAY
from .cloudwatch.ledger import Reach
from .cloudwatch.queries import PACE, Question
from .cloudwatch.series import ACCOUNT, FOUND, SOURCES, Series, queries
from .collectors import Collector
from .model import FailureKind, Target
from .progress import CLOUDWATCH, DISCOVERY, Progress, Source
from .registry import COLLECTORS
from .settings import Settings

GRACE = 5.0
"""Seconds that a run may come early: the Agent's cycle is not exact, and a run at 59.9 s is not to be skipped."""

STANDS_IN_FOR = (FailureKind.DENIED, FailureKind.UNSUPPORTED)

Task = Collector | Listing | Question


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of one Region, in their order, and the progress that they go out from."""

    tasks: tuple[Task, ...]
    progress: Progress


def plan(settings: Settings, target: Target, progress: Progress, now: float, reach: Reach) -> Plan:
    """What is asked in this run for one account and Region."""
    progress = _prepared(settings, progress, now)
    listed = tuple(source for source in FOUND if source in settings.collect)
    asked_for = series(settings, progress)
    period = progress.ledger.period if progress.ledger else settings.period
    due = partial(is_due, progress.sources, now=now, target=target)
    tasks: list[Task] = [one for one in wanted(settings, progress) if due(one.name, one.every)]
    if listed and due(DISCOVERY, discovery.EVERY):
        tasks.append(Listing(listed))
    if asked_for and due(CLOUDWATCH, period):
        tasks.append(_question(settings, progress, asked_for, now, reach))
    return Plan(tuple(tasks), progress)


def wanted(settings: Settings, progress: Progress) -> Iterable[Collector]:
    """The API sources that are on; one that stands in for another only while that is denied."""
    for collector in COLLECTORS:
        if collector.instead_of:
            source = progress.sources.get(collector.instead_of)
            if source and any(failure.kind in STANDS_IN_FOR for failure in source.failures):
                yield collector
        elif collector.name in settings.collect:
            yield collector


def series(settings: Settings, progress: Progress) -> tuple[Series, ...]:
    """The CloudWatch series that are asked for. What the Agent would drop is not worth asking."""
    account = ACCOUNT if 'cloudwatch' in settings.collect else ()
    asked_for = (*account, *settings.named_series, *progress.discovered[: settings.max_series])
    return tuple(one for one in asked_for if not all(metric.name in settings.excluded for metric in one.spec.metrics))


def is_due(sources: Mapping[str, Source], name: str, every: int, now: float, target: Target) -> bool:
    """Whether a source is asked again: after `every` seconds, or at the beginning of its slot if that is nearer.

    Slots hang on the epoch, shifted by account and Region, so that many instances do not collect together.
    """
    source = sources.get(name)
    if source is None or source.ask_again or now < source.asked:
        return True
    shift = crc32(':'.join(target).encode()) % every
    slot = round((source.asked + every - shift) / every) * every + shift
    return now >= min(source.asked + every, slot) - GRACE


def _prepared(settings: Settings, progress: Progress, now: float) -> Progress:
    """The progress without what is not collected any more, and with what its ledger must know of edited options."""
    if not settings.collect.issuperset(FOUND):
        kept = tuple(one for one in progress.discovered if SOURCES[one.spec] in settings.collect)
        progress = replace(progress, discovered=kept, left_out=progress.left_out if kept else 0)
    names = {collector.name for collector in wanted(settings, progress)}
    if not settings.collect.isdisjoint(FOUND):
        names.add(DISCOVERY)
    if series(settings, progress):
        names.add(CLOUDWATCH)
    progress = replace(progress, sources={name: one for name, one in progress.sources.items() if name in names})
    if progress.ledger is None:
        return progress
    ledger = counting.closing(progress.ledger, settings.period, now)
    return replace(progress, ledger=counting.enrolled(ledger, (one.key for one in settings.named_series), now))


def _question(
    settings: Settings, progress: Progress, asked_for: tuple[Series, ...], now: float, reach: Reach
) -> Question:
    ledger = progress.ledger
    window = counting.window(ledger, now, settings.period, settings.settle_delay, reach)
    period = ledger.period if ledger else settings.period
    question = Question(queries(asked_for, (settings.statistic, *settings.statistics.values())), window, period)
    unknown = any(one.spec.is_rate and one.key not in progress.shown.rates for one in asked_for)
    if unknown and (CLOUDWATCH not in progress.sources or ledger is None or counting.sweep_is_due(ledger, window.end)):
        # Reputation rates come with gaps of hours. Datapoints are not billed, so the same call looks back a day.
        day = replace(question, window=window._replace(start=min(window.start, counting.align(now - DAY, period))))
        return day if day.datapoints <= PACE else question
    return question
