"""The clients of one instance, each made once and used until the check ends, and their credentials."""

from __future__ import annotations

from threading import Lock
from typing import Any

from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.credentials import (
    LazyCredentials,
    SignInRegions,
    configured_credentials,
    role_credentials,
)
from datadog_checks.amazon_ses.aws.local_causes import mark_set_up
from datadog_checks.amazon_ses.aws.sdk_logging import ignore_unverified
from datadog_checks.amazon_ses.aws.ses_budget import Turns
from datadog_checks.amazon_ses.aws.sessions import Session
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.sign_in import SignIn


class ClientPool:
    """One client for each service and Region. `sign_in_regions` are those whose STS endpoints sign in.

    May be used from several threads at once.
    """

    def __init__(
        self, sign_in: SignIn, network: Network, sign_in_regions: SignInRegions, calls: CallRecord, turns: Turns
    ) -> None:
        ignore_unverified(network.verify)
        self._sign_in = sign_in
        self._network = network
        self._sign_in_regions = sign_in_regions
        self._calls = calls
        self._turns = turns
        self._lock = Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._role_chain: list[LazyCredentials] = []
        self._session: Session | None = None
        self._accepting_regions: set[str] = set()

    def get(self, service: str, region: str) -> Any:
        """The client of a service in a Region. Raises what botocore raises where the configuration is wrong."""
        with self._lock:
            try:
                if self._session is None:
                    self._session = self._sign_in_session()
                client = self._clients.get((service, region))
                if client is None:
                    client = self._clients[service, region] = self._session.create_client(service, region)
                    self._turns.attach(client)
            except Exception as error:
                mark_set_up(error)
                raise
            return client

    def existing(self, service: str, region: str) -> Any | None:
        """The client of a service in a Region, if there is one already."""
        return self._clients.get((service, region))

    def accept(self, region: str) -> None:
        """A Region took the credentials."""
        with self._lock:
            self._accepting_regions.add(region)
        for credentials in self._role_chain:
            credentials.trust()

    def refuse(self, region: str) -> None:
        """A Region refused the credentials. They are loaded anew, and all roles assumed again, if it took them before,
        or if no Region takes them."""
        with self._lock:
            took_them = region in self._accepting_regions
            self._accepting_regions.discard(region)
            in_doubt = took_them or not self._accepting_regions
        if in_doubt:
            for credentials in self._role_chain:
                credentials.doubt()

    @property
    def credentials_in_doubt(self) -> bool:
        """Whether the next request loads credentials again: AWS refused them, or their files were edited."""
        return any(credentials.in_doubt or credentials.is_outdated for credentials in self._role_chain)

    @property
    def is_accepted(self) -> bool:
        """Whether any Region took the credentials."""
        return bool(self._accepting_regions)

    @property
    def source(self) -> str:
        """What gave the first credentials, in the SDK's words; empty before they were loaded."""
        return self._role_chain[0].source if self._role_chain else ''

    @property
    def generation(self) -> int:
        """How often credentials were loaded."""
        return sum(credentials.generation for credentials in self._role_chain)

    def _sign_in_session(self) -> Session:
        """A session with the configured credentials, or with those of the last role that they lead to."""
        sign_in, regions = self._sign_in, self._sign_in_regions
        chain = [configured_credentials(sign_in, self._new_session, regions)]
        session = self._new_session(credentials=chain[0])
        for role in sign_in.roles:
            chain.append(role_credentials(role, sign_in, session, regions, chain[0].version))
            session = self._new_session(credentials=chain[-1])
        self._role_chain = chain
        return session

    def _new_session(self, region: str = '', credentials: LazyCredentials | None = None) -> Session:
        region = region or self._sign_in_regions.names[0]
        return Session(self._network, self._calls, region, self._sign_in, credentials)
