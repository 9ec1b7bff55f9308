"""Requests that repeat one that botocore wrote: with another body, and signed anew.

Most of what a call of botocore costs besides signing and sending is to find out once more what is the same in each call
of an operation. Only a usual answer ends here. Anything else, a refusal or no answer at all, becomes the outcome of the
first attempt of a call of botocore, so errors and retries are those of botocore.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from typing import Any

from botocore.awsrequest import AWSResponse

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.botocore_internals import Pattern
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.connections import Sender


class RepeatedRequests:
    """The requests of one operation of a client. May be used from several threads at once."""

    def __init__(
        self, operation: str, region: str, sender: Sender, calls: CallRecord, is_usual: Callable[[AWSResponse], bool]
    ) -> None:
        """`is_usual` says whether a response needs nothing more of botocore."""
        self._operation = operation
        self._region = region
        self._sender = sender
        self._calls = calls
        self._is_usual = is_usual
        self._pattern: Pattern | None = None
        self._first_attempt = local()

    def attach(self, client: Any) -> None:
        """Send all requests of a client."""
        client.meta.events.register('before-send', self._before_send)

    def response(self, client: Any, body: bytes) -> AWSResponse | None:
        """The usual response to a request with this body. None where the client is to be called: the call then begins
        with the outcome of the request, if one was sent."""
        request = botocore_internals.repeated(client, self._operation, self._pattern, body) if self._pattern else None
        if request is None:
            return None
        self._calls.add_request(self._region, self._operation)
        outcome: Any
        try:
            outcome = self._sender.send(request)
        except Exception as error:
            outcome = error
        else:
            if self._is_usual(outcome):
                self._calls.add_answer(outcome)
                return outcome
        # The call counts it. The next pattern is a request that AWS takes.
        self._calls.take_back_request(self._region, self._operation)
        self._pattern, self._first_attempt.outcome = None, outcome
        return None

    def forget(self) -> None:
        """No call of this thread begins with an earlier outcome any more."""
        self._first_attempt.outcome = None

    def _before_send(self, request: Any, event_name: str = '', **_: Any) -> AWSResponse:
        outcome, self._first_attempt.outcome = getattr(self._first_attempt, 'outcome', None), None
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            return outcome
        response = self._sender.send(request)
        if self._pattern is None and event_name.endswith(f'.{self._operation}') and self._is_usual(response):
            self._pattern = botocore_internals.pattern_of(request)
        return response
