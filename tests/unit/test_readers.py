"""Literal in, literal out: what each reader makes of an answer, a state or an error, whole or broken."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import pytest
from botocore import exceptions
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses import document, planning, progress, state, telemetry
from datadog_checks.amazon_ses.aws.failures import failure_of
from datadog_checks.amazon_ses.cloudwatch import answers, families, gauges
from datadog_checks.amazon_ses.cloudwatch.answers import Answer, Result
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.cloudwatch.discovery import known as known_metrics
from datadog_checks.amazon_ses.cloudwatch.families import Listed
from datadog_checks.amazon_ses.cloudwatch.gauges import Shown
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.selection import select
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT as SERIES
from datadog_checks.amazon_ses.cloudwatch.series import AVERAGE, SUM, Query
from datadog_checks.amazon_ses.collectors import account, send_statistics
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.model import Failure, FailureKind, Level, Sample, Status, Target
from datadog_checks.amazon_ses.progress import CLOUDWATCH, Progress, Source
from datadog_checks.amazon_ses.state import Document

NOW = 1_790_000_100
DAY = 86400
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)
BOUNCE_RATE, COMPLAINT_RATE = Query(SERIES[10], AVERAGE), Query(SERIES[11], AVERAGE)
BATCH = Batch((SEND, BOUNCE), (0, 2), Window(NOW - 900, NOW + 300), 300)
RATES = SERIES[10:]
NOTHING_SHOWN = Shown()
TARGET = Target('123456789012', 'us-east-1')


def shown(readings: Any) -> dict[Any, Any]:
    """Samples by name and tags, a status by its name."""
    found: dict[Any, Any] = {}
    for one in readings:
        if isinstance(one, Sample):
            key: Any = (one.metric.name, *one.tags) if one.tags else one.metric.name
            assert key not in found
            found[key] = one.value
        else:
            found[one.spec.name] = one.level
    return found


# GetAccount.

ACCOUNT = {
    'SendQuota': {'Max24HourSend': 50_000.0, 'MaxSendRate': 14.0, 'SentLast24Hours': 12_500.0},
    'SendingEnabled': True,
    'ProductionAccessEnabled': True,
    'EnforcementStatus': 'HEALTHY',
}
QUOTA = {
    'quota.max_24_hour': 50_000.0,
    'quota.sent_24_hour': 12_500.0,
    'quota.remaining_24_hour': 37_500.0,
    'quota.utilization': 25.0,
    'quota.max_send_rate': 14.0,
}


def test_account() -> None:
    """A whole answer of GetAccount becomes quota, standing and status."""
    assert shown(account.read(ACCOUNT, NOW)) == {
        **QUOTA,
        'account.enforcement_level': 0,
        'account.sending_enabled': 1.0,
        'account.production_access': 1.0,
        'sending_status': Level.OK,
    }


def test_account_of_the_first_api() -> None:
    """GetSendQuota and GetAccountSendingEnabled give the quota and the switch; the standing stays unknown."""

    class Ses:
        def get_send_quota(self) -> dict[str, Any]:
            return {**ACCOUNT['SendQuota'], 'ResponseMetadata': {}}  # type: ignore[dict-item]

        def get_account_sending_enabled(self) -> dict[str, Any]:
            return {'Enabled': False, 'ResponseMetadata': {}}

    clients = {'ses': Ses()}.__getitem__
    assert shown(account.QUOTA_V1.read(account.QUOTA_V1.fetch(clients), NOW)) == QUOTA
    assert shown(account.SENDING_V1.read(account.SENDING_V1.fetch(clients), NOW)) == {
        'account.sending_enabled': 0.0,
        'sending_status': Level.CRITICAL,
    }


@pytest.mark.parametrize(
    ('most', 'sent', 'expected'),
    [
        (-1.0, 7.0, {}),
        (0.0, 0.0, {'quota.remaining_24_hour': 0.0}),
        (200.0, 250.0, {'quota.remaining_24_hour': 0.0, 'quota.utilization': 125.0}),
    ],
)
def test_quota_at_its_edges(most: float, sent: float, expected: dict[str, float]) -> None:
    """An unlimited quota has no rest and no share, an empty one no share, an exceeded one no negative rest."""
    quota = {'Max24HourSend': most, 'MaxSendRate': 1.0, 'SentLast24Hours': sent}
    readings = shown(account.read({**ACCOUNT, 'SendQuota': quota}, NOW))
    derived = {'quota.remaining_24_hour', 'quota.utilization'}
    assert {name: value for name, value in readings.items() if name in derived} == expected


@pytest.mark.parametrize(
    ('enforcement', 'sending', 'level'),
    [
        ('HEALTHY', True, Level.OK),
        ('PROBATION', True, Level.WARNING),
        ('SHUTDOWN', True, Level.CRITICAL),
        ('SHUTDOWN', False, Level.CRITICAL),
        ('HEALTHY', False, Level.CRITICAL),
        ('PROBATION', False, Level.CRITICAL),
        (None, False, Level.CRITICAL),
        (None, True, Level.UNKNOWN),
        ('HEALTHY', None, Level.UNKNOWN),
        ('SOMETHING_NEW', True, Level.UNKNOWN),
    ],
)
def test_sending_status(enforcement: str | None, sending: bool | None, level: Level) -> None:
    """The status is the worst of standing and switch, and what AWS does not say is never OK."""
    status = account.status(Standing(enforcement, sending))
    assert isinstance(status, Status)
    assert status.level is level
    assert (status.message == '') is (level is Level.OK)


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {**ACCOUNT, 'SendQuota': None},
        {**ACCOUNT, 'SendQuota': {'Max24HourSend': 1.0}},
        {**ACCOUNT, 'SendQuota': {**ACCOUNT['SendQuota'], 'MaxSendRate': 'fast'}},  # type: ignore[dict-item]
        {**ACCOUNT, 'SendQuota': []},
    ],
)
def test_malformed_account(answer: Mapping[str, Any]) -> None:
    """An answer of GetAccount without its quota is malformed, changes nothing and says nothing of the account."""
    before = Progress(standing=Standing('HEALTHY', True))
    after, events = progress.after_snapshot(before, account.ACCOUNT, answer, NOW)
    source = after.sources['account']
    assert (after.standing, events, source.readings, source.read) == (before.standing, (), (), None)
    assert [(one.kind, one.operation) for one in source.failures] == [(FailureKind.MALFORMED, 'GetAccount')]
    assert source.ask_again


@pytest.mark.parametrize(
    ('before', 'now', 'expected'),
    [
        (None, Standing('SHUTDOWN', False), []),
        (Standing('HEALTHY', True), Standing('HEALTHY', True), []),
        (Standing('HEALTHY', True), Standing(None, None), []),
        (Standing(None, None), Standing('SHUTDOWN', False), []),
        (Standing('HEALTHY', True), Standing('PROBATION', True), [('account.standing', 'warning')]),
        (Standing('PROBATION', True), Standing('SHUTDOWN', True), [('account.standing', 'error')]),
        (Standing('SHUTDOWN', True), Standing('PROBATION', True), [('account.standing', 'success')]),
        (Standing('PROBATION', True), Standing('HEALTHY', True), [('account.standing', 'success')]),
        (Standing('HEALTHY', True), Standing('HEALTHY', False), [('account.sending', 'error')]),
        (Standing('HEALTHY', False), Standing('HEALTHY', True), [('account.sending', 'success')]),
        (
            Standing('HEALTHY', True),
            Standing('SHUTDOWN', False),
            [('account.standing', 'error'), ('account.sending', 'error')],
        ),
    ],
)
def test_changes(before: Standing | None, now: Standing, expected: list[tuple[str, str]]) -> None:
    """A change is an event of its own kind; a first observation and what AWS did not say are none."""
    assert [(one.spec.name, one.alert_type) for one in account.changes(before, now)] == expected


# GetSendStatistics.


def bucket(age: float, attempts: int, bounces: int = 0) -> dict[str, Any]:
    at = datetime.fromtimestamp(NOW - age, UTC)
    return {'Timestamp': at, 'DeliveryAttempts': attempts, 'Bounces': bounces, 'Complaints': 0, 'Rejects': 1}


def test_send_statistics() -> None:
    """Buckets in any order become sums of the newest bucket, of 24 hours and of 14 days; older ones count nowhere."""
    buckets = [bucket(2 * DAY, 100, 5), bucket(60, 3, 1), bucket(960, 20), bucket(15 * DAY, 7000), bucket(DAY + 1, 10)]
    readings = shown(send_statistics.read({'SendDataPoints': buckets}, NOW))
    assert {key[1]: value for key, value in readings.items() if key[0] == 'send_statistics.delivery_attempts'} == {
        'window:15m': 3,
        'window:24h': 23,
        'window:14d': 133,
    }
    assert readings['send_statistics.bounces', 'window:14d'] == 6
    assert readings['send_statistics.rejects', 'window:24h'] == 2


def test_send_statistics_of_a_silent_account() -> None:
    """Without buckets all windows are zero: here AWS says so, since it lists buckets with activity only."""
    assert set(shown(send_statistics.read({'SendDataPoints': []}, NOW)).values()) == {0}


@pytest.mark.parametrize(
    'answer', [{}, {'SendDataPoints': None}, {'SendDataPoints': [{}]}, {'SendDataPoints': [{'Timestamp': 'soon'}]}]
)
def test_malformed_send_statistics(answer: Mapping[str, Any]) -> None:
    """An answer of GetSendStatistics without its buckets is malformed."""
    after, _ = progress.after_snapshot(Progress(), send_statistics.SEND_STATISTICS, answer, NOW)
    (failure,) = after.sources['send_statistics'].failures
    assert (failure.kind, failure.operation) == (FailureKind.MALFORMED, 'GetSendStatistics')


# GetMetricData.


def result(name: str, points: Mapping[int, Any], status: str = 'Complete') -> dict[str, Any]:
    stamps = [datetime.fromtimestamp(at, UTC) for at in points]
    return {'Id': name, 'Timestamps': stamps, 'Values': list(points.values()), 'StatusCode': status}


def page(*results: Any, date: float = NOW - 5.0) -> dict[str, Any]:
    return {'MetricDataResults': list(results), 'AnsweredAt': date}


def test_answer() -> None:
    """A whole answer gives each query its points and is complete, by AWS's date."""
    told = answers.read(BATCH, [page(result('q1', {}), result('q0', {NOW - 300: 4.0, NOW: 1}))], [], NOW)
    assert told.results == [Result({NOW - 300: 4.0, NOW: 1.0}), Result({})]
    assert (told.failures, told.complete, told.answered_at) == ((), True, NOW - 5.0)


