"""The effect of each kind of fault on a call: an error, or harm to a result or an answer."""

from __future__ import annotations

import copy
from typing import Any

from simulator.errors import AwsError, access_denied, expired_token
from simulator.faults import QUERY_RESULTS, SOCKETS, Fault
from simulator.wire import Reply

_HTML = b'<html><head><title>503 Service Unavailable</title></head><body><h1>Service Unavailable</h1></body></html>'
_GATEWAY = b'<html><body><h1>This request is not allowed here.</h1></body></html>'
_FORBIDDEN = {'Code': 'Forbidden', 'Value': 'Forbidden by fault.'}
_SERIES = ('MetricDataResults', 'Metrics', 'SendDataPoints')
# Lists of an inventory, and attributes of a batch of identities.
_INVENTORY = (
    'EmailIdentities', 'ConfigurationSets', 'EventDestinations', 'Recommendations', 'ReputationEntities',
    'DkimAttributes', 'MailFromDomainAttributes', 'NotificationAttributes',
)  # fmt: skip
_PARTIAL = {'Code': 'MaxQueryTimeRangeExceeded', 'Value': 'The query could not read all of its data in time.'}


def raise_error(fault: Fault, action: str | None, caller: str) -> None:
    """Raise the AwsError of an error fault; other kinds pass."""
    if fault.kind == 'throttle':
        raise AwsError('Throttling', 'Rate exceeded')
    if fault.kind == 'denied':
        raise access_denied(caller, fault.argument or action)
    if fault.kind == 'expired_token':
        raise expired_token()
    if fault.kind == 'server_error':
        raise AwsError('InternalFailure', 'The request processing has failed because of an unknown error.', 500)
    if fault.kind == 'error':
        code, status, *message = fault.argument
        raise AwsError(code, message[0] if message else f'{code} by fault', int(status), literal=True)


def harm_result(fault: Fault, result: dict[str, Any]) -> dict[str, Any]:
    """The result with the harm of a result fault; other kinds return it as it is."""
    if fault.kind == 'mutate':
        result = copy.deepcopy(result)
        replacement = fault.argument(result)
        return result if replacement is None else replacement
    if fault.kind == 'token_loop':
        return {**result, 'NextToken': 'the-same-token-again'}
    if fault.kind == 'empty_results':
        return {k: v for k, v in result.items() if k not in (*_SERIES, *_INVENTORY)}
    if fault.kind in ('partial', 'missing_results') and 'MetricDataResults' not in result:
        every = fault.argument if isinstance(fault.argument, int) else 2
        return {name: _thinned(value, every) if name in _INVENTORY else value for name, value in result.items()}
    if fault.kind not in QUERY_RESULTS or 'MetricDataResults' not in result:
        return result
    default = 2 if fault.kind in ('partial', 'missing_results') else 1
    options = fault.argument if isinstance(fault.argument, dict) else {'every': fault.argument or default}
    every = int(options.get('every', default))
    results = []
    for number, query_result in enumerate(result['MetricDataResults'], 1):
        if number % every:
            results.append(query_result)
        elif fault.kind != 'missing_results':
            results.append({**query_result, **_harm(fault.kind, query_result)})
    harmed = {**result, 'MetricDataResults': results}
    if fault.kind == 'partial' and options.get('token'):
        harmed['NextToken'] = 'a-token-that-leads-nowhere'
    return harmed


def _thinned(entries: Any, every: int) -> Any:
    """A list or a map without each `every`-th entry."""
    if isinstance(entries, dict):
        return {key: entries[key] for number, key in enumerate(entries, 1) if number % every}
    return [entry for number, entry in enumerate(entries, 1) if number % every]


def _harm(kind: str, query_result: dict[str, Any]) -> dict[str, Any]:
    """The members of a query's result that a fault changes."""
    if kind == 'wrong_ids':
        return {'Id': f'x{query_result["Id"]}'}
    if kind == 'partial':
        half = len(query_result['Values']) // 2
        cut = {name: query_result[name][:half] for name in ('Timestamps', 'Values')}
        return {**cut, 'StatusCode': 'PartialData', 'Messages': [_PARTIAL]}
    nothing: dict[str, Any] = {'Timestamps': [], 'Values': []}
    if kind == 'forbidden':
        return {**nothing, 'StatusCode': 'Forbidden', 'Messages': [_FORBIDDEN]}
    return {**nothing, 'StatusCode': 'InternalError'}


def harm_reply(fault: Fault, reply: Reply) -> Reply:
    """The answer with the harm of a socket fault or of an HTML page; other kinds return it as it is."""
    if fault.kind == 'unavailable':
        return Reply(503, {'Content-Type': 'text/html', 'Date': reply.headers.get('Date', '')}, _HTML)
    if fault.kind not in SOCKETS:
        return reply
    argument = fault.argument.encode() if isinstance(fault.argument, str) else fault.argument
    if fault.kind == 'page':
        return Reply(fault.argument or 400, {'Content-Type': 'text/html'}, _GATEWAY)
    if fault.kind == 'html':
        page = argument or b'<html><body>Please sign in to the network.</body></html>'
        return Reply(200, {**reply.headers, 'Content-Type': 'text/html'}, page)
    if fault.kind == 'garbage':
        return Reply(reply.status, dict(reply.headers), argument or bytes(range(128, 256)) * 4)
    if fault.kind == 'empty':
        return Reply(reply.status, dict(reply.headers), b'')
    return Reply(reply.status, dict(reply.headers), reply.body, fault.kind, argument)
