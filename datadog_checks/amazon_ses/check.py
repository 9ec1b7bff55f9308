"""The Amazon SES check: the story of one run.

Options become settings; settings, progress and the time become a plan; the plan is carried out at the edge until the
deadline; outcomes become the next progress, which is saved; then everything that is known is submitted.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from datadog_checks.amazon_ses import catalogue, leases, planning, readings, telemetry, thresholds
from datadog_checks.amazon_ses.cloudwatch import discovery, schedule
from datadog_checks.amazon_ses.cloudwatch.answers import Answer
from datadog_checks.amazon_ses.cloudwatch.discovery import Listing
from datadog_checks.amazon_ses.cloudwatch.families import Listed
from datadog_checks.amazon_ses.cloudwatch.ledger import GivenUp, Reach
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.selection import MAX_SERIES
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.config_models import ConfigMixin, InstanceConfig
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.configuration.options import SettingsError, refused
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Level, MetricSpec, MetricType, Sample, Target
from datadog_checks.amazon_ses.planning import Plan, Task
from datadog_checks.amazon_ses.progress import (
    CLOUDWATCH,
    DAILY,
    DISCOVERY,
    Counted,
    Progress,
    after_answers,
    after_listing,
    after_snapshot,
)
from datadog_checks.amazon_ses.registry import COLLECTORS
from datadog_checks.amazon_ses.runner import Runner, Work
from datadog_checks.amazon_ses.state.store import Memory
from datadog_checks.amazon_ses.submission import Submission
from datadog_checks.base import AgentCheck, ConfigurationError
from datadog_checks.base.errors import CheckException

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access
    from datadog_checks.amazon_ses.aws.calls import Calls
    from datadog_checks.amazon_ses.aws.regions import Known

try:
    import datadog_agent
except ImportError:
    from datadog_checks.base.stubs import datadog_agent

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
NO_ACCOUNT = Failure(
    FailureKind.TIMEOUT,
    'GetCallerIdentity',
    'no answer within the run.',
    'Give account_id to do without this call, or look at the way to the STS endpoint.',
)

CADENCES = {
    **{collector.name: collector.interval for collector in COLLECTORS},
    DISCOVERY: discovery.EVERY,
    DAILY: schedule.DAILY_EVERY,
}
"""Seconds from one answer of a source to the next, but for that of the series."""

DAY = 86400
"""Seconds until a Region that is not enabled for the account is asked again."""

CLUSTER_CHECKS = ('cluster-checks', 'endpoints-checks')


@dataclass(slots=True)
class Run:
    """One run in one Region: the progress it started from and ends with, and what is to be handed over."""

    progress: Progress
    counted: Counted = field(default_factory=Counted)
    events: list[Event] = field(default_factory=list)
    late: bool = False
    broken: Failure | None = None
    level: Level = Level.OK

    def forget(self, progress: Progress) -> None:
        """Go back to a progress, with nothing of the run's counts to hand over."""
        self.progress, self.counted = progress, Counted()


@dataclass(slots=True)
class Blocked:
    """Why the rest of a run in one Region has no prospect, if so."""

    by: Failure | None = None


