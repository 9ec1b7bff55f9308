"""Promise P1 for the whole check over HTTP: what was handed over and what was given up is what CloudWatch holds.

The pure counterpart is tests/unit/test_ledger.py. Here the amounts are put into the simulator, the check asks for them
as it asks AWS, and only what an operator sees is compared: counts, `counting_since`, `periods_skipped`,
`amounts_shrunk` and the warnings in the log.
"""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, START, replaced
from hypothesis import given
from hypothesis import strategies as st
from story import CHOICES, COLLECTED, FEW, FOUND, HOUR, METRICS, Amount, every_minute, reported, skipped, story

from datadog_checks.amazon_ses.aws import access
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.model import Target

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
    # Send is asked for first and Bounce third, so every third result is Bounce, and every one is both.
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
"""What strikes one batch of several, or the list."""

DAMAGES = (
    'newest torn',
    'older garbled',
    'newest lost',
    'note lost',
    'note garbled',
    'all torn',
    'all lost',
    'newest and notes lost',
)
EDITS = st.one_of(
    st.sampled_from([60, 300, 420, 900]).map(lambda value: {'period': value}),
    st.sampled_from([900, HOUR, 2 * HOUR]).map(lambda value: {'timeframe': value}),
    st.sampled_from([0, 60, 900]).map(lambda value: {'settle_delay': value}),
    st.sampled_from([HOUR, 6 * HOUR]).map(lambda value: {'backfill_limit': value}),
    st.sampled_from(['average', 'maximum', 'sum']).map(lambda value: {'statistic': value}),
)
CHOOSING = st.one_of(
    st.sampled_from(['news', 'l*', 'ann@*']).map(lambda value: {'exclude': [{'value': value}]}),
    st.sampled_from(['*ews', 'a*']).map(lambda value: {'include': [{'value': value}]}),
    st.sampled_from([0, 1, 2, 3]).map(lambda value: {'max_series': value}),
    st.just(dict.fromkeys(CHOICES)),
)
"""Edits of the options that choose among what was found, and the one that takes them back."""

STEPS = st.lists(
    st.fixed_dictionaries(
        {
            'pause': st.one_of(st.just(300), st.integers(20, 900), st.integers(900, 5 * HOUR)),
            'fault': st.sampled_from((*FAULTS, *BATCH_FAULTS)),
            'where': st.sampled_from([None, REGION, OTHER]),
            'skew': st.one_of(st.just(0), st.just(0), st.integers(-6 * HOUR, 6 * HOUR)),
            'restart': st.booleans(),
            'edit': st.one_of(st.none(), st.none(), st.none(), EDITS, CHOOSING),
            'damage': st.sampled_from([None] * 12 + list(DAMAGES)),
        }
    ),
    max_size=14,
)


def amounts(span: int) -> st.SearchStrategy[list[Amount]]:
    one = st.builds(
        lambda metric, region, at, amount, delay, falls: Amount(
            metric, region, int(START + at) // 60 * 60, amount, delay, min(falls, amount - 1) if metric == 'Send' else 0
        ),
        st.sampled_from(list(METRICS)),
        st.sampled_from([REGION, OTHER]),
        st.integers(0, span),
        st.integers(1, 50),
        st.integers(0, 900),
        st.sampled_from([0, 0, 0, 5]),
    )
    return st.lists(one, max_size=25)


