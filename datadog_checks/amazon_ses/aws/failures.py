"""From whatever AWS, botocore or the network raise to one failure of the closed set of kinds.

The text of AWS's own messages is left out: it names users, whose names may be addresses.
"""

from __future__ import annotations

from botocore import exceptions

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
ELSEWHERE = {'InvalidClientTokenId', 'OptInRequired', 'RegionDisabledException', 'UnrecognizedClientException'}
"""What a Region answers that is not enabled for the account. It answers the same to keys that there are nowhere."""

UNSUPPORTED = {'404', 'InvalidAction', 'UnknownOperation', 'UnknownOperationException', 'UnsupportedOperation'}

UNKNOWN_CREDENTIALS = (
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
    # Our own requests are right; what botocore refuses to send is a token or a role from the environment.
    exceptions.ParamValidationError,
)
CLIENTS = tuple(f"'{name}' object has no attribute" for name in ('CloudWatch', 'SES', 'SESV2', 'STS'))
"""How a client says that its version does not know an operation. An answer that is no map says it of a list."""

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


NETWORK_REMEDIES = {
    exceptions.SSLError: 'Look at the certificates: tls_ca_cert names the file of the authorities to trust, for '
    'example of a proxy that opens TLS.',
    exceptions.ProxyConnectionError: 'Look at the option proxy: its address, its user and password; skip_proxy does '
    'without.',
}


def failure_of(error: Exception, operation: str, action: str) -> Failure:
    """The failure that an exception means. `operation` and `action` (IAM) are those that were tried."""
    # A role that cannot be assumed shows up inside the call that needed it.
    inner = getattr(error, 'operation_name', operation)
    if inner != operation:
        service = 'sts' if inner.startswith('AssumeRole') else action.partition(':')[0]
        operation, action = inner, f'{service}:{inner}'
    kind, detail = _kind(error)
    for known, remedy in NETWORK_REMEDIES.items():
        if isinstance(error, known):
            return Failure(kind, operation, detail, remedy)
    at_request = kind is FailureKind.MALFORMED and isinstance(error, exceptions.ClientError)
    # A role is assumed at home: what is said there tells nothing of the Region that was asked.
    elsewhere = _code(error) in ELSEWHERE and not operation.startswith('AssumeRole')
    return Failure(kind, operation, detail, _remedy(kind, operation, action), at_request, elsewhere)


def _code(error: Exception) -> str:
    """The code of an answer that says no, else nothing."""
    return str(error.response.get('Error', {}).get('Code', '')) if isinstance(error, exceptions.ClientError) else ''


def _kind(error: Exception) -> tuple[FailureKind, str]:
    if isinstance(error, exceptions.ClientError):
        code = _code(error)
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0)
        return _kind_of_answer(code, status), f'AWS answered {code or "nothing"} (HTTP {status}).'
    name = type(error).__name__
    if isinstance(error, UNKNOWN_CREDENTIALS):
        return FailureKind.CREDENTIALS, f'there are no usable credentials ({name}).'
    if isinstance(error, TIMEOUTS):
        return FailureKind.TIMEOUT, f'no answer in time ({name}).'
    if isinstance(error, UNREACHABLE):
        return FailureKind.NETWORK, f'AWS could not be reached ({name}).'
    if isinstance(error, AttributeError) and str(error).startswith(CLIENTS):
        return FailureKind.UNSUPPORTED, 'this version of boto3 does not have the operation.'
    return FailureKind.MALFORMED, f'the answer could not be understood ({name}).'


def _kind_of_answer(code: str, status: int) -> FailureKind:
    if code in THROTTLED or status == 429:
        return FailureKind.THROTTLED
    if code in DENIED:
        return FailureKind.DENIED
    if code in CREDENTIALS:
        return FailureKind.CREDENTIALS
    if code in UNSUPPORTED or status == 404:
        return FailureKind.UNSUPPORTED
    if status >= 500:
        return FailureKind.NETWORK
    return FailureKind.DENIED if status in (401, 403) else FailureKind.MALFORMED


def _remedy(kind: FailureKind, operation: str, action: str) -> str:
    if kind is not FailureKind.DENIED:
        return REMEDIES[kind]
    if operation == 'AssumeRole':
        return 'Let the role of role_arn trust these credentials, allow them sts:AssumeRole, and look at external_id.'
    return f'Allow the IAM action {action}; the whole policy is in assets/iam_policy.json.'
