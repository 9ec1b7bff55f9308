"""Failure events from queues, over HTTP: what is received is saved, submitted, and only then deleted."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from common import (
    ACCOUNT,
    KEY,
    OTHER,
    PREFIX,
    REGION,
    SECRET,
    Driver,
    MakeDriver,
    StartSimulator,
    instance_of,
    replace_attribute,
    wait_for_workers,
)
from processes import MINUTE, QUIET, every_minute, host
from slow import slow_aws

from datadog_checks.amazon_ses import run as run_module
from datadog_checks.amazon_ses.events.envelopes import Kind
from datadog_checks.amazon_ses.events.queues import WORKERS
from datadog_checks.amazon_ses.state.store import Store
from datadog_checks.amazon_ses.submission import Submission
from datadog_checks.dev.utils import get_metadata_metrics
from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator import mail_events as events
from simulator.queues import Queue

ROOT = Path(__file__).resolve().parents[2]
NAME = 'datadog-ses-events'
DEAD = 'datadog-ses-events-dead'
DAY = 86400
JUDGED = 'event.bounce.judged.count'
PLANTED = ('ann@gmail.com', 'shop.example', 'Your order', 'user unknown', 'ExampleCorp')

pytestmark = pytest.mark.usefixtures('no_waiting')


@pytest.fixture
def aws(start: StartSimulator) -> Simulator:
    """An AWS in which no mail is sent."""
    return start(QUIET)


@pytest.fixture
def queue(aws: Simulator) -> Queue:
    return aws.queues.create(NAME, ACCOUNT)


def options(aws: Simulator, queue: Queue, **more: Any) -> dict[str, Any]:
    return {'collect': ['account'], 'event_queues': [{'url': aws.queue_url(queue)}], 'account_id': ACCOUNT, **more}


@pytest.fixture
def driver(aws: Simulator, queue: Queue, make_driver: MakeDriver) -> Driver:
    return make_driver(aws, **options(aws, queue))


def put(aws: Simulator, queue: Queue, number: int = 1, **more: Any) -> list[str]:
    bodies = [events.sns(events.bounce()) for _ in range(number)]
    for body in bodies:
        aws.queues.put(queue, body, **more)
    return bodies


def minutes(driver: Driver, number: int) -> None:
    driver.run_for(number * MINUTE, MINUTE)


def test_events_are_counted_and_deleted(driver: Driver, aws: Simulator, queue: Queue) -> None:
    """Each event of a queue is counted with its tags and deleted, and the queue is empty afterwards."""
    put(aws, queue, 23, age=30)
    aws.queues.put(queue, events.raw(events.delivery(seconds=4.0)))
    minutes(driver, 2)
    assert driver.total('event.bounce.count', REGION, 'bounce_type:permanent', 'configuration_set:receipts') == 23
    assert driver.total('event.provider.count', REGION, 'provider:gmail', 'reason:no_mailbox') == 23
    (bucket,) = driver.aggregator.histogram_bucket(f'{PREFIX}event.delivery_time')
    assert (bucket.value, bucket.lower_bound, bucket.upper_bound) == (1, 3.0, 5.0)
    assert not bucket.monotonic and {'configuration_set:receipts', f'region:{REGION}'} <= set(bucket.tags)
    assert driver.values('event.queue_lag') == [30.0, 0.0]
    assert driver.values('event.messages_left') == [0.0, 0.0]
    assert (queue.deleted, len(queue.messages)) == (24, 0)
    assert driver.status('can_connect') == (0, '')


class Crash(Exception):
    """The process ends."""


def raise_crash(*_: Any, **__: Any) -> Any:
    raise Crash


@pytest.mark.parametrize(
    ('place', 'name', 'counted'),
    [
        (run_module.intake, 'after_receiving', 23),
        (Store, 'save', 23),
        (Submission, 'submit', 0),
        (Store, 'submitted', 23),
        (run_module.queues, 'delete_tasks', 23),
    ],
    ids=['taking in', 'saving', 'submitting', 'recording', 'deleting'],
)
def test_a_crash_loses_one_run_and_doubles_nothing(
    driver: Driver, aws: Simulator, queue: Queue, place: Any, name: str, counted: int
) -> None:
    """Wherever the process ends, an event is counted once, or lost where it was saved and not yet submitted."""
    put(aws, queue, 23)
    with replace_attribute(place, name, raise_crash):
        driver.run()
    driver.restart()
    clock = driver.clock
    assert isinstance(clock, Clock)
    for _ in range(6):
        clock.advance(MINUTE)
        driver.run()
    assert driver.total(JUDGED) == counted
    assert len(queue.messages) == 0
    minutes(driver, 2)
    put(aws, queue, 2)
    minutes(driver, 2)
    assert driver.total(JUDGED) == counted + 2


def test_duplicates_are_counted_as_such(driver: Driver, aws: Simulator, queue: Queue) -> None:
    """What SNS or SQS delivers twice, also after a restart, counts once and is shown as a duplicate."""
    (body,) = put(aws, queue, copies=3)
    minutes(driver, 1)
    driver.restart()
    aws.queues.put(queue, body)
    minutes(driver, 2)
    assert driver.total(JUDGED) == 1
    assert driver.total('event.duplicates', REGION, f'queue:{NAME}') == 3
    assert len(queue.messages) == 0


def test_poison_goes_to_the_dead_letter_queue(aws: Simulator, make_driver: MakeDriver) -> None:
    """An unreadable message is left in the queue until SQS moves it, is counted once, and costs no other message."""
    dead = aws.queues.create(DEAD, ACCOUNT)
    queue = aws.queues.create(NAME, ACCOUNT, redrive=(DEAD, 4))
    driver = make_driver(aws, **options(aws, queue))
    aws.queues.put(queue, 'poison')
    put(aws, queue, 2)
    minutes(driver, 20)
    assert driver.total(JUDGED) == 2
    assert driver.total('event.unreadable', REGION, 'reason:not_json') == 1
    assert driver.values('event.unreadable_deleted') == []
    assert [message.body for message in dead.messages.values()] == ['poison']
    assert len(queue.messages) == 0


def test_poison_without_a_dead_letter_queue_is_deleted(driver: Driver, aws: Simulator, queue: Queue) -> None:
    """Without a dead-letter queue an unreadable message is deleted at its third receipt, and that is counted."""
    aws.queues.put(queue, 'poison')
    minutes(driver, 4)
    assert len(queue.messages) == 1
    minutes(driver, 15)
    assert len(queue.messages) == 0
    assert driver.total('event.unreadable') == driver.total('event.unreadable_deleted') == 1


def test_where_attributes_are_denied_poison_is_left(driver: Driver, aws: Simulator, queue: Queue) -> None:
    """Without the permission for the attributes nobody knows of a dead-letter queue: events count, poison stays."""
    aws.deny('sqs:GetQueueAttributes')
    aws.queues.put(queue, 'poison')
    put(aws, queue, 2)
    minutes(driver, 20)
    assert driver.total(JUDGED) == 2
    assert len(queue.messages) == 1
    assert driver.values('event.messages_left') == []
    level, message = driver.status('can_connect')
    assert level == 1 and 'Allow the IAM action sqs:GetQueueAttributes' in message


@pytest.mark.parametrize('action', ['sqs:ReceiveMessage', 'sqs:DeleteMessage'])
def test_a_denied_action_is_named(driver: Driver, aws: Simulator, queue: Queue, action: str) -> None:
    """A missing permission costs the events alone; the message names the action, and nothing is counted twice."""
    denial = aws.deny(action)
    put(aws, queue, 3)
    minutes(driver, 12)
    assert driver.total(JUDGED) == (3 if action == 'sqs:DeleteMessage' else 0)
    level, message = driver.status('can_connect')
    assert level == 1 and f'Allow the IAM action {action}' in message
    assert driver.last('account.sending_enabled') == 1
    aws.allow(denial)
    minutes(driver, 5)
    assert driver.total(JUDGED) == 3
    assert len(queue.messages) == 0
    assert driver.status('can_connect') == (0, '')


def test_a_queue_that_does_not_exist_is_named(aws: Simulator, make_driver: MakeDriver) -> None:
    """A wrong URL is a warning with the name of the queue and the option, and no other queue suffers."""
    queue = aws.queues.create(NAME, ACCOUNT)
    urls = [aws.queue_url(queue), aws.queue_url(queue).replace(NAME, 'datadog-ses-typo')]
    driver = make_driver(aws, collect=['account'], event_queues=[{'url': url} for url in urls])
    put(aws, queue, 2)
    minutes(driver, 2)
    level, message = driver.status('can_connect')
    assert level == 1 and 'datadog-ses-typo does not exist' in message and 'event_queues' in message
    assert driver.total(JUDGED) == 2


def test_queues_of_two_regions_are_apart(aws: Simulator, make_driver: MakeDriver) -> None:
    """Events are tagged with the Region of their queue, and each queue is asked in its own Region."""
    places = [aws.queues.create(NAME, ACCOUNT, region) for region in (REGION, OTHER)]
    for number, queue in enumerate(places, 1):
        put(aws, queue, number)
    urls = [{'url': aws.queue_url(queue)} for queue in places]
    driver = make_driver(aws, collect=['account'], regions=[REGION, OTHER], event_queues=urls)
    minutes(driver, 2)
    assert (driver.total(JUDGED), driver.total(JUDGED, OTHER)) == (1, 2)
    asked = {(call.region, call.params['QueueUrl']) for call in aws.log if call.service == 'sqs'}
    assert asked == {(queue.region, aws.queue_url(queue)) for queue in places}


def test_a_state_that_cannot_be_saved_counts_nothing(
    driver: Driver, aws: Simulator, queue: Queue, datadog_agent: Any
) -> None:
    """While the state cannot be written no event is counted or deleted; later each counts once."""
    minutes(driver, 1)
    put(aws, queue, 5)

    def refuse(*_: Any) -> None:
        raise OSError('disk full')

    with replace_attribute(datadog_agent, 'write_persistent_cache', refuse):
        minutes(driver, 3)
    assert driver.total(JUDGED) == 0
    assert len(queue.messages) == 5
    minutes(driver, 5)
    assert driver.total(JUDGED) == 5
    assert len(queue.messages) == 0


def test_a_faulty_sqs_costs_nothing(driver: Driver, aws: Simulator, queue: Queue) -> None:
    """Throttled, broken and cut answers of SQS delay events and double none."""
    for kind in ('throttle', 'html', 'truncate', 'reset', 'expired_token'):
        put(aws, queue, 15)
        aws.faults.add(Fault(kind, service='sqs', probability=0.5))
        for _ in range(3):
            driver.run()
            driver.clock.advance(MINUTE)
        aws.faults.clear()
    for _ in range(6):
        driver.run()
        driver.clock.advance(MINUTE)
    assert driver.total(JUDGED) == 75
    assert len(queue.messages) == 0


def test_runs_that_do_not_count_receive_nothing() -> None:
    """The first run of a process, checks by hand and `agent check` between two runs receive nothing from a queue."""
    with host(60) as machine:
        sim = machine.sim
        queue = sim.queues.create(NAME, ACCOUNT)
        machine.options = {'regions': [REGION], 'event_queues': [{'url': sim.queue_url(queue)}]}
        run = machine.process()
        put(sim, queue, 4)
        run()
        machine.by_hand(runs=2)
        assert [call for call in sim.log if call.service == 'sqs'] == []
        machine.clock.advance(MINUTE)
        every_minute(machine, run, 2)
        driver = machine.drivers[0]
        put(sim, queue, 3)
        before = sim.log.count(operation='ReceiveMessage')
        assert any('by hand' in warning for warning in machine.by_hand(runs=3))
        assert sim.log.count(operation='ReceiveMessage') == before
        assert len(queue.messages) == 3
        every_minute(machine, run, 3)
        assert driver.total(JUDGED) == 7
        assert len(queue.messages) == 0


def test_without_an_account_nothing_is_received(aws: Simulator, queue: Queue, make_driver: MakeDriver) -> None:
    """While the account is not known nothing is counted, so nothing is received either."""
    aws.faults.add(Fault('denied', operation='GetCallerIdentity'))
    driver = make_driver(aws, **options(aws, queue, account_id=None))
    put(aws, queue, 2)
    for _ in range(3):
        driver.run()
        driver.clock.advance(MINUTE)
    assert aws.log.count(service='sqs') == 0
    aws.faults.clear()
    minutes(driver, 3)
    assert driver.total(JUDGED) == 2


def test_a_run_does_not_wait_for_a_queue(aws: Simulator, queue: Queue, make_driver: MakeDriver) -> None:
    """An Agent's run ends while its queue is still read; the next run submits what came, and deletes it."""
    driver = make_driver(aws, **options(aws, queue))
    put(aws, queue, 12)
    with replace_attribute(type(driver.check.pace), 'passes_at_once', False):
        driver.run()
        assert driver.total(JUDGED) == 0
        wait_for_workers()
        driver.clock.advance(MINUTE)
        driver.run()
        wait_for_workers()
        assert driver.total(JUDGED) == 12
        assert len(queue.messages) == 0


