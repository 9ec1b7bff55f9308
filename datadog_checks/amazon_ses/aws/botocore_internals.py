"""Every part of botocore that botocore does not document and that the edge uses.

Documented are its sessions, clients, configuration, loaders, exceptions and responses, and the events of a request in
the guide of boto3. Everything else is declared here with what it gains, and no other module may import it. botocore may
rename or remove such a part in any release: each function below then does nothing or returns None, and the check
collects the same without the gain.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from ssl import SSLContext
from typing import Any, NamedTuple

from botocore.credentials import Credentials
from botocore.exceptions import UnknownCredentialError
from botocore.loaders import create_loader

from datadog_checks.amazon_ses.aws.intake import LimitedResponse
from datadog_checks.amazon_ses.configuration.network import SERVICES


@dataclass(frozen=True, slots=True)
class Internal:
    """A part of botocore by its full `names`, the `gain` from it, and what happens `without` it.

    Gains are medians on one core of a small server, botocore 1.43.98 unless another is named. `command` measures the
    figure with the part; the one without it is the same command with the function of the part emptied.
    """

    names: tuple[str, ...]
    gain: str
    command: str
    without: str


class Pattern(NamedTuple):
    """What the requests of an operation have in common: the method, the URL, and the headers."""

    method: str
    url: str
    headers: Mapping[str, str]


INSTANCES = 'make bench ONLY=clients'
SERIES = 'make bench ONLY=sets1000'
TLS = 'make bench ONLY=clients, with an https endpoint_url'

HTTP_SESSION = Internal(
    ('botocore.httpsession.URLLib3Session',),
    '2.8 MB and 81 ms of CPU for each further instance over TLS, as all instances share connections.',
    TLS,
    'Each client opens connections of its own, through the proxies of the options all the same.',
)
TLS_CONTEXT = Internal(
    ('botocore.httpsession.URLLib3Session._get_ssl_context',),
    '1.4 MB and 30 ms for each further Region, whose hosts share one TLS context; 31 ms for each connection, which '
    'finds the certificate authorities loaded.',
    TLS,
    'Each host has a TLS context of its own, and each connection reads the file of authorities.',
)
EVENT_HANDLERS = Internal(
    (
        'botocore.handlers.BUILTIN_HANDLERS',
        'botocore.handlers.REGISTER_FIRST',
        'botocore.handlers.REGISTER_LAST',
        'botocore.hooks.EventAliaser',
        'botocore.hooks.HierarchicalEmitter',
    ),
    '0.5 MB and 16 ms for each further instance, whose clients copy 16 event handlers instead of 126.',
    INSTANCES,
    'Sessions register all handlers, those of S3 and EC2 as well.',
)
SERVICE_MODELS = Internal(
    ('botocore.session.Session.register_component',),
    '18 MB and 129 ms for each further instance, as all sessions of a process share the models of the services.',
    INSTANCES,
    'Each session loads the models of its services.',
)
TIMESTAMPS = Internal(
    ('botocore.parsers.ResponseParserFactory.set_parser_defaults',),
    '960 of 2,140 ms of a run with 10,000 series where CloudWatch answers in XML (botocore 1.40.21).',
    SERIES,
    'botocore makes a datetime of each timestamp, which values.epoch() reads as well.',
)
PROTOCOL = Internal(
    ('botocore.model.ServiceModel.resolved_protocol',),
    '174 of 430 ms of a run with 10,000 series, as requests to CloudWatch (99) and answers (46) bypass the models.',
    SERIES,
    'botocore builds each request and reads each answer value by value.',
)
SIGNING = Internal(
    ('botocore.credentials.Credentials.get_frozen_credentials',),
    'Credentials are loaded, renewed and dropped without new clients, which take 16 ms to make.',
    INSTANCES,
    'Signing reads the keys one by one, from properties that load them as well.',
)
RENEWAL = Internal(
    ('botocore.credentials.DeferredRefreshableCredentials',),
    "A role's session is renewed before it ends, so that no run fails for it.",
    'pytest tests/integration/test_sign_in.py -k renewed',
    'The first run after the end of a session, once an hour, fails and signs in again for the next one.',
)
CONNECTIONS = Internal(
    (
        'botocore.awsrequest.AWSHTTPConnectionPool',
        'botocore.awsrequest.AWSHTTPSConnectionPool',
    ),
    'No answer is read beyond a limit of bytes, and a request ends as a whole, however slowly its answer trickles.',
    'pytest tests/integration/test_intake.py',
    'Answers are read whatever their size, and for as long as no read of them takes longer than read_timeout.',
)
METADATA = Internal(
    (
        'botocore.credentials.CredentialResolver.get_provider',
        'botocore.credentials.InstanceMetadataProvider',
        'botocore.credentials.ContainerProvider',
    ),
    'Credentials of the machine or the container are asked for without a proxy, and their answers are limited.',
    'pytest tests/integration/test_sign_in.py -k metadata',
    'The proxies of the environment hold for the credentials of the machine, and its answers have no limit of bytes.',
)
REPEATED_REQUESTS = Internal(
    ('botocore.awsrequest.AWSRequest', 'botocore.signers.RequestSigner.sign', 'botocore.parsers.ResponseParser.parse'),
    '5 of 95 ms of a run with 10,000 series, and 0.3 of 6 ms of one with 20.',
    'make bench ONLY=floor1,floor1000',
    'Each request is a whole call of botocore.',
)
INTERNALS = (
    HTTP_SESSION,
    TLS_CONTEXT,
    EVENT_HANDLERS,
    SERVICE_MODELS,
    TIMESTAMPS,
    PROTOCOL,
    SIGNING,
    RENEWAL,
    CONNECTIONS,
    METADATA,
    REPEATED_REQUESTS,
)

CREDENTIAL_SERVICES = ('sso', 'sso-oidc', 'signin')
"""Services besides STS that botocore asks by itself to find credentials."""

MISSING = (ImportError, AttributeError, TypeError, ValueError)
"""Raised where a part is not there, or not as expected."""


def new_http_session(verify: bool | str, **options: Any) -> Any:
    """An HTTP session that shares the TLS context of `verify` with all others. None without HTTP_SESSION.

    `options` are those of botocore's session. Its method `send` takes a prepared request and returns the response.
    """
    try:
        plain_class = _part(HTTP_SESSION.names[0])
        http_session = _with_shared_context(plain_class, verify)(verify=verify, **options)
    except MISSING:
        return None
    _limit_connections(http_session)
    return http_session


def replace_metadata_sessions(session: Any, http_session: Any) -> None:
    """Let a session ask for the credentials of the machine and the container through this HTTP session. Needs METADATA.

    Raises what botocore raises where the settings of these credentials are wrong.
    """
    for provider, attribute in (('iam-role', '_role_fetcher'), ('container-role', '_fetcher')):
        try:
            fetcher = getattr(session.get_component('credential_provider').get_provider(provider), attribute)
            if hasattr(fetcher, '_session'):
                fetcher._session = http_session
        except (*MISSING, UnknownCredentialError):
            pass


def new_event_emitter() -> Any:
    """The event handlers of a session that only asks our services. None without EVENT_HANDLERS."""
    emitter = _event_emitter()
    return None if emitter is None else copy(emitter)


def share_service_models(session: Any) -> None:
    """Let a session read the models, endpoints and rules that others have read. Needs SERVICE_MODELS."""
    try:
        session.register_component('data_loader', _loader())
    except MISSING:
        pass


def leave_timestamps(session: Any) -> None:
    """Let clients of a session leave timestamps in answers as AWS sent them. Needs TIMESTAMPS."""
    try:
        session.get_component('response_parser_factory').set_parser_defaults(timestamp_parser=_unchanged)
    except MISSING:
        pass


def protocol_of(client: Any) -> str:
    """The protocol that a client speaks, by botocore's name for it. Empty without PROTOCOL."""
    try:
        return str(client.meta.service_model.resolved_protocol)
    except MISSING:
        return ''