def test_answer_in_pages() -> None:
    """Pages are put together by Id; the oldest date counts; a series is complete when its last page says so."""
    pages = [
        page(result('q0', {NOW - 300: 4.0}, 'PartialData'), date=NOW - 9.0),
        page(result('q0', {NOW: 1.0}), result('q1', {NOW: 2.0})),
    ]
    told = answers.read(BATCH, pages, [], NOW)
    assert told.results == [Result({NOW - 300: 4.0, NOW: 1.0}), Result({NOW: 2.0})]
    assert told.answered_at == NOW - 9.0


@pytest.mark.parametrize('status', ['PartialData', 'InternalError', 'Forbidden', None, 'SomethingNew'])
def test_answer_that_says_it_is_not_whole(status: Any) -> None:
    """A series with any status but Complete is not complete, and the failure names it."""
    told = answers.read(BATCH, [page(result('q0', {NOW: 1.0}, status), result('q1', {}))], [], NOW)
    assert told.results == [Result({NOW: 1.0}, False), Result({})]
    (failure,) = told.failures
    assert failure.kind is FailureKind.PARTIAL
    assert failure.detail == '1 of 2 series came without all of their data (Send).'


@pytest.mark.parametrize(
    'broken',
    [
        {},
        {'MetricDataResults': None},
        {'MetricDataResults': {}},
        page(result('q2', {}), result('q1', {})),
        page(result('', {}), result('q1', {})),
        page(result('x0', {}), result('q1', {})),
        page(result('q-1', {}), result('q1', {})),
        page(result('q\N{SUPERSCRIPT TWO}', {}), result('q1', {})),
        page({**result('q0', {NOW: 1.0}), 'Values': []}, result('q1', {})),
        page(result('q0', {NOW + 1: 1.0}), result('q1', {})),
        page(result('q0', {NOW: float('nan')}), result('q1', {})),
        page(result('q0', {NOW: float('inf')}), result('q1', {})),
        page(result('q0', {NOW: '1'}), result('q1', {})),
        page({'Id': 'q0', 'Timestamps': ['soon'], 'Values': [1.0], 'StatusCode': 'Complete'}, result('q1', {})),
    ],
)
def test_malformed_answer(broken: dict[str, Any]) -> None:
    """A page that is no answer to the question is malformed, and no series that it spoils counts as complete."""
    told = answers.read(BATCH, [broken], [], NOW)
    assert told.results[0] == Result({}, False)
    assert {one.kind for one in told.failures} == {FailureKind.MALFORMED}
    assert not told.complete


