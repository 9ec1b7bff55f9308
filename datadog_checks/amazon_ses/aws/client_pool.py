"""The clients of one instance, each made once and used until the check ends, and their credentials."""

from __future__ import annotations

from threading import Lock
from typing import Any

from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.credentials import LazyCredentials, configured_credentials, role_credentials
from datadog_checks.amazon_ses.aws.sdk_logging import raise_log_levels
from datadog_checks.amazon_ses.aws.sessions import Session
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.sign_in import SignIn


class ClientPool:
    """One client for each service and Region. Roles are assumed at the STS endpoint of `sign_in_region`.

    May be used from several threads at once.
    """

    def __init__(self, sign_in: SignIn, network: Network, sign_in_region: str, calls: CallRecord) -> None:
        raise_log_levels(network.verify)
        self._sign_in = sign_in
        self._network = network
        self._sign_in_region = sign_in_region
        self._calls = calls
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._role_chain: list[LazyCredentials] = []
        self._session: Session | None = None

    def get(self, service: str, region: str) -> Any:
        """The client of a service in a Region. Raises what botocore raises where the configuration is wrong."""
        with self._lock:
            if self._session is None:
                self._session = self._sign_in_session()
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._session.create_client(service, region)
            return client

    def drop_credentials(self) -> None:
        """Drop all credentials, so that the next request loads them and assumes all roles again."""
        for credentials in self._role_chain:
            credentials.drop()

    @property
    def has_outdated_credentials(self) -> bool:
        """Whether the files that the credentials are from were edited since."""
        return any(credentials.is_outdated for credentials in self._role_chain)

    def _sign_in_session(self) -> Session:
        """A session with the configured credentials, or with those of the last role that they lead to."""
        sign_in = self._sign_in
        chain = [configured_credentials(sign_in, lambda: self._new_session(profile=sign_in.profile))]
        session = self._new_session(credentials=chain[0])
        for role in sign_in.roles:
            # AWS ignores an external id where a role demands none.
            chain.append(role_credentials(role, sign_in.external_id, sign_in.session_name, session))
            session = self._new_session(credentials=chain[-1])
        self._role_chain = chain
        return session

    def _new_session(self, profile: str | None = None, credentials: LazyCredentials | None = None) -> Session:
        return Session(self._network, self._calls, self._sign_in_region, profile, credentials)
