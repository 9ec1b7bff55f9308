"""GetAccount, which each Region is asked for once a minute: its requests repeat the first one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.awsrequest import AWSResponse

from datadog_checks.amazon_ses.aws import botocore_internals, repeated_requests
from datadog_checks.amazon_ses.aws.connections import Sender

SERVICE, OPERATION = 'sesv2', 'GetAccount'
METHOD = 'get_account'


def attach(session: Any) -> None:
    """Let the clients that a session makes repeat their requests, once they have a sender."""
    session.register(f'creating-client-class.{SERVICE}', _replace_method)


def attach_sender(client: Any, sender: Sender) -> None:
    """Let a sender send the requests of a client of SES."""
    # Not of the client, which would hold itself.
    parse = botocore_internals.response_parser(client, OPERATION)

    def read(response: AWSResponse) -> Mapping[str, Any] | None:
        return parse(response) if response.status_code == 200 else None

    repeated_requests.attach(client, OPERATION, sender, read)


def _replace_method(class_attributes: dict[str, Any], **_: Any) -> None:
    call = class_attributes[METHOD]

    def get_account(client: Any) -> Mapping[str, Any]:
        return repeated_requests.ask(client, b'', partial(call, client))

    class_attributes[METHOD] = get_account
