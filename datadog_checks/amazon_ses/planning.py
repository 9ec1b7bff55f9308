"""What is due. Pure: settings, progress and the time give the plan of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

from datadog_checks.amazon_ses.cloudwatch import discovery, families, schedule, selection
from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch.discovery import Listing
from datadog_checks.amazon_ses.cloudwatch.families import UNRECOGNIZED
from datadog_checks.amazon_ses.cloudwatch.ledger import Reach, Window
from datadog_checks.amazon_ses.cloudwatch.queries import PACE, Batch, batches
from datadog_checks.amazon_ses.cloudwatch.selection import EXCLUDED, MAX_SERIES, Pace, Selection
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT, DAY, SUM, Series
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.collectors.account import SENT_24_HOUR
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.model import FailureKind, Sample, Target
from datadog_checks.amazon_ses.progress import CLOUDWATCH, DAILY, DISCOVERY, SURVEY, Progress, Source
from datadog_checks.amazon_ses.registry import COLLECTORS

GRACE = 5.0
"""Seconds that a run may come early: the Agent's cycle is not exact, and a run at 59.9 s is not to be skipped."""

STANDS_IN_FOR = (FailureKind.DENIED, FailureKind.UNSUPPORTED)

HOUR = 3600
SURVEY_SPAN = 3 * HOUR
SURVEY_EVERY = DAY
MOST_SURVEYED = 5000
"""Groups of series whose volume is asked for, at about five cents."""

