"""The Amazon SES check: the Agent's side, and the story of one run.

Options become settings; settings, progress and the time become a plan; the plan is carried out at the edge for as long
as a run may wait; outcomes become the next progress, which is saved; then everything that is known is submitted. What
AWS answers later is taken in by the next run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from datadog_checks.amazon_ses import catalogue, planning, report, telemetry
from datadog_checks.amazon_ses.config_models import ConfigMixin, InstanceConfig
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.configuration.options import SettingsError
from datadog_checks.amazon_ses.model import Calls, Failure, Level, MetricSpec, MetricType, Target
from datadog_checks.amazon_ses.report import Report
from datadog_checks.amazon_ses.run import Outcomes, Run, RunStep, Subject
from datadog_checks.amazon_ses.runner import Runner, Wait
from datadog_checks.amazon_ses.scope import AccountRunner, Scope
from datadog_checks.amazon_ses.state.store import Store
from datadog_checks.amazon_ses.submission import Submission
from datadog_checks.base import AgentCheck, ConfigurationError
from datadog_checks.base.errors import CheckException

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access

try:
    import datadog_agent
except ImportError:
    from datadog_checks.base.stubs import datadog_agent

CLUSTER_CHECKS = ('cluster-checks', 'endpoints-checks')
"""Providers of configurations that move from one Agent to another."""


class AmazonSesCheck(AgentCheck, ConfigMixin):
    """Collects the standing, the quota and the sending events of Amazon SES for one account in some Regions."""

    HA_SUPPORTED = True

    def __init__(self, name: str, init_config: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(name, init_config, instances)
        # Looked up at each call, so that a test that turns the clock of the process turns this one as well.
        self.clock: Callable[[], float] = lambda: time.time()
        self.monotonic: Callable[[], float] = time.monotonic
        self.waits_for_requests = 'DD_REPLAY_CHECK_NAME' in os.environ
        self._run_number = 0
        self._new_runners()
        self._scope: Scope | None = None
        self._access: Access | None = None
        self._store: Store | None = None
        self._warned_regions: set[str] = set()
        self._saving = Lock()
        self._cancelled = False
        # Ours come first: they say more about a wrong value than the models can.
        self.check_initializations.appendleft(self._configure)

    def persistent_cache_id(self) -> str:
        """Constant for every configuration: an edit of the options must not forget what was counted."""
        return 'amazon_ses'

    def cancel(self) -> None:
        with self._saving:
            # The next check object reads what was saved. A run that is still under way must neither save nor submit.
            self._cancelled = True
            if self._scope is not None:
                self._scope.release()

    def check(self, _: Any) -> None:
        started, now = self.monotonic(), self.clock()
        self._begin()
        wait = self._new_wait()
        try:
            account = self.scope.account(self.access, self._account_runner, wait)
            if isinstance(account, Failure):
                self._submit_unknown_account(account, now)
                raise CheckException(f'The AWS account is not known. {account}')
            targets = self.scope.targets(account, now)
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        late = self._runner.collect()
        runs = [self._begun(target, late, now) for target in targets]
        steps = [step for run in runs for step in self._planned(run, now)]
        results = self._runner.run(steps, wait, self.settings.run_timeout)
        with self._saving:
            if self._cancelled:
                return
            for run in runs:
                run.apply(results, now, self.scope.own_metrics)
        calls = self.access.calls.drain()
        reports = [
            Report(self.settings, run.result, calls, now) for run in self.scope.exclude_refused_regions(runs, now)
        ]
        for region_report in reports:
            self._submit(region_report, now, started)
            self.store.submitted(region_report.target)
        if reports and all(region_report.level is Level.CRITICAL for region_report in reports):
            raise CheckException('Nothing can be read from AWS: see the service check amazon_ses.can_connect.')

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.settings, lambda: self.instance.get('name') or self.check_id, self.log)
        return self._scope

    @property
    def access(self) -> Access:
        """The edge, made when a run first needs it: the SDK is most of what a check costs to load."""
        if self._access is None:
            from datadog_checks.amazon_ses.aws.access import Access

            self._access = Access(self.settings.sign_in, self.settings.network, self.scope.sign_in_region)
        return self._access

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store(
                self.read_persistent_cache, self.write_persistent_cache, self.settings.ledger_name, self.log
            )
        return self._store

    def _configure(self) -> None:
        try:
            self.settings = settings.from_options(
                self.instance,
                self.init_config,
                datadog_agent.get_config('proxy'),
                {metric.name: metric for metric in catalogue.METRICS if metric.type is MetricType.GAUGE},
                _is_readable,
                [metric.name for metric in catalogue.METRICS if self._is_dropped(metric)],
            )
        except SettingsError as error:
            raise ConfigurationError(str(error)) from None
        for secret in self.settings.secrets:
            self.register_secret(secret)

    def _is_dropped(self, metric: MetricSpec) -> bool:
        """Whether `metric_patterns` keeps this metric from the Agent."""
        sent: bool = self.should_send_metric(metric.full_name)  # type: ignore[no-untyped-call]  # the base is not annotated
        return not sent

    def _may_fail_over(self) -> bool:
        """Whether another Agent may run this instance in turn with this one, without its state."""
        return bool(datadog_agent.get_config('ha_agent.enabled')) or getattr(self, 'provider', '') in CLUSTER_CHECKS

    def _begin(self) -> None:
        self._run_number += 1
        if self._cancelled:
            self._cancelled, self._store = False, None
            self._new_runners()
        for sentence in settings.unknown_options(self.instance, InstanceConfig.model_fields):
            self.warning(sentence)

    def _new_runners(self) -> None:
        """Runners that know nothing of requests under way: their answers are never taken in."""
        self._runner: Runner[Subject, Any] = Runner(lambda: self.monotonic())
        self._account_runner: AccountRunner = Runner(lambda: self.monotonic())

    def _new_wait(self) -> Wait:
        """The wait of one run. A process that ends after the run waits until its requests have ended."""
        longest = self.settings.network.longest_request if self.waits_for_requests else 0.0
        return Wait(max(self.settings.run_timeout, longest), lambda: self.monotonic())

    def _begun(self, target: Target, late: Outcomes, now: float) -> Run:
        """The run of a Region with what came late for it."""
        run = Run(target, self.store.recall(target), self.settings, self.store, self.log)
        run.take_late([outcome for outcome in late if outcome.subject.target == target], now, self.scope.own_metrics)
        return run

    def _planned(self, run: Run, now: float) -> Iterable[RunStep]:
        """The steps of what is due in a Region."""
        progress = self.scope.own_progress(run.target, run.progress)
        lookback = self.settings.lookback(self._may_fail_over())
        subjects = (step.subject for step in self._runner.under_way)
        under_way = [subject.task for subject in subjects if subject.target == run.target]
        plan = planning.plan(self.settings, run.target, progress, now, lookback, under_way)
        return run.steps(plan, self.access, self._run_number, now)

    def _submit(self, region_report: Report, now: float, started: float) -> None:
        """Submit everything of one Region."""
        target = region_report.target
        for sentence in region_report.warnings:
            self.warning(sentence)
        for span in region_report.skipped:
            self.log.warning('Counts of %s in %s miss %s.', *target, span)
        self._warn_of_limit(target, region_report.series_over_limit)
        submission = Submission(self, self.settings.tags, target, now)
        submission.submit(region_report.readings())
        submission.submit(telemetry.run(self.monotonic() - started, submission.contexts))

    def _warn_of_limit(self, target: Target, left_out: int) -> None:
        """Say it once, until nothing is left out any more: the metric says it in every run."""
        if left_out and target.region not in self._warned_regions:
            self.warning(
                '%s: at least %d of the series that CloudWatch lists are left out: raise `max_series` (%d), at about '
                '$0.09 a month for each that is active, `exclude` some, or take a source out of `collect`.',
                target.region,
                left_out,
                self.settings.max_series,
            )
            self._warned_regions.add(target.region)
        elif not left_out:
            self._warned_regions.discard(target.region)

    def _submit_unknown_account(self, failure: Failure, now: float) -> None:
        calls: Calls = self.access.calls.drain()
        for region in self.settings.regions or (self.scope.sign_in_region,):
            submission = Submission(self, self.settings.tags, Target('', region), now)
            submission.submit(report.unknown_account(failure, calls, region))


def _is_readable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)
