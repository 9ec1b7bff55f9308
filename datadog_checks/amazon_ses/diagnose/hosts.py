"""Hosts: whether a name resolves and whether anything takes connections there. Nothing is sent."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from datadog_checks.amazon_ses.diagnose.answers import Host

PORTS = {'https': 443, 'http': 80}


def host_on_the_way(url: str, proxy: str) -> Host:
    """The host that this machine talks to for a URL. Credentials in the URLs are left out."""
    parts = urlsplit(proxy or url)
    return Host(parts.hostname or '', parts.port or PORTS.get(parts.scheme, 443), bool(proxy))


def reached(host: Host, seconds: float) -> Host:
    """The host after its name was resolved and a connection was opened and closed."""
    try:
        resolved = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return replace(host, defect=f'the name does not resolve ({getattr(error, "strerror", "") or "it is no name"})')
    addresses = list(dict.fromkeys(str(info[4][0]) for info in resolved))
    parsed = [ip_address(address.partition('%')[0]) for address in addresses]
    is_private = all(address.is_private and not address.is_loopback for address in parsed)
    host = replace(host, addresses=len(addresses), is_private=is_private)
    try:
        socket.create_connection((host.name, host.port), seconds).close()
    except OSError as error:
        return replace(host, defect=f'there is no connection ({error.strerror or "no answer in time"})')
    return host
