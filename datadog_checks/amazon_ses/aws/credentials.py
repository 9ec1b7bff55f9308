"""Credentials that are loaded at the first request, renewed before they expire, and loaded again after a refusal.

A Region that cannot sign in leaves it to the next one. What was loaded stays until new credentials are there, and after
a refusal nobody signs in again for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from threading import Lock
from typing import Any, NamedTuple

from botocore import exceptions
from botocore.credentials import Credentials

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.local_causes import mark_sign_in
from datadog_checks.amazon_ses.aws.refusals import NOT_ENABLED
from datadog_checks.amazon_ses.aws.shared_files import SharedFiles
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.values import epoch

SESSION_SECONDS = 3600
"""Length of a role's session. botocore renews it 15 minutes before the end, so 900 would mean before every request."""


PAUSE = 180.0
"""Seconds between two sign-ins after AWS refused what came of the first, or refused to sign in."""

UNREACHED_PAUSE = 30.0
"""Seconds until a sign-in is repeated that got no answer."""

FROZEN_SECONDS = 60.0
"""Seconds for which credentials are used as they are. The SDK renews them ten minutes before they end at the latest."""

MAX_REGIONS = 8
"""Regions whose STS endpoints one sign-in tries."""

AT_AWS = (exceptions.ClientError, exceptions.HTTPClientError, exceptions.ConnectionError)
"""Errors of a sign-in that another Region may not have."""


class SignInRegions(NamedTuple):
    """The Regions that may sign in, the best first, and a monotonic clock."""

    names: Sequence[str]
    monotonic: Callable[[], float]


class LazyCredentials(Credentials):  # type: ignore[misc]  # botocore is not annotated
    """Credentials that are loaded at the first request, again after `doubt`, and again when `version` has changed.

    `load` takes the Region that signs in. Clients keep these credentials, so that a revoked key or a session that AWS
    ended early needs no new client. `generation` counts how often they were loaded.
    """

    def __init__(
        self,
        load: Callable[[str], Any],
        method: str,
        regions: SignInRegions,
        version: Callable[[], object] = lambda: None,
    ) -> None:
        self._load = load
        self._regions = list(regions.names)
        self._monotonic = regions.monotonic
        self.version = version
        self._loaded_version: object = None
        self._loaded: Any = None
        self._frozen: Any = None
        self._frozen_until = 0.0
        self._is_refused = False
        self._failure: Exception | None = None
        self._resting_until = 0.0
        self._lock = Lock()
        self.generation = 0
        self.method = method

    def doubt(self) -> None:
        """Load them again at the next request, if that is not too soon: AWS refused them."""
        self._is_refused = True

    def trust(self) -> None:
        """Keep them: AWS took them."""
        self._is_refused = False

    @property
    def in_doubt(self) -> bool:
        """Whether the next request loads them again."""
        return self._loaded is not None and self._is_refused and not self._rests

    @property
    def is_outdated(self) -> bool:
        """Whether what they were loaded from has changed since."""
        return self._loaded is not None and self.version() != self._loaded_version

    def get_frozen_credentials(self) -> Any:
        with self._lock:
            if self.is_outdated:
                self._loaded = self._frozen = self._failure = None
            if self._frozen is None or self._monotonic() >= self._frozen_until or self.in_doubt:
                try:
                    self._frozen = self._fresh()
                except Exception as error:
                    mark_sign_in(error)
                    raise
                self._frozen_until = self._monotonic() + FROZEN_SECONDS
            return self._frozen

    @property
    def source(self) -> str:
        """What gave them, in the SDK's words; empty before they were loaded."""
        return str(getattr(self._loaded, 'method', ''))

    @property
    def _rests(self) -> bool:
        return self._monotonic() < self._resting_until

    def _fresh(self) -> Any:
        """What is loaded, or what is loaded now where that is refused or cannot be renewed."""
        if self._loaded is not None and not self.in_doubt:
            try:
                return self._loaded.get_frozen_credentials()
            except AT_AWS:
                self._loaded = self._frozen = None
        if self._loaded is None and self._failure is not None and self._rests:
            raise self._failure.with_traceback(None)
        try:
            frozen = self._sign_in()
        except AT_AWS as error:
            self._failure = error
            is_answer = isinstance(error, exceptions.ClientError)
            self._resting_until = self._monotonic() + (PAUSE if is_answer else UNREACHED_PAUSE)
            if self._loaded is None:
                raise
            # Other Regions may still take them.
            return self._loaded.get_frozen_credentials()
        if self._is_refused:
            self._resting_until = self._monotonic() + PAUSE
        self._failure, self._is_refused = None, False
        return frozen

    def _sign_in(self) -> Any:
        """Load credentials in the first Region that can. Regions that cannot go to the end."""
        failures: list[Exception] = []
        # Before they are loaded: what is edited meanwhile is loaded next time.
        version = self.version()
        for region in self._regions[:MAX_REGIONS]:
            try:
                loaded = self._load(region)
                if loaded is None:
                    raise exceptions.NoCredentialsError
                frozen = loaded.get_frozen_credentials()
            except AT_AWS as error:
                failures.append(error)
                continue
            self._pass_over(len(failures))
            self._loaded, self._loaded_version, self.generation = loaded, version, self.generation + 1
            return frozen
        self._pass_over(len(failures))
        raise min(failures, key=_rank)

    def _pass_over(self, number: int) -> None:
        """Put the first Regions at the end."""
        self._regions = [*self._regions[number:], *self._regions[:number]]

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


class FixedCredentials(LazyCredentials):
    """Keys of the options, which no refusal changes."""

    def doubt(self) -> None:
        """Keep them: there are no others."""


def _rank(error: Exception) -> int:
    """How little the failure of a sign-in says, compared with those of other Regions."""
    if not isinstance(error, exceptions.ClientError):
        return 2
    return int(error.response.get('Error', {}).get('Code') in NOT_ENABLED)


def configured_credentials(
    sign_in: SignIn, new_session: Callable[[str], Any], regions: SignInRegions
) -> LazyCredentials:
    """The keys of the options, or what botocore's default chain finds for the profile of a new session in a Region."""
    if sign_in.access_key_id is not None:
        keys = Credentials(sign_in.access_key_id, sign_in.secret_access_key, sign_in.session_token, 'explicit')
        return FixedCredentials(lambda _: keys, 'explicit', regions)
    # A session keeps what it found, also the sessions of roles, so each load takes a new one.
    files = SharedFiles(partial(new_session, regions.names[0]))
    return LazyCredentials(lambda region: new_session(region).get_credentials(), 'chain', regions, files.version)


def role_credentials(
    role_arn: str, sign_in: SignIn, session: Any, regions: SignInRegions, version: Callable[[], object]
) -> LazyCredentials:
    """The credentials of a role that the credentials of `session` assume, at the STS endpoint of a Region.

    `version` is that of the credentials of `session`.
    """
    request = {'RoleArn': role_arn, 'RoleSessionName': sign_in.session_name, 'DurationSeconds': SESSION_SECONDS}
    # AWS ignores an external id where a role demands none.
    if sign_in.external_id is not None:
        request['ExternalId'] = sign_in.external_id
    # One client of a Region for all renewals, made when it first assumes the role.
    client = cache(partial(session.create_client, 'sts'))

    def assume(region: str) -> dict[str, str]:
        try:
            keys = client(region).assume_role(**request)['Credentials']
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

    def load(region: str) -> Credentials:
        return botocore_internals.expiring_credentials(partial(assume, region), 'assume-role')

    return LazyCredentials(load, 'assume-role', regions, version)
