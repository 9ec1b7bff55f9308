"""The whole check over HTTP against the simulator, seen from the Agent: what it gets, when, and what it is told."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from common import ACCOUNT, KEY, OTHER, PREFIX, REGION, SECRET, START, Watch, names, wait_for_workers

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.cloudwatch.series import REPUTATION, SENDING, STATISTICS
from datadog_checks.dev.utils import get_metadata_metrics, get_service_checks
from simulator import Clock, Fault, Simulator
from simulator.scenarios import RECEIPT_RULES, Family, Scenario, Standing, configuration_sets

Watching = Callable[..., Watch]

OK, WARNING, CRITICAL, UNKNOWN = range(4)
HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}
QUIET = Scenario('quiet', 'nothing but what a test puts there', volume=0.0, gauges=())
STEADY = {'collect': ['account', 'cloudwatch']}


def standing_that_changes(*steps: tuple[float, Standing]) -> Scenario:
    return Scenario('changing', 'the standing changes', volume=0.0, gauges=(), standings=steps)


# Everything that is declared, and nothing else.


def test_every_declared_metric_comes_and_no_other(
    watch: Watching, start: Callable[..., Simulator], clock: Clock, aggregator: Any
) -> None:
    """Over some hours with every feature and some trouble, the Agent gets each metric of metadata.csv and no other."""
    busy = Scenario(
        'busy', 'all features have traffic', volume=3000.0, families=(configuration_sets(1), *RECEIPT_RULES)
    )
    sim = start(busy)
    rates = [one.metric_name for one in REPUTATION]
    watching = watch(
        sim,
        statistics=list(STATISTICS),
        dimensions=[SET, {**SET, 'metrics': rates}],
        thresholds=[{'metric': 'send', 'warning': '10'}],
        backfill_limit=HOUR,
        tags=['team:mail'],
    )
    watching.through(2400, 300)
    sim.world.shrink(ACCOUNT, REGION, 'Send', clock() - 900, 5)
    sim.faults.add(Fault('throttle', operation='GetMetricData', times=1))
    watching.through(1500, 300)
    clock.advance(5 * HOUR)
    sim.faults.add(Fault('denied', operation='GetAccount', times=3))
    watching.through(300, 60)

    aggregator.assert_metrics_using_metadata(
        get_metadata_metrics(), check_submission_type=True, check_symmetric_inclusion=True
    )
    for name in aggregator.metric_names:
        aggregator.assert_metric(name)
        aggregator.assert_metric_has_tag(name, 'team:mail')
        aggregator.assert_metric_has_tag(name, f'aws_account:{ACCOUNT}')
    aggregator.assert_all_metrics_covered()
    aggregator.assert_service_checks(get_service_checks())
    declared = {one['check'] for one in get_service_checks()}
    assert {name for name in declared if aggregator.service_checks(name)} == declared


def test_no_run_submits_anything_twice(watch: Watching, sim: Simulator, clock: Clock, aggregator: Any) -> None:
    """Within one run each metric, count and service check comes once for each set of tags."""
    watching = watch(dimensions=[SET, {'ses:configuration-set': ['a', 'A']}], statistics=['maximum', 'sum'])
    for _ in range(12):
        aggregator.reset()
        assert watching.run() == ''
        aggregator.assert_no_duplicate_all()
        counts = [
            (name, tuple(sorted(one.tags)))
            for name in aggregator.metric_names
            for one in aggregator.metrics(name)
            if name.endswith('.count')
        ]
        assert len(counts) == len(set(counts))
        clock.advance(300)
    assert counts


def test_contexts_are_counted(watch: Watching, clock: Clock, aggregator: Any) -> None:
    """`collector.contexts` is the number of different metrics with tags that a run submits."""
    watching = watch()
    watching.through(900, 300)
    aggregator.reset()
    watching.run()
    submitted = {
        (name, tuple(sorted(one.tags))) for name in aggregator.metric_names for one in aggregator.metrics(name)
    }
    assert watching.last('collector.contexts') == len(submitted)


# What a steady run asks.


@pytest.mark.parametrize('phase', [0.3, 140.0])
@pytest.mark.parametrize('step', [15.0, 60.0, 59.9])
def test_steady_runs_ask_as_often_as_something_can_be_new(
    watch: Watching, sim: Simulator, clock: Clock, step: float, phase: float
) -> None:
    """One Region costs one GetAccount a minute and one GetMetricData in five, whatever the Agent's cycle, no more."""
    watching = watch(**STEADY)
    # The slots of an instance are shifted, so their beginning is looked for: the first run that asks again.
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(5)
        watching.run()
    clock.advance(300 + phase)
    watching.run()
    begun, sim_log = clock(), sim.log
    sim_log.clear()
    for _ in range(int(HOUR // step)):
        clock.advance(step)
        assert watching.run() == ''
    elapsed = clock() - begun
    asked = sim_log.operations()
    assert set(asked) == {'GetAccount', 'GetMetricData'}
    assert asked['GetAccount'] == round(elapsed / 60)
    assert asked['GetMetricData'] == round(elapsed / 300)
    for operation, every in (('GetAccount', 60), ('GetMetricData', 300)):
        times = [one.time for one in sim_log.where(operation=operation)]
        assert all(later - earlier >= every / 2 for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.parametrize('second', [0.3, 10.3, 290.3, 299.9])
def test_early_runs_do_not_ask_twice(watch: Watching, sim: Simulator, clock: Clock, second: float) -> None:
    """Runs that come a little early each time never make the check ask CloudWatch after less than half a period."""
    watching = watch(collect=['cloudwatch'])
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(1)
        watching.run()
    clock.set(sim.log.where(operation='GetMetricData')[-1].time + 300 + second)
    sim.log.clear()
    for _ in range(30):
        watching.run()
        clock.advance(59.9)
    times = [one.time for one in sim.log.where(operation='GetMetricData')]
    assert len(times) >= 6
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) >= 150


def test_one_call_bills_the_account_series_once(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A collection is one request of 12 billed metrics, also with four statistics, and says so."""
    watching = watch(collect=['cloudwatch'], statistics=['maximum', 'average', 'minimum'])
    watching.through(1200, 300)
    requests = sim.log.where(operation='GetMetricData')
    assert [one.billed_metrics for one in requests] == [12] * 4
    assert watching.total('collector.billed_metrics') == sim.log.billed_metrics() == 48
    assert watching.last('collector.series') == 12
    assert watching.last('collector.estimated_cost') == pytest.approx(12 * 30 * 86400 / 300 * 0.01 / 1000)


def test_calls_are_those_that_aws_saw(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """`collector.api_calls` and `api_errors` add up to what AWS saw, retries included."""
    watching = watch()
    sim.faults.add(Fault('throttle', operation='GetAccount', times=3))
    sim.faults.add(Fault('server_error', operation='GetMetricData', times=1, after=1))
    sim.faults.add(Fault('html', operation='GetSendStatistics', times=1))
    for _ in range(20):
        watching.run()
        clock.advance(60)
    for operation, number in sim.log.operations().items():
        assert watching.total('collector.api_calls', REGION, f'operation:{operation}') == number
    assert watching.total('collector.api_throttles') == 3
    failed = Counter(
        {
            ('GetAccount', 'throttled'): watching.total(
                'collector.api_errors', REGION, 'operation:GetAccount', 'reason:throttled'
            ),
            ('GetMetricData', 'network'): watching.total(
                'collector.api_errors', REGION, 'operation:GetMetricData', 'reason:network'
            ),
            ('GetSendStatistics', 'malformed'): watching.total(
                'collector.api_errors', REGION, 'operation:GetSendStatistics', 'reason:malformed'
            ),
        }
    )
    assert failed == {
        ('GetAccount', 'throttled'): 3,
        ('GetMetricData', 'network'): 1,
        ('GetSendStatistics', 'malformed'): 1,
    }


def test_account_metrics_are_there_in_each_cycle(watch: Watching, clock: Clock) -> None:
    """Once known, the gauges of the account come in every run, whether or not AWS was asked in it."""
    watching = watch(dimensions=[SET])
    watching.through(900, 60)
    watching.fresh()
    watching.run()
    expected = {name for name, tags in watching.fresh() if not name.endswith('.count') and 'collector.' not in name}
    assert {'send', 'bounce', 'quota.utilization', 'reputation.bounce_rate', 'can_connect'} <= expected
    for _ in range(40):
        clock.advance(15)
        watching.run()
        assert expected <= names(watching.fresh())


def test_new_receipt_rules_are_counted(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A receipt rule that begins to receive is found by itself, counts from its first mail, and disturbs no gauge."""
    rule = Family(dimensions=('RuleName',), values=(('new-rule',),), events={'Received': 1.0}, share=0.5, appears=900.0)
    sim = start(Scenario('new', 'a rule appears', families=(rule,)))
    watching = watch(sim)
    watching.through(600, 60)
    for _ in range(80):
        watching.fresh()
        watching.run()
        assert {'send', 'bounce', 'collector.data_age'} <= names(watching.fresh())
        clock.advance(60)
    since, end = watching.last('collector.counting_since'), clock() + DAY
    sim.faults.add(Fault('throttle', operation='ListMetrics'))
    truth = watching.truth('Received', since, clock() - 900, dimensions={'RuleName': 'new-rule'})
    assert truth > 0
    handed = watching.total('receiving.received.count', REGION, 'rule:new-rule')
    assert truth <= handed <= watching.truth('Received', since, end, dimensions={'RuleName': 'new-rule'})
    assert watching.total('receiving.received.count') == handed


# Whether AWS can be reached.

FAILURES = {
    'throttle': ('throttled', 'it is asked again in the next run'),
    'denied': ('denied', 'Allow the IAM action ses:GetAccount'),
    'server_error': ('network', 'Look at the way to AWS'),
    'unavailable': ('network', 'Look at the way to AWS'),
    'reset': ('network', 'Look at the way to AWS'),
    'close': ('network', 'Look at the way to AWS'),
    'html': ('malformed', 'Look for a proxy or an endpoint_url that is not AWS'),
    'empty': ('malformed', 'Look for a proxy or an endpoint_url that is not AWS'),
    # An older botocore tells that the body ended early, a newer one makes an empty success of it.
    'truncate': ('(network|malformed)', 'Look '),
}


@pytest.mark.parametrize('kind', FAILURES)
def test_one_failing_source_is_a_warning(watch: Watching, sim: Simulator, clock: Clock, kind: str) -> None:
    """Where one source fails the rest goes on: WARNING, with the operation, the kind of failure and the way out."""
    watching = watch(**STEADY)
    watching.through(600, 60)
    assert watching.status('can_connect') == (OK, '')
    assert watching.last('can_connect') == 1.0
    sim.faults.add(Fault(kind, operation='GetAccount'))
    for _ in range(6):
        clock.advance(60)
        watching.fresh()
        assert watching.run() == ''
    level, message = watching.status('can_connect')
    named, remedy = FAILURES[kind]
    assert (level, watching.last('can_connect')) == (WARNING, 0.5)
    assert re.match(f'GetAccount: {named}: ', message)
    assert remedy in message
    assert len(message) <= 1000
    assert {'send', 'bounce', 'reputation.bounce_rate'} <= names(watching.fresh())
    assert watching.total('send.count') > 0
    assert any(re.match(f'{REGION}: GetAccount: {named}', warning) for warning in watching.check.get_warnings())
    sim.faults.clear()
    clock.advance(60)
    watching.run()
    assert watching.status('can_connect') == (OK, '')


@pytest.mark.parametrize('kind', sorted(set(FAILURES) - {'throttle'}))
def test_all_sources_failing_is_critical(watch: Watching, sim: Simulator, clock: Clock, kind: str) -> None:
    """Where nothing can be read: CRITICAL, the run fails and says where to look, and no count comes."""
    watching = watch(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault(kind))
    report = watching.run()
    level, message = watching.status('can_connect')
    assert (level, watching.last('can_connect')) == (CRITICAL, 0.0)
    for operation in ('GetAccount', 'GetMetricData'):
        assert re.search(f'{operation}: {FAILURES[kind][0]}: ', message)
    assert 'can_connect' in report
    submitted = names(watching.fresh())
    assert not {name for name in submitted if name.split('.')[0] not in ('collector', 'can_connect')}


def test_credentials_that_expired_are_told_once(watch: Watching, sim: Simulator) -> None:
    """Who cannot sign in is not tried for every source of a run, and the message says where credentials come from."""
    watching = watch(account_id=ACCOUNT, **STEADY)
    sim.faults.add(Fault('expired_token'))
    assert watching.run() != ''
    level, message = watching.status('can_connect')
    assert (level, message.count('credentials: ')) == (CRITICAL, 1)
    assert message.startswith('GetAccount: credentials: ')
    assert 'aws_access_key_id' in message
    assert set(sim.log.operations()) == {'GetAccount'}


def test_throttling_of_a_fresh_account_is_a_warning(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Throttling passes by itself: WARNING while the last answers are fresh, CRITICAL once nothing is."""
    watching = watch(**STEADY)
    watching.through(600, 60)
    sim.faults.add(Fault('throttle'))
    clock.advance(300)
    assert watching.run() == ''
    assert watching.status('can_connect')[0] == WARNING
    clock.advance(HOUR)
    assert watching.run() != ''
    assert watching.status('can_connect')[0] == CRITICAL


def test_a_hanging_source_is_a_timeout(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A request that hangs ends at read_timeout, and the message says that nothing came in time and what to raise."""
    watching = watch(account_id=ACCOUNT, min_collection_interval=60, read_timeout=0.3, **STEADY)
    watching.run()
    sim.faults.add(Fault('hang', operation='GetAccount'))
    clock.advance(300)
    assert watching.run() == ''
    level, message = watching.status('can_connect')
    assert level == WARNING
    assert message.startswith('GetAccount: timeout: ')
    assert 'read_timeout' in message


def test_partial_answers_are_told(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where CloudWatch answers with a part, the message names how many series lack data, and the rest is used."""
    watching = watch(**STEADY)
    watching.through(900, 60)
    sim.faults.add(Fault('partial', operation='GetMetricData'))
    clock.advance(300)
    watching.run()
    level, message = watching.status('can_connect')
    assert level == WARNING
    assert 'GetMetricData: partial: 6 of 12 series' in message


@pytest.mark.parametrize(
    ('kind', 'named'), [('throttle', 'throttled'), ('expired_token', 'credentials'), ('reset', 'network')]
)
def test_unknown_account_submits_nothing_of_an_account(
    watch: Watching, sim: Simulator, clock: Clock, aggregator: Any, kind: str, named: str
) -> None:
    """Until it is known whose account it is, only can_connect, the calls and their failures come, and say why."""
    watching = watch()
    fault = sim.faults.add(Fault(kind, service='sts'))
    assert watching.run().startswith(f'The AWS account is not known. GetCallerIdentity: {named}: ')
    assert watching.status('can_connect')[0] == CRITICAL
    assert watching.status('can_connect')[1].startswith(f'GetCallerIdentity: {named}: ')
    assert names(watching.fresh()) == {'can_connect', 'collector.api_calls', 'collector.api_errors'} | (
        {'collector.api_throttles'} if named == 'throttled' else set()
    )
    assert not any(
        tag.startswith('aws_account:') for one in aggregator.metrics('amazon_ses.can_connect') for tag in one.tags
    )
    sim.faults.remove(fault)
    clock.advance(60)
    assert watching.run() == ''
    assert watching.status('can_connect') == (OK, '')
    assert sim.log.count(operation='GetCallerIdentity', error=None, fault=None) == 1


def test_given_account_needs_no_sts(watch: Watching, sim: Simulator) -> None:
    """With account_id, or with a role, nobody is asked whose account it is."""
    watch(account_id='210987654321', **STEADY).run()
    watch(role_arn='arn:aws:iam::310987654321:role/reader', **STEADY).run()
    assert sim.log.count(operation='GetCallerIdentity') == 0
    assert sim.log.count(operation='AssumeRole') == 1


def test_the_role_is_used(watch: Watching, sim: Simulator, clock: Clock, aggregator: Any) -> None:
    """With role_arn the data are those of the role's account, and a wrong external id says what to look at."""
    role = 'arn:aws:iam::310987654321:role/reader'
    sim.accounts.declare_role(role, external_id='right-id')
    watching = watch(role_arn=role, external_id='right-id', **STEADY)
    assert watching.run() == ''
    assert {one.account for one in sim.log.where(action='ses:GetAccount')} == {'310987654321'}
    assert 'aws_account:310987654321' in aggregator.metrics('amazon_ses.quota.max_24_hour')[0].tags
    clock.advance(HOUR)
    watching.restart(external_id='wrong-id')
    assert watching.run() != ''
    level, message = watching.status('can_connect')
    assert level == CRITICAL
    assert 'AssumeRole: denied: ' in message
    assert 'external_id' in message


def test_expired_tokens_are_renewed(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """When AWS ends the session of a role early, the next run signs in again by itself."""
    watching = watch(role_arn=f'arn:aws:iam::{ACCOUNT}:role/reader', **STEADY)
    watching.through(300, 60)
    sim.expire_tokens()
    clock.advance(60)
    watching.run()
    clock.advance(60)
    assert watching.run() == ''
    assert watching.status('can_connect') == (OK, '')


# Whether the account may send.


@pytest.mark.parametrize(
    ('scenario', 'level', 'words', 'gauges'),
    [
        ('steady', OK, '', (0, 1, 1)),
        ('sandbox', OK, '', (0, 1, 0)),
        ('under_review', WARNING, 'under review in this Region', (1, 1, 1)),
        ('paused', CRITICAL, 'AWS paused sending', (2, 0, 1)),
        ('sending_disabled', CRITICAL, 'Sending is switched off', (0, 0, 1)),
        ('unlimited_quota', OK, '', (0, 1, 1)),
    ],
)
def test_sending_status(
    watch: Watching,
    start: Callable[..., Simulator],
    scenario: str,
    level: int,
    words: str,
    gauges: tuple[int, int, int],
) -> None:
    """`sending_status` and the gauges of the standing say what AWS allows the account; an OK has no message."""
    watching = watch(start(scenario), collect=['account'])
    assert watching.run() == ''
    assert watching.status('sending_status')[0] == level
    assert words in watching.status('sending_status')[1]
    assert (watching.status('sending_status')[1] == '') is (level == OK)
    parts = ('account.enforcement_level', 'account.sending_enabled', 'account.production_access')
    assert tuple(watching.last(name) for name in parts) == gauges


def test_sending_status_is_unknown_when_aws_does_not_say(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where GetAccount is denied the first API stands in, all but the standing: UNKNOWN, with the action to allow."""
    sim.deny('ses:GetAccount')
    watching = watch(**STEADY)
    watching.run()
    assert watching.status('sending_status')[0] == UNKNOWN
    clock.advance(60)
    watching.fresh()
    watching.run()
    submitted = names(watching.fresh())
    assert {'quota.max_24_hour', 'quota.utilization', 'account.sending_enabled'} <= submitted
    assert not {'account.enforcement_level', 'account.production_access'} & submitted
    level, message = watching.status('sending_status')
    assert level == UNKNOWN
    assert 'ses:GetAccount' in message
    assert watching.status('can_connect')[0] == WARNING
    sim.allow()
    clock.advance(120)
    watching.run()
    assert watching.status('sending_status') == (OK, '')
    clock.advance(60)
    sim.log.clear()
    watching.run()
    assert sim.log.count(operation='GetSendQuota') == 0


def test_a_standing_that_gets_old_is_not_shown_on(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """When AWS stops answering, the standing is shown for a quarter of an hour, then it is unknown."""
    watching = watch(**STEADY)
    watching.run()
    sim.faults.add(Fault('reset', operation='GetAccount'))
    clock.advance(840)
    watching.fresh()
    watching.run()
    assert watching.status('sending_status')[0] == OK
    assert 'quota.max_24_hour' in names(watching.fresh())
    clock.advance(120)
    watching.run()
    assert watching.status('sending_status')[0] == UNKNOWN
    assert not {'quota.max_24_hour', 'account.enforcement_level'} & names(watching.fresh())


def test_events_come_once_for_each_change(
    watch: Watching, start: Callable[..., Simulator], clock: Clock, aggregator: Any
) -> None:
    """Each change of standing or switch is one event, also over restarts; the first observation is none."""
    story = standing_that_changes(
        (0, Standing()),
        (600, Standing(enforcement_status='PROBATION')),
        (1200, Standing(enforcement_status='SHUTDOWN', sending_enabled=False)),
        (1800, Standing()),
    )
    watching = watch(start(story), collect=['account'], tags=['team:mail'])
    for minute in range(40):
        if minute in (9, 10, 11, 19, 20, 21, 35):
            watching.restart()
        assert watching.run() == ''
        clock.advance(60)
    where = f' ({ACCOUNT}, {REGION})'
    assert [(one['timestamp'], one['msg_title'], one['alert_type']) for one in aggregator.events] == [
        (START + 600, f'Amazon SES account is under review{where}', 'warning'),
        (START + 1200, f'Amazon SES account is paused{where}', 'error'),
        (START + 1200, f'Amazon SES sending was switched off{where}', 'error'),
        (START + 1800, f'Amazon SES account is healthy{where}', 'success'),
        (START + 1800, f'Amazon SES sending was switched on{where}', 'success'),
    ]
    for event in aggregator.events:
        assert event['tags'] == ['team:mail', f'aws_account:{ACCOUNT}', f'region:{REGION}']
        assert event['source_type_name'] == 'amazon_ses'
        assert event['event_type'].startswith(PREFIX + 'account.')


# What gauges show.


def test_gauges_show_the_newest_settled_period(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A gauge shows the newest period that ended at least settle_delay before AWS answered."""
    sim = start(QUIET)
    first = int(START) // 300 * 300
    for number in range(20):
        sim.world.put(ACCOUNT, REGION, 'Send', first + number * 300, 100 + number)
    watching = watch(sim, collect=['cloudwatch'], settle_delay=300)
    for _ in range(40):
        watching.run()
        asked = sim.log.where(operation='GetMetricData')[-1].time
        newest = int((asked - 300) // 300) - 1 - first // 300
        # Before the first mail there was none: zero, because the series is alive.
        assert watching.last('send') == (100 + newest if newest >= 0 else 0)
        clock.advance(60)
    assert newest > 3


def test_zero_only_while_alive(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A count's gauge is zero for a day after its last event and then gone; what never happened is never zero."""
    sim = start(QUIET)
    sim.world.put(ACCOUNT, REGION, 'Bounce', START, 3)
    watching = watch(sim, collect=['cloudwatch'])
    shown: list[tuple[float, float | None]] = []
    for _ in range(54):
        gauges = watching.gauges_of_last_run()
        shown.append((clock() - START, gauges.get('bounce')))
        assert 'complaint' not in gauges
        clock.advance(1800)
    assert {value for age, value in shown if 1800 <= age < DAY - 1800} == {0.0}
    assert {value for age, value in shown if age > DAY} == {None}


def test_zeroed_shows_zero_from_the_start(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """With zeroed, event gauges without data are zero, but never a rate, and never without an answer."""
    sim = start(QUIET)
    fault = sim.faults.add(Fault('server_error', operation='GetMetricData'))
    watching = watch(sim, zeroed=True, **STEADY)
    assert 'send' not in watching.gauges_of_last_run()
    sim.faults.remove(fault)
    clock.advance(60)
    gauges = watching.gauges_of_last_run()
    assert {gauges[event.name] for event in SENDING} == {0.0}
    assert not {name for name in gauges if name.startswith('reputation.')}


def test_rates_are_held_for_a_day(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A reputation rate is held with a growing age, over a restart too, and is gone after 24 h: never zero."""
    sim = start(QUIET)
    at = int(START) // 60 * 60
    sim.world.put(ACCOUNT, REGION, 'Reputation.BounceRate', at, 0.07)
    sim.world.put(ACCOUNT, REGION, 'Reputation.ComplaintRate', at + 3600, 0.004)
    watching = watch(sim, collect=['cloudwatch'])
    seen = []
    for number in range(52):
        if number == 20:
            watching.restart()
        gauges = watching.gauges_of_last_run()
        seen.append((clock() - at, {name: gauges.get(f'reputation.{name}') for name in RATES}))
        clock.advance(1800)
    for age, shown in seen:
        if age < 3600:
            assert shown['bounce_rate'] == pytest.approx(7.0)
            assert shown['complaint_rate'] is None
            assert shown['pause_proximity'] == pytest.approx(70.0)
        elif age < DAY:
            assert (shown['bounce_rate'], shown['complaint_rate']) == (pytest.approx(7.0), pytest.approx(0.4))
            assert shown['pause_proximity'] == pytest.approx(80.0)
            assert shown['age'] == pytest.approx(age, abs=300)
        elif DAY + 600 < age < DAY + 3600:
            assert (shown['bounce_rate'], shown['complaint_rate']) == (None, pytest.approx(0.4))
        elif age > DAY + 4200:
            assert set(shown.values()) == {None}
    assert len([age for age, _ in seen if age > DAY]) > 2


RATES = ('bounce_rate', 'complaint_rate', 'pause_proximity', 'age')


def test_rates_of_the_last_day_are_found_at_the_start(
    watch: Watching, start: Callable[..., Simulator], clock: Clock
) -> None:
    """Reputation rates come with gaps of hours: a new instance shows one of 20 h ago at once, with its age."""
    sim = start(QUIET)
    at = int(START) // 300 * 300 - 20 * HOUR
    sim.world.put(ACCOUNT, REGION, 'Reputation.BounceRate', at, 0.02)
    gauges = watch(sim, collect=['cloudwatch']).gauges_of_last_run()
    assert gauges['reputation.bounce_rate'] == pytest.approx(2.0)
    assert gauges['reputation.age'] == START - at
    assert 'reputation.complaint_rate' not in gauges


@pytest.mark.parametrize('kind', ['server_error', 'denied', 'html', 'empty', 'reset', 'throttle'])
def test_failures_never_become_zero(watch: Watching, sim: Simulator, clock: Clock, kind: str) -> None:
    """While CloudWatch fails, what it said last is shown for a while, then nothing; never zero, and no count."""
    watching = watch(**STEADY)
    watching.through(900, 60)
    held = watching.gauges_of_last_run()
    sim.faults.add(Fault(kind, operation='GetMetricData'))
    counts = watching.total('send.count')
    clock.advance(300)
    gauges = watching.gauges_of_last_run()
    assert {name: gauges.get(name) for name in ('send', 'delivery')} == {
        name: held[name] for name in ('send', 'delivery')
    }
    for _ in range(6):
        clock.advance(300)
        gauges = watching.gauges_of_last_run()
        assert gauges.get('send') in (None, held['send'])
    assert 'send' not in gauges
    assert 'quota.send_rate' not in gauges
    assert gauges['reputation.bounce_rate'] == held['reputation.bounce_rate']
    assert watching.total('send.count') == counts


def test_unlimited_quota_has_no_percentage(watch: Watching, start: Callable[..., Simulator]) -> None:
    """An unlimited quota is -1 and has neither a rest nor a share; the send rate still has its share."""
    watching = watch(start('unlimited_quota'), **STEADY)
    watching.through(900, 300)
    gauges = watching.gauges_of_last_run()
    assert gauges['quota.max_24_hour'] == -1
    assert not {'quota.remaining_24_hour', 'quota.utilization'} & gauges.keys()
    assert gauges['quota.rate_utilization'] == pytest.approx(100 * gauges['quota.send_rate'] / 50)


def test_quota_gauges_agree(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """Used, remaining and share of the quota are of one answer, and the send rate is that of the settled period."""
    watching = watch(start('quota_nearly_used'), **STEADY)
    watching.through(900, 300)
    gauges = watching.gauges_of_last_run()
    assert gauges['quota.max_24_hour'] == 50_000
    assert gauges['quota.remaining_24_hour'] == 50_000 - gauges['quota.sent_24_hour']
    assert gauges['quota.utilization'] == pytest.approx(gauges['quota.sent_24_hour'] / 500)
    assert gauges['quota.send_rate'] == pytest.approx(gauges['send'] / 300)
    assert gauges['quota.rate_utilization'] == pytest.approx(100 * gauges['quota.send_rate'] / 14)


def test_thresholds_report_on_gauges(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """A threshold is its own service check: critical beyond it, OK within, UNKNOWN while the gauge has no value."""
    thresholds = [
        {'metric': 'quota.utilization', 'warning': '80', 'critical': '90'},
        {'metric': 'reputation.bounce_rate', 'warning': '5'},
        {'metric': 'send', 'warning': '1:'},
    ]
    watching = watch(start('quota_nearly_used'), thresholds=thresholds, collect=['account'])
    watching.run()
    found = {
        tag.partition(':')[2]: one.status
        for one in watching.aggregator.service_checks('amazon_ses.threshold')
        for tag in one.tags
        if tag.startswith('metric:')
    }
    assert found == {'quota.utilization': CRITICAL, 'reputation.bounce_rate': UNKNOWN, 'send': UNKNOWN}


# Regions and accounts beside each other.


def test_a_denied_region_leaves_the_other_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where one Region is refused, it is CRITICAL there, and the other has everything it would have alone."""
    alone = watch(account_id=ACCOUNT, region=REGION, ledger='alone', tags=['who:alone'], **STEADY)
    both = watch(account_id=ACCOUNT, regions=[REGION, OTHER], tags=['who:both'], **STEADY)
    sim.deny('*', region=OTHER)
    for _ in range(15):
        assert alone.run() == ''
        assert both.run() == ''
        clock.advance(60)
    assert both.status('can_connect', OTHER)[0] == CRITICAL
    assert both.status('can_connect', REGION) == (OK, '')
    for name in ('send.count', 'send', 'quota.utilization', 'reputation.bounce_rate', 'can_connect'):
        expected = alone.values(name, REGION, 'who:alone')
        assert expected
        assert both.values(name, REGION, 'who:both') == expected
        assert name == 'can_connect' or both.values(name, OTHER) == []


def test_a_hanging_region_leaves_the_other_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Where one Region hangs, the run ends at its deadline with the other's data, and leaves it out until it ends."""
    watching = watch(
        account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.5, read_timeout=1.5, min_collection_interval=1,
        **STEADY,
    )  # fmt: skip
    watching.through(900, 300)
    fault = sim.faults.add(Fault('hang', region=OTHER))
    counted = watching.total('send.count', OTHER)
    asked = sim.log.count(operation='GetAccount', region=OTHER)
    watching.fresh()
    # Two requests with two tries of 1.5 s each are more than the 2 s of the deadline.
    assert watching.run() == ''
    assert {name for name, tags in watching.fresh() if f'region:{REGION}' in tags} >= {'send', 'send.count'}
    level, message = watching.status('can_connect', OTHER)
    assert level == WARNING
    assert 'run: timeout: this Region did not answer within the run.' in message
    assert watching.status('can_connect', REGION) == (OK, '')

    # The worker still waits, so the Region is left out: two tries of that one worker are all that is asked.
    clock.advance(300)
    watching.run()
    assert watching.total('send.count', OTHER) == counted
    sim.faults.remove(fault)
    wait_for_workers()
    assert sim.log.count(operation='GetAccount', region=OTHER) == asked + 2
    clock.advance(300)
    assert watching.run() == ''
    assert watching.status('can_connect', OTHER) == (OK, '')
    assert watching.total('send.count', OTHER) > counted


def test_a_late_answer_is_thrown_away(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
    """An answer that comes after the run's deadline counts nothing; the next one counts it all, once."""
    sim = start(QUIET)
    minute = int(START) // 60 * 60
    for number in range(200):
        sim.world.put(ACCOUNT, OTHER, 'Send', minute + 60 * number, 1)
    watching = watch(
        sim, account_id=ACCOUNT, regions=[REGION, OTHER], connect_timeout=0.1, read_timeout=1.5,
        min_collection_interval=1, **STEADY,
    )  # fmt: skip
    watching.through(900, 300)
    # 1 s for each of two requests: GetAccount is answered in time, GetMetricData after the deadline of 1.6 s.
    fault = sim.faults.add(Fault('latency', region=OTHER, argument=1.0))
    counted, asked = watching.total('send.count', OTHER), sim.log.count(operation='GetMetricData', region=OTHER)
    assert watching.run() == ''
    wait_for_workers()
    assert sim.log.count(operation='GetMetricData', region=OTHER) == asked + 1
    sim.faults.remove(fault)
    assert watching.total('send.count', OTHER) == counted
    assert 'run: timeout' in watching.status('can_connect', OTHER)[1]
    clock.advance(300)
    watching.run()
    since = watching.last('collector.counting_since', OTHER)
    assert watching.total('send.count', OTHER) == watching.truth('Send', since, clock() + 60, OTHER)


def test_a_failing_source_leaves_the_others_alone(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """Each missing permission costs its own feature alone, and the message names its action."""
    lost = {
        'ses:GetAccount': {'account.enforcement_level', 'account.production_access'},
        'cloudwatch:GetMetricData': {'send', 'reputation.bounce_rate', 'quota.send_rate'},
        'ses:GetSendStatistics': {'send_statistics.bounces'},
        'cloudwatch:ListMetrics': set(),
    }
    everything = set().union(*lost.values()) | {'quota.max_24_hour', 'account.sending_enabled'}
    for number, (action, missing) in enumerate(lost.items()):
        sim.allow()
        sim.deny(action)
        watching = watch(ledger=f'number-{number}')
        watching.through(900, 60)
        watching.fresh()
        watching.run()
        submitted = names(watching.fresh())
        assert everything - submitted == missing, action
        level, message = watching.status('can_connect')
        assert level == WARNING
        assert f'Allow the IAM action {action};' in message
        watching.check.cancel()
        clock.advance(300)


# Options.

WRONG: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({'region': None}, ('`region`', 'exactly one of `region`', 'us-east-1')),
    ({'region': 'US East'}, ('`region`', "'US East'", 'us-east-1')),
    ({'regions': ['us-east-1', 'us-east-1'], 'region': None}, ('`regions`', 'each once')),
    ({'account_id': '12'}, ('`account_id`', "'12'", '12 digits')),
    ({'period': 90}, ('`period`', '90', 'multiple of 60')),
    ({'period': '5m'}, ('`period`', "'5m'", 'whole number of seconds')),
    ({'timeframe': -1}, ('`timeframe`', '-1', 'from 60')),
    ({'settle_delay': 1.5}, ('`settle_delay`', '1.5', 'whole number')),
    ({'backfill_limit': True}, ('`backfill_limit`', 'True', 'whole number')),
    ({'read_timeout': 0}, ('`read_timeout`', '0', 'from 0.1 to 60')),
    ({'collect': ['acount']}, ('`collect`', "'acount'", 'account, cloudwatch')),
    ({'statistic': 'p99'}, ('`statistic`', "'p99'", 'average')),
    ({'statistics': 'sum'}, ('`statistics`', "'sum'", 'list')),
    ({'endpoint_url': 'localhost:4566'}, ('`endpoint_url`', "'localhost:4566'", 'http://')),
    ({'endpoint_url': {'s3': 'http://x'}}, ('`endpoint_url`', 's3', 'cloudwatch, ses, sesv2, sts')),
    ({'role_arn': 'reader'}, ('`role_arn`', "'reader'", 'arn:aws:iam::')),
    ({'external_id': 'an-external-id'}, ('`external_id`', '`role_arn`')),
    ({'aws_secret_access_key': None}, ('`aws_access_key_id`', '`aws_secret_access_key`')),
    ({'aws_profile': 'mail'}, ('`aws_profile`', '`aws_access_key_id`')),
    ({'dimensions': {'a': 'b'}}, ('`dimensions`', 'a list of maps')),
    ({'dimensions': [{'a': 'b', 'metrics': ['send']}]}, ('`dimensions`', "'send'", 'Send')),
    ({'thresholds': [{'metric': 'bounce_rate', 'warning': '5'}]}, ('`thresholds`', 'bounce_rate', 'reputation.')),
    ({'thresholds': [{'metric': 'send', 'warning': 'high'}]}, ('`thresholds`', "'high'", '10:20')),
    ({'ledger': 'a b'}, ('`ledger`', "'a b'", 'letters, digits')),
    ({'tags': 'team:mail'}, ('`tags`', "'team:mail'", 'list')),
    ({'zeroed': 'maybe'}, ('`zeroed`', "'maybe'", 'true')),
    ({'use_fips': True, 'region': 'eu-west-1'}, ('`use_fips`', 'eu-west-1', 'us-east-1')),
]


@pytest.mark.parametrize(('options', 'words'), WRONG, ids=[', '.join(map(str, one)) for one, _ in WRONG])
def test_wrong_options_are_refused(
    watch: Watching, sim: Simulator, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A wrong value is an error that names option, value and accepted form, before AWS is asked anything."""
    report = watch(**options).run()
    for word in words:
        assert word in report
    assert len(sim.log) == 0
    assert SECRET not in report


def test_unknown_options_are_told_with_the_nearest_name(watch: Watching, sim: Simulator) -> None:
    """An option that nobody reads is a warning with the nearest name; keys that the Agent adds are none."""
    watching = watch(
        **{
            'setle_delay': 5,
            'colour': 'blue',
            'name': 'mail',
            'provider': 'file',
            'cluster_check': True,
            'min_collection_interval': 60,
            'empty_default_hostname': True,
            'service': 'mail',
            'loader': 'python',
            '_internal': 1,
            **STEADY,
        }
    )
    assert watching.run() == ''
    assert [one for one in watching.check.get_warnings() if one.startswith('Option ')] == [
        'Option `setle_delay` is not known and has no effect; did you mean `settle_delay`?',
        'Option `colour` is not known and has no effect',
    ]


def test_options_that_are_null_count_as_not_given(watch: Watching, sim: Simulator) -> None:
    """An option without a value in YAML is an option that is not given."""
    watching = watch(**STEADY)
    watching.instance |= {'period': None, 'tags': None, 'role_arn': None, 'dimensions': None, 'account_id': None}
    watching.check.cancel()
    watching.check = AmazonSesCheck('amazon_ses', {}, [watching.instance])
    watching.check.clock = watching.clock
    assert watching.run() == ''


# Who counts.


def test_a_second_instance_is_refused(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """A second live instance for the same account and Region is an error that names the first and the ways out."""
    first = watch(name='the-first', **STEADY)
    second = watch(regions=[OTHER, REGION], **STEADY)
    assert first.run() == ''
    report = second.run()
    for word in ('`region`', ACCOUNT, REGION, 'the-first', '`ledger`'):
        assert word in report
    assert first.run() == ''
    first.check.cancel()
    assert second.run() == ''
    assert f'in {REGION} is counted already' in first.run()


def test_a_named_configuration_set_counts_beside_the_listed_one(
    watch: Watching, start: Callable[..., Simulator], clock: Clock
) -> None:
    """A configuration set that is named in `dimensions` and found by listing as well is counted in both families."""
    watching = watch(start('configuration_sets'), dimensions=[SET])
    watching.through(HOUR, 60)
    since = watching.last('collector.counting_since')
    least = watching.truth('Send', since, clock() - 600, dimensions=SET)
    most = watching.truth('Send', since, clock(), dimensions=SET)
    assert least <= watching.total('dimension.send.count') <= most
    assert least <= watching.total('configuration_set.send.count', REGION, 'configuration_set:set-00000') <= most


def test_a_ledger_name_counts_separately(watch: Watching, sim: Simulator, clock: Clock) -> None:
    """An instance with a ledger name of its own counts beside the first, each everything, each in its own state."""
    first = watch(tags=['who:first'], collect=['cloudwatch'])
    second = watch(tags=['who:second'], ledger='second', collect=['cloudwatch'])
    for number in range(20):
        assert first.run() == ''
        assert second.run() == ''
        if number == 10:
            first.restart()
            second.restart()
        clock.advance(300)
    handed = [first.total('send.count', REGION, f'who:{who}') for who in ('first', 'second')]
    assert handed[0] == handed[1] > 0
    since = first.last('collector.counting_since')
    assert handed[0] <= first.truth('Send', since)


def test_high_availability_is_declared() -> None:
    """The Agent may run this check on one of several Agents in turn."""
    assert AmazonSesCheck.HA_SUPPORTED is True


# Secrets and addresses.


def test_secrets_and_addresses_stay_inside(
    watch: Watching, sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, caplog: Any
) -> None:
    """Neither logs at DEBUG nor metrics, messages, events or the state hold a key, token, external id or address."""
    caplog.set_level(logging.DEBUG)
    token, external, address = 'planted-session-token-0123456789', 'planted-external-id', 'jane.doe@mail.example'
    roles = [f'arn:aws:iam::{ACCOUNT}:role/first', f'arn:aws:iam::{ACCOUNT}:role/reader']
    sim.accounts.declare_role(roles[0], external_id=external)
    sim.accounts.add(KEY, ACCOUNT, user=address)
    watching = watch(
        aws_session_token=token,
        role_arn=roles,
        external_id=external,
        dimensions=[{'identity': address}],
        thresholds=[{'metric': 'dimension.send', 'warning': '@0:', 'tags': ['identity:mail.example']}],
    )
    sim.world.put(ACCOUNT, REGION, 'Send', START + 60, 7, dimensions={'identity': address})
    opened: list[Any] = []
    for number, kind in enumerate((None, None, 'denied', 'throttle', 'expired_token', 'html', 'truncate', 'reset')):
        sim.faults.clear()
        if kind:
            sim.faults.add(Fault(kind))
        if number == 5:
            watching.restart()
        watching.run()
        opened += watching.check.get_warnings()
        clock.advance(300)
    watching.restart(external_id='another-planted-id')
    report = watching.run()
    assert report
    told = '\n'.join(
        [
            caplog.text,
            report,
            *map(str, opened),
            *(str(one) for name in aggregator.metric_names for one in aggregator.metrics(name)),
            *(str(one) for name in ('can_connect', 'sending_status', 'threshold')
              for one in aggregator.service_checks(PREFIX + name)),
            *map(str, aggregator.events),
            *(f'{key} {value}' for key, value in datadog_agent._cache.items()),
        ]
    )  # fmt: skip
    keys = {one.access_key for one in sim.log if one.access_key}
    assert len(keys) > 1
    for secret in (SECRET, token, external, 'another-planted-id', *keys):
        assert secret not in told, secret
    assert address not in told
    assert 'jane.doe' not in told
    assert 'identity:mail.example' in told
    assert 'Counts of' not in told
