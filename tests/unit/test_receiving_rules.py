"""Receiving: from literal answers about receipt rules to gauges and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.receiving_rules import ACTIVE_INTERVAL, CONFIRMED_AFTER, INTERVAL, RECEIVING_RULES

SECRETS = ('jane.doe@mail.example', 'secret-bucket', 'secret-function')


def rule(name: str = 'store', **members: Any) -> dict[str, Any]:
    function = 'arn:aws:lambda:us-east-1:123456789012:function:secret-function'
    return {
        'Name': name,
        'Enabled': True,
        'TlsPolicy': 'Optional',
        'Recipients': ['jane.doe@mail.example'],
        'Actions': [{'S3Action': {'BucketName': 'secret-bucket'}}, {'LambdaAction': {'FunctionArn': function}}],
        'ScanEnabled': True,
        **members,
    }


class Aws:
    """An account with one active rule set, among `sets`."""

    def __init__(self, *rules: Mapping[str, Any], active: str = 'inbound') -> None:
        self.active = active
        self.rules = list(rules)
        self.sets = ['inbound', 'old'] if active else []
        self.filters = 0
        self.failure: Failure | None = None

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        if self.failure and self.failure.operation == request.operation:
            return self.failure
        if request.operation == 'ListReceiptRuleSets':
            return {'RuleSets': [{'Name': name, 'CreatedTimestamp': 1.0} for name in self.sets]}
        if request.operation == 'ListReceiptFilters':
            return {'Filters': [{'Name': f'filter{number}'} for number in range(self.filters)]}
        return {'Metadata': {'Name': self.active}, 'Rules': list(self.rules)} if self.active else {}


def test_the_active_set_and_its_rules_are_counted() -> None:
    """The active set, its rules by status and the shares of AWS's limits are shown; no name of anything is."""
    aws = Aws(rule(), rule('off', Enabled=False), {'Name': 'bare'}, rule('odd', Enabled='perhaps'))
    aws.filters = 25
    play = Play(RECEIVING_RULES, aws).run()
    assert play.shown() == {
        'receiving.rule_set_active': 1,
        ('receiving.rules', 'status:enabled'): 1,
        ('receiving.rules', 'status:disabled'): 2,
        ('receiving.rules', 'status:unknown'): 1,
        ('receiving.limit_utilization', 'limit:rules'): 2,
        ('receiving.limit_utilization', 'limit:rule_sets'): 5,
        ('receiving.limit_utilization', 'limit:filters'): 25,
    }
    assert play.event_titles() == []


def test_an_account_without_receiving_is_quiet() -> None:
    """Without a rule set nothing is shown or told, and three requests an hour are all that is asked."""
    play = Play(RECEIVING_RULES, Aws(active='')).run()
    for _ in range(24):
        play.run(ACTIVE_INTERVAL)
    assert play.shown() == {} and play.event_titles() == [] and len(play.requests) == 21


def test_receiving_costs_six_requests_an_hour() -> None:
    """With an active set six requests an hour are asked."""
    play = Play(RECEIVING_RULES, Aws(rule())).run()
    play.requests.clear()
    for _ in range(24):
        play.run(ACTIVE_INTERVAL)
    assert len(play.requests) == 36


def test_a_set_that_is_active_no_more_is_told_when_it_is_sure() -> None:
    """Where no set is active any more, that is shown and told within 20 minutes, once a second answer says so."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, aws).run()
    aws.active = ''
    assert play.run(ACTIVE_INTERVAL).event_titles() == [] and play.shown()['receiving.rule_set_active'] == 1
    assert RECEIVING_RULES.pending(play.state, play.context, play.now) == 1
    play.run(CONFIRMED_AFTER)
    assert [event[-1] for event in play.events] == ['error']
    assert play.event_titles() == [('receiving.rule_set', 'no receipt rule set is active')]
    assert play.shown()['receiving.rule_set_active'] == 0 and values_of(play.shown(), 'receiving.rules') == {}
    aws.active = 'old'
    assert play.run(ACTIVE_INTERVAL).event_titles() == [('receiving.rule_set', 'another receipt rule set is active')]


def test_a_first_answer_without_content_is_no_change() -> None:
    """An active set that comes after a single answer without content is a first sight, and no event."""
    aws = Aws(rule(), active='')
    play = Play(RECEIVING_RULES, aws).run()
    aws.active = 'inbound'
    assert play.run(CONFIRMED_AFTER).event_titles() == [] and play.shown()['receiving.rule_set_active'] == 1


def test_an_empty_answer_between_two_others_is_no_change() -> None:
    """A single answer without content, which a proxy may send, is no event."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, aws).run()
    aws.active = ''
    play.run(ACTIVE_INTERVAL)
    aws.active = 'inbound'
    assert play.run(CONFIRMED_AFTER).event_titles() == [] and play.state.none_since is None


