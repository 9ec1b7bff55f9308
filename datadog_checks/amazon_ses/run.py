"""One run in one Region: take in late answers, perform the tasks at the edge, apply their outcomes, save, or roll back.

A failure here costs this Region its run and no other Region anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING, Any, NamedTuple

from datadog_checks.amazon_ses import planning, sources
from datadog_checks.amazon_ses.cloudwatch import answers, discovery
from datadog_checks.amazon_ses.cloudwatch.discovery import Listing, ListingAnswer
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.events import intake, queues
from datadog_checks.amazon_ses.events.intake import Intake
from datadog_checks.amazon_ses.events.queues import DeleteTask, Received, ReceiveTask
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Target
from datadog_checks.amazon_ses.planning import Plan, Task
from datadog_checks.amazon_ses.progress import (
    Counts,
    Progress,
    RunStart,
    after_answers,
    after_late_answers,
    after_listing,
    after_no_answer,
    after_snapshot,
    after_sweeps,
)
from datadog_checks.amazon_ses.report import RunResult
from datadog_checks.amazon_ses.role import Role
from datadog_checks.amazon_ses.runner import Finished, Results, Step, UnderWay
from datadog_checks.amazon_ses.state.observation import Observation
from datadog_checks.amazon_ses.state.saving import Saving
from datadog_checks.amazon_ses.state.store import Store
from datadog_checks.amazon_ses.sweeps import states, worker
from datadog_checks.amazon_ses.sweeps.worker import Edge, SweepTask
from datadog_checks.amazon_ses.telemetry import counting_began

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access

UNEXPECTED = Failure(
    FailureKind.MALFORMED,
    'run',
    'an answer could not be taken in.',
    "The Agent's log has the details; please report them.",
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
ForeignAccounts = Callable[[Target, frozenset[str]], frozenset[str]]
"""Which linked accounts of the listed metrics this instance may not count."""


class Subject(NamedTuple):
    """What a step is about: a task for a target, and the run that it began in."""

    target: Target
    start: RunStart
    task: Task


RunStep = Step[Subject, Any]
Outcomes = Sequence[Finished[Subject, Any]]


@dataclass(slots=True)
class SignInCircuit:
    """The sign-in failure after which the remaining tasks of a Region are skipped, or None."""

    failure: Failure | None = None


class Run:
    """A run in one Region and what came of it: the next progress, the counts to submit, events and failures.

    `failures` are those of the run as a whole. `saving` says what may be submitted. `is_on_trial` says that the Region
    never answered and may be one that is left out.
    """

    def __init__(
        self,
        target: Target,
        progress: Progress,
        settings: Settings,
        store: Store | Observation,
        log: Log,
        role: Role,
    ) -> None:
        self.target = target
        self.progress = progress
        self.counts = Counts()
        self.events: list[Event] = []
        self.intake = Intake()
        self.failures: list[Failure] = []
        self.warnings: list[str] = []
        self.is_on_trial = False
        self.saving = Saving.REFUSED
        self.role = role
        self._settings = settings
        self._store = store
        self._log = log
        self._start: RunStart | None = None
        self._planned: tuple[Collector, ...] = ()
        self._has_ledger = progress.ledger is not None

    def take_late(self, outcomes: Outcomes, now: float, foreign_accounts: ForeignAccounts) -> None:
        """Take in the outcomes of requests that earlier runs began. Where that fails they are lost, and asked again."""
        before = self.progress
        by_run: defaultdict[int, list[Finished[Subject, Any]]] = defaultdict(list)
        for outcome in outcomes:
            by_run[outcome.subject.start.run].append(outcome)
        try:
            for _, earlier in sorted(by_run.items()):
                start = earlier[0].subject.start
                pairs = self._take_all_but_batches(earlier, start, foreign_accounts)
                self.progress, counts = after_late_answers(self.progress, start, pairs, self._settings, now)
                self.progress = after_no_answer(self.progress, start.poll.slot, _failed(pairs))
                self.counts = self.counts.plus(counts)
        except Exception as error:
            self._report_unexpected(error)
            self.progress, self.counts, self.events, self.intake = before, Counts(), [], Intake()

    def steps(self, plan: Plan, access: Access, run: int, now: float) -> Iterable[RunStep]:
        """The tasks of a plan as steps for the runner. `run` is the number of this run in the process."""
        # Of a Region in which nothing happens the plan opens the ledger, and there is nothing to announce.
        self._has_ledger |= self.progress.ledger is None and plan.progress.ledger is not None
        self.progress = plan.progress
        self._start = start = RunStart(run, now, plan.poll, plan.progress.selection.keys)
        self._planned = plan.collectors
        circuit = SignInCircuit()
        for task in plan.tasks:
            must_wait = isinstance(task, Collector) and access.must_wait(task, self.target)
            yield self._step(start, task, access, circuit, not (must_wait or _is_late(task)))

    def stand_in_steps(self, results: Results[Subject, Any], access: Access) -> Iterable[RunStep]:
        """The sources that stand in for one that was refused in this run, where the plan did not ask them already."""
        for (target, start, task), outcome in results.finished:
            if target == self.target and start is self._start and isinstance(task, Collector):
                refused = isinstance(outcome, Failure)
                for collector in sources.stand_ins_for(task, outcome) if refused else ():
                    if collector not in self._planned:
                        yield self._step(start, collector, access, SignInCircuit())

    def delete_steps(self, access: Access) -> Iterable[RunStep]:
        """The steps that delete the messages whose events were saved and submitted in this run."""
        if self._start is not None and self.saving is Saving.SAVED:
            for task in queues.delete_tasks(self.intake.handles):
                yield self._step(self._start, task, access, SignInCircuit(), is_awaited=False)

    def _step(
        self, start: RunStart, task: Task, access: Access, circuit: SignInCircuit, is_awaited: bool = True
    ) -> RunStep:
        service, operation, name = _address(task, start.at)
        return Step(
            (self.target, name),
            Subject(self.target, start, task),
            self.target.region,
            operation,
            access.endpoint(service, self.target.region),
            # Taken here and not in the thread, which may begin after the check was cancelled.
            partial(self._perform, access, task, start.at, circuit, access.turns.cancellation()),
            is_awaited,
        )

    def apply(self, results: Results[Subject, Any], now: float, foreign_accounts: ForeignAccounts) -> None:
        """Apply the outcomes of the tasks and save the progress. Where that fails, nothing of them is submitted."""
        outcomes = [outcome for outcome in results.finished if outcome.subject.target == self.target]
        results.finished[:] = [outcome for outcome in results.finished if outcome.subject.target != self.target]
        self._report_unfinished(results)
        try:
            self._apply_outcomes(outcomes, results.under_way, now, foreign_accounts)
            # Answers are large, and are not to stay in memory while the state is written.
            outcomes.clear()
            self.saving = self._store.save(self.target, self.progress)
        except Exception as error:
            self._report_unexpected(error)
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
    def saves(self) -> bool:
        """Whether this run counts, and saves what it counted."""
        return self.role is Role.COUNTING and isinstance(self._store, Store)

    @property
    def result(self) -> RunResult:
        return RunResult(
            self.target,
            self.progress,
            self.counts,
            tuple(self.events),
            tuple(self.failures),
            tuple(self.warnings),
            self.is_on_trial,
            self.intake,
        )

    def _perform(
        self, access: Access, task: Task, now: float, circuit: SignInCircuit, is_cancelled: Callable[[], bool]
    ) -> Any:
        """Perform one task in a thread of its own. After a sign-in failure the Region's other tasks are skipped."""
        if circuit.failure is not None:
            return circuit.failure
        account, region = self.target
        answer: Any
        try:
            if isinstance(task, Collector):
                answer = access.fetch(task, region, account, is_cancelled)
            elif isinstance(task, SweepTask):
                answer = worker.sweep(task, self._edge(access, now, is_cancelled))
            elif isinstance(task, ReceiveTask):
                answer = queues.receive(task, self._queue_edge(access, now, is_cancelled))
            elif isinstance(task, DeleteTask):
                answer = queues.delete(task, self._queue_edge(access, now, is_cancelled))
            elif isinstance(task, Listing):
                answer = access.list_metrics(task, region, account, discovery.LISTING_SECONDS)
            else:
                answer = access.get_metric_data(task, region, now)
        except Exception as error:
            # Access raises only by a mistake of ours, which must not cost the other tasks and Regions.
            self._log.exception('Unexpected in %s: %s', region, type(error).__name__)
            answer = UNEXPECTED
        failure = answer.failure if isinstance(answer, ListingAnswer) else answer
        if isinstance(failure, Failure) and failure.is_before_request:
            circuit.failure = failure
        return answer

    def _edge(self, access: Access, now: float, is_cancelled: Callable[[], bool]) -> Edge:
        """The way to AWS of a step of the sweeps that begins now."""
        return Edge(
            lambda request: access.ask(request, self.target, is_cancelled),
            lambda request: access.seconds_until(request, self.target),
            _clock(access, now),
            is_cancelled,
        )

    def _queue_edge(self, access: Access, now: float, is_cancelled: Callable[[], bool]) -> queues.Edge:
        """The way to the queues of a step that begins now."""
        sqs = access.queues
        return queues.Edge(sqs.receive, sqs.attributes, sqs.delete, _clock(access, now), is_cancelled)

    def _apply_outcomes(
        self, outcomes: Outcomes, under_way: Iterable[UnderWay[Subject]], now: float, foreign_accounts: ForeignAccounts
    ) -> None:
        start = self._start
        if start is None:
            return
        pairs = self._take_all_but_batches(outcomes, start, foreign_accounts)
        self.progress, counts = after_answers(self.progress, start.poll, pairs, self._settings, now)
        self.counts = self.counts.plus(counts) if self.counts.series else counts
        begun = [step.subject.task for step in under_way if step.subject.start is start]
        unanswered = [task for task in begun if isinstance(task, Batch)] + _failed(pairs)
        self.progress = after_no_answer(self.progress, start.poll.slot, unanswered)

    def _take_all_but_batches(
        self, outcomes: Outcomes, start: RunStart, foreign_accounts: ForeignAccounts
    ) -> list[tuple[Batch, Any]]:
        """Take in snapshots and listings that a run asked for. Returns its batches with their outcomes."""
        batches: list[tuple[Batch, Any]] = []
        self._take_messages(outcomes, start)
        for (_, _, task), outcome in outcomes:
            if isinstance(task, Batch):
                batches.append((task, outcome))
            elif isinstance(task, Listing):
                if isinstance(outcome, ListingAnswer):
                    outcome = outcome.without(foreign_accounts(self.target, outcome.linked))
                self.progress = after_listing(self.progress, task, outcome, start.at, start.run)
            elif isinstance(task, SweepTask):
                self.progress, events = after_sweeps(self.progress, task, outcome)
                self.events.extend(events)
            elif isinstance(task, Collector):
                self.progress, events = after_snapshot(self.progress, task, outcome, start.at, start.run)
                self.events.extend(events)
        return batches

    def _take_messages(self, outcomes: Outcomes, start: RunStart) -> None:
        """Take in what the workers of a run received from queues, and what they could not delete."""
        received, events = [], self.progress.events
        for (_, _, task), outcome in outcomes:
            if isinstance(task, ReceiveTask) and isinstance(outcome, Received):
                received.append((task, outcome))
            elif isinstance(task, DeleteTask):
                events = intake.after_deleting(events, task, outcome)
        if received:
            events, added = intake.after_receiving(events, received, self.target, start.at, self._settings.events.logs)
            self.intake = self.intake.plus(added)
        if events is not self.progress.events:
            self.progress = replace(self.progress, events=events)

    def _report_unfinished(self, results: Results[Subject, Any]) -> None:
        """Report what AWS has not answered yet, and what could not be asked for lack of time."""
        under_way = [step for step in results.under_way if step.subject.target == self.target and not _is_usual(step)]
        waiting = sum(subject.target == self.target for subject in results.not_started)
        if under_way or waiting:
            self.failures.append(unfinished(under_way, waiting, self._settings))

    def _report_unexpected(self, error: Exception) -> None:
        self._log.exception('Unexpected in %s: %s', self.target.region, type(error).__name__)
        self.failures.append(UNEXPECTED)

    def _announce(self) -> None:
        """Say that counting began, where there was no saved state: it looks like a first start even if it is none."""
        if not self._has_ledger and self.progress.ledger is not None:
            since = self.progress.ledger.since
            self.events.append(counting_began(self.target, since))
            self._log.info('Counting of %s in %s began anew: counting_since is %d.', *self.target, since)

    def _roll_back(self) -> None:
        """Go back to the progress that is in the store, and submit none of this run's counts."""
        self.progress, self.counts, self.intake = self._store.recall(self.target), Counts(), Intake()


