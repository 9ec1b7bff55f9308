"""What an answer that says no tells of the credentials and of the Region."""

from __future__ import annotations

import pytest
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
