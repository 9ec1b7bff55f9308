"""Queues of the operator (SQS): receive, delete, attributes. Like the rest of the edge, nothing here raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Condition, Lock, local
from typing import Any

from botocore.exceptions import ClientError

from datadog_checks.amazon_ses.aws.client_pool import ClientPool
from datadog_checks.amazon_ses.aws.sdk_logging import unlogged
from datadog_checks.amazon_ses.events.queues import (
    ATTRIBUTES,
    BATCH,
    DELETE,
    DELETE_ACTION,
    RECEIVE,
    WORKERS,
    EventQueue,
    ReceiveTask,
)
from datadog_checks.amazon_ses.model import Failure, FailureKind

SERVICE = 'sqs'

GONE = ('AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist')
"""Codes of a queue that does not exist, or that the caller may not know of."""

NO_DOCUMENT = 'not a JSON document'
"""In place of the messages of an answer that cannot be read."""

KMS = 'kms'
KMS_REMEDY = 'Allow these credentials kms:Decrypt on the key of the queue.'

ATTRIBUTE_NAMES = ['ApproximateNumberOfMessages', 'RedrivePolicy']
SYSTEM_ATTRIBUTES = ['SentTimestamp', 'ApproximateReceiveCount']

Answer = Mapping[str, Any]
AsFailure = Callable[[Exception, str, str, str], Failure]
"""The failure that an error means in a Region, for an operation and an IAM action."""


class Places:
    """The requests of one client to queues that run at once.

    A delete goes before those that receive: what is not deleted in time comes back. A thread waits for its place right
    before each attempt is sent, and gives it back when the answer is there, so signing and reading keep no other from
    being sent.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._free = WORKERS
        self._waiting_deletes = 0
        self._lock = Lock()
        self._for_deletes, self._for_others = Condition(self._lock), Condition(self._lock)
        self._thread = local()
        client.meta.events.register_first(f'before-send.{SERVICE}', self._enter)
        client.meta.events.register(f'needs-retry.{SERVICE}', self.leave)
        client.meta.events.register(f'after-call.{SERVICE}.{RECEIVE}', _check)

    def _enter(self, event_name: str = '', **_: Any) -> None:
        with self._lock:
            if event_name.endswith(DELETE):
                self._waiting_deletes += 1
                self._for_deletes.wait_for(lambda: self._free)
                self._waiting_deletes -= 1
            else:
                self._for_others.wait_for(lambda: self._free and not self._waiting_deletes)
            self._free -= 1
            self._wake()
        self._thread.has_place = True

    def leave(self, **_: Any) -> None:
        """Give back the place of this thread, if any. Returns nothing, so whether a request is repeated stays."""
        if getattr(self._thread, 'has_place', False):
            self._thread.has_place = False
            with self._lock:
                self._free += 1
                self._wake()

    def _wake(self) -> None:
        if self._free:
            (self._for_deletes if self._waiting_deletes else self._for_others).notify()


class Queues:
    """What one instance asks of queues. May be used from several threads at once."""

    def __init__(self, clients: ClientPool, as_failure: AsFailure) -> None:
        self._clients = clients
        self._as_failure = as_failure
        self._lock = Lock()
        self._places: dict[str, Places] = {}

    @unlogged
    def receive(self, task: ReceiveTask) -> Answer | Failure:
        """Messages of a queue, at most ten, which nobody else sees for a while."""
        options = {
            'MaxNumberOfMessages': BATCH,
            'VisibilityTimeout': task.visibility,
            'WaitTimeSeconds': task.wait,
            'MessageSystemAttributeNames': SYSTEM_ATTRIBUTES,
        }
        return self._ask(task.queue, RECEIVE, 'receive_message', options)

    @unlogged
    def attributes(self, queue: EventQueue) -> Answer | Failure:
        """How many messages wait, and whether there is a dead-letter queue."""
        return self._ask(queue, ATTRIBUTES, 'get_queue_attributes', {'AttributeNames': ATTRIBUTE_NAMES})

    @unlogged
    def delete(self, queue: EventQueue, handles: Sequence[str]) -> Answer | Failure:
        """Delete messages by their handles, at most ten."""
        entries = [{'Id': str(number), 'ReceiptHandle': handle} for number, handle in enumerate(handles)]
        return self._ask(queue, DELETE, 'delete_message_batch', {'Entries': entries}, DELETE_ACTION)

    def _ask(
        self, queue: EventQueue, operation: str, method: str, options: Mapping[str, Any], action: str = ''
    ) -> Answer | Failure:
        places = None
        try:
            places = self._place(queue.region)
            answer: Answer = getattr(places.client, method)(QueueUrl=queue.url, **options)
        except Exception as error:
            failure = self._as_failure(error, queue.region, operation, action or f'sqs:{operation}')
            return _of_queue(failure, error, queue)
        finally:
            if places is not None:
                places.leave()
        self._clients.accept(queue.region)
        return answer

    def _place(self, region: str) -> Places:
        """The places of a Region, which all queues there share."""
        client = self._clients.get(SERVICE, region)
        with self._lock:
            places = self._places.get(region)
            if places is None or places.client is not client:
                places = self._places[region] = Places(client)
            return places


def _check(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Let an answer that is no document differ from that of an empty queue, for which botocore takes it."""
    if 'Messages' in parsed:
        return
    try:
        is_document = isinstance(json.loads(http_response.content), dict)
    except (ValueError, RecursionError):
        is_document = False
    if not is_document:
        parsed['Messages'] = NO_DOCUMENT


def _of_queue(failure: Failure, error: Exception, queue: EventQueue) -> Failure:
    """The failure with what is special about queues."""
    code = error.response.get('Error', {}).get('Code', '') if isinstance(error, ClientError) else ''
    if str(code) in GONE:
        return replace(
            failure,
            kind=FailureKind.UNSUPPORTED,
            detail=f'the queue {queue.name} does not exist in {queue.region}, or these credentials may not know of it.',
            remedy='Look at url and region in event_queues, and at the policy of the queue.',
            at_request=False,
        )
    if str(code).lower().startswith(KMS):
        return replace(failure, kind=FailureKind.DENIED, remedy=KMS_REMEDY, at_request=False)
    return failure
