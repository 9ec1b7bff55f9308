"""Queues of the simulator, as a client of SQS sees them."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from aws_clients import ACCOUNT, client
from botocore.exceptions import ClientError

from simulator import Simulator
from simulator.queues import Queue

NAME = 'datadog-ses-events'


@pytest.fixture
def queue(sim: Simulator) -> Queue:
    return sim.queues.create(NAME, ACCOUNT)


def receive(sim: Simulator, queue: Queue, **options: Any) -> list[dict[str, Any]]:
    parameters = {'MaxNumberOfMessages': 10, 'VisibilityTimeout': 120, 'AttributeNames': ['All'], **options}
    answer = client(sim, 'sqs').receive_message(QueueUrl=sim.queue_url(queue), **parameters)
    messages: list[dict[str, Any]] = answer.get('Messages', [])
    return messages


def attributes(sim: Simulator, queue: Queue) -> dict[str, str]:
    answer = client(sim, 'sqs').get_queue_attributes(QueueUrl=sim.queue_url(queue), AttributeNames=['All'])
    shown: dict[str, str] = answer['Attributes']
    return shown


def test_a_message_is_invisible_until_its_time(sim, clock, queue):
    """What one client received no other sees for its visibility; then it comes again, with another receipt."""
    sim.queues.put(queue, 'body', age=5)
    (message,) = receive(sim, queue)
    assert message['Body'] == 'body'
    assert message['Attributes']['SentTimestamp'] == str(int(1000 * (clock() - 5)))
    assert receive(sim, queue) == []
    assert attributes(sim, queue)['ApproximateNumberOfMessagesNotVisible'] == '1'
    clock.advance(120)
    (again,) = receive(sim, queue)
    assert again['Attributes']['ApproximateReceiveCount'] == '2'
    assert again['ReceiptHandle'] != message['ReceiptHandle']


def test_deleted_messages_are_gone(sim, clock, queue):
    """A handle deletes its message, once more without harm; a text that is no handle fails alone."""
    for number in range(12):
        sim.queues.put(queue, str(number))
    handles = [message['ReceiptHandle'] for message in receive(sim, queue)]
    assert len(handles) == 10
    entries = [{'Id': str(number), 'ReceiptHandle': handle} for number, handle in enumerate(handles[:9])]
    sqs, url = client(sim, 'sqs'), sim.queue_url(queue)
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[*entries, {'Id': 'x', 'ReceiptHandle': 'nonsense'}])
    assert len(answer['Successful']) == 9
    assert [entry['Code'] for entry in answer['Failed']] == ['ReceiptHandleIsInvalid']
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=entries)['Successful']) == 9
    clock.advance(120)
    assert len(receive(sim, queue)) == 3


def test_what_is_received_too_often_is_moved(sim, clock):
    """After the receipts of its redrive policy a message is in the dead-letter queue."""
    dead = sim.queues.create('dead', ACCOUNT)
    queue = sim.queues.create(NAME, ACCOUNT, redrive=('dead', 2))
    sim.queues.put(queue, 'poison')
    policy = json.loads(attributes(sim, queue)['RedrivePolicy'])
    assert policy == {'deadLetterTargetArn': f'arn:aws:sqs:us-east-1:{ACCOUNT}:dead', 'maxReceiveCount': 2}
    for _ in range(2):
        assert len(receive(sim, queue)) == 1
        clock.advance(120)
    assert receive(sim, queue) == []
    assert [message['Body'] for message in receive(sim, dead)] == ['poison']


@pytest.mark.parametrize(
    ('operation', 'parameters', 'code'),
    [
        ('receive_message', {'QueueUrl': f'https://x/{ACCOUNT}/typo'}, 'AWS.SimpleQueueService.NonExistentQueue'),
        ('receive_message', {'QueueUrl': 'https://x'}, 'AWS.SimpleQueueService.NonExistentQueue'),
        ('receive_message', {'MaxNumberOfMessages': 11}, 'InvalidParameterValue'),
        ('delete_message_batch', {'Entries': []}, 'AWS.SimpleQueueService.EmptyBatchRequest'),
        (
            'delete_message_batch',
            {'Entries': [{'Id': str(number), 'ReceiptHandle': 'h'} for number in range(11)]},
            'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
        ),
        (
            'delete_message_batch',
            {'Entries': [{'Id': 'a', 'ReceiptHandle': 'h'}] * 2},
            'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
        ),
    ],
)
def test_mistakes_have_the_codes_of_aws(sim, queue, operation, parameters, code):
    """Clients read the codes that SQS always had."""
    with pytest.raises(ClientError) as caught:
        getattr(client(sim, 'sqs'), operation)(**{'QueueUrl': sim.queue_url(queue), **parameters})
    assert caught.value.response['Error']['Code'] == code


def test_messages_come_over_the_control_route(sim):
    """Another process can send messages, to a queue that is made for them."""
    body = json.dumps({'queue': 'new', 'bodies': ['a', 'b']}).encode()
    with urllib.request.urlopen(f'{sim.endpoint_url}/_sim/messages', body, timeout=5) as reply:
        assert reply.status == 200
    queue = sim.queues.find(ACCOUNT, 'us-east-1', 'new')
    assert sorted(message['Body'] for message in receive(sim, queue)) == ['a', 'b']