Task = Collector | Listing | Batch


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of one Region: those of `lead` one after the other, then those `beside` each other; and the progress
    that they go out from. `slot` is the number of the slot of its CloudWatch series."""

    lead: tuple[Collector, ...]
    beside: tuple[Listing | Batch, ...]
    progress: Progress
    slot: int = 0

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (*self.lead, *self.beside)

    @property
    def batches(self) -> tuple[Batch, ...]:
        return tuple(one for one in self.beside if isinstance(one, Batch))


def plan(settings: Settings, target: Target, progress: Progress, now: float, reach: Reach) -> Plan:
    """What is asked in this run for one account and Region."""
    progress = _prepared(settings, progress, now)
    quiet = is_quiet(settings, progress)
    due = partial(is_due, progress.sources, now=now, target=target)
    lead = tuple(
        one
        for one in wanted(settings, progress)
        if due(one.name, one.interval) and not (quiet and one.pauses_when_quiet)
    )
    beside: list[Listing | Batch] = []
    if lists(settings) and due(DISCOVERY, discovery.EVERY):
        unrecognized = UNRECOGNIZED in settings.collect
        beside.append(discovery.next_listing(progress.inventory, now, unrecognized, settings.linked_accounts))
    period = progress.ledger.period if progress.ledger else settings.period
    if quiet is not False:
        if quiet:
            # What begins is listed with a delay. Until then it may have happened.
            known_to = now - 2 * discovery.EVERY if progress.ledger else now
            ledger = counting.quiet(progress.ledger, tuple(one.key for one in progress.series), period, known_to, reach)
            progress = replace(progress, ledger=ledger)
        return Plan(lead, tuple(beside), progress, progress.slot)
    slot = _next_slot(progress, target, now, period)
    asked, progress = _counted(settings, progress, now, slot, reach)
    beside += asked
    beside += _daily(progress, now) if due(DAILY, schedule.DAILY_EVERY) else []
    beside += _survey(progress, now)
    return Plan(lead, tuple(beside), progress, slot)


def wanted(settings: Settings, progress: Progress) -> Iterable[Collector]:
    """The API sources that are on; one that stands in for another only while that is denied."""
    for collector in COLLECTORS:
        if collector.instead_of:
            source = progress.sources.get(collector.instead_of)
            if source and any(failure.kind in STANDS_IN_FOR for failure in source.failures):
                yield collector
        elif collector.name in settings.collect:
            yield collector


def lists(settings: Settings) -> bool:
    """Whether ListMetrics is asked: for what only it finds, and for what linked accounts have."""
    found = not settings.collect.isdisjoint(families.SOURCES)
    return found or (settings.linked_accounts and CLOUDWATCH in settings.collect) or not settings.regions


def is_quiet(settings: Settings, progress: Progress) -> bool | None:
    """Whether nothing goes on in a Region that nobody named: no sends in a day, no series in two weeks.

    None while that is not known yet. Always False for Regions that the operator named.
    """
    if settings.regions:
        return False
    if progress.inventory.listed:
        return False
    asked = [progress.sources.get(name) for name in ('account', 'quota_v1')]
    sent = [
        reading.value
        for source in asked
        if source is not None
        for reading in source.readings
        if isinstance(reading, Sample) and reading.metric is SENT_24_HOUR
    ]
    if any(sent):
        return False
    listing = progress.sources.get(DISCOVERY)
    if (listing is not None and listing.failures) or (not sent and any(one and one.failures for one in asked)):
        # Who cannot tell is asked as if there were something.
        return False
    known = progress.inventory.whole_at is not None and (bool(sent) or 'account' not in settings.collect)
    return True if known else None


def is_due(sources: Mapping[str, Source], name: str, every: int, now: float, target: Target) -> bool:
    """Whether a source is asked again: because something failed, or because its time has come."""
    source = sources.get(name)
    return source is None or source.ask_again or _is_time(source.asked, every, now, target)


def _is_time(asked: float, every: int, now: float, target: Target) -> bool:
    """Whether `every` seconds have passed, or the next slot begins if that is nearer.

    Slots hang on the epoch, shifted by account and Region, so that many instances do not collect together.
    """
    shift = _shift(target, every)
    slot = round((asked + every - shift) / every) * every + shift
    return now < asked or now >= min(asked + every, slot) - GRACE


def _next_slot(progress: Progress, target: Target, now: float, period: int) -> int:
    """The number of the slot in which series are asked for now: that of the last time until its successor begins."""
    if progress.collected is not None and not _is_time(progress.collected, period, now, target):
        return progress.slot
    return max(progress.slot + 1, round((now - _shift(target, period)) / period))


def _shift(target: Target, every: int) -> int:
    return crc32(':'.join(target).encode()) % every


def _prepared(settings: Settings, progress: Progress, now: float) -> Progress:
    """The progress without what is not collected any more, with its series selected and its ledger arranged for them,
    and with what the ledger must know of edited options."""
    if progress.changed or (MAX_SERIES in progress.selection.dropped and _is_unsurveyed(progress, now)):
        progress = _selected(settings, progress, now)
    names = {collector.name for collector in wanted(settings, progress)}
    if lists(settings):
        names.add(DISCOVERY)
    if progress.series:
        names.add(CLOUDWATCH)
    if Pace.DAILY in progress.selection.paces:
        names.add(DAILY)
    if not names >= progress.sources.keys():
        progress = replace(progress, sources={name: one for name, one in progress.sources.items() if name in names})
    if progress.ledger is None:
        return progress
    ledger = counting.closing(progress.ledger, settings.period, now)
    ledger = counting.arranged(ledger, progress.selection.keys)
    ledger = counting.enrolled(ledger, (one.key for one in settings.named_series), now)
    return progress if ledger is progress.ledger else replace(progress, ledger=ledger)


def _selected(settings: Settings, progress: Progress, now: float) -> Progress:
    """The progress with its series chosen among those that are listed."""
    always = [
        one
        for one in (*(ACCOUNT if CLOUDWATCH in settings.collect else ()), *settings.named_series)
        if _is_sent(settings, one)
    ]
    named = [tuple(sorted(one.dimensions)) for one in settings.named_series]
    listed = families.recognized(progress.inventory.listed, settings.collect, named)
    found = [one for one in listed if _is_sent(settings, one)]
    kept = selection.wanted(found, settings.include, settings.exclude)
    dropped = {EXCLUDED: len(found) - len(kept)}
    candidates: tuple[Series, ...] = ()
    if len(kept) > settings.max_series > 0:
        leaders = selection.leaders(kept)
        if _is_unsurveyed(progress, now):
            candidates = tuple(leaders[group] for group in sorted(leaders)[:MOST_SURVEYED])
    if candidates and progress.surveyed is None:
        # What to leave out is decided when it is known what matters: in the next run.
        chosen: list[Series] = []
    else:
        chosen = selection.limited(kept, settings.max_series, progress.volumes)
        dropped[MAX_SERIES] = len(kept) - len(chosen)
    selected = selection.select(always, chosen, (settings.statistic, *settings.statistics.values()), dropped)
    return replace(progress, selection=selected, changed=False, candidates=candidates, fresh=True)


def _is_unsurveyed(progress: Progress, now: float) -> bool:
    return progress.surveyed is None or not 0 <= now - progress.surveyed < SURVEY_EVERY


def _is_sent(settings: Settings, one: Series) -> bool:
    """Whether anything of a series gets past the Agent's metric_patterns: what would be dropped is not worth asking."""
    return not all(metric.name in settings.dropped_metrics for metric in one.spec.metrics)


