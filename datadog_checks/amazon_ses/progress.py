"""Progress: everything that is known of one account in one Region. Pure: progress, outcomes and time give the next.

Each concern has a value of its own and takes its own outcomes; this module only composes them. A progress is replaced
and never changed, so a run that must not count leaves the one before it untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses import sources as source_states
from datadog_checks.amazon_ses.cloudwatch import booking, daily, discovery, gauges, ledger, quarantine, slots, survey
from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.blocks import Block
from datadog_checks.amazon_ses.cloudwatch.booking import Observations
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory, Listing, ListingAnswer
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric, listed_metric
from datadog_checks.amazon_ses.cloudwatch.gauges import GaugeValues
from datadog_checks.amazon_ses.cloudwatch.ledger import Booking, Ledger, Origin, SkippedSpan
from datadog_checks.amazon_ses.cloudwatch.periods import DAY
from datadog_checks.amazon_ses.cloudwatch.quarantine import Outcome, Quarantine
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Purpose, Queries
from datadog_checks.amazon_ses.cloudwatch.selection import NOT_SELECTED, Selection
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Scope, Series
from datadog_checks.amazon_ses.cloudwatch.slots import Poll, Slots
from datadog_checks.amazon_ses.cloudwatch.survey import Survey
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.collectors.account import STANDING_SOURCES, Standing, changes, newest_standing, standing
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events.intake import Events
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, malformed
from datadog_checks.amazon_ses.sources import CLOUDWATCH, CLOUDWATCH_SOURCES, DISCOVERY, SNDS, Sources
from datadog_checks.amazon_ses.sweeps import states as sweep_states
from datadog_checks.amazon_ses.sweeps.states import States
from datadog_checks.amazon_ses.sweeps.worker import SweepTask


@dataclass(frozen=True, slots=True)
class Progress:
    """The values of all concerns. `ledger` is None before the first good answer of CloudWatch."""

    ledger: Ledger | None = None
    gauges: GaugeValues = field(default_factory=GaugeValues)
    standing: Standing | None = None
    inventory: Inventory = field(default_factory=Inventory)
    selection: Selection = NOT_SELECTED
    survey: Survey = field(default_factory=Survey)
    slots: Slots = field(default_factory=Slots)
    quarantine: Quarantine = field(default_factory=Quarantine)
    sources: Sources = field(default_factory=dict)
    sweeps: States = field(default_factory=dict)
    events: Events = field(default_factory=Events)


@dataclass(frozen=True, slots=True)
class RunStart:
    """The start of the run in which requests began: its number in this process, its time, its poll, and the keys of its
    series by index."""

    run: int
    at: float
    poll: Poll
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What the answers of a run add to the counts: amounts by the index of their series, and the skipped spans."""

    amounts: Mapping[int, float] = field(default_factory=dict)
    skipped: tuple[SkippedSpan, ...] = ()
    series: Sequence[Series] = ()

    def plus(self, other: Counts) -> Counts:
        """Both together. Indexes may mean different series in them."""
        first = len(self.series)
        return Counts(
            {**self.amounts, **{first + index: amount for index, amount in other.amounts.items()}},
            (*self.skipped, *other.skipped),
            (*self.series, *other.series),
        )


def with_readings(progress: Progress, observed: Progress) -> Progress:
    """The progress with the readings of the API sources that this process observed, and with its newer gauges.

    The standing stays: what changed since it was saved is an event.
    """
    readings = {name: source for name, source in observed.sources.items() if name not in CLOUDWATCH_SOURCES}
    return replace(
        progress,
        sources={**readings, **progress.sources},
        gauges=gauges.merged(progress.gauges, observed.gauges),
    )


