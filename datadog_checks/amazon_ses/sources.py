"""Sources: what is polled at a cadence, how each did last, and when it is retried after a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from datadog_checks.amazon_ses.cadence import hold, is_time
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.model import Failure, FailureKind, Reading, Target
from datadog_checks.amazon_ses.registry import COLLECTORS

CLOUDWATCH, DISCOVERY, SNDS = 'cloudwatch', 'discovery', 'snds'
CLOUDWATCH_SOURCES = (CLOUDWATCH, DISCOVERY, SNDS)
"""The CloudWatch sources. The names of the API sources are those of their collectors."""

WAITS_FOR_CADENCE = (FailureKind.DENIED, FailureKind.UNSUPPORTED)
"""Failures that an earlier retry would only repeat. While a source fails in this way, its stand-ins are asked."""

BILLED = (FailureKind.PARTIAL, FailureKind.MALFORMED)
"""Failures of an answer that AWS bills in full."""


@dataclass(frozen=True, slots=True)
class Source:
    """The state of a source: when it was last asked, when it last answered, the failures of the last attempt, and the
    readings of the last answer.

    `failed_runs` is the number of runs in a row in which something failed. `answered_run` is the number of the run that
    asked for the newest answer: unlike a time, no clock turns it back.
    """

    asked_at: float
    answered_at: float | None = None
    failures: tuple[Failure, ...] = ()
    readings: tuple[Reading, ...] = ()
    failed_runs: int = 0
    answered_run: int = 0

    @property
    def retries(self) -> bool:
        """Whether the next run asks again, before the cadence says so.

        A denial waits for the cadence. A partial answer costs as much as a full one, so it is retried once. What is
        refused for its content is asked again in parts.
        """
        retried = self.answered_at == self.asked_at and self.failed_runs > 1
        return any(
            failure.at_request or not (failure.kind in WAITS_FOR_CADENCE or (retried and failure.kind in BILLED))
            for failure in self.failures
        )

    def is_fresh(self, interval: int, now: float) -> bool:
        """Whether its last answer is recent enough to be shown."""
        return self.answered_at is not None and now - self.answered_at < hold(interval)


Sources = Mapping[str, Source]


def is_due(source: Source | None, interval: int, now: float, target: Target) -> bool:
    """Whether a source is asked now: for the first time, for a retry, or at its cadence."""
    return source is None or source.retries or is_time(source.asked_at, interval, now, target)


def active_collectors(sources: Sources, collect: frozenset[str]) -> Iterable[Collector]:
    """The API sources that are on. A stand-in is on while the source that it replaces is denied."""
    for collector in COLLECTORS:
        if collector.instead_of:
            replaced = sources.get(collector.instead_of)
            if replaced and any(failure.kind in WAITS_FOR_CADENCE for failure in replaced.failures):
                yield collector
        elif collector.name in collect:
            yield collector


def stand_ins_for(collector: Collector, failure: Failure) -> Iterable[Collector]:
    """The API sources that stand in for this one after such a failure."""
    if failure.kind in WAITS_FOR_CADENCE:
        yield from (stand_in for stand_in in COLLECTORS if stand_in.instead_of == collector.name)


def is_superseded(sources: Sources, names: Iterable[str], run: int) -> bool:
    """Whether one of these sources answered a request of a later run than this one."""
    return any(source.answered_run > run for name in names if (source := sources.get(name)) is not None)


def answered(sources: Sources, name: str, now: float, readings: tuple[Reading, ...] = (), run: int = 0) -> Sources:
    """The sources after one of them answered in full what the run of this number asked."""
    return {**sources, name: Source(now, now, readings=readings, answered_run=run)}


def failed(sources: Sources, name: str, failures: tuple[Failure, ...], now: float) -> Sources:
    """The sources after one of them failed: it keeps its readings and the time of its last answer."""
    source = sources.get(name, Source(now))
    return {**sources, name: replace(source, asked_at=now, failures=failures)}


def partly_answered(sources: Sources, name: str, failures: tuple[Failure, ...], now: float, answers: int) -> Sources:
    """The sources after one of them was asked with several requests, some of which may have failed."""
    previous = sources.get(name, Source(now))
    answered_at = now if answers else previous.answered_at
    failed_runs = previous.failed_runs + 1 if failures else 0
    return {**sources, name: Source(now, answered_at, failures, failed_runs=failed_runs)}


def not_older(sources: Sources, before: Sources, now: float) -> Sources:
    """The sources without steps back in time, after answers to earlier requests than the newest were taken in."""
    return {
        name: _not_older(source, before[name], now) if name in before else source for name, source in sources.items()
    }


def _not_older(source: Source, before: Source, now: float) -> Source:
    if not source.asked_at < before.asked_at <= now:
        return source
    times = [at for at in (source.answered_at, before.answered_at) if at is not None]
    return replace(source, asked_at=before.asked_at, answered_at=max(times, default=None))
