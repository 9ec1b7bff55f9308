"""STS: who am I, and temporary credentials."""

from __future__ import annotations

import time
from typing import Any

from simulator.operations import AwsError, Call, operation


@operation('sts', 'GetCallerIdentity', action='sts:GetCallerIdentity', checked=False)
def get_caller_identity(call: Call) -> dict[str, Any]:
    return {'UserId': call.principal.user_id, 'Account': call.account, 'Arn': call.principal.arn}


def _credentials(call: Call, session: Any) -> dict[str, Any]:
    return {
        'Credentials': {
            'AccessKeyId': session.access_key,
            'SecretAccessKey': session.secret_key,
            'SessionToken': session.token,
            'Expiration': session.expires,
        },
        'AssumedRoleUser': {'AssumedRoleId': session.user_id, 'Arn': session.arn},
    }


def _duration(call: Call, longest: int) -> int:
    seconds: int = call.params.get('DurationSeconds', 3600)
    if seconds > longest:
        raise AwsError(
            'ValidationError', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'
        )
    return seconds


@operation('sts', 'AssumeRole', action='sts:AssumeRole')
def assume_role(call: Call) -> dict[str, Any]:
    accounts = call.sim.accounts
    role = accounts.role(call.params['RoleArn'])
    if not accounts.may_assume(call.principal, role, call.params.get('ExternalId')):
        raise AwsError(
            'AccessDenied',
            f'User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role.arn}',
            403,
        )
    if call.principal.is_session and call.params.get('DurationSeconds', 3600) > 3600:
        raise AwsError(
            'ValidationError',
            'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
        )
    seconds = _duration(call, role.max_seconds)
    # botocore compares the expiry with the machine's clock, so the simulator's clock has no say in it.
    expires = float(int(time.time()) + seconds)
    return _credentials(call, accounts.open_session(role, call.params['RoleSessionName'], expires))


@operation('sts', 'AssumeRoleWithWebIdentity', action='sts:AssumeRoleWithWebIdentity', signed=False)
def assume_role_with_web_identity(call: Call) -> dict[str, Any]:
    accounts = call.sim.accounts
    role = accounts.role(call.params['RoleArn'])
    if not call.params['WebIdentityToken'].strip():
        raise AwsError('InvalidIdentityToken', 'The web identity token that was passed could not be validated')
    seconds = _duration(call, role.max_seconds)
    session = accounts.open_session(role, call.params['RoleSessionName'], float(int(time.time()) + seconds))
    return {
        **_credentials(call, session),
        'SubjectFromWebIdentityToken': 'system:serviceaccount:default:agent',
        'Audience': 'sts.amazonaws.com',
    }
