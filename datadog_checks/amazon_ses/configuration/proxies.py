"""Proxies: the options `proxy` and `skip_proxy` of the instance, else of init_config, else the Agent's own proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from datadog_checks.amazon_ses.configuration.options import LONGEST_FORM, Options, SettingsError, host_of, refused
from datadog_checks.amazon_ses.configuration.quotes import NOT_SHOWN, quoted

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
    use_agent_proxy = shared.flag('use_agent_proxy')
    # A wrong value is an error even where another option makes it useless.
    named = [_proxies(option) for option in (instance.get('proxy'), shared.raw('proxy')) if option is not None]
    if Options(instance).flag('skip_proxy', shared.flag('skip_proxy')):
        return Proxies({})
    if named:
        return named[0]
    return _proxies(agent_proxy) if agent_proxy and use_agent_proxy else None


def _proxies(option: object) -> Proxies | None:
    if not isinstance(option, Mapping):
        raise _refused()
    for name in option:
        if name not in (*SCHEMES, 'no_proxy'):
            # The usual mistake is an option of the instance that is indented too far.
            raise refused('proxy', f'the key {quoted(name)}', ACCEPTED)
    urls = {scheme: _url(option[scheme]) for scheme in SCHEMES if option.get(scheme) not in (None, '')}
    hosts = () if option.get('no_proxy') is None else option['no_proxy']
    if isinstance(hosts, str):
        hosts = hosts.replace(';', ',').split(',')
    if not isinstance(hosts, (list, tuple)) or not all(isinstance(host, str) for host in hosts):
        raise _refused()
    return Proxies(urls, tuple(host.strip() for host in hosts if host.strip())) if urls else None


def _url(text: object) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_FORM:
        raise _refused()
    url = text if '://' in text else f'http://{text}'
    if not host_of(url) or urlsplit(url).scheme not in SCHEMES:
        raise _refused()
    return url


def _refused() -> SettingsError:
    # The value may hold a password.
    return refused('proxy', NOT_SHOWN, ACCEPTED)