def test_a_queue_that_hangs_holds_no_run(aws: Simulator, queue: Queue, make_driver: MakeDriver) -> None:
    """While SQS does not answer, runs go on, and no more requests pile up; what it answers in the end counts once."""
    driver = make_driver(aws, **options(aws, queue))
    put(aws, queue, 12)
    with slow_aws(aws) as slow, replace_attribute(type(driver.check.pace), 'passes_at_once', False):
        hold = slow.hold('ReceiveMessage')
        for _ in range(3):
            assert driver.run() == ''
            driver.clock.advance(MINUTE)
        hold.wait_for(WORKERS)
        assert aws.log.count(operation='GetAccount') == 3
        assert hold.number == WORKERS
        hold.release()
        wait_for_workers()
        for _ in range(2):
            assert driver.run() == ''
            wait_for_workers()
            driver.clock.advance(MINUTE)
        assert driver.total(JUDGED) == 12
        assert len(queue.messages) == 0


def test_no_address_leaves_the_check(
    aws: Simulator, queue: Queue, make_driver: MakeDriver, aggregator: Any, datadog_agent: Any, caplog: Any
) -> None:
    """Neither metrics, logs of events, the Agent's log at DEBUG nor the saved state hold anything of a message."""
    caplog.set_level(logging.DEBUG)
    driver = make_driver(aws, **options(aws, queue, event_logs=True))
    for new_event in events.EVERY_KIND:
        for envelope in events.ENVELOPES:
            aws.queues.put(queue, envelope(new_event()))
    aws.queues.put(queue, 'poison of ann@gmail.com')
    minutes(driver, 3)
    logs = datadog_agent._sent_logs[driver.check.check_id]
    assert {log['event'] for log in logs} == {str(kind) for kind in Kind}
    metrics = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    buckets = aggregator.histogram_bucket(f'{PREFIX}event.delivery_time')
    cached = [f'{key} {text}' for key, text in datadog_agent._cache.items()]
    shown = [json.dumps({**log, 'from_domain': ''}) for log in logs]
    output = '\n'.join(map(str, (*metrics, *buckets, *cached, *shown, caplog.text, *driver.check.get_warnings())))
    for text in (*PLANTED, KEY, SECRET):
        assert text not in output, text
    assert {'amazon_ses.event.bounce.count', 'amazon_ses.event.unreadable'} <= set(aggregator.metric_names)


