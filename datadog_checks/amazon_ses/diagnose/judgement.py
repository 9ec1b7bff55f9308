"""Judgement: what the answers of an examination mean, one function for each topic. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from datadog_checks.amazon_ses.cloudwatch import families, selection
from datadog_checks.amazon_ses.configuration.settings import Settings
from datadog_checks.amazon_ses.diagnose import Diagnosis, Verdict, policies, probes
from datadog_checks.amazon_ses.diagnose.answers import Answers, Host, RegionAnswers, is_answer
from datadog_checks.amazon_ses.diagnose.permissions import permission
from datadog_checks.amazon_ses.model import Action, Failure, FailureKind
from datadog_checks.amazon_ses.state.encoding import VERSION
from datadog_checks.amazon_ses.state.inspection import Inspection

SUCCESS, FAIL, WARNING = Verdict.SUCCESS, Verdict.FAIL, Verdict.WARNING

REFUSED_FROM = 300.0
"""Seconds of a wrong clock from which AWS refuses signatures (Signature Version 4)."""

WRONG_FROM = 30.0
"""Seconds of a wrong clock that no network explains."""

UNREACHABLE = (FailureKind.NETWORK, FailureKind.TIMEOUT)

SOURCES = {
    'explicit': 'the options',
    'env': 'the environment of the Agent',
    'shared-credentials-file': 'the shared credentials file',
    'config-file': 'the shared config file',
    'iam-role': 'the instance metadata of this machine',
    'container-role': 'the container (ECS, or EKS Pod Identity)',
    'assume-role': 'a role of the profile',
    'assume-role-with-web-identity': 'a web identity (IRSA)',
    'sso': 'a sign-in with SSO',
    'custom-process': 'the command of the profile',
    'login': 'a sign-in of the AWS CLI',
}
"""What gives credentials, by the SDK's name of it."""

CLOCK_REMEDY = 'Synchronize the clock of this machine (NTP): AWS refuses requests that are dated five minutes off.'
PROXY_REMEDY = 'Look at the option proxy, at the proxy itself, and at the firewall.'
HOST_REMEDY = 'Look at DNS, the firewall, the VPC endpoint, and the options proxy and endpoint_url.'
SIGN_IN = 'sts:GetCallerIdentity'
NO_CALL = 'none'


def options(answers: Answers) -> Iterable[Diagnosis]:
    """Whether the options can be used."""
    if answers.defect:
        yield Diagnosis(FAIL, 'Options', answers.defect, 'Correct the option in conf.yaml.', NO_CALL)
        return
    if answers.settings is not None and not answers.notes:
        yield Diagnosis(SUCCESS, 'Options', 'The options can be used.', calls=NO_CALL)
    for note in answers.notes:
        yield Diagnosis(WARNING, 'Options', note, calls=NO_CALL)


def credentials(answers: Answers) -> Iterable[Diagnosis]:
    """Whether AWS takes the credentials, and whose they are."""
    if answers.settings is None:
        return
    sign_in, caller = answers.settings.sign_in, answers.caller
    calls = f'{"sts:AssumeRole, " if sign_in.roles else ""}{SIGN_IN}'
    if isinstance(caller, Failure):
        # STS alone may be out of reach, for example from a subnet whose VPC endpoints lack it.
        works = any(each.answers for each in answers.regions)
        text = f'{caller.operation}: {caller.detail}'
        yield Diagnosis(WARNING if works else FAIL, 'Credentials', text, caller.remedy, calls)
        return
    source = SOURCES.get(answers.source, answers.source or 'the default chain')
    chain = f', over {len(sign_in.roles)} role(s) of role_arn' if sign_in.roles else ''
    text = f'AWS takes the credentials. They come from {source}{chain}, and belong to account {caller}.'
    stated = answers.settings.account
    if stated not in (None, caller):
        text = f'The credentials belong to account {caller}, and the options name {stated}.'
        yield Diagnosis(FAIL, 'Credentials', text, 'Correct account_id, or the credentials.', calls)
        return
    yield Diagnosis(SUCCESS, 'Credentials', text, calls=calls)


def clock(answers: Answers) -> Iterable[Diagnosis]:
    """Whether this machine and AWS agree on the time."""
    if answers.settings is None:
        return
    calls = 'none of its own: it reads the Date of the answers'
    if not answers.clock_errors:
        yield Diagnosis(WARNING, 'Clock', 'Not compared: no answer of AWS came.', calls=calls)
        return
    error = min(answers.clock_errors, key=abs)
    side = 'ahead of' if error > 0 else 'behind'
    if abs(error) < WRONG_FROM:
        yield Diagnosis(SUCCESS, 'Clock', 'The clock of this machine agrees with that of AWS.', calls=calls)
        return
    text = f'The clock of this machine is {abs(error):.0f} s {side} that of AWS.'
    yield Diagnosis(FAIL if abs(error) >= REFUSED_FROM else WARNING, 'Clock', text, CLOCK_REMEDY, calls)


