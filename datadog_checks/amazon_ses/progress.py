"""What has been collected so far for one account in one Region. Pure: an outcome and the time give the next progress.

What CloudWatch said outlives a restart, because it is billed, and so does the standing, because its changes are events.
What the free sources said does not: a new process asks them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .cloudwatch import gauges
from .cloudwatch import ledger as counting
from .cloudwatch.answers import Answer
from .cloudwatch.gauges import Shown
from .cloudwatch.ledger import GivenUp, Ledger, Reach
from .cloudwatch.series import FOUND, SUM, Series, found
from .collectors import Collector
from .collectors.account import ACCOUNT, SENDING_V1, Standing, changes, standing
from .model import Event, Failure, FailureKind, Reading
from .settings import Settings

CLOUDWATCH = 'cloudwatch'
DISCOVERY = 'discovery'
"""The names of the CloudWatch sources; those of the API sources are in their collectors."""


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
        worth_it = self.read != self.asked or self.failed == 1
        return worth_it and any(failure.kind not in patient for failure in self.failures)


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything that is known of one account in one Region.

    `discovered` are the series that CloudWatch listed, `left_out` how many more there were than `max_series`.
    """

    ledger: Ledger | None = None
    shown: Shown = field(default_factory=Shown)
    standing: Standing | None = None
    discovered: tuple[Series, ...] = ()
    left_out: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one answer of CloudWatch is worth: amounts to hand over by series, and what was lost on the way."""

    amounts: Mapping[Series, float] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = ()
    shrunk: float = 0.0


def after_snapshot(
    progress: Progress, collector: Collector, answer: Mapping[str, Any] | Failure, now: float
) -> tuple[Progress, tuple[Event, ...]]:
    """The progress after an API source was asked, and the events that its answer means."""
    if isinstance(answer, Failure):
        return _failed(progress, collector.name, (answer,), now), ()
    try:
        readings = tuple(collector.read(answer, now))
        seen = standing(answer) if collector in (ACCOUNT, SENDING_V1) else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        failure = Failure(
            FailureKind.MALFORMED,
            collector.actions[0].name.partition(':')[2],
            f'the answer lacks what it must have ({type(error).__name__}).',
            'Look for a proxy or an endpoint_url that is not AWS; it is asked again in the next run.',
        )
        return _failed(progress, collector.name, (failure,), now), ()
    progress = _with_source(progress, collector.name, Source(now, now, (), readings))
    if seen is None:
        return progress, ()
    return replace(progress, standing=_known(progress.standing, seen)), tuple(changes(progress.standing, seen))


def after_listing(progress: Progress, listed: tuple[Series, ...] | Failure, now: float, max_series: int) -> Progress:
    """The progress after ListMetrics was asked. New series, up to the limit, are asked for in the next run."""
    if isinstance(listed, Failure):
        return _failed(progress, DISCOVERY, (listed,), now)
    sources = {**progress.sources, DISCOVERY: Source(now, now)}
    kept = listed[:max_series]
    if not set(kept) <= set(progress.discovered):
        sources.pop(CLOUDWATCH, None)
    return replace(progress, discovered=kept, left_out=len(listed) - len(kept), sources=sources)


def after_answer(
    progress: Progress, answer: Answer | Failure, now: float, settings: Settings, reach: Reach
) -> tuple[Progress, Counted]:
    """The progress after CloudWatch was asked, and what its answer is worth."""
    if isinstance(answer, Failure):
        return _failed(progress, CLOUDWATCH, (answer,), now), Counted()
    before = progress.sources.get(CLOUDWATCH, Source(now))
    anything = any(result.complete for result in answer.results.values())
    failed = before.failed + 1 if answer.failures else 0
    source = Source(now, now if anything else before.read, answer.failures, failed=failed)
    progress = _with_source(progress, CLOUDWATCH, source)
    if not anything:
        return progress, Counted()
    shown = gauges.after(progress.shown, answer, now, settings.settle_delay, settings.zeroed)
    progress = replace(progress, shown=shown)
    # A count that the Agent would drop is not booked: it would be missing when the operator wants it again.
    counted = {
        query.series.key: query
        for query in answer.results
        if query.statistic == SUM and query.series.spec.count and query.series.spec.count.name not in settings.excluded
    }
    if progress.ledger is None:
        ledger = counting.opened(settings.period, max(now, answer.answered_at), reach)
        born = {key: ledger.since for key, query in counted.items() if query.series.named}
        return replace(progress, ledger=replace(ledger, born=born)), Counted()
    booking = counting.book(
        progress.ledger,
        answer.question.window,
        {key: answer.results[query] for key, query in counted.items()},
        answer.answered_at,
        reach,
    )
    end = counting.closed(booking.ledger, settings.period, answer.answered_at, settings.settle_delay, reach)
    return replace(progress, ledger=end.ledger), Counted(
        {counted[key].series: amount for key, amount in booking.amounts.items()},
        booking.given_up + end.given_up,
        booking.shrunk,
    )


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


def lasting(progress: Progress) -> tuple[object, ...]:
    """What of a progress outlives a restart, to be compared."""
    return progress.ledger, progress.standing, progress.discovered, progress.shown, _answered(progress)


def _answered(progress: Progress) -> dict[str, float]:
    """When the CloudWatch sources were asked, those that answered without a failure."""
    asked = {name: progress.sources[name] for name in (CLOUDWATCH, DISCOVERY) if name in progress.sources}
    return {name: source.asked for name, source in asked.items() if not source.failures}


def to_document(progress: Progress) -> dict[str, Any]:
    """What outlives a restart, as JSON values."""
    document: dict[str, Any] = {
        'asked': _answered(progress),
        'settled': [[*shown, value] for shown, value in progress.shown.settled.items()],
        'period': progress.shown.period,
        'rates': {key: list(rate) for key, rate in progress.shown.rates.items()},
        'last_seen': dict(progress.shown.last_seen),
        'left_out': progress.left_out,
        'discovered': [[one.spec.metric_name, dict(one.dimensions)] for one in progress.discovered],
    }
    if progress.standing is not None:
        document['standing'] = [progress.standing.enforcement_status, progress.standing.sending_enabled]
    if progress.ledger is not None:
        ledger = progress.ledger
        document['ledger'] = {
            **{
                name: getattr(ledger, name)
                for name in ('period', 'since', 'floor', 'late', 'read_at', 'read_to', 'swept_to')
            },
            **{name: dict(getattr(ledger, name)) for name in ('behind', 'born')},
            **{name: _by_series(getattr(ledger, name)) for name in ('booked', 'shrunk')},
            'closing': ledger.closing,
            'doubtful': ledger.doubtful,
        }
    return document


def from_document(document: Mapping[str, Any]) -> Progress:
    """The progress that a document holds. Raises KeyError, TypeError or ValueError where it holds none."""
    rates = {str(key): (float(value), int(at)) for key, (value, at) in document['rates'].items()}
    last_seen = {str(key): int(at) for key, at in document['last_seen'].items()}
    settled = {(str(key), str(statistic)): float(value) for key, statistic, value in document['settled']}
    listed = [(str(name), dict(dimensions)) for name, dimensions in document['discovered']]
    told, kept = document.get('standing'), document.get('ledger')
    ledger = None
    if kept is not None:
        ledger = Ledger(
            period=int(kept['period']),
            since=int(kept['since']),
            floor=int(kept['floor']),
            late=int(kept['late']),
            read_at=float(kept['read_at']),
            read_to=int(kept['read_to']),
            swept_to=int(kept['swept_to']),
            closing=None if kept['closing'] is None else int(kept['closing']),
            behind={str(key): int(at) for key, at in kept['behind'].items()},
            born={str(key): int(at) for key, at in kept['born'].items()},
            booked=_periods(kept['booked']),
            shrunk=_periods(kept['shrunk']),
            doubtful=bool(kept['doubtful']),
        )
    return Progress(
        ledger,
        Shown(settled, int(document['period']), rates, last_seen),
        Standing(*told) if told else None,
        tuple(one for source in FOUND for one in found(source, listed)),
        int(document['left_out']),
        {str(name): Source(float(asked), float(asked)) for name, asked in document['asked'].items()},
    )


def _by_series(amounts: Mapping[str, Mapping[int, float]]) -> dict[str, list[list[float]]]:
    return {series: [[start, value] for start, value in periods.items()] for series, periods in amounts.items()}


def _periods(kept: Mapping[str, Iterable[tuple[int, float]]]) -> dict[str, dict[int, float]]:
    return {str(series): {int(start): float(value) for start, value in periods} for series, periods in kept.items()}
