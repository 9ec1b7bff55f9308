"""What went wrong: the kind, the way out, and what a no tells of the credentials and of the Region."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from datadog_checks.amazon_ses.aws.failures import CREDENTIALS, DENIED, THROTTLED, UNSUPPORTED, failure_of
from datadog_checks.amazon_ses.model import Failure, FailureKind

NOT_ENABLED = {'InvalidClientTokenId', 'OptInRequired', 'RegionDisabledException', 'UnrecognizedClientException'}


def refused(code: str, by: str = 'GetAccount') -> Failure:
    answer = {'Error': {'Code': code, 'Message': 'no'}, 'ResponseMetadata': {'HTTPStatusCode': 403}}
    return failure_of(ClientError(answer, by), 'GetAccount', 'ses:GetAccount')


@pytest.mark.parametrize('code', sorted(NOT_ENABLED))
def test_region_that_is_not_enabled(code: str) -> None:
    """What a Region says that is not enabled for the account leaves open that the credentials are good elsewhere."""
    failure = refused(code)
    assert failure.elsewhere and failure.kind is FailureKind.CREDENTIALS
    assert 'whether the Region is enabled for the account' in str(failure)


@pytest.mark.parametrize(
    'code', sorted({*CREDENTIALS, *DENIED, *THROTTLED, *UNSUPPORTED, 'Other', ''} - {*NOT_ENABLED})
)
def test_credentials_that_are_good_nowhere(code: str) -> None:
    """A session that has ended, a wrong signature and everything else says nothing good of other Regions."""
    assert not refused(code).elsewhere


@pytest.mark.parametrize('code', sorted(NOT_ENABLED))
def test_role_that_cannot_be_assumed(code: str) -> None:
    """Where the Region that signs in refuses the keys no Region can be read, so none is merely not enabled."""
    failure = refused(code, by='AssumeRole')
    assert failure.at_sign_in and not failure.elsewhere


@pytest.mark.parametrize('error', [NoCredentialsError(), ReadTimeoutError(endpoint_url='https://x'), ValueError()])
def test_no_answer(error: Exception) -> None:
    """What was not answered by a Region says nothing of it."""
    assert not failure_of(error, 'GetAccount', 'ses:GetAccount').elsewhere


def client_error(code: str, status: int = 400, operation: str = 'GetAccount') -> exceptions.ClientError:
    answer = {'Error': {'Code': code, 'Message': 'arn:aws:iam::1:user/jane@x.y'}, 'ResponseMetadata': {}}
    answer['ResponseMetadata']['HTTPStatusCode'] = status
    return exceptions.ClientError(answer, operation)


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (client_error('Throttling'), FailureKind.THROTTLED),
        (client_error('TooManyRequestsException', 429), FailureKind.THROTTLED),
        (client_error('Unheard', 429), FailureKind.THROTTLED),
        (client_error('AccessDenied', 403), FailureKind.DENIED),
        (client_error('AccessDeniedException', 400), FailureKind.DENIED),
        (client_error('Unheard', 403), FailureKind.DENIED),
        (client_error('ExpiredToken', 403), FailureKind.CREDENTIALS),
        (client_error('InvalidClientTokenId', 403), FailureKind.CREDENTIALS),
        (client_error('SignatureDoesNotMatch', 403), FailureKind.CREDENTIALS),
        (client_error('InvalidAction'), FailureKind.UNSUPPORTED),
        (client_error('', 404), FailureKind.UNSUPPORTED),
        (client_error('InternalFailure', 500), FailureKind.NETWORK),
        (client_error('', 503), FailureKind.NETWORK),
        (client_error('ValidationError', 400), FailureKind.MALFORMED),
        (exceptions.NoCredentialsError(), FailureKind.CREDENTIALS),
        (exceptions.ProfileNotFound(profile='mail'), FailureKind.CREDENTIALS),
        (exceptions.ConnectTimeoutError(endpoint_url='http://x'), FailureKind.TIMEOUT),
        (exceptions.ReadTimeoutError(endpoint_url='http://x'), FailureKind.TIMEOUT),
        (exceptions.EndpointConnectionError(endpoint_url='http://x'), FailureKind.NETWORK),
        (exceptions.SSLError(endpoint_url='http://x', error='bad'), FailureKind.NETWORK),
        (exceptions.ProxyConnectionError(proxy_url='http://x'), FailureKind.NETWORK),
        (exceptions.ConnectionClosedError(endpoint_url='http://x'), FailureKind.NETWORK),
        (AttributeError("'SESV2' object has no attribute 'get_account'"), FailureKind.UNSUPPORTED),
        (exceptions.ResponseStreamingError(error='cut'), FailureKind.NETWORK),
        (KeyError('x'), FailureKind.MALFORMED),
        (ValueError('x'), FailureKind.MALFORMED),
    ],
)
def test_failures(error: Exception, kind: FailureKind) -> None:
    """Whatever is raised is one of a closed set of kinds, with a way out and without AWS's own words."""
    failure = failure_of(error, 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (kind, 'GetAccount')
    assert failure.remedy
    assert 'jane' not in str(failure)
    assert ('ses:GetAccount' in failure.remedy) is (kind is FailureKind.DENIED)


def test_failure_to_assume_a_role() -> None:
    """A role that cannot be assumed is told as that, with what to look at, and not as the call that needed it."""
    failure = failure_of(client_error('AccessDenied', 403, 'AssumeRole'), 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (FailureKind.DENIED, 'AssumeRole')
    assert 'sts:AssumeRole' in failure.remedy and 'external_id' in failure.remedy
