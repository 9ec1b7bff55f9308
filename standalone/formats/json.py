"""The output of `agent check --json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from standalone.formats import agent_format
from standalone.model import Run
from standalone.report import Report
from standalone.terminal import visible

NANOSECONDS = 10**9
DEFAULT_INTERVAL = 15


def render(reports: Sequence[Report], verbose: bool = False) -> str:
    """Returns a JSON list with an object for each instance; tracebacks are in it when `verbose`."""
    documents = [
        {
            'aggregator': {
                'metrics': agent_format.series(report),
                'service_checks': agent_format.service_checks(report),
                'events': report.events,
            },
            'runner': _runner(report, verbose),
            'inventories': {report.check_id: report.metadata},
        }
        for report in reports
    ]
    return visible(json.dumps(documents, indent=2, default=str, allow_nan=False), '\n')


def _runner(report: Report, verbose: bool) -> dict[str, Any]:
    last = report.last or Run(time=0, duration=0)
    error = json.dumps([{'message': last.error, 'traceback': last.traceback if verbose else ''}])
    return {
        'CheckName': agent_format.CHECK_NAME,
        'CheckVersion': report.version,
        'CheckConfigSource': report.source,
        'CheckID': report.check_id,
        'Interval': round(float(report.instance.get('min_collection_interval') or DEFAULT_INTERVAL) * NANOSECONDS),
        'TotalRuns': report.runs,
        'TotalErrors': report.errors,
        'TotalWarnings': report.warnings,
        'MetricSamples': len(last.metrics),
        'Events': len(last.events),
        'ServiceChecks': len(last.service_checks),
        'HistogramBuckets': 0,
        'TotalMetricSamples': report.total_samples,
        'TotalEvents': report.total_events,
        'TotalServiceChecks': report.total_service_checks,
        'TotalHistogramBuckets': 0,
        'AverageExecutionTime': round(report.average_duration * 1000),
        'LastExecutionTime': round(last.duration * 1000),
        'LastSuccessDate': int(report.last_success or 0),
        'LastError': '' if last.error is None else error,
        'LastWarnings': last.warnings,
        'UpdateTimestamp': int(last.time),
    }
