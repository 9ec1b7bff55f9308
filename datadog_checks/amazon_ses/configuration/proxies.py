"""Proxies: the options `proxy` and `skip_proxy` of the instance, else of init_config, else the Agent's own proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from datadog_checks.amazon_ses.configuration.options import NOT_SHOWN, Options, SettingsError, host_of, refused

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
        passwords = [urlsplit(url).password for url in self.urls.values()]
        return tuple(form for text in passwords if text for form in dict.fromkeys((text, unquote(text))))


def parse_proxies(instance: Mapping[str, Any], init_config: Mapping[str, Any], agent_proxy: object) -> Proxies | None:
    """The proxies that the options name; None leaves it to the environment. Raises SettingsError."""
    shared = Options(init_config, 'shared')
    if Options(instance).flag('skip_proxy', shared.flag('skip_proxy')):
        return Proxies({})
    for option in (instance.get('proxy'), shared.raw('proxy')):
        if option is not None:
            return _proxies(option)
    if agent_proxy and shared.flag('use_agent_proxy'):
        return _proxies(agent_proxy)
    return None


def _proxies(option: object) -> Proxies | None:
    if not isinstance(option, Mapping) or not set(option) <= {*SCHEMES, 'no_proxy'}:
        raise _refused()
    urls = {scheme: _url(str(option[scheme])) for scheme in SCHEMES if option.get(scheme)}
    hosts = option.get('no_proxy') or ()
    if isinstance(hosts, str):
        hosts = hosts.replace(';', ',').split(',')
    if not isinstance(hosts, (list, tuple)):
        raise _refused()
    return Proxies(urls, tuple(str(host).strip() for host in hosts if str(host).strip())) if urls else None


def _url(text: str) -> str:
    url = text if '://' in text else f'http://{text}'
    if not host_of(url) or urlsplit(url).scheme not in SCHEMES:
        raise _refused()
    return url


def _refused() -> SettingsError:
    # The value may hold a password.
    return refused('proxy', NOT_SHOWN, ACCEPTED)