class AmazonSesCheck(AgentCheck, ConfigMixin):
    """Collects the standing, the quota and the sending events of Amazon SES for one account in some Regions."""

    HA_SUPPORTED = True

    def __init__(self, name: str, init_config: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(name, init_config, instances)
        # Looked up at each call, so that whoever turns the clock in a test turns this one as well.
        self.clock: Callable[[], float] = lambda: time.time()
        self.monotonic: Callable[[], float] = time.monotonic
        self._runner = Runner(lambda: self.monotonic())
        self._account: str | None = None
        self._doubt_account = False
        self._known: Known | None = None
        self._not_enabled: dict[str, float] = {}
        self._warned: set[str] = set()
        self._access: Access | None = None
        self._memory: Memory | None = None
        self._keeping = Lock()
        self._cancelled = False
        # Ours come first: they say more about a wrong value than the models can.
        self.check_initializations.appendleft(self._configure)

    def persistent_cache_id(self) -> str:
        """The same for every configuration: an edit of the options must not forget what was counted."""
        return 'amazon_ses'

    def cancel(self) -> None:
        with self._keeping:
            # Who follows reads what was saved. A run that is still in flight must neither save nor submit after that.
            self._cancelled = True
            leases.release(self)

    def check(self, _: Any) -> None:
        started, now = self.monotonic(), self.clock()
        if self._cancelled:
            self._cancelled, self._memory = False, None
        for sentence in settings.unknown_options(self.instance, InstanceConfig.model_fields):
            self.warning(sentence)
        account = self._find_account()
        if isinstance(account, Failure):
            self._submit_unknown_account(account, now)
            raise CheckException(f'The AWS account is not known. {account}')
        regions = [region for region in self._places[0] if now - self._not_enabled.get(region, -DAY) >= DAY]
        targets = {region: Target(account, region) for region in regions}
        self._claim(account, regions)

        reach = self.settings.reach(self._may_fail_over())
        runs = {region: Run(self._without_others(target)) for region, target in targets.items()}
        plans = {
            region: planning.plan(self.settings, targets[region], run.progress, now, reach)
            for region, run in runs.items()
        }
        results = self._runner.run(
            {region: self._work(targets[region], plan, now) for region, plan in plans.items() if plan.tasks},
            self.settings.deadline - (self.monotonic() - started),
        )
        with self._keeping:
            if self._cancelled:
                return
            for region, run in runs.items():
                run.late = region in results.late
                self._take_in(targets[region], run, plans.pop(region), results.done.get(region, []), now, reach)
        self._doubt(runs, results.done, now)

        calls = self.access.calls.take()
        for region, run in runs.items():
            self._submit(targets[region], run, calls, now, started)
            self.memory.handed_over(targets[region])
        if runs and all(run.level is Level.CRITICAL for run in runs.values()):
            raise CheckException('Nothing can be read from AWS: see the service check amazon_ses.can_connect.')

    @property
    def access(self) -> Access:
        """The way to AWS, made when a run first needs it: the SDK is most of what a check costs to load."""
        if self._access is None:
            from datadog_checks.amazon_ses.aws.access import Access

            self._access = Access(self.settings.sign_in, self.settings.network, self._places[1])
        return self._access

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            self._memory = Memory(
                self.read_persistent_cache, self.write_persistent_cache, self.settings.ledger_name, self.log
            )
        return self._memory

    def _configure(self) -> None:
        try:
            self.settings = settings.from_options(
                self.instance,
                self.init_config,
                datadog_agent.get_config('proxy'),
                {metric.name: metric for metric in catalogue.METRICS if metric.type is MetricType.GAUGE},
                _is_readable,
                [metric.name for metric in catalogue.METRICS if self._drops(metric)],
            )
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        for secret in self.settings.secrets:
            self.register_secret(secret)

    def _drops(self, metric: MetricSpec) -> bool:
        """Whether `metric_patterns` keeps this metric from the Agent."""
        sent: bool = self.should_send_metric(metric.full_name)  # type: ignore[no-untyped-call]  # the base is not annotated
        return not sent

    def _may_fail_over(self) -> bool:
        """Whether another Agent may run this instance in turn with this one, without its state."""
        return bool(datadog_agent.get_config('ha_agent.enabled')) or getattr(self, 'provider', '') in CLUSTER_CHECKS

    @property
    def _places(self) -> tuple[Sequence[str], str]:
        """The Regions of the options, or all in which the SDK knows SES; and the one among them that signs in."""
        if self.settings.regions:
            return self.settings.regions, self.settings.regions[0]
        if self._known is None:
            from datadog_checks.amazon_ses.aws import regions

            self._known = regions.known(self.settings.sign_in, self.settings.network.use_fips)
        if not self._known.names:
            reason = ', because the SDK knows no Region with SES in this partition'
            raise ConfigurationError(str(refused('regions', 'all', 'a list of AWS Regions', reason)))
        return self._known

    def _find_account(self) -> str | Failure:
        if self._account is None:
            self._account = self.settings.account
        if self._account is not None and not self._doubt_account:
            return self._account
        _, home = self._places
        results = self._runner.run({home: Work([partial(self.access.account, home)])}, self.settings.deadline)
        account = results.done[home][0] if results.done[home] else NO_ACCOUNT
        if isinstance(account, Failure):
            return self._account or account
        self._account, self._doubt_account = account, False
        return account

    def _claim(self, account: str, regions: Iterable[str]) -> None:
        for region in regions:
            holder = leases.take(leases.Claim(account, region, self.settings.ledger_name), self)
            if isinstance(holder, AmazonSesCheck):
                raise ConfigurationError(
                    f'Option `region`: account {account} in {region} is counted already by the instance '
                    f'{holder.instance.get("name") or holder.check_id or "before it"}. '
                    'Remove one of the two, or give this one a `ledger` name of its own to count separately.'
                )

    def _work(self, target: Target, plan: Plan, now: float) -> Work[tuple[Task, Any]]:
        blocked = Blocked()
        steps = [partial(self._perform, target, task, now, blocked) for task in plan.tasks]
        return Work(steps[: len(plan.lead)], steps[len(plan.lead) :])

    def _perform(self, target: Target, task: Task, now: float, blocked: Blocked) -> tuple[Task, Any]:
        """One step at the edge, in a worker. Who cannot sign in is not tried for every source of a run."""
        if blocked.by is not None:
            return task, blocked.by
        answer: Any
        try:
            if isinstance(task, Collector):
                answer = self.access.fetch(task, target.region)
            elif isinstance(task, Listing):
                answer = self.access.list(task, target.region, target.account, self.settings.deadline / 2)
            else:
                answer = self.access.ask(task, target.region, now)
        except Exception as error:
            # Nothing above raises but by a mistake of ours, which is not to cost the other sources and Regions.
            self.log.exception('Unexpected in %s: %s', target.region, type(error).__name__)
            answer = UNEXPECTED
        failure = answer.failure if isinstance(answer, discovery.Answer) else answer
        if isinstance(failure, Failure) and failure.at_sign_in:
            blocked.by = failure
        return task, answer

    def _take_in(
        self, target: Target, run: Run, plan: Plan, done: list[tuple[Task, Any]], now: float, reach: Reach
    ) -> None:
        """Apply what was answered in one Region and save it. What cannot be taken in costs that Region this run."""
        try:
            run.progress = plan.progress
            answered: list[tuple[Batch, Answer | Failure]] = []
            for task, answer in done:
                if isinstance(task, Batch):
                    answered.append((task, answer))
                elif isinstance(task, Listing):
                    answer = self._without_claimed(target, answer)
                    run.progress = after_listing(run.progress, task, answer, now)
                else:
                    run.progress, events = after_snapshot(run.progress, task, answer, now)
                    run.events.extend(events)
            run.progress, run.counted = after_answers(
                run.progress, plan.batches, answered, plan.slot, now, self.settings, reach
            )
            # Answers are large: they are not kept in memory while the state is written.
            answered.clear()
            done[:] = [(task, answer) for task, answer in done if not isinstance(answer, Answer)]
            saved = self.memory.keep(target, run.progress)
        except Exception as error:
            self.log.exception('Unexpected in %s: %s', target.region, type(error).__name__)
            run.forget(self.memory.recall(target))
            run.broken = UNEXPECTED
            return
        if not saved:
            run.forget(self.memory.recall(target))
            self.warning(
                'The state of %s in %s cannot be saved, so its counts are held back until it can be: a restart would '
                "count them twice. Look at the Agent's run_path: space, permissions.",
                *target,
            )

    def _without_claimed(self, target: Target, answer: discovery.Answer | Failure) -> discovery.Answer | Failure:
        """What was listed, without linked accounts that another instance counts."""
        return answer if isinstance(answer, Failure) else replace(answer, listed=self._ours(target, answer.listed))

    def _without_others(self, target: Target) -> Progress:
        """The progress so far, without what was saved of linked accounts that are not ours to count any more."""
        progress = self.memory.recall(target)
        if not progress.changed:
            return progress
        return replace(
            progress, inventory=discovery.known(progress.inventory, self._ours(target, progress.inventory.listed))
        )

    def _ours(self, target: Target, listed: frozenset[Listed]) -> frozenset[Listed]:
        """What is ours to count: not linked accounts that another instance counts, or that the options leave out."""
        owners = {one.account for one in listed if one.account}
        if not owners:
            return listed
        taken = {
            owner
            for owner in owners
            if not self.settings.linked_accounts
            or leases.take(leases.Claim(owner, target.region, self.settings.ledger_name), self) is not None
        }
        for owner in sorted(taken):
            self.log.debug('The linked account %s in %s is not counted by this instance.', owner, target.region)
        return frozenset(one for one in listed if one.account not in taken)

    def _doubt(self, runs: dict[str, Run], done: Mapping[str, Sequence[tuple[Task, Any]]], now: float) -> None:
        """Leave out Regions that are not enabled for the account, and look at the account where credentials fail."""
        refused = {
            region: any(isinstance(answer, Failure) and answer.elsewhere for _, answer in done.get(region, ()))
            and not any(source.read is not None for source in run.progress.sources.values())
            for region, run in runs.items()
        }
        if not self.settings.regions and not all(refused.values()):
            for region in [region for region, is_refused in refused.items() if is_refused]:
                self.log.debug('%s is not enabled for the account, or does not take its credentials.', region)
                self._not_enabled[region] = now
                del runs[region]
        answers = (answer for region in runs for _, answer in done.get(region, ()) if isinstance(answer, Failure))
        # New credentials may be those of another account.
        if self.settings.account is None and any(answer.kind is FailureKind.CREDENTIALS for answer in answers):
            self._doubt_account = True

    def _submit(self, target: Target, run: Run, calls: Calls, now: float, started: float) -> None:
        """Submit everything of one Region."""
        progress, counted = run.progress, run.counted
        period = self.settings.period if progress.ledger is None else progress.ledger.period
        troubles = [*([LATE] if run.late else []), *([run.broken] if run.broken else [])]
        failing = telemetry.failing(progress, troubles)
        run.level = telemetry.level(progress, failing, {**CADENCES, CLOUDWATCH: period}, now)
        for failure in failing:
            self.warning('%s: %s', target.region, failure)
        for span in counted.given_up:
            self.log.warning('Counts of %s in %s miss %s.', *target, _spelled(span))
        submission = Submission(self, self.settings.tags, target, now)
        submission.submit(
            Sample(one.spec.count, amount, one.tags, one.account)
            for one, amount in counted.by_series()
            if one.spec.count is not None
        )
        submission.submit(telemetry.losses(counted.given_up, counted.shrunk))
        submission.submit(run.events)
        shown = tuple(readings.current(self.settings, progress, now))
        submission.submit(shown)
        samples = (reading for reading in shown if isinstance(reading, Sample))
        submission.submit(thresholds.statuses(self.settings.thresholds, samples, (*self.settings.tags, *target.tags)))
        submission.submit(telemetry.reached(run.level, failing))
        submission.submit(_calls_of(calls, target.region))
        self._warn_of_limit(target, telemetry.dropped(progress, now).get(MAX_SERIES, 0))
        submission.submit(telemetry.collection(progress, period, now))
        submission.submit(telemetry.run(self.monotonic() - started, submission.contexts))

    def _warn_of_limit(self, target: Target, left_out: int) -> None:
        """Say it once, until nothing is left out any more: the metric says it in every run."""
        if left_out and target.region not in self._warned:
            self.warning(
                '%s: at least %d of the series that CloudWatch lists are left out: raise `max_series` (%d), at about '
                '$0.09 a month for each that is active, `exclude` some, or take a source out of `collect`.',
                target.region,
                left_out,
                self.settings.max_series,
            )
            self._warned.add(target.region)
        elif not left_out:
            self._warned.discard(target.region)

    def _submit_unknown_account(self, failure: Failure, now: float) -> None:
        calls = self.access.calls.take()
        for region in self.settings.regions or self._places[1:]:
            submission = Submission(self, self.settings.tags, Target('', region), now)
            submission.submit(telemetry.reached(Level.CRITICAL, [failure]))
            submission.submit(_calls_of(calls, region))


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def _calls_of(calls: Calls, region: str) -> Any:
    return telemetry.calls(
        {request.operation: number for request, number in calls.sent.items() if request.region == region},
        Counter(
            {
                (request.operation, kind): number
                for (request, kind), number in calls.failed.items()
                if request.region == region
            }
        ),
        calls.billed_metrics[region],
    )


def _spelled(span: GivenUp) -> str:
    start, end = (time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at)) for at in (span.start, span.end))
    return f'{start} to {end} ({span.reason})'
