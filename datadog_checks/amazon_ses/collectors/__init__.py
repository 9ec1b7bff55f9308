"""The SES API sources, one module each. A collector declares what a source needs and submits, how to ask and parse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.model import Action, EventSpec, MetricSpec, Reading, StatusSpec

ClientFor = Callable[[str], Any]
"""The SDK's client of a service (`sesv2`, `ses`) in the Region of the run."""


@dataclass(frozen=True, slots=True)
class Collector:
    """One API source. Its `name` is a word of the option `collect`, unless it stands in for another source.

    `interval` is the polling interval in seconds. Each of `actions` is called once in it; failures name the first one.
    `metrics`, `statuses` and `events` are everything that the source may submit. `fetch` calls AWS and may raise any
    error of botocore. `parse` is pure: it makes readings of the answer and the time, and raises KeyError, TypeError,
    ValueError or AttributeError where the answer is incomplete.

    `service` is the SDK's name of the service that it asks. `instead_of` names the source that this one stands in for
    while AWS denies that source. With `pauses_when_quiet` it is not asked in a quiet Region. With `may_be_late` a run
    does not wait for it: its answer is taken in by the next run.
    """

    name: str
    interval: int
    actions: tuple[Action, ...]
    metrics: tuple[MetricSpec, ...]
    fetch: Callable[[ClientFor], Mapping[str, Any]]
    parse: Callable[[Mapping[str, Any], float], Iterable[Reading]]
    statuses: tuple[StatusSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    instead_of: str = ''
    service: str = 'ses'
    pauses_when_quiet: bool = False
    may_be_late: bool = False
