"""Reads of SES v2 about import and export jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.call import Call
from simulator.inventory import PLANTED_TOPIC, Inventory, Job
from simulator.operations.pages import listed


def list_import_jobs(call: Call) -> dict[str, Any]:
    def write(job: Job) -> dict[str, Any]:
        destination = {'ContactListName': f'list-{PLANTED_TOPIC}', 'ContactListImportAction': 'PUT'}
        return {
            'JobId': job.name,
            'ImportDestination': {'ContactListDestination': destination},
            'JobStatus': job.status,
            'CreatedTimestamp': call.backend.world.started + job.created,
            'ProcessedRecordsCount': job.processed_records,
            'FailedRecordsCount': job.failed_records,
        }

    return listed(call, 'ImportJobs', 1000, lambda inventory: _of_type(inventory, 'import'), write)


def list_export_jobs(call: Call) -> dict[str, Any]:
    def write(job: Job) -> dict[str, Any]:
        return {
            'JobId': job.name,
            'ExportSourceType': 'MESSAGE_INSIGHTS',
            'JobStatus': job.status,
            'CreatedTimestamp': call.backend.world.started + job.created,
        }

    return listed(call, 'ExportJobs', 1000, lambda inventory: _of_type(inventory, 'export'), write)


def _of_type(inventory: Inventory, kind: str) -> Iterable[Job]:
    return (job for job in inventory.jobs.values() if job.type == kind)
