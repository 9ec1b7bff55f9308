"""Scope: which account and Regions an instance reads, which Regions are left out, and what it may count (leases)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING

from datadog_checks.amazon_ses import left_out
from datadog_checks.amazon_ses.cloudwatch import discovery
from datadog_checks.amazon_ses.configuration.options import SettingsError, refused
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.leases import Lease, Leases
from datadog_checks.amazon_ses.left_out import LeftOut, Reason
from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.run import Run
from datadog_checks.amazon_ses.runner import PartOfWait, Runner, Step, Wait

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access
    from datadog_checks.amazon_ses.aws.regions import SesRegions

MAX_SIGN_IN_REGIONS = 8
"""Regions that one run asks for the account."""

WAIT_FOR_ACCOUNT = 0.5
"""Share of a run's wait that may pass until the account is known."""

WAY_OUT = 'The option account_id does without this call.'

IDENTITY = 'GetCallerIdentity'

CONTRADICTION = (
    'Option `account_id` is {}, but the credentials belong to account {}: the tag aws_account of every metric names '
    'the wrong account. Correct `account_id`, or the credentials.'
)

AccountRunner = Runner[str, str | Failure]

NO_ACCOUNT = Failure(
    FailureKind.TIMEOUT,
    IDENTITY,
    'no answer yet; it is taken in by the next run.',
    'Look at the way to the STS endpoint.',
)