def unfinished(under_way: Iterable[UnderWay[Any]], waiting: int, settings: Settings) -> Failure:
    """The failure of a run that ends before AWS has answered everything."""
    longest: dict[str, float] = {}
    for step in under_way:
        longest[step.operation] = max(step.seconds, longest.get(step.operation, 0.0))
    sentences = []
    if longest:
        named = ', '.join(f'{operation} for {seconds:.0f} s' for operation, seconds in longest.items())
        sentences.append(f'no answer yet to {named}; it is taken in by the next run.')
    if waiting:
        sentences.append(f'{waiting} more to be sent by the next run, first of all.')
    return Failure(
        FailureKind.TIMEOUT,
        'run',
        ' '.join(sentences),
        f'Look at the way to AWS (firewall, VPC endpoint, proxy, endpoint_url). A run waits for run_timeout '
        f'({settings.run_timeout:g} s), a request for read_timeout ({settings.network.read_timeout:g} s), twice.',
    )


def _address(task: Task, now: float) -> tuple[str, str, str]:
    """Service and operation that a task asks, of several the first, and the name that it has from run to run."""
    if isinstance(task, Collector):
        return task.service, task.actions[0].name.partition(':')[2], task.name
    if isinstance(task, Listing):
        return 'cloudwatch', discovery.OPERATION, discovery.OPERATION
    if isinstance(task, SweepTask):
        turn = states.next_in_turn(task.sweeps, task.states, task.context, now)
        return 'sesv2', turn[1].operation if turn else planning.SWEEP, planning.SWEEP
    if isinstance(task, ReceiveTask):
        return 'sqs', queues.RECEIVE, f'{queues.RECEIVE}:{task.queue.url}:{task.worker}'
    if isinstance(task, DeleteTask):
        return 'sqs', queues.DELETE, f'{queues.DELETE}:{task.queue.url}:{task.worker}'
    # No series is in two batches at a time, so the first one names its batch.
    return 'cloudwatch', answers.OPERATION, f'{task.purpose}:{task.queries.series[0].key}'