def _counted(
    settings: Settings, progress: Progress, now: float, slot: int, reach: Reach
) -> tuple[list[Batch], Progress]:
    """The batches of what is counted and shown, if any is due, and the progress that knows who waits."""
    selected, ledger = progress.selection, progress.ledger
    source = progress.sources.get(CLOUDWATCH)
    again = source is not None and source.ask_again
    if not selected.series or not (slot > progress.slot or progress.fresh or again):
        return [], progress
    period = ledger.period if ledger else settings.period
    window = counting.newest(now, period, settings.settle_delay)
    resting = _resting(selected, progress, now)
    due = schedule.due(selected, ledger, window, slot, reach, resting)
    starts = dict(due.starts)
    _look_back(selected, progress, starts, window, slot, now, period)
    apart: list[Batch] = []
    places = {key: place for place, key in enumerate(selected.keys)} if progress.apart else {}
    for part in progress.apart:
        its = {place: starts.pop(place) for place in (places.get(key, -1) for key in part) if place in starts}
        apart += batches(its, selected.series, selected.asked, selected.weights, window.end, period)
    asked = batches(starts, selected.series, selected.asked, selected.weights, window.end, period)
    return [*asked, *apart], replace(progress, idle=due.idle)


def _look_back(
    selected: Selection,
    progress: Progress,
    starts: dict[int, int],
    window: Window,
    slot: int,
    now: float,
    period: int,
) -> None:
    """Let readings of which nothing is known look back a day, now and then. They come with gaps of hours, and
    datapoints are not billed."""
    ledger, turns = progress.ledger, schedule.lanes(period)
    unknown = [
        place
        for place in selected.readings
        if place in starts and selected.keys[place] not in progress.shown.readings
        if ledger is None or not ledger.read_in[place] or place % turns == slot % turns
    ]
    day = counting.align(now - DAY, period)
    if len(unknown) * (window.end - day) // period <= PACE:
        starts.update({place: min(starts[place], day) for place in unknown})


def _resting(selected: Selection, progress: Progress, now: float) -> frozenset[int]:
    names = {name for name, until in progress.resting.items() if until > now}
    if not names:
        return frozenset()
    return frozenset(
        place for place, one in enumerate(selected.series) if one.key in names or (one.account and one.account in names)
    )


def _daily(progress: Progress, now: float) -> list[Batch]:
    """The batches of what has one datapoint a day."""
    selected = progress.selection
    if Pace.DAILY not in selected.paces:
        return []
    end = counting.end_of(now, HOUR)
    places = [place for place, pace in enumerate(selected.paces) if pace == Pace.DAILY]
    starts = dict.fromkeys(places, end - schedule.DAILY_SPAN)
    return batches(starts, selected.series, selected.asked, selected.weights, end, HOUR, DAILY)


def _survey(progress: Progress, now: float) -> list[Batch]:
    """The batches that ask how much went on of late in each group."""
    if not progress.candidates:
        return []
    end = counting.end_of(now, HOUR)
    asked = [(SUM,)] * len(progress.candidates)
    starts = dict.fromkeys(range(len(asked)), end - SURVEY_SPAN)
    weights = [selection.weight(one) for one in progress.candidates]
    return batches(starts, progress.candidates, asked, weights, end, HOUR, SURVEY)