def endpoints(answers: Answers) -> Iterable[Diagnosis]:
    """Whether each host is reached: name, connection, and what answers there."""
    judged: dict[str, Diagnosis] = {}
    for region in (answers.sign_in, *answers.regions):
        for service, host in region.hosts.items():
            diagnosis = _endpoint(region, service, host)
            # Services may share a host: one that works says less than one that does not.
            if str(host) not in judged or diagnosis.verdict is not SUCCESS:
                judged[str(host)] = diagnosis
    yield from judged.values()


def regions(answers: Answers) -> Iterable[Diagnosis]:
    """Whether the account uses SES in each Region."""
    for region in answers.regions:
        calls = ', '.join(list(region.outcomes)[:1]) or NO_CALL
        failures = [outcome for outcome in region.outcomes.values() if isinstance(outcome, Failure)]
        refused = next((failure for failure in failures if failure.elsewhere), None)
        name = f'Region {region.region}'
        if region.answers:
            yield Diagnosis(SUCCESS, name, 'AWS takes the credentials here.', calls=calls)
        elif refused is not None and isinstance(answers.caller, str) and answers.caller:
            remedy = 'Enable the Region for the account, or take it out of the options.'
            text = f'AWS takes the credentials elsewhere, but not here: the Region is not enabled ({refused.detail})'
            yield Diagnosis(FAIL, name, text, remedy, calls)
        elif failures:
            yield Diagnosis(FAIL, name, str(failures[0].detail), failures[0].remedy, calls)
        else:
            reason = next(iter(region.skipped.values()), 'not tried, because there are no usable credentials.')
            yield Diagnosis(WARNING, name, f'{reason[:1].upper()}{reason[1:]}', calls=calls)


def permissions(answers: Answers) -> Iterable[Diagnosis]:
    """Each IAM action that the options need, and the statement that allows those that are missing."""
    if answers.settings is None:
        return
    if not any(region.answers for region in answers.regions):
        text = 'Not known: no Region took the credentials. See Credentials, Endpoint and Region.'
        yield Diagnosis(WARNING, 'Permissions', text, calls=NO_CALL)
        return
    judged = [permission(action, answers.regions) for action in policies.needed_actions(answers.settings)]
    for each in judged:
        verdict = FAIL if each.is_missing or each.is_denied else WARNING if each.is_unknown else SUCCESS
        yield Diagnosis(verdict, f'Permission {each.action.name}', each.text, each.remedy, each.calls)
    missing = [each.action for each in judged if each.is_missing]
    if missing:
        yield _missing_statement(missing, answers.settings)


def discovery(answers: Answers) -> Iterable[Diagnosis]:
    """What CloudWatch lists in each Region, and how much of it the options read."""
    for region in answers.regions:
        if region.listing is None or answers.settings is None:
            continue
        name, listing, calls = f'Discovery {region.region}', region.listing, probes.LIST_METRICS
        if listing.failure is not None and not listing.metrics:
            yield Diagnosis(WARNING, name, listing.failure.detail, listing.failure.remedy, calls)
        elif not listing.metrics:
            text = 'CloudWatch lists no metric of SES: nothing was sent here in the last two weeks.'
            remedy = 'If something was: look at the account, the Region, and endpoint_url.'
            yield Diagnosis(WARNING, name, text, remedy, calls)
        else:
            yield _listed(region, answers.settings)


def state(answers: Answers) -> Iterable[Diagnosis]:
    """Whether the counting state of each Region can be read, and who wrote it last. It is only read."""
    for region in answers.regions:
        name = f'State {region.region}'
        if region.saved is None:
            text = 'Not read: the account is not known. Nothing is counted until it is.'
            yield Diagnosis(WARNING, name, text, 'See Credentials; account_id names the account.', NO_CALL)
        else:
            yield _state(name, region.saved, answers.now)


Topic = Callable[[Answers], Iterable[Diagnosis]]
TOPICS: tuple[Topic, ...] = (options, credentials, clock, endpoints, regions, permissions, discovery, state)
"""Every topic, in the order in which they are said."""


