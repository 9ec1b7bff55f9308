"""What has been collected so far for one account in one Region. Pure: outcomes and the time give the next progress.

What CloudWatch said outlives a restart, because it is billed, and so does the standing, because its changes are events.
What the free sources said does not: a new process asks them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.cloudwatch import discovery, gauges
from datadog_checks.amazon_ses.cloudwatch import ledger as counting
from datadog_checks.amazon_ses.cloudwatch.answers import Answer
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory, Listing
from datadog_checks.amazon_ses.cloudwatch.gauges import Shown
from datadog_checks.amazon_ses.cloudwatch.ledger import GivenUp, Ledger, Reach, Reads, Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, halved
from datadog_checks.amazon_ses.cloudwatch.selection import Group, Pace, Selection, group
from datadog_checks.amazon_ses.cloudwatch.series import DAY, SUM, Series
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, SENDING_V1, Standing, changes, standing
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Reading, malformed

CLOUDWATCH = 'cloudwatch'
DISCOVERY = 'discovery'
DAILY = 'snds'
"""The names of the CloudWatch sources; those of the API sources are in their collectors."""

SURVEY = 'survey'
"""The purpose of a batch that asks how much was sent of late, to tell what is important."""

FORBIDDEN_FOR = 3600
"""Seconds until a linked account that CloudWatch may not show is asked for again."""

REFUSED_FOR = DAY
"""Seconds until a series is asked for again whose very name CloudWatch refuses."""

UNHEARD_FOR = 1200
"""The same where nothing else was answered in the meantime: then it is hardly the series that is refused."""

MOST_REFUSED = 16
"""Batches of which none was answered that are still halved, so that requests stay few."""


@dataclass(frozen=True, slots=True)
class Source:
    """How one source did: when it was asked, when it last answered, what failed then, what it said.

    `failed` is how often in a row something failed.
    """

    asked: float
    read: float | None = None
    failures: tuple[Failure, ...] = ()
    readings: tuple[Reading, ...] = ()
    failed: int = 0

    @property
    def ask_again(self) -> bool:
        """Whether the next run asks again, without waiting for the cadence.

        What was denied stays denied a while. An answer in part is billed as a whole one, so only the first is repeated.
        """
        patient = (FailureKind.DENIED, FailureKind.UNSUPPORTED)
        billed = (FailureKind.PARTIAL, FailureKind.MALFORMED)
        repeated = self.read == self.asked and self.failed > 1
        return any(
            failure.kind not in patient and (failure.at_request or not (repeated and failure.kind in billed))
            for failure in self.failures
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything that is known of one account in one Region.

    `selection` are the series that are asked for, which is to be decided anew where `changed`; `candidates` are those
    to survey before. `volumes` is how much went on of late in each group, and `surveyed` when that was asked.
    `collected` is when the series were last asked for in their slot, and `slot` its number; `fresh` says that some are
    asked for before the next one. `idle` is how many series wait their turn. `apart` are series, by key, that stay out
    of other batches, because a batch that held them was refused, and `heard` whether anything was answered since.
    `resting` are keys, and linked accounts, that are left alone until a time.
    """

    ledger: Ledger | None = None
    shown: Shown = field(default_factory=Shown)
    standing: Standing | None = None
    inventory: Inventory = field(default_factory=Inventory)
    selection: Selection = field(default_factory=Selection)
    changed: bool = True
    candidates: tuple[Series, ...] = ()
    volumes: Mapping[Group, float] = field(default_factory=dict)
    surveyed: float | None = None
    collected: float | None = None
    slot: int = 0
    fresh: bool = False
    idle: int = 0
    apart: tuple[frozenset[str], ...] = ()
    heard: bool = False
    resting: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)

    @property
    def series(self) -> tuple[Series, ...]:
        """The series that are asked for."""
        return self.selection.series


@dataclass(frozen=True, slots=True)
class Counted:
    """What the answers of a run are worth: amounts to hand over by the place of their series, and what was lost on the
    way."""

    amounts: Mapping[int, float] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = ()
    shrunk: float = 0.0
    series: Sequence[Series] = ()

    def by_series(self) -> Iterable[tuple[Series, float]]:
        return ((self.series[place], amount) for place, amount in self.amounts.items())


