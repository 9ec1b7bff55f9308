"""The Amazon SES check: the Agent's side, and the story of one run.

Options become settings; settings, progress and the time become a plan; the plan is carried out at the edge for as long
as a run may wait; outcomes become the next progress, which is saved; then everything that is known is submitted. What
AWS answers later is taken in by the next run.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from datadog_checks.amazon_ses import catalogue, leases, planning, report, role, telemetry
from datadog_checks.amazon_ses.config_models import ConfigMixin, InstanceConfig
from datadog_checks.amazon_ses.config_models.shared import SharedConfig
from datadog_checks.amazon_ses.configuration import agent_options, settings
from datadog_checks.amazon_ses.configuration.options import SettingsError
from datadog_checks.amazon_ses.diagnose.answers import Answers
from datadog_checks.amazon_ses.diagnose.examination import Instance, examine
from datadog_checks.amazon_ses.diagnose.routines import Routines
from datadog_checks.amazon_ses.garbage import uncollected
from datadog_checks.amazon_ses.model import UNKNOWN_ACCOUNT, Failure, Level, MetricSpec, MetricType, Target
from datadog_checks.amazon_ses.notices import Notice, Notices
from datadog_checks.amazon_ses.pace import Pace, TurnedPace
from datadog_checks.amazon_ses.report import Report
from datadog_checks.amazon_ses.role import Role
from datadog_checks.amazon_ses.run import Outcomes, Run, RunStep, Subject
from datadog_checks.amazon_ses.runner import Finished, Results, Runner, Wait
from datadog_checks.amazon_ses.scope import AccountRunner, Scope
from datadog_checks.amazon_ses.state.inspection import Inspection
from datadog_checks.amazon_ses.state.observation import Observation
from datadog_checks.amazon_ses.state.saving import Saving
from datadog_checks.amazon_ses.state.store import Store, Unreadable
from datadog_checks.amazon_ses.submission import Submission
from datadog_checks.amazon_ses.unlisted import UnlistedSeries
from datadog_checks.base import AgentCheck, ConfigurationError
from datadog_checks.base.checks import base as agent_base
from datadog_checks.base.errors import CheckException

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access

NOT_IN_FILE_NAMES = re.compile(r'[^a-zA-Z0-9_-]')
"""What the Agent drops from the names of its cache files."""


class AmazonSesCheck(AgentCheck, ConfigMixin):
    """Collects the standing, the quota and the sending events of Amazon SES for one account in some Regions."""

    HA_SUPPORTED = True

    counts_at_once = False
    """Set by a host that knows that no other process uses its cache: its first run counts already."""

    receives_events = True
    """Whether a run that counts may receive from queues. Not set by a host that nobody asked to."""

    clock_is_turned = False
    """Set by a host that turns the clock: requests to SES then wait for their turn by that clock, at once."""

    def __init__(self, name: str, init_config: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        # The base class fails on some wrong values of its own options.
        try:
            for instance in instances:
                agent_options.check_agent_options(instance, init_config or {})
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        super().__init__(name, init_config, instances)
        # Looked up at each call, so that a test that turns the clock of the process turns this one as well.
        self.clock: Callable[[], float] = lambda: time.time()
        self.monotonic: Callable[[], float] = time.monotonic
        self._pace: Pace | None = None
        self._run_number = 0
        self._new_runners()
        self._scope: Scope | None = None
        self._access: Access | None = None
        self._store: Store | None = None
        self._observation = Observation()
        self._notices = Notices()
        self._odd_options: list[str] = []
        self._cancelled = False
        self._isolated = role.is_isolated(os.environ)
        self.waits_for_requests = self._isolated
        self.leases = leases.OF_THIS_PROCESS
        # Ours come first: they say more about a wrong value than the models can.
        self.check_initializations.appendleft(self._configure)
        self._initializing = Lock()
        Routines(self.diagnosis, self._examine, self.sanitize).register()

    def run_check_initializations(self) -> None:
        """Initialize once: a run and `agent diagnose` may come at the same time, on different threads."""
        with self._initializing:
            super().run_check_initializations()  # type: ignore[no-untyped-call]  # the base is not annotated

    def persistent_cache_id(self) -> str:
        """Constant for every configuration: an edit of the options must not forget what was counted."""
        return 'amazon_ses'

    def cancel(self) -> None:
        """End without waiting. A run that is under way submits what it has saved, and writes and submits nothing more.

        The next check object goes on from what is saved. Where a write ends only now, it finds the writer's mark.
        """
        self._cancelled = True
        if self._store is not None:
            self._store.close()
        if self._scope is not None:
            self._scope.release()
        if self._access is not None:
            self._access.turns.cancel()

    def check(self, _: Any) -> None:
        started, now = self.monotonic(), self.clock()
        notices = [*self._begin()]
        wait = self._new_wait()
        try:
            notices += [Notice(f'Region: {text}', '', text) for text in self.scope.region_warnings()]
            account = self.scope.account(self.access, self._account_runner, wait)
            contradictions = self.scope.account_warnings(self.access, self._account_runner, wait)
            notices += [Notice('account_id', '', text) for text in contradictions]
            unknown = account if isinstance(account, Failure) else None
            targets = self.scope.targets(UNKNOWN_ACCOUNT if isinstance(account, Failure) else account, now)
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        late = [*self._deletions, *self._runner.collect()]
        with uncollected():
            runs = [self._begun(target, late, now, started) for target in targets]
            steps = [step for run in runs for step in self._planned(run, now, started)]
        runs = self._apply(runs, self._results(runs, steps, wait), now)
        if unknown is not None:
            for run in runs:
                run.failures.insert(0, unknown)
        calls = self.access.calls.drain()
        reports, submitted = [], []
        regions = {run.target.region: run.progress for run in runs}
        for run in self.scope.without_refusing(runs, now, self._ends_after_run):
            region_report = Report(self.settings, run.result, calls, now, regions)
            self._submit(region_report, now, started, self._covered(run, now, started))
            if run.saving is Saving.SAVED:
                self.store.submitted(run.target)
            submitted.append(run)
            for sentence in self._unlisted.sentences(run.target, run.progress):
                self.warning(sentence)
            reports.append(region_report)
        notices += self._delete_messages(submitted, now)
        if reports:
            self._submit_left_out(reports[0].target.account, now)
        notices += [Notice('counts and events', run.role.name, run.role.value) for run in runs if run.role.value]
        notices += [notice for region_report in reports for notice in region_report.warnings]
        self._say(notices, now)
        _raise_where_nothing_answers(reports, unknown)

    @property
    def pace(self) -> Pace:
        """How the seconds pass for which requests to SES wait."""
        if self._pace is None:
            self._pace = TurnedPace(lambda: self.clock()) if self.clock_is_turned else Pace(lambda: self.monotonic())
        return self._pace

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(
                self.settings, lambda: self.instance.get('name') or self.check_id, self.leases, self.log
            )
        return self._scope

    @property
    def access(self) -> Access:
        """The edge, made when a run first needs it: the SDK is most of what a check costs to load."""
        if self._access is None:
            from datadog_checks.amazon_ses.aws.access import Access

            self._access = Access(
                self.settings.sign_in,
                self.settings.network,
                self.scope.sign_in_regions,
                lambda: self.monotonic(),
                self.pace,
            )
        return self._access

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = self._new_store(self.leases)
        return self._store

    def _new_store(self, saving_leases: leases.Leases) -> Store:
        return Store(
            self.read_persistent_cache,
            self.write_persistent_cache,
            self.settings.ledger_name,
            saving_leases,
            self.log,
        )

    def _examine(self) -> Answers:
        """What `agent diagnose` needs. It has an edge, a scope and a store of its own, so no run is disturbed."""
        try:
            self.run_check_initializations()
            scope = Scope(self.settings, lambda: '', leases.Leases(), self.log)
            notes, regions = [*self._odd_options, *scope.region_warnings()], scope.regions
            if not self._provider and role.runs_cluster_checks(_agent_setting):
                notes.append(role.NO_PROVIDER)
        except (ConfigurationError, SettingsError) as error:
            return Answers(defect=str(error))
        from datadog_checks.amazon_ses.aws.access import Access
        from datadog_checks.amazon_ses.aws.dates import DatedCalls

        sign_in, network, sign_in_regions = self.settings.sign_in, self.settings.network, scope.sign_in_regions
        dated = DatedCalls(lambda: self.clock())
        access = Access(sign_in, network, sign_in_regions, lambda: self.monotonic(), self.pace, dated)
        return examine(
            Instance(
                self.settings,
                regions,
                sign_in_regions[0],
                access,
                lambda: self.clock(),
                lambda: self.monotonic(),
                self._inspect,
                dated.clock_errors,
                lambda: self._cancelled,
            ),
            notes,
        )

    def _inspect(self, target: Target) -> Inspection:
        """What is saved for a target. Nothing is written."""
        store = self._store or self._new_store(leases.Leases())
        inspection = store.inspect(target)
        if not inspection.unreadable:
            return inspection
        return replace(inspection, unreadable=self._cache_file(inspection.unreadable))

    def _configure(self) -> None:
        try:
            self.settings = settings.from_options(
                self.instance,
                self.init_config,
                _agent_setting('proxy'),
                {metric.name: metric for metric in catalogue.METRICS if metric.type is MetricType.GAUGE},
                _is_readable,
                [metric.name for metric in catalogue.METRICS if self._is_dropped(metric)],
            )
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        for secret in self.settings.secrets:
            self.register_secret(secret)
        self._unlisted = UnlistedSeries(self.settings.named_series, self.settings.period)
        self._odd_options = [
            *agent_options.unknown_options(
                self.instance, self.init_config or {}, InstanceConfig.model_fields, SharedConfig.model_fields
            ),
            *settings.odd_tags(self.settings.tags),
        ]

    def _is_dropped(self, metric: MetricSpec) -> bool:
        """Whether `metric_patterns` keeps this metric from the Agent."""
        sent: bool = self.should_send_metric(metric.full_name)  # type: ignore[no-untyped-call]  # the base is not annotated
        return not sent

    def _may_fail_over(self) -> bool:
        """Whether another Agent may run this instance in turn with this one, without its state."""
        return role.may_fail_over(self._provider, _agent_setting)

    @property
    def _provider(self) -> str:
        """Where the Agent has this instance from, empty where it does not say."""
        return str(getattr(self, 'provider', '') or '')

    def _begin(self) -> Iterable[Notice]:
        """Begin a run, and return what is to be said about the options."""
        self._run_number += 1
        if self._cancelled:
            self._cancelled, self._store = False, None
            self._new_runners()
        for sentence in self._odd_options:
            yield Notice(sentence, '', sentence)
        if self.metric_limiter is not None:
            yield Notice('max_returned_metrics', '', settings.LIMITED % self.metric_limiter.limit)

    @property
    def _is_by_hand(self) -> bool:
        return role.is_by_hand(_agent_setting('cmd_port'))

    @property
    def _ends_after_run(self) -> bool:
        """Whether this process ends with the run."""
        return self.waits_for_requests or self._is_by_hand

    def _role(self, since_first_run: float) -> Role:
        at_once = self.counts_at_once or self._isolated
        return role.role(self._is_by_hand, at_once, since_first_run, self.settings.interval)

    def _new_runners(self) -> None:
        """Runners that know nothing of requests under way: their answers are never taken in."""
        self._runner: Runner[Subject, Any] = Runner(lambda: self.monotonic())
        self._account_runner: AccountRunner = Runner(lambda: self.monotonic())
        self._deletions: list[Finished[Subject, Any]] = []

    def _new_wait(self) -> Wait:
        """The wait of one run. A process that ends after the run waits until its requests have ended."""
        longest = self.settings.network.longest_request if self._ends_after_run else 0.0
        return Wait(max(self.settings.run_timeout, longest), lambda: self.monotonic())

    def _begun(self, target: Target, late: Outcomes, now: float, started: float) -> Run:
        """The run of a Region, with the progress that it starts from and what came late for it."""
        since_first_run = self.leases.since_first_run(self.scope.lease(*target), started)
        role_in_run = self._role(since_first_run) if target.is_known else Role.NO_ACCOUNT
        keeper: Store | Observation = self._observation
        failures = []
        before = keeper.recall(target)
        if role_in_run is Role.COUNTING:
            before = self.store.recall(target)
            try:
                self.store.open(target, self._observation.recall(target))
                keeper = self.store
                self._observation.forget(target)
            except Unreadable as error:
                failures.append(report.unreadable(self._cache_file(error.key)))
                self._observation.begin(target, before)
        progress = keeper.recall(target)
        run = Run(target, progress, self.settings, keeper, self.log, role_in_run)
        run.failures.extend(failures)
        if progress is before:
            outcomes = [outcome for outcome in late if outcome.subject.target == target]
            run.take_late(outcomes, now, self.scope.foreign_accounts)
        return run

    def _planned(self, run: Run, now: float, started: float) -> Iterable[RunStep]:
        """The steps of what is due in a Region."""
        progress = self.scope.own_progress(run.target, run.progress)
        since_first_run = self.leases.since_first_run(self.scope.lease(*run.target), started)
        lookback = self.settings.lookback(self._may_fail_over(), since_first_run)
        subjects = (step.subject for step in self._runner.under_way)
        under_way = [subject.task for subject in subjects if subject.target == run.target]
        plan = planning.plan(self.settings, run.target, progress, now, lookback, under_way)
        if run.role is not Role.COUNTING:
            plan = replace(plan, listings=(), sweep=None)
        if not (run.saves and self.receives_events):
            plan = replace(plan, receives=())
        if plan.sweep is not None and self._ends_after_run:
            plan = replace(plan, sweep=replace(plan.sweep, seconds=self.settings.run_timeout))
        return self._awaited_where_last(run.steps(plan, self.access, self._run_number, now))

    def _awaited_where_last(self, steps: Iterable[RunStep]) -> Iterable[RunStep]:
        """The steps, all of which a process waits for that ends after this run."""
        waits_for_all = self._ends_after_run or self.pace.passes_at_once
        return (replace(step, is_awaited=True) for step in steps) if waits_for_all else steps

    def _delete_messages(self, runs: Sequence[Run], now: float) -> list[Notice]:
        """Delete the messages whose events were submitted. Nobody waits for that, unless this process ends now.

        Where no next run will say it, submits how many requests that took, and returns what failed.
        """
        steps = [step for run in runs for step in run.delete_steps(self.access)]
        self._deletions = []
        if steps and not self._cancelled:
            awaited = self._awaited_where_last(steps)
            self._deletions = self._runner.run(awaited, self._new_wait(), self.settings.run_timeout).finished
        if not self._ends_after_run:
            return []
        calls = self.access.calls.drain()
        for run in runs:
            Submission(self, self.settings.tags, run.target, now).submit(telemetry.calls(calls, run.target.region))
        failures = [result for _, result in self._deletions if isinstance(result, Failure)]
        return [Notice(failure.operation, failure.kind, str(failure)) for failure in failures]

    def _results(self, runs: Sequence[Run], steps: Sequence[RunStep], wait: Wait) -> Results[Subject, Any]:
        """The results of the steps, and of those that stand in for what AWS refused, which a process that ends after
        this run could not ask for later."""
        results = self._runner.run(steps, wait, self.settings.run_timeout)
        stand_ins = [step for run in runs for step in run.stand_in_steps(results, self.access)]
        if not (stand_ins and wait.seconds):
            return results
        return results.plus(self._runner.run(stand_ins, wait, self.settings.run_timeout))

    def _apply(self, runs: Sequence[Run], results: Results[Subject, Any], now: float) -> list[Run]:
        """Apply the results of each run and save it. Returns the runs that are to be submitted."""
        applied = []
        for run in runs:
            if self._cancelled:
                break
            run.apply(results, now, self.scope.foreign_accounts)
            if run.saving is not Saving.CANCELLED:
                applied.append(run)
        if self._cancelled:
            # Linked accounts are leased while listings are applied.
            self.scope.release()
        return applied

    def _covered(self, run: Run, now: float, started: float) -> float | None:
        """The seconds that a run covers, None where it does not count."""
        elapsed = self.leases.since_last_run(self.scope.lease(*run.target), started)
        if run.saving is Saving.OBSERVED:
            return None
        if self._isolated:
            elapsed = self.store.seconds_since_last_run(run.target, now)
        return min(elapsed, 2 * self.settings.interval)

    def _cache_file(self, key: str) -> str:
        """The file of a cache entry, as the Agent names it."""
        folder = self.check_id.partition(':')[0]
        name = f'{":".join(self.check_id.split(":")[1:-1])}{self.persistent_cache_id()}_{key}'
        run_path = _agent_setting('run_path') or "the Agent's run_path"
        return '/'.join((str(run_path), *(NOT_IN_FILE_NAMES.sub('', part) for part in (folder, name))))

    def _submit(self, region_report: Report, now: float, started: float, covered: float | None) -> None:
        """Submit everything of one Region."""
        target = region_report.target
        for span in region_report.skipped:
            self.log.warning('Counts of %s in %s miss %s.', *target, span)
        for span in region_report.unknown:
            self.log.warning('Counts of %s in %s are not known for %s.', *target, span)
        submission = Submission(self, self.settings.tags, target, now)
        submission.submit(region_report.readings())
        submission.log(region_report.event_logs)
        submission.submit(telemetry.dropped(submission.dropped))
        submission.submit(telemetry.run(self.monotonic() - started, submission.contexts, covered))

    def _submit_left_out(self, account: str, now: float) -> None:
        """Submit the gauge of each Region that is left out."""
        for region, reason in self.scope.left_out.items():
            submission = Submission(self, self.settings.tags, Target(account, region), now)
            submission.submit(telemetry.left_out(reason))

    def _say(self, notices: Iterable[Notice], now: float) -> None:
        """Warn of what begins or still goes on after an hour, and say what is over."""
        texts, over = self._notices.due(notices, now)
        for text in texts:
            self.warning('%s', text)
        for subject in over:
            self.log.info('Over: the warning about %s.', subject)


def _raise_where_nothing_answers(reports: Sequence[Report], unknown: Failure | None) -> None:
    """Fail the run in which no Region can be read. `unknown` is why the account is not known."""
    if not reports or any(region_report.level is not Level.CRITICAL for region_report in reports):
        return
    if unknown is not None:
        raise CheckException(f'The AWS account is not known. {unknown}')
    raise CheckException('Nothing can be read from AWS: see the service check amazon_ses.can_connect.')


def _agent_setting(name: str) -> object:
    """An option of the Agent. In an isolated process the base class replaces the module after ours was loaded."""
    setting: object = agent_base.datadog_agent.get_config(name)
    return setting


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)