def _clock(access: Access, now: float) -> Callable[[], float]:
    """The time of the check for a step that begins now."""
    pace = access.turns.pace
    begun = pace.monotonic()
    return lambda: now + pace.elapsed(begun)


def _failed(pairs: Iterable[tuple[Batch, Any]]) -> list[Batch]:
    return [batch for batch, outcome in pairs if isinstance(outcome, Failure)]


def _is_usual(step: UnderWay[Subject]) -> bool:
    """Whether it is no failure that a step is under way: a long listing goes on beside the runs, and so does what waits
    for its turn with SES or reads a queue."""
    task = step.subject.task
    if isinstance(task, Listing):
        return step.seconds < discovery.LISTING_SECONDS
    if isinstance(task, (ReceiveTask, DeleteTask)):
        return step.seconds < 2 * queues.MOST_SECONDS
    return not step.is_awaited and step.seconds < 2 * worker.MOST_SECONDS


def _is_late(task: Task) -> bool:
    """Whether a run does not wait for a task that was planned: it may have to wait for its turn with SES, reads a queue
    for some seconds, or lists page by page."""
    if isinstance(task, Collector):
        return task.may_be_late or bool(task.instead_of)
    return isinstance(task, (Listing, SweepTask, ReceiveTask, DeleteTask))
