"""All that is told about one instance after its runs: what every output format is made from."""

from __future__ import annotations

from typing import Any

from standalone.model import Context, Run, ServiceCheck
from standalone.series import SeriesTable


class Report:
    """The sum of the runs of one instance. `check_id`, `version`, `source` and `metadata` are the host's."""

    def __init__(
        self, check_id: str, version: str = '', source: str = '', instance: dict[str, Any] | None = None
    ) -> None:
        self.check_id = check_id
        self.version = version
        self.source = source
        self.instance = instance or {}
        self.metadata: dict[str, str] = {}
        self.series = SeriesTable()
        self.service_checks: dict[Context, tuple[ServiceCheck, float]] = {}
        self.events: list[dict[str, Any]] = []
        self.last: Run | None = None
        self.last_success: float | None = None
        self.runs = self.errors = self.warnings = 0
        self.total_samples = self.total_events = self.total_service_checks = 0
        self.total_duration = 0.0

    def add(self, run: Run) -> None:
        """Takes in one more run: gauges and statuses replace what was there, counts are added, events collected."""
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
        self.series.add(run.metrics, run.time)
        for service_check in run.service_checks:
            self.service_checks[Context.of(service_check)] = (service_check, run.time)
        self.events.extend({'timestamp': int(run.time), **event} for event in run.events)

    @property
    def average_duration(self) -> float:
        """In seconds; 0 before the first run."""
        return self.total_duration / self.runs if self.runs else 0.0
