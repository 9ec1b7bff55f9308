"""A small threaded HTTP/1.1 server that can mistreat a connection on purpose."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import responses
from typing import IO

from simulator.wire import HttpRequest, Reply

NOT_HTTP = b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
_LINGER_ZERO = struct.pack('ii', 1, 0)
MAX_BODY = 16 * 1024 * 1024


class HttpServer:
    """Serves `answer(request) -> Reply` on loopback, one thread for each connection, until `stop`.

    `tls` wraps every connection. `port` is the bound port. `stopping` is set when the server goes down.
    """

    def __init__(
        self, answer: Callable[[HttpRequest], Reply], port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.stopping = threading.Event()
        self._answer = answer
        self._tls = tls
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(('127.0.0.1', port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name='simulator-accept', daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def stop(self) -> None:
        """Close everything and wait for the threads; quick even while an answer hangs."""
        self.stopping.set()
        # shutdown wakes the thread that waits in accept; close alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._acceptor.is_alive():
            self._acceptor.join(2)
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(2)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name='simulator-http', daemon=True)
            with self._lock:
                self._connections.add(connection)
                self._threads = {running for running in self._threads if running.is_alive()} | {thread}
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        stream = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection.settimeout(10)
                stream = self._tls.wrap_socket(connection, server_side=True)
                stream.settimeout(None)
                with self._lock:
                    self._connections.discard(connection)
                    self._connections.add(stream)
            with stream.makefile('rb', -1) as reader:
                while not self.stopping.is_set():
                    try:
                        request = read_request(reader, stream)
                    except ValueError:
                        stream.sendall(NOT_HTTP)
                        raise
                    if request is None or not self._send(stream, request, self._answer(request)):
                        return
        except (OSError, ValueError):
            pass  # the client left or spoke no HTTP
        finally:
            with self._lock:
                self._connections -= {connection, stream}
            stream.close()

    def _send(self, stream: socket.socket, request: HttpRequest, reply: Reply) -> bool:
        """Send the reply; whether the connection goes on."""
        keep = request.headers.get('connection', '').lower() != 'close'
        lines = [f'HTTP/1.1 {reply.status} {responses.get(reply.status, "Unknown")}']
        lines += [f'{name}: {value}' for name, value in reply.headers.items()]
        lines += [f'Content-Length: {len(reply.body)}', f'Connection: {"keep-alive" if keep else "close"}', '', '']
        head = '\r\n'.join(lines).encode('latin-1')
        if reply.misbehaviour is None:
            stream.sendall(head + (b'' if request.method == 'HEAD' else reply.body))
            return keep
        self._mistreat(stream, head, reply)
        return False

    def _mistreat(self, stream: socket.socket, head: bytes, reply: Reply) -> None:
        kind, argument = reply.misbehaviour, None if reply.argument is None else float(reply.argument)
        if kind == 'reset':
            # With linger zero the close sends RST instead of FIN.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        elif kind == 'hang':
            self.stopping.wait(argument)
        elif kind == 'truncate':
            share = 0.5 if argument is None else argument
            stream.sendall(head + reply.body[: int(len(reply.body) * share)])
        elif kind == 'drip':
            for byte in head + reply.body:
                if self.stopping.wait(0.05 if argument is None else argument):
                    return
                stream.sendall(bytes((byte,)))


def read_request(reader: IO[bytes] | socket.SocketIO, stream: socket.socket) -> HttpRequest | None:
    """The next request of a connection; None at its end. ValueError for anything but HTTP."""
    line = reader.readline(65_537)
    while line in (b'\r\n', b'\n'):
        line = reader.readline(65_537)
    if not line:
        return None
    method, target, version = line.decode('latin-1').rstrip('\r\n').split(' ', 2)
    if not version.startswith('HTTP/'):
        # The greeting of TLS is binary, and may look like three words.
        raise ValueError('not HTTP')
    headers: dict[str, str] = {}
    while (line := reader.readline(65_537)) not in (b'\r\n', b'\n', b''):
        name, _, value = line.decode('latin-1').partition(':')
        headers[name.strip().lower()] = value.strip()
    if headers.get('expect', '').lower() == '100-continue':
        stream.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
    if headers.get('transfer-encoding', '').lower() == 'chunked':
        return HttpRequest(method, target, headers, _chunks(reader))
    length = int(headers.get('content-length') or 0)
    if not 0 <= length <= MAX_BODY:
        raise ValueError('body too large')
    body = reader.read(length) if length else b''
    if len(body) < length:
        return None
    return HttpRequest(method, target, headers, body)


def _chunks(reader: IO[bytes] | socket.SocketIO) -> bytes:
    body, size = b'', -1
    while size:
        size = int(reader.readline(1024).partition(b';')[0], 16)
        if len(body) + size > MAX_BODY:
            raise ValueError('body too large')
        body += reader.read(size)
        reader.readline(1024)
    return body
