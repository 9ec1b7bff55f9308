"""Connections to AWS, shared by all clients of a process that reach a host by the same route.

A request is signed for its account, and nothing of that stays with a connection, so instances of different accounts
share it. What sharing saves is in botocore_internals.py. The limits of an answer are in intake.py.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Lock, local
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakValueDictionary, finalize

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.intake import LONGEST_ANSWER, LONGEST_ANSWERS, Intake, LimitedOptions, TooLarge
from datadog_checks.amazon_ses.configuration.proxies import Proxies
from datadog_checks.amazon_ses.endpoints import Endpoint

MAX_IDLE = 64
"""Connections to a host that stay open when no request needs them: more than there are requests at the same time."""

REFUSED = 400
"""The lowest HTTP status of an answer that says no."""

SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))

ResponseParser = Callable[[Any], Any]
"""From the response to the response that botocore reads."""


class Route(NamedTuple):
    """How a host is reached: everything that a connection depends on."""

    url: str
    verify: bool | str
    proxies: tuple[tuple[str, str], ...]
    connect_timeout: float
    read_timeout: float


def proxies_for(url: str, proxies: Proxies | None) -> tuple[tuple[str, str], ...]:
    """The proxies for a URL, by scheme: those of the options, else those of the environment."""
    if proxies is None:
        return () if proxy_bypass(urlsplit(url).netloc) else tuple(sorted(getproxies().items()))
    if proxies.urls and proxies.no_proxy:
        # Loads `requests`, which nothing else here needs.
        from datadog_checks.base.utils.http import should_bypass_proxy

        if should_bypass_proxy(url, list(proxies.no_proxy)):
            return ()
    return tuple(sorted(proxies.urls.items()))


class Connections:
    """The connections of a route. They close with the last client that uses them."""

    _by_route: WeakValueDictionary[Route, Connections] = WeakValueDictionary()
    _lock = Lock()

    def __init__(self, http_session: Any, seconds: float) -> None:
        """`seconds` are what one request may take as a whole."""
        self._http_session = http_session
        self._seconds = seconds

    @classmethod
    def shared(cls, route: Route) -> Connections | None:
        """The connections of a route, made for the first client that asks. None where botocore makes its own."""
        with cls._lock:
            connections = cls._by_route.get(route)
            if connections is None:
                http_session = botocore_internals.new_http_session(
                    route.verify,
                    proxies=dict(route.proxies),
                    timeout=(route.connect_timeout, route.read_timeout),
                    max_pool_connections=MAX_IDLE,
                    socket_options=LimitedOptions(SOCKET_OPTIONS),
                )
                if http_session is None:
                    return None
                connections = cls._by_route[route] = cls(http_session, route.connect_timeout + route.read_timeout)
            return connections

    def sender(self, service: str, parse: ResponseParser, endpoint: Endpoint) -> Sender:
        """The sender of a client of a service, which passes responses through `parse`."""
        longest = LONGEST_ANSWERS.get(service, LONGEST_ANSWER)

        def limited(request: Any) -> tuple[Any, Intake]:
            return limited_answer(self._http_session, request, longest, self._seconds)

        return Sender(limited, parse, endpoint)


class Sender:
    """Sends prepared requests to one endpoint over shared connections."""

    def __init__(self, limited: Callable[[Any], tuple[Any, Intake]], parse: ResponseParser, endpoint: Endpoint) -> None:
        """`limited` gives the response to a request within the limits of an answer, and what holds its bytes."""
        self._limited = limited
        self._parse = parse
        self._endpoint = endpoint

    def attach(self, client: Any) -> None:
        """Send all requests of a client."""
        client.meta.events.register('before-send', lambda request, **_: self.send(request))

    def send(self, request: Any) -> Any:
        """The response that botocore reads. Raises TooLarge, or what botocore raises."""
        endpoint = self._endpoint
        answers_before = endpoint.begin()
        try:
            response, intake = self._limited(request)
        except TooLarge:
            endpoint.end_answered()
            raise
        except Exception:
            endpoint.end_unanswered(answers_before)
            raise
        end_answered(endpoint, response.status_code)
        parsed = self._parse(response)
        # The bytes count until botocore has read the response, and drops it.
        finalize(parsed, intake.release).atexit = False
        return parsed


class MetadataSession:
    """Asks for the credentials of the machine or the container: never through a proxy, and within limits."""

    def __init__(self, seconds: float) -> None:
        self._http_session = botocore_internals.new_http_session(True, timeout=seconds)
        # Connecting and reading take that long each.
        self._seconds = 2 * seconds

    @property
    def is_usable(self) -> bool:
        return self._http_session is not None

    def send(self, request: Any) -> Any:
        response, intake = limited_answer(self._http_session, request, LONGEST_ANSWER, self._seconds)
        intake.release()
        return response


def limited_answer(http_session: Any, request: Any, longest: int, seconds: float) -> tuple[Any, Intake]:
    """The answer to a request, and the intake that holds its bytes. Raises TooLarge, or what botocore does."""
    intake = Intake(longest, seconds)
    try:
        with intake:
            return http_session.send(request), intake
    except Exception as error:
        intake.release()
        cause = vars(error).get('kwargs', {}).get('error')
        if isinstance(cause, TooLarge):
            raise cause from None
        raise


def attach_events(client: Any, endpoint: Endpoint) -> None:
    """Tell an endpoint how the requests of a client end, where botocore sends them over connections of its own."""
    request = local()

    def begin(**_: Any) -> None:
        request.answers_before = endpoint.begin()

    def end(response: tuple[Any, Any] | None = None, **_: Any) -> None:
        """After each attempt. Returns nothing, so whether it is repeated stays as it is."""
        if response is None:
            endpoint.end_unanswered(request.answers_before)
        else:
            end_answered(endpoint, response[0].status_code)

    client.meta.events.register('before-send', begin)
    client.meta.events.register('needs-retry', end)


def end_answered(endpoint: Endpoint, status: int) -> None:
    """Tell an endpoint of an answer with this HTTP status."""
    endpoint.end_answered()
    if status < REFUSED:
        # A refusal wakes nobody before its step has ended: it may be one of the sign-in, which spares the others.
        endpoint.wake()
