"""AWS's wire protocols, driven by botocore's service models: which call a request is, and how an answer is written."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape
from zlib import crc32

from botocore.model import OperationModel, ServiceModel

from simulator import cbor, shapes
from simulator.errors import AUTHENTICATION, AwsError
from simulator.models import input_reader, operation_model, route, service_model
from simulator.repeats import Repeats
from simulator.request_log import Request

_SCOPE = re.compile(r'Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request')
_CBOR_PATH = re.compile(r'/service/\w+/operation/(\w+)')
_SIGNING_NAMES = {'monitoring': 'cloudwatch', 'ses': 'ses', 'sqs': 'sqs', 'sts': 'sts'}
_WITH_QUERY_CODES = ('cloudwatch', 'sqs')
JSON, QUERY, REST, CBOR = 'json', 'query', 'rest-json', 'smithy-rpc-v2-cbor'
_CONTENT_TYPES = {
    JSON: {'Content-Type': 'application/x-amz-json-1.0'},
    QUERY: {'Content-Type': 'text/xml'},
    REST: {'Content-Type': 'application/json'},
    CBOR: {'Content-Type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor'},
}


@dataclass
class HttpRequest:
    """A request as it came; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b''

    @property
    def path(self) -> str:
        return self.target.partition('?')[0]


@dataclass
class Reply:
    """An answer, and how the socket mistreats it, if at all: kind of the fault and its argument."""

    status: int
    headers: dict[str, str]
    body: bytes
    misbehaviour: str | None = None
    argument: Any = None


@dataclass
class Decoded(Request):
    """A request as far as it could be understood, with what its answer needs; `model` is that of the operation."""

    protocol: str = JSON
    token: str | None = None
    model: OperationModel | None = None
    violation: shapes.Violation | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def set_request_id(self, body: bytes) -> None:
        """Derive the id from the time and the request, so that runs on simulated clocks repeat their ids."""
        name = f'{self.time} {self.service} {self.region} {self.operation} {crc32(body)}'
        self.request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def decode(request: HttpRequest, decoded: Decoded, repeats: Repeats | None = None) -> None:
    """Fill in service, Region, key, operation and parameters; `repeats` spares reading a list that was read before.

    `violation` is the first parameter that the model does not allow. AwsError for a request that is no call at all;
    what was understood of it is filled in by then.
    """
    decoded.protocol = _protocol(request)
    decoded.token = request.headers.get('x-amz-security-token')
    form = {}
    if decoded.protocol == QUERY:
        text = request.body.decode('utf-8', 'replace') or request.target.partition('?')[2]
        form = dict(parse_qsl(text, keep_blank_values=True))
    decoded.service = service = _read_scope(request, decoded, form.get('Action'))
    repeats = repeats if decoded.protocol == JSON else None
    if decoded.protocol == QUERY:
        raw = _query_params(service, decoded, form)
    elif decoded.protocol == REST:
        raw = _rest_params(service, request, decoded)
    else:
        raw = _rpc_params(service, request, decoded, repeats)
    read = input_reader(service, decoded.operation) if decoded.operation else None
    try:
        decoded.params = raw if read is None else read(raw)
    except shapes.Violation as violation:
        decoded.violation, decoded.params = violation, raw
        return
    if repeats is not None:
        decoded.params = repeats.remember(request.body, decoded.params)


def _protocol(request: HttpRequest) -> str:
    if request.headers.get('smithy-protocol') == 'rpc-v2-cbor' or _CBOR_PATH.fullmatch(request.path):
        return CBOR
    if request.headers.get('x-amz-target'):
        return JSON
    content_type = request.headers.get('content-type', '').partition(';')[0].strip()
    return QUERY if content_type == 'application/x-www-form-urlencoded' or request.path == '/' else REST


def _read_scope(request: HttpRequest, decoded: Decoded, action: str | None) -> str:
    """Fill in Region and key from the scope that the request is signed for, and return the service."""
    scope = _SCOPE.search(request.headers.get('authorization', ''))
    if scope is None:
        if action not in ('AssumeRoleWithWebIdentity', 'AssumeRoleWithSAML'):
            raise AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
        decoded.region = 'us-east-1'
        return 'sts'
    decoded.access_key, _, decoded.region, signing = scope.groups()
    if signing not in _SIGNING_NAMES:
        raise AwsError('InvalidAction', f'The simulator has no service that signs as {signing!r}', 404)
    return 'sesv2' if signing == 'ses' and decoded.protocol == REST else _SIGNING_NAMES[signing]


def _query_params(service: str, decoded: Decoded, form: dict[str, str]) -> Any:
    name, version = form.pop('Action', ''), form.pop('Version', '')
    decoded.operation, decoded.model = name, operation_model(service, name)
    if decoded.model is None:
        raise AwsError('InvalidAction', f'Could not find operation {name} for version {version}')
    tree: dict[str, Any] = {}
    for dotted, value in form.items():
        node = tree
        *parents, last = dotted.split('.')
        for word in parents:
            child = node.get(word)
            node = node.setdefault(word, {}) if isinstance(child, dict) or child is None else {}
        node[last] = value
    shape = decoded.model.input_shape
    return shapes.query_value(shape, tree) if shape else {}


