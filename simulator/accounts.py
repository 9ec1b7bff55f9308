"""Keys, accounts, roles and sessions, and IAM's refusals."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulator.errors import AwsError, access_denied, expired_token, invalid_token
from simulator.traffic import key_of

DENIED_KEY = 'AKIADENIED'
_ROLE = re.compile(r'arn:(aws[\w-]*):iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)')


@dataclass(frozen=True)
class Principal:
    """The signer of a call: `arn` as messages name it, `role_arn` for a session."""

    access_key: str
    account: str
    arn: str
    user_id: str
    role_arn: str | None = None


@dataclass(frozen=True)
class Role:
    """A role and its conditions: required `external_id`; `trusted` callers by ARN, role ARN, account or None."""

    arn: str
    account: str
    name: str
    external_id: str | None = None
    trusted: tuple[str, ...] | None = None
    max_seconds: int = 43_200


@dataclass
class Session:
    """Temporary credentials; `expires` is wall time in seconds since the epoch, 0 once they were ended."""

    access_key: str
    secret_key: str
    token: str
    arn: str
    user_id: str
    role: Role
    expires: float


@dataclass(frozen=True)
class Denial:
    """One refused IAM action; None matches anything. `principal` is an access key, an ARN or a role ARN. `reason` ends
    AWS's sentence about it."""

    action: str
    region: str | None = None
    account: str | None = None
    principal: str | None = None
    reason: str = ''

    def covers(self, caller: Principal, action: str, region: str) -> bool:
        """Whether the action is refused to a caller in a Region."""
        pattern = re.escape(self.action).replace(r'\*', '.*')
        return (
            re.fullmatch(pattern, action) is not None
            and self.region in (None, region)
            and self.account in (None, caller.account)
            and self.principal in (None, caller.access_key, caller.arn, caller.role_arn)
        )


class Accounts:
    """The accounts of a simulator. Unknown long-term keys belong to the default account."""

    def __init__(self, default: str) -> None:
        self.default = default
        self._keys: dict[str, tuple[str, str]] = {}
        self._roles: dict[str, Role] = {}
        self._sessions: dict[str, Session] = {}
        self._denials: list[Denial] = []
        self._links: set[tuple[str, str, str | None]] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, access_key: str, account: str, user: str = 'agent') -> None:
        """Let a long-term access key belong to a user of an account."""
        self._keys[access_key] = (account, user)

    def declare_role(
        self, arn: str, external_id: str | None = None, trusted: Iterable[str] | None = None, max_seconds: int = 3600
    ) -> Role:
        """Give a role conditions. A role that was not declared can be assumed by anybody."""
        trust = None if trusted is None else tuple(trusted)
        self._roles[arn] = replace(self.role(arn), external_id=external_id, trusted=trust, max_seconds=max_seconds)
        return self._roles[arn]

    def role(self, arn: str) -> Role:
        """The role of an ARN; ValidationError, as from STS, for other text."""
        match = _ROLE.fullmatch(arn)
        if match is None:
            raise AwsError('ValidationError', f'{arn} is invalid')
        return self._roles.get(arn) or Role(arn, match[2], match[3])

    def may_assume(self, caller: Principal, role: Role, external_id: str | None) -> bool:
        """Whether the role's conditions let the caller in."""
        if role.external_id is not None and external_id != role.external_id:
            return False
        names = {caller.arn, caller.role_arn, caller.account, caller.access_key, f'arn:aws:iam::{caller.account}:root'}
        return role.trusted is None or any(name in names for name in role.trusted)

    def open_session(self, role: Role, session_name: str, expires: float) -> Session:
        """New temporary credentials for a role."""
        number = next(self._numbers)
        suffix = f'{key_of(role.arn, session_name, number):016X}'
        partition = role.arn.split(':')[1]
        session = Session(
            access_key=f'ASIA{suffix}',
            secret_key=f'secret{suffix}',
            token=f'token-{suffix}-{number}',
            arn=f'arn:{partition}:sts::{role.account}:assumed-role/{role.name}/{session_name}',
            user_id=f'AROA{key_of(role.arn):016X}:{session_name}',
            role=role,
            expires=expires,
        )
        with self._lock:
            if len(self._sessions) >= 10_000:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[session.access_key] = session
        return session

    def expire_tokens(self, account: str | None = None, role_arn: str | None = None) -> int:
        """End the sessions that are open now (of an account, of a role) and return their number.

        Their next use is refused as ExpiredToken.
        """
        with self._lock:
            sessions = [
                session
                for session in self._sessions.values()
                if session.expires and account in (None, session.role.account) and role_arn in (None, session.role.arn)
            ]
            for session in sessions:
                session.expires = 0
        return len(sessions)

    def principal(self, access_key: str, token: str | None) -> Principal:
        """The signer with this key; AwsError InvalidClientTokenId or ExpiredToken as AWS refuses."""
        session = self._sessions.get(access_key)
        if session is not None and token == session.token:
            if session.expires <= time.time():
                raise expired_token()
            return Principal(access_key, session.role.account, session.arn, session.user_id, session.role.arn)
        if session is not None or access_key.startswith('ASIA'):
            raise invalid_token()
        account, user = self._keys.get(access_key, (self.default, 'agent'))
        user_id = f'AIDA{key_of(account, user):016X}'
        return Principal(access_key, account, f'arn:aws:iam::{account}:user/{user}', user_id)

    def deny(
        self,
        action: str,
        region: str | None = None,
        account: str | None = None,
        principal: str | None = None,
        reason: str = '',
    ) -> Denial:
        """Refuse an IAM action ('ses:GetAccount', 'ses:*', '*') from now on, and return the refusal for `allow`."""
        denial = Denial(action, region, account, principal, reason)
        self._denials.append(denial)
        return denial

    def allow(self, denial: Denial | None = None) -> None:
        """Take one refusal back, or all of them."""
        self._denials = [other for other in self._denials if denial is not None and other is not denial]

    def authorize(self, caller: Principal, action: str, region: str) -> None:
        """AwsError AccessDenied, in IAM's words, if the action is refused to the caller."""
        if caller.access_key.startswith(DENIED_KEY):
            raise access_denied(caller.arn, action)
        for denial in self._denials:
            if denial.covers(caller, action, region):
                raise access_denied(caller.arn, action, denial.reason)

    def link(self, monitoring: str, source: str, region: str | None = None) -> None:
        """Let CloudWatch of the monitoring account read the source account's metrics, in one Region or all."""
        self._links.add((monitoring, source, region))

    def unlink(self, monitoring: str, source: str) -> None:
        """Take the links of a source account back, in every Region."""
        self._links = {link for link in self._links if link[:2] != (monitoring, source)}

    def may_read(self, account: str, other: str, region: str) -> bool:
        """Whether CloudWatch lets an account read another's metrics in a Region."""
        return account == other or bool({(account, other, region), (account, other, None)} & self._links)

    def linked_to(self, account: str, region: str) -> list[str]:
        """The source accounts of a monitoring account in a Region."""
        links = [link for link in self._links if link[0] == account and link[2] in (None, region)]
        return sorted({source for _, source, _ in links})
