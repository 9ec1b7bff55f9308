"""The wire of SQS, proven by a server that others wrote: SNS publishes to a queue of moto, and the check reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import Session
from common import ACCOUNT, KEY, REGION, SECRET, MakeDriver, StartSimulator
from processes import MINUTE, QUIET

from simulator import mail_events as events

moto = pytest.importorskip('moto.server')

pytestmark = pytest.mark.usefixtures('no_waiting')

NAME = 'datadog-ses-events'
JUDGED = 'event.bounce.judged.count'


@pytest.fixture
def server() -> Iterator[str]:
    running = moto.ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f'http://{host}:{port}'
    running.stop()


def client(service: str, server: str) -> Any:
    keys = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
    return Session().create_client(service, region_name=REGION, endpoint_url=server, **keys)


def test_another_server_agrees(start: StartSimulator, make_driver: MakeDriver, server: str) -> None:
    """What SNS publishes to a queue, wrapped and raw, is received, counted by its recipients, and deleted; duplicates
    are known, and what is left says so."""
    sqs, sns = client('sqs', server), client('sns', server)
    url = sqs.create_queue(QueueName=NAME)['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
    topics = [sns.create_topic(Name=name)['TopicArn'] for name in ('wrapped', 'raw')]
    for topic, is_raw in zip(topics, ('false', 'true'), strict=True):
        options = {'RawMessageDelivery': is_raw}
        sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes=options)
    for _ in range(13):
        sns.publish(TopicArn=topics[0], Message=events.raw(events.bounce()))
    twice = events.raw(events.bounce('a@gmail.com', 'b@web.de'))
    for topic in topics:
        sns.publish(TopicArn=topic, Message=twice)
    sim = start(QUIET)
    urls = dict.fromkeys(('cloudwatch', 'ses', 'sesv2', 'sts'), sim.endpoint_url)
    driver = make_driver(
        sim,
        collect=['account'],
        account_id=ACCOUNT,
        endpoint_url={**urls, 'sqs': server},
        event_queues=[{'url': url, 'region': REGION}],
    )
    driver.run_for(2 * MINUTE, MINUTE)
    assert driver.status('can_connect') == (0, '')
    assert driver.total(JUDGED) == 15
    assert driver.total('event.duplicates') == 1
    assert driver.last('event.messages_left') == 0
    names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)['Attributes']
    assert [attributes[name] for name in names] == ['0', '0']


def test_another_server_knows_no_such_queue(start: StartSimulator, make_driver: MakeDriver, server: str) -> None:
    """A queue that does not exist is named, whoever answers."""
    sim = start(QUIET)
    urls = dict.fromkeys(('cloudwatch', 'ses', 'sesv2', 'sts'), sim.endpoint_url)
    url = f'{server}/{ACCOUNT}/{NAME}-typo'
    driver = make_driver(
        sim, collect=['account'], account_id=ACCOUNT, endpoint_url={**urls, 'sqs': server}, event_queues=[{'url': url}]
    )
    driver.run_for(2 * MINUTE, MINUTE)
    level, message = driver.status('can_connect')
    assert level == 1 and f'{NAME}-typo does not exist' in message
