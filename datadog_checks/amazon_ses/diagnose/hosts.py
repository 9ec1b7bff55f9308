"""Hosts: whether a name resolves and whether anything takes connections there. Nothing is sent."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

PORTS = {'https': 443, 'http': 80}


@dataclass(frozen=True, slots=True)
class Host:
    """A host that requests go to: AWS's, or that of the proxy on the way.

    `addresses` is how many its name has, `is_private` says that they are of a private network, as those of a VPC
    endpoint are. `defect` is empty, or says what does not work.
    """

    name: str
    port: int
    is_proxy: bool = False
    addresses: int = 0
    is_private: bool = False
    defect: str = ''

    def __str__(self) -> str:
        return f'{"the proxy " if self.is_proxy else ""}{self.name}:{self.port}'


def host_on_the_way(url: str, proxy: str) -> Host:
    """The host that this machine talks to for a URL. Credentials in the URLs are left out."""
    parts = urlsplit(proxy or url)
    return Host(parts.hostname or '', parts.port or PORTS.get(parts.scheme, 443), bool(proxy))


def reached(host: Host, seconds: float) -> Host:
    """The host after its name was resolved and a connection was opened and closed."""
    try:
        found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # The text of the error names no more than the cause.
        return _with(host, 0, False, f'the name does not resolve ({getattr(error, "strerror", "") or "no name"})')
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    is_private = all(ip_address(address.partition('%')[0]).is_private for address in addresses)
    try:
        socket.create_connection((host.name, host.port), seconds).close()
    except OSError as error:
        return _with(host, len(addresses), is_private, f'no connection ({error.strerror or "no answer in time"})')
    return _with(host, len(addresses), is_private, '')


def _with(host: Host, addresses: int, is_private: bool, defect: str) -> Host:
    return Host(host.name, host.port, host.is_proxy, addresses, is_private, defect)