def after_snapshot(
    progress: Progress, collector: Collector, answer: Mapping[str, Any] | Failure, now: float, run: int = 0
) -> tuple[Progress, tuple[Event, ...]]:
    """The progress after an API source was asked at `now`, in a run of this number, and the events that it means.

    What a later request was answered already is newer, and stays.
    """
    same_facts = [other.name for other in STANDING_SOURCES] if collector in STANDING_SOURCES else [collector.name]
    if source_states.is_superseded(progress.sources, same_facts, run):
        return progress, ()
    if isinstance(answer, Failure):
        return _with_failure(progress, collector.name, answer, now), ()
    try:
        readings = tuple(collector.parse(answer, now))
        observed = standing(answer) if collector in STANDING_SOURCES else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        operation = collector.actions[0].name.partition(':')[2]
        failure = malformed(operation, f'the answer lacks what it must have ({type(error).__name__}).')
        return _with_failure(progress, collector.name, failure, now), ()
    progress = replace(progress, sources=source_states.answered(progress.sources, collector.name, now, readings, run))
    if observed is None:
        return progress, ()
    events = tuple(changes(progress.standing, observed))
    return replace(progress, standing=newest_standing(progress.standing, observed)), events


def after_sweeps(progress: Progress, task: SweepTask, states: States | Failure) -> tuple[Progress, tuple[Event, ...]]:
    """The progress after sweeps were asked, which states came of it, and the events that it means."""
    if isinstance(states, Failure):
        return progress, ()
    after = {**progress.sweeps, **states}
    events = sweep_states.events(task.sweeps, progress.sweeps, after, task.context)
    return replace(progress, sweeps=after), tuple(events)


def after_listing(
    progress: Progress, listing: Listing, answer: ListingAnswer | Failure, now: float, run: int = 0
) -> Progress:
    """The progress after ListMetrics was asked at `now`, in a run of this number. New series, and those that woke, are
    asked for in the next run."""
    if source_states.is_superseded(progress.sources, [DISCOVERY], run):
        return progress
    if isinstance(answer, Failure):
        return _with_failure(progress, DISCOVERY, answer, now)
    inventory, woken = discovery.after_listing(progress.inventory, listing, answer, now)
    if answer.failure is None:
        sources = source_states.answered(progress.sources, DISCOVERY, now, run=run)
    elif answer.failure.kind is FailureKind.PARTIAL:
        # The listing is as long as it can get, so it waits for its cadence: as if it had been retried already.
        sources = {**progress.sources, DISCOVERY: source_states.Source(now, now, (answer.failure,), failed_runs=2)}
    else:
        sources = source_states.failed(progress.sources, DISCOVERY, (answer.failure,), now)
    stale = progress.selection.stale or inventory.metrics != progress.inventory.metrics
    progress = replace(
        progress, sources=sources, inventory=inventory, selection=replace(progress.selection, stale=stale)
    )
    return _awake(progress, woken)


def after_late_answers(
    progress: Progress, start: RunStart, outcomes: Sequence[Outcome], settings: Settings, now: float
) -> tuple[Progress, Counts]:
    """The progress after CloudWatch answered requests of an earlier run, as if it had answered in that run.

    An answer is dropped where its amounts must not be compared with the ledger of today: the period was edited, what
    was submitted is in doubt, or, where Agents take turns, another one may have counted. `booking.rebased` drops those
    that were asked for before counting began anew.
    """
    outcomes = [pair for pair in outcomes if _is_comparable(progress, start, pair[0], settings, now)]
    outcomes = [_with_indexes_of(progress.selection.keys, start.keys, *pair) for pair in outcomes]
    after, counts = after_answers(progress, start.poll, outcomes, settings, start.at)
    slots_after = replace(after.slots, poll_now=after.slots.poll_now or progress.slots.poll_now)
    not_older = source_states.not_older(after.sources, progress.sources, now)
    return replace(after, slots=slots_after, sources=not_older), counts


def after_no_answer(progress: Progress, slot: int, batches: Iterable[Batch]) -> Progress:
    """The progress after these batches were asked in a slot and got no answer yet, or none at all."""
    keys = [key for batch in batches if batch.purpose is Purpose.COUNTS for key in batch.keys.values()]
    return replace(progress, slots=slots.after_no_answer(progress.slots, slot, keys))


