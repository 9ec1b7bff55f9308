"""The values of this package: what a check submits, and the outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

STATUS_NAMES = ('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')
PREFIX = 'amazon_ses.'


class Sample(NamedTuple):
    """A value of a metric as the check submitted it. `type` is gauge or count; `tags` are `key:value` or bare."""

    name: str
    type: str
    value: float
    tags: tuple[str, ...]
    hostname: str


class ServiceCheck(NamedTuple):
    """A status as the check submitted it. `status` is 0 OK, 1 warning, 2 critical, 3 unknown."""

    name: str
    status: int
    tags: tuple[str, ...]
    hostname: str
    message: str

    @property
    def status_name(self) -> str:
        return STATUS_NAMES[self.status] if 0 <= self.status < len(STATUS_NAMES) else 'UNKNOWN'


class Context(NamedTuple):
    """The identity of a series. `tags` are sorted and have no repeats."""

    name: str
    tags: tuple[str, ...]
    hostname: str

    @classmethod
    def from_submission(cls, submission: Sample | ServiceCheck) -> Context:
        return cls(submission.name, tuple(sorted(set(submission.tags))), submission.hostname)


@dataclass(frozen=True)
class Run:
    """One run of one check.

    `time` is the epoch second of its end by the host's clock, `duration` real seconds. `error` is None or the message
    of the exception that ended the run; then `traceback` is its traceback, and `misconfigured` says whether the
    configuration was the cause.
    """

    time: float
    duration: float
    metrics: list[Sample] = field(default_factory=list)
    service_checks: list[ServiceCheck] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    traceback: str = ''
    misconfigured: bool = False

    @property
    def status_name(self) -> str:
        """ERROR, WARNING or OK, in the words of the Agent's status page."""
        if self.error is not None:
            return 'ERROR'
        return 'WARNING' if self.warnings else 'OK'
