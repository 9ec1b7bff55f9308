"""AWS errors as services raise them; how a protocol spells them on the wire is decided in `wire`."""

from __future__ import annotations

from typing import Any

# Canonical code (the query protocol's spelling) -> spelling of the JSON protocols.
JSON_SPELLING = {
    'AccessDenied': 'AccessDeniedException',
    'ExpiredToken': 'ExpiredTokenException',
    'InvalidClientTokenId': 'UnrecognizedClientException',
    'MissingAuthenticationToken': 'MissingAuthenticationTokenException',
    'IncompleteSignature': 'IncompleteSignatureException',
    'Throttling': 'ThrottlingException',
    'ValidationError': 'ValidationException',
    'InternalFailure': 'InternalServerException',
    'ServiceUnavailable': 'ServiceUnavailableException',
    'InvalidAction': 'UnknownOperationException',
}
# Where a service has an own name for a common failure: (service, canonical code) -> (code, HTTP status).
SERVICE_SPELLING = {
    ('sesv2', 'Throttling'): ('TooManyRequestsException', 429),
    ('sesv2', 'ValidationError'): ('BadRequestException', 400),
    ('sesv2', 'InternalFailure'): ('InternalServiceErrorException', 500),
    ('mailmanager', 'Throttling'): ('ThrottlingException', 429),
    ('cloudwatch', 'InternalFailure'): ('InternalServiceError', 500),
}
# Raised before a request reaches its service: JSON services answer 400, the others 403.
AUTHENTICATION = {
    'AccessDenied', 'ExpiredToken', 'InvalidClientTokenId', 'MissingAuthenticationToken', 'IncompleteSignature',
}  # fmt: skip


class AwsError(Exception):
    """A refusal in AWS's words: code (query spelling), message, HTTP status; `literal` codes are sent as they are."""

    def __init__(self, code: str, message: str = '', status: int = 400, literal: bool = False) -> None:
        super().__init__(f'{code}: {message}')
        self.code = code
        self.message = message
        self.status = status
        self.literal = literal
        self.context: Any = None  # what could be decoded of a request that is no call

    def spelled(self, service: str | None, protocol: str) -> tuple[str, int]:
        """Code and HTTP status as this service and protocol give them."""
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
