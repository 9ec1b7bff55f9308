"""Promise P1: Counts are conserved over HTTP: submitted amounts and reported gaps add up to CloudWatch's sums.

tests/unit/test_ledger.py tests the same without HTTP. Here the simulator holds the amounts, the check reads them as it
reads AWS, and the tests compare only output that an operator sees: counts, `counting_since`, `periods_skipped`,
`amounts_shrunk` and the warnings in the log.
"""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, OTHER, REGION, START, replace_attribute
from counting_trials import (
    COLLECTED,
    FEW_EXAMPLES,
    HOUR,
    LISTED,
    METRICS,
    SELECTION_OPTIONS,
    Amount,
    SkippedPeriods,
    Trial,
    every_minute,
    logged_skips,
    new_trial,
    submitted_skips,
)
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.aws import access
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.model import Target
from simulator import series_id

pytestmark = pytest.mark.usefixtures('no_waiting')

FAULTS: tuple[tuple[str, Any] | None, ...] = (
    *(None,) * 8,
    ('throttle', None),
    ('server_error', None),
    ('unavailable', None),
    ('reset', None),
    ('close', None),
    ('truncate', None),
    ('html', None),
    ('empty', None),
    ('garbage', None),
    ('denied', None),
    ('expired_token', None),
    # Send is the first query and Bounce the third: every third result is Bounce, every result is both.
    ('partial', 1),
    ('partial', 3),
    ('partial', {'every': 3, 'token': True}),
    ('internal_error', 3),
    ('forbidden', 3),
    ('missing_results', 3),
    ('wrong_ids', 3),
    ('empty_results', None),
    ('token_loop', None),
)
BATCH_FAULTS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ('throttle', None, {'holds': 'news'}),
    ('partial', {'every': 1}, {'holds': 'other|a, b'}),
    ('missing_results', 1, {'holds': 'later'}),
    ('html', None, {'holds': 'ann@example.com'}),
    ('truncate', None, {'holds': 'login'}),
    ('token_loop', None, {'operation': 'ListMetrics'}),
    ('throttle', None, {'operation': 'ListMetrics'}),
    ('empty_results', None, {'operation': 'ListMetrics'}),
    ('garbage', '{"Metrics": []}', {'operation': 'ListMetrics'}),
)
"""Faults that affect one batch of several, or the listing."""

DAMAGES = ('newest torn', 'older garbled', 'newest lost', 'note lost', 'note garbled', 'all torn', 'all lost')
EDITS = st.one_of(
    st.sampled_from([60, 300, 420, 900]).map(lambda value: {'period': value}),
    st.sampled_from([900, HOUR, 2 * HOUR]).map(lambda value: {'timeframe': value}),
    st.sampled_from([0, 60, 900]).map(lambda value: {'settle_delay': value}),
    st.sampled_from([HOUR, 6 * HOUR]).map(lambda value: {'backfill_limit': value}),
    st.sampled_from(['average', 'maximum', 'sum']).map(lambda value: {'statistic': value}),
)
SELECTIONS = st.one_of(
    st.sampled_from(['news', 'l*', 'ann@*']).map(lambda value: {'exclude': [{'value': value}]}),
    st.sampled_from(['*ews', 'a*']).map(lambda value: {'include': [{'value': value}]}),
    st.sampled_from([0, 1, 2, 3]).map(lambda value: {'max_series': value}),
    st.just(dict.fromkeys(SELECTION_OPTIONS)),
)
"""Edits of the options that select among listed series, and the edit that removes them."""

STEPS = st.lists(
    st.fixed_dictionaries(
        {
            'pause': st.one_of(st.just(300), st.integers(20, 900), st.integers(900, 5 * HOUR)),
            'fault': st.sampled_from((*FAULTS, *BATCH_FAULTS)),
            'where': st.sampled_from([None, REGION, OTHER]),
            'skew': st.one_of(st.just(0), st.just(0), st.integers(-6 * HOUR, 6 * HOUR)),
            'restart': st.booleans(),
            'edit': st.one_of(st.none(), st.none(), st.none(), EDITS, SELECTIONS),
            'damage': st.sampled_from([None] * 12 + list(DAMAGES)),
        }
    ),
    max_size=14,
)