def test_answer_of_which_a_part_did_not_come() -> None:
    """Where a batch failed, its failure alone is told, and the rest is used."""
    failure = Failure(FailureKind.THROTTLED, 'GetMetricData', 'Rate exceeded.')
    told = answers.read(BATCH, [page(result('q0', {NOW: 1.0}))], [failure], NOW)
    assert told.results == [Result({NOW: 1.0}), Result({}, False)]
    assert told.failures == (failure,)


# Gauges.


def answer(points: Mapping[Query, Mapping[int, float]], complete: bool = True, at: float = NOW) -> Answer:
    asked = Batch(tuple(points), tuple(range(len(points))), Window(NOW - 3600, NOW + 300), 300)
    return Answer(asked, [Result(held, complete) for held in points.values()], (), at)


def settled(query: Query, told: Answer, before: Shown = NOTHING_SHOWN, **options: Any) -> float | None:
    after = gauges.after(before, [told], NOW, options.pop('settle_delay', 300), **options)
    value, _ = after.settled.get((query.series.key, query.statistic), (None, NOW))
    return value


def test_gauge_is_the_newest_settled_period() -> None:
    """The newest period that ended settle_delay ago is shown, by the earlier of our clock and AWS's."""
    points = {SEND: {NOW - 900: 1.0, NOW - 600: 2.0, NOW - 300: 3.0, NOW: 4.0}}
    assert settled(SEND, answer(points)) == 2.0
    assert settled(SEND, answer(points), settle_delay=0) == 3.0
    assert settled(SEND, answer(points), settle_delay=301) == 1.0
    assert settled(SEND, answer(points, at=NOW - 300)) == 1.0
    assert settled(SEND, answer(points, at=NOW + 9000)) == 2.0


