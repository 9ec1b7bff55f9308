"""The network between a client and AWS: a TLS twin of the simulator with a private CA, and a CONNECT proxy."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import select
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.server import HttpServer, read_request
from simulator.simulator import Simulator

AWS_NAMES = ('*.amazonaws.com', '*.us-east-1.amazonaws.com', '*.eu-west-1.amazonaws.com', '*.amazonaws.com.cn')


def certificates(folder: Path, names: Sequence[str] = ()) -> tuple[Path, Path]:
    """Make a private CA and a server certificate; (CA file, file of the server's certificate and key), PEM.

    The certificate is for loopback and `names`, valid from an hour before the machine's now until a day after it.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)

    def common_name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(common_name(subject)).issuer_name(common_name('Simulator CA'))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - hour).not_valid_after(now + 24 * hour)

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    authority_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = (
        certificate('Simulator CA', ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(authority_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    loopback = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    alternatives = [*(x509.DNSName(name) for name in ('localhost', *AWS_NAMES, *names)), loopback]
    leaf = (
        certificate('localhost', key)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_file, server_file = folder / 'ca.pem', folder / 'server.pem'
    ca_file.write_bytes(ca.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server_file.touch(mode=0o600)
    server_file.write_bytes(leaf.public_bytes(pem) + secret)
    return ca_file, server_file


class TlsTwin:
    """The same simulator over HTTPS: `endpoint_url`, `ca_file` for verify= and `port`. A context manager.

    `folder` keeps the certificate files; None makes a temporary one. `names` are further host names.
    """

    def __init__(self, sim: Simulator, folder: Path | None = None, names: Sequence[str] = ()) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        ca_file, server_file = certificates(folder or Path(self._temporary.name), names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server_file)
        self._server = HttpServer(sim.answer, tls=context)
        self.ca_file = str(ca_file)
        self.port = self._server.port
        self.endpoint_url = f'https://127.0.0.1:{self.port}'

    def start(self) -> TlsTwin:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End the server and remove a temporary folder."""
        self._server.stop()
        self._temporary.cleanup()

    def __enter__(self) -> TlsTwin:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


class ConnectProxy:
    """An HTTP proxy that leads every CONNECT to the same port on loopback, whatever host it names.

    `url` is the proxy's; `hosts` lists the hosts that were named and `authorizations` the decoded user:password (None
    if there was none). With `password` ('user:password') any other gets 407; `refuse` answers 407 always.
    """

    def __init__(self, port: int, password: str | None = None, refuse: bool = False) -> None:
        self.hosts: list[str] = []
        self.authorizations: list[str | None] = []
        self._target = port
        self._password = password
        self._refuse = refuse
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'

    def __enter__(self) -> ConnectProxy:
        self._spawn(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for thread in list(self._threads):
            thread.join(2)
        self._listener.close()

    def _spawn(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, name='simulator-proxy', daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                self._spawn(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        with client:
            # Unbuffered, or the reader would swallow the first bytes of the TLS handshake.
            reader = client.makefile('rb', 0)
            request = read_request(reader, client)
            if request is None or request.method != 'CONNECT':
                client.sendall(b'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n')
                return
            encoded = request.headers.get('proxy-authorization', '').removeprefix('Basic ').strip()
            password = base64.b64decode(encoded).decode() if encoded else None
            self.hosts.append(request.target)
            self.authorizations.append(password)
            if self._refuse or (self._password is not None and password != self._password):
                client.sendall(
                    b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"\r\n'
                    b'Content-Length: 0\r\n\r\n'
                )
                return
            with socket.create_connection(('127.0.0.1', self._target)) as target:
                client.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
                with suppress(OSError):
                    self._relay(client, target)

    def _relay(self, client: socket.socket, target: socket.socket) -> None:
        """Pass on the bytes of both until one of them ends."""
        receivers = {client: target, target: client}
        while not self._stopping.is_set():
            for ready in select.select(list(receivers), [], [], 0.05)[0]:
                content = ready.recv(65_536)
                if not content:
                    return
                receivers[ready].sendall(content)
