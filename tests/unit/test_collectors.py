"""Collectors: from literal answers of GetAccount and GetSendStatistics, whole or broken, to literal readings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from common import values_by_name
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses import progress
from datadog_checks.amazon_ses.collectors import account, send_statistics
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.model import FailureKind, Level, Status
from datadog_checks.amazon_ses.progress import Progress

NOW = 1_790_000_100
DAY = 86400


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


def test_get_account_becomes_quota_standing_and_status() -> None:
    """A whole answer of GetAccount becomes quota, standing and status."""
    assert values_by_name(account.parse(ACCOUNT, NOW)) == {
        **QUOTA,
        'account.enforcement_level': 0,
        'account.sending_enabled': 1.0,
        'account.may_send': 1.0,
        'account.production_access': 1.0,
        'sending_status': Level.OK,
    }


def test_first_api_gives_quota_and_switch() -> None:
    """GetSendQuota and GetAccountSendingEnabled give the quota and the switch; the standing stays unknown."""

    class Ses:
        def get_send_quota(self) -> dict[str, Any]:
            return {**ACCOUNT['SendQuota'], 'ResponseMetadata': {}}

        def get_account_sending_enabled(self) -> dict[str, Any]:
            return {'Enabled': False, 'ResponseMetadata': {}}

    client_for = {'ses': Ses()}.__getitem__
    assert values_by_name(account.QUOTA_V1.parse(account.QUOTA_V1.fetch(client_for), NOW)) == QUOTA
    assert values_by_name(account.SENDING_V1.parse(account.SENDING_V1.fetch(client_for), NOW)) == {
        'account.sending_enabled': 0.0,
        'account.may_send': 0.0,
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
    """An unlimited quota has no remainder and no share, an empty one no share; no remainder is negative."""
    quota = {'Max24HourSend': most, 'MaxSendRate': 1.0, 'SentLast24Hours': sent}
    readings = values_by_name(account.parse({**ACCOUNT, 'SendQuota': quota}, NOW))
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
def test_sending_status_is_the_worst_of_standing_and_switch(
    enforcement: str | None, sending: bool | None, level: Level
) -> None:
    """The status is the worst of standing and switch, and never OK where AWS left a part out."""
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
        {**ACCOUNT, 'SendQuota': {**ACCOUNT['SendQuota'], 'MaxSendRate': 'fast'}},
        {**ACCOUNT, 'SendQuota': []},
        *({**ACCOUNT, 'SendQuota': {**ACCOUNT['SendQuota'], name: -2.0}} for name in ACCOUNT['SendQuota']),
        *(
            {**ACCOUNT, 'SendQuota': {**ACCOUNT['SendQuota'], name: -1.0}}
            for name in ('SentLast24Hours', 'MaxSendRate')
        ),
        *({**ACCOUNT, name: text} for name in ('SendingEnabled', 'ProductionAccessEnabled') for text in ('yes', 1, [])),
        {**ACCOUNT, 'EnforcementStatus': ['HEALTHY']},
    ],
)
def test_account_without_quota_is_malformed(answer: Mapping[str, Any]) -> None:
    """An answer of GetAccount without its quota, with a negative one or with a flag that is none is malformed, changes
    nothing and shows nothing of the account."""
    before = Progress(standing=Standing('HEALTHY', True))
    after, events = progress.after_snapshot(before, account.ACCOUNT, answer, NOW)
    source = after.sources['account']
    assert (after.standing, events, source.readings, source.answered_at) == (before.standing, (), (), None)
    assert [(failure.kind, failure.operation) for failure in source.failures] == [(FailureKind.MALFORMED, 'GetAccount')]
    assert source.retries


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
def test_change_of_standing_is_an_event(
    before: Standing | None, now: Standing, expected: list[tuple[str, str]]
) -> None:
    """A change is an event of its own kind; a first observation and a part that AWS left out are no events."""
    assert [(event.spec.name, event.alert_type) for event in account.changes(before, now)] == expected


def bucket(age: float, attempts: int, bounces: int = 0) -> dict[str, Any]:
    start = datetime.fromtimestamp(NOW - age, UTC)
    return {'Timestamp': start, 'DeliveryAttempts': attempts, 'Bounces': bounces, 'Complaints': 0, 'Rejects': 1}


def test_buckets_become_sums_of_windows() -> None:
    """Buckets in any order become the last whole bucket, and sums of 24 hours and of 14 days; older ones count
    nowhere."""
    buckets = [bucket(2 * DAY, 100, 5), bucket(60, 3, 1), bucket(960, 20), bucket(15 * DAY, 7000), bucket(DAY + 1, 10)]
    readings = values_by_name(send_statistics.parse({'SendDataPoints': buckets}, NOW))
    assert {key[1]: value for key, value in readings.items() if key[0] == 'send_statistics.delivery_attempts'} == {
        'window:15m': 20,
        'window:24h': 23,
        'window:14d': 133,
    }
    assert readings['send_statistics.bounces', 'window:14d'] == 6
    assert readings['send_statistics.rejects', 'window:24h'] == 2


def whole_quarter(buckets: list[dict[str, Any]], date: float | None = None) -> float:
    header = {} if date is None else {'date': format_datetime(datetime.fromtimestamp(date, UTC), usegmt=True)}
    answer = {'SendDataPoints': buckets, 'ResponseMetadata': {'HTTPHeaders': header}}
    return values_by_name(send_statistics.parse(answer, NOW))['send_statistics.delivery_attempts', 'window:15m']


@given(st.integers(0, 899), st.integers(0, 13))
def test_the_last_whole_quarter_of_an_hour_is_shown_however_it_is_cut(age: int, silent: int) -> None:
    """Wherever AWS lets its buckets begin, `window:15m` is the newest one that has ended; a quarter of an hour that is
    not listed had no activity and is zero."""
    quarters = [bucket(age + 900 * number, 100 + number) for number in range(14)]
    assert whole_quarter(quarters) == 101
    assert whole_quarter(quarters[:silent] + quarters[silent + 1 :]) == (0 if silent == 1 else 101)


def test_the_clock_of_aws_says_which_quarter_has_ended() -> None:
    """A clock of ours that is wrong by minutes shows no bucket that still fills, and skips none that has ended."""
    quarters = [bucket(100, 1), bucket(1000, 2), bucket(1900, 3)]
    assert whole_quarter(quarters) == 2
    assert whole_quarter(quarters, NOW - 200) == 3
    assert whole_quarter(quarters, NOW + 790) == 2
    assert whole_quarter(quarters, NOW + 800) == 1
    assert whole_quarter(quarters, NOW - 30 * DAY) == 2, 'a date that cannot be true'


def test_windows_of_a_silent_account_are_zero() -> None:
    """Without buckets all windows are zero: here AWS says so, since it lists buckets with activity only."""
    assert set(values_by_name(send_statistics.parse({'SendDataPoints': []}, NOW)).values()) == {0}


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'SendDataPoints': None},
        {'SendDataPoints': [{}]},
        {'SendDataPoints': [{'Timestamp': 'soon'}]},
        {'SendDataPoints': [bucket(60, -1)]},
        {'SendDataPoints': [bucket(60, 3), bucket(960, 5, bounces=-2)]},
    ],
)
def test_send_statistics_without_buckets_are_malformed(answer: Mapping[str, Any]) -> None:
    """An answer of GetSendStatistics without its buckets, or with a negative number in one, is malformed."""
    after, _ = progress.after_snapshot(Progress(), send_statistics.SEND_STATISTICS, answer, NOW)
    (failure,) = after.sources['send_statistics'].failures
    assert (failure.kind, failure.operation) == (FailureKind.MALFORMED, 'GetSendStatistics')
