"""The Agent's own shapes of series, service checks and events, which its text and its JSON output share."""

from __future__ import annotations

from typing import Any

from standalone.model import PREFIX
from standalone.report import Report

CHECK_NAME = PREFIX.rstrip('.')


def number(value: float) -> float | int:
    """Returns whole numbers as such: the Agent writes 1, not 1.0."""
    return int(value) if value == int(value) else value


def series(report: Report) -> list[dict[str, Any]]:
    return [
        {
            'metric': one.context.name,
            'points': [[int(one.time), number(one.value)]],
            'tags': list(one.context.tags),
            'host': one.context.hostname,
            'type': one.type,
            'interval': 0,
            'source_type_name': 'System',
        }
        for one in report.series.sorted()
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
        for context, (service_check, time) in sorted(report.service_checks.items(), key=lambda item: item[0])
    ]


def events(report: Report) -> list[dict[str, Any]]:
    return report.events