def test_events_add_up_to_what_cloudwatch_counts(start: StartSimulator, make_driver: MakeDriver) -> None:
    """During a storm of bounces the events of a queue add up to CloudWatch's counts of the configuration sets that
    publish to it, and the bounces that AWS judges to those that it judges by; they say which providers refuse, and why.
    """
    sim = start(replace(SCENARIOS['bounce_storm'], volume=600.0))
    queue = sim.queues.create(NAME, ACCOUNT)
    driver = make_driver(sim, **options(sim, queue))
    clock = driver.clock
    clock.advance(4 * 3600)
    begun = clock() // MINUTE * MINUTE
    for _ in range(10):
        clock.advance(MINUTE)
        sim.publish(queue, clock() - MINUTE, clock())
        driver.run()
    driver.run()
    ended = clock() // MINUTE * MINUTE
    assert len(queue.messages) == 0
    for metric, name in (
        ('Bounce', 'bounce'),
        ('Complaint', 'complaint'),
        ('DeliveryDelay', 'delivery_delay'),
        ('Reject', 'reject'),
        ('RenderingFailure', 'rendering_failure'),
    ):
        in_cloudwatch = sum(
            driver.cloudwatch_sum(metric, begun, ended, dimensions={'ses:configuration-set': name})
            for name in ('receipts', 'alerts', 'newsletter')
        )
        assert driver.total(f'event.{name}.count') == in_cloudwatch, metric
    bounces = driver.total('event.bounce.count')
    suppressed = driver.total('event.bounce.count', REGION, 'bounce_sub_type:on_account_suppression_list')
    transient = driver.total('event.bounce.count', REGION, 'bounce_type:transient')
    assert driver.total(JUDGED) == bounces - suppressed - transient > 100
    of_bounces = 'event:bounce'
    assert driver.total('event.provider.count', REGION, of_bounces) == bounces
    assert driver.total('event.provider.count', REGION, of_bounces, 'reason:other') == 0
    assert driver.total('event.provider.count', REGION, of_bounces, 'reason:blocklisted') > 0
    assert driver.total('event.provider.count', REGION, of_bounces, 'provider:gmail') > 0


