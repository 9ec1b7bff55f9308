"""Import and export jobs: from literal answers of their lists to gauges and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.jobs import INTERVAL, JOBS, MAX_PAGES

HOUR, DAY = 3600, 86400


def job(job_id: str = 'one', status: str = 'COMPLETED', created: float = NOW, **members: Any) -> dict[str, Any]:
    destination = {'ContactListDestination': {'ContactListName': 'secret-list', 'ContactListImportAction': 'PUT'}}
    part = {'JobId': job_id, 'JobStatus': status, 'CreatedTimestamp': created, 'ImportDestination': destination}
    return {**part, **members}


class Aws:
    """An account with jobs."""

    def __init__(self, *imports: Mapping[str, Any], exports: tuple[Mapping[str, Any], ...] = ()) -> None:
        self.imports = list(imports)
        self.exports = list(exports)
        self.failure: Failure | None = None

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        assert 'PageSize' not in request.parameters
        if self.failure and self.failure.operation == request.operation:
            return self.failure
        if request.operation == 'ListImportJobs':
            return {'ImportJobs': list(self.imports)}
        return {'ExportJobs': list(self.exports)}


def test_jobs_of_a_week_are_counted() -> None:
    """Jobs of the last seven days are counted by status, with those that are stuck and the records that failed."""
    old = job('old', 'FAILED', NOW - 8 * DAY)
    rows = (job(FailedRecordsCount=7), job('b', 'FAILED', FailedRecordsCount=3), job('c', 'PROCESSING', NOW - 7 * HOUR))
    exports = (job('d', 'CREATED', NOW - HOUR), job('e', 'SOMETHING_NEW'))
    shown = Play(JOBS, Aws(*rows, old, exports=exports)).run().shown()
    assert shown == {
        ('job.count', 'job_type:import', 'status:completed'): 1,
        ('job.count', 'job_type:import', 'status:failed'): 1,
        ('job.count', 'job_type:import', 'status:processing'): 1,
        ('job.stuck', 'job_type:import'): 1,
        'job.failed_records': 10,
        ('job.count', 'job_type:export', 'status:created'): 1,
        ('job.count', 'job_type:export', 'status:something_new'): 1,
        ('job.count', 'job_type:export', 'status:failed'): 0,
        ('job.stuck', 'job_type:export'): 0,
    }


def test_an_account_without_jobs_is_quiet() -> None:
    """Without jobs of the last week nothing is shown, and two lists an hour are all that is asked."""
    play = Play(JOBS, Aws(job('old', 'FAILED', NOW - 8 * DAY))).run()
    for _ in range(12):
        play.run(INTERVAL)
    assert play.shown() == {} and play.event_titles() == [] and len(play.requests) == 26


@pytest.mark.parametrize('restarts', [False, True])
def test_failed_and_stuck_jobs_are_told_once(restarts: bool) -> None:
    """Jobs that failed or are stuck are one event each kind, also those that are new and over a restart; nothing is
    told of those of a first list."""
    aws = Aws(job('a', 'FAILED'), job('b', 'PROCESSING'), job('c', 'PROCESSING'), exports=(job('d'),))
    play = Play(JOBS, aws).run()
    assert play.event_titles() == []
    if restarts:
        play.restart()
    aws.imports = [job('a', 'FAILED'), job('b', 'PROCESSING'), job('c', 'FAILED'), job('x', 'FAILED', NOW + 60)]
    aws.exports = [job('d'), job('y', 'FAILED', NOW + 60)]
    play.run(7 * HOUR)
    texts = str(play.events)
    assert play.event_titles() == [
        ('job.failed', '2 import jobs failed'),
        ('job.stuck', 'an import job stuck'),
        ('job.failed', 'an export job failed'),
    ]
    assert 'c, x' in texts and 'secret' not in texts + str(play.shown())
    assert play.run(INTERVAL).event_titles() == []


@pytest.mark.parametrize(
    'rows', [None, 'x', 7, [None], [{}], [job(JobId=7)], [job(CreatedTimestamp='soon')], [job(FailedRecordsCount=-1)]]
)
def test_malformed_answers_change_nothing(rows: Any) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    aws = Aws(job('a', 'FAILED'))
    play = Play(JOBS, aws).run()
    before = play.shown()
    play.aws = lambda request: {'ImportJobs': rows, 'ExportJobs': []}
    play.run(INTERVAL)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert play.shown() == before and play.event_titles() == []


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_three_hours(kind: FailureKind) -> None:
    """While AWS denies one list, the other is shown and what was known for three hours, and nothing is told."""
    aws = Aws(job(), exports=(job('e'),))
    play = Play(JOBS, aws).run()
    aws.failure = refused('ListImportJobs', kind)
    assert len(values_of(play.run(2 * HOUR).shown(), 'job.stuck')) == 2
    assert list(values_of(play.run(HOUR).shown(), 'job.stuck')) == [('job_type:export',)] and play.event_titles() == []


def test_lists_without_end_forget_nobody() -> None:
    """Pages without end are cut after ten, something waits, and no job is told twice."""
    aws = Aws(job('a', 'FAILED'))
    play = Play(JOBS, aws).run()
    play.requests.clear()
    pages = iter(range(1000))
    play.aws = lambda request: {'ImportJobs': [], 'ExportJobs': [], 'NextToken': str(next(pages))}
    play.run(INTERVAL)
    assert len(play.requests) == 2 * MAX_PAGES and JOBS.pending(play.state, play.context, play.now) == 2
    play.aws = aws
    assert play.run(INTERVAL).event_titles() == []
