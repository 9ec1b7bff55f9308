"""The check without one of the parts of botocore that botocore does not document: a name of PLAIN in WITHOUT."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.ways import ours

WITHOUT = 'AMAZON_SES_BENCHMARK_WITHOUT'
"""The environment variable that names the part; empty for none."""

PLAIN: dict[str, tuple[str, Callable[..., Any]]] = {
    'HTTP_SESSION': ('new_http_session', lambda verify, **options: None),
    'TLS_CONTEXT': ('_with_shared_context', lambda plain_class, verify: plain_class),
    'EVENT_HANDLERS': ('new_event_emitter', lambda: None),
    'SERVICE_MODELS': ('share_service_models', lambda session: None),
    'TIMESTAMPS': ('leave_timestamps', lambda session: None),
    'PROTOCOL': ('protocol_of', lambda client: ''),
    'REPEATED_REQUESTS': ('repeated', lambda client, operation, pattern, body: None),
}
"""The function of `aws/botocore_internals.py` that uses each part, and what it does where the part is missing."""


def remove(part: str) -> None:
    """Lets the edge do without a part from now on."""
    from datadog_checks.amazon_ses.aws import botocore_internals

    if part:
        setattr(botocore_internals, *PLAIN[part])


class Way(ours.Way):
    """See `ours`."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        remove(os.environ[WITHOUT])