def found_amounts(span: int) -> st.SearchStrategy[list[Amount]]:
    """Amounts of what listing finds: single ones, and some in a row, so that series fall idle and wake."""
    one = st.builds(
        lambda name, region, at, number, amount, delay: [
            Amount('Send', region, int(START + at) // 60 * 60 + 300 * place, amount, delay, 0, name)
            for place in range(number)
        ],
        st.sampled_from(list(FOUND)),
        st.sampled_from([REGION, OTHER]),
        st.integers(0, span),
        st.sampled_from([1, 1, 12]),
        st.integers(1, 50),
        st.integers(0, 900),
    )
    return st.lists(one, max_size=20).map(lambda lists: [one for some in lists for one in some])


def long_known() -> list[Amount]:
    """What makes all but the last of FOUND known from the first run on."""
    begin = int(START) // 60 * 60 - 5 * HOUR
    return [Amount('Send', region, begin, 1, 0, 0, name) for name in list(FOUND)[:-1] for region in (REGION, OTHER)]


@FEW
@given(st.data())
def test_counts_add_up_through_everything(data: st.DataObject) -> None:
    """Whatever fails, comes late, is edited or damaged: what was handed over and given up is what CloudWatch holds."""
    steps = data.draw(STEPS)
    span = sum(one['pause'] for one in steps) + HOUR
    # Few queries in a request, so that there are several; and hours go by in less than a second.
    with (
        replaced(queries, 'MAX_QUERIES', 6),
        replaced(access, 'LISTINGS', 1e6),
        story(collect=['cloudwatch', *COLLECTED]) as told,
    ):
        told.happens([*long_known(), *data.draw(amounts(span)), *data.draw(found_amounts(span))])
        told.run()
        told.look()
        for one in steps:
            told.step(one)
        told.settle()
        told.check()


# The same, told one by one: what must come out is known, not only bounded.


EXACT: dict[str, list[dict[str, Any]]] = {
    'an hour without the Agent': [{'pause': 3600, 'restart': True}],
    'restarts': [{'restart': True}] * 4,
    'each failure once': [{'fault': one} for one in FAULTS if one],
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
    'older slot garbled': [{'damage': 'older garbled'}, {}],
}


@pytest.mark.parametrize('steps', EXACT.values(), ids=EXACT)
@pytest.mark.parametrize('delay', [0, 840])
def test_nothing_is_missing(steps: list[dict[str, Any]], delay: int) -> None:
    """Where no more was lost than can be made up for, all is counted, in time or late, and nothing is given up."""
    with story() as told:
        told.happens(every_minute(60 + sum(one.get('pause', 300) for one in steps) // 60, delay))
        told.through(1800)
        for one in steps:
            told.step(one)
        told.settle()
        told.check()
        assert told.auditor.missed == []
        for region in (REGION, OTHER):
            assert len(told.since[region]) == 1
            for metric in METRICS:
                truth = told.watch.truth(metric, told.since[region][0], region=region)
                assert told.handed(metric, region) == truth > 30


GIVEN_UP: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    'five hours without the Agent': ([{'pause': 5 * HOUR}], {'backfill_limit', 'late_growth'}),
    'five hours of throttling': ([{'fault': ('throttle', None)}] * 60, {'backfill_limit', 'late_growth'}),
    'newest slot and notes lost': ([{'damage': 'newest and notes lost'}], {'state_lost'}),
    'note of what was handed over lost': ([{'damage': 'note lost'}], {'state_lost'}),
    'note of what was handed over garbled': ([{'damage': 'note garbled'}], {'state_lost'}),
    'newest slot torn': ([{'damage': 'newest torn'}], {'state_lost'}),
    'newest slot lost': ([{'damage': 'newest lost'}], {'state_lost'}),
    'newest slot torn, clock behind': (
        [{'pause': 3600}, {'damage': 'newest torn', 'skew': -7200}],
        {'state_lost'},
    ),
    'newest slot torn, clock ahead': (
        [{'pause': 3600}, {'damage': 'newest torn', 'skew': 7200}],
        {'state_lost'},
    ),
    'newest slot torn, AWS failing': (
        [{'damage': 'newest torn', 'fault': ('throttle', None)}, {'restart': True}],
        {'state_lost'},
    ),
}


@pytest.mark.parametrize(('steps', 'reasons'), GIVEN_UP.values(), ids=GIVEN_UP)
def test_what_is_given_up_is_reported_once(steps: list[dict[str, Any]], reasons: set[str]) -> None:
    """What cannot be made up for is logged with its times, counted in `periods_skipped` or `periods_unknown`, and never
    counted twice."""
    with story() as told:
        told.happens(every_minute(60 + sum(one.get('pause', 300) for one in steps) // 60))
        told.through(1800)
        for one in steps:
            told.step(one)
        told.settle()
        told.check()
        assert set(reported(told)) == reasons
        assert skipped() == reported(told)
        spans = sorted((one.start, one.end) for one in told.auditor.missed if one.region == REGION)
        assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize('period', [60, 420, 900, 3600])
def test_an_edited_period_cuts_nothing(period: int) -> None:
    """After an edit of `period` all is counted; what may still grow of the old periods is reported in those periods."""
    with story() as told:
        told.happens(every_minute(240))
        told.through(3600)
        told.step({'edit': {'period': period}})
        told.through(3600)
        told.settle()
        told.check()
        for region in (REGION, OTHER):
            assert told.handed('Send', region) == told.watch.truth('Send', told.since[region][0], region=region)
        assert set(reported(told)) == {'period_change'}
        assert skipped() == reported(told)


def test_what_comes_once_a_day_holds_nothing_up() -> None:
    """Where there are series with one datapoint a day, no more periods are given up at an edit of `period` than without
    them, and what is remembered of each series does not grow."""
    told_of: dict[bool, tuple[dict[str, float], int]] = {}
    for daily in (False, True):
        with story(collect=['cloudwatch', 'snds']) as told:
            begin = int(START) // 60 * 60
            if daily:
                for metric in ('SNDS.SpamRate', 'SNDS.TrapHits'):
                    told.sim.world.put(ACCOUNT, REGION, metric, begin - HOUR, 1, {'IP': '198.51.100.7'})
            told.happens(every_minute(400))
            told.through(5 * HOUR)
            assert (told.watch.last('collector.series') > 12) is daily
            remembered = len(told.watch.check.store.recall(Target(ACCOUNT, REGION)).ledger.booked)
            told.step({'edit': {'period': 900}})
            told.settle()
            told.check()
            told_of[daily] = reported(told), remembered
    assert told_of[True] == told_of[False]


def test_periods_that_many_series_miss_are_reported_once() -> None:
    """Series that were read to different marks, as idle ones are, report the periods that they give up only once."""
    with story(collect=['cloudwatch', *COLLECTED]) as told:
        told.happens([*long_known(), *every_minute(700)])
        told.through(3 * HOUR)
        told.step({'pause': 5 * HOUR})
        told.settle()
        told.check()
        for reason in reported(told):
            spans = sorted(
                (one.start, one.end) for one in told.auditor.missed if (one.region, one.reason) == (REGION, reason)
            )
            assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False)), spans


def test_a_lost_state_begins_anew() -> None:
    """When the whole state is lost, counting begins at a new boundary, which is told, and nothing is repeated."""
    with story() as told:
        told.happens(every_minute(240))
        told.through(3600)
        before = told.handed('Send', REGION)
        told.step({'damage': 'all lost'})
        assert told.since[REGION] == [1790000100, int(told.clock()) // 300 * 300 + 300]
        assert told.handed('Send', REGION) == before
        told.settle()
        told.check()
        again = told.watch.truth('Send', told.since[REGION][1])
        assert told.handed('Send', REGION) == before + again
        assert len(told.since[OTHER]) == 1


def test_a_shrunk_amount_is_the_one_excess() -> None:
    """What CloudWatch takes back was handed over already: the counts exceed it by `amounts_shrunk`, once."""
    with story() as told:
        begin = int(START) // 60 * 60
        told.happens([Amount('Send', REGION, begin + 600, 50, 0, falls=20)])
        told.happens([Amount('Bounce', REGION, begin + 660, 7, 0)])
        told.through(2 * HOUR)
        told.settle()
        told.check()
        assert told.handed('Send', REGION) == 50
        assert told.watch.total('collector.amounts_shrunk', REGION) == 20
        assert told.watch.total('collector.amounts_shrunk', OTHER) == 0


def test_amounts_of_the_unfinished_period_come_with_the_next_read() -> None:
    """Nothing waits for a settle delay: an amount is handed over by the first collection after CloudWatch shows it."""
    with story() as told:
        told.run()
        told.clock.advance(600)
        told.run()
        told.happens([Amount('Send', REGION, int(told.clock()) // 60 * 60 + 240, 9, 0)])
        told.clock.advance(300)
        told.run()
        assert told.handed('Send', REGION) == 9


def test_a_named_combination_counts_from_when_it_was_named() -> None:
    """A series that `dimensions` adds counts from the next boundary on, exactly, and again so when it is named anew."""
    named = {'ses:configuration-set': 'news'}
    with story() as told:
        begin = int(START) // 60 * 60
        for minute in range(360):
            told.sim.world.put(ACCOUNT, REGION, 'Send', begin + 60 * minute, 1, dimensions=named)
        told.through(3600)
        expected = 0.0
        for _ in range(2):
            told.step({'edit': {'dimensions': [named]}})
            first = int(told.clock()) // 300 * 300 + 300
            told.through(3600)
            end = int(told.clock() - 300) // 60 * 60
            expected += told.watch.truth('Send', first, end + 60, dimensions=named)
            assert told.watch.total('dimension.send.count') == expected
            told.watch.restart(dimensions=None)
            told.through(1800)
        assert told.watch.total('dimension.send.count') == expected > 60