def test_zero_needs_a_live_series_and_a_whole_answer() -> None:
    """Without data a count shows zero only within a day of its last datapoint; zeroed says so without one."""
    key = SEND.series.key
    alive, dead = Shown(last_seen={key: NOW - DAY + 1}), Shown(last_seen={key: NOW - DAY})
    nothing: dict[Query, dict[int, float]] = {SEND: {}}
    assert settled(SEND, answer(nothing), alive) == 0.0
    assert settled(SEND, answer(nothing), dead) is None
    assert settled(SEND, answer(nothing)) is None
    assert settled(SEND, answer(nothing, complete=False), alive) is None
    assert settled(SEND, answer(nothing), zeroed=True) == 0.0
    assert settled(SEND, answer(nothing, complete=False), zeroed=True) is None
    mean = Query(SEND.series, AVERAGE)
    assert settled(mean, answer({mean: {}}), alive) is None


def test_rates() -> None:
    """Rates are in percent, the newest counts, and the proximity is that of the nearer limit."""
    told = answer({BOUNCE_RATE: {NOW - 600: 0.09, NOW - 300: 0.04}, COMPLAINT_RATE: {NOW - 900: 0.003}})
    after = gauges.after(Shown(), [told], NOW, 300)
    readings = shown(gauges.newest_readings(after, RATES, NOW + 60))
    assert readings == {
        'reputation.bounce_rate': pytest.approx(4.0),
        'reputation.complaint_rate': pytest.approx(0.3),
        'reputation.age': 960.0,
        'reputation.pause_proximity': pytest.approx(60.0),
    }
    assert shown(gauges.newest_readings(after, RATES, NOW - 300 + DAY)) == {}
    later = shown(gauges.newest_readings(after, RATES, NOW - 301 + DAY))
    assert later.keys() == {'reputation.bounce_rate', 'reputation.age', 'reputation.pause_proximity'}
    nothing = gauges.after(after, [answer({BOUNCE_RATE: {}, COMPLAINT_RATE: {}})], NOW, 300, zeroed=True)
    assert nothing.readings == after.readings


