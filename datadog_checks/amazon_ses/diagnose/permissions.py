"""Permissions: what the answers of all Regions say about one IAM action. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from datadog_checks.amazon_ses.diagnose import probes
from datadog_checks.amazon_ses.diagnose.answers import Outcome, RegionAnswers, is_answer
from datadog_checks.amazon_ses.events import queues
from datadog_checks.amazon_ses.model import Action, Failure, FailureKind

NOT_TRIED = 'Not tried: what is received is hidden from others for a while, and what is deleted is gone.'
(ATTRIBUTES,) = (action for action in queues.ACTIONS if action.name == probes.QUEUE)

Places = dict[str, list[str]]
"""What was observed, and in which Regions or at which queues."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What is known of an action.

    `is_missing` says that a statement which allows it is missing somewhere; `is_denied` that a policy denies it
    explicitly, which no statement repairs; `is_unknown` that some Region did not say.
    """

    action: Action
    text: str
    remedy: str = ''
    is_missing: bool = False
    is_denied: bool = False
    is_unknown: bool = False

    @property
    def calls(self) -> str:
        return 'none' if self.action.name in probes.NOT_TRIED else self.action.name


@dataclass(slots=True)
class _Observations:
    """The outcomes of one action, by what they say."""

    allowed: list[str] = field(default_factory=list)
    needless: Places = field(default_factory=dict)
    denials: Places = field(default_factory=dict)
    unknown: Places = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, place: str, outcome: Outcome) -> None:
        if is_answer(outcome) and not (_is_denial(outcome) or _is_gone(outcome)):
            self.allowed.append(place)
        elif isinstance(outcome, Failure):
            self.failures.append(outcome)
            places = self.denials if _is_denial(outcome) else self.unknown
            places.setdefault(outcome.detail, []).append(place)

    def skip(self, place: str, reason: str) -> None:
        places = self.needless if reason == probes.VDM_IS_OFF else self.unknown
        places.setdefault(reason, []).append(place)

    @property
    def text(self) -> str:
        allowed = {'': self.allowed} if self.allowed else {}
        parts = [
            f'{verb} {", ".join(sorted(set(places)))}{f": {detail}" if detail else "."}'
            for verb, observed in (
                ('Denied in', self.denials),
                ('Not known in', self.unknown),
                ('Not needed in', self.needless),
                ('Allowed in', allowed),
            )
            for detail, places in observed.items()
        ]
        return ' '.join(parts) or 'Not tried.'


def permission(action: Action, regions: Sequence[RegionAnswers]) -> Permission:
    """The permission for an action, from the answers of all Regions."""
    if action.name in probes.NOT_TRIED:
        # The shipped policy has the three actions of a queue in one statement.
        attributes = permission(ATTRIBUTES, regions)
        return Permission(action, NOT_TRIED, is_missing=attributes.is_missing)
    observed = _Observations()
    for region in regions:
        for place, outcome in _outcomes(action.name, region):
            observed.add(place, outcome)
        if action.name in region.skipped:
            observed.skip(region.region, region.skipped[action.name])
    denials = [failure for failure in observed.failures if _is_denial(failure)]
    remedies = dict.fromkeys(failure.remedy for failure in denials or observed.failures)
    lost = f' What is lost: {action.feature}.' if denials else ''
    nothing = not (observed.allowed or observed.needless or denials)
    return Permission(
        action,
        observed.text + lost,
        ' '.join(remedies),
        is_missing=any(not failure.explicit_deny for failure in denials),
        is_denied=any(failure.explicit_deny for failure in denials),
        is_unknown=bool(observed.unknown) or nothing,
    )


def _outcomes(name: str, region: RegionAnswers) -> list[tuple[str, Outcome]]:
    """The outcomes of an action in a Region, each with its place."""
    if name == probes.QUEUE:
        return [(f'{region.region} ({queue.name})', outcome) for queue, outcome in region.queues.items()]
    return [(region.region, region.outcomes[name])] if name in region.outcomes else []


def _is_gone(outcome: Outcome) -> bool:
    """Whether a queue does not exist, or may not be known to these credentials. AWS does not say which."""
    return (
        isinstance(outcome, Failure)
        and outcome.operation == queues.ATTRIBUTES
        and outcome.kind is FailureKind.UNSUPPORTED
    )


def _is_denial(outcome: Outcome) -> bool:
    """Whether AWS itself denied a request: a page in the place of an answer may look like that."""
    return (
        isinstance(outcome, Failure)
        and outcome.kind is FailureKind.DENIED
        and not outcome.at_sign_in
        and not outcome.at_request
    )
