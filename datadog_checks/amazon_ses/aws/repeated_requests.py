"""Requests that repeat one that botocore wrote: with another body, and signed anew.

Most of what a call of botocore costs besides signing and sending is to find out once more what is the same in each call
of an operation. Only a usual answer ends here. Anything else, a refusal or no answer at all, becomes the outcome of the
first attempt of a call of botocore, so errors and retries are those of botocore.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import local
from typing import Any
from weakref import WeakKeyDictionary

from botocore.awsrequest import AWSResponse

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.botocore_internals import Pattern
from datadog_checks.amazon_ses.aws.connections import Sender

Answer = Mapping[str, Any]

OUTCOME = 'outcome_before'
"""The attribute of a request of botocore that holds the response to the repeated request before it."""


def ask(client: Any, body: bytes, call: Callable[[], Answer]) -> Answer:
    """The answer to a request of the client's repeated operation with this body. `call` asks for the same through
    botocore, and raises what botocore raises."""
    repeated = _by_client.get(client)
    return call() if repeated is None else repeated.ask(client, body, call)


def attach(client: Any, operation: str, sender: Sender, read: Callable[[AWSResponse], Answer | None]) -> None:
    """Let a sender send all requests of a client, and repeat those of one operation. `read` gives the answer in a usual
    response, None where botocore is to read it."""
    repeated = _by_client[client] = _RepeatedRequests(operation, sender, read)
    client.meta.events.register_first('before-send', repeated.take_outcome)
    client.meta.events.register('before-send', repeated.send)


def was_sent(request: Any) -> bool:
    """Whether a request of botocore stands for one that was sent: it does not wait for a turn, and is counted."""
    return hasattr(request, OUTCOME)


class _RepeatedRequests:
    """The requests of one operation of a client. May be used from several threads at once."""

    def __init__(self, operation: str, sender: Sender, read: Callable[[AWSResponse], Answer | None]) -> None:
        self._operation = operation
        self._sender = sender
        self._read = read
        self._pattern: Pattern | None = None
        self._first_attempt = local()

    def ask(self, client: Any, body: bytes, call: Callable[[], Answer]) -> Answer:
        request = botocore_internals.repeated(client, self._operation, self._pattern, body) if self._pattern else None
        if request is None:
            return call()
        outcome = _sent(client, self._operation, request)
        if not isinstance(outcome, Exception):
            answer = self._read(outcome)
            if answer is not None:
                return answer
        # The next pattern is a request that AWS takes.
        self._pattern, self._first_attempt.outcome = None, outcome
        try:
            return call()
        finally:
            self._first_attempt.outcome = None

    def take_outcome(self, request: Any, **_: Any) -> None:
        """Let the first attempt of a call have the outcome of the repeated request before it."""
        outcome, self._first_attempt.outcome = getattr(self._first_attempt, 'outcome', None), None
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            setattr(request, OUTCOME, outcome)

    def send(self, request: Any, event_name: str = '', **_: Any) -> AWSResponse:
        if was_sent(request):
            return getattr(request, OUTCOME)
        response = self._sender.send(request)
        is_pattern = self._pattern is None and event_name.endswith(f'.{self._operation}')
        if is_pattern and self._read(response) is not None:
            self._pattern = botocore_internals.pattern_of(request)
        return response


def _sent(client: Any, operation: str, request: Any) -> AWSResponse | Exception:
    """The response to a request that is sent as botocore sends, or what it raised: the same handlers come before, in
    which it waits for its turn and is counted."""
    service = client.meta.service_model.service_id.hyphenize()
    try:
        return client.meta.events.emit(f'before-send.{service}.{operation}', request=request)[-1][1]
    except Exception as error:
        return error


_by_client: WeakKeyDictionary[Any, _RepeatedRequests] = WeakKeyDictionary()
