"""Sessions and clients: who signs in, over which network, each made once for the life of a check."""

from __future__ import annotations

import logging
import warnings
from functools import cache, partial
from threading import Lock
from typing import Any

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader, create_loader

from datadog_checks.amazon_ses.__about__ import __version__
from datadog_checks.amazon_ses.aws import bodies, credentials
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.credentials import LazyCredentials
from datadog_checks.amazon_ses.settings import Network, SignIn

ATTEMPTS = 2
"""Tries for each request. The next run is the retry that counts; more would only stretch this one."""


TALKATIVE = {
    'boto3': logging.WARNING,
    'botocore': logging.WARNING,
    's3transfer': logging.WARNING,
    'urllib3': logging.WARNING,
    'botocore.credentials': logging.CRITICAL,
    'botocore.tokens': logging.CRITICAL,
    'botocore.utils': logging.CRITICAL,
}
"""Loggers that write requests, answers and session tokens below their level here, or AWS's words on who was denied."""


def hush(verify: bool | str) -> None:
    """Keep the SDK's loggers from what must not be written anywhere, and from what the operator decided already."""
    for name, level in TALKATIVE.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(level, logger.level))
    if verify is False:
        warnings.filterwarnings('ignore', message='Unverified HTTPS request')


@cache
def _loader() -> Loader:
    """botocore's service models, read once in a process: they are most of what a session costs."""
    return create_loader()


class Clients:
    """The clients of one instance. May be used from several threads at once."""

    def __init__(self, sign_in: SignIn, network: Network, calls: CallRecord) -> None:
        hush(network.verify)
        self._sign_in = sign_in
        self._network = network
        self._calls = calls
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._chain: list[LazyCredentials] = []
        self._session: boto3.session.Session | None = None

    def get(self, service: str, region: str) -> Any:
        """The client of a service in a Region. Raises what botocore raises for credentials it cannot make out."""
        with self._lock:
            if self._session is None:
                self._session = self._signed_in(region)
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._session.client(service, region_name=region)
                if service == 'cloudwatch':
                    bodies.watch(client)
            return client

    def drop_credentials(self) -> None:
        """Have all credentials found and all roles assumed anew at the next request."""
        for one in self._chain:
            one.drop()

    def _signed_in(self, region: str) -> boto3.session.Session:
        """A session with the credentials of the instance, or those of the last role that it assumes from there."""
        session = self._new_session(region, self._sign_in.profile)
        chain = [credentials.own(self._sign_in, session)]
        sts = partial(session.create_client, region_name=region)
        for role in self._sign_in.roles:
            # Roles that demand no external id do not mind one.
            chain.append(
                credentials.assumed(role, self._sign_in.external_id, self._sign_in.session_name, chain[-1], sts)
            )
        self._chain = chain
        return boto3.session.Session(botocore_session=credentials.using(chain[-1], self._new_session(region, None)))

    def _new_session(self, region: str, profile: str | None) -> botocore.session.Session:
        session = _Session(self._network, self._calls, profile)
        session.register_component('data_loader', _loader())
        session.get_component('response_parser_factory').set_parser_defaults(timestamp_parser=_as_sent)
        session.set_config_variable('region', region)
        return session


def _as_sent(timestamp: Any) -> Any:
    """Leave timestamps alone: see values.py."""
    return timestamp


class _Session(botocore.session.Session):  # type: ignore[misc]  # botocore is not annotated
    """A session whose every client takes our way to AWS, also those that botocore makes itself to find credentials."""

    def __init__(self, network: Network, calls: CallRecord, profile: str | None) -> None:
        super().__init__(profile=profile)
        self._network = network
        self._calls = calls

    def create_client(self, service_name: str, region_name: str | None = None, **given: Any) -> Any:
        region = region_name or self.get_config_variable('region')
        config = _config(self._network)
        given['endpoint_url'] = self._network.endpoint_urls.get(service_name) or given.get('endpoint_url')
        given['config'] = config.merge(given['config']) if given.get('config') else config
        # Only where nothing is given does botocore look for authorities in the environment and the profile.
        given['verify'] = None if self._network.verify is True else self._network.verify
        client = super().create_client(service_name, region_name=region, **given)
        proxies = self._network.proxies
        # Only now is it known which host the client talks to, and botocore ignores no_proxy where proxies are given.
        if proxies and proxies.urls and proxies.no_proxy:
            from datadog_checks.base.utils.http import should_bypass_proxy

            if should_bypass_proxy(client.meta.endpoint_url, list(proxies.no_proxy)):
                given['config'] = given['config'].merge(Config(proxies={}))
                client = super().create_client(service_name, region_name=region, **given)
        return self._calls.watch(client, region)


def _config(network: Network) -> Config:
    return Config(
        connect_timeout=network.connect_timeout,
        read_timeout=network.read_timeout,
        retries={'mode': 'standard', 'total_max_attempts': ATTEMPTS},
        tcp_keepalive=True,
        user_agent_extra=f'datadog-amazon-ses/{__version__}',
        # Without proxies the environment decides; an empty map means none, whatever the environment says.
        proxies=None if network.proxies is None else dict(network.proxies.urls),
        use_fips_endpoint=network.use_fips or None,
        use_dualstack_endpoint=network.use_dualstack or None,
    )