@pytest.mark.parametrize('restarts', [False, True])
def test_changes_of_rules_are_told_once_with_their_number(restarts: bool) -> None:
    """Rules that are switched, changed, moved, added and removed are one event each kind, also over a restart; what
    they hold is in none of them."""
    names = [f'r{number}' for number in range(8)]
    aws = Aws(*(rule(name, Enabled=name != 'r7') for name in names))
    play = Play(RECEIVING_RULES, aws).run()
    if restarts:
        play.restart()
    aws.rules = [
        rule('r1', Enabled=False),
        rule('r0'),
        rule('r2', Enabled=False),
        rule('r3', Recipients=['x@y.example']),
    ]
    aws.rules += [rule('r4'), rule('r5'), rule('new'), rule('r7')]
    play.run(ACTIVE_INTERVAL)
    texts = str(play.events)
    assert play.event_titles() == [
        ('receiving.rules_off', '2 receipt rules switched off'),
        ('receiving.rules_on', 'a receipt rule switched on'),
        ('receiving.rules_changed', '5 receipt rules changed'),
    ]
    for part in ('new (added)', '(removed)', 'r3 (changed)', 'r0 (moved)'):
        assert part in texts
    assert ('r6 (removed)' in texts) is not restarts
    document = str(RECEIVING_RULES.to_document(play.state))
    assert not any(secret in texts + document for secret in (*SECRETS, 'y.example')) and 'inbound' not in document


def test_another_set_brings_other_rules() -> None:
    """The rules of another set that is active are no change of rules."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, aws).run()
    aws.active, aws.rules = 'old', [rule('other')]
    assert play.run(ACTIVE_INTERVAL).event_titles() == [('receiving.rule_set', 'another receipt rule set is active')]


def test_an_action_that_a_newer_sdk_reads_changes_no_rule() -> None:
    """A kind of action that this version does not know is no part of what a rule was."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, aws).run()
    aws.rules = [rule(Actions=[{**action, 'NewAction': {'X': 1}} for action in rule()['Actions']])]
    assert play.run(ACTIVE_INTERVAL).event_titles() == []


def test_rule_sets_without_an_active_one_are_shown() -> None:
    """Where rule sets exist and none was ever active, that is shown and no event."""
    aws = Aws(active='')
    aws.sets = ['old']
    play = Play(RECEIVING_RULES, aws).run().run(CONFIRMED_AFTER)
    assert play.shown()['receiving.rule_set_active'] == 0 and play.event_titles() == []


@pytest.mark.parametrize(
    'answer',
    [
        {'Metadata': 'x'},
        {'Metadata': {}},
        {'Metadata': {'Name': 7}},
        {'Rules': [rule()]},
        {'Metadata': {'Name': 'inbound'}, 'Rules': 'x'},
        {'Metadata': {'Name': 'inbound'}, 'Rules': [None]},
        {'Metadata': {'Name': 'inbound'}, 'Rules': [{}]},
        {'Metadata': {'Name': 'inbound'}, 'Rules': [rule(Actions=[7])]},
    ],
)
def test_malformed_answers_change_nothing(answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    play = Play(RECEIVING_RULES, Aws(rule())).run()
    before = play.shown()
    play.aws = lambda request: answer
    play.run(ACTIVE_INTERVAL, most=1)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert play.shown() == before and play.event_titles() == []


@pytest.mark.parametrize('operation', ['ListReceiptRuleSets', 'ListReceiptFilters'])
@pytest.mark.parametrize('answer', [{}, {'RuleSets': None, 'Filters': 'x'}, {'RuleSets': [{}], 'Filters': [None]}])
def test_malformed_lists_cost_their_limit(operation: str, answer: Mapping[str, Any]) -> None:
    """A list of another form costs its limit, and nothing of the active set."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, lambda request: answer if request.operation == operation else aws(request)).run()
    limit = ('receiving.limit_utilization', 'limit:filters' if operation.endswith('Filters') else 'limit:rule_sets')
    assert limit not in play.shown() and play.shown()['receiving.rule_set_active'] == 1


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_three_hours(kind: FailureKind) -> None:
    """While AWS denies the active set, what was known is shown for three hours, and nothing is told."""
    aws = Aws(rule())
    play = Play(RECEIVING_RULES, aws).run()
    aws.failure = refused('DescribeActiveReceiptRuleSet', kind)
    assert values_of(play.run(2 * INTERVAL).shown(), 'receiving.rules')
    assert values_of(play.run(INTERVAL).shown(), 'receiving.rules') == {} and play.event_titles() == []


def test_a_list_without_end_shows_no_share() -> None:
    """Where the pages of rule sets never end, their share is unknown."""
    aws = Aws(rule())
    endless = {'RuleSets': [], 'NextToken': 'again'}
    play = Play(RECEIVING_RULES, lambda request: endless if 'RuleSets' in request.operation else aws(request)).run()
    assert ('receiving.limit_utilization', 'limit:rule_sets') not in play.shown()
    assert RECEIVING_RULES.pending(play.state, play.context, play.now) == 1
