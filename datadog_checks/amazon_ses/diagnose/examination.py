"""Examination: asks AWS once for everything that a diagnosis of an instance needs.

Nothing is written and no message of a queue is received. Requests to SES take their turns in the budget that all
instances of the process share, as lists do, so GetAccount of a check that runs beside still goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from datadog_checks.amazon_ses.cloudwatch import discovery
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory, ListingAnswer
from datadog_checks.amazon_ses.cloudwatch.families import UNRECOGNIZED
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.diagnose import policies, probes
from datadog_checks.amazon_ses.diagnose.answers import Answers, Host, Outcome, RegionAnswers
from datadog_checks.amazon_ses.diagnose.hosts import host_on_the_way, reached
from datadog_checks.amazon_ses.model import UNKNOWN_ACCOUNT, Failure, FailureKind, Target
from datadog_checks.amazon_ses.state.inspection import Inspection

if TYPE_CHECKING:
    from datadog_checks.amazon_ses.aws.access import Access

MOST_REGIONS = 40
"""Regions that are asked at once: each waits for its turns most of the time."""

LONGEST = 180.0
"""Seconds after which a Region is asked nothing more. All actions take 75, where nothing else asks SES."""

LISTING_SECONDS = 10.0
"""Seconds after which a listing is cut."""

OUT_OF_REACH = (FailureKind.NETWORK, FailureKind.TIMEOUT)
STOPPED = 'not tried, because %s.'


@dataclass(frozen=True, slots=True)
class Instance:
    """What is examined: an instance, the Regions that it reads, and those whose STS signs in.

    `access` is the edge, and belongs to this examination alone. `clock` and `monotonic` are those of the check.
    `inspect` reads the saved state of a target. `clock_errors` is filled by `access`.
    """

    settings: Settings
    regions: Sequence[str]
    sign_in_region: str
    access: Access
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    inspect: Callable[[Target], Inspection]
    clock_errors: Sequence[float]
    is_cancelled: Callable[[], bool]


def examine(instance: Instance, notes: Sequence[str] = ()) -> Answers:
    """Everything that the instance's diagnosis needs."""
    settings, access = instance.settings, instance.access
    sign_in = RegionAnswers(instance.sign_in_region, hosts=_hosts(instance, instance.sign_in_region, ('sts',)))
    caller = access.caller_account(instance.sign_in_region)
    account = settings.account or (caller if isinstance(caller, str) else UNKNOWN_ACCOUNT)
    outcome: Outcome = caller if isinstance(caller, Failure) else {'Account': caller}
    sign_in = replace(sign_in, outcomes={'sts:GetCallerIdentity': outcome})
    # Where nobody can sign in, each request would fail in the same way.
    is_signed_in = not (isinstance(caller, Failure) and caller.at_sign_in and not caller.elsewhere)
    targets = [Target(account, region) for region in instance.regions]
    with ThreadPoolExecutor(MOST_REGIONS) as workers:
        answers = list(workers.map(lambda target: _RegionExamination(instance, target).examined(is_signed_in), targets))
    return Answers(
        settings,
        notes=notes,
        caller=caller,
        source=access.credentials_source,
        clock_errors=tuple(instance.clock_errors),
        sign_in=sign_in,
        regions=answers,
        now=instance.clock(),
    )


class _RegionExamination:
    """The examination of one Region, in a thread of its own."""

    def __init__(self, instance: Instance, target: Target) -> None:
        self._instance = instance
        self._target = target
        self._until = instance.monotonic() + LONGEST
        self._outcomes: dict[str, Outcome] = {}
        self._skipped: dict[str, str] = {}
        self._stops: dict[str, str] = {}

    def examined(self, is_signed_in: bool) -> RegionAnswers:
        instance, target = self._instance, self._target
        needed = {action.name for action in policies.needed_actions(instance.settings)}
        event_queues = [queue for queue in instance.settings.events.queues if queue.region == target.region]
        answers = RegionAnswers(
            target.region,
            hosts=_hosts(instance, target.region, sorted({_service(action) for action in needed})),
            saved=instance.inspect(target) if target.is_known else None,
        )
        if not is_signed_in:
            return answers
        for probe in probes.PROBES:
            if probe.action in needed:
                self._try(probe)
        listing = self._listing() if probes.LIST_METRICS in needed else None
        queues = {queue: instance.access.queues.attributes(queue) for queue in event_queues}
        return replace(
            answers, outcomes=dict(self._outcomes), skipped=dict(self._skipped), listing=listing, queues=queues
        )

    def _try(self, probe: probes.Probe) -> None:
        if probe.action == probes.VDM and probes.is_vdm_off(self._outcomes):
            self._skipped[probe.action] = probes.VDM_IS_OFF
            return
        stop = self._stop(_service(probe.action))
        if stop:
            self._skipped[probe.action] = STOPPED % stop
            return
        request = probes.request(probe, self._outcomes, self._instance.clock())
        outcome = self._instance.access.ask(request, self._target, self._instance.is_cancelled)
        self._outcomes[probe.action] = outcome
        self._note(_service(probe.action), outcome)

    def _stop(self, service: str) -> str:
        """Why nothing more is asked of a service, empty where nothing speaks against it."""
        if self._instance.is_cancelled():
            return 'the check was cancelled'
        if self._instance.monotonic() > self._until:
            return f'{LONGEST:.0f} s have passed'
        return self._stops.get('', '') or self._stops.get(service, '')

    def _note(self, service: str, outcome: Outcome) -> None:
        if not isinstance(outcome, Failure):
            return
        if outcome.at_sign_in:
            self._stops[''] = 'AWS does not take the credentials'
        elif outcome.kind in OUT_OF_REACH:
            self._stops[service] = 'the endpoint does not answer'

    def _listing(self) -> ListingAnswer | None:
        stop = self._stop(_service(probes.LIST_METRICS))
        if stop:
            self._skipped[probes.LIST_METRICS] = STOPPED % stop
            return None
        settings, (account, region) = self._instance.settings, self._target
        unrecognized = UNRECOGNIZED in settings.collect
        listing = discovery.next_listing(Inventory(), self._instance.clock(), unrecognized, settings.linked_accounts)
        answer = self._instance.access.list_metrics(listing, region, account, LISTING_SECONDS)
        is_refused = answer.failure is not None and answer.failure.kind is not FailureKind.PARTIAL
        self._outcomes[probes.LIST_METRICS] = answer.failure if is_refused and answer.failure else {}
        return answer


def _hosts(instance: Instance, region: str, services: Sequence[str]) -> Mapping[str, Host]:
    """The hosts of services, by IAM's name of each."""
    hosts = {}
    for service in services:
        way = instance.access.route(service, region)
        if not isinstance(way, Failure):
            host = host_on_the_way(way.url, way.proxy)
            hosts[service] = reached(host, instance.settings.network.connect_timeout)
    return hosts


def _service(action: str) -> str:
    """IAM's name of a service, which is also one of the SDK's."""
    return action.partition(':')[0]