def after_snapshot(
    progress: Progress, collector: Collector, answer: Mapping[str, Any] | Failure, now: float
) -> tuple[Progress, tuple[Event, ...]]:
    """The progress after an API source was asked, and the events that its answer means."""
    if isinstance(answer, Failure):
        return _failed(progress, collector.name, (answer,), now), ()
    try:
        readings = tuple(collector.parse(answer, now))
        seen = standing(answer) if collector in (ACCOUNT, SENDING_V1) else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        operation = collector.actions[0].name.partition(':')[2]
        failure = malformed(operation, f'the answer lacks what it must have ({type(error).__name__}).')
        return _failed(progress, collector.name, (failure,), now), ()
    progress = _with_source(progress, collector.name, Source(now, now, (), readings))
    if seen is None:
        return progress, ()
    return replace(progress, standing=_known(progress.standing, seen)), tuple(changes(progress.standing, seen))


def after_listing(progress: Progress, listing: Listing, answer: discovery.Answer | Failure, now: float) -> Progress:
    """The progress after ListMetrics was asked. What is new, or has woken, is asked for in the next run."""
    if isinstance(answer, Failure):
        return _failed(progress, DISCOVERY, (answer,), now)
    before = progress.inventory
    inventory, woken = discovery.after(before, listing, answer, now)
    if answer.failure is None:
        progress = _with_source(progress, DISCOVERY, Source(now, now))
    elif answer.failure.kind is FailureKind.PARTIAL:
        # It was as much as can be had, so it is not repeated before its time.
        progress = _with_source(progress, DISCOVERY, Source(now, now, (answer.failure,), failed=2))
    else:
        progress = _failed(progress, DISCOVERY, (answer.failure,), now)
    changed = progress.changed or inventory.listed != before.listed
    progress = replace(progress, inventory=inventory, changed=changed)
    ledger = progress.ledger
    if not woken or ledger is None:
        return progress
    known = {(one.account, one.namespace, one.metric_name, one.dimensions): one.key for one in progress.series}
    keys = {known[one] for one in woken if one in known}
    read_in = ledger.read_in[:]
    for place, key in enumerate(ledger.keys):
        if key in keys:
            read_in[place] = 0
    return replace(progress, ledger=replace(ledger, read_in=read_in), fresh=progress.fresh or bool(keys))


def after_answers(
    progress: Progress,
    asked: Sequence[Batch],
    outcomes: Sequence[tuple[Batch, Answer | Failure]],
    slot: int,
    now: float,
    settings: Settings,
    reach: Reach,
) -> tuple[Progress, Counted]:
    """The progress after CloudWatch was asked in a run, and what its answers are worth.

    What of `asked` has no outcome was too late: it is asked for again in the next run.
    """
    for purpose, take in ((DAILY, _after_daily), (SURVEY, _after_survey)):
        special = [(batch, outcome) for batch, outcome in outcomes if batch.purpose == purpose]
        if special:
            progress = take(progress, special, now, settings)
    outcomes = [(batch, outcome) for batch, outcome in outcomes if not batch.purpose]
    if not outcomes:
        return progress, Counted()
    late = len(outcomes) < sum(not batch.purpose for batch in asked)
    if slot > progress.slot:
        progress = replace(progress, slot=slot, collected=now)
    answers = [answer for _, answer in outcomes if isinstance(answer, Answer)]
    failures = _failures(outcome for _, outcome in outcomes)
    before = progress.sources.get(CLOUDWATCH, Source(now))
    anything = any(result.complete for answer in answers for result in answer.results)
    source = Source(now, now if anything else before.read, failures, failed=before.failed + 1 if failures else 0)
    progress = replace(_with_source(progress, CLOUDWATCH, source), fresh=late or progress.changed)
    progress = _set_apart(progress, outcomes, now)
    if not anything:
        return progress, Counted()
    progress = replace(
        progress, shown=gauges.after(progress.shown, answers, now, settings.settle_delay, settings.zeroed)
    )
    reads = [*(_reads(answer, settings.dropped_metrics) for answer in answers), _uncounted(progress.selection, answers)]
    answered_at = min(answer.answered_at for answer in answers)
    if progress.ledger is None:
        keys = tuple(one.key for one in progress.series)
        latest = max(now, *(answer.answered_at for answer in answers))
        ledger = counting.opened(keys, settings.period, latest, reach)
        born = {one.key: ledger.since for one in progress.series if one.named}
        return replace(progress, ledger=counting.noted(replace(ledger, born=born), reads, slot)), Counted()
    booking = counting.book(progress.ledger, reads, answered_at, slot, reach)
    end = counting.closed(booking.ledger, settings.period, answered_at, settings.settle_delay, reach)
    given_up = booking.given_up + end.given_up
    return replace(progress, ledger=end.ledger), Counted(booking.amounts, given_up, booking.shrunk, progress.series)


