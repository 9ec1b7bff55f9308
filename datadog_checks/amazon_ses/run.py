"""One run in one Region: perform its tasks at the edge, apply their outcomes, save, or roll back.

A failure here costs this Region its run and no other Region anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING, Any

from datadog_checks.amazon_ses.cloudwatch.discovery import Listing, ListingAnswer
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric
from datadog_checks.amazon_ses.cloudwatch.quarantine import Outcome
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Target
from datadog_checks.amazon_ses.planning import Plan, Task
from datadog_checks.amazon_ses.progress import Counts, after_answers, after_listing, after_snapshot
from datadog_checks.amazon_ses.report import RunResult
from datadog_checks.amazon_ses.role import Role
from datadog_checks.amazon_ses.runner import Work
from datadog_checks.amazon_ses.state.observation import Observation
from datadog_checks.amazon_ses.state.saving import Saving
from datadog_checks.amazon_ses.state.store import Store
from datadog_checks.amazon_ses.telemetry import counting_began

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access

UNEXPECTED = Failure(
    FailureKind.MALFORMED,
    'run',
    'an answer could not be taken in.',
    "The Agent's log has the details; please report them.",
)
LATE = Failure(
    FailureKind.TIMEOUT,
    'run',
    'this Region did not answer within the run.',
    'It is left out until it answers. Look at the way to AWS; lower read_timeout to learn what hangs.',
)
NOT_SAVED = (
    'The state of {} in {} cannot be saved, so its counts are held back until it can be: a restart would count them '
    "twice. Look at the Agent's run_path: space, permissions."
)

OVERTAKEN = (
    'Another process wrote the state of %s in %s during this run, so nothing of it is submitted. The next run goes on '
    'from there.'
)

Log = Logger | LoggerAdapter[Logger]
OwnMetrics = Callable[[Target, frozenset[ListedMetric]], frozenset[ListedMetric]]
"""Which of the listed metrics this instance may count."""


@dataclass(slots=True)
class SignInCircuit:
    """The sign-in failure after which the remaining tasks of a Region are skipped, or None."""

    failure: Failure | None = None


class Run:
    """The plan of one Region and what came of it: the next progress, the counts to submit, events and failures.

    `failures` are those of the run as a whole, `refusals` those of its tasks. `saving` says what may be submitted.
    """

    def __init__(
        self, target: Target, plan: Plan, settings: Settings, store: Store | Observation, log: Log, role: Role
    ) -> None:
        self.target = target
        self.plan = plan
        self.progress = plan.progress
        self.counts = Counts()
        self.events: list[Event] = []
        self.failures: list[Failure] = []
        self.refusals: list[Failure] = []
        self.warnings: list[str] = []
        self.saving = Saving.REFUSED
        self.role = role
        self._settings = settings
        self._store = store
        self._log = log

    def work(self, access: Access, now: float) -> Work[tuple[Task, Any]]:
        """The tasks as steps for the runner. The collectors come first: they show whether AWS answers."""
        circuit = SignInCircuit()
        steps = [partial(self._perform, access, task, now, circuit) for task in self.plan.tasks]
        first = len(self.plan.collectors)
        return Work(steps[:first], steps[first:])

    def apply(self, outcomes: list[tuple[Task, Any]], late: bool, now: float, own_metrics: OwnMetrics) -> None:
        """Apply the outcomes of the tasks and save the progress. Where that fails, nothing of them is submitted."""
        self.refusals = [outcome for _, outcome in outcomes if isinstance(outcome, Failure)]
        if late:
            self.failures.append(LATE)
        try:
            self._apply_outcomes(outcomes, now, own_metrics)
            # Answers are large, and are not to stay in memory while the state is written.
            outcomes.clear()
            self.saving = self._store.save(self.target, self.progress)
        except Exception as error:
            self._log.exception('Unexpected in %s: %s', self.target.region, type(error).__name__)
            self.failures.append(UNEXPECTED)
            self._roll_back()
            return
        if self.saving is Saving.SAVED:
            self._announce()
            return
        if self.saving is Saving.REFUSED:
            self.warnings.append(NOT_SAVED.format(*self.target))
        else:
            if self.saving is Saving.OVERTAKEN:
                self._log.info(OVERTAKEN, *self.target)
            self.events.clear()
        self._roll_back()

    @property
    def result(self) -> RunResult:
        return RunResult(
            self.target, self.progress, self.counts, tuple(self.events), tuple(self.failures), tuple(self.warnings)
        )

    def _perform(self, access: Access, task: Task, now: float, circuit: SignInCircuit) -> tuple[Task, Any]:
        """Perform one task in a worker. After a sign-in failure the Region's other tasks are skipped."""
        if circuit.failure is not None:
            return task, circuit.failure
        region = self.target.region
        answer: Any
        try:
            if isinstance(task, Collector):
                answer = access.fetch(task, region)
            elif isinstance(task, Listing):
                answer = access.list_metrics(task, region, self.target.account, self._settings.deadline / 2)
            else:
                answer = access.get_metric_data(task, region, now)
        except Exception as error:
            # Access raises only by a mistake of ours, which must not cost the other tasks and Regions.
            self._log.exception('Unexpected in %s: %s', region, type(error).__name__)
            answer = UNEXPECTED
        failure = answer.failure if isinstance(answer, ListingAnswer) else answer
        if isinstance(failure, Failure) and failure.at_sign_in:
            circuit.failure = failure
        return task, answer

    def _apply_outcomes(self, outcomes: list[tuple[Task, Any]], now: float, own_metrics: OwnMetrics) -> None:
        batch_outcomes: list[Outcome] = []
        for task, outcome in outcomes:
            if isinstance(task, Batch):
                batch_outcomes.append((task, outcome))
            elif isinstance(task, Listing):
                if isinstance(outcome, ListingAnswer):
                    outcome = replace(outcome, metrics=own_metrics(self.target, outcome.metrics))
                self.progress = after_listing(self.progress, task, outcome, now)
            else:
                self.progress, events = after_snapshot(self.progress, task, outcome, now)
                self.events.extend(events)
        self.progress, self.counts = after_answers(self.progress, self.plan.poll, batch_outcomes, self._settings, now)

    def _announce(self) -> None:
        """Say that counting began, where there was no saved state: it looks like a first start even if it is none."""
        if self.plan.progress.ledger is None and self.progress.ledger is not None:
            since = self.progress.ledger.since
            self.events.append(counting_began(self.target, since))
            self._log.info('Counting of %s in %s began anew: counting_since is %d.', *self.target, since)

    def _roll_back(self) -> None:
        """Go back to the progress that is in the store, and submit none of this run's counts."""
        self.progress, self.counts = self._store.recall(self.target), Counts()
