"""Flags in answers in XML: botocore reads every text but `true` as false, that is: the account cannot send."""

from __future__ import annotations

import re
from typing import Any

FLAG = re.compile(rb'<Enabled>\s*(?:true|false)\s*</Enabled>')
NEITHER = 'neither true nor false'


def attach(client: Any) -> None:
    """Let the answers of a client say where a flag is neither true nor false."""
    if client.meta.service_model.service_name == 'ses':
        client.meta.events.register('after-call.ses.GetAccountSendingEnabled', _check)


def _check(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    if 'Enabled' in parsed and not FLAG.search(http_response.content):
        parsed['Enabled'] = NEITHER