def test_every_declared_metric_of_queues_comes(driver: Driver, aws: Simulator, queue: Queue, aggregator: Any) -> None:
    """Each metric of metadata.csv that comes from queues is submitted with its type and its tags."""
    driver = Driver(aws, driver.clock, aggregator, {**driver.instance, 'collect': ['account', 'send_statistics']})
    aws.world.put(ACCOUNT, REGION, 'Send', driver.clock() + DAY - 600, 500)
    driver.run()
    for new_event in events.EVERY_KIND:
        aws.queues.put(queue, events.sns(new_event()), copies=2)
    aws.queues.put(queue, 'poison')
    aws.queues.put(queue, events.raw({'eventType': 'Send', 'mail': {}}))
    driver.clock.advance(MINUTE)
    minutes(driver, 8)
    driver.clock.advance(DAY)
    minutes(driver, 2)
    declared = {name: row for name, row in get_metadata_metrics().items() if name.startswith(f'{PREFIX}event.')}
    buckets = aggregator.histogram_bucket(f'{PREFIX}event.delivery_time')
    submitted = {name: aggregator.metrics(name) for name in aggregator.metric_names if name in declared}
    submitted[f'{PREFIX}event.delivery_time'] = buckets
    assert submitted.keys() == declared.keys()
    types = {'gauge': aggregator.GAUGE, 'count': aggregator.COUNT}
    for name, samples in submitted.items():
        if samples is not buckets:
            assert {sample.type for sample in samples} == {types[declared[name]['metric_type']]}
        own = {tag.partition(':')[0] for tag in samples[0].tags} - {'aws_account', 'region'}
        assert own == set(filter(None, declared[name]['sample_tags'].split(','))), name