def expiring_credentials(renew: Callable[[], Mapping[str, str]], method: str) -> Credentials:
    """Credentials that are renewed before they expire. Without RENEWAL they are renewed once, now."""
    try:
        renewed: Credentials = _part(RENEWAL.names[0])(renew, method)
        return renewed
    except MISSING:
        keys = renew()
        return Credentials(keys['access_key'], keys['secret_key'], keys['token'], method)


OF_ONE_REQUEST = frozenset(
    {'authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256', 'content-length'}
    | {'amz-sdk-invocation-id', 'amz-sdk-request'}
)
"""Headers that differ from request to request, in lower case."""


def pattern_of(request: Any) -> Pattern:
    """The pattern of the operation of a prepared request."""
    headers = {name: _text(value) for name, value in request.headers.items() if name.lower() not in OF_ONE_REQUEST}
    return Pattern(request.method, request.url, headers)


def repeated(client: Any, operation: str, pattern: Pattern, body: bytes) -> Any | None:
    """A prepared request of a client by a pattern, with this body, signed. None without REPEATED_REQUESTS, and where it
    cannot be signed: a call of the client then says why."""
    try:
        request = _part(REPEATED_REQUESTS.names[0])(*pattern, body)
        client._request_signer.sign(operation, request)
        return request.prepare()
    except Exception:
        return None


