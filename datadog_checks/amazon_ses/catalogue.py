"""The catalogue: every metric, status, event and IAM action that a module declares. It declares none itself."""

from __future__ import annotations

from datadog_checks.amazon_ses import report, telemetry, thresholds
from datadog_checks.amazon_ses.cloudwatch import discovery, families, gauges, metric_table, queries
from datadog_checks.amazon_ses.events import counts, queues
from datadog_checks.amazon_ses.model import Action, EventSpec, MetricSpec, StatusSpec
from datadog_checks.amazon_ses.registry import COLLECTORS, SWEEPS

METRICS: tuple[MetricSpec, ...] = tuple(
    dict.fromkeys(
        (
            *(metric for spec in families.SPECS for metric in spec.metrics),
            *metric_table.SUFFIXED,
            *gauges.METRICS,
            *report.METRICS,
            *(metric for collector in COLLECTORS for metric in collector.metrics),
            *(metric for sweep in SWEEPS for metric in sweep.metrics),
            *counts.METRICS,
            *telemetry.METRICS,
        )
    )
)
STATUSES: tuple[StatusSpec, ...] = tuple(
    dict.fromkeys(
        (
            *(status for collector in COLLECTORS for status in collector.statuses),
            *telemetry.STATUSES,
            *thresholds.STATUSES,
        )
    )
)
EVENTS: tuple[EventSpec, ...] = tuple(
    dict.fromkeys(
        (
            *(event for collector in COLLECTORS for event in collector.events),
            *(event for sweep in SWEEPS for event in sweep.events),
            *telemetry.EVENTS,
        )
    )
)
DEFAULT_ACTIONS: tuple[Action, ...] = (
    *queries.ACTIONS,
    *discovery.ACTIONS,
    *(action for collector in COLLECTORS if not collector.instead_of for action in collector.actions),
    *(action for sweep in SWEEPS if not sweep.opt_in for action in sweep.actions),
)
"""The IAM actions of the default configuration, where none of them is denied."""

ACTIONS: tuple[Action, ...] = (
    *DEFAULT_ACTIONS,
    *(action for collector in COLLECTORS if collector.instead_of for action in collector.actions),
    *dict.fromkeys(action for sweep in SWEEPS if sweep.opt_in for action in sweep.actions),
    *queues.ACTIONS,
)
"""Every IAM action."""
