"""Clients: who signs in, over which network, each made once for the life of a check."""

from __future__ import annotations

import logging
import warnings
from threading import Lock
from typing import Any

from datadog_checks.amazon_ses.aws import bodies, credentials
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.credentials import LazyCredentials
from datadog_checks.amazon_ses.aws.sessions import Session
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.sign_in import SignIn

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


class Clients:
    """The clients of one instance, which signs in at the STS of the Region `home`.

    May be used from several threads at once.
    """

    def __init__(self, sign_in: SignIn, network: Network, home: str, calls: CallRecord) -> None:
        hush(network.verify)
        self._sign_in = sign_in
        self._network = network
        self._home = home
        self._calls = calls
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._chain: list[LazyCredentials] = []
        self._session: Session | None = None

    def get(self, service: str, region: str) -> Any:
        """The client of a service in a Region. Raises what botocore raises for credentials it cannot make out."""
        with self._lock:
            if self._session is None:
                self._session = self._signed_in()
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._session.create_client(service, region)
                if service == 'cloudwatch':
                    bodies.watch(client)
            return client

    def drop_credentials(self) -> None:
        """Have all credentials found and all roles assumed anew at the next request."""
        for one in self._chain:
            one.drop()

    def _signed_in(self) -> Session:
        """A session with the credentials of the instance, or those of the last role that it assumes from there."""
        chain = [credentials.own(self._sign_in, self._new_session(self._sign_in.profile))]
        session = self._new_session()
        credentials.use(chain[0], session)
        for role in self._sign_in.roles:
            # Roles that demand no external id do not mind one.
            chain.append(credentials.assumed(role, self._sign_in.external_id, self._sign_in.session_name, session))
            session = self._new_session()
            credentials.use(chain[-1], session)
        self._chain = chain
        return session

    def _new_session(self, profile: str | None = None) -> Session:
        return Session(self._network, self._calls, self._home, profile)
