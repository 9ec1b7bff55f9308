"""Failures: the kind and the remedy of each error that AWS, botocore or the network raises.

The text of AWS's messages is left out, because it names users, whose names may be addresses.
"""

from __future__ import annotations

from botocore import exceptions
from botocore.client import BaseClient

from datadog_checks.amazon_ses.model import MALFORMED_REMEDY, Failure, FailureKind

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
CREDENTIALS = {
    'AuthFailure',
    'ExpiredToken',
    'ExpiredTokenException',
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

UNSUPPORTED = {'404', 'InvalidAction', 'UnknownOperation', 'UnknownOperationException', 'UnsupportedOperation'}

CREDENTIAL_ERRORS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.UnknownCredentialError,
    exceptions.InfiniteLoopConfigError,
    exceptions.InvalidConfigError,
    exceptions.TokenRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
    # Our requests are valid, so what botocore refuses to send is a token or a role from the environment.
    exceptions.ParamValidationError,
)

TIMEOUTS = (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)
UNREACHABLE = (exceptions.HTTPClientError, exceptions.EndpointConnectionError, exceptions.ConnectionError)

REMEDIES = {
    FailureKind.THROTTLED: 'Nothing is lost: it is asked again in the next run. If it persists, another tool uses up '
    'the quota of this account and Region.',
    FailureKind.TIMEOUT: 'Look at the way to AWS (firewall, VPC endpoint, proxy), or raise connect_timeout or '
    'read_timeout.',
    FailureKind.NETWORK: 'Look at the way to AWS: DNS, firewall, VPC endpoint, TLS, and the option endpoint_url.',
    FailureKind.CREDENTIALS: 'Look at the credentials of this instance (aws_access_key_id, aws_profile, role_arn or '
    "the default chain), at the host's clock, and whether the Region is enabled for the account.",
    FailureKind.MALFORMED: MALFORMED_REMEDY,
    FailureKind.UNSUPPORTED: 'This endpoint or this version of boto3 does not know the operation.',
}

KINDS = {
    FailureKind.THROTTLED: THROTTLED,
    FailureKind.DENIED: DENIED,
    FailureKind.CREDENTIALS: CREDENTIALS,
    FailureKind.UNSUPPORTED: UNSUPPORTED,
}
STATUS_KINDS = {
    401: FailureKind.DENIED,
    403: FailureKind.DENIED,
    404: FailureKind.UNSUPPORTED,
}
"""Kinds by HTTP status, for codes that are not listed above."""

CERTIFICATE_WORDS = ('CERTIFICATE', 'certificate', 'X509')
"""What a TLS error says where a certificate is its cause."""

NO_TLS_REMEDY = (
    'What answers there does not speak TLS as AWS does: if it speaks plain http, write http:// in endpoint_url (or in '
    'proxy); else look at the port, and for a proxy in between.'
)

NETWORK_REMEDIES = {
    exceptions.SSLError: 'Look at the certificates: tls_ca_cert names the file of the authorities to trust, for '
    'example of a proxy that opens TLS.',
    exceptions.ProxyConnectionError: 'Look at the option proxy: its address, its user and password; skip_proxy does '
    'without.',
}


def failure_of(error: Exception, operation: str, action: str) -> Failure:
    """The failure that an exception means. `operation` and `action` (IAM) are those that were tried."""
    # A role that cannot be assumed fails inside the operation that needed it.
    inner = getattr(error, 'operation_name', operation)
    if inner != operation:
        service = 'sts' if inner.startswith('AssumeRole') else action.partition(':')[0]
        operation, action = inner, f'{service}:{inner}'
    kind, detail = _kind(error)
    if isinstance(error, exceptions.SSLError) and not any(word in str(error) for word in CERTIFICATE_WORDS):
        return Failure(kind, operation, detail, NO_TLS_REMEDY)
    for error_class, remedy in NETWORK_REMEDIES.items():
        if isinstance(error, error_class):
            return Failure(kind, operation, detail, remedy)
    at_request = kind is FailureKind.MALFORMED and isinstance(error, exceptions.ClientError)
    # Roles are assumed in the Region that signs in, so a refusal there says nothing of the Region of the operation.
    elsewhere = _code(error) in NOT_ENABLED and not operation.startswith('AssumeRole')
    return Failure(kind, operation, detail, _remedy(kind, operation, action), at_request, elsewhere)


def _code(error: Exception) -> str:
    """The code of an error that AWS answered, else nothing."""
    return str(error.response.get('Error', {}).get('Code', '')) if isinstance(error, exceptions.ClientError) else ''


def _kind(error: Exception) -> tuple[FailureKind, str]:
    if isinstance(error, exceptions.ClientError):
        code = _code(error)
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0)
        return _kind_of_answer(code, status), f'AWS answered {code or "nothing"} (HTTP {status}).'
    name = type(error).__name__
    if isinstance(error, CREDENTIAL_ERRORS):
        return FailureKind.CREDENTIALS, f'there are no usable credentials ({name}).'
    if isinstance(error, TIMEOUTS):
        return FailureKind.TIMEOUT, f'no answer in time ({name}).'
    if isinstance(error, UNREACHABLE):
        return FailureKind.NETWORK, f'AWS could not be reached ({name}).'
    # A client has no method for an operation that its version does not know.
    if isinstance(error, AttributeError) and isinstance(error.obj, BaseClient):
        return FailureKind.UNSUPPORTED, 'this version of boto3 does not have the operation.'
    return FailureKind.MALFORMED, f'the answer could not be understood ({name}).'


def _kind_of_answer(code: str, status: int) -> FailureKind:
    if status == 429:
        return FailureKind.THROTTLED
    for kind, codes in KINDS.items():
        if code in codes:
            return kind
    if status >= 500:
        return FailureKind.NETWORK
    return STATUS_KINDS.get(status, FailureKind.MALFORMED)


def _remedy(kind: FailureKind, operation: str, action: str) -> str:
    if kind is not FailureKind.DENIED:
        return REMEDIES[kind]
    if operation == 'AssumeRole':
        return 'Let the role of role_arn trust these credentials, allow them sts:AssumeRole, and look at external_id.'
    return f'Allow the IAM action {action}; the whole policy is in assets/iam_policy.json.'
