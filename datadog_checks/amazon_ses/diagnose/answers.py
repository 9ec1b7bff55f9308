"""Answers: everything that one examination of an instance brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datadog_checks.amazon_ses.cloudwatch.discovery import ListingAnswer
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events.queues import EventQueue
from datadog_checks.amazon_ses.model import Failure
from datadog_checks.amazon_ses.state.inspection import Inspection
from datadog_checks.amazon_ses.sweeps import Answer

Outcome = Answer | Failure


@dataclass(frozen=True, slots=True)
class Host:
    """A host that requests go to: AWS's, or that of the proxy on the way.

    `addresses` is how many its name has, `is_private` says that they are of a private network, as those of a VPC
    endpoint are. `defect` is empty, or says what does not work.
    """

    name: str
    port: int
    is_proxy: bool = False
    addresses: int = 0
    is_private: bool = False
    defect: str = ''

    def __str__(self) -> str:
        return f'{"the proxy " if self.is_proxy else ""}{self.name}:{self.port}'


@dataclass(frozen=True, slots=True)
class RegionAnswers:
    """What came back from one Region: by IAM action, of each queue, and of the hosts by IAM's name of the service.

    `skipped` are the actions that were not tried, and why. `saved` is the state of the account there, None where the
    account is not known.
    """

    region: str
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    listing: ListingAnswer | None = None
    queues: Mapping[EventQueue, Outcome] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    saved: Inspection | None = None

    @property
    def answers(self) -> bool:
        """Whether AWS took the credentials here."""
        return any(is_answer(outcome) for outcome in (*self.outcomes.values(), *self.queues.values()))

    def failures_of(self, service: str) -> list[Failure]:
        """The failures of a service, by IAM's name of it."""
        outcomes = (outcome for action, outcome in self.outcomes.items() if action.partition(':')[0] == service)
        return [outcome for outcome in outcomes if isinstance(outcome, Failure)]


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back for one instance.

    `defect` is why the options cannot be used, empty where they can; `notes` are warnings about them. `caller` is the
    account that the credentials belong to, `source` what gave them, in the SDK's words. `clock_errors` are seconds by
    which this machine is ahead of AWS. `now` is the time of this machine.
    """

    settings: Settings | None = None
    defect: str = ''
    notes: Sequence[str] = ()
    caller: str | Failure = ''
    source: str = ''
    clock_errors: Sequence[float] = ()
    sign_in: RegionAnswers = RegionAnswers('')
    regions: Sequence[RegionAnswers] = ()
    now: float = 0.0


def is_answer(outcome: Outcome) -> bool:
    """Whether AWS took the credentials of a request, whatever it then said."""
    return not isinstance(outcome, Failure) or (bool(outcome.request_id) and not outcome.at_sign_in)
