"""The sweep of import and export jobs: those that failed within a week, and those that are stuck.

Jobs are known by their ids. Names of contact lists, buckets and the messages of failures are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep, memory
from datadog_checks.amazon_ses.sweeps.naming import Happening, event_of
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.values import amount, epoch
from datadog_checks.amazon_ses.words import word

GAUGE = MetricType.GAUGE
IMPORTS, EXPORTS = 'ListImportJobs', 'ListExportJobs'
TYPES = {IMPORTS: 'import', EXPORTS: 'export'}
INTERVAL, STUCK_AFTER, WEEK = 3600, 6 * 3600, 7 * 86400
MAX_PAGES = 10
"""Pages of a list: AWS states neither their size nor an order, and how long it lists old jobs."""

COUNT = MetricSpec(
    'job.count', GAUGE, 'Import and export jobs (tag `job_type`) of the last 7 days, by status.', 'item',
    interval=INTERVAL, tags=('job_type', 'status'),
)  # fmt: skip
STUCK = MetricSpec(
    'job.stuck', GAUGE, 'Import and export jobs of the last 7 days that are not finished 6 hours after they were '
    'created.', 'item', orientation=-1, interval=INTERVAL, tags=('job_type',),
)  # fmt: skip
FAILED_RECORDS = MetricSpec(
    'job.failed_records', GAUGE, 'Records that import jobs of the last 7 days could not import.', 'item',
    orientation=-1, interval=INTERVAL,
)  # fmt: skip

FAILED_EVENT = EventSpec('job.failed', 'Import or export jobs failed.')
STUCK_EVENT = EventSpec('job.stuck', 'Import or export jobs are not finished after six hours.')
NOUNS = {'import': ('an import job', 'import jobs'), 'export': ('an export job', 'export jobs')}
FAILED = 'failed'
UNFINISHED = ('created', 'processing')
OTHER, IS_FAILED, IS_STUCK = 1, 2, 3
"""What is remembered of a job."""


class Job(NamedTuple):
    """A job as AWS lists it."""

    id: str
    status: str
    created: float
    failed_records: float

    def kind(self, now: float) -> int:
        if self.status == FAILED:
            return IS_FAILED
        return IS_STUCK if self.status in UNFINISHED and now - self.created >= STUCK_AFTER else OTHER


@dataclass(frozen=True, slots=True)
class Jobs:
    """The newest list of each operation, and what is remembered of its jobs of the last week, by the hash of the id.

    An operation without memory was not read in whole yet, even before a restart.
    """

    lists: Mapping[str, Paging[Job]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def list_of(self, operation: str) -> Paging[Job]:
        return self.lists.get(operation) or Paging()


def next_request(state: Jobs, context: Context, now: float) -> ApiRequest | None:
    for operation in TYPES:
        paging = state.list_of(operation)
        if context.may_ask(operation) and paging.is_due(INTERVAL, now):
            return ApiRequest('sesv2', operation, paging.parameters(now))
    return None


def after_answer(state: Jobs, request: ApiRequest, answer: Answer | Failure, now: float) -> Jobs:
    operation = request.operation
    before = state.list_of(operation)
    if isinstance(answer, Failure):
        paging = before.after_failure(answer)
    else:
        rows = [_job(row) for row in answer['ImportJobs' if operation == IMPORTS else 'ExportJobs']]
        young = [job for job in rows if now - job.created < WEEK]
        paging = before.after_page(young, answer.get('NextToken'), now, MAX_PAGES)
    state = replace(state, lists={**state.lists, operation: paging})
    if paging is before or paging.begun_at is not None:
        return state
    kinds = {memory.hash_of(job.id): job.kind(now) for job in paging.listed}
    if paging.is_cut:
        # What the list lacks is unknown. Without a whole list before, so is what is new.
        remembered = state.kinds.get(operation)
        return (
            state if remembered is None else replace(state, kinds={**state.kinds, operation: {**remembered, **kinds}})
        )
    return replace(state, kinds={**state.kinds, operation: kinds})


def readings(state: Jobs, context: Context, now: float) -> Iterable[Reading]:
    """Nothing without jobs of the last week, and nothing of a list that is too old."""
    for operation, job_type in TYPES.items():
        paging = state.list_of(operation)
        if paging.listed_at is None or now - paging.listed_at >= 3 * INTERVAL or not paging.listed:
            continue
        counts = Counter({FAILED: 0})
        counts.update(job.status for job in paging.listed)
        for status, jobs in counts.items():
            yield Sample(COUNT, jobs, (f'job_type:{job_type}', f'status:{status}'))
        stuck = sum(job.kind(now) == IS_STUCK for job in paging.listed)
        yield Sample(STUCK, stuck, (f'job_type:{job_type}',))
        if operation == IMPORTS:
            yield Sample(FAILED_RECORDS, sum(job.failed_records for job in paging.listed))


def changes(before: Jobs, after: Jobs, context: Context) -> Iterable[Event]:
    """The events between two states. A job of the first list is no change; a new one of a later list is."""
    for operation, job_type in TYPES.items():
        then, kinds = before.kinds.get(operation), after.kinds.get(operation, {})
        if then is None or then is kinds:
            continue
        ids = {memory.hash_of(job.id): job.id for job in after.list_of(operation).listed}
        for kind, spec, verb, text, alert_type in (
            (IS_FAILED, FAILED_EVENT, 'failed', 'Look at the job in the console of SES.', 'error'),
            (IS_STUCK, STUCK_EVENT, 'stuck', 'It is not finished six hours after it was created.', 'warning'),
        ):
            labels = [shown(ids[key]) for key in ids if kinds.get(key) == kind and then.get(key) != kind]
            if labels:
                yield event_of(Happening(spec, NOUNS[job_type], verb, text, alert_type), labels)


def pending(state: Jobs, context: Context, now: float) -> int:
    return sum(paging.is_cut for paging in state.lists.values())


def read_at(state: Jobs) -> float | None:
    """When the older one of the lists was read."""
    return min((at for paging in state.lists.values() if (at := paging.listed_at) is not None), default=None)


def to_document(state: Jobs) -> Any:
    return {operation: memory.packed(kinds) for operation, kinds in state.kinds.items()}


def from_document(document: Any) -> Jobs:
    return Jobs(kinds={operation: memory.unpacked(document[operation]) for operation in TYPES if operation in document})


def _job(row: Mapping[str, Any]) -> Job:
    job_id = row['JobId']
    if not isinstance(job_id, str):
        raise TypeError('the id of a job is no text')
    failed = row.get('FailedRecordsCount')
    status = word(row.get('JobStatus')) or 'unknown'
    return Job(job_id, status, epoch(row['CreatedTimestamp']), amount(failed) if failed is not None else 0.0)


JOBS: Sweep[Jobs] = Sweep(
    name='jobs',
    actions=(
        Action(f'ses:{IMPORTS}', 'import jobs that failed or are stuck'),
        Action(f'ses:{EXPORTS}', 'export jobs that failed or are stuck'),
    ),
    metrics=(COUNT, STUCK, FAILED_RECORDS),
    events=(FAILED_EVENT, STUCK_EVENT),
    new_state=Jobs,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