def _minute(offset: int) -> int:
    return int(START + offset) // 60 * 60


def account_amounts(span: int) -> st.SearchStrategy[list[Amount]]:
    amount = st.builds(
        lambda metric, region, offset, number, delay, lowered: Amount(
            metric, region, _minute(offset), number, delay, min(lowered, number - 1) if metric == 'Send' else 0
        ),
        st.sampled_from(list(METRICS)),
        st.sampled_from([REGION, OTHER]),
        st.integers(0, span),
        st.integers(1, 50),
        st.integers(0, 900),
        st.sampled_from([0, 0, 0, 5]),
    )
    return st.lists(amount, max_size=25)


def listed_amounts(span: int) -> st.SearchStrategy[list[Amount]]:
    """Amounts of listed series: single amounts, and rows of them, so that series fall idle and wake."""
    row = st.builds(
        lambda name, region, offset, length, number, delay: [
            Amount('Send', region, _minute(offset) + 300 * position, number, delay, 0, name)
            for position in range(length)
        ],
        st.sampled_from(list(LISTED)),
        st.sampled_from([REGION, OTHER]),
        st.integers(0, span),
        st.sampled_from([1, 1, 12]),
        st.integers(1, 50),
        st.integers(0, 900),
    )
    return st.lists(row, max_size=20).map(lambda rows: [amount for row in rows for amount in row])


def earlier_amounts() -> list[Amount]:
    """Old amounts of every listed series but the last, so that the first run discovers these series."""
    begin = _minute(-5 * HOUR)
    return [Amount('Send', region, begin, 1, 0, 0, name) for name in list(LISTED)[:-1] for region in (REGION, OTHER)]


def duration(steps: list[dict[str, Any]]) -> int:
    """Seconds that steps take."""
    return sum(step.get('pause', 300) for step in steps)


def play_all(trial: Trial, steps: list[dict[str, Any]]) -> None:
    for step in steps:
        trial.play(step)
    trial.settle()
    trial.verify()


def assert_disjoint(skips: list[SkippedPeriods]) -> None:
    spans = sorted((skip.start, skip.end) for skip in skips)
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False)), spans


@FEW_EXAMPLES
@given(st.data())
def test_counts_add_up_through_everything(data: st.DataObject) -> None:
    """Whatever fails, comes late, is edited or damaged: submitted amounts and reported gaps are CloudWatch's sums."""
    steps = data.draw(STEPS)
    span = duration(steps) + HOUR
    # Requests of few queries, so that there are several batches; and no limit on listings, because hours pass at once.
    with (
        replace_attribute(queries, 'MAX_QUERIES', 6),
        replace_attribute(access, 'LISTINGS_PER_SECOND', 1e6),
        new_trial(collect=['cloudwatch', *COLLECTED]) as trial,
    ):
        trial.add([*earlier_amounts(), *data.draw(account_amounts(span)), *data.draw(listed_amounts(span))])
        trial.run()
        trial.discover()
        play_all(trial, steps)


# Single cases with an exact result.

EXACT: dict[str, list[dict[str, Any]]] = {
    'an hour without the Agent': [{'pause': 3600, 'restart': True}],
    'restarts': [{'restart': True}] * 4,
    'each failure once': [{'fault': fault} for fault in FAULTS if fault],
    'partial answers for two hours': [{'fault': ('partial', 1)}] * 24,
    'one series missing for two hours': [{'fault': ('missing_results', 3)}] * 24,
    'one series failing, with a short timeframe': [
        {'edit': {'timeframe': 900}},
        *[{'fault': ('internal_error', 3)}] * 24,
    ],
    'two hours of throttling': [{'fault': ('throttle', None)}] * 24,
    'one Region denied for two hours': [{'fault': ('denied', None), 'where': OTHER}] * 24,
    'clock ahead for an hour': [{'skew': 5 * HOUR}] * 12,
    'clock behind for an hour': [{'skew': -5 * HOUR}] * 12,
    'clock ahead at a restart': [{'skew': 5 * HOUR, 'restart': True}, {}],
    'longer timeframe': [{'edit': {'timeframe': 7200}}],
    'shorter timeframe': [{'edit': {'timeframe': 900}}],
    'another statistic': [{'edit': {'statistic': 'maximum'}}],
    'no settle delay': [{'edit': {'settle_delay': 0}}],
    'other backfill limit': [{'edit': {'backfill_limit': 6 * HOUR}}, {'pause': 5 * HOUR}],
    'note of what was handed over lost': [{'damage': 'note lost', 'where': region} for region in (REGION, OTHER)],
    'note of what was handed over garbled': [{'damage': 'note garbled'}],
    'older slot garbled': [{'damage': 'older garbled'}, {}],
}


