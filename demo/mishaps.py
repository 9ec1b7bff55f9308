"""The mishaps of the demo. Their times are shares of the simulated hours, so that a short run has all of them."""

from __future__ import annotations

from dataclasses import dataclass

DOWN_FROM, DOWN_TO = 0.50, 0.56
"""The Agent is stopped in between."""

BY_HAND_AT = 0.31
"""Somebody runs `agent check` by hand beside the Agent, and again while the Agent is stopped."""


@dataclass(frozen=True)
class Mishap:
    """One fault. `region` is an index into the Regions of the run; `until` is None where it ends by itself."""

    at: float
    kind: str
    operation: str
    region: int
    description: str
    times: int | None = None
    until: float | None = None


# Two hits are a request and its repetition, so the run goes without a response; one hit is healed by the repetition.
MISHAPS = (
    Mishap(0.10, 'throttle', 'GetMetricData', 0, 'CloudWatch throttles a request and its repetition', 2),
    Mishap(0.18, 'server_error', 'GetMetricData', 1, 'CloudWatch answers with a 500, once', 1),
    Mishap(0.26, 'truncate', 'GetMetricData', 0, 'the body of an answer breaks off, twice', 2),
    Mishap(0.34, 'partial', 'GetMetricData', 1, 'an answer is incomplete: every second series is PartialData', 1),
    Mishap(0.40, 'denied', 'GetAccount', 1, 'IAM denies GetAccount', None, 0.48),
    Mishap(0.62, 'hang', 'GetAccount', 0, 'a request gets no answer at all, once', 1),
    Mishap(0.70, 'reset', 'GetMetricData', 1, 'the connection is reset, twice', 2),
    Mishap(0.80, 'html', 'GetMetricData', 0, 'a proxy answers with a web page and status 200', 1),
)
