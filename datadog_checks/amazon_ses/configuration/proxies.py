"""Which proxy is used: that of the instance, else of init_config, else the Agent's, else the environment's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from datadog_checks.amazon_ses.configuration.options import Options, SettingsError, host_of

SCHEMES = ('http', 'https')
ACCEPTED = (
    'a map with http, https (each the URL of an HTTP proxy, http://HOST:PORT) and no_proxy (a list of hosts); '
    'SOCKS proxies do not work with the AWS SDK'
)


@dataclass(frozen=True, slots=True)
class Proxies:
    """URLs of proxies by scheme, and the hosts that are reached without one. No URLs: no proxy at all."""

    urls: Mapping[str, str]
    no_proxy: tuple[str, ...] = ()

    @property
    def passwords(self) -> tuple[str, ...]:
        """The passwords in the URLs, as they are written and as they are sent."""
        found = [urlsplit(url).password for url in self.urls.values()]
        return tuple(form for password in found if password for form in dict.fromkeys((password, unquote(password))))


def read(instance: Mapping[str, Any], init_config: Mapping[str, Any], agent_proxy: object) -> Proxies | None:
    """The proxies that the options name; None leaves it to the environment. Raises SettingsError."""
    if Options(instance).flag('skip_proxy', Options(init_config).flag('skip_proxy', False)):
        return Proxies({})
    for given in (instance.get('proxy'), init_config.get('proxy')):
        if given is not None:
            return _checked(given)
    if agent_proxy and Options(init_config).flag('use_agent_proxy', True):
        return _checked(agent_proxy)
    return None


def _checked(given: object) -> Proxies | None:
    if not isinstance(given, Mapping) or not set(given) <= {*SCHEMES, 'no_proxy'}:
        raise _refused()
    urls = {}
    for scheme in SCHEMES:
        url = given.get(scheme)
        if not url:
            continue
        url = str(url) if '://' in str(url) else f'http://{url}'
        if not host_of(url) or urlsplit(url).scheme not in SCHEMES:
            raise _refused()
        urls[scheme] = url
    hosts = given.get('no_proxy') or ()
    if isinstance(hosts, str):
        hosts = hosts.replace(';', ',').split(',')
    if not isinstance(hosts, (list, tuple)):
        raise _refused()
    return Proxies(urls, tuple(str(host).strip() for host in hosts if str(host).strip())) if urls else None


def _refused() -> SettingsError:
    # The value is not shown: it may hold a password.
    return SettingsError(f'Option `proxy`: (not shown) cannot be used. Accepted: {ACCEPTED}.')