def test_logs_are_off_by_default(driver: Driver, aws: Simulator, queue: Queue, datadog_agent: Any) -> None:
    """Without `event_logs` no log is sent."""
    put(aws, queue, 2)
    minutes(driver, 2)
    assert dict(datadog_agent._sent_logs) == {}


URL = 'https://sqs.us-east-1.amazonaws.com/123456789012/datadog-ses-events'


@pytest.mark.parametrize(
    ('value', 'words'),
    [
        ('x', 'a list of maps'),
        ([7], 'a list of maps'),
        ([{'url': URL, 'queue': 'x'}], 'a list of maps'),
        ([{}], 'the URL of a standard queue'),
        ([{'url': 'arn:aws:sqs:us-east-1:123456789012:x'}], 'the URL of a standard queue'),
        ([{'url': URL + '.fifo'}], 'the URL of a standard queue'),
        ([{'url': 'https://me:planted-password@host/123456789012/q'}], 'the URL of a standard queue'),
        ([{'url': URL, 'region': 'nowhere'}], 'one of the Regions of this instance: us-east-1'),
        ([{'url': URL.replace('us-east-1', 'eu-west-1')}], 'one of the Regions of this instance: us-east-1'),
        ([{'url': URL, 'other_accounts': 'tag'}], 'count or ignore'),
        ([{'url': URL}] * 2, 'each queue once'),
        ([{'url': f'{URL}-{number}'} for number in range(5)], 'at most 4 in each Region'),
    ],
)
def test_a_wrong_queue_is_refused(make_driver: MakeDriver, value: Any, words: str) -> None:
    """A wrong entry is an error with the name of the option and the accepted form, and without secrets."""
    report = make_driver(event_queues=value).run()
    assert 'Option `event_queues`' in report and words in report
    assert 'planted-password' not in report


