"""The SES API sources, one file each. A collector is a frozen record of what it costs and two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.model import Action, EventSpec, MetricSpec, Reading, StatusSpec

Clients = Callable[[str], Any]
"""Gives the boto3 client of a service (`sesv2`, `ses`) for the Region at hand."""


@dataclass(frozen=True, slots=True)
class Collector:
    """One API source.

    `every` is its cadence in seconds. Its `actions` are called once then; the first names it in failures. `fetch` asks
    AWS and may raise whatever botocore raises. `read` is pure: it takes the answer and the time, and raises KeyError,
    TypeError, ValueError or AttributeError where the answer lacks what it needs. `instead_of` names the source that
    this one stands in for while that is denied. One that `pauses_when_quiet` is not asked in a quiet Region.
    """

    name: str
    every: int
    actions: tuple[Action, ...]
    metrics: tuple[MetricSpec, ...]
    fetch: Callable[[Clients], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any], float], Iterable[Reading]]
    statuses: tuple[StatusSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    instead_of: str = ''
    pauses_when_quiet: bool = False
