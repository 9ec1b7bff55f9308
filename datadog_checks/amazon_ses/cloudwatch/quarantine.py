"""Quarantine: series and linked accounts that AWS refuses are isolated, so that the others are still answered.

A batch that AWS refuses for its content is bisected, and its halves stay out of other batches: run by run, until a
series that is refused alone is left. That series is blocked for a day. A linked account that CloudWatch may not show is
blocked for an hour.

Two rules keep a gateway that refuses everything from costing more than one run. While no batch at all has been
answered, a series is blocked for 20 minutes only, since it is probably not the cause; and when many batches are refused
at once, none is bisected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.series import Series
from datadog_checks.amazon_ses.model import Failure

FORBIDDEN_FOR = HOUR
"""Seconds for which a linked account that CloudWatch may not show is blocked."""

REFUSED_FOR = DAY
"""Seconds for which a series is blocked that CloudWatch refuses."""

UNPROVEN_FOR = 1200
"""Seconds for which a refused series is blocked while no other batch was answered."""

MAX_BISECTED = 16
"""If this many batches are asked and none is answered, none is bisected."""

FORBIDDEN, REFUSED = 'forbidden', 'refused'
"""Why a series is blocked: values of the tag `reason` of `collector.series_dropped`."""

Outcome = tuple[Batch, BatchAnswer | Failure]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Refused series. `isolated` are groups of series keys, each of which is asked for in batches of its own.

    `any_answered` says whether any batch was answered since the first isolation. `blocked_until` holds the series keys
    and linked accounts that are not asked for before a time.
    """

    isolated: tuple[frozenset[str], ...] = ()
    any_answered: bool = False
    blocked_until: Mapping[str, float] = field(default_factory=dict)


def blocked_indexes(quarantine: Quarantine, series_list: Sequence[Series], now: float) -> frozenset[int]:
    """The indexes of the series that are not asked for now."""
    names = _blocked(quarantine, now)
    if not names:
        return frozenset()
    return frozenset(
        index
        for index, series in enumerate(series_list)
        if series.key in names or (series.account and series.account in names)
    )


def split(quarantine: Quarantine, starts: Mapping[int, int], keys: Sequence[str]) -> list[dict[int, int]]:
    """The starts of due series in groups that must not share a batch: first all others, then each isolated group."""
    if not quarantine.isolated:
        return [dict(starts)]
    remaining = dict(starts)
    index_of = {keys[index]: index for index in starts}
    groups = []
    for isolated in quarantine.isolated:
        indexes = [index_of[key] for key in isolated if key in index_of]
        groups.append({index: remaining.pop(index) for index in indexes if index in remaining})
    return [remaining, *groups]


def after_outcomes(quarantine: Quarantine, outcomes: Sequence[Outcome], now: float) -> Quarantine:
    """The quarantine after the batches of a run were answered or refused."""
    blocked_until = {name: until for name, until in quarantine.blocked_until.items() if until > now}
    answers = [outcome for _, outcome in outcomes if isinstance(outcome, BatchAnswer)]
    any_answered = (quarantine.any_answered and bool(quarantine.isolated)) or any(
        answer.any_complete for answer in answers
    )
    may_bisect = any_answered or len(outcomes) < MAX_BISECTED
    settled: set[str] = set()
    halves: list[frozenset[str]] = []
    for batch, outcome in outcomes:
        if isinstance(outcome, BatchAnswer):
            settled.update(batch.keys.values())
            blocked_until |= dict.fromkeys(outcome.forbidden, now + FORBIDDEN_FOR)
        elif outcome.at_request:
            keys = list(dict.fromkeys(batch.keys.values()))
            settled.update(keys)
            if len(keys) > 1 and may_bisect:
                halves += bisect(batch)
            else:
                blocked_until |= dict.fromkeys(keys, now + (REFUSED_FOR if any_answered else UNPROVEN_FOR))
    remaining = (group - settled for group in quarantine.isolated)
    return Quarantine((*filter(None, remaining), *halves), any_answered, blocked_until)


def bisect(batch: Batch) -> Iterable[frozenset[str]]:
    """The series keys of a batch in two halves, in the order of the selection."""
    keys = batch.keys
    indexes = sorted(keys)
    middle = (len(indexes) + 1) // 2
    return [frozenset(keys[index] for index in half) for half in (indexes[:middle], indexes[middle:])]


def blocked_counts(quarantine: Quarantine, series_list: Sequence[Series], now: float) -> dict[str, int]:
    """How many series are blocked, by reason."""
    names = _blocked(quarantine, now)
    if not names:
        return {}
    forbidden = sum(series.account in names for series in series_list if series.account)
    refused = sum(series.key in names for series in series_list)
    return {reason: number for reason, number in ((FORBIDDEN, forbidden), (REFUSED, refused)) if number}


def _blocked(quarantine: Quarantine, now: float) -> frozenset[str]:
    return frozenset(name for name, until in quarantine.blocked_until.items() if until > now)
