from __future__ import annotations

import time

import boto3
import pytest
from aws_clients import ACCOUNT, REGION, client
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = 'arn:aws:iam::222222222222:role/monitoring'
CHAINED = 'arn:aws:iam::333333333333:role/path/leaf'


def error_of(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response['Error']


def session(sim, role=ROLE, source=None, **more):
    """Assume a role; returns client arguments that use it."""
    answer = (source or client(sim, 'sts')).assume_role(RoleArn=role, RoleSessionName='test', **more)
    credentials = answer['Credentials']
    return credentials, {
        'aws_access_key_id': credentials['AccessKeyId'],
        'aws_secret_access_key': credentials['SecretAccessKey'],
        'aws_session_token': credentials['SessionToken'],
    }


def test_keys_and_roles_lead_to_accounts(sim):
    """A key belongs to its account, an unknown one to the default, a role's session to the role's account."""
    sim.accounts.add('AKIAOTHER', '444444444444')
    assert client(sim, 'sts').get_caller_identity()['Account'] == ACCOUNT
    assert client(sim, 'sts', key='AKIAOTHER').get_caller_identity()['Account'] == '444444444444'
    _, keys = session(sim)
    identity = client(sim, 'sts', **keys).get_caller_identity()
    assert identity['Account'] == '222222222222'
    assert identity['Arn'] == 'arn:aws:sts::222222222222:assumed-role/monitoring/test'
    client(sim, 'sesv2', **keys).get_account()
    assert sim.log.count(account='222222222222', operation='GetAccount') == 1


def test_denied_actions_are_refused_by_name(sim):
    """A denied action is refused in each service's spelling, and the message names user and action."""
    sim.deny('ses:*', region=REGION)
    denial = sim.deny('cloudwatch:ListMetrics')
    v2 = error_of(client(sim, 'sesv2').get_account)
    assert v2['Code'] == 'AccessDeniedException'
    assert v2['Message'].startswith(
        f'User: arn:aws:iam::{ACCOUNT}:user/agent is not authorized to perform: ses:GetAccount'
    )
    assert error_of(client(sim, 'ses').get_send_quota)['Code'] == 'AccessDenied'
    client(sim, 'sesv2', 'eu-west-1').get_account()
    assert error_of(client(sim, 'cloudwatch').list_metrics)['Code'] in ('AccessDenied', 'AccessDeniedException')
    assert error_of(client(sim, 'sesv2', 'eu-west-1', key='AKIADENIED1').get_account)['Code'] == 'AccessDeniedException'
    client(sim, 'sts', key='AKIADENIED1').get_caller_identity()
    sim.allow(denial)
    client(sim, 'cloudwatch').list_metrics()
    assert sim.log.actions() == {
        'ses:GetAccount',
        'ses:GetSendQuota',
        'cloudwatch:ListMetrics',
        'sts:GetCallerIdentity',
    }


def test_a_denial_is_for_one_account_or_role(sim):
    """A denial can be for one account or one role alone."""
    sim.deny('ses:GetAccount', account='222222222222')
    sim.deny('ses:GetSendQuota', principal=ROLE)
    _, keys = session(sim)
    assert error_of(client(sim, 'sesv2', **keys).get_account)['Code'] == 'AccessDeniedException'
    assert error_of(client(sim, 'ses', **keys).get_send_quota)['Code'] == 'AccessDenied'
    client(sim, 'sesv2').get_account()
    client(sim, 'ses').get_send_quota()


def test_roles_hold_to_their_conditions(sim):
    """A declared role asks for its external id and lets in only whom it trusts; a chain works."""
    sim.accounts.declare_role(ROLE, external_id='secret-handshake')
    sim.accounts.declare_role(CHAINED, trusted=[ROLE])
    sts = client(sim, 'sts')
    refused = error_of(sts.assume_role, RoleArn=ROLE, RoleSessionName='test')
    assert refused['Code'] == 'AccessDenied' and 'sts:AssumeRole' in refused['Message']
    assert error_of(sts.assume_role, RoleArn=CHAINED, RoleSessionName='test')['Code'] == 'AccessDenied'
    _, keys = session(sim, ExternalId='secret-handshake')
    middle = client(sim, 'sts', **keys)
    _, keys = session(sim, CHAINED, middle)
    assert client(sim, 'sts', **keys).get_caller_identity()['Account'] == '333333333333'
    too_long = error_of(middle.assume_role, RoleArn=CHAINED, RoleSessionName='test', DurationSeconds=7200)
    assert too_long['Code'] == 'ValidationError'


def test_assume_role_is_validated(sim):
    """A session name too short, a duration too short and an ARN that is none are refused."""
    sts = client(sim, 'sts')
    assert error_of(sts.assume_role, RoleArn='arn:aws:iam::222222222222:user/nobody', RoleSessionName='ab')['Code'] == (
        'ValidationError'
    )
    unchecked = boto3.client(
        'sts',
        region_name=REGION,
        endpoint_url=sim.endpoint_url,
        aws_access_key_id='AKIA',
        aws_secret_access_key='x',
        config=Config(parameter_validation=False, retries={'total_max_attempts': 1}),
    )
    assert error_of(unchecked.assume_role, RoleArn=ROLE, RoleSessionName='a')['Code'] == 'ValidationError'
    assert error_of(unchecked.assume_role, RoleArn=ROLE)['Code'] == 'ValidationError'
    assert error_of(unchecked.assume_role, RoleArn=ROLE, RoleSessionName='ab', DurationSeconds=10)['Code'] == (
        'ValidationError'
    )


def test_tokens_expire_and_must_be_shown(sim, protocol):
    """Temporary keys work with their token only, and not after it expired."""
    _, keys = session(sim)
    forgotten = {**keys, 'aws_session_token': None}
    code = error_of(client(sim, 'cloudwatch', **forgotten).list_metrics)['Code']
    assert code in ('InvalidClientTokenId', 'UnrecognizedClientException')
    assert error_of(client(sim, 'sesv2', **forgotten).get_account)['Code'] == 'UnrecognizedClientException'
    assert error_of(client(sim, 'ses', **forgotten).get_send_quota)['Code'] == 'InvalidClientTokenId'
    client(sim, 'sesv2', **keys).get_account()
    assert sim.expire_tokens() == 1
    assert error_of(client(sim, 'sesv2', **keys).get_account)['Code'] == 'ExpiredTokenException'
    assert error_of(client(sim, 'ses', **keys).get_send_quota)['Code'] == 'ExpiredToken'
    assert error_of(client(sim, 'cloudwatch', **keys).list_metrics)['Code'] in ('ExpiredToken', 'ExpiredTokenException')
    _, keys = session(sim)
    client(sim, 'sesv2', **keys).get_account()


def test_expiration_is_wall_time(sim, clock):
    """Expiration counts from the machine's clock, because botocore compares it with that."""
    clock.set(1_000_000_000)
    credentials, _ = session(sim, DurationSeconds=900)
    assert 800 < credentials['Expiration'].timestamp() - time.time() <= 901


def test_web_identity_needs_no_signature(sim):
    """AssumeRoleWithWebIdentity needs no signature and leads to the role's account."""
    sts = boto3.client(
        'sts', region_name=REGION, endpoint_url=sim.endpoint_url, config=Config(signature_version=UNSIGNED)
    )
    answer = sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName='pod', WebIdentityToken='eyJ.x.y')
    assert answer['AssumedRoleUser']['Arn'].endswith('assumed-role/monitoring/pod')


@pytest.mark.parametrize(
    ('service', 'call', 'code'),
    [('sesv2', 'get_account', 'UnrecognizedClientException'), ('ses', 'get_send_quota', 'InvalidClientTokenId')],
)
def test_regions_that_are_not_enabled_refuse_the_key(sim, service, call, code):
    """A Region that is not enabled, or without SES, turns the key away; the others answer."""
    sim.disabled_regions.add('ap-southeast-3')
    assert error_of(getattr(client(sim, service, 'ap-southeast-3'), call))['Code'] == code
    assert error_of(getattr(client(sim, service, 'ap-east-1'), call))['Code'] == code
    getattr(client(sim, service, 'eu-central-1'), call)()