def _rpc_params(service: str, request: HttpRequest, decoded: Decoded, repeats: Repeats | None) -> dict[str, Any]:
    path = _CBOR_PATH.fullmatch(request.path)
    name = path[1] if path else request.headers.get('x-amz-target', '').partition('.')[2]
    decoded.operation, decoded.model = name, operation_model(service, name)
    if decoded.model is None:
        raise AwsError('InvalidAction', f'Operation {name} is unknown', 404 if path else 400)
    try:
        if path and request.body:
            raw = cbor.loads(request.body)
        else:
            raw = (repeats.parse if repeats else json.loads)(request.body or b'{}')
    except ValueError as error:
        raise AwsError('SerializationException', f'The body is not valid: {error}') from None
    if not isinstance(raw, dict):
        raise AwsError('SerializationException', 'Unexpected type in the body')
    return raw


def _rest_params(service: str, request: HttpRequest, decoded: Decoded) -> dict[str, Any]:
    path, _, query = request.target.partition('?')
    match = route(service, request.method, path)
    if match is None:
        raise AwsError('InvalidAction', f'No operation at {request.method} {path}', 404)
    decoded.operation, labels = match
    decoded.model = operation_model(service, decoded.operation)
    raw: dict[str, Any] = {}
    if request.body:
        try:
            raw = json.loads(request.body)
        except ValueError as error:
            raise AwsError('SerializationException', str(error)) from None
    raw.update(labels)
    for name, values in parse_qs(query, keep_blank_values=True).items():
        raw[name] = values if _is_list(decoded.model, name) else values[-1]
    return raw


def _is_list(model: OperationModel | None, name: str) -> bool:
    """Whether a parameter is a list, which a query repeats."""
    shape = model.input_shape if model else None
    return shape is not None and name in shape.members and shape.members[name].type_name == 'list'


def encode(decoded: Decoded, result: dict[str, Any] | bytes, date: str, strict: bool) -> Reply:
    """The answer of a call that succeeded; bytes are JSON already. In strict mode ValueError if it breaks the model.

    No answer that is offered has bytes, or members with another name on the wire, so that only XML needs the model.
    """
    name, shape = decoded.operation, decoded.model.output_shape if decoded.model else None
    if strict and shape is not None:
        mistake = shapes.check_answer(shape, result)
        if mistake:
            raise ValueError(f'{name} answered what its model does not allow: {mistake}')
    if isinstance(result, bytes):
        body = result
    elif decoded.protocol == QUERY:
        tag = shape.serialization.get('resultWrapper', f'{name}Result') if shape is not None else ''
        content = ''.join(shapes.xml(shape, result, tag)) if shape is not None else ''
        metadata = f'<ResponseMetadata><RequestId>{decoded.request_id}</RequestId></ResponseMetadata>'
        body = f'<{name}Response xmlns="{_namespace(decoded)}">{content}{metadata}</{name}Response>'.encode()
    elif decoded.protocol == CBOR:
        body = cbor.dumps(result)
    else:
        body = json.dumps(result, separators=(',', ':')).encode()
    return Reply(200, _headers(decoded, date), body)


def _namespace(decoded: Decoded) -> str:
    return str(service_model(decoded.service).metadata.get('xmlNamespace', '')) if decoded.service else ''


def _headers(decoded: Decoded, date: str) -> dict[str, str]:
    return {'Date': date, 'x-amzn-RequestId': decoded.request_id, **_CONTENT_TYPES[decoded.protocol]}


def encode_error(decoded: Decoded, error: AwsError, date: str) -> tuple[Reply, str]:
    """The answer of a call that failed, and the error code that a client will read from it."""
    service, protocol = decoded.service, decoded.protocol
    code, status = error.spelled(service, protocol)
    fault = 'Sender' if status < 500 else 'Receiver'
    headers = _headers(decoded, date)
    if protocol == QUERY:
        text = (
            f'<ErrorResponse xmlns="{_namespace(decoded)}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
            f'<Message>{escape(error.message)}</Message></Error><RequestId>{decoded.request_id}</RequestId>'
            '</ErrorResponse>'
        )
        return Reply(status, headers, text.encode()), code
    if protocol == REST:
        headers['x-amzn-ErrorType'] = code
        return Reply(status, headers, json.dumps({'message': error.message}).encode()), code
    name = code = _shape_name(service_model(service), error.code, code) if service else code
    before_the_service = error.code in AUTHENTICATION or error.code in ('InvalidAction', 'SerializationException')
    if service in _WITH_QUERY_CODES and not before_the_service:
        # Services that once spoke the query protocol keep its codes for old clients in this header.
        code = error.code
        headers['x-amzn-query-error'] = f'{code};{fault}'
    content = {'__type': f'com.amazonaws.{service}#{name}', 'message': error.message}
    body = cbor.dumps(content) if protocol == CBOR else json.dumps(content).encode()
    return Reply(status, headers, body), code


def _shape_name(model: ServiceModel, code: str, spelled: str) -> str:
    """The model's error shape for a code, such as InvalidParameterValueException; else the JSON spelling."""
    candidates = (code, f'{code}Exception', code.replace('Error', 'Fault'))
    return next((name for name in candidates if name in model.shape_names), spelled)
