"""The requests that the simulator got, for tests and benchmarks to examine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LIMIT = 200_000


@dataclass
class Request:
    """One call; `datapoints` is how many it asks for (queries x periods), not how many it gets."""

    service: str | None = None
    operation: str | None = None
    region: str | None = None
    account: str | None = None
    access_key: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    error: str | None = None
    time: float = 0.0
    fault: str | None = None
    billed_metrics: int = 0
    datapoints: int = 0
    action: str | None = None


class RequestLog(list[Request]):
    """The newest `LIMIT` requests in order of arrival; safe to read while the server appends."""

    def append(self, request: Request) -> None:
        """Add one request; the oldest tenth goes when the log is full."""
        super().append(request)
        if len(self) > LIMIT:
            del self[: LIMIT // 10 + 1]

    def __repr__(self) -> str:
        return f'RequestLog({len(self)} requests: {dict(self.operations())})'

    def where(self, **fields: Any) -> list[Request]:
        """Requests with these fields (operation=, region=, account=, service=, status=, error= ...)."""
        return [r for r in self if all(getattr(r, name) == value for name, value in fields.items())]

    def count(self, value: Any = None, **fields: Any) -> int:
        """Number of requests with these fields, or of requests equal to `value`."""
        return len(self.where(**fields)) if value is None else super().count(value)

    def operations(self) -> Counter[str | None]:
        """Calls by operation name."""
        return Counter(r.operation for r in self)

    def actions(self) -> set[str]:
        """IAM actions that were used, denied ones too, such as 'cloudwatch:GetMetricData'."""
        return {r.action for r in self if r.action}

    def billed_metrics(self) -> int:
        """Metrics that GetMetricData billed: each metric once per call for up to five statistics."""
        return sum(r.billed_metrics for r in self)

    def datapoints(self) -> int:
        """Datapoints that the answered CloudWatch reads asked for (queries x periods)."""
        return sum(r.datapoints for r in self)

    def targets(self) -> dict[tuple[str | None, str | None], tuple[Counter[str | None], int]]:
        """Calls by operation, and billed metrics, of each account and Region."""
        targets: dict[tuple[str | None, str | None], tuple[Counter[str | None], int]] = {}
        for request in self:
            operations, billed = targets.get((request.account, request.region), (Counter(), 0))
            operations[request.operation] += 1
            targets[request.account, request.region] = operations, billed + request.billed_metrics
        return targets