def _reads(answer: Answer, excluded: frozenset[str]) -> Reads:
    """What the ledger is told. A count that the Agent would drop is not booked: it would be missing when the operator
    wants it again."""
    places, points, complete, counted = [], [], [], []
    for (series, statistic), place, result in zip(
        answer.batch.queries, answer.batch.places, answer.results, strict=True
    ):
        count = series.spec.count
        if count is None or statistic == SUM:
            places.append(place)
            points.append(result[0])
            complete.append(result[1])
            counted.append(count is not None and count.name not in excluded)
    return Reads(answer.batch.window, places, points, complete, counted)


def _uncounted(selection: Selection, answers: Sequence[Answer]) -> Reads:
    """What has one datapoint a day is asked for at other times and has no count: for the ledger it is read with the
    rest, so that it holds nothing up."""
    places = [place for place, pace in enumerate(selection.paces) if pace == Pace.DAILY]
    number, end = len(places), max(answer.batch.window.end for answer in answers)
    return Reads(Window(0, end), places, [{}] * number, [True] * number, [False] * number)


def _after_daily(
    progress: Progress, outcomes: Sequence[tuple[Batch, Answer | Failure]], now: float, settings: Settings
) -> Progress:
    answers = [answer for _, answer in outcomes if isinstance(answer, Answer)]
    failures = _failures(outcome for _, outcome in outcomes)
    before = progress.sources.get(DAILY, Source(now))
    source = Source(now, now if answers else before.read, failures, failed=before.failed + 1 if failures else 0)
    progress = _with_source(progress, DAILY, source)
    return replace(progress, shown=gauges.after(progress.shown, answers, now, settings.settle_delay))


def _after_survey(
    progress: Progress, outcomes: Sequence[tuple[Batch, Answer | Failure]], now: float, _: Settings
) -> Progress:
    volumes = {
        group(query.series): sum(result.points.values())
        for _, answer in outcomes
        if isinstance(answer, Answer)
        for query, result in zip(answer.batch.queries, answer.results, strict=True)
    }
    asked = {group(one) for one in progress.candidates}
    before = {of: volume for of, volume in progress.volumes.items() if of in asked}
    return replace(progress, volumes={**before, **volumes}, surveyed=now, changed=True)


def _set_apart(progress: Progress, outcomes: Sequence[tuple[Batch, Answer | Failure]], now: float) -> Progress:
    """Batches that were refused for what is in them are halved; what is left alone and still refused rests."""
    resting = {name: until for name, until in progress.resting.items() if until > now}
    answers = [outcome for _, outcome in outcomes if isinstance(outcome, Answer)]
    heard = (progress.heard and bool(progress.apart)) or any(one.complete for it in answers for one in it.results)
    progress = replace(progress, heard=heard)
    done: set[str] = set()
    halves: list[frozenset[str]] = []
    for batch, outcome in outcomes:
        keys = {place: query.series.key for place, query in zip(batch.places, batch.queries, strict=True)}
        if isinstance(outcome, Answer):
            done.update(keys.values())
            resting |= dict.fromkeys(outcome.forbidden, now + FORBIDDEN_FOR)
        elif outcome.at_request:
            done.update(keys.values())
            parts = tuple(halved(batch)) if heard or len(outcomes) < MOST_REFUSED else ()
            if len(parts) > 1:
                halves += [frozenset(keys[place] for place in part) for part in parts]
            else:
                resting |= dict.fromkeys(keys.values(), now + (REFUSED_FOR if heard else UNHEARD_FOR))
    if not done and resting == progress.resting:
        return progress
    kept = [rest for rest in (part - done for part in progress.apart) if rest]
    return replace(progress, apart=(*kept, *halves), resting=resting)


def _failures(outcomes: Iterable[Answer | Failure]) -> tuple[Failure, ...]:
    told = [one for outcome in outcomes for one in ((outcome,) if isinstance(outcome, Failure) else outcome.failures)]
    return tuple(dict.fromkeys(told))


def _known(before: Standing | None, now: Standing) -> Standing:
    """The newest that AWS said of each part of the standing."""
    if before is None:
        return now
    return Standing(
        now.enforcement_status if now.enforcement_status is not None else before.enforcement_status,
        now.sending_enabled if now.sending_enabled is not None else before.sending_enabled,
    )


def _failed(progress: Progress, name: str, failures: tuple[Failure, ...], now: float) -> Progress:
    before = progress.sources.get(name, Source(now))
    return _with_source(progress, name, replace(before, asked=now, failures=failures))


def _with_source(progress: Progress, name: str, source: Source) -> Progress:
    return replace(progress, sources={**progress.sources, name: source})
