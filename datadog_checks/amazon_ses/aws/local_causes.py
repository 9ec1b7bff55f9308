"""Local causes: why a request never left this machine. Each names the file, the variable or the profile to look at."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore import exceptions

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.model import SIGN_IN

CONTAINER_URI = 'AWS_CONTAINER_CREDENTIALS_FULL_URI'
PROFILE_VARIABLES = ('AWS_PROFILE', 'AWS_DEFAULT_PROFILE')
PATHS = (
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
    'AWS_CA_BUNDLE',
    'REQUESTS_CA_BUNDLE',
    'AWS_CONFIG_FILE',
    'AWS_SHARED_CREDENTIALS_FILE',
)
"""Variables that hold the path of a file."""

NUMBERS = (
    'AWS_MAX_ATTEMPTS',
    'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
    'AWS_METADATA_SERVICE_TIMEOUT',
    'AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES',
)
"""Variables that hold a number."""

VARIABLES = {
    'InvalidChecksumConfigError': 'AWS_REQUEST_CHECKSUM_CALCULATION or AWS_RESPONSE_CHECKSUM_VALIDATION',
    'InvalidDefaultsMode': 'AWS_DEFAULTS_MODE',
    'InvalidIMDSEndpointError': 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
    'InvalidIMDSEndpointModeError': 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
    'InvalidMaxRetryAttemptsError': 'AWS_MAX_ATTEMPTS',
    'InvalidRetryConfigurationError': 'AWS_RETRY_MODE or AWS_MAX_ATTEMPTS',
    'InvalidRetryModeError': 'AWS_RETRY_MODE',
    'InvalidSTSRegionalEndpointsConfigError': 'AWS_STS_REGIONAL_ENDPOINTS',
    'InvalidEndpointConfigurationError': 'AWS_ENDPOINT_URL',
}
"""The variables whose values the SDK refuses, by its error. A setting of the profile has the same name."""

PROVIDERS = {
    'container-role': 'the endpoint that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI '
    'names',
    'custom-process': 'the command that credential_process of the profile names',
    'iam-role': 'the instance metadata of this machine',
    'sso': 'the sign-in with SSO that the profile names: aws sso login renews it',
}
"""What gives credentials, by the SDK's name of it."""

WEB_IDENTITY = {
    'WebIdentityToken': 'AWS_WEB_IDENTITY_TOKEN_FILE (web_identity_token_file) names a file without a token',
    'RoleArn': 'AWS_ROLE_ARN (role_arn) is not the ARN of a role',
    'RoleSessionName': 'AWS_ROLE_SESSION_NAME (role_session_name) is not a name of a session',
}
"""What is wrong with a request for a role, by the parameter that the SDK refuses to send."""

FILES = 'AWS_CONFIG_FILE (~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) of the user of the Agent'
WITHOUT_ANSWER = (exceptions.HTTPClientError, exceptions.ConnectionError)
"""Errors of a request that was sent, or that tried to reach a host."""


MOST_WRAPPERS = 4


class Cause(NamedTuple):
    """What is wrong on this machine, and what to do about it."""

    detail: str
    remedy: str