def response_parser(client: Any, operation: str) -> Callable[[Any], Mapping[str, Any] | None]:
    """What reads the answer in a response to an operation as the client does, and gives None where it cannot."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    parser: Any = getattr(client, '_response_parser', None)

    def parse(response: Any) -> Mapping[str, Any] | None:
        parts = {'headers': response.headers, 'status_code': response.status_code, 'body': response.content}
        try:
            answer: Mapping[str, Any] = parser.parse({**parts, 'context': {'operation_name': operation}}, shape)
        except Exception:
            return None
        return answer

    return parse


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _part(name: str) -> Any:
    """The object of a full name. Raises ImportError or AttributeError where botocore does not have it."""
    module, _, attribute = name.rpartition('.')
    return getattr(import_module(module), attribute)


@cache
def _loader() -> Any:
    return create_loader()


def _unchanged(timestamp: Any) -> Any:
    return timestamp


@cache
def _event_emitter() -> Any:
    """The handlers for our services, registered as a session of botocore does it. None without EVENT_HANDLERS."""
    try:
        handlers, first, last, aliaser_class, emitter_class = map(_part, EVENT_HANDLERS.names)
        emitter = emitter_class()
        aliaser = aliaser_class(emitter)
        registers = {first: aliaser.register_first, last: aliaser.register_last}
        for event, handler, *order in handlers:
            if _concerns_us(event):
                registers.get(order[0] if order else None, aliaser.register)(event, handler)
    except MISSING:
        return None
    return emitter


def _concerns_us(event: str) -> bool:
    """Whether an event is about one of our services or about all, and not about building documentation."""
    stage, _, subject = event.partition('.')
    return stage != 'docs' and subject.partition('.')[0] in ('', '*', *SERVICES, *CREDENTIAL_SERVICES)


_contexts: dict[bool | str, SSLContext] = {}


def _with_shared_context(plain_class: Any, verify: bool | str) -> Any:
    """The class of HTTP sessions with a TLS context for all who trust the same. Unchanged without TLS_CONTEXT."""
    method = TLS_CONTEXT.names[0].rpartition('.')[2]
    new_context = getattr(plain_class, method, None)
    if new_context is None:
        return plain_class

    def shared_context(session: Any, *arguments: Any) -> SSLContext:
        context = _contexts.get(verify)
        if context is None:
            context = new_context(session, *arguments)
            context.load_verify_locations = _once(context.load_verify_locations)
            # Of two that are made at the same time one stays.
            context = _contexts.setdefault(verify, context)
        return context

    return type(plain_class.__name__, (plain_class,), {method: shared_context})


def _limit_connections(http_session: Any) -> None:
    """Let the connections of an HTTP session read within the limits of the thread. Needs CONNECTIONS."""
    try:
        pools = http_session._pool_classes_by_scheme
        # The pool managers of the session hold the same dictionary.
        pools.update({scheme: _limited_pool(pool_class) for scheme, pool_class in pools.items()})
    except MISSING:
        pass


@cache
def _limited_pool(pool_class: Any) -> Any:
    connection_class = pool_class.ConnectionCls
    limited = type(connection_class.__name__, (connection_class,), {'response_class': LimitedResponse})
    return type(pool_class.__name__, (pool_class,), {'ConnectionCls': limited})


def _once(load: Callable[..., None]) -> Callable[..., None]:
    """Load a file of authorities, but not again while the file stays as it is."""
    loaded: dict[Any, tuple[int, ...]] = {}

    def load_verify_locations(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if cafile is None or capath or cadata:
            load(cafile, capath, cadata)
            return
        status = os.stat(cafile)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        if loaded.get(cafile) != stamp:
            load(cafile)
            loaded[cafile] = stamp

    return load_verify_locations