# What is due.

ASKED = float(NOW // 60 * 60 + crc32(':'.join(TARGET).encode()) % 60)


@pytest.mark.parametrize(
    ('later', 'due'), [(0.0, False), (15.0, False), (54.9, False), (55.0, True), (59.9, True), (60.0, True)]
)
def test_a_run_a_little_early_is_not_skipped(later: float, due: bool) -> None:
    """A source of 60 s that was asked at the beginning of its slot is asked again at 59.9 s, and not at 54.9 s."""
    sources = {'account': Source(ASKED, ASKED)}
    assert planning.is_due(sources, 'account', 60, ASKED + later, TARGET) is due


@pytest.mark.parametrize('every', [60, 300, 900])
@pytest.mark.parametrize('step', [15.0, 59.9, 60.0, 60.1])
def test_sources_keep_their_cadence(every: int, step: float) -> None:
    """Over a day a source is asked every `every` seconds, never after less than half and never more than a run late."""
    asked, times, now = Source(ASKED, ASKED), [], ASKED
    while now < ASKED + DAY:
        now += step
        if planning.is_due({'one': asked}, 'one', every, now, TARGET):
            asked = Source(now, now)
            times.append(now)
    gaps = [later - earlier for earlier, later in zip(times[1:], times[2:], strict=False)]
    assert min(gaps) >= every / 2
    assert max(gaps) <= every + step
    assert abs(len(times) - DAY / every) <= 0.01 * DAY / every + 1


@pytest.mark.parametrize(
    ('kind', 'again'),
    [(kind, kind not in (FailureKind.DENIED, FailureKind.UNSUPPORTED)) for kind in FailureKind],
)
def test_failures_are_asked_again_but_denials_wait(kind: FailureKind, again: bool) -> None:
    """What failed is asked again in the next run; what is denied or unknown stays so until its cadence."""
    sources = {'account': Source(ASKED, None, (Failure(kind, 'GetAccount', ''),))}
    assert planning.is_due(sources, 'account', 60, ASKED + 10, TARGET) is again
    assert planning.is_due(sources, 'account', 60, ASKED + 60, TARGET)


def test_what_was_never_asked_is_due_and_so_is_all_after_a_clock_step_back() -> None:
    """A new source is due at once; a clock that was set back does not stop collection until it has caught up."""
    assert planning.is_due({}, 'account', 60, NOW, TARGET)
    assert planning.is_due({'account': Source(NOW, NOW)}, 'account', 60, NOW - 7200, TARGET)


# The saved state.

DOCUMENT = Document({'a': 1}, [array('d', [4.0, 0.5]), array('q', [3, 2**40])])
OLDER = Document({'a': 0}, [])
NEWEST, BEFORE = state.pack(DOCUMENT, 8), state.pack(OLDER, 7)


@pytest.mark.parametrize(
    ('slots', 'noted', 'expected'),
    [
        (['', ''], '', (None, 0, True, False)),
        ([NEWEST, BEFORE], '8', (DOCUMENT, 8, True, False)),
        ([BEFORE, NEWEST], '8', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '7', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '', (DOCUMENT, 8, True, False)),
        ([NEWEST, ''], '8', (DOCUMENT, 8, True, False)),
        # Torn while it was written: never handed over, the older one is exact.
        ([NEWEST[:-9], BEFORE], '7', (OLDER, 7, True, True)),
        # Damaged later: what it booked was handed over.
        ([NEWEST[:-9], BEFORE], '8', (OLDER, 8, False, True)),
        (['', BEFORE], '8', (OLDER, 8, False, True)),
        ([NEWEST[:-9], BEFORE], '', (OLDER, 7, False, True)),
        ([NEWEST, BEFORE[:9]], '8', (DOCUMENT, 8, True, True)),
        (['x', 'y'], '', (None, 0, False, True)),
        (['', ''], '8', (None, 8, True, True)),
        ([NEWEST, BEFORE], 'x', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '\N{SUPERSCRIPT TWO}', (DOCUMENT, 8, True, False)),
    ],
)
def test_state(slots: list[str], noted: str, expected: tuple[Any, ...]) -> None:
    """The newest whole document is taken, and it is told whether it is all that was handed over."""
    loaded = state.load(slots, noted)
    assert (loaded.document, loaded.sequence, loaded.exact, loaded.damaged) == expected


@pytest.mark.parametrize(
    'text',
    ['null', '[]', '1', '{}', '"x"', '[' * 100_000, json.dumps({'version': 2, 'sequence': 8, 'sum': 0, 'body': '{}'})]
    + [NEWEST.replace('"version": 2', '"version": 1'), NEWEST.replace(' 8,', ' 9,'), NEWEST[:-4] + NEWEST[-5:]],
)
def test_state_that_is_none(text: str) -> None:
    """Whatever is in a slot but a document of this version with its checksum is damage, and the other slot is used."""
    loaded = state.load([text, BEFORE], '7')
    assert (loaded.document, loaded.damaged) == (OLDER, True)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=20))
