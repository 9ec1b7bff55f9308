"""The Agent's structures of series and service checks, which its text and its JSON output share."""

from __future__ import annotations

from typing import Any

from standalone.model import PREFIX
from standalone.report import Report

CHECK_NAME = PREFIX.rstrip('.')


def series(report: Report) -> list[dict[str, Any]]:
    return [
        {
            'metric': series.context.name,
            # The Agent writes 1, not 1.0.
            'points': [[int(series.time), int(series.value) if series.value == int(series.value) else series.value]],
            'tags': list(series.context.tags),
            'host': series.context.hostname,
            'type': series.type,
            'interval': 0,
            'source_type_name': 'System',
        }
        for series in report.series
    ]


def service_checks(report: Report) -> list[dict[str, Any]]:
    return [
        {
            'check': context.name,
            'host_name': context.hostname,
            'timestamp': int(time),
            'status': service_check.status,
            'message': service_check.message,
            'tags': list(context.tags),
        }
        for context, (service_check, time) in sorted(report.service_checks.items())
    ]
