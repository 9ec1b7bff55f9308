"""Credentials that are loaded at the first request, renewed before they expire, and loaded again after a refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from threading import Lock
from typing import Any

from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.shared_files import SharedFiles
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.values import epoch

SESSION_SECONDS = 3600
"""Length of a role's session. botocore renews it 15 minutes before the end, so 900 would mean before every request."""


class LazyCredentials(Credentials):  # type: ignore[misc]  # botocore is not annotated
    """Credentials that are loaded at the first request, again after `drop`, and again when `version` has changed.

    Clients keep them, so that a revoked key or a session that AWS ended early needs no new client.
    """

    def __init__(self, load: Callable[[], Any], method: str, version: Callable[[], object] = lambda: None) -> None:
        self._load = load
        self._version = version
        self._loaded_version: object = None
        self._loaded: Any = None
        self._lock = Lock()
        self.method = method

    def drop(self) -> None:
        self._loaded = None

    @property
    def is_outdated(self) -> bool:
        """Whether what they were loaded from has changed since."""
        return self._loaded is not None and self._version() != self._loaded_version

    def get_frozen_credentials(self) -> Any:
        with self._lock:
            if self.is_outdated:
                self.drop()
            # Another worker may drop them meanwhile.
            credentials = self._loaded
            if credentials is None:
                # Before they are loaded: what is edited meanwhile is loaded next time.
                self._loaded_version = self._version()
                credentials = self._load()
            if credentials is None:
                raise NoCredentialsError
            self._loaded = credentials
        return credentials.get_frozen_credentials()

    @property
    def access_key(self) -> str:
        return str(self.get_frozen_credentials().access_key)

    @property
    def secret_key(self) -> str:
        return str(self.get_frozen_credentials().secret_key)

    @property
    def token(self) -> str | None:
        token: str | None = self.get_frozen_credentials().token
        return token

    @property
    def account_id(self) -> str | None:
        return None

    def get_deferred_property(self, property_name: str) -> Any:
        return lambda: getattr(self, property_name, None)


def configured_credentials(sign_in: SignIn, new_session: Callable[[], Any]) -> LazyCredentials:
    """The keys of the options, or what botocore's default chain finds for the profile of a new session."""
    if sign_in.access_key_id is not None:
        keys = Credentials(sign_in.access_key_id, sign_in.secret_access_key, sign_in.session_token, 'explicit')
        return LazyCredentials(lambda: keys, 'explicit')
    # A session keeps what it found, also the sessions of roles, so each load takes a new one.
    files = SharedFiles(new_session)
    return LazyCredentials(lambda: new_session().get_credentials(), 'chain', files.version)


def role_credentials(role_arn: str, external_id: str | None, session_name: str, session: Any) -> LazyCredentials:
    """The credentials of a role that the credentials of `session` assume, at the STS endpoint of its Region."""
    request = {'RoleArn': role_arn, 'RoleSessionName': session_name, 'DurationSeconds': SESSION_SECONDS}
    if external_id is not None:
        request['ExternalId'] = external_id
    # One client for all renewals, made when the role is first assumed.
    sts = cache(partial(session.create_client, 'sts'))

    def assume() -> dict[str, str]:
        try:
            keys = sts().assume_role(**request)['Credentials']
            return {
                'access_key': keys['AccessKeyId'],
                'secret_key': keys['SecretAccessKey'],
                'token': keys['SessionToken'],
                'expiry_time': datetime.fromtimestamp(epoch(keys['Expiration']), UTC).isoformat(),
            }
        except Exception as error:
            # An error such as a timeout does not name its operation, and the operation that needed the role is another.
            vars(error).setdefault('operation_name', 'AssumeRole')
            raise

    return LazyCredentials(lambda: botocore_internals.expiring_credentials(assume, 'assume-role'), 'assume-role')