def test_the_region_of_a_queue(make_driver: MakeDriver, sim: Simulator) -> None:
    """The Region is that of the option, of the URL, or the only one of the instance; else it has to be named."""
    local = 'http://127.0.0.1:9/123456789012/q'
    for url, region, regions, expected in (
        (URL, None, [REGION, OTHER], REGION),
        ('https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q', None, [REGION, OTHER], OTHER),
        ('https://eu-west-1.queue.amazonaws.com/123456789012/q', None, [REGION, OTHER], OTHER),
        ('https://sqs-fips.us-east-1.amazonaws.com/123456789012/q', None, [REGION, OTHER], REGION),
        (local, OTHER, [REGION, OTHER], OTHER),
        (local, None, [REGION], REGION),
        (local, 'ap-south-1', 'all', 'ap-south-1'),
    ):
        driver = make_driver(event_queues=[{'url': url, **({'region': region} if region else {})}], regions=regions)
        driver.check._configure()
        assert [queue.region for queue in driver.check.settings.events.queues] == [expected]
    assert 'names no Region' in make_driver(event_queues=[{'url': local}], regions=[REGION, OTHER]).run()


@pytest.mark.parametrize('ends', [False, True])
def test_each_request_to_a_queue_is_counted_once(driver: Driver, aws: Simulator, queue: Queue, ends: bool) -> None:
    """Requests that delete messages are counted once: in the next run, or in the same one where the process ends with
    it. So no request is missing where a process ends."""
    driver.check.waits_for_requests = ends
    put(aws, queue, 3)
    minutes(driver, 1)
    after_first = driver.total('collector.api_calls', REGION, 'operation:DeleteMessageBatch')
    assert after_first == (1 if ends else 0)
    minutes(driver, 2)
    sent = sum(request.operation == 'DeleteMessageBatch' for request in aws.log)
    assert driver.total('collector.api_calls', REGION, 'operation:DeleteMessageBatch') == sent == 1


def test_standalone_receives_only_when_asked(tmp_path: Path) -> None:
    """Without an Agent a queue is read only with a state and `--receive-events`, and then in one run."""
    config, state = tmp_path / 'conf.yaml', tmp_path / 'ses.state'
    with Simulator(QUIET) as sim:
        queue = sim.queues.create(NAME, ACCOUNT)
        instance = instance_of(sim, **options(sim, queue))
        config.write_text(yaml.safe_dump({'init_config': {}, 'instances': [instance]}), encoding='utf-8')
        put(sim, queue, 12)
        sim.queues.put(queue, events.raw(events.delivery(seconds=4.0)))

        def check(*arguments: str) -> tuple[int, str]:
            command = [sys.executable, '-m', 'standalone', 'check', '--config', str(config), *arguments]
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
            return result.returncode, result.stdout + result.stderr

        code, output = check('--receive-events')
        assert code == 2 and '--receive-events needs --state' in output
        for arguments in ((), ('--state', str(state))):
            code, output = check(*arguments, '--format', 'json')
            assert code == 0 and sim.log.count(service='sqs') == 0
        code, output = check('--state', str(state), '--receive-events', '--format', 'openmetrics')
        assert code == 0
        assert 'amazon_ses_event_bounce_judged_count_total{' in output
        assert 'upper_bound="5"' in output
        assert (queue.deleted, len(queue.messages)) == (13, 0)
