"""Promise P1 for the whole check over HTTP: what was handed over and what was given up is what CloudWatch holds.

The pure counterpart is tests/unit/test_ledger.py. Here the amounts are put into the simulator, the check asks for them
as it asks AWS, and only what an operator sees is compared: counts, `counting_since`, `periods_skipped`,
`amounts_shrunk` and the warnings in the log.
"""

from __future__ import annotations

import logging
import re
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import strptime
from typing import Any, NamedTuple

import pytest
from common import ACCOUNT, OTHER, REGION, START, Watch, instance_of, replaced
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datadog_checks.amazon_ses.aws import access
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.model import Target
from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Fault, Simulator

pytestmark = pytest.mark.usefixtures('no_waiting')

HOUR = 3600
METRICS = {'Send': 'send.count', 'Bounce': 'bounce.count'}
FAILED_RUN = ('Nothing can be read from AWS:', 'The AWS account is not known.')
"""How a run ends that could not ask AWS. Any other end is a mistake of ours."""

SET = 'ses:configuration-set'
FOUND: dict[str, tuple[dict[str, str], str, tuple[str, ...]]] = {
    'news': ({SET: 'news'}, 'configuration_set.send.count', ('configuration_set:news',)),
    'login': ({SET: 'login'}, 'configuration_set.send.count', ('configuration_set:login',)),
    'other': ({'campaign': 'a, b'}, 'unrecognized.count', ('campaign:a, b',)),
    'address': ({'ses:from-address': 'ann@example.com'}, 'unrecognized.count', ('identity_type:email_address',)),
    'later': ({SET: 'later'}, 'configuration_set.send.count', ('configuration_set:later',)),
}
"""What only listing finds: Send by some dimensions, the count and tags that it becomes. The last one begins later."""

COLLECTED = ('configuration_sets', 'unrecognized')

LISTED_WITHIN = 2 * 900 + 60
"""Seconds after its first amount was shown until a series is listed and the list is read."""

MISSED = re.compile(r'Counts of (\d{12}) in (\S+) miss (\S+)Z to (\S+)Z \((\w+)\)\.')


class Amount(NamedTuple):
    """What happened, and when CloudWatch shows it: `delay` seconds after its minute. `falls` is taken back later.

    `found` names the series among FOUND that it belongs to, if any.
    """

    metric: str
    region: str
    minute: int
    amount: int
    delay: int
    falls: int = 0
    found: str = ''


class Missed(NamedTuple):
    """Periods that the log says were given up."""

    region: str
    start: int
    end: int
    reason: str


