"""Configuration sets: from literal answers about a set and its destinations to problems, gauges and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest, set_facts
from datadog_checks.amazon_ses.sweeps.configuration_sets import CONFIGURATION_SETS, changes
from datadog_checks.amazon_ses.sweeps.set_rounds import DAY, INTERVAL

LIST, SET, DESTINATIONS = 'ListConfigurationSets', 'GetConfigurationSet', 'GetConfigurationSetEventDestinations'
MINUTE = 60

GOOD: Mapping[str, Any] = {
    'ConfigurationSetName': 'news',
    'TrackingOptions': {'CustomRedirectDomain': 'click.example.com', 'HttpsPolicy': 'REQUIRE'},
    'DeliveryOptions': {'TlsPolicy': 'REQUIRE', 'SendingPoolName': 'main', 'MaxDeliverySeconds': 3600},
    'ReputationOptions': {'ReputationMetricsEnabled': True, 'LastFreshStart': NOW - DAY},
    'SendingOptions': {'SendingEnabled': True},
    'Tags': [{'Key': 'owner', 'Value': 'jane.doe@mail.example'}],
    'SuppressionOptions': {'SuppressedReasons': ['BOUNCE'], 'SuppressionScope': 'ACCOUNT'},
    'VdmOptions': {
        'DashboardOptions': {'EngagementMetrics': 'ENABLED'},
        'GuardianOptions': {'OptimizedSharedDelivery': 'DISABLED'},
    },
    'ArchivingOptions': {'ArchiveArn': 'arn:aws:ses:us-east-1:123456789012:mailmanager-archive/a-1'},
}
FAILURES = ['REJECT', 'BOUNCE', 'COMPLAINT', 'RENDERING_FAILURE']


def destination(kind: str = 'SnsDestination', enabled: Any = True, events: Any = FAILURES) -> dict[str, Any]:
    targets = {
        'SnsDestination': {'TopicArn': 'arn:aws:sns:us-east-1:123456789012:secret'},
        'CloudWatchDestination': {'DimensionConfigurations': []},
        'EventBridgeDestination': {'EventBusArn': 'arn:aws:events:us-east-1:123456789012:event-bus/default'},
        'KinesisFirehoseDestination': {'IamRoleArn': 'arn:secret', 'DeliveryStreamArn': 'arn:secret'},
        'PinpointDestination': {'ApplicationArn': 'arn:secret'},
    }
    target = {kind: targets[kind]} if kind in targets else {}
    return {'Name': 'secret', 'Enabled': enabled, 'MatchingEventTypes': events, **target}


class Aws:
    """An account with configuration sets, whose answers can be replaced."""

    def __init__(self, *names: str) -> None:
        self.sets: dict[str, Any] = dict.fromkeys(names, GOOD)
        self.destinations: dict[str, Any] = {}
        self.failures: dict[str, Failure] = {}

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        if request.operation in self.failures:
            return self.failures[request.operation]
        if request.operation == LIST:
            assert request.parameters == {'PageSize': 1000}
            return {'ConfigurationSets': list(self.sets)}
        assert request.rolling
        name = request.parameters['ConfigurationSetName']
        if name not in self.sets:
            return refused(request.operation, FailureKind.UNSUPPORTED, at_request=True)
        answer: Mapping[str, Any] = self.sets[name]
        return (
            answer if request.operation == SET else {'EventDestinations': self.destinations.get(name, [destination()])}
        )


def shown_of(answer: Mapping[str, Any], *destinations: Mapping[str, Any]) -> dict[Any, float]:
    aws = Aws('news')
    aws.sets['news'], aws.destinations['news'] = answer, list(destinations) or [destination()]
    return Play(CONFIGURATION_SETS, aws).run().shown()


def problems_of(answer: Mapping[str, Any], *destinations: Mapping[str, Any]) -> set[str]:
    counts = values_of(shown_of(answer, *destinations), 'configuration_set.unhealthy')
    return {tag.partition(':')[2] for (tag,), number in counts.items() if number}


def test_a_healthy_set_has_zeros() -> None:
    """A set without problems is counted, with a zero for each problem and its destinations, and is not named."""
    aws = Aws('news')
    aws.destinations['news'] = [destination(), destination('CloudWatchDestination', events=['SEND'])]
    assert Play(CONFIGURATION_SETS, aws).run().shown() == {
        'configuration_set.count': 1,
        **{('configuration_set.unhealthy', f'problem:{name}'): 0 for name in set_facts.PROBLEMS},
        ('configuration_set.destinations', 'destination_type:sns', 'status:enabled'): 1,
        ('configuration_set.destinations', 'destination_type:cloudwatch', 'status:enabled'): 1,
    }


def test_an_account_without_sets_costs_one_request_an_hour() -> None:
    """Without configuration sets there is a zero, and the list is all that is asked."""
    play = Play(CONFIGURATION_SETS, Aws()).run()
    assert play.shown() == {'configuration_set.count': 0}
    for _ in range(60):
        play.run(MINUTE)
    assert Counter(request.operation for request in play.requests) == {LIST: 2}


@pytest.mark.parametrize(
    ('part', 'value', 'problem'),
    [
        ('SendingOptions', {'SendingEnabled': False}, 'sending_off'),
        ('SuppressionOptions', {'SuppressedReasons': []}, 'suppression_off'),
        ('ReputationOptions', {'ReputationMetricsEnabled': False}, 'reputation_metrics_off'),
        ('DeliveryOptions', {'TlsPolicy': 'OPTIONAL'}, 'tls_optional'),
        ('DeliveryOptions', {'TlsPolicy': 'Optional'}, 'tls_optional'),
        ('TrackingOptions', {'CustomRedirectDomain': 'a.example', 'HttpsPolicy': 'OPTIONAL'}, 'http_tracking'),
        ('VdmOptions', {'GuardianOptions': {'OptimizedSharedDelivery': 'ENABLED'}}, 'may_delay'),
    ],
)
def test_problems_of_a_set(part: str, value: Any, problem: str) -> None:
    """Each option of a set that can go wrong is one problem, and nothing else is."""
    assert problems_of({**GOOD, part: value}) == {problem}


@pytest.mark.parametrize('part', [part for part in GOOD if part != 'ConfigurationSetName'])
def test_an_absent_option_is_no_problem(part: str) -> None:
    """What AWS leaves out is no problem: without suppression options a set inherits those of the account."""
    assert problems_of({name: value for name, value in GOOD.items() if name != part}) == set()
    assert problems_of({**GOOD, 'SuppressionOptions': {'SuppressionScope': 'TENANT'}}) == set()


@pytest.mark.parametrize(
    ('destinations', 'problems'),
    [
        ([destination(events=['BOUNCE'])], {'no_failure_destination', 'rendering_failures_unseen'}),
        (
            [
                destination(events=['BOUNCE']),
                destination('EventBridgeDestination', events=['Complaint', 'RenderingFailure']),
            ],
            set(),
        ),
        ([destination(), destination(enabled=False)], {'destination_disabled'}),
        (
            [destination(enabled=False)],
            {'destination_disabled', 'no_failure_destination', 'rendering_failures_unseen'},
        ),
        ([destination(enabled=None)], set()),
        ([destination('KinesisFirehoseDestination', events=[*FAILURES, 'SOMETHING_NEW'])], set()),
    ],
)
def test_problems_of_destinations(destinations: list[Any], problems: set[str]) -> None:
    """A destination that is disabled takes nothing; bounces and complaints may have different takers."""
    assert problems_of(GOOD, *destinations) == problems


def test_a_set_without_destinations_tells_nobody() -> None:
    """A set without any destination tells nobody of bounces, and is not said to hide rendering failures."""
    aws = Aws('news')
    aws.destinations['news'] = []
    shown = Play(CONFIGURATION_SETS, aws).run().shown()
    assert shown['configuration_set.unhealthy', 'problem:no_failure_destination'] == 1
    assert shown['configuration_set.unhealthy', 'problem:rendering_failures_unseen'] == 0
    severity = ('configuration_set.severity', 'configuration_set:news', 'problem:no_failure_destination')
    assert shown[severity] == set_facts.Severity.WARNING


@pytest.mark.parametrize(
    ('kind', 'type'),
    [
        ('SnsDestination', 'sns'),
        ('CloudWatchDestination', 'cloudwatch'),
        ('EventBridgeDestination', 'eventbridge'),
        ('KinesisFirehoseDestination', 'firehose'),
        ('PinpointDestination', 'pinpoint'),
        ('SomethingNewDestination', 'other'),
    ],
)
def test_types_of_destinations(kind: str, type: str) -> None:
    """Destinations are counted by type and status; no name and no ARN of them is shown."""
    shown = shown_of(GOOD, destination(kind), destination(kind, enabled=False), destination(kind, enabled=None))
    assert values_of(shown, 'configuration_set.destinations') == {
        (f'destination_type:{type}', f'status:{status}'): 1 for status in ('enabled', 'disabled', 'unknown')
    }
    assert 'secret' not in str(shown) and 'arn' not in str(shown)


def test_the_worst_sets_are_named() -> None:
    """Sets with a warning or worse are named, the worst first, with all their problems; `max_configuration_sets` bounds
    them, and the others are counted."""
    aws = Aws('a', 'b', 'c', 'd')
    aws.sets['a'] = {**GOOD, 'DeliveryOptions': {'TlsPolicy': 'OPTIONAL'}}
    aws.sets['b'] = {**GOOD, 'SuppressionOptions': {'SuppressedReasons': []}}
    aws.sets['c'] = {**GOOD, 'SendingOptions': {'SendingEnabled': False}, 'DeliveryOptions': {'TlsPolicy': 'OPTIONAL'}}
    aws.sets['d'] = aws.sets['b']
    play = Play(CONFIGURATION_SETS, aws, max_sets=2)
    for _ in range(3):
        play.run(MINUTE)
    assert values_of(play.shown(), 'configuration_set.severity') == {
        ('configuration_set:c', 'problem:sending_off', 'problem:tls_optional'): 3,
        ('configuration_set:b', 'problem:suppression_off'): 2,
    }
    assert play.shown()['configuration_set.unnamed'] == 1


def test_changes_are_events() -> None:
    """Sending, suppression and destinations that change are one event of each kind and problem, and their end too; the
    first reading is none. A set that is well again is shown so for an hour."""
    aws = Aws('news', 'shop')
    play = Play(CONFIGURATION_SETS, aws).run()
    assert play.event_titles() == []
    off = {**GOOD, 'SendingOptions': {'SendingEnabled': False}, 'SuppressionOptions': {'SuppressedReasons': []}}
    aws.sets = {'news': off, 'shop': off}
    play.run(INTERVAL)
    assert [(name, title, alert) for name, title, _, alert in play.events] == [
        ('configuration_set.broken', 'Amazon SES: 2 configuration sets with the problem sending_off', 'error'),
        ('configuration_set.broken', 'Amazon SES: 2 configuration sets with the problem suppression_off', 'warning'),
    ]
    assert 'It is about: configuration set news, configuration set shop.' in play.events[0][2]
    play.events.clear()
    aws.sets = {'news': GOOD, 'shop': off}
    play.run(INTERVAL)
    assert play.event_titles() == [
        ('configuration_set.mended', 'a configuration set without the problem sending_off'),
        ('configuration_set.mended', 'a configuration set without the problem suppression_off'),
    ]
    assert values_of(play.shown(), 'configuration_set.severity')['configuration_set:news',] == 0
    play.run(INTERVAL + MINUTE)
    assert ('configuration_set:news',) not in values_of(play.shown(), 'configuration_set.severity')


def test_a_fresh_start_is_an_event() -> None:
    """When the reputation of a set begins anew, that is an event; a set that never had a fresh start has none."""
    aws = Aws('news')
    aws.sets['news'] = {**GOOD, 'ReputationOptions': {'ReputationMetricsEnabled': True}}
    play = Play(CONFIGURATION_SETS, aws).run()
    aws.sets['news'] = GOOD
    play.run(INTERVAL)
    assert play.event_titles() == [('configuration_set.fresh_start', 'a configuration set with a fresh start')]
    assert play.run(INTERVAL).event_titles() == []


def test_a_round_sends_300_requests_an_hour() -> None:
    """A round over many sets sends at most 300 requests an hour beside the list, about the sets that CloudWatch lists
    first; what waits is counted, and each set is read once in a round."""
    names = [f'set-{number:04}' for number in range(250)]
    play = Play(CONFIGURATION_SETS, Aws(*names), sending_sets=lambda: frozenset(names[100:103]))
    play.run()
    for _ in range(2):
        play.run(MINUTE)
    first = [request.parameters['ConfigurationSetName'] for request in play.requests if request.operation != LIST]
    assert Counter(first[:6]) == dict.fromkeys(names[100:103], 2)
    assert CONFIGURATION_SETS.pending(play.state, play.context, play.now) >= 240
    for _ in range(97):
        play.run(MINUTE)
    rolling = [(one.operation, one.parameters['ConfigurationSetName']) for one in play.requests if one.rolling]
    # The next round of an operation may begin while the other finishes.
    assert len(rolling) == 500 and len(set(rolling)) >= 499
    assert CONFIGURATION_SETS.read_at(play.state) is not None


def test_few_sets_are_read_once_an_hour() -> None:
    """Five sets cost eleven requests an hour."""
    play = Play(CONFIGURATION_SETS, Aws(*'abcde')).run()
    for _ in range(180):
        play.run(MINUTE)
    assert len(play.requests) <= 11 * 4


def test_a_restart_goes_on_in_the_round() -> None:
    """After a restart the round goes on where it was, what was read is shown, and a change meanwhile is told."""
    aws = Aws(*(f'set-{number}' for number in range(40)))
    play = Play(CONFIGURATION_SETS, aws)
    for _ in range(9):
        play.run(MINUTE)
    read = {(one.operation, one.parameters['ConfigurationSetName']) for one in play.requests if one.rolling}
    play.requests.clear()
    play.restart()
    for _ in range(7):
        play.run(MINUTE)
    again = {(one.operation, one.parameters['ConfigurationSetName']) for one in play.requests if one.rolling}
    assert not read & again and len(read | again) == 80
    assert values_of(play.shown(), 'configuration_set.unhealthy')['problem:sending_off',] == 0
    play.restart()
    aws.sets['set-3'] = {**GOOD, 'SendingOptions': {'SendingEnabled': False}}
    for _ in range(70):
        play.run(MINUTE)
    assert play.event_titles() == [('configuration_set.broken', 'a configuration set with the problem sending_off')]


@pytest.mark.parametrize('operation', [SET, DESTINATIONS])
def test_what_is_denied_costs_itself_alone(operation: str) -> None:
    """Where one of both requests is denied, the problems that the other shows are shown, the denied ones are unknown,
    and the round goes on."""
    aws = Aws(*'abc')
    aws.failures[operation] = refused(operation)
    play = Play(CONFIGURATION_SETS, aws)
    for _ in range(3):
        play.run(MINUTE)
    known = {tag.partition(':')[2] for (tag,) in values_of(play.shown(), 'configuration_set.unhealthy')}
    assert known == {name for name, problem in set_facts.PROBLEMS.items() if problem.operation != operation}
    assert [failure.operation for failure in play.current.failures(play.now)] == [operation]
    assert Counter(request.operation for request in play.requests)[operation] == 1


GARBAGE = (None, ['x'], 'x', [destination(enabled='yes')], [{}])


@pytest.mark.parametrize('garbage', [{}, *({'EventDestinations': value} for value in GARBAGE)])
def test_garbage_about_a_set_costs_that_set_alone(garbage: Any) -> None:
    """An answer about one set that cannot be read makes that set unknown; the others are read, and nothing is told."""
    aws = Aws(*'abc')
    play = Play(CONFIGURATION_SETS, aws)
    for _ in range(3):
        play.run(MINUTE)

    def broken(request: ApiRequest) -> Any:
        is_broken = request.operation == DESTINATIONS and request.parameters['ConfigurationSetName'] == 'b'
        return garbage if is_broken else aws(request)

    play.aws = broken
    for _ in range(80):
        play.run(MINUTE)
    assert play.event_titles() == []
    assert values_of(play.shown(), 'configuration_set.destinations') != {}
    assert CONFIGURATION_SETS.pending(play.state, play.context, play.now) <= 3


@pytest.mark.parametrize('answer', [{}, *({'ConfigurationSets': value} for value in (None, [7], 7))])
def test_a_list_that_is_garbage_changes_nothing(answer: Any) -> None:
    """A list of another form is a failure, and the sets are shown on."""
    aws = Aws('news')
    play = Play(CONFIGURATION_SETS, aws).run()
    play.aws = lambda request: answer if request.operation == LIST else aws(request)
    play.run(INTERVAL)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert play.shown()['configuration_set.count'] == 1


def test_a_set_that_is_deleted_goes() -> None:
    """A set that was deleted between the list and its turn stops nothing, and is gone with the next list."""
    aws = Aws('news', 'shop')
    play = Play(CONFIGURATION_SETS, aws)
    aws_of_list = list(aws.sets)
    del aws.sets['shop']
    play.aws = lambda request: {'ConfigurationSets': aws_of_list} if request.operation == LIST else aws(request)
    play.run()
    assert play.shown()['configuration_set.count'] == 2
    aws_of_list.remove('shop')
    play.run(INTERVAL)
    assert play.shown()['configuration_set.count'] == 1 and play.event_titles() == []


def test_a_list_without_end_forgets_no_set() -> None:
    """Where the pages of the list never end, what it lacks is not gone, and something waits."""
    aws = Aws('news', 'shop')
    play = Play(CONFIGURATION_SETS, aws).run()
    endless = {'ConfigurationSets': ['news'], 'NextToken': 'again'}
    play.aws = lambda request: endless if request.operation == LIST else aws(request)
    play.run(INTERVAL)
    assert play.shown()['configuration_set.count'] == 2
    assert CONFIGURATION_SETS.pending(play.state, play.context, play.now) >= 1
    assert list(changes(play.state, play.state, play.context)) == []


def test_a_first_look_is_no_event() -> None:
    """A set that is switched off when it is read first is no event, nor is one that was created since."""
    aws = Aws('news')
    aws.sets['news'] = {**GOOD, 'SendingOptions': {'SendingEnabled': False}}
    aws.destinations['news'] = [destination(enabled=False)]
    play = Play(CONFIGURATION_SETS, aws).run()
    aws.sets['shop'] = aws.sets['news']
    play.run(INTERVAL)
    assert play.event_titles() == []
    assert values_of(play.shown(), 'configuration_set.unhealthy')['problem:sending_off',] == 2