def after_answers(
    progress: Progress, poll: Poll, outcomes: Sequence[Outcome], settings: Settings, now: float
) -> tuple[Progress, Counts]:
    """The progress after CloudWatch was asked in a run, and what its answers add to the counts.

    A batch of the poll without an outcome was too late: it is asked again in the next run.
    """
    by_purpose = {purpose: [pair for pair in outcomes if pair[0].purpose is purpose] for purpose in Purpose}
    if by_purpose[Purpose.SNDS]:
        progress = _after_daily(progress, by_purpose[Purpose.SNDS], settings, now)
    if by_purpose[Purpose.SURVEY]:
        surveyed = survey.after_answers(progress.survey, _answers(by_purpose[Purpose.SURVEY]), now)
        progress = replace(progress, survey=surveyed, selection=replace(progress.selection, stale=True))
    if not by_purpose[Purpose.COUNTS]:
        return progress, Counts()
    return _after_counts(progress, poll, by_purpose[Purpose.COUNTS], settings, now)


def _after_counts(
    progress: Progress, poll: Poll, outcomes: Sequence[Outcome], settings: Settings, now: float
) -> tuple[Progress, Counts]:
    answers = _answers(outcomes)
    complete = [answer for answer in answers if answer.any_complete]
    planned = sum(batch.purpose is Purpose.COUNTS for batch in poll.batches)
    poll_now = len(outcomes) < planned or progress.selection.stale
    progress = replace(
        progress,
        slots=slots.after_polling(progress.slots, poll.slot, now, poll_now),
        quarantine=quarantine.after_outcomes(progress.quarantine, outcomes, now),
        sources=source_states.partly_answered(progress.sources, CLOUDWATCH, _failures(outcomes), now, len(complete)),
    )
    if not complete:
        return progress, Counts()
    gauged = progress.selection.gauged
    shown = [answer for answer in answers if any(map(gauged.__getitem__, answer.batch.indexes))]
    values = gauges.after_answers(progress.gauges, shown, now, settings.settle_delay, settings.zeroed)
    booked = _booked(progress, poll, answers, settings, now)
    amounts = {**booked.amounts, **_zeros(booked, progress.selection.series, now)}
    counts = Counts(amounts, booked.skipped, progress.selection.series)
    return replace(progress, gauges=values, ledger=booked.ledger), counts


def _zeros(booked: Booking, series_list: Sequence[Series], now: float) -> Mapping[int, float]:
    """An explicit zero for each count of an account that a complete answer says nothing happened of.

    Without it a monitor takes a collection that fails for mail that has stopped. A series without data for a day shows
    no zero, as its gauge: a Region that never sends has no count.
    """
    newest_data = booked.ledger.newest_data
    return {
        index: 0.0
        for index in sorted(booked.advanced.difference(booked.amounts))
        if series_list[index].spec.account_wide and now - newest_data[index] < DAY
    }


def _booked(progress: Progress, poll: Poll, answers: Sequence[BatchAnswer], settings: Settings, now: float) -> Booking:
    """The first ledger, or the booking of the answers in the one there is."""
    selection, lookback, current = progress.selection, poll.lookback, progress.ledger
    observations = [_observations(answer, selection) for answer in answers]
    newest = max(page.answered_at for page in observations)
    end = max(page.window.end for page in observations)
    origin = current.origin(poll.slot) if current else Origin(poll.slot, settings.period)
    read_daily = daily.as_read(selection, origin, end, newest)
    if current is None:
        first = ledger.new_ledger(selection.keys, settings.period, max(now, newest), lookback)
        named = {series.key: first.since for series in selection.series if series.scope is Scope.NAMED}
        first = replace(first, series_since=named)
        return Booking(booking.record_reads(first, [*observations, read_daily]))
    bookable = [page for page in (booking.rebased(page, current) for page in observations) if page]
    if not bookable:
        return Booking(current)
    booked = booking.book(current, [*bookable, read_daily], lookback)
    oldest = min(page.answered_at for page in bookable)
    change = ledger.finish_period_change(booked.ledger, settings.period, oldest, settings.settle_delay, lookback)
    return replace(booked, ledger=change.ledger, skipped=booked.skipped + change.skipped)