class Auditor(logging.Handler):
    """Reads the log as an operator does."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missed: list[Missed] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = MISSED.fullmatch(record.getMessage())
        if found:
            assert found[1] == ACCOUNT
            start, end = (timegm(strptime(found[place], '%Y-%m-%dT%H:%M:%S')) for place in (3, 4))
            self.missed.append(Missed(found[2], start, end, found[5]))


class Story:
    """The check in two Regions from its first run to the last amount, and the account of it."""

    def __init__(self, sim: Simulator, clock: Clock, auditor: Auditor, **options: Any) -> None:
        self.sim, self.clock, self.auditor = sim, clock, auditor
        given: dict[str, Any] = {'regions': [REGION, OTHER], 'collect': ['cloudwatch'], **options}
        self.watch = Watch(sim, clock, aggregator, instance_of(sim, **given))
        self.amounts: list[Amount] = []
        self.since: dict[str, list[float]] = {REGION: [], OTHER: []}
        # From when on each series that listing finds is known for sure. Before that it is counted in part.
        self.known: dict[tuple[str, str], float] = {}
        # While what was found is left out by choice: since when, and when it was looked at for the last time before.
        self.choosing: tuple[float, float] | None = None
        self.looked = clock()
        self.left_out: list[tuple[float, float]] = []

    def happens(self, amounts: list[Amount]) -> None:
        for one in amounts:
            visible = one.minute + one.delay
            of = FOUND[one.found][0] if one.found else {}
            self.sim.world.put(ACCOUNT, one.region, one.metric, one.minute, one.amount, of, visible_at=visible)
            if one.falls:
                self.sim.world.shrink(ACCOUNT, one.region, one.metric, one.minute, one.falls, at=visible + 600)
        self.amounts += amounts

    def run(self) -> None:
        report = self.watch.run()
        assert not report or report.startswith(FAILED_RUN)
        for region, seen in self.since.items():
            values = self.watch.values('collector.counting_since', region)
            if values and (not seen or seen[-1] != values[-1]):
                seen.append(values[-1])
                # The state is new, and so is the list.
                self.known = {of: at for of, at in self.known.items() if of[0] != region}

    def through(self, seconds: float, step: float = 300) -> None:
        for _ in range(int(seconds // step)):
            self.run()
            self.clock.advance(step)

    def settle(self) -> None:
        """Right clock, no faults, until nothing can arrive any more and an edit of `period` has taken place."""
        self.sim.faults.clear()
        self.watch.skew = 0.0
        self.restart(**dict.fromkeys(CHOICES))
        for _ in range(20):
            self.clock.advance(1500)
            self.run()

    def restart(self, **edited: Any) -> None:
        """A restart. What a choice leaves out for less than an hour is missed by nobody, unless `period` is edited."""
        self.watch.restart(**edited)
        if CHOICES & self.watch.instance.keys():
            self.choosing = self.choosing or (self.clock(), self.looked)
        elif self.choosing is not None:
            since, looked = self.choosing
            if self.clock() - since > HOUR or 'period' in self.watch.instance:
                self.left_out.append((looked - HOUR, self.clock()))
            self.choosing = None

    def look(self) -> None:
        """A run without trouble, and the one that asks for what it found: note what must be known by now."""
        if self.sim.faults or self.watch.skew or CHOICES & self.watch.instance.keys():
            return
        self.clock.advance(60)
        self.run()
        self.looked = self.clock()
        for region in self.since:
            for name in FOUND:
                shown = [one.minute + one.delay for one in self.amounts if (one.found, one.region) == (name, region)]
                if shown and min(shown) + LISTED_WITHIN <= self.clock() - 60:
                    self.known.setdefault((region, name), self.clock())

    def step(self, one: Mapping[str, Any]) -> None:
        self.clock.advance(one.get('pause', 300))
        self.watch.skew = one.get('skew', 0)
        self.sim.faults.clear()
        if one.get('fault'):
            kind, argument, *more = one['fault']
            self.sim.faults.add(Fault(kind, region=one.get('where'), argument=argument, **(more[0] if more else {})))
        if one.get('damage'):
            damage(one['damage'], one.get('where') or REGION)
        if one.get('restart') or one.get('edit') or one.get('damage'):
            self.restart(**(one.get('edit') or {}))
        self.run()
        if any(one.found for one in self.amounts):
            self.look()

    def handed(self, metric: str, region: str) -> float:
        return self.watch.total(METRICS[metric], region)

    def check(self) -> None:
        """For each series: never more than the truth and what shrank; and less only by what was reported."""
        for region, seen in self.since.items():
            shrunk = self.watch.total('collector.amounts_shrunk', region)
            if not seen:
                assert all(self.handed(metric, region) == 0 for metric in METRICS)
                continue
            start = seen[0]
            spans = [(one.start, one.end) for one in self.auditor.missed if one.region == region]
            # A new `counting_since` says that the whole state was lost, and nothing is promised of what came before.
            spans += [(0, later) for later in seen[1:]]
            for metric in METRICS:
                counted = [one for one in self.amounts if (one.metric, one.region, one.found) == (metric, region, '')]
                counted = [one for one in counted if one.minute >= start]
                inside = [one for one in counted if any(first <= one.minute < end for first, end in spans)]
                truth = sum(one.amount - one.falls for one in counted)
                assert truth == self.sim.world.final_sum(
                    ACCOUNT, region, metric, start=start, end=self.clock() + HOUR
                ), 'the test and the simulator disagree'
                handed = self.handed(metric, region)
                explained = (metric, region, handed, truth, self.auditor.missed, self.since)
                assert handed <= truth + shrunk + sum(one.falls for one in inside), explained
                assert handed >= truth - sum(one.amount for one in inside), explained
                if not spans and not shrunk:
                    assert handed == truth, explained
            for name, (_, count, tags) in FOUND.items():
                counted = [one for one in self.amounts if (one.found, one.region) == (name, region)]
                counted = [one for one in counted if one.minute >= start]
                promised = [one for one in counted if one.minute >= self.known.get((region, name), self.clock())]
                missable = [*spans, *self.left_out]
                promised = [one for one in promised if not any(first <= one.minute < end for first, end in missable)]
                handed = self.watch.total(count, region, *tags)
                explained = (name, region, handed, counted, self.auditor.missed, self.since, self.known)
                assert sum(one.amount for one in promised) <= handed <= sum(one.amount for one in counted), explained


def slots(region: str) -> list[str]:
    """The keys of a Region in the Agent's cache, the newest document first, the note of what was handed over last."""
    keys = [key for key in datadog_agent._cache if f'_{region}_' in key]
    written = sorted(key for key in keys if not key.endswith('handed_over'))
    newest = max(written, key=lambda key: _sequence(datadog_agent._cache[key]), default=None)
    ordered = sorted(written, key=lambda key: key != newest)
    return ordered + [key for key in keys if key.endswith('handed_over')]