def test_no_text_is_too_odd_for_a_slot(one: str, other: str, noted: str) -> None:
    """Loading never fails, whatever the files hold."""
    assert state.load([one, other], noted).document is None


@pytest.mark.parametrize(
    'numbers',
    [[], [0.0] * 5, [1.0, 4_294_967_295.0], [1.0, 4_294_967_296.0], [0.5, 3.0], [-1.0], [1e15, 1e-9], [2.0**53 - 1]],
)
def test_columns_survive_their_packing(numbers: list[float]) -> None:
    """Amounts come back to the bit, whether whole, large, broken or negative."""
    loaded = state.load([state.pack(Document({}, [array('d', numbers)]), 1), ''], '1').document
    assert loaded is not None
    (column,) = loaded.columns
    assert (column.typecode, list(column)) == ('d', numbers)


def test_progress_survives_its_document() -> None:
    """What outlives a restart comes back as it was; an address in a dimension is not written, and is looked for."""
    key, found = SEND.series.key, Listed('', 'AWS/SES', 'Send', (('ses:configuration-set', 'a,b/c'),))
    linked = Listed('210987654321', 'AWS/SES', 'Send', ())
    by_address = Listed('', 'AWS/SES', 'Send', (('who', 'jane.doe@mail.example'),))
    series = families.recognized([found, linked, by_address], ('configuration_sets', 'cloudwatch', 'unrecognized'))
    selected = select(SERIES[:1], series, (SUM,), {})
    keys = selected.keys
    assert len(keys) == 4
    ledger = Ledger(
        period=300, since=NOW, floor=NOW, kept_from=NOW + 300, read_at=NOW + 3599.5, read_to=NOW + 3600, keys=keys,
        marks=array('q', [NOW, NOW + 300, NOW, NOW]), read_in=array('q', [1, 0, 1, 2]), seen=array('q', [0, NOW, 0, 0]),
        booked={NOW + 300: array('d', [4.0, 0.5, 0.0, 7.0, 1.0])}, others=('gone',), shrunk={NOW + 300: {key: 1.0}},
        born={'b': NOW}, closing=NOW + 7200, doubtful=True,
    )  # fmt: skip
    kept = Shown({(key, SUM): (3.0, NOW + 0.5)}, 300, {key: (4.0, NOW)}, {key: NOW})
    listed = Inventory(frozenset({found, linked}), (found, linked), {found: NOW - 60.0}, NOW + 1.5)
    known = Progress(
        ledger=ledger, shown=kept, standing=Standing('HEALTHY', True), inventory=listed, surveyed=NOW - 5.0,
        volumes={('', 'AWS/SES', found.dimensions): 12.0}, collected=NOW + 2.5, slot=77,
        sources={CLOUDWATCH: Source(NOW, NOW), progress.DISCOVERY: Source(NOW, NOW)}, selection=selected,
    )  # fmt: skip
    text = state.pack(document.to_document(known), 1)
    loaded = state.load([text, ''], '1').document
    assert loaded is not None
    assert replace(document.from_document(loaded), selection=selected) == known
    for name in loaded.values:
        broken = Document({**loaded.values, name: 5}, loaded.columns)
        with pytest.raises((KeyError, TypeError, ValueError, AttributeError, IndexError)):
            assert replace(document.from_document(broken), selection=selected) != known
            raise ValueError('a number in that place means nothing, so it may be ignored but not taken over')
    with pytest.raises(ValueError):
        document.from_document(Document(loaded.values, [*loaded.columns[:1], array('q', [1]), *loaded.columns[2:]]))

    addressed = replace(known, inventory=known_metrics(listed, listed.listed | {by_address}))
    written = document.to_document(addressed)
    assert 'jane.doe' not in repr(written.values)
    after = document.from_document(written)
    assert (after.inventory.ordered, after.inventory.whole_at) == (listed.ordered, None)
    assert progress.DISCOVERY not in after.sources
    assert after.ledger == ledger


