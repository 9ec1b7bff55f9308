"""SQS: receive, delete, attributes of a queue."""

from __future__ import annotations

import json
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

from simulator.call import Call
from simulator.errors import AwsError
from simulator.queues import MOST_AT_ONCE, VISIBILITY, Queue


def receive_message(call: Call) -> dict[str, Any]:
    queue, params = _queue(call), call.params
    most = params.get('MaxNumberOfMessages', 1)
    if not 1 <= most <= MOST_AT_ONCE:
        raise AwsError('InvalidParameterValue', f'Value {most} for parameter MaxNumberOfMessages is invalid.')
    names = {*params.get('MessageSystemAttributeNames', ()), *params.get('AttributeNames', ())}
    stored = call.backend.queues.receive(queue, most, params.get('VisibilityTimeout', VISIBILITY))
    messages = []
    for message in stored:
        attributes = {
            'SentTimestamp': str(int(message.sent_at * 1000)),
            'ApproximateReceiveCount': str(message.receipts),
            'ApproximateFirstReceiveTimestamp': str(int((message.first_received_at or 0.0) * 1000)),
            'SenderId': 'AIDASSYFHUBOBT7F4XT75',
        }
        shown = {name: value for name, value in attributes.items() if name in names or 'All' in names}
        messages.append(
            {
                'MessageId': message.message_id,
                'ReceiptHandle': message.handle,
                'MD5OfBody': md5(message.body.encode('utf-8', 'surrogatepass'), usedforsecurity=False).hexdigest(),
                'Body': message.body,
                **({'Attributes': shown} if shown else {}),
            }
        )
    return {'Messages': messages} if messages else {}


def delete_message_batch(call: Call) -> dict[str, Any]:
    queue, entries = _queue(call), call.params['Entries']
    if not entries:
        raise AwsError('AWS.SimpleQueueService.EmptyBatchRequest', 'There should be at least one entry.')
    if len(entries) > MOST_AT_ONCE:
        raise AwsError('AWS.SimpleQueueService.TooManyEntriesInBatchRequest', 'Maximum number of entries is 10.')
    if len({entry['Id'] for entry in entries}) < len(entries):
        raise AwsError('AWS.SimpleQueueService.BatchEntryIdsNotDistinct', 'Two or more entries have the same Id.')
    successful, failed = [], []
    for entry in entries:
        if call.backend.queues.delete(queue, entry['ReceiptHandle']):
            successful.append({'Id': entry['Id']})
        else:
            failed.append({'Id': entry['Id'], 'SenderFault': True, 'Code': 'ReceiptHandleIsInvalid'})
    return {'Successful': successful, 'Failed': failed}


def get_queue_attributes(call: Call) -> dict[str, Any]:
    queue, names = _queue(call), call.params.get('AttributeNames', [])
    visible, invisible = call.backend.queues.waiting(queue)
    attributes = {
        'ApproximateNumberOfMessages': str(visible),
        'ApproximateNumberOfMessagesNotVisible': str(invisible),
        'QueueArn': f'arn:aws:sqs:{queue.region}:{queue.account}:{queue.name}',
        'VisibilityTimeout': str(VISIBILITY),
    }
    if queue.redrive:
        arn = f'arn:aws:sqs:{queue.region}:{queue.account}:{queue.redrive[0]}'
        attributes['RedrivePolicy'] = json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': queue.redrive[1]})
    return {'Attributes': {name: value for name, value in attributes.items() if name in names or 'All' in names}}


def _queue(call: Call) -> Queue:
    parts = urlsplit(call.params['QueueUrl']).path.strip('/').split('/')
    queue = call.backend.queues.find(parts[0], call.region, parts[-1]) if len(parts) == 2 else None
    if queue is None:
        raise AwsError('AWS.SimpleQueueService.NonExistentQueue', 'The specified queue does not exist.')
    return queue
