"""Refusals: what an error that AWS answered says. Of its message only the class of a denial is shown, in AWS's words.

The message itself names users and resources, whose names may be addresses. A page of a proxy is no answer of AWS: that
has a code, which is a word, and a request id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.model import FailureKind

THROTTLED = {
    'BandwidthLimitExceeded',
    'LimitExceededException',
    'PriorRequestNotComplete',
    'RequestLimitExceeded',
    'RequestThrottled',
    'RequestThrottledException',
    'SlowDown',
    'ThrottledException',
    'Throttling',
    'ThrottlingException',
    'TooManyRequestsException',
}
DENIED = {'AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'NotAuthorized', 'UnauthorizedOperation'}
EXPIRED = {'ExpiredToken', 'ExpiredTokenException'}
CREDENTIALS = {
    *EXPIRED,
    'AuthFailure',
    'IncompleteSignature',
    'IncompleteSignatureException',
    'InvalidAccessKeyId',
    'InvalidClientTokenId',
    'InvalidIdentityToken',
    'InvalidSignatureException',
    'InvalidToken',
    'MissingAuthenticationToken',
    'MissingAuthenticationTokenException',
    'OptInRequired',
    'RegionDisabledException',
    'RequestExpired',
    'RequestTimeTooSkewed',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
}
NOT_ENABLED = {'InvalidClientTokenId', 'OptInRequired', 'RegionDisabledException', 'UnrecognizedClientException'}
"""Codes of a Region that is not enabled for the account. AWS gives the same for keys that are invalid everywhere."""

INVALID = {
    'InvalidFormat',
    'InvalidFormatFault',
    'InvalidParameterCombination',
    'InvalidParameterCombinationException',
    'InvalidParameterInput',
    'InvalidParameterValue',
    'InvalidParameterValueException',
    'MissingParameter',
    'MissingRequiredParameter',
    'MissingRequiredParameterException',
    'ValidationError',
    'ValidationException',
}
"""Codes with which a service calls a request invalid."""

UNSUPPORTED = {'404', 'InvalidAction', 'UnknownOperation', 'UnknownOperationException', 'UnsupportedOperation'}

KINDS = {
    FailureKind.THROTTLED: THROTTLED,
    FailureKind.DENIED: DENIED,
    FailureKind.CREDENTIALS: CREDENTIALS,
    FailureKind.UNSUPPORTED: UNSUPPORTED,
}

POLICIES = {
    'identity-based policy': 'in a policy of the user or role',
    'permissions boundary': 'in the permissions boundary of the user or role',
    'session policy': 'in the policy that is passed when the session is opened',
    'service control policy': 'in the service control policies of the organization, or leave the Region out',
    'resource control policy': 'in the resource control policies of the organization',
    'resource-based policy': 'in the policy of the resource',
    'VPC endpoint policy': 'in the policy of the VPC endpoint',
    'role trust policy': 'in the trust policy of the role',
}
"""The classes of policies in AWS's words (IAM User Guide, "Troubleshoot access denied error messages"), and where each
of them is changed."""

OF_THE_ORGANIZATION = ('service control policy', 'resource control policy')

DENIAL = re.compile(
    rf'\b(?:because no|with an (?P<explicit>explicit deny) in (?:an?|the)) (?P<policy>{"|".join(POLICIES)})\b',
    re.IGNORECASE,
)
REQUEST_ID = re.compile(r'[0-9A-Za-z-]{8,64}')


class Denial(NamedTuple):
    """Why AWS denies: the class of the policy, and whether it denies explicitly or only fails to allow."""

    policy: str
    explicit: bool

    def __str__(self) -> str:
        return f'an explicit deny in a {self.policy}' if self.explicit else f'no {self.policy} allows it'


class Refusal:
    """An error that AWS answered, or that came in its place. `code` is as it came, `shown_code` fit to be shown."""

    def __init__(self, error: ClientError) -> None:
        answer: Mapping[str, Any] = error.response
        metadata = answer.get('ResponseMetadata', {})
        message = answer.get('Error', {})
        self.code = str(message.get('Code', ''))
        self.shown_code = shown(self.code)
        self.status: int = metadata.get('HTTPStatusCode', 0)
        request_id = str(metadata.get('RequestId', ''))
        self.request_id = request_id if REQUEST_ID.fullmatch(request_id) else ''
        self.denial = _denial(str(message.get('Message', '')))

    @property
    def is_from_aws(self) -> bool:
        """Whether the error has the form of AWS: a code that is a word, and a request id."""
        return bool(self.request_id) and self.code[:1].isalpha()

    @property
    def is_invalid(self) -> bool:
        """Whether AWS itself calls the request invalid."""
        return self.code in INVALID and self.is_from_aws

    @property
    def is_by_organization(self) -> bool:
        """Whether a policy of the organization denies the request."""
        denial = self.denial if self.kind is FailureKind.DENIED else None
        return denial is not None and denial.explicit and denial.policy in OF_THE_ORGANIZATION

    @property
    def kind(self) -> FailureKind:
        if self.status == 429:
            return FailureKind.THROTTLED
        for kind, codes in KINDS.items():
            if self.code in codes:
                return kind
        if self.status >= 500:
            return FailureKind.NETWORK
        if self.status == 404:
            return FailureKind.UNSUPPORTED
        denied = self.status in (401, 403) and self.is_from_aws
        return FailureKind.DENIED if denied else FailureKind.MALFORMED

    @property
    def detail(self) -> str:
        if self.kind is FailureKind.MALFORMED and not self.is_from_aws:
            return f'the answer, HTTP {self.status}, does not have the form of AWS.'
        reason = f': {self.denial}' if self.denial and self.kind is FailureKind.DENIED else ''
        return f'AWS answered {self.shown_code or "nothing"} (HTTP {self.status}){reason}.'


def _denial(message: str) -> Denial | None:
    match = DENIAL.search(message)
    if match is None:
        return None
    policy = next(policy for policy in POLICIES if policy.lower() == match['policy'].lower())
    return Denial(policy, match['explicit'] is not None)
