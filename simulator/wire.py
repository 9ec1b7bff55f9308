"""AWS's wire protocols, driven by botocore's service models: which call a request is, and how an answer is written."""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel

from simulator import cbor, shapes
from simulator.errors import AUTHENTICATION, AwsError
from simulator.repeats import Repeats

# Older and newer models of SES v2 spell these two differently; a client may be either.
_SESV2_ALIASES = {
    ('GET', '/v2/email/identities'): 'ListEmailIdentities',
    ('POST', '/v2/email/list-identities'): 'ListEmailIdentities',
    ('GET', '/v2/email/configuration-sets'): 'ListConfigurationSets',
    ('POST', '/v2/email/list-configuration-sets'): 'ListConfigurationSets',
}
_SCOPE = re.compile(r'Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request')
_SIGNING_NAMES = {'monitoring': 'cloudwatch', 'sts': 'sts'}
JSON, QUERY, REST, CBOR = 'json', 'query', 'rest-json', 'smithy-rpc-v2-cbor'


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
    """An answer: status, headers, body, and what the socket does wrong with it, if anything (fault kind, argument)."""

    status: int
    headers: dict[str, str]
    body: bytes
    misbehaviour: str | None = None
    argument: Any = None


@dataclass
class Decoded:
    """What a request asks for, as far as it could be understood."""

    service: str = ''
    protocol: str = JSON
    region: str = ''
    access_key: str | None = None
    token: str | None = None
    operation: Any = None  # an OperationModel once it is known
    operation_name: str = ''
    params: dict[str, Any] = field(default_factory=dict)
    problems: list[shapes.Problem] = field(default_factory=list)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Models:
    """botocore's service models, loaded once each; safe to share between servers and threads."""

    def __init__(self) -> None:
        self._loader = create_loader()
        self._services: dict[str, ServiceModel] = {}
        self._routes: dict[str, list[tuple[str, re.Pattern[str], str]]] = {}
        self._readers: dict[tuple[str, str, str | None], shapes.Reader] = {}
        self._plain: dict[tuple[str, str], bool] = {}
        self._lock = threading.RLock()

    def service(self, name: str) -> ServiceModel:
        """The model of a service by botocore's name, such as 'sesv2'."""
        with self._lock:
            if name not in self._services:
                self._services[name] = ServiceModel(self._loader.load_service_model(name, 'service-2'), name)
            return self._services[name]

    def regions(self, endpoint_prefix: str) -> frozenset[str]:
        """All Regions, in every partition, where botocore's endpoint list has the service."""
        found: set[str] = set()
        for partition in self._loader.load_data('endpoints')['partitions']:
            endpoints = partition['services'].get(endpoint_prefix, {}).get('endpoints', {})
            found.update(name for name in endpoints if name in partition['regions'])
        return frozenset(found)

    def operation(self, service: str, name: str) -> OperationModel | None:
        """One operation's model, or None if this botocore does not know it."""
        model = self.service(service)
        return model.operation_model(name) if name in model.operation_names else None

    def route(self, service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """The REST operation of a path and its path labels."""
        alias = _SESV2_ALIASES.get((method, path.rstrip('/')))
        if alias and service == 'sesv2':
            return alias, {}
        with self._lock:
            if service not in self._routes:
                self._routes[service] = self._build_routes(service)
        for verb, pattern, name in self._routes[service]:
            match = pattern.fullmatch(path) if verb == method else None
            if match:
                labels = self.service(service).operation_model(name).http['requestUri']
                names = re.findall(r'\{(\w+)\+?\}', labels.partition('?')[0])
                return name, dict(zip(names, map(unquote, match.groups()), strict=True))
        return None

    def _build_routes(self, service: str) -> list[tuple[str, re.Pattern[str], str]]:
        routes = []
        model = self.service(service)
        for name in model.operation_names:
            http = model.operation_model(name).http
            pattern = re.sub(r'\\\{\w+\\\}', '([^/]+)', re.escape(http['requestUri'].partition('?')[0]))
            routes.append((http['method'], re.compile(re.sub(r'\\\{\w+\\\+\\\}', '(.+)', pattern)), name))
        # A literal path wins over one with labels.
        return sorted(routes, key=lambda route: route[1].pattern.count('('))

    def reader(self, operation: OperationModel, remember: str | None = None) -> shapes.Reader:
        """The reader of an operation's input; see `shapes.reader` for what may be remembered."""
        key = (operation.service_model.service_name, operation.name, remember)
        if key not in self._readers:
            self._readers[key] = shapes.reader(operation.input_shape, remember)
        return self._readers[key]

    def is_plain(self, operation: OperationModel) -> bool:
        """Whether an answer can go into JSON as it is."""
        key = (operation.service_model.service_name, operation.name)
        if key not in self._plain:
            self._plain[key] = not shapes.needs_marks(operation.output_shape)
        return self._plain[key]


def decode(models: Models, request: HttpRequest, repeats: Repeats | None = None) -> Decoded:
    """Find service, Region, key, operation and parameters; `repeats` spares reading a list that was read before.

    Fills `problems` for parameters that the model does not allow; raises AwsError (its context is what is known by
    then) for a request that is no call at all.
    """
    found = Decoded(token=request.headers.get('x-amz-security-token'))
    try:
        _decode(models, request, found, repeats)
    except AwsError as error:
        error.context = found
        raise
    return found


def _decode(models: Models, request: HttpRequest, found: Decoded, repeats: Repeats | None) -> None:
    kind = request.headers.get('content-type', '').partition(';')[0].strip()
    target = request.headers.get('x-amz-target', '')
    rpc = re.fullmatch(r'/service/(\w+)/operation/(\w+)', request.path)
    is_cbor = request.headers.get('smithy-protocol') == 'rpc-v2-cbor' or rpc is not None
    if is_cbor:
        found.protocol = CBOR
    elif target:
        found.protocol = JSON
    elif kind == 'application/x-www-form-urlencoded' or request.path == '/':
        found.protocol = QUERY
    else:
        found.protocol = REST
    form = {}
    if found.protocol == QUERY:
        text = request.body.decode('utf-8', 'replace') or request.target.partition('?')[2]
        form = dict(parse_qsl(text, keep_blank_values=True))
    scope = _SCOPE.search(request.headers.get('authorization', ''))
    if scope:
        found.access_key, _, found.region, signing = scope.groups()
        found.service = _SIGNING_NAMES.get(signing, '')
        if signing == 'ses':
            mail_manager = is_cbor or target.startswith('MailManagerSvc')
            found.service = 'sesv2' if found.protocol == REST else 'mailmanager' if mail_manager else 'ses'
        if not found.service:
            raise AwsError('InvalidAction', f'The simulator has no service that signs as {signing!r}', 404)
    elif form.get('Action') in ('AssumeRoleWithWebIdentity', 'AssumeRoleWithSAML'):
        found.service, found.region = 'sts', 'us-east-1'
    else:
        raise AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
    repeats = repeats if found.protocol == JSON else None
    raw = _operation(models, request, found, form, target, rpc, repeats)
    shape = found.operation.input_shape if found.operation else None
    if shape is None:
        return
    read = models.reader(found.operation, None if repeats is None else repeats.structure)
    found.params = read(raw, '', found.problems)
    if repeats is not None and not found.problems:
        found.params = repeats.keep(found.operation_name, request.body, found.params)


def _operation(
    models: Models,
    request: HttpRequest,
    found: Decoded,
    form: dict[str, str],
    target: str,
    rpc: re.Match[str] | None,
    repeats: Repeats | None,
) -> dict[str, Any]:
    """Set the operation and return its parameters as they came."""
    if found.protocol == QUERY:
        name, raw = form.pop('Action', ''), None
        version = form.pop('Version', '')
        found.operation_name, found.operation = name, models.operation(found.service, name)
        if found.operation is None:
            raise AwsError('InvalidAction', f'Could not find operation {name} for version {version}')
        tree: dict[str, Any] = {}
        for dotted, value in form.items():
            node = tree
            *parents, last = dotted.split('.')
            for word in parents:
                child = node.get(word)
                node = node.setdefault(word, {}) if isinstance(child, dict) or child is None else {}
            node[last] = value
        raw = shapes.query_value(found.operation.input_shape, tree) if found.operation.input_shape else {}
        return raw
    if found.protocol == REST:
        return _rest(models, request, found)
    name = rpc.group(2) if rpc else target.partition('.')[2]
    found.operation_name, found.operation = name, models.operation(found.service, name)
    if found.operation is None:
        raise AwsError('InvalidAction', f'Operation {name} is unknown', 404 if rpc else 400)
    try:
        if rpc and request.body:
            raw = cbor.loads(request.body)
        elif repeats is not None:
            raw = repeats.parse(name, request.body or b'{}')
        else:
            raw = json.loads(request.body or b'{}')
    except ValueError as error:
        raise AwsError('SerializationException', f'The body is not valid: {error}') from None
    if not isinstance(raw, dict):
        raise AwsError('SerializationException', 'Unexpected type in the body')
    return raw


def _rest(models: Models, request: HttpRequest, found: Decoded) -> dict[str, Any]:
    path, _, query = request.target.partition('?')
    route = models.route(found.service, request.method, path)
    if route is None:
        raise AwsError('InvalidAction', f'No operation at {request.method} {path}', 404)
    found.operation_name, labels = route
    found.operation = models.operation(found.service, found.operation_name)
    shape = found.operation.input_shape
    raw: dict[str, Any] = {}
    if request.body:
        try:
            raw = json.loads(request.body)
        except ValueError as error:
            raise AwsError('SerializationException', str(error)) from None
    raw.update(labels)
    pairs = parse_qsl(query, keep_blank_values=True)
    # By wire name whatever the model's place for it is: an older client puts into the query what a newer one posts.
    by_wire = {m.serialization.get('name', n): (n, m) for n, m in (shape.members.items() if shape else ())}
    for wire_name, value in pairs:
        if wire_name not in by_wire:
            continue
        name, member = by_wire[wire_name]
        if member.type_name == 'list':
            raw.setdefault(name, []).append(value)
        else:
            raw[name] = value
    return raw


def encode(models: Models, decoded: Decoded, result: dict[str, Any] | bytes, date: str, strict: bool) -> Reply:
    """The answer of a call that succeeded; bytes are JSON already. In strict mode ValueError if it breaks the model."""
    operation, protocol = decoded.operation, decoded.protocol
    shape = operation.output_shape
    headers = {'Date': date, 'x-amzn-RequestId': decoded.request_id}
    if isinstance(result, bytes):
        return Reply(200, headers | {'Content-Type': 'application/x-amz-json-1.0'}, result)
    if strict and shape is not None:
        wrong = shapes.check_answer(shape, result)
        if wrong:
            raise ValueError(f'{operation.name} answered what its model does not allow: {wrong}')
    if protocol == QUERY:
        parts: list[str] = []
        space = operation.service_model.metadata.get('xmlNamespace', '')
        parts.append(f'<{operation.name}Response xmlns="{space}">')
        if shape is not None:
            shapes.xml(shape, result, shape.serialization.get('resultWrapper', f'{operation.name}Result'), parts)
        parts.append(f'<ResponseMetadata><RequestId>{decoded.request_id}</RequestId></ResponseMetadata>')
        parts.append(f'</{operation.name}Response>')
        headers['Content-Type'] = 'text/xml'
        return Reply(200, headers, ''.join(parts).encode())
    if protocol == CBOR:
        headers |= {'Content-Type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor'}
        body = shapes.marked(shape, result, cbor.Timestamp, bytes) if shape is not None else {}
        return Reply(200, headers, cbor.dumps(body))
    if shape is not None and not models.is_plain(operation):
        result = shapes.marked(shape, result, float, _text_of)
    headers['Content-Type'] = 'application/json' if protocol == REST else 'application/x-amz-json-1.0'
    return Reply(200, headers, json.dumps(result, separators=(',', ':')).encode())


def _text_of(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def encode_error(models: Models, decoded: Decoded, error: AwsError, date: str) -> tuple[Reply, str]:
    """The answer of a call that failed, and the error code that a client will read from it."""
    code, status = error.spelled(decoded.service, decoded.protocol)
    fault = 'Sender' if status < 500 else 'Receiver'
    headers = {'Date': date, 'x-amzn-RequestId': decoded.request_id}
    if decoded.protocol == QUERY:
        space = models.service(decoded.service).metadata.get('xmlNamespace', '') if decoded.service else ''
        body = (
            f'<ErrorResponse xmlns="{space}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
            f'<Message>{escape(error.message)}</Message></Error><RequestId>{decoded.request_id}</RequestId>'
            '</ErrorResponse>'
        ).encode()
        return Reply(status, headers | {'Content-Type': 'text/xml'}, body), code
    name = _shape_name(models, decoded.service, error.code, code)
    if decoded.protocol == REST:
        headers |= {'Content-Type': 'application/json', 'x-amzn-ErrorType': code}
        return Reply(status, headers, json.dumps({'message': error.message}).encode()), code
    seen = name
    if decoded.service == 'cloudwatch' and not _is_front_door(error.code):
        # Services that once spoke the query protocol keep its codes for old clients in this header.
        seen = error.code
        headers['x-amzn-query-error'] = f'{seen};{fault}'
    if decoded.protocol == CBOR:
        headers |= {'Content-Type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor'}
        body = cbor.dumps({'__type': f'com.amazonaws.{decoded.service}#{name}', 'message': error.message})
        return Reply(status, headers, body), seen
    headers['Content-Type'] = 'application/x-amz-json-1.0'
    body = json.dumps({'__type': f'com.amazonaws.{decoded.service}#{name}', 'message': error.message}).encode()
    return Reply(status, headers, body), seen


def _is_front_door(code: str) -> bool:
    """Refusals from before the service is reached; they know nothing of the query protocol's codes."""
    return code in AUTHENTICATION or code in ('InvalidAction', 'SerializationException')


def _shape_name(models: Models, service: str | None, code: str, spelled: str) -> str:
    """The model's error shape for a code, such as InvalidParameterValueException; else the JSON spelling."""
    if service:
        model = models.service(service)
        for candidate in (code, f'{code}Exception', code.replace('Error', 'Fault')):
            if candidate in model.shape_names:
                return candidate
    return spelled
