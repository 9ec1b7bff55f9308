"""Failures: their kind, their remedy, and what a refusal says of the credentials and of the Region."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import exceptions
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from datadog_checks.amazon_ses.aws.failures import failure_of
from datadog_checks.amazon_ses.aws.refusals import CREDENTIALS, DENIED, THROTTLED, UNSUPPORTED
from datadog_checks.amazon_ses.model import Failure, FailureKind

NOT_ENABLED = {'InvalidClientTokenId', 'OptInRequired', 'RegionDisabledException', 'UnrecognizedClientException'}

REQUEST_ID = '4d6a1b1e-4c1e-4f6a-9c5a-0e8f5b1d2c3a'


def refused(code: str, operation: str = 'GetAccount') -> Failure:
    answer = {'Error': {'Code': code, 'Message': 'no'}, 'ResponseMetadata': {'HTTPStatusCode': 403}}
    return failure_of(ClientError(answer, operation), 'GetAccount', 'ses:GetAccount')


@pytest.mark.parametrize('code', sorted(NOT_ENABLED))
def test_region_that_is_not_enabled(code: str) -> None:
    """The refusal of a Region that is not enabled for the account leaves open that the credentials work elsewhere."""
    failure = refused(code)
    assert failure.elsewhere and failure.kind is FailureKind.CREDENTIALS
    assert 'whether the Region is enabled for the account' in str(failure)


@pytest.mark.parametrize(
    'code', sorted({*CREDENTIALS, *DENIED, *THROTTLED, *UNSUPPORTED, 'Other', ''} - {*NOT_ENABLED})
)
def test_credentials_that_are_good_nowhere(code: str) -> None:
    """An ended session, a wrong signature and any other refusal do not suggest that other Regions would answer."""
    assert not refused(code).elsewhere


@pytest.mark.parametrize('code', sorted(NOT_ENABLED))
def test_role_that_cannot_be_assumed(code: str) -> None:
    """Where the Region that signs in refuses the keys, no Region can be read, so none is taken for not enabled."""
    failure = refused(code, operation='AssumeRole')
    assert failure.at_sign_in and not failure.elsewhere


@pytest.mark.parametrize('error', [NoCredentialsError(), ReadTimeoutError(endpoint_url='https://x'), ValueError()])
def test_error_without_an_answer(error: Exception) -> None:
    """An error that is no answer of a Region does not say that the Region is not enabled."""
    assert not failure_of(error, 'GetAccount', 'ses:GetAccount').elsewhere


def client_error(code: str, status: int = 400, operation: str = 'GetAccount') -> exceptions.ClientError:
    metadata = {'RequestId': REQUEST_ID, 'HTTPStatusCode': status}
    answer = {'Error': {'Code': code, 'Message': 'arn:aws:iam::1:user/jane@x.y'}, 'ResponseMetadata': metadata}
    return exceptions.ClientError(answer, operation)


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (client_error('Throttling'), FailureKind.THROTTLED),
        (client_error('TooManyRequestsException', 429), FailureKind.THROTTLED),
        (client_error('Unlisted', 429), FailureKind.THROTTLED),
        (client_error('AccessDenied', 403), FailureKind.DENIED),
        (client_error('AccessDeniedException', 400), FailureKind.DENIED),
        (client_error('Unlisted', 403), FailureKind.DENIED),
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
        (exceptions.ResponseStreamingError(error='cut'), FailureKind.NETWORK),
        (KeyError('x'), FailureKind.MALFORMED),
        (ValueError('x'), FailureKind.MALFORMED),
    ],
)
def test_kind_and_remedy_of_each_error(error: Exception, kind: FailureKind) -> None:
    """Every error becomes one of a closed set of kinds, with a remedy and without the text of AWS's message."""
    failure = failure_of(error, 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (kind, 'GetAccount')
    assert failure.remedy
    assert 'jane' not in str(failure)
    assert ('ses:GetAccount' in failure.remedy) is (kind is FailureKind.DENIED)


def test_failure_to_assume_a_role() -> None:
    """A role that cannot be assumed is reported as AssumeRole with its own remedy, not as the call that needed it."""
    failure = failure_of(client_error('AccessDenied', 403, 'AssumeRole'), 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (FailureKind.DENIED, 'AssumeRole')
    assert 'sts:AssumeRole' in failure.remedy and 'external_id' in failure.remedy


def test_operation_that_the_sdk_does_not_have() -> None:
    """An operation that this version of the SDK does not know is unsupported; a wrong answer is malformed."""
    client = botocore.session.Session().create_client('sesv2', 'us-east-1')
    errors = []
    for answerer, method in ((client, 'get_no_such_account'), ([], 'get')):
        try:
            getattr(answerer, method)
        except AttributeError as error:
            errors.append(error)
    kinds = [failure_of(error, 'GetAccount', 'ses:GetAccount').kind for error in errors]
    assert kinds == [FailureKind.UNSUPPORTED, FailureKind.MALFORMED]
