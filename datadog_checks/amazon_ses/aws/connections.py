"""Connections to AWS: whoever reaches a host in the same way shares them, whichever instance it is.

A request is signed for its account, and nothing of that stays with a connection. What does stay is dear: reading the
authorities takes 25 ms and 0.7 MB, and botocore does it for each client, and again for each connection.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from ssl import SSLContext
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from datadog_checks.amazon_ses.configuration.proxies import Proxies
from datadog_checks.amazon_ses.endpoints import Endpoint

IDLE = 64
"""Connections to a host that are kept when they are done: more than ask at the same time."""

REFUSED = 400
"""The lowest HTTP status of an answer that says no."""

SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))


class Way(NamedTuple):
    """How a host is reached: everything that a connection depends on."""

    url: str
    verify: bool | str
    proxies: tuple[tuple[str, str], ...]
    connect_timeout: float
    read_timeout: float


def proxies_for(url: str, proxies: Proxies | None) -> tuple[tuple[str, str], ...]:
    """The proxies on the way to a URL, by scheme: those of the options, else those of the environment."""
    if proxies is None:
        return tuple(sorted(get_environ_proxies(url).items()))
    if proxies.urls and proxies.no_proxy:
        from datadog_checks.base.utils.http import should_bypass_proxy

        if should_bypass_proxy(url, list(proxies.no_proxy)):
            return ()
    return tuple(sorted(proxies.urls.items()))


class Connections:
    """The connections on one way. They end with the last client that uses them."""

    _all: WeakValueDictionary[Way, Connections] = WeakValueDictionary()
    _lock = Lock()

    def __init__(self, way: Way) -> None:
        self._http = _Http(way)

    @classmethod
    def on(cls, way: Way) -> Connections:
        """Those on this way, which are made for the first who asks."""
        with cls._lock:
            found = cls._all.get(way)
            if found is None:
                found = cls._all[way] = cls(way)
            return found

    def carry(self, client: Any, endpoint: Endpoint) -> Any:
        """Send all requests of this client to an endpoint over these connections. Returns the client."""
        client.meta.events.register('before-send', partial(self._send, endpoint))
        return client

    def _send(self, endpoint: Endpoint, request: Any, **_: Any) -> Any:
        answers_before = endpoint.begin()
        try:
            response = self._http.send(request)
        except Exception:
            endpoint.end_unanswered(answers_before)
            raise
        endpoint.end_answered()
        if response.status_code < REFUSED:
            # A refusal wakes nobody before its step has ended: it may be one of the sign-in, which spares the others.
            endpoint.wake()
        return response


class _Http(URLLib3Session):  # type: ignore[misc]  # botocore is not annotated
    """botocore's HTTP, with one TLS context in the process for all who trust the same."""

    _contexts: dict[bool | str, SSLContext] = {}

    def __init__(self, way: Way) -> None:
        self._trusted = way.verify
        super().__init__(
            verify=way.verify,
            proxies=dict(way.proxies),
            timeout=(way.connect_timeout, way.read_timeout),
            max_pool_connections=IDLE,
            socket_options=list(SOCKET_OPTIONS),
        )

    def _get_ssl_context(self) -> SSLContext:
        context = self._contexts.get(self._trusted)
        if context is None:
            context = super()._get_ssl_context()
            context.load_verify_locations = _once(context.load_verify_locations)
            # Of two that are made at the same time one is kept.
            context = self._contexts.setdefault(self._trusted, context)
        return context


def _once(load: Callable[..., None]) -> Callable[..., None]:
    """Reading a file of authorities, but not again while it stays as it is."""
    read: dict[Any, tuple[int, ...]] = {}

    def load_verify_locations(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if cafile is None or capath or cadata:
            load(cafile, capath, cadata)
            return
        now = os.stat(cafile)
        stamp = (now.st_ino, now.st_size, now.st_mtime_ns)
        if read.get(cafile) != stamp:
            load(cafile)
            read[cafile] = stamp

    return load_verify_locations