def _endpoint(region: RegionAnswers, service: str, host: Host) -> Diagnosis:
    name, failures = f'Endpoint {host}', region.failures_of(service)
    unreached = next((failure for failure in failures if failure.kind in UNREACHABLE), None)
    answered = any(
        is_answer(outcome) for action, outcome in region.outcomes.items() if action.partition(':')[0] == service
    )
    calls = 'none: its name is resolved and a connection is opened'
    if host.defect and not answered:
        return Diagnosis(FAIL, name, f'{host}: {host.defect}.', PROXY_REMEDY if host.is_proxy else HOST_REMEDY, calls)
    if unreached is not None and not answered:
        return Diagnosis(FAIL, name, unreached.detail, unreached.remedy, calls)
    place = ' in a private network, such as a VPC endpoint' if host.is_private else ''
    addresses = f'{host.addresses} address{"es" if host.addresses > 1 else ""}{place}'
    return Diagnosis(SUCCESS, name, f'The name has {addresses}, and connections are taken.', calls=calls)


def _missing_statement(missing: Iterable[Action], settings: Settings) -> Diagnosis:
    actions = list(missing)
    statements = policies.compact_statements(actions, settings.events.queues)
    whose = 'the role that role_arn names' if settings.sign_in.roles else 'the user or role of these credentials'
    shown = ',\n'.join(json.dumps(statement, indent=4) for statement in statements)
    text = f'The policy lacks {", ".join(sorted(action.name for action in actions))}.'
    return Diagnosis(FAIL, 'Missing IAM statement', text, f'Add this to the policy of {whose}:\n{shown}', NO_CALL)


def _listed(region: RegionAnswers, settings: Settings) -> Diagnosis:
    listing = region.listing
    metrics = listing.metrics if listing else frozenset()
    named = {series.dimensions for series in settings.named_series}
    series = families.recognize(metrics, settings.collect, named)
    matching = selection.matching(series, settings.include, settings.exclude)
    name, calls = f'Discovery {region.region}', probes.LIST_METRICS
    text = f'CloudWatch lists {len(metrics)} metrics of SES; {len(matching)} of them are read beside the account.'
    if len(matching) > settings.max_series:
        text = (
            f'CloudWatch lists {len(matching)} series that the options select, and max_series is {settings.max_series}.'
        )
        remedy = 'The most important are read. Raise max_series, which costs more, or select by exclude.'
        return Diagnosis(WARNING, name, text, remedy, calls)
    if listing is not None and listing.failure is not None:
        return Diagnosis(WARNING, name, f'{text} {listing.failure.detail}', listing.failure.remedy, calls)
    return Diagnosis(SUCCESS, name, text, calls=calls)


def _state(name: str, saved: Inspection, now: float) -> Diagnosis:
    calls = "none: it reads the Agent's cache, and writes nothing"
    other = [version for version in saved.versions if version != VERSION]
    if saved.unreadable:
        remedy = 'Let the user of this process read the file. The Agent counts nothing while it cannot read it.'
        return Diagnosis(FAIL, name, f'{saved.unreadable} cannot be read.', remedy, calls)
    if saved.wrote_here is False:
        text = 'Another process wrote the state after this one: two of them run this instance.'
        return Diagnosis(FAIL, name, text, 'Let exactly one Agent run an instance.', calls)
    if not saved.sequence and other:
        text = f'The state is of version {other[0]}, and this version of the check reads {VERSION}.'
        return Diagnosis(FAIL, name, text, 'Install the version that wrote it, or delete the state.', calls)
    if saved.is_damaged:
        text = 'A part of the state is damaged. Counting goes on at the next period that is certain.'
        remedy = 'Look at the disk of run_path. amazon_ses.collector.periods_unknown counts the periods in doubt.'
        return Diagnosis(WARNING, name, text, remedy, calls)
    if saved.has_doubt:
        text = 'Another process disturbed the counting. The next run takes that into account.'
        return Diagnosis(WARNING, name, text, 'Let exactly one Agent run an instance.', calls)
    if not saved.sequence:
        text = 'Nothing is saved yet. Counting begins with the second run of the Agent.'
        return Diagnosis(SUCCESS, name, text, calls=calls)
    writer = 'this process' if saved.wrote_here else 'another process, or this Agent before it was restarted'
    age = 'nothing was counted yet' if saved.read_at is None else f'CloudWatch answered {now - saved.read_at:.0f} s ago'
    text = f'Version {VERSION}, document {saved.sequence}, written by {writer}; {age}.'
    return Diagnosis(SUCCESS, name, text, calls=calls)
