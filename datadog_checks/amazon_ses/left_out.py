"""Regions of `regions: all` that are left out: those that are not enabled for the account, or deny everything.

Where some Regions answer, a Region that never did is on trial for an hour: its `can_connect` is UNKNOWN. While it
refuses it is asked again after pauses, and one refusal is no proof: only several over an hour are. The denial of the
organization is believed at once. A Region that is left out is asked again once a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR
from datadog_checks.amazon_ses.model import FailureKind
from datadog_checks.amazon_ses.sources import Sources

TRIAL_SECONDS = HOUR
"""Seconds for which a Region must refuse before it is left out, and for which it is UNKNOWN."""

MIN_REFUSALS = 3
"""Refusals before a Region is left out."""

LEFT_OUT_FOR = DAY
"""Seconds until a Region that is left out is asked again."""

SHORTEST_PAUSE, LONGEST_PAUSE = 60, 900
"""Seconds until a Region on trial that refused is asked again. They double with each refusal."""

GRACE = 5.0
"""Seconds that a run may come early."""


class Reason(StrEnum):
    """Why a Region is left out: values of the tag `reason`."""

    NOT_ENABLED = 'not_enabled'
    DENIED = 'denied'
    ORGANIZATION = 'organization'


MEANINGS = {
    Reason.NOT_ENABLED: 'not enabled for the account, or its credentials do not work there',
    Reason.DENIED: 'every request is denied',
    Reason.ORGANIZATION: 'a policy of the organization denies it',
}
"""The reasons in a message."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A Region that never answered: since when it is asked, how often it refused, and until when it is not asked.

    `reason` is why it is left out, None while it is on trial.
    """

    since: float
    refusals: int = 0
    rests_until: float = 0.0
    reason: Reason | None = None


class LeftOut:
    """The Regions of one instance that never answered."""

    def __init__(self) -> None:
        self._trials: dict[str, Trial] = {}

    def rests(self, region: str, now: float) -> bool:
        """Whether a Region is not asked now. A clock that was turned back makes no rest longer."""
        trial = self._trials.get(region)
        return trial is not None and GRACE < trial.rests_until - now <= LEFT_OUT_FOR

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Why each Region is left out."""
        return {region: trial.reason for region, trial in self._trials.items() if trial.reason is not None}

    def judge(self, sources_of: Mapping[str, Sources], now: float, at_once: bool) -> tuple[set[str], set[str]]:
        """The Regions of a run that are on trial, and those that are left out from now on. `sources_of` are the sources
        of each Region that was asked. `at_once` says that one refusal is enough, because this process ends with the run
        and the next one asks again."""
        answering = {region for region, sources in sources_of.items() if has_answered(sources)}
        for region in answering:
            self._trials.pop(region, None)
        if not answering:
            return set(), set()
        before = self.reasons
        for region in sources_of.keys() - answering:
            trial, reason = self._trials.get(region, Trial(now)), refusal(sources_of[region])
            self._trials[region] = _next(trial, reason, now, at_once or reason is Reason.ORGANIZATION)
        on_trial = {
            region
            for region, trial in self._trials.items()
            if trial.reason is None and region in sources_of and now - trial.since < TRIAL_SECONDS
        }
        return on_trial, self.reasons.keys() - before.keys()


def has_answered(sources: Sources) -> bool:
    """Whether a Region ever answered anything."""
    return any(source.answered_at is not None for source in sources.values())


def refusal(sources: Sources) -> Reason | None:
    """Why a Region that never answered refuses everything, if it does."""
    failures = [failure for source in sources.values() for failure in source.failures]
    if any(failure.elsewhere for failure in failures):
        return Reason.NOT_ENABLED
    if not failures or any(failure.kind is not FailureKind.DENIED or failure.at_sign_in for failure in failures):
        return None
    return Reason.ORGANIZATION if any(failure.by_organization for failure in failures) else Reason.DENIED


def sentence(regions: Iterable[str], reasons: Mapping[str, Reason]) -> str:
    """The message about Regions that are left out from now on."""
    by_reason: dict[Reason, list[str]] = {}
    for region in sorted(regions):
        by_reason.setdefault(reasons[region], []).append(region)
    named = '; '.join(f'{", ".join(names)} ({MEANINGS[reason]})' for reason, names in by_reason.items())
    return (
        f'Left out of `regions: all`, and asked again once a day: {named}. `exclude_regions` leaves them out for good.'
    )


def _next(trial: Trial, reason: Reason | None, now: float, at_once: bool) -> Trial:
    """The trial after a run in which the Region did not answer. `at_once` says that one refusal is enough."""
    if trial.reason is not None:
        return replace(trial, rests_until=now + LEFT_OUT_FOR, reason=reason or trial.reason)
    if reason is None:
        return trial
    refusals = trial.refusals + 1
    proven = refusals >= MIN_REFUSALS and now - trial.since >= TRIAL_SECONDS
    if proven or at_once:
        return replace(trial, refusals=refusals, rests_until=now + LEFT_OUT_FOR, reason=reason)
    pause = min(SHORTEST_PAUSE * 2 ** (refusals - 1), LONGEST_PAUSE)
    return replace(trial, refusals=refusals, rests_until=now + pause)