# Whether AWS can be reached.

CADENCES = {'account': 60, CLOUDWATCH: 300}
THROTTLED = Failure(FailureKind.THROTTLED, 'GetMetricData', '')
DENIED = Failure(FailureKind.DENIED, 'GetAccount', '')
LATE = Failure(FailureKind.TIMEOUT, 'run', '')
FRESH, OLD = Source(NOW, NOW), Source(NOW - 5000, NOW - 5000)


@pytest.mark.parametrize(
    ('sources', 'late', 'expected'),
    [
        ({}, False, Level.OK),
        ({}, True, Level.CRITICAL),
        ({'account': FRESH, CLOUDWATCH: FRESH}, False, Level.OK),
        ({'account': FRESH, CLOUDWATCH: FRESH}, True, Level.WARNING),
        ({'account': Source(NOW, None, (DENIED,)), CLOUDWATCH: FRESH}, False, Level.WARNING),
        ({'account': Source(NOW, None, (DENIED,)), CLOUDWATCH: Source(NOW, None, (DENIED,))}, False, Level.CRITICAL),
        ({'account': FRESH, CLOUDWATCH: replace(FRESH, failures=(THROTTLED,))}, False, Level.WARNING),
        ({CLOUDWATCH: Source(NOW, NOW - 60, (THROTTLED,))}, False, Level.WARNING),
        ({CLOUDWATCH: Source(NOW, NOW - 60, (DENIED,))}, False, Level.CRITICAL),
        ({CLOUDWATCH: Source(NOW, NOW - 5000, (THROTTLED,))}, False, Level.CRITICAL),
        ({'account': OLD, CLOUDWATCH: Source(NOW, None, (THROTTLED,))}, False, Level.CRITICAL),
    ],
)
def test_level(sources: dict[str, Source], late: bool, expected: Level) -> None:
    """OK without failures; CRITICAL where every source fails for good or nothing is fresh; else WARNING."""
    progress = Progress(sources=sources)
    failing = telemetry.failing(progress, [LATE] if late else [])
    assert telemetry.level(progress, failing, CADENCES, NOW) is expected