def _observations(answer: BatchAnswer, selection: Selection) -> Observations:
    """The answer as the ledger reads it."""
    batch = answer.batch
    blocks: Sequence[Block] = answer.blocks
    if len(set(batch.indexes)) < len(batch.indexes):
        of_ledger = [statistic == SUM or series.spec.count is None for series, statistic in batch.queries]
        blocks = [block.where(of_ledger.__getitem__) for block in blocks]
    return Observations(
        batch.origin or Origin(0, batch.period),
        batch.window,
        answer.answered_at,
        selection.keys,
        batch.indexes,
        list(map(selection.counted.__getitem__, batch.indexes)),
        blocks,
    )


def _after_daily(progress: Progress, outcomes: Sequence[Outcome], settings: Settings, now: float) -> Progress:
    answers = _answers(outcomes)
    return replace(
        progress,
        sources=source_states.partly_answered(progress.sources, SNDS, _failures(outcomes), now, len(answers)),
        gauges=gauges.after_answers(progress.gauges, answers, now, settings.settle_delay),
    )


def _awake(progress: Progress, woken: frozenset[ListedMetric]) -> Progress:
    """Have the series of these metrics read in the next run, as if they had not been read before."""
    if not woken or progress.ledger is None:
        return progress
    read_slots, poll_now = progress.ledger.read_slots[:], progress.slots.poll_now
    for index, series in enumerate(progress.selection.series[: len(read_slots)]):
        if listed_metric(series) in woken:
            read_slots[index] = 0
            poll_now = True
    return replace(
        progress,
        ledger=replace(progress.ledger, read_slots=read_slots),
        slots=replace(progress.slots, poll_now=poll_now),
    )


def _is_comparable(progress: Progress, start: RunStart, batch: Batch, settings: Settings, now: float) -> bool:
    """Whether a late answer may be compared with the ledger, or is not about counts."""
    current, lookback = progress.ledger, start.poll.lookback
    if batch.purpose is not Purpose.COUNTS:
        return True
    if batch.period != (current.period if current else settings.period) or (current and current.doubt):
        return False
    return not lookback.failover_interval or now - start.at <= ledger.failover_gap(batch.period, lookback)


def _with_indexes_of(keys: tuple[str, ...], keys_then: tuple[str, ...], batch: Batch, outcome: Any) -> Outcome:
    """A batch and its outcome with the indexes that its series have now, without those that are not selected now."""
    if batch.purpose is not Purpose.COUNTS or keys == keys_then or not isinstance(outcome, BatchAnswer):
        return batch, outcome
    index_of = {key: index for index, key in enumerate(keys)}
    now_at = {
        place: index_of[series.key] for place, series in enumerate(batch.queries.series) if series.key in index_of
    }
    queries, position_of = [batch.queries[place] for place in now_at], {old: new for new, old in enumerate(now_at)}
    selected = [block.where(now_at.__contains__) for block in outcome.blocks]
    return batch, replace(
        outcome,
        batch=replace(batch, queries=Queries.of(*queries), indexes=tuple(now_at.values())),
        blocks=[block._replace(positions=[position_of[old] for old in block.positions]) for block in selected],
    )


def _answers(outcomes: Iterable[Outcome]) -> list[BatchAnswer]:
    return [outcome for _, outcome in outcomes if isinstance(outcome, BatchAnswer)]


def _failures(outcomes: Iterable[Outcome]) -> tuple[Failure, ...]:
    failures: dict[Failure, None] = {}
    for _, outcome in outcomes:
        failures |= dict.fromkeys((outcome,) if isinstance(outcome, Failure) else outcome.failures)
    return tuple(failures)


def _with_failure(progress: Progress, name: str, failure: Failure, now: float) -> Progress:
    return replace(progress, sources=source_states.failed(progress.sources, name, (failure,), now))