class NotSent(Exception):
    """A request was not sent, for a cause on this machine."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.cause = Cause(detail, remedy)


def mark_sign_in(error: Exception) -> None:
    """Note that an error came while credentials were loaded. Requests that load them name an operation of their own."""
    if not hasattr(error, 'operation_name'):
        vars(error)['operation_name'] = SIGN_IN


def mark_set_up(error: Exception) -> None:
    """Note that an error came while a client was made, before any request."""
    vars(error).setdefault('before_requests', True)


def local_cause(error: Exception, sign_in: SignIn) -> Cause | None:
    """Why nothing was sent. None where AWS or a host on the way to it was asked."""
    if isinstance(error, NotSent):
        return error.cause
    inner = _file_error(error)
    if inner is not None:
        return _file(inner)
    if isinstance(error, (exceptions.ClientError, *WITHOUT_ANSWER)):
        return None
    for error_class, describe in DESCRIPTIONS:
        if isinstance(error, error_class):
            return describe(vars(error).get('kwargs', {}), sign_in)
    variable = VARIABLES.get(type(error).__name__)
    if variable is not None:
        return Cause(f'the SDK refuses the value of {variable}.', _environment())
    if isinstance(error, ValueError) and _is_local(error):
        return _wrong_value(error)
    if _is_local(error) or isinstance(error, exceptions.EndpointProviderError):
        return Cause(f'the SDK does not accept its settings ({type(error).__name__}).', _environment())
    return None


def _is_local(error: Exception) -> bool:
    return hasattr(error, 'before_requests') or getattr(error, 'operation_name', '') == SIGN_IN


def _file_error(error: BaseException | None) -> OSError | None:
    """The error of a file that cannot be read. For a file of authorities it is wrapped, by urllib3 and by botocore."""
    for _ in range(MOST_WRAPPERS):
        if isinstance(error, OSError) and (error.filename or isinstance(error, FileNotFoundError)):
            return error
        wrapped = vars(error).get('kwargs', {}).get('error') if error is not None else None
        error = wrapped if isinstance(wrapped, Exception) else error.__cause__ if error is not None else None
    return None


def _file(error: OSError) -> Cause:
    path = str(error.filename or '')
    variables = [name for name in PATHS if os.environ.get(name) == path] if path else []
    named = f' {variables[0]} names it.' if variables else ''
    if not path:
        return Cause(
            'the file of certificate authorities cannot be read.',
            'Look at tls_ca_cert, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and ca_bundle of the profile.',
        )
    return Cause(
        f'the file {shown(path)} cannot be read ({error.strerror}).{named}',
        'Give the path of a file that the user of the Agent can read.',
    )


def _profile(options: Mapping[str, Any], sign_in: SignIn) -> Cause:
    setters = [name for name in PROFILE_VARIABLES if os.environ.get(name)]
    setter = 'aws_profile' if sign_in.profile else setters[0] if setters else 'source_profile of the profile'
    profile = shown(str(options.get('profile')))
    return Cause(f'there is no profile {profile}, which {setter} names.', f'Profiles stand in {FILES}.')


def _config_file(options: Mapping[str, Any], _: SignIn) -> Cause:
    return Cause(f'the file {shown(str(options.get("path")))} cannot be read by the SDK.', f'The files are {FILES}.')


def _missing_key(options: Mapping[str, Any], _: SignIn) -> Cause:
    provider = shown(str(options.get('provider')))
    return Cause(
        f'{shown(str(options.get("cred_var")))} is missing beside the other keys ({provider}).', _environment()
    )


def _provider(options: Mapping[str, Any], _: SignIn) -> Cause:
    # The text of the error is left out: it may be the output of a command, with anything in it.
    provider = str(options.get('provider'))
    source = PROVIDERS.get(provider, f'what gives them ({shown(provider)})')
    return Cause(f'no usable credentials came from {source}.', _environment())


def _sdk_text(options: Mapping[str, Any], _: SignIn) -> Cause:
    """An error whose text the SDK writes, from names of profiles and settings."""
    return Cause(f'the SDK says: {shown(str(options.get("error_msg", "")), 300)}', f'Profiles stand in {FILES}.')


def _loop(options: Mapping[str, Any], _: SignIn) -> Cause:
    profile = shown(str(options.get('source_profile')))
    return Cause(f'source_profile of the profile {profile} leads back to it.', f'Profiles stand in {FILES}.')


def _source(options: Mapping[str, Any], _: SignIn) -> Cause:
    source = shown(str(options.get('name')))
    return Cause(
        f'credential_source {source} of the profile is none that the SDK knows.', f'Profiles stand in {FILES}.'
    )


def _sso(_: Mapping[str, Any], sign_in: SignIn) -> Cause:
    profile = shown(sign_in.profile or 'default')
    return Cause(
        f'the SSO session of the profile {profile} has ended.', 'Run `aws sso login` as the user of the Agent.'
    )


def _none(_: Mapping[str, Any], __: SignIn) -> Cause:
    remedy = 'Give aws_access_key_id, aws_profile or a role_arn, or credentials where the default chain finds them.'
    return Cause('there are no credentials on this machine.', remedy)


def _parameters(options: Mapping[str, Any], _: SignIn) -> Cause:
    # Our own requests are valid, so what the SDK refuses to send comes from the environment or a profile.
    report = str(options.get('report', ''))
    parameter = next(iter(re.findall(r'parameter:? (\w+)', report)), '')
    return Cause(f'{WEB_IDENTITY.get(parameter, "the SDK refuses the settings of the role")}.', _environment())


DESCRIPTIONS: tuple[tuple[type[Exception], Callable[[Mapping[str, Any], SignIn], Cause]], ...] = (
    (exceptions.NoCredentialsError, _none),
    (exceptions.ProfileNotFound, _profile),
    (exceptions.ConfigParseError, _config_file),
    (exceptions.ConfigNotFound, _config_file),
    (exceptions.PartialCredentialsError, _missing_key),
    (exceptions.CredentialRetrievalError, _provider),
    (exceptions.InfiniteLoopConfigError, _loop),
    (exceptions.InvalidConfigError, _sdk_text),
    (exceptions.UnknownCredentialError, _source),
    (exceptions.TokenRetrievalError, _sso),
    (exceptions.SSOError, _sso),
    (exceptions.ParamValidationError, _parameters),
)
"""How the errors of the SDK are described, the narrower class first."""


def _wrong_value(error: ValueError) -> Cause:
    """A value that the SDK could not use: an address of container credentials, a number or an endpoint."""
    if os.environ.get(CONTAINER_URI) and 'host' in str(error).lower():
        return Cause(
            f'the SDK refuses the host of {CONTAINER_URI}.',
            'It takes https, a loopback address, and the addresses of ECS and EKS for container credentials.',
        )
    if 'header value' in str(error):
        return Cause(
            'AWS_CONTAINER_AUTHORIZATION_TOKEN or the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE has a line end.',
            'Write the token without a line end.',
        )
    numbers = [name for name in NUMBERS if os.environ.get(name) and not os.environ[name].strip().isdigit()]
    if numbers:
        return Cause(f'{numbers[0]} is not a whole number.', 'Correct or remove the variable.')
    urls = [name for name in sorted(os.environ) if name.startswith('AWS_ENDPOINT_URL')]
    if urls and 'endpoint' in str(error).lower():
        return Cause(f'the SDK refuses the URL of {" or ".join(urls[:4])}.', 'Give a URL with http:// or https://.')
    return Cause(f'the SDK could not use a value ({type(error).__name__}).', _environment())


def _environment() -> str:
    """The variables of the environment that the SDK reads. Their values are not shown."""
    names = sorted(name for name in os.environ if name.startswith('AWS_'))[:12]
    variables = f'the variables {", ".join(map(shown, names))}' if names else 'the variables AWS_* (there are none)'
    return f'Look at {variables} in the environment of the Agent, and at the profile in {FILES}.'
