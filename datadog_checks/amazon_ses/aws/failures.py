"""Failures: the kind and the remedy of each error that AWS, botocore, the network or this machine raises.

The text of AWS's messages is left out, because it names users, whose names may be addresses.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore import exceptions
from botocore.client import BaseClient

from datadog_checks.amazon_ses.aws.intake import TooLarge
from datadog_checks.amazon_ses.aws.local_causes import local_cause
from datadog_checks.amazon_ses.aws.refusals import EXPIRED, NOT_ENABLED, POLICIES, Refusal
from datadog_checks.amazon_ses.configuration.options import host_of
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.model import MALFORMED_REMEDY, SIGN_IN, Failure, FailureKind, malformed

CREDENTIAL_ERRORS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.UnknownCredentialError,
    exceptions.InvalidConfigError,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    # Our requests are valid, so what botocore refuses to send is a token or a role from the environment.
    exceptions.ParamValidationError,
)

BY_STATUS = (FailureKind.DENIED, FailureKind.UNSUPPORTED)
"""Kinds that a page in the place of an answer may look like."""

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

POLICY = '`agent diagnose` prints the statement that is missing.'
ROLE_ENDED = (
    'The session of the role that role_arn names has ended, or AWS ended it: it is opened again. If this goes on, look '
    "at the host's clock and at policies that revoke sessions of the role."
)
TOKEN_ENDED = 'aws_session_token has ended: give new keys with their token, or aws_profile or role_arn, which renew it.'


def failure_of(
    error: Exception, operation: str, action: str, region: str = '', sign_in: SignIn | None = None
) -> Failure:
    """The failure that an exception means. `operation` and `action` (IAM) are those that were tried in a Region, with
    credentials as `sign_in` describes them."""
    sign_in = sign_in or SignIn()
    # A role that cannot be assumed fails inside the operation that needed it.
    inner = getattr(error, 'operation_name', operation)
    if inner != operation:
        service = 'sts' if inner.startswith('AssumeRole') else action.partition(':')[0]
        operation, action = inner, f'{service}:{inner}'
    if isinstance(error, exceptions.ClientError):
        return _refused(Refusal(error), operation, action, sign_in)
    if isinstance(error, TooLarge):
        return malformed(operation, str(error))
    cause = local_cause(error, sign_in)
    if cause is not None:
        at_sign_in = isinstance(error, CREDENTIAL_ERRORS) or operation == SIGN_IN
        return Failure(FailureKind.CREDENTIALS if at_sign_in else FailureKind.NETWORK, operation, *cause)
    kind, detail = _kind(error, region)
    if isinstance(error, exceptions.SSLError) and not any(word in str(error) for word in CERTIFICATE_WORDS):
        return Failure(kind, operation, detail, NO_TLS_REMEDY)
    for error_class, remedy in NETWORK_REMEDIES.items():
        if isinstance(error, error_class):
            return Failure(kind, operation, detail, remedy)
    return Failure(kind, operation, detail, REMEDIES[kind])


def _refused(refusal: Refusal, operation: str, action: str, sign_in: SignIn) -> Failure:
    """The failure of an error that AWS answered, or that came in its place."""
    kind = refusal.kind
    return Failure(
        kind,
        operation,
        refusal.detail,
        _remedy(refusal, operation, action, sign_in),
        at_request=kind is FailureKind.MALFORMED or (kind in BY_STATUS and not refusal.is_from_aws),
        # Roles are assumed in the Region that signs in, so a refusal there says nothing of the operation's Region.
        elsewhere=refusal.code in NOT_ENABLED and not operation.startswith('AssumeRole'),
        invalid=refusal.is_invalid,
        by_organization=refusal.is_by_organization,
        explicit_deny=refusal.denial is not None and refusal.denial.explicit,
        request_id=refusal.request_id,
    )


def _kind(error: Exception, region: str) -> tuple[FailureKind, str]:
    name = type(error).__name__
    host = _host(error, region)
    if isinstance(error, CREDENTIAL_ERRORS):
        return FailureKind.CREDENTIALS, f'there are no usable credentials ({name}).'
    if isinstance(error, TIMEOUTS):
        return FailureKind.TIMEOUT, f'no answer in time from {host} ({name}).'
    if isinstance(error, UNREACHABLE):
        return FailureKind.NETWORK, f'{host} could not be reached ({name}).'
    # A client has no method for an operation that its version does not know.
    if isinstance(error, AttributeError) and isinstance(error.obj, BaseClient):
        return FailureKind.UNSUPPORTED, 'this version of boto3 does not have the operation.'
    return FailureKind.MALFORMED, f'the answer could not be understood ({name}).'


def _host(error: Exception, region: str) -> str:
    """Host, port and Region that a request was for. A URL may hold a password, so nothing else of it is shown."""
    options = vars(error).get('kwargs', {})
    url = str(options.get('endpoint_url') or options.get('proxy_url') or '')
    host = host_of(url)
    if host is None:
        return f'AWS in {region}' if region else 'AWS'
    parts = urlsplit(url)
    through = 'the proxy ' if 'proxy_url' in options else ''
    place = f' for {region}' if region else ''
    return f'{through}{host}:{parts.port or (443 if parts.scheme == "https" else 80)}{place}'


def _remedy(refusal: Refusal, operation: str, action: str, sign_in: SignIn) -> str:
    if refusal.code in EXPIRED:
        if sign_in.roles and not operation.startswith('AssumeRole'):
            return ROLE_ENDED
        if sign_in.session_token:
            return TOKEN_ENDED
    if refusal.kind is not FailureKind.DENIED:
        return REMEDIES[refusal.kind]
    denial = refusal.denial
    place = POLICIES[denial.policy] if denial else ''
    if operation == 'AssumeRole':
        place = f' Change it {place}.' if place else ''
        return f'Let the role of role_arn trust these credentials, allow them {action}, and look at external_id.{place}'
    if denial and denial.explicit:
        return f'Take the IAM action {action} out of the Deny, {place}.'
    return f'Allow the IAM action {action}{f" {place}" if place else ""}. {POLICY}'
