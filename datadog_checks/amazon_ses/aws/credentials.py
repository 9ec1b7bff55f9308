"""Who we are to AWS: credentials that are found when first needed, refreshed before they expire, and can be dropped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from threading import Lock
from typing import Any

from botocore.credentials import Credentials, DeferredRefreshableCredentials, create_credential_resolver
from botocore.exceptions import NoCredentialsError
from botocore.utils import parse_timestamp

from datadog_checks.amazon_ses.configuration.sign_in import SignIn

SESSION_SECONDS = 3600
"""Length of an assumed role's session. botocore refreshes 15 minutes before the end, so 900 would mean every call."""


class LazyCredentials(Credentials):  # type: ignore[misc]  # botocore is not annotated
    """Credentials that are loaded at the first request and loaded again after `drop`.

    Clients keep them for life, so a key that was revoked or a token that expired on the server needs no new client.
    """

    def __init__(self, load: Callable[[], Any], method: str) -> None:
        self._load = load
        self._loaded: Any = None
        self._lock = Lock()
        self.method = method

    def drop(self) -> None:
        self._loaded = None

    def get_frozen_credentials(self) -> Any:
        with self._lock:
            # Another worker may drop them at any time.
            loaded = self._loaded or self._load()
            if loaded is None:
                raise NoCredentialsError
            self._loaded = loaded
        return loaded.get_frozen_credentials()

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


def own(sign_in: SignIn, session: Any) -> LazyCredentials:
    """The credentials the instance names (keys or profile), or those that botocore's default chain finds."""
    if sign_in.access_key_id is not None:
        keys = Credentials(sign_in.access_key_id, sign_in.secret_access_key, sign_in.session_token, 'explicit')
        return LazyCredentials(lambda: keys, 'explicit')
    # A resolver keeps the sessions of roles it assumed, so each load takes a new one.
    return LazyCredentials(lambda: create_credential_resolver(session).load_credentials(), 'chain')


def assumed(role_arn: str, external_id: str | None, session_name: str, session: Any) -> LazyCredentials:
    """The credentials of a role that is assumed by whom `session` belongs to, through the STS of its Region."""
    request = {'RoleArn': role_arn, 'RoleSessionName': session_name, 'DurationSeconds': SESSION_SECONDS}
    if external_id is not None:
        request['ExternalId'] = external_id
    # One client for all renewals, made when the role is first assumed.
    sts = cache(partial(session.create_client, 'sts'))

    def assume() -> dict[str, str]:
        try:
            given = sts().assume_role(**request)['Credentials']
            return {
                'access_key': given['AccessKeyId'],
                'secret_key': given['SecretAccessKey'],
                'token': given['SessionToken'],
                'expiry_time': parse_timestamp(given['Expiration']).isoformat(),
            }
        except Exception as error:
            # The call that needed the role is not the one that failed: a timeout does not say so by itself.
            vars(error).setdefault('operation_name', 'AssumeRole')
            raise

    return LazyCredentials(lambda: DeferredRefreshableCredentials(assume, 'assume-role'), 'assume-role')


def use(found: Credentials, session: Any) -> None:
    """Have the session's clients sign with these credentials; it looks for no others."""

    class Found:
        def load_credentials(self) -> Credentials:
            return found

    session.register_component('credential_provider', Found())