def _sequence(text: str) -> int:
    found = re.search(r'"sequence": (\d+)', text)
    return int(found[1]) if found else -1


def damage(kind: str, region: str) -> None:
    """What a full disk, a crash or a hand may do to the files of a Region."""
    keys, cache = slots(region), datadog_agent._cache
    for place, key in enumerate(keys):
        newest, note = place == 0, key.endswith('handed_over')
        if kind == 'newest torn' and newest and not note:
            cache[key] = cache[key][: len(cache[key]) // 2]
        elif kind == 'older garbled' and not newest and not note:
            cache[key] = cache[key].replace('0', '1')
        elif kind == 'newest lost' and newest and not note:
            del cache[key]
        elif kind == 'note lost' and note:
            del cache[key]
        elif kind == 'note garbled' and note:
            cache[key] = 'x'
        elif kind == 'all torn' and not note:
            cache[key] = cache[key][:40]
        elif kind == 'all lost':
            del cache[key]


@contextmanager
def story(**options: Any) -> Iterator[Story]:
    """A fresh Agent and a fresh AWS in which nothing happens but what the test puts there."""
    aggregator.reset()
    datadog_agent.reset()
    clock, auditor = Clock(START), Auditor()
    logging.getLogger().addHandler(auditor)
    try:
        with Simulator('idle', clock=clock) as sim:
            told = Story(sim, clock, auditor, **options)
            try:
                yield told
            finally:
                told.watch.check.cancel()
    finally:
        logging.getLogger().removeHandler(auditor)


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

DAMAGES = ('newest torn', 'older garbled', 'newest lost', 'note lost', 'note garbled', 'all torn', 'all lost')
EDITS = st.one_of(
    st.sampled_from([60, 300, 420, 900]).map(lambda value: {'period': value}),
    st.sampled_from([900, HOUR, 2 * HOUR]).map(lambda value: {'timeframe': value}),
    st.sampled_from([0, 60, 900]).map(lambda value: {'settle_delay': value}),
    st.sampled_from([HOUR, 6 * HOUR]).map(lambda value: {'backfill_limit': value}),
    st.sampled_from(['average', 'maximum', 'sum']).map(lambda value: {'statistic': value}),
)
CHOICES = {'include', 'exclude', 'max_series'}
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


FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
"""Each example runs the whole check some forty times, so there are few; the same each time, so that a build that
failed fails again. The ledger alone is searched far more widely in tests/unit/test_ledger.py. To have a failing
example made smaller, add Phase.shrink: that takes minutes."""


@FEW
@given(st.data())
def test_counts_add_up_through_everything(data: st.DataObject) -> None:
    """Whatever fails, comes late, is edited or damaged: what was handed over and given up is what CloudWatch holds."""
    steps = data.draw(STEPS)
    span = sum(one['pause'] for one in steps) + HOUR
    # Few queries in a request, so that there are several; and hours go by in less than a second.
    with (
        replaced(queries, 'MOST_QUERIES', 6),
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


def every_minute(minutes: int, delay: int = 0) -> list[Amount]:
    """One mail a minute in each Region, which bounces."""
    begin = int(START) // 60 * 60
    return [
        Amount(metric, region, begin + 60 * minute, 1, delay)
        for metric in METRICS
        for minute in range(minutes)
        for region in (REGION, OTHER)
    ]


def skipped(region: str = REGION) -> dict[str, float]:
    """`periods_skipped` by reason."""
    found: dict[str, float] = {}
    for one in aggregator.metrics('amazon_ses.collector.periods_skipped'):
        if f'region:{region}' in one.tags:
            (reason,) = (tag.partition(':')[2] for tag in one.tags if tag.startswith('reason:'))
            found[reason] = found.get(reason, 0) + one.value
    return found


def reported(told: Story, period: int = 300, region: str = REGION) -> dict[str, float]:
    """The periods that the log says were given up, by reason."""
    found: dict[str, float] = {}
    for one in told.auditor.missed:
        if one.region == region:
            found[one.reason] = found.get(one.reason, 0) + (one.end - one.start) / period
    return found


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
    'note of what was handed over lost': [{'damage': 'note lost', 'where': one} for one in (REGION, OTHER)],
    'note of what was handed over garbled': [{'damage': 'note garbled'}],
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


@pytest.mark.parametrize(('steps', 'reasons'), GIVEN_UP.values(), ids=GIVEN_UP)
def test_what_is_given_up_is_reported_once(steps: list[dict[str, Any]], reasons: set[str]) -> None:
    """What cannot be made up for is logged with its times, counted in `periods_skipped`, and never counted twice."""
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
            remembered = len(told.watch.check.memory.recall(Target(ACCOUNT, REGION)).ledger.booked)
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


# More than one Agent.


@contextmanager
def two_agents(minutes: int, delay: int = 0) -> Iterator[tuple[Story, Callable[[int, int, float], None]]]:
    """An HA pair, each Agent with its own cache: the story of both, and a way to give one of them some runs."""
    with story() as told:
        datadog_agent._config['ha_agent.enabled'] = True
        told.happens(every_minute(minutes, delay))
        caches: list[dict[str, str]] = [{}, {}]

        def turn(agent: int, runs: int, step: float) -> None:
            # The other Agent is another process, so it holds no claim in this one.
            told.watch.restart()
            datadog_agent._cache = caches[agent]
            for _ in range(runs):
                told.clock.advance(step)
                told.watch.run()

        yield told, turn


def test_an_agent_alone_counts_all() -> None:
    """With HA configured, an Agent that is never replaced counts everything from its `counting_since`, exactly."""
    with two_agents(180) as (told, turn):
        turn(0, 36, 300)
        turn(0, 6, 300)
        turn(0, 12, 300)
        since = told.watch.last('collector.counting_since')
        assert told.auditor.missed == []
        assert told.handed('Send', REGION) == told.watch.truth('Send', since)


def test_a_failover_gives_up_the_gap_and_reports_it() -> None:
    """When another Agent counted in between, the first goes on at a later boundary and reports what it left out."""
    with two_agents(400) as (told, turn):
        for agent in (0, 1, 0, 1):
            turn(agent, 12, 300)
        handed = told.handed('Send', REGION)
        assert 'failover' in reported(told)
        assert skipped() == reported(told)
        happened = told.watch.truth('Send', START, told.clock())
        # At each change of Agents nobody counts for some periods; all else is there.
        assert happened - 4 * 20 <= handed <= happened


@settings(FEW, max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 8), st.integers(60, 400)), max_size=8), st.integers(0, 600))
def test_agents_in_turn_never_count_twice(turns: list[tuple[int, int, int]], delay: int) -> None:
    """Agents that take turns, each for longer than two collections, hand over no amount twice."""
    with two_agents(sum(runs * step for _, runs, step in turns) // 60 + 30 * len(turns) + 60, delay) as (told, turn):
        for agent, runs, step in turns:
            turn(agent, runs, step)
            turn(agent, 4, 300)
        for region in (REGION, OTHER):
            assert told.handed('Send', region) <= told.watch.truth('Send', START, region=region)