def test_a_long_message_is_cut() -> None:
    """The message of can_connect names each failure once and has at most 1,000 characters."""
    failures = [Failure(FailureKind.DENIED, f'Operation{number}', 'x' * 90) for number in range(30)]
    status, sample = telemetry.reached(Level.CRITICAL, [*failures, *failures])
    assert isinstance(status, Status) and isinstance(sample, Sample)
    assert len(status.message) == 1000
    assert status.message.endswith(' ...')
    assert status.message.count('Operation1:') == 1
    assert sample.value == 0.0


# What went wrong.


def client_error(code: str, status: int = 400, operation: str = 'GetAccount') -> exceptions.ClientError:
    answer = {'Error': {'Code': code, 'Message': 'arn:aws:iam::1:user/jane@x.y'}, 'ResponseMetadata': {}}
    answer['ResponseMetadata']['HTTPStatusCode'] = status  # type: ignore[assignment, index]
    return exceptions.ClientError(answer, operation)


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (client_error('Throttling'), FailureKind.THROTTLED),
        (client_error('TooManyRequestsException', 429), FailureKind.THROTTLED),
        (client_error('Unheard', 429), FailureKind.THROTTLED),
        (client_error('AccessDenied', 403), FailureKind.DENIED),
        (client_error('AccessDeniedException', 400), FailureKind.DENIED),
        (client_error('Unheard', 403), FailureKind.DENIED),
        (client_error('ExpiredToken', 403), FailureKind.CREDENTIALS),
        (client_error('InvalidClientTokenId', 403), FailureKind.CREDENTIALS),
        (client_error('SignatureDoesNotMatch', 403), FailureKind.CREDENTIALS),
        (client_error('InvalidAction'), FailureKind.UNSUPPORTED),
        (client_error('', 404), FailureKind.UNSUPPORTED),
        (client_error('InternalFailure', 500), FailureKind.NETWORK),
        (client_error('', 503), FailureKind.NETWORK),
        (client_error('ValidationError', 400), FailureKind.MALFORMED),
        (exceptions.NoCredentialsError(), FailureKind.CREDENTIALS),
        (exceptions.ProfileNotFound(profile='mail'), FailureKind.CREDENTIALS),
        (exceptions.ConnectTimeoutError(endpoint_url='http://x'), FailureKind.TIMEOUT),
        (exceptions.ReadTimeoutError(endpoint_url='http://x'), FailureKind.TIMEOUT),
        (exceptions.EndpointConnectionError(endpoint_url='http://x'), FailureKind.NETWORK),
        (exceptions.SSLError(endpoint_url='http://x', error='bad'), FailureKind.NETWORK),
        (exceptions.ProxyConnectionError(proxy_url='http://x'), FailureKind.NETWORK),
        (exceptions.ConnectionClosedError(endpoint_url='http://x'), FailureKind.NETWORK),
        (AttributeError("'SESV2' object has no attribute 'get_account'"), FailureKind.UNSUPPORTED),
        (exceptions.ResponseStreamingError(error='cut'), FailureKind.NETWORK),
        (KeyError('x'), FailureKind.MALFORMED),
        (ValueError('x'), FailureKind.MALFORMED),
    ],
)
def test_failures(error: Exception, kind: FailureKind) -> None:
    """Whatever is raised is one of a closed set of kinds, with a way out and without AWS's own words."""
    failure = failure_of(error, 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (kind, 'GetAccount')
    assert failure.remedy
    assert 'jane' not in str(failure)
    assert ('ses:GetAccount' in failure.remedy) is (kind is FailureKind.DENIED)


def test_failure_to_assume_a_role() -> None:
    """A role that cannot be assumed is told as that, with what to look at, and not as the call that needed it."""
    failure = failure_of(client_error('AccessDenied', 403, 'AssumeRole'), 'GetAccount', 'ses:GetAccount')
    assert (failure.kind, failure.operation) == (FailureKind.DENIED, 'AssumeRole')
    assert 'sts:AssumeRole' in failure.remedy and 'external_id' in failure.remedy
