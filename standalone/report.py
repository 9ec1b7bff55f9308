"""The runs of one instance, added up: every output format is made from this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from standalone.model import Context, Run, ServiceCheck


class Series(NamedTuple):
    """The single point of a context: the last value of a gauge, the sum of a count. `time` is in epoch seconds."""

    context: Context
    type: str
    value: float
    time: float


@dataclass
class Report:
    """The runs of one instance so far. `check_id`, `version`, `source`, `instance` and `metadata` are the host's."""

    check_id: str
    version: str = ''
    source: str = ''
    instance: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    service_checks: dict[Context, tuple[ServiceCheck, float]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    last: Run | None = None
    last_success: float | None = None
    runs: int = 0
    errors: int = 0
    warnings: int = 0
    total_samples: int = 0
    total_events: int = 0
    total_service_checks: int = 0
    total_duration: float = 0.0
    _series: dict[tuple[Context, str], Series] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        """Adds a run: its gauges and statuses replace earlier ones, its counts are added, its events appended."""
        self.last = run
        self.runs += 1
        self.errors += run.error is not None
        self.warnings += len(run.warnings)
        self.total_samples += len(run.metrics)
        self.total_events += len(run.events)
        self.total_service_checks += len(run.service_checks)
        self.total_duration += run.duration
        if run.error is None:
            self.last_success = run.time
        for sample in run.metrics:
            key = Context.from_submission(sample), sample.type
            earlier = self._series.get(key) if sample.type == 'count' else None
            self._series[key] = Series(*key, sample.value + (earlier.value if earlier else 0), run.time)
        for service_check in run.service_checks:
            self.service_checks[Context.from_submission(service_check)] = (service_check, run.time)
        self.events.extend({'timestamp': int(run.time), **event} for event in run.events)

    @property
    def series(self) -> list[Series]:
        """All series by name, tags, host and type. A gauge and a count of the same context are two series."""
        return sorted(self._series.values())

    @property
    def average_duration(self) -> float:
        """In seconds; 0 before the first run."""
        return self.total_duration / self.runs if self.runs else 0.0
