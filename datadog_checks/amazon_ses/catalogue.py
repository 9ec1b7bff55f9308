"""Everything that may leave this check: the union of all declarations, with no line of its own."""

from __future__ import annotations

from . import readings, telemetry
from .cloudwatch import gauges, queries, series
from .model import Action, EventSpec, MetricSpec, StatusSpec
from .registry import COLLECTORS

METRICS: tuple[MetricSpec, ...] = (
    *(metric for one in series.ACCOUNT for metric in (one.spec.gauge, one.spec.count) if metric is not None),
    *gauges.METRICS,
    *readings.METRICS,
    *(metric for collector in COLLECTORS for metric in collector.metrics),
    *telemetry.METRICS,
)
STATUSES: tuple[StatusSpec, ...] = (
    *(status for collector in COLLECTORS for status in collector.statuses),
    *telemetry.STATUSES,
)
EVENTS: tuple[EventSpec, ...] = tuple(event for collector in COLLECTORS for event in collector.events)
ACTIONS: tuple[Action, ...] = (
    *queries.ACTIONS,
    *(action for collector in COLLECTORS for action in collector.actions),
)
