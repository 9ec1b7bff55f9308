"""CloudWatch's requests and answers without botocore's walk through the shape of each value.

That walk is most of what a large request costs. Where the client speaks JSON, the body of a request is written here and
put in place of botocore's, and the body of an answer is read here before botocore would. Signing, sending, retries and
errors stay botocore's. What is not as expected, and whatever an older botocore speaks, goes the plain way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import local
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.queries import Batch

MEMBERS = {
    'GetMetricData': ('MetricDataResults', 'NextToken', 'Messages'),
    'ListMetrics': ('Metrics', 'NextToken', 'OwningAccounts'),
}
"""What is taken from an answer, by operation."""

EMPTY = {'MetricDataQueries': [], 'StartTime': 0, 'EndTime': 0}
"""What botocore is given to serialize instead of a large request."""

_own = local()


def get_metric_data(client: Any, batch: Batch, token: str | None = None) -> Mapping[str, Any]:
    """One page of the answer to a batch: the first, or that of a token. Raises what botocore raises."""
    more = {'NextToken': token} if token else {}
    if not speaks_json(client):
        plain: Mapping[str, Any] = client.get_metric_data(**batch.parameters, **more)
        return plain
    # A worker waits for its request, so what its thread has here is what its request carries, in each attempt.
    _own.body = (json.dumps({**batch.parameters, **more}) if token else batch.text).encode()
    try:
        answer: Mapping[str, Any] = client.get_metric_data(**EMPTY)
        return answer
    finally:
        _own.body = None


def watch(client: Any) -> Any:
    """Let a CloudWatch client take the short way. Returns the client."""
    if speaks_json(client):
        client.meta.events.register('before-call.cloudwatch.GetMetricData', _put)
        for operation in MEMBERS:
            client.meta.events.register(f'before-parse.cloudwatch.{operation}', _take)
    return client


def speaks_json(client: Any) -> bool:
    """Whether requests and answers of this client are JSON documents."""
    model = client.meta.service_model
    protocol = getattr(model, 'resolved_protocol', None) or model.metadata.get('protocol')
    return bool(protocol == 'json')


def _put(params: dict[str, Any], **_: Any) -> None:
    body = getattr(_own, 'body', None)
    if body is not None:
        params['body'] = body


def _take(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if response_dict.get('status_code') != 200:
        return
    try:
        document = json.loads(response_dict['body'])
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        members = MEMBERS[operation_model.name]
        customized_response_dict.update({name: document[name] for name in members if name in document})
        response_dict['body'] = b'{}'
