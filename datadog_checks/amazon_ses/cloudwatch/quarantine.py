"""Quarantine: series and linked accounts that AWS refuses are isolated, so that the others are still answered.

A batch that is refused for its content is bisected, and its halves stay out of other batches: run by run, until a
series that is refused alone is left. It is asked again in each run. Only a proof blocks it for a day: CloudWatch itself
calls the series invalid when it is alone, does so again an hour later at least, and answered other series in between.
Whatever else refuses a series, such as the page of a gateway, may end at any time. A linked account that CloudWatch may
not show is blocked for an hour.

Two rules bound the requests while a gateway refuses much: of the isolated groups some are asked in each run, in turn;
and when many batches are refused while none is answered, the isolation ends, since no series is the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.series import Series
from datadog_checks.amazon_ses.model import Failure

FORBIDDEN_FOR = HOUR
"""Seconds for which a linked account that CloudWatch may not show is blocked."""

REFUSED_FOR = DAY
"""Seconds for which a series is blocked that CloudWatch refuses."""

PROOF_SECONDS = HOUR
"""Seconds between the first refusal of a series and the one that proves it."""

MAX_BISECTED = 12
"""If this many batches are asked and none is answered, none is bisected."""

MAX_ISOLATED = 64
"""Isolated groups, beyond which no batch is bisected."""

MAX_GROUPS_PER_RUN = 32
"""Isolated groups that are asked in one run."""

FORBIDDEN, REFUSED = 'forbidden', 'refused'
"""Why a series is blocked: values of the tag `reason` of `collector.series_dropped`."""

Outcome = tuple[Batch, BatchAnswer | Failure]
Refusal = tuple[Batch, Failure]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Refused series. `isolated` are groups of series keys, each of which is asked for in batches of its own; those
    that wait longest come first.

    `any_answered` says whether any batch was answered since the first isolation, `answered_at` when one was last.
    `invalid_since` holds the series that CloudWatch called invalid and has not answered since. `blocked_until` holds
    the series keys and linked accounts that are not asked for before a time.
    """

    isolated: tuple[frozenset[str], ...] = ()
    any_answered: bool = False
    blocked_until: Mapping[str, float] = field(default_factory=dict)
    answered_at: float = 0.0
    invalid_since: Mapping[str, float] = field(default_factory=dict)


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
    """The starts of due series in groups that must not share a batch: first all others, then the isolated groups whose
    turn it is."""
    if not quarantine.isolated:
        return [dict(starts)]
    remaining = dict(starts)
    index_of = {keys[index]: index for index in starts}
    groups = []
    for isolated in quarantine.isolated:
        indexes = [index_of[key] for key in isolated if key in index_of]
        groups.append({index: remaining.pop(index) for index in indexes if index in remaining})
    return [remaining, *list(filter(None, groups))[:MAX_GROUPS_PER_RUN]]


def after_outcomes(quarantine: Quarantine, outcomes: Sequence[Outcome], now: float) -> Quarantine:
    """The quarantine after the batches of a run were answered or refused."""
    answers = [(batch, outcome) for batch, outcome in outcomes if isinstance(outcome, BatchAnswer)]
    refusals = [(batch, outcome) for batch, outcome in outcomes if isinstance(outcome, Failure) and outcome.at_request]
    blocked_until = {name: until for name, until in quarantine.blocked_until.items() if until > now}
    for _, answer in answers:
        blocked_until |= dict.fromkeys(answer.forbidden, now + FORBIDDEN_FOR)
    complete = any(answer.any_complete for _, answer in answers)
    current = replace(
        quarantine,
        any_answered=complete or (quarantine.any_answered and bool(quarantine.isolated)),
        answered_at=now if complete else quarantine.answered_at,
        blocked_until=blocked_until,
    )
    if not (refusals or quarantine.isolated):
        return current
    if refusals and not current.any_answered and len(outcomes) >= MAX_BISECTED:
        return replace(current, isolated=())
    answered_keys = _keys(answers)
    invalid_since = {key: at for key, at in current.invalid_since.items() if key not in answered_keys}
    current = _with_proofs(replace(current, invalid_since=invalid_since), refusals, now)
    return replace(current, isolated=tuple(_isolated(current, _keys(outcomes), answered_keys, refusals)))


def _with_proofs(quarantine: Quarantine, refusals: Sequence[Refusal], now: float) -> Quarantine:
    """The quarantine with the series that CloudWatch called invalid when they were alone: since when, and blocked where
    that is proven."""
    alone = [keys for batch, failure in refusals if failure.invalid and len(keys := _keys([(batch, None)])) == 1]
    invalid = frozenset[str]().union(*alone)
    since = {**dict.fromkeys(invalid, now), **quarantine.invalid_since}
    proven = [key for key in invalid if now - since[key] >= PROOF_SECONDS and quarantine.answered_at > since[key]]
    blocked_until = {**quarantine.blocked_until, **dict.fromkeys(proven, now + REFUSED_FOR)}
    return replace(quarantine, invalid_since=since, blocked_until=blocked_until)


def _isolated(
    quarantine: Quarantine, queried: frozenset[str], answered: frozenset[str], refusals: Sequence[Refusal]
) -> Sequence[frozenset[str]]:
    """The isolated groups without answered series, those that were asked last, and the refused batches: bisected while
    there is room."""
    settled = answered | _keys(refusals)
    in_turn = sorted(quarantine.isolated, key=lambda group: not group.isdisjoint(queried))
    groups = [group - settled for group in in_turn if not group <= settled]
    for batch, _ in refusals:
        groups += filter(None, bisect(batch)) if len(groups) < MAX_ISOLATED else [_keys([(batch, None)])]
    return groups


def _keys(outcomes: Iterable[tuple[Batch, object]]) -> frozenset[str]:
    """The keys of the series of all these batches."""
    return frozenset(key for batch, _ in outcomes for key in batch.keys.values())


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
