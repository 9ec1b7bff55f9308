"""How the obvious ways sign in: with keys, or with a role for each instance, in the session that boto3 shares."""

from __future__ import annotations

from typing import Any

import boto3

from benchmarks.cases import KEY, SECRET, Case


def client(case: Case, place: int, region: str, endpoint: str) -> dict[str, Any]:
    """The arguments of `boto3.client` for one Region of one instance of a case."""
    where = {'region_name': region, 'endpoint_url': endpoint}
    keys = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
    role = case.instance(place, endpoint).get('role_arn')
    if role is None:
        return where | keys
    given = boto3.client('sts', **where, **keys).assume_role(RoleArn=role, RoleSessionName='obvious')['Credentials']
    return where | {
        'aws_access_key_id': given['AccessKeyId'],
        'aws_secret_access_key': given['SecretAccessKey'],
        'aws_session_token': given['SessionToken'],
    }