@pytest.mark.parametrize('steps', EXACT.values(), ids=EXACT)
@pytest.mark.parametrize('delay', [0, 840])
def test_passing_trouble_loses_no_amount(steps: list[dict[str, Any]], delay: int) -> None:
    """After trouble that a backfill can repair, every amount is counted, punctual or late, and no period is skipped."""
    with new_trial() as trial:
        trial.add(every_minute(60 + duration(steps) // 60, delay))
        trial.run_for(1800)
        play_all(trial, steps)
        assert trial.auditor.skipped == []
        for region in (REGION, OTHER):
            assert len(trial.counting_since[region]) == 1
            for metric in METRICS:
                truth = trial.driver.cloudwatch_sum(metric, trial.counting_since[region][0], region=region)
                assert trial.submitted(metric, region) == truth > 30


SKIPPED: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    'five hours without the Agent': ([{'pause': 5 * HOUR}], {'backfill_limit', 'late_growth'}),
    'five hours of throttling': ([{'fault': ('throttle', None)}] * 60, {'backfill_limit', 'late_growth'}),
    'newest slot torn': ([{'damage': 'newest torn'}], {'state_lost', 'late_growth'}),
    'newest slot lost': ([{'damage': 'newest lost'}], {'state_lost', 'late_growth'}),
    'newest slot torn, clock behind': (
        [{'pause': 3600}, {'damage': 'newest torn', 'skew': -7200}],
        {'state_lost', 'late_growth'},
    ),
    'newest slot torn, clock ahead': (
        [{'pause': 3600}, {'damage': 'newest torn', 'skew': 7200}],
        {'state_lost', 'late_growth'},
    ),
    'newest slot torn, AWS failing': (
        [{'damage': 'newest torn', 'fault': ('throttle', None)}, {'restart': True}],
        {'state_lost', 'late_growth'},
    ),
}


@pytest.mark.parametrize(('steps', 'reasons'), SKIPPED.values(), ids=SKIPPED)
def test_skipped_periods_are_reported_once(steps: list[dict[str, Any]], reasons: set[str]) -> None:
    """Periods that cannot be counted are logged with their times and in `periods_skipped`, none is counted twice."""
    with new_trial() as trial:
        trial.add(every_minute(60 + duration(steps) // 60))
        trial.run_for(1800)
        play_all(trial, steps)
        assert set(logged_skips(trial)) == reasons
        assert submitted_skips() == logged_skips(trial)
        assert_disjoint([skip for skip in trial.auditor.skipped if skip.region == REGION])


@pytest.mark.parametrize('period', [60, 420, 900, 3600])
def test_an_edited_period_cuts_nothing(period: int) -> None:
    """After an edit of `period` every amount is counted; old periods that may still grow are reported as skipped."""
    with new_trial() as trial:
        trial.add(every_minute(240))
        trial.run_for(3600)
        trial.play({'edit': {'period': period}})
        trial.run_for(3600)
        trial.settle()
        trial.verify()
        for region in (REGION, OTHER):
            assert trial.submitted('Send', region) == trial.driver.cloudwatch_sum(
                'Send', trial.counting_since[region][0], region=region
            )
        assert set(logged_skips(trial)) == {'period_change'}
        assert submitted_skips() == logged_skips(trial)


def test_daily_series_skip_no_more_periods() -> None:
    """With series of one datapoint a day, an edit of `period` skips as many periods as without them, and the remembered
    amounts do not grow."""
    skips_and_memory: dict[bool, tuple[dict[str, float], int]] = {}
    for daily in (False, True):
        with new_trial(collect=['cloudwatch', 'snds']) as trial:
            begin = _minute(0)
            if daily:
                for metric in ('SNDS.SpamRate', 'SNDS.TrapHits'):
                    trial.sim.world.put(ACCOUNT, REGION, series_id(metric, {'IP': '198.51.100.7'}), begin - HOUR, 1)
            trial.add(every_minute(400))
            trial.run_for(5 * HOUR)
            assert (trial.driver.last('collector.series') > ACCOUNT_METRICS) is daily
            remembered_amounts = len(trial.driver.check.store.recall(Target(ACCOUNT, REGION)).ledger.booked)
            trial.play({'edit': {'period': 900}})
            trial.settle()
            trial.verify()
            skips_and_memory[daily] = logged_skips(trial), remembered_amounts
    assert skips_and_memory[True] == skips_and_memory[False]


def test_periods_that_many_series_miss_are_reported_once() -> None:
    """Series with different watermarks, such as idle series, report a skipped period only once."""
    with new_trial(collect=['cloudwatch', *COLLECTED]) as trial:
        trial.add([*earlier_amounts(), *every_minute(700)])
        trial.run_for(3 * HOUR)
        trial.play({'pause': 5 * HOUR})
        trial.settle()
        trial.verify()
        for reason in logged_skips(trial):
            assert_disjoint([skip for skip in trial.auditor.skipped if (skip.region, skip.reason) == (REGION, reason)])


def test_counting_begins_anew_after_a_lost_state() -> None:
    """When the whole state is lost, counting begins at a new boundary, `counting_since` says so, nothing repeats."""
    with new_trial() as trial:
        trial.add(every_minute(240))
        trial.run_for(3600)
        before = trial.submitted('Send', REGION)
        trial.play({'damage': 'all lost'})
        assert trial.counting_since[REGION] == [1790000100, int(trial.clock()) // 300 * 300 + 300]
        assert trial.submitted('Send', REGION) == before
        trial.settle()
        trial.verify()
        since_then = trial.driver.cloudwatch_sum('Send', trial.counting_since[REGION][1])
        assert trial.submitted('Send', REGION) == before + since_then
        assert len(trial.counting_since[OTHER]) == 1


def test_counts_exceed_cloudwatch_by_lowered_amounts_only() -> None:
    """When CloudWatch lowers an amount that was submitted, the count exceeds it by `amounts_shrunk`, once."""
    with new_trial() as trial:
        begin = _minute(0)
        trial.add([Amount('Send', REGION, begin + 600, 50, 0, lowered=20)])
        trial.add([Amount('Bounce', REGION, begin + 660, 7, 0)])
        trial.run_for(2 * HOUR)
        trial.settle()
        trial.verify()
        assert trial.submitted('Send', REGION) == 50
        assert trial.driver.total('collector.amounts_shrunk', REGION) == 20
        assert trial.driver.total('collector.amounts_shrunk', OTHER) == 0


def test_amounts_of_the_unfinished_period_come_with_the_next_read() -> None:
    """Counts wait for no settle delay: the first collection after CloudWatch shows an amount submits it."""
    with new_trial() as trial:
        trial.run()
        trial.clock.advance(600)
        trial.run()
        trial.add([Amount('Send', REGION, int(trial.clock()) // 60 * 60 + 240, 9, 0)])
        trial.clock.advance(300)
        trial.run()
        assert trial.submitted('Send', REGION) == 9


def test_a_named_combination_counts_from_the_next_boundary() -> None:
    """A series that `dimensions` adds is counted exactly from the next boundary on, also when it is added again."""
    named = {'ses:configuration-set': 'news'}
    with new_trial() as trial:
        begin = _minute(0)
        for minute in range(360):
            trial.sim.world.put(ACCOUNT, REGION, series_id('Send', named), begin + 60 * minute, 1)
        trial.run_for(3600)
        expected = 0.0
        for _ in range(2):
            trial.play({'edit': {'dimensions': [named]}})
            first = int(trial.clock()) // 300 * 300 + 300
            trial.run_for(3600)
            end = int(trial.clock() - 300) // 60 * 60
            expected += trial.driver.cloudwatch_sum('Send', first, end + 60, dimensions=named)
            assert trial.driver.total('dimension.send.count') == expected
            trial.driver.restart(dimensions=None)
            trial.run_for(1800)
        assert trial.driver.total('dimension.send.count') == expected > 60
