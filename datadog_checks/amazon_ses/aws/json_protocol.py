"""Requests and answers of CloudWatch in JSON, without botocore's models.

botocore builds and reads each value by its model, which is most of what a large request costs. Where the client speaks
JSON, this module writes the body of a request and reads the body of an answer. Signing, sending, retries and errors
stay with botocore. An unexpected answer, and any other protocol, is left to botocore.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import local
from typing import Any

from botocore.awsrequest import AWSResponse

from datadog_checks.amazon_ses.aws import botocore_internals, repeated_requests
from datadog_checks.amazon_ses.aws.connections import Sender
from datadog_checks.amazon_ses.cloudwatch import pages
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.garbage import uncollected
from datadog_checks.base.utils.format import json

# The decoder is loaded at its first use, which fails where two threads come first at the same time (Python 3.11).
json.decode(b'null')

SERVICE = 'cloudwatch'
OPERATION = 'GetMetricData'

MEMBERS = {
    OPERATION: ('MetricDataResults', 'NextToken', 'Messages'),
    'ListMetrics': ('Metrics', 'NextToken', 'OwningAccounts'),
}
"""The members that are taken from an answer, by operation."""

# The body that the request of a thread carries, in each attempt: a worker waits for its request.
_request = local()


class JsonResponse(AWSResponse):  # type: ignore[misc]  # botocore is not annotated
    """A response whose document has been read. For botocore its body is an empty document."""

    content = b'{}'

    def __init__(self, response: AWSResponse, document: Mapping[str, Any]) -> None:
        super().__init__(response.url, response.status_code, response.headers, response.raw)
        self.document = document


def get_metric_data(client: Any, batch: Batch, token: str | None = None) -> Mapping[str, Any]:
    """One page of the answer to a batch: the first, or that of a token. Raises what botocore raises."""
    next_page = {'NextToken': token} if token else {}
    if not speaks_json(client):
        page: Mapping[str, Any] = client.get_metric_data(**batch.parameters, **next_page)
        return page
    body = json.encode_bytes({**batch.parameters, **next_page}) if token else batch.body
    return repeated_requests.ask(client, body, partial(_call, client, body))


def attach(client: Any) -> None:
    """Let a client of CloudWatch that speaks JSON send our bodies and return our documents."""
    if speaks_json(client):
        events = client.meta.events
        events.register(f'before-call.{SERVICE}.{OPERATION}', _set_body)
        for operation in MEMBERS:
            events.register(f'after-call.{SERVICE}.{operation}', _add_members)


def attach_sender(client: Any, sender: Sender) -> None:
    """Let a sender send the requests of a client that speaks JSON, and repeat those for metrics."""
    repeated_requests.attach(client, OPERATION, sender, _read)


def response_parser(client: Any) -> Callable[[AWSResponse], AWSResponse]:
    """The function that reads the responses of a client before botocore does."""
    return _parse_response if speaks_json(client) else _unparsed


def speaks_json(client: Any) -> bool:
    """Whether the requests and answers of a client of CloudWatch are JSON documents."""
    return client.meta.service_model.service_name == SERVICE and botocore_internals.protocol_of(client) == 'json'


def _unparsed(response: AWSResponse) -> AWSResponse:
    return response


def _parse_response(response: AWSResponse) -> AWSResponse:
    if response.status_code != 200:
        return response
    try:
        with uncollected():
            # The results are dropped inside the block, where they became columns.
            document = pages.with_columns(json.decode(response.content))
    except (ValueError, RecursionError):
        return response
    return JsonResponse(response, document) if isinstance(document, dict) else response


def _call(client: Any, body: bytes) -> Mapping[str, Any]:
    _request.body = body
    try:
        page: Mapping[str, Any] = client.get_metric_data()
        return page
    finally:
        _request.body = None


def _set_body(params: dict[str, Any], **_: Any) -> None:
    body = getattr(_request, 'body', None)
    if body is not None:
        params['body'] = body


def _add_members(http_response: AWSResponse, parsed: dict[str, Any], model: Any, **_: Any) -> None:
    if isinstance(http_response, JsonResponse):
        parsed.update(_members(http_response, model.name))


def _members(response: JsonResponse, operation: str) -> dict[str, Any]:
    return {name: response.document[name] for name in MEMBERS[operation] if name in response.document}


def _read(response: AWSResponse) -> Mapping[str, Any] | None:
    if not isinstance(response, JsonResponse):
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {**_members(response, OPERATION), 'ResponseMetadata': {'HTTPHeaders': headers}}
