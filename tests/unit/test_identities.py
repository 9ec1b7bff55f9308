"""Identities: literals in the fields of botocore's model, and what is said of them. Pure functions, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from datadog_checks.amazon_ses.aws.ses_budget import Budget, Urgency
from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Sample, Target
from datadog_checks.amazon_ses.pace import TurnedPace
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context
from datadog_checks.amazon_ses.sweeps.identities import IDENTITIES
from datadog_checks.amazon_ses.sweeps.identity_problems import PROBLEMS
from datadog_checks.amazon_ses.sweeps.identity_rounds import Identities
from datadog_checks.amazon_ses.sweeps.severity import Severity
from datadog_checks.amazon_ses.sweeps.worker import Edge, SweepTask, sweep
from simulator import Clock

NOW = 1_790_000_000.0
HOUR, DAY = 3600.0, 86400.0
HERE = Context(Target('123456789012', 'us-east-1'))
DOMAIN, PERSON = 'example.com', 'planted.person@example.com'
ARN = 'arn:aws:sns:us-east-1:123456789012:planted-topic'
TOKENS = ['plantedtoken7q2x4mzk']

DKIM, MAIL_FROM, TOPICS = (f'GetIdentity{part}Attributes' for part in ('Dkim', 'MailFromDomain', 'Notification'))

GOOD_DKIM = {'DkimEnabled': True, 'DkimVerificationStatus': 'Success', 'DkimTokens': TOKENS}
GOOD_MAIL_FROM = {
    'MailFromDomain': 'mail.example.com',
    'MailFromDomainStatus': 'Success',
    'BehaviorOnMXFailure': 'UseDefaultValue',
}
GOOD_TOPICS = {'BounceTopic': ARN, 'ComplaintTopic': ARN, 'ForwardingEnabled': False}
GOOD_DETAILS = {
    'DkimAttributes': {'Status': 'SUCCESS', 'CurrentSigningKeyLength': 'RSA_2048_BIT', 'Tokens': TOKENS},
    'ConfigurationSetName': 'planted-set',
    'VerificationInfo': {'SOARecord': {'AdminEmail': PERSON}},
    'Policies': {'planted': PERSON},
}


class Aws:
    """The identities of an account, which are well; a test changes members of the answers."""

    def __init__(self, *names: str) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.attributes: dict[str, dict[str, Any]] = {DKIM: {}, MAIL_FROM: {}, TOPICS: {}}
        self.details: dict[str, dict[str, Any]] = {}
        self.requests_sent: list[ApiRequest] = []
        for name in names:
            self.add(name)

    def add(self, name: str, **row: Any) -> None:
        kind = 'EMAIL_ADDRESS' if '@' in name else 'DOMAIN'
        verified = {'IdentityType': kind, 'SendingEnabled': True, 'VerificationStatus': 'SUCCESS'}
        self.rows[name] = {'IdentityName': name, **verified, **row}
        for operation, good in ((DKIM, GOOD_DKIM), (MAIL_FROM, GOOD_MAIL_FROM), (TOPICS, GOOD_TOPICS)):
            self.attributes[operation].setdefault(name, good)
        self.details.setdefault(name, GOOD_DETAILS)

    def answer(self, request: ApiRequest) -> Answer | Failure:
        self.requests_sent.append(request)
        if request.operation == 'ListEmailIdentities':
            begin = int(request.parameters.get('NextToken', 0))
            end = begin + request.parameters['PageSize']
            more = {'NextToken': str(end)} if end < len(self.rows) else {}
            return {'EmailIdentities': list(self.rows.values())[begin:end], **more}
        if request.operation == 'GetEmailIdentity':
            return self.details[request.parameters['EmailIdentity']]
        attributes = self.attributes[request.operation]
        member = request.operation.removeprefix('GetIdentity').replace('MailFromDomain', 'MailFromDomain')
        return {member: {name: attributes[name] for name in request.parameters['Identities'] if name in attributes}}


class Sweeping:
    """The sweep over an AWS, asked once a minute as long as something is due."""

    def __init__(self, aws: Aws, state: Identities | None = None, now: float = NOW) -> None:
        self.aws, self.state, self.now = aws, state or Identities(), now
        self.events: list[Event] = []

    def run(self, seconds: float = 0.0, context: Context = HERE) -> Sweeping:
        end = self.now + seconds
        while True:
            before = self.state
            while (request := IDENTITIES.next_request(self.state, context, self.now)) is not None:
                self.state = IDENTITIES.after_answer(self.state, request, self.aws.answer(request), self.now)
            self.events += IDENTITIES.changes(before, self.state, context)
            if self.now >= end:
                return self
            self.now += 60

    def restarted(self) -> Sweeping:
        return Sweeping(self.aws, IDENTITIES.from_document(IDENTITIES.to_document(self.state)), self.now)

    def samples(self, context: Context = HERE) -> list[Sample]:
        return [each for each in IDENTITIES.readings(self.state, context, self.now) if isinstance(each, Sample)]

    def problems(self) -> dict[str, float]:
        """How many identities have each problem that any has."""
        return {
            sample.tags[0].partition(':')[2]: sample.value
            for sample in self.samples()
            if sample.metric.name == 'identity.unhealthy' and sample.value
        }

    def shown_problems(self) -> set[str]:
        return {
            sample.tags[0].partition(':')[2] for sample in self.samples() if sample.metric.name == 'identity.unhealthy'
        }

    def event_titles(self) -> list[tuple[str, str]]:
        """The events since the last call, by name and title."""
        event_titles = [(event.spec.name, event.title) for event in self.events]
        self.events.clear()
        return event_titles


def of(samples: Sequence[Sample], name: str) -> dict[tuple[str, ...], float]:
    return {sample.tags: sample.value for sample in samples if sample.metric.name == name}


CASES: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    'sending_off': (DOMAIN, 'row', {'SendingEnabled': False}),
    'verification_failed': (DOMAIN, 'row', {'VerificationStatus': 'FAILED'}),
    'dkim_failed': (DOMAIN, DKIM, {'DkimVerificationStatus': 'Failed'}),
    'dkim_off': (DOMAIN, DKIM, {'DkimEnabled': False}),
    'mail_from_failed': (DOMAIN, MAIL_FROM, {'MailFromDomainStatus': 'Failed'}),
    'no_mail_from': (DOMAIN, MAIL_FROM, {'MailFromDomain': None, 'MailFromDomainStatus': None}),
    'dkim_1024': (DOMAIN, 'details', {'DkimAttributes': {'CurrentSigningKeyLength': 'RSA_1024_BIT'}}),
}


def aws_with(name: str, part: str, change: Mapping[str, Any]) -> Aws:
    aws = Aws(name)
    if part == 'row':
        aws.rows[name] |= change
    else:
        where = aws.details if part == 'details' else aws.attributes[part]
        where[name] = {key: value for key, value in {**where[name], **change}.items() if value is not None}
    return aws


def test_well_identities_have_no_problem() -> None:
    """Identities that are well are counted by type and state, and none is named; every problem is 0."""
    sweeping = Sweeping(Aws(DOMAIN, 'other.example', PERSON)).run(HOUR)
    samples = sweeping.samples()
    assert of(samples, 'identity.count') == {
        ('identity_type:domain', 'verification:success'): 2,
        ('identity_type:email_address', 'verification:success'): 1,
    }
    assert sweeping.problems() == {}
    assert sweeping.shown_problems() == set(PROBLEMS)
    assert of(samples, 'identity.unnamed') == {(): 0}
    assert of(samples, 'identity.severity') == {}
    assert sweeping.event_titles() == []


@pytest.mark.parametrize('problem', CASES)
def test_each_problem_is_seen(problem: str) -> None:
    """A fact that is bad is the problem of its name, with its severity, and no other problem."""
    sweeping = Sweeping(aws_with(*CASES[problem])).run(HOUR)
    assert sweeping.problems() == {problem: 1}
    named = of(sweeping.samples(), 'identity.severity')
    tags = ('identity:example.com', 'identity_type:domain', f'problem:{problem}')
    assert named == ({} if problem == 'no_mail_from' else {tags: PROBLEMS[problem].severity})


@pytest.mark.parametrize('status', ['Pending', 'Failed', 'TemporaryFailure'])
def test_mail_from_that_rejects(status: str) -> None:
    """Where mail is rejected without the MX record of the MAIL FROM domain, sends are refused while it is pending too:
    that is critical."""
    change = {'MailFromDomainStatus': status, 'BehaviorOnMXFailure': 'RejectMessage'}
    sweeping = Sweeping(aws_with(DOMAIN, MAIL_FROM, change)).run()
    assert sweeping.problems() == {'mail_from_rejects': 1}
    assert PROBLEMS['mail_from_rejects'].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ('part', 'change'),
    [
        ('row', {'VerificationStatus': 'PENDING', 'SendingEnabled': False}),
        (DKIM, {'DkimVerificationStatus': 'Pending'}),
        (DKIM, {'DkimVerificationStatus': 'NotStarted'}),
        (MAIL_FROM, {'MailFromDomainStatus': 'Pending'}),
        ('row', {'VerificationStatus': 'A_NEW_WORD'}),
        (DKIM, {'DkimVerificationStatus': 'ANewWord'}),
        ('row', {'VerificationStatus': None, 'SendingEnabled': None}),
    ],
)
def test_pending_and_unknown_are_not_failed(part: str, change: dict[str, Any]) -> None:
    """What is pending, what AWS does not say, and a state that nobody knows, is no problem."""
    assert Sweeping(aws_with(DOMAIN, part, change)).run(HOUR).problems() == {}


def test_pending_for_long() -> None:
    """An identity that is pending for more than 72 hours is a problem, counted over a restart too."""
    sweeping = Sweeping(aws_with(DOMAIN, 'row', {'VerificationStatus': 'PENDING'})).run()
    sweeping.now += 71 * HOUR
    assert sweeping.run().problems() == {}
    sweeping = sweeping.restarted()
    sweeping.now += 3 * HOUR
    assert sweeping.run().problems() == {'pending_72h': 1}
    sweeping.aws.rows[DOMAIN]['VerificationStatus'] = 'SUCCESS'
    assert sweeping.run(2 * HOUR).problems() == {}


def test_a_temporary_failure_is_a_problem_after_two_sweeps() -> None:
    """A resolver that fails for a moment is no problem: the second sweep in a row makes it one."""
    aws = aws_with(DOMAIN, DKIM, {'DkimVerificationStatus': 'TemporaryFailure'})
    sweeping = Sweeping(aws).run(HOUR - 120)
    assert sweeping.problems() == {}
    assert sweeping.run(240).problems() == {'dkim_temporary': 1}
    aws.attributes[DKIM][DOMAIN] = GOOD_DKIM
    assert sweeping.run(HOUR).problems() == {}


def test_an_address_has_the_dkim_of_its_domain() -> None:
    """DKIM of an address is not asked for, whatever its state would be."""
    aws = Aws(DOMAIN, PERSON)
    aws.attributes[DKIM][PERSON] = {'DkimEnabled': False, 'DkimVerificationStatus': 'NotStarted'}
    sweeping = Sweeping(aws).run(HOUR)
    assert sweeping.problems() == {}
    assert all(
        PERSON not in request.parameters['Identities'] for request in aws.requests_sent if request.operation == DKIM
    )


@pytest.mark.parametrize('operation', [DKIM, MAIL_FROM, TOPICS])
def test_what_a_batch_leaves_out_is_unknown(operation: str) -> None:
    """An identity that an answer leaves out is neither well nor bad: what was known of it is gone, without an event."""
    change = {
        DKIM: {'DkimVerificationStatus': 'Failed'},
        MAIL_FROM: {'MailFromDomainStatus': 'Failed'},
        TOPICS: {'BounceTopic': None, 'ForwardingEnabled': True},
    }[operation]
    sweeping = Sweeping(Aws(DOMAIN, 'other.example')).run(HOUR)
    sweeping.aws.attributes[operation][DOMAIN] = aws_with(DOMAIN, operation, change).attributes[operation][DOMAIN]
    assert len(sweeping.run(HOUR).problems()) == 1
    sweeping.event_titles()
    del sweeping.aws.attributes[operation][DOMAIN]
    assert sweeping.run(HOUR).problems() == {}
    assert sweeping.event_titles() == []


def test_a_lost_verification_is_critical_and_an_event() -> None:
    """An identity that was verified and is not any more cannot send: critical, an event, and another one when it is
    verified again; it is named with severity 0 for an hour after that."""
    aws = Aws(DOMAIN)
    sweeping = Sweeping(aws).run()
    aws.rows[DOMAIN] |= {'VerificationStatus': 'FAILED', 'SendingEnabled': False}
    sweeping.run(900)
    assert sweeping.problems() == {'verification_lost': 1}
    [event] = sweeping.events
    assert (event.spec.name, event.alert_type) == ('identity.lost', 'error')
    assert 'example.com' in event.text
    sweeping.event_titles()
    aws.rows[DOMAIN] |= {'VerificationStatus': 'SUCCESS', 'SendingEnabled': True}
    sweeping.run(900)
    assert [name for name, _ in sweeping.event_titles()] == ['identity.regained']
    tags = ('identity:example.com', 'identity_type:domain')
    assert of(sweeping.samples(), 'identity.severity') == {tags: 0}
    sweeping.run(HOUR)
    assert of(sweeping.samples(), 'identity.severity') == {}


def lost_topic(sweeping: Sweeping, **change: Any) -> Sweeping:
    """SES removes both topics and forwards by e-mail again; then an hour passes."""
    sweeping.aws.attributes[TOPICS][DOMAIN] = {'ForwardingEnabled': True, **change}
    return sweeping.run(HOUR + 60)


@pytest.mark.parametrize('restarts', [False, True])
def test_a_topic_that_ses_removed_is_seen(restarts: bool) -> None:
    """A topic that SES removed by itself is a problem and an event, also where the check was restarted in between; a
    topic that is there again ends it."""
    sweeping = Sweeping(Aws(DOMAIN)).run()
    sweeping = lost_topic(sweeping.restarted() if restarts else sweeping)
    assert sweeping.problems() == {'feedback_topic_lost': 1}
    assert [name for name, _ in sweeping.event_titles()] == ['identity.topic_lost']
    assert sweeping.restarted().run().problems() == {'feedback_topic_lost': 1}
    sweeping.aws.attributes[TOPICS][DOMAIN] = GOOD_TOPICS
    assert sweeping.run(HOUR).problems() == {}


def test_a_topic_that_was_never_there_is_not_lost() -> None:
    """An identity whose feedback always came by e-mail has no problem."""
    aws = Aws(DOMAIN)
    aws.attributes[TOPICS][DOMAIN] = {'ForwardingEnabled': True}
    assert Sweeping(aws).run(2 * HOUR).problems() == {}


def test_a_topic_that_was_removed_on_purpose() -> None:
    """A topic that is gone counts as removed on purpose where forwarding is off, and after a week."""
    sweeping = lost_topic(Sweeping(Aws(DOMAIN)).run(), ForwardingEnabled=False)
    assert sweeping.problems() == {}
    sweeping = lost_topic(Sweeping(Aws(DOMAIN)).run())
    sweeping.now += 6 * DAY
    assert sweeping.run(HOUR).problems() == {'feedback_topic_lost': 1}
    sweeping.now += DAY
    assert sweeping.run(2 * HOUR).problems() == {}


def test_nobody_takes_the_feedback() -> None:
    """Without a topic, forwarding and a default configuration set, bounces are told to nobody; while the set is not
    known, that is not said."""
    aws = aws_with(DOMAIN, 'details', {'ConfigurationSetName': None})
    aws.attributes[TOPICS][DOMAIN] = {'ForwardingEnabled': False}
    sweeping = Sweeping(aws)
    sweeping.run(context=replace(HERE, pausing=frozenset({'GetEmailIdentity'})))
    assert 'no_feedback' not in sweeping.shown_problems()
    assert sweeping.run(HOUR).problems() == {'no_feedback': 1}


@pytest.mark.parametrize('domain', ['example.com', 'mail.example.com', None])
def test_an_address_without_its_domain(domain: str | None) -> None:
    """An address that sends has its domain, or one above it, verified; otherwise DKIM and DMARC cannot pass."""
    person = 'planted.person@mail.example.com'
    sweeping = Sweeping(Aws(person, 'com', *([domain] if domain else []))).run(HOUR)
    assert sweeping.problems() == ({} if domain else {'no_domain_identity': 1})


def test_an_address_shadows_its_domain() -> None:
    """An address whose own MAIL FROM, topics or configuration set differ from those of its domain shadows it."""
    aws = Aws(DOMAIN, PERSON)
    aws.attributes[MAIL_FROM][PERSON] = {'BehaviorOnMXFailure': 'UseDefaultValue'}
    sweeping = Sweeping(aws).run(HOUR)
    assert sweeping.problems() == {'shadows_domain': 1}
    tags = ('identity:example.com', 'identity_type:email_address', 'identity_hash:')
    [named] = of(sweeping.samples(), 'identity.severity')
    assert named[:2] == tags[:2] and named[2].startswith(tags[2])


def test_the_worst_are_named_and_the_others_counted() -> None:
    """Of many identities with problems the worst are named, up to the limit; the others are counted, and all are in the
    number of each problem."""
    aws = Aws(*(f'domain-{number}.example' for number in range(30)))
    for number in range(20):
        aws.attributes[DKIM][f'domain-{number}.example'] = {**GOOD_DKIM, 'DkimVerificationStatus': 'Failed'}
    aws.rows['domain-7.example']['SendingEnabled'] = False
    sweeping = Sweeping(aws).run(HOUR)
    samples = sweeping.samples(replace(HERE, max_identities=3))
    assert sweeping.problems() == {'sending_off': 1, 'dkim_failed': 20}
    named = of(samples, 'identity.severity')
    assert len(named) == 3 and of(samples, 'identity.unnamed') == {(): 17}
    worst = ('identity:domain-7.example', 'identity_type:domain', 'problem:sending_off', 'problem:dkim_failed')
    assert next(iter(named.items())) == (worst, Severity.CRITICAL)
    assert of(samples, 'identity.sending_enabled')[worst[:2]] == 0
    assert of(sweeping.samples(replace(HERE, max_identities=0)), 'identity.severity') == {}


def test_many_changes_are_one_event_with_a_count() -> None:
    """One outage of DNS that costs a thousand domains their DKIM is one event with their number, and names ten."""
    aws = Aws(*(f'domain-{number}.example' for number in range(1000)))
    sweeping = Sweeping(aws).run(HOUR - 60)
    for name in aws.rows:
        aws.attributes[DKIM][name] = {**GOOD_DKIM, 'DkimVerificationStatus': 'Failed'}
    sweeping.run(120)
    [event] = sweeping.events
    assert event.title == 'Amazon SES: 1,000 identities have the problem dkim_failed'
    assert event.text.count('domain-') == 10 and 'and 990 more' in event.text


def test_created_and_deleted_identities_are_events() -> None:
    """Identities that come and go are events, also over a restart; those of the first list are none."""
    aws = Aws(DOMAIN)
    sweeping = Sweeping(aws).run()
    assert sweeping.event_titles() == []
    for number in range(3):
        aws.add(f'phish-{number}.example')
    assert sweeping.run(900).event_titles() == [('identity.created', 'Amazon SES: 3 identities were created')]
    sweeping = sweeping.restarted()
    aws.add(PERSON)
    del aws.rows[DOMAIN]
    sweeping.run()
    assert {event.spec.name for event in sweeping.events} == {'identity.created', 'identity.deleted'}
    assert all(PERSON not in event.text and PERSON not in event.title for event in sweeping.events)


def test_nothing_of_an_answer_leaves_but_names() -> None:
    """Addresses, tokens, topics, sets and policies of the answers are in no tag, event or saved state."""
    aws = Aws(PERSON, 'other.example')
    sweeping = Sweeping(aws).run(HOUR)
    aws.rows[PERSON] |= {'VerificationStatus': 'FAILED'}
    lost_topic(sweeping)
    text = repr((sweeping.samples(), sweeping.events, IDENTITIES.to_document(sweeping.state)))
    assert 'identity_hash:' in text
    for planted in (PERSON, 'planted'):
        assert planted not in text
    shown = sweeping.samples(replace(HERE, show_addresses=True))
    assert any(f'identity:{PERSON}' in sample.tags for sample in shown)


def test_a_round_goes_on_after_a_restart() -> None:
    """A restart in the middle of a round asks for what is left of it, after the list, and nothing twice."""
    aws = Aws(*(f'domain-{number}.example' for number in range(450)))
    state, now = Identities(), NOW
    for _ in range(4):
        request = IDENTITIES.next_request(state, HERE, now)
        assert request is not None
        state = IDENTITIES.after_answer(state, request, aws.answer(request), now)
    assert IDENTITIES.pending(state, HERE, now) == 450
    sweeping = Sweeping(aws, IDENTITIES.from_document(IDENTITIES.to_document(state)))
    sweeping.run(10 * 60)
    for operation in (DKIM, MAIL_FROM, TOPICS):
        names = [
            name for each in aws.requests_sent if each.operation == operation for name in each.parameters['Identities']
        ]
        assert sorted(names) == sorted(aws.rows)
    assert sum(request.operation == 'ListEmailIdentities' for request in aws.requests_sent) == 2


@pytest.mark.parametrize(('number', 'bound'), [(10, 20), (100, 70), (2500, 12 + 75 + 60)])
def test_calls_of_an_hour(number: int, bound: int) -> None:
    """The list is read every quarter of an hour, a hundred identities a call every hour, and at most 60 alone."""
    aws = Aws(*(f'domain-{place}.example' for place in range(number)))
    sweeping = Sweeping(aws).run(2 * HOUR)
    aws.requests_sent.clear()
    sweeping.now += 60
    sweeping.run(HOUR - 60)
    assert len(aws.requests_sent) <= bound
    assert sum(request.rolling for request in aws.requests_sent) == min(number, 60)


def test_bad_identities_are_read_alone_first() -> None:
    """Identities with something wrong are read alone before the others, and not again before them for six hours."""
    aws = Aws(*(f'domain-{number}.example' for number in range(400)))
    bad = {f'domain-{number}.example' for number in range(0, 400, 40)}
    for name in bad:
        aws.attributes[DKIM][name] = {**GOOD_DKIM, 'DkimVerificationStatus': 'Failed'}
    Sweeping(aws).run(HOUR)
    alone = [request.parameters['EmailIdentity'] for request in aws.requests_sent if request.rolling]
    assert set(alone[: len(bad)]) == bad
    assert len(alone) == 61 and len(set(alone)) > 50


def test_a_quiet_region_is_listed_hourly() -> None:
    """In a quiet Region only the list is read, once an hour, and its events stay on."""
    quiet = replace(HERE, is_quiet=True)
    aws = Aws(DOMAIN)
    sweeping = Sweeping(aws).run(2 * HOUR, quiet)
    assert [request.operation for request in aws.requests_sent] == ['ListEmailIdentities'] * 3
    aws.add('phish.example')
    sweeping.run(HOUR, quiet)
    assert [name for name, _ in sweeping.event_titles()] == ['identity.created']


def test_old_facts_are_not_shown() -> None:
    """Where an operation is denied for long, its problems are absent, and where the list is, everything."""
    sweeping = Sweeping(aws_with(DOMAIN, DKIM, {'DkimVerificationStatus': 'Failed'})).run()
    denied = replace(HERE, pausing=frozenset({DKIM}))
    assert sweeping.run(2 * HOUR, denied).problems() == {'dkim_failed': 1}
    sweeping.run(HOUR, denied)
    assert 'dkim_failed' not in sweeping.shown_problems()
    assert of(sweeping.samples(), 'identity.severity') == {}
    sweeping.now += HOUR
    assert sweeping.samples() == []


@pytest.mark.parametrize(
    ('operation', 'answer'),
    [
        ('ListEmailIdentities', {}),
        ('ListEmailIdentities', {'EmailIdentities': 7}),
        ('ListEmailIdentities', {'EmailIdentities': [{'IdentityName': 7}]}),
        ('ListEmailIdentities', {'EmailIdentities': [{'IdentityName': DOMAIN, 'SendingEnabled': 'yes'}]}),
        (DKIM, {}),
        (DKIM, {'DkimAttributes': 7}),
        (DKIM, {'DkimAttributes': {DOMAIN: 'Success'}}),
        (MAIL_FROM, {'MailFromDomainAttributes': {DOMAIN: 7}}),
        (TOPICS, {'NotificationAttributes': {DOMAIN: {'ForwardingEnabled': 'yes'}}}),
        ('GetEmailIdentity', {'DkimAttributes': 7}),
    ],
)
def test_a_malformed_answer_changes_nothing(operation: str, answer: Answer) -> None:
    """An answer that is garbage raises what a reader raises, and its request is passed over after that."""
    sweeping = Sweeping(Aws(DOMAIN))
    while True:
        request = IDENTITIES.next_request(sweeping.state, HERE, NOW)
        assert request is not None
        if request.operation == operation:
            break
        sweeping.state = IDENTITIES.after_answer(sweeping.state, request, sweeping.aws.answer(request), NOW)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        IDENTITIES.after_answer(sweeping.state, request, answer, NOW)
    failure = Failure(FailureKind.MALFORMED, operation, 'garbage', at_request=True)
    passed = IDENTITIES.after_answer(sweeping.state, request, failure, NOW)
    assert passed.numbers == sweeping.state.numbers
    assert operation == 'ListEmailIdentities' or IDENTITIES.next_request(passed, HERE, NOW) != request


def test_a_list_that_was_cut_short_deletes_nothing() -> None:
    """What a list lacks that was cut short is unknown: nothing is deleted, and what it names is taken in."""
    sweeping = Sweeping(Aws(DOMAIN, 'other.example')).run()
    sweeping.event_titles()
    request = ApiRequest('sesv2', 'ListEmailIdentities')
    row = sweeping.aws.rows[DOMAIN]
    before = sweeping.state
    for _ in range(2):
        answer = {'EmailIdentities': [row], 'NextToken': 'the same'}
        sweeping.state = IDENTITIES.after_answer(sweeping.state, request, answer, NOW + 900)
    assert sweeping.state.listing.is_cut
    assert list(IDENTITIES.changes(before, sweeping.state, HERE)) == []
    assert sweeping.state.numbers.keys() == before.numbers.keys()


def test_ten_thousand_identities_in_half_an_hour() -> None:
    """Within the budget, beside a GetAccount a minute that is never late, DKIM, MAIL FROM and topics of 10,000
    identities are read within half an hour."""
    aws = Aws(*(f'domain-{number}.example' for number in range(10_000)))
    clock, budget = Clock(NOW), Budget()
    pace, swept = TurnedPace(clock), {}
    sent: list[float] = []

    def send(urgency: Urgency) -> None:
        budget.wait(urgency, pace, lambda: False)
        sent.append(pace.monotonic())

    def ask(request: ApiRequest) -> Answer | Failure:
        send(Urgency.ROLLING if request.rolling else Urgency.LISTING)
        return aws.answer(request)

    edge = Edge(ask, lambda request: budget.seconds_until(Urgency.LISTING, pace), pace.monotonic, lambda: False)
    for minute in range(30):
        clock.set(NOW + 60 * minute)
        send(Urgency.ACCOUNT)
        assert sent[-1] - clock() <= 1
        swept |= sweep(SweepTask((IDENTITIES,), swept, HERE), edge)
    state = swept['identities'].state
    assert all(state.round(operation).finished_from is not None for operation in (DKIM, MAIL_FROM, TOPICS))
    assert len(state.numbers) == 10_000
    assert all(later - earlier >= 60 for earlier, later in zip(sent, sent[15:], strict=False))
    assert len(json.dumps(IDENTITIES.to_document(state))) < 250_000