class Scope:
    """The account, the Regions and the leases of one instance. `instance_name` names it in messages. `leases` are those
    of this process."""

    def __init__(
        self,
        settings: Settings,
        instance_name: Callable[[], str],
        leases: Leases,
        log: Logger | LoggerAdapter[Logger],
    ) -> None:
        self.instance_name = instance_name
        self._settings = settings
        self._leases = leases
        self._log = log
        self._account = settings.account
        self._sign_ins = 0
        self._sign_in_regions: list[str] = []
        self._known_regions: SesRegions | None = None
        self._left_out = LeftOut()
        self._region_warnings: Sequence[str] | None = None
        self._is_caller_asked = False
        self._caller: str | None = None

    @property
    def regions(self) -> Sequence[str]:
        """The Regions of the options, or all in which the SDK knows SES. Raises SettingsError where it knows none."""
        return self._settings.regions or self._known().names

    @property
    def sign_in_regions(self) -> Sequence[str]:
        """The Regions whose STS endpoints sign in, in turn, the best first."""
        if self._settings.regions:
            return self._settings.regions
        every = self._known()
        return tuple(dict.fromkeys((every.sign_in_region, *every.names)))

    def account(self, access: Access, runner: AccountRunner, wait: Wait) -> str | Failure:
        """The account of the options, or else of the credentials, for which AWS is asked once, in one Region after the
        other until one answers. After a run in vain each run asks one Region."""
        is_new = access.credentials_in_doubt or access.sign_ins != self._sign_ins
        if self._account is not None and (self._settings.account is not None or not is_new):
            return self._account
        attempts = 1 if self._sign_in_regions else MAX_SIGN_IN_REGIONS
        self._sign_in_regions = self._sign_in_regions or list(self.sign_in_regions)
        answers = [finished.result for finished in runner.collect()]
        part = PartOfWait(wait, WAIT_FOR_ACCOUNT, runner.monotonic)
        for region in self._sign_in_regions[:attempts]:
            if part.seconds and not any(isinstance(answer, str) for answer in answers):
                self._sign_in_regions = [*self._sign_in_regions[1:], region]
                endpoint, ask = access.endpoint('sts', region), partial(access.caller_account, region)
                step = Step((IDENTITY, region), IDENTITY, region, IDENTITY, endpoint, ask)
                answers += [
                    finished.result for finished in runner.run([step], part, self._settings.run_timeout).finished
                ]
        account = next((answer for answer in answers if isinstance(answer, str)), None)
        if account is not None:
            self._account, self._sign_ins, self._sign_in_regions = account, access.sign_ins, []
            return account
        failure = next((answer for answer in answers if isinstance(answer, Failure)), NO_ACCOUNT)
        return self._account or replace(failure, remedy=f'{failure.remedy} {WAY_OUT}')

    def region_warnings(self) -> Sequence[str]:
        """The warnings about Regions of the options that the SDK does not know. Raises SettingsError for a name that no
        Region can have."""
        if self._region_warnings is None:
            from datadog_checks.amazon_ses.aws import regions

            self._region_warnings = regions.region_warnings(self._settings.regions)
        return self._region_warnings

    def account_warnings(self, access: Access, runner: AccountRunner, wait: Wait) -> Iterable[str]:
        """The warning that the credentials are not those of `account_id`. AWS is asked once, after it took them, and
        where it does not say there is no warning."""
        stated, region = self._settings.account_id, self.sign_in_regions[0]
        if stated is None or self._settings.sign_in.roles:
            return
        answers = runner.collect()
        if not self._is_caller_asked and access.is_accepted:
            self._is_caller_asked = True
            ask = partial(access.caller_account, region)
            step = Step((IDENTITY, region), IDENTITY, region, IDENTITY, access.endpoint('sts', region), ask)
            part = PartOfWait(wait, WAIT_FOR_ACCOUNT, runner.monotonic)
            answers += runner.run([step], part, self._settings.run_timeout).finished
        self._caller = next((answer.result for answer in answers if isinstance(answer.result, str)), self._caller)
        if self._caller not in (None, stated):
            yield CONTRADICTION.format(stated, self._caller)

    def targets(self, account: str, now: float) -> list[Target]:
        """The account in each Region that is not left out, leased where it is known. Raises SettingsError where another
        instance counts one of them."""
        targets = [Target(account, region) for region in self.regions if not self._left_out.rests(region, now)]
        for target in targets:
            if not target.is_known:
                continue
            holder = self._leases.acquire(self.lease(*target), self)
            if isinstance(holder, Scope):
                raise SettingsError(
                    f'Option `region`: account {account} in {target.region} is counted already by the instance '
                    f'{holder.instance_name() or "before it"}. '
                    'Remove one of the two, or give this one a `ledger` name of its own to count separately.'
                )
        return targets

    def release(self) -> None:
        """Give the leases back."""
        self._leases.release(self)

    def lease(self, account: str, region: str) -> Lease:
        return Lease(account, region, self._settings.ledger_name)

    def own_progress(self, target: Target, progress: Progress) -> Progress:
        """The progress without linked accounts that this instance may not count any more."""
        if not progress.selection.stale:
            return progress
        linked = discovery.linked_accounts(progress.inventory.metrics)
        foreign = self.foreign_accounts(target, linked)
        return replace(progress, inventory=discovery.without_accounts(progress.inventory, foreign))

    def foreign_accounts(self, target: Target, linked: frozenset[str]) -> frozenset[str]:
        """Those of these linked accounts that another instance counts, or that the options leave out."""
        foreign = frozenset(account for account in linked if not self._may_count(account, target.region))
        for account in sorted(foreign):
            self._log.debug('The linked account %s in %s is not counted by this instance.', account, target.region)
        return foreign

    @property
    def left_out(self) -> Mapping[str, Reason]:
        """Why each Region is left out that `regions: all` would read."""
        return self._left_out.reasons

    def without_refusing(self, runs: Iterable[Run], now: float, is_only_run: bool) -> list[Run]:
        """The runs without Regions that are left out, which `regions: all` does where other Regions answer. Those that
        never answered are marked as on trial. `is_only_run` says that this process ends with the run."""
        active = list(runs)
        if self._settings.regions:
            return active
        sources_of = {run.target.region: run.progress.sources for run in active}
        on_trial, new = self._left_out.judge(sources_of, now, is_only_run)
        if new and not is_only_run:
            self._log.info(left_out.sentence(new, self.left_out))
        for run in active:
            run.is_on_trial = run.target.region in on_trial
        return [run for run in active if run.target.region not in self.left_out]

    def _known(self) -> SesRegions:
        if self._known_regions is None:
            from datadog_checks.amazon_ses.aws import regions

            every = regions.ses_regions(self._settings.sign_in, self._settings.network.use_fips)
            self._known_regions = every.without(self._settings.exclude_regions)
            if every.names and not self._known_regions.names:
                shown = ', '.join(self._settings.exclude_regions)
                raise refused('exclude_regions', shown, 'patterns that leave at least one Region')
        if not self._known_regions.names:
            reason = ', because the SDK knows no Region with SES in this partition'
            raise refused('regions', 'all', 'a list of AWS Regions', reason)
        return self._known_regions

    def _may_count(self, account: str, region: str) -> bool:
        return self._settings.linked_accounts and self._leases.acquire(self.lease(account, region), self) is None
