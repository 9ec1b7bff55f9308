"""Planning: the tasks of one run for one account and Region. Pure: settings, progress and time give the plan.

Each concern decides what is due of it; this module only composes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from datadog_checks.amazon_ses import quiet as quiet_regions
from datadog_checks.amazon_ses import sources
from datadog_checks.amazon_ses.cloudwatch import (
    daily,
    discovery,
    families,
    gauges,
    ledger,
    quarantine,
    selection,
    slots,
    survey,
)
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory, Listing
from datadog_checks.amazon_ses.cloudwatch.families import CONFIGURATION_SET, UNRECOGNIZED
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback, Origin
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES
from datadog_checks.amazon_ses.cloudwatch.periods import newest_window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Purpose, batches
from datadog_checks.amazon_ses.cloudwatch.selection import EXCLUDED, MAX_SERIES
from datadog_checks.amazon_ses.cloudwatch.series import Series
from datadog_checks.amazon_ses.cloudwatch.slots import Poll
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.collectors.account import ACCOUNT
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events.queues import DeleteTask, ReceiveTask, receive_tasks
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.registry import SWEEPS
from datadog_checks.amazon_ses.sources import CLOUDWATCH, DISCOVERY, SNDS
from datadog_checks.amazon_ses.sweeps import Context, Means, Sweep, states
from datadog_checks.amazon_ses.sweeps.configuration_sets import CONFIGURATION_SETS
from datadog_checks.amazon_ses.sweeps.identities import IDENTITIES
from datadog_checks.amazon_ses.sweeps.means import means
from datadog_checks.amazon_ses.sweeps.worker import SweepTask

SWEEP = 'sweep'
"""Stands for the source of the step that asks the sweeps."""

QUEUE = 'queue'
"""Stands for the source of the steps that read queues of events."""

Task = Collector | Listing | Batch | SweepTask | ReceiveTask | DeleteTask

SOURCES_OF_BATCHES = {Purpose.COUNTS: CLOUDWATCH, Purpose.SNDS: SNDS, Purpose.SURVEY: Purpose.SURVEY}
"""What a batch is asked for, as a source where it is one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of one Region, in the order in which they are asked. `progress` is what the plan was made from.

    `sweep` is for the sweeps of which something is due, `receives` are the parts of reading the queues of events.
    """

    collectors: tuple[Collector, ...]
    listings: tuple[Listing, ...]
    poll: Poll
    progress: Progress
    sweep: SweepTask | None = None
    receives: tuple[ReceiveTask, ...] = ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        sweeps = () if self.sweep is None else (self.sweep,)
        # Among the requests to SES those go first for which the run waits.
        first = [collector for collector in self.collectors if not collector.may_be_late]
        last = [collector for collector in self.collectors if collector.may_be_late]
        return (*first, *self.poll.batches, *self.listings, *last, *sweeps, *self.receives)


def plan(
    settings: Settings,
    target: Target,
    progress: Progress,
    now: float,
    lookback: Lookback,
    under_way: Sequence[Task] = (),
) -> Plan:
    """The tasks of this run for one account and Region: what is due and not under way already."""
    progress = _prepared(settings, progress, now)
    quiet = _is_quiet(settings, progress)
    is_due = partial(_is_due, progress, target, now)
    asked_names = {_source_of(task) for task in under_way}
    collectors = tuple(
        collector
        for collector in sources.active_collectors(progress.sources, settings.collect)
        if is_due(collector.name, collector.interval)
        and collector.name not in asked_names
        and not (quiet and collector.pauses_when_quiet)
    )
    listings: tuple[Listing, ...] = ()
    if lists_metrics(settings) and is_due(DISCOVERY, discovery.LISTING_INTERVAL) and DISCOVERY not in asked_names:
        unrecognized = UNRECOGNIZED in settings.collect
        listings = (discovery.next_listing(progress.inventory, now, unrecognized, settings.linked_accounts),)
    sweep = None if SWEEP in asked_names else _sweep_task(settings, target, progress, now)
    receives = receive_tasks(settings.events.queues, target.region, settings.interval, settings.network.read_timeout)
    if quiet is not False:
        if quiet:
            progress = _advanced_without_data(settings, progress, now, lookback)
        return Plan(collectors, listings, Poll(progress.slots.slot, (), lookback), progress, sweep, receives)
    slot = slots.next_slot(progress.slots, target, now, period_in_use(settings, progress))
    asked_keys = _keys_under_way(under_way)
    count_batches, progress = _count_batches(settings, progress, now, Poll(slot, (), lookback), asked_keys)
    every = [*count_batches]
    if is_due(SNDS, daily.DAILY_INTERVAL) and SNDS not in asked_names:
        every += daily.daily_batches(progress.selection, now)
    if Purpose.SURVEY not in asked_names:
        every += survey.survey_batches(progress.survey, now)
    return Plan(collectors, listings, Poll(slot, tuple(every), lookback), progress, sweep, receives)


def active_sweeps(settings: Settings) -> tuple[Sweep[Any], ...]:
    """The sweeps that are on."""
    return tuple(sweep for sweep in SWEEPS if sweep.name in settings.collect)


def sweep_context(
    settings: Settings, target: Target, progress: Progress, regions: Mapping[str, Progress] | None = None
) -> Context:
    """What the sweeps may know beside their own states. `regions` are all Regions of the account that are read."""
    return Context(
        target,
        is_quiet=_is_quiet(settings, progress) is not False,
        show_addresses=settings.show_addresses,
        sending_sets=partial(_listed_sets, progress.inventory),
        vdm=progress.standing is not None and progress.standing.terms.vdm is True,
        means=partial(_means, regions or {}),
        **settings.bounds._asdict(),
    )


def _means(regions: Mapping[str, Progress], region: str) -> Means | None:
    """What a Region could send with. Nothing is known of its account while that is not answered."""
    progress = regions.get(region)
    if progress is None:
        return None
    account = progress.sources.get(ACCOUNT.name)
    readings = () if account is None or account.failures else account.readings
    return means(readings, progress.sweeps.get(IDENTITIES.name), progress.sweeps.get(CONFIGURATION_SETS.name))


def _listed_sets(inventory: Inventory) -> frozenset[str]:
    """The configuration sets of this account that CloudWatch lists."""
    of_account = (metric.dimensions for metric in inventory.metrics if not metric.account)
    return frozenset(value for dimensions in of_account for name, value in dimensions if name == CONFIGURATION_SET)


def _sweep_task(settings: Settings, target: Target, progress: Progress, now: float) -> SweepTask | None:
    """The sweeps, if a request of them is due. They begin once a source of the Region has answered, if there is one."""
    sources_asked = progress.sources.values()
    if _source_names(settings, progress) and not any(source.answered_at is not None for source in sources_asked):
        return None
    sweeps, context = active_sweeps(settings), sweep_context(settings, target, progress)
    if states.next_in_turn(sweeps, progress.sweeps, context, now) is None:
        return None
    return SweepTask(sweeps, progress.sweeps, context)


def _is_quiet(settings: Settings, progress: Progress) -> bool | None:
    if settings.regions:
        return False
    return quiet_regions.is_quiet(progress.inventory, progress.sources, settings.collect)


def lists_metrics(settings: Settings) -> bool:
    """Whether ListMetrics is needed: for families of listed series, for linked accounts, for `regions: all`."""
    listed = not settings.collect.isdisjoint(families.SOURCES)
    return listed or (settings.linked_accounts and CLOUDWATCH in settings.collect) or not settings.regions


def period_in_use(settings: Settings, progress: Progress) -> int:
    """The period of the ledger, which after an edit of the option stays the old one for a while, or else the option."""
    return progress.ledger.period if progress.ledger else settings.period


def _is_due(progress: Progress, target: Target, now: float, name: str, interval: int) -> bool:
    return sources.is_due(progress.sources.get(name), interval, now, target)


def _prepared(settings: Settings, progress: Progress, now: float) -> Progress:
    """The progress with its series selected, its ledger adapted to them and to edited options, and without the sources
    that are off."""
    if progress.selection.stale or (MAX_SERIES in progress.selection.dropped and survey.is_due(progress.survey, now)):
        progress = _selected(settings, progress, now)
    names = _source_names(settings, progress)
    if not names >= progress.sources.keys():
        active = {name: source for name, source in progress.sources.items() if name in names}
        progress = replace(progress, sources=active)
    if progress.ledger is not None:
        adapted = ledger.plan_period_change(progress.ledger, settings.period, now)
        adapted = ledger.reindex(adapted, progress.selection.keys, _begins(progress))
        named = (series.key for series in settings.named_series)
        adapted = ledger.with_boundaries(adapted, named, _own_since(progress), now)
        progress = progress if adapted is progress.ledger else replace(progress, ledger=adapted)
    if progress.inventory.begins and not survey.is_awaited(progress.survey):
        progress = replace(progress, inventory=replace(progress.inventory, begins={}))
    return progress


def _begins(progress: Progress) -> Mapping[str, float]:
    """Before which time the series that are selected for the first time had no data, by key."""
    begins = progress.inventory.begins
    if not begins:
        return {}
    listed = ((series, families.listed_metric(series)) for series in progress.selection.series)
    return {series.key: begins[metric] for series, metric in listed if metric in begins}


def _own_since(progress: Progress) -> Mapping[str, float]:
    """From when the series of linked accounts count that another instance counted before, by key."""
    own_since = {account: since for account, since in progress.inventory.own_since.items() if since is not None}
    if not own_since:
        return {}
    return {
        series.key: own_since[series.account] for series in progress.selection.series if series.account in own_since
    }


def _source_names(settings: Settings, progress: Progress) -> set[str]:
    names = {collector.name for collector in sources.active_collectors(progress.sources, settings.collect)}
    if lists_metrics(settings):
        names.add(DISCOVERY)
    if progress.selection.series:
        names.add(CLOUDWATCH)
    if progress.selection.daily:
        names.add(SNDS)
    return names


def _selected(settings: Settings, progress: Progress, now: float) -> Progress:
    """The progress with the series selected anew from the inventory: `include`, `exclude`, then `max_series`."""
    account_series = ACCOUNT_SERIES if CLOUDWATCH in settings.collect else ()
    always = _submitted((*account_series, *settings.named_series), settings.dropped_metrics)
    named = [tuple(sorted(series.dimensions)) for series in settings.named_series]
    hashed = settings.bounds.hash_tenants
    recognized = families.recognize(progress.inventory.ordered, settings.collect, named, hashed)
    listed = _submitted(recognized, settings.dropped_metrics)
    matching = selection.matching(listed, settings.include, settings.exclude)
    surveying = survey.with_candidates(progress.survey, matching, settings.max_series, now)
    dropped = {EXCLUDED: len(listed) - len(matching)}
    chosen: list[Series] = []
    if not survey.is_awaited(surveying):
        chosen = selection.most_important(matching, settings.max_series, surveying.volumes)
        dropped[MAX_SERIES] = len(matching) - len(chosen)
    # Before the first survey nothing listed is chosen: the next run knows what matters.
    statistics = (settings.statistic, *settings.statistics.values())
    selected = selection.select(always, chosen, statistics, dropped, settings.dropped_metrics)
    return replace(progress, selection=selected, survey=surveying, slots=replace(progress.slots, poll_now=True))


def _submitted(series_list: Iterable[Series], dropped_metrics: frozenset[str]) -> list[Series]:
    """The series without those of which `metric_patterns` drops every metric: they are not worth a request."""
    if not dropped_metrics:
        return list(series_list)
    return [
        series for series in series_list if any(metric.name not in dropped_metrics for metric in series.spec.metrics)
    ]


def _advanced_without_data(settings: Settings, progress: Progress, now: float, lookback: Lookback) -> Progress:
    """The progress of a quiet Region. ListMetrics is up to 15 minutes late, so it is certain only up to
    two listings ago that there was no data."""
    if progress.ledger is None:
        first = ledger.new_ledger(progress.selection.keys, settings.period, now, lookback)
        return replace(progress, ledger=first)
    gap = ledger.failover_gap(progress.ledger.period, lookback)
    judged_at = quiet_regions.judged_at(progress.sources, settings.collect)
    if ledger.was_away(progress.ledger, now, lookback) and now - judged_at > gap:
        # What was known before this Agent was away says nothing of what another one counted since.
        return progress
    silent_until = now - 2 * discovery.LISTING_INTERVAL
    return replace(progress, ledger=ledger.advance_without_data(progress.ledger, silent_until, now, lookback))


def _source_of(task: Task) -> str:
    if isinstance(task, Collector):
        return task.name
    if isinstance(task, SweepTask):
        return SWEEP
    if isinstance(task, (ReceiveTask, DeleteTask)):
        return QUEUE
    return DISCOVERY if isinstance(task, Listing) else SOURCES_OF_BATCHES[task.purpose]


def _keys_under_way(under_way: Sequence[Task]) -> frozenset[str]:
    """The keys of the series that are being asked for their counts."""
    batches_under_way = [task for task in under_way if isinstance(task, Batch) and task.purpose is Purpose.COUNTS]
    return frozenset(series.key for batch in batches_under_way for series in batch.queries.series)


def _count_batches(
    settings: Settings, progress: Progress, now: float, poll: Poll, asked_keys: frozenset[str]
) -> tuple[list[Batch], Progress]:
    """The due batches for counts and gauges, and the progress with the number of idle series."""
    slot, _, lookback = poll
    selected, retries = progress.selection, _retries(progress)
    if not selected.series or not (slot > progress.slots.slot or progress.slots.poll_now or retries):
        return [], progress
    period = period_in_use(settings, progress)
    window = newest_window(now, period, settings.settle_delay)
    blocked = quarantine.blocked_indexes(progress.quarantine, selected.series, now)
    if asked_keys:
        blocked |= {index for index, key in enumerate(selected.keys) if key in asked_keys}
    due = slots.due(selected, progress.ledger, window, slot, lookback, blocked)
    unknown = gauges.unknown_measurements(progress.gauges, selected)
    starts = slots.extended_by_a_day(due.starts, unknown, progress.ledger, slot, window, period)
    origin = progress.ledger.origin(slot) if progress.ledger else Origin(slot, period)
    built = [
        batch
        for group in quarantine.split(progress.quarantine, starts, selected.keys)
        for batch in batches(group, selected.columns, window.end, period, origin=origin)
    ]
    ordered = slots.in_turn(built, progress.ledger, progress.slots)
    return ordered, replace(progress, slots=replace(progress.slots, idle=due.idle))


def _retries(progress: Progress) -> bool:
    source = progress.sources.get(CLOUDWATCH)
    return source is not None and source.retries
