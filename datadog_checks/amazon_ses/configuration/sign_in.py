"""The options that sign in to AWS: keys, a profile, and a role or a chain of roles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from datadog_checks.amazon_ses.configuration.options import Options

ROLE = re.compile(r'arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):role/\S+')
EXTERNAL_ID = re.compile(r'[\w+=,.@:/-]{2,1224}', re.ASCII)
SOLID = re.compile(r'[!-~]+')
WITHOUT_SPACE = 'printable characters of ASCII, without white space between them'
SESSION_NAME = re.compile(r'[\w+=,.@-]{2,64}', re.ASCII)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The credentials: keys, a profile or the default chain; then the roles, each assumed with the one before it."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    roles: tuple[str, ...] = ()
    external_id: str | None = None
    session_name: str = 'datadog-amazon-ses'

    @property
    def has_keys(self) -> bool:
        """Whether the options hold the keys, so that nothing of the machine is needed."""
        return self.access_key_id is not None

    @property
    def account(self) -> str | None:
        """The account of the last role."""
        role = ROLE.fullmatch(self.roles[-1]) if self.roles else None
        return role['account'] if role else None


def parse_sign_in(options: Options) -> SignIn:
    """The credentials that the options name. Raises SettingsError."""
    options.needs('aws_access_key_id', 'aws_secret_access_key')
    options.needs('aws_secret_access_key', 'aws_access_key_id')
    options.needs('aws_session_token', 'aws_access_key_id')
    options.needs('external_id', 'role_arn')
    options.needs('role_session_name', 'role_arn')
    options.excludes('aws_profile', 'aws_access_key_id')
    return SignIn(
        access_key_id=options.stripped('aws_access_key_id', WITHOUT_SPACE, SOLID),
        secret_access_key=options.stripped('aws_secret_access_key', WITHOUT_SPACE, SOLID),
        session_token=options.stripped('aws_session_token', WITHOUT_SPACE, SOLID),
        profile=options.text('aws_profile', 'the name of a profile'),
        roles=options.texts(
            'role_arn', ROLE, 'the ARN of a role (arn:aws:iam::123456789012:role/NAME), or a list of them for a chain'
        ),
        external_id=options.stripped('external_id', '2 to 1,224 letters, digits and _+=,.@:/-', EXTERNAL_ID),
        session_name=options.text(
            'role_session_name',
            '2 to 64 letters, digits and _+=,.@-',
            SESSION_NAME,
            options.default('role_session_name'),
        ),
    )
