"""STS: the caller's identity, and temporary credentials."""

from __future__ import annotations

import time
from typing import Any

from simulator.accounts import Role
from simulator.call import Call
from simulator.errors import AwsError


def get_caller_identity(call: Call) -> dict[str, Any]:
    return {'UserId': call.principal.user_id, 'Account': call.account, 'Arn': call.principal.arn}


def assume_role(call: Call) -> dict[str, Any]:
    accounts = call.backend.accounts
    role = accounts.role(call.params['RoleArn'])
    if not accounts.may_assume(call.principal, role, call.params.get('ExternalId')):
        raise AwsError(
            'AccessDenied',
            f'User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role.arn}',
            403,
        )
    if call.principal.role_arn and call.params.get('DurationSeconds', 3600) > 3600:
        raise AwsError(
            'ValidationError',
            'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
        )
    return _credentials(call, role)


def assume_role_with_web_identity(call: Call) -> dict[str, Any]:
    role = call.backend.accounts.role(call.params['RoleArn'])
    if not call.params['WebIdentityToken'].strip():
        raise AwsError('InvalidIdentityToken', 'The web identity token that was passed could not be validated')
    return {
        **_credentials(call, role),
        'SubjectFromWebIdentityToken': 'system:serviceaccount:default:agent',
        'Audience': 'sts.amazonaws.com',
    }


def _credentials(call: Call, role: Role) -> dict[str, Any]:
    seconds: int = call.params.get('DurationSeconds', 3600)
    if seconds > role.max_seconds:
        raise AwsError(
            'ValidationError', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'
        )
    # botocore compares the expiry with the machine's clock, so the simulator's clock has no say in it.
    expires = float(int(time.time()) + seconds)
    session = call.backend.accounts.open_session(role, call.params['RoleSessionName'], expires)
    return {
        'Credentials': {
            'AccessKeyId': session.access_key,
            'SecretAccessKey': session.secret_key,
            'SessionToken': session.token,
            'Expiration': session.expires,
        },
        'AssumedRoleUser': {'AssumedRoleId': session.user_id, 'Arn': session.arn},
    }
