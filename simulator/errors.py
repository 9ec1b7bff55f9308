"""AWS errors as services raise them, and their code and status in each service and protocol."""

from __future__ import annotations

# Canonical code (the query protocol's spelling) -> spelling of the JSON protocols.
JSON_SPELLING = {
    'AccessDenied': 'AccessDeniedException',
    'ExpiredToken': 'ExpiredTokenException',
    'InvalidClientTokenId': 'UnrecognizedClientException',
    'MissingAuthenticationToken': 'MissingAuthenticationTokenException',
    'Throttling': 'ThrottlingException',
    'ValidationError': 'ValidationException',
    'InternalFailure': 'InternalServerException',
    'InvalidAction': 'UnknownOperationException',
}
# Services that spell a common failure differently: (service, canonical code) -> (code, HTTP status).
SERVICE_SPELLING = {
    ('sesv2', 'Throttling'): ('TooManyRequestsException', 429),
    ('sesv2', 'ValidationError'): ('BadRequestException', 400),
    ('sesv2', 'InternalFailure'): ('InternalServiceErrorException', 500),
    ('cloudwatch', 'InternalFailure'): ('InternalServiceError', 500),
}
# Raised before a request reaches its service: JSON services answer 400, the others 403.
AUTHENTICATION = {'AccessDenied', 'ExpiredToken', 'InvalidClientTokenId', 'MissingAuthenticationToken'}


class AwsError(Exception):
    """A refusal: code (query spelling), AWS's message, HTTP status. `literal` codes are sent without respelling."""

    def __init__(self, code: str, message: str = '', status: int = 400, literal: bool = False) -> None:
        super().__init__(f'{code}: {message}')
        self.code = code
        self.message = message
        self.status = status
        self.literal = literal

    def spelled(self, service: str | None, protocol: str) -> tuple[str, int]:
        """Code and HTTP status in this service and protocol."""
        if self.literal:
            return self.code, self.status
        if service and (service, self.code) in SERVICE_SPELLING:
            return SERVICE_SPELLING[service, self.code]
        status = self.status
        if self.code in AUTHENTICATION:
            status = 400 if protocol in ('json', 'smithy-rpc-v2-cbor') else 403
        if protocol == 'query':
            return self.code, status
        return JSON_SPELLING.get(self.code, self.code), status


def access_denied(arn: str, action: str | None, reason: str = '') -> AwsError:
    """IAM's refusal of an action to a principal. `reason` ends AWS's sentence."""
    reason = reason or f'because no identity-based policy allows the {action} action'
    return AwsError('AccessDenied', f'User: {arn} is not authorized to perform: {action} {reason}', 403)


def invalid_token() -> AwsError:
    """The refusal of a key or token that AWS does not recognize."""
    return AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403)


def expired_token() -> AwsError:
    """The refusal of temporary credentials past their end."""
    return AwsError('ExpiredToken', 'The security token included in the request is expired', 403)
