"""Scope: which account and Regions an instance reads, which Regions are not enabled, and what it may count (leases)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING

from datadog_checks.amazon_ses.cloudwatch import discovery
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric
from datadog_checks.amazon_ses.cloudwatch.periods import DAY
from datadog_checks.amazon_ses.configuration.options import SettingsError, refused
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.leases import Lease, Leases
from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.run import Run
from datadog_checks.amazon_ses.runner import Runner, Step, Wait

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access
    from datadog_checks.amazon_ses.aws.regions import SesRegions

NOT_ENABLED_FOR = DAY
"""Seconds until a Region that is not enabled for the account is asked again."""

IDENTITY = 'GetCallerIdentity'

AccountRunner = Runner[str, str | Failure]

NO_ACCOUNT = Failure(
    FailureKind.TIMEOUT,
    IDENTITY,
    'no answer yet; it is taken in by the next run.',
    'Give account_id to do without this call, or look at the way to the STS endpoint.',
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
        self._account_is_doubtful = False
        self._known_regions: SesRegions | None = None
        self._not_enabled: dict[str, float] = {}

    @property
    def regions(self) -> Sequence[str]:
        """The Regions of the options, or all in which the SDK knows SES. Raises SettingsError where it knows none."""
        return self._settings.regions or self._known().names

    @property
    def sign_in_region(self) -> str:
        """The Region whose STS endpoint signs in."""
        return self._settings.regions[0] if self._settings.regions else self._known().sign_in_region

    def account(self, access: Access, runner: AccountRunner, wait: Wait) -> str | Failure:
        """The account of the options, or else of the credentials, for which AWS is asked once."""
        if self._account is not None and not self._account_is_doubtful:
            return self._account
        region = self.sign_in_region
        endpoint, ask = access.endpoint('sts', region), partial(access.caller_account, region)
        step = Step(IDENTITY, IDENTITY, region, IDENTITY, endpoint, ask)
        answers = [finished.result for finished in runner.collect()]
        if not any(isinstance(answer, str) for answer in answers):
            answers += [finished.result for finished in runner.run([step], wait, self._settings.run_timeout).finished]
        account = answers[-1] if answers else NO_ACCOUNT
        if isinstance(account, Failure):
            return self._account or account
        self._account, self._account_is_doubtful = account, False
        return account

    def doubt_account(self) -> None:
        """Ask AWS for the account again, where no option states it: new credentials may be of another one."""
        self._account_is_doubtful = self._settings.account is None

    def targets(self, account: str, now: float) -> list[Target]:
        """The account in each Region that is enabled for it, leased. Raises SettingsError where another instance counts
        one of them."""
        enabled = (region for region in self.regions if now - self._not_enabled.get(region, -DAY) >= NOT_ENABLED_FOR)
        targets = [Target(account, region) for region in enabled]
        for target in targets:
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
        foreign = self.foreign_accounts(target, progress.inventory.metrics)
        return replace(progress, inventory=discovery.without_accounts(progress.inventory, foreign))

    def foreign_accounts(self, target: Target, metrics: frozenset[ListedMetric]) -> frozenset[str]:
        """The linked accounts of these metrics that another instance counts, or that the options leave out."""
        linked = {metric.account for metric in metrics if metric.account}
        foreign = frozenset(account for account in linked if not self._may_count(account, target.region))
        for account in sorted(foreign):
            self._log.debug('The linked account %s in %s is not counted by this instance.', account, target.region)
        return foreign

    def exclude_refused_regions(self, runs: Iterable[Run], now: float) -> list[Run]:
        """The runs without Regions that are not enabled for the account, which are not asked again for a day.

        With `regions: all`, a Region that refuses the credentials while other Regions take them is not enabled.
        After any other failure of the credentials the account is asked for again: new ones may be of another account.
        """
        active = list(runs)
        refused = [run for run in active if _refuses_credentials(run)]
        if not self._settings.regions and len(refused) < len(active):
            for run in refused:
                region = run.target.region
                self._log.debug('%s is not enabled for the account, or does not take its credentials.', region)
                self._not_enabled[region] = now
                active.remove(run)
        if self._settings.account is None and any(
            refusal.kind is FailureKind.CREDENTIALS for run in active for refusal in run.refusals
        ):
            self._account_is_doubtful = True
        return active

    def _known(self) -> SesRegions:
        if self._known_regions is None:
            from datadog_checks.amazon_ses.aws import regions

            self._known_regions = regions.ses_regions(self._settings.sign_in, self._settings.network.use_fips)
        if not self._known_regions.names:
            reason = ', because the SDK knows no Region with SES in this partition'
            raise refused('regions', 'all', 'a list of AWS Regions', reason)
        return self._known_regions

    def _may_count(self, account: str, region: str) -> bool:
        return self._settings.linked_accounts and self._leases.acquire(self.lease(account, region), self) is None


def _refuses_credentials(run: Run) -> bool:
    """Whether a Region refused the credentials and never answered anything."""
    answered = any(source.answered_at is not None for source in run.progress.sources.values())
    return any(refusal.elsewhere for refusal in run.refusals) and not answered
