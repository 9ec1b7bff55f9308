"""Promise P1 for the whole check over HTTP: what was handed over and what was given up is what CloudWatch holds.

The pure counterpart is tests/unit/test_ledger.py. Here the amounts are put into the simulator, the check asks for them
as it asks AWS, and only what an operator sees is compared: counts, `counting_since`, `periods_skipped`,
`amounts_shrunk` and the warnings in the log.
"""

from __future__ import annotations

import logging
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import strptime
from typing import Any, NamedTuple

import pytest
from common import ACCOUNT, OTHER, REGION, START, Watch, instance_of
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Fault, Simulator

pytestmark = pytest.mark.usefixtures('no_waiting')

HOUR = 3600
METRICS = {'Send': 'send.count', 'Bounce': 'bounce.count'}
FAILED_RUN = ('Nothing can be read from AWS:', 'The AWS account is not known.')
"""How a run ends that could not ask AWS. Any other end is a mistake of ours."""

MISSED = re.compile(r'Counts of (\d{12}) in (\S+) miss (\S+)Z to (\S+)Z \((\w+)\)\.')
LONGEST_WAIT = 3 * HOUR
"""Seconds before the loss of a state within which amounts may be missing: the longest `timeframe` and some periods."""


class Amount(NamedTuple):
    """What happened, and when CloudWatch shows it: `delay` seconds after its minute. `falls` is taken back `at`."""

    metric: str
    region: str
    minute: int
    amount: int
    delay: int
    falls: int = 0


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
        self.since: dict[str, list[tuple[float, float]]] = {REGION: [], OTHER: []}
        self.shrunk = 0.0

    def happens(self, amounts: list[Amount]) -> None:
        for one in amounts:
            visible = one.minute + one.delay
            self.sim.world.put(ACCOUNT, one.region, one.metric, one.minute, one.amount, visible_at=visible)
            if one.falls:
                self.sim.world.shrink(ACCOUNT, one.region, one.metric, one.minute, one.falls, at=visible + 600)
        self.amounts += amounts

    def run(self) -> None:
        report = self.watch.run()
        assert not report or report.startswith(FAILED_RUN)
        for region, seen in self.since.items():
            values = self.watch.values('collector.counting_since', region)
            if values and (not seen or seen[-1][1] != values[-1]):
                seen.append((self.clock(), values[-1]))

    def through(self, seconds: float, step: float = 300) -> None:
        for _ in range(int(seconds // step)):
            self.run()
            self.clock.advance(step)

    def settle(self) -> None:
        """Right clock, no faults, until nothing can arrive any more and an edit of `period` has taken place."""
        self.sim.faults.clear()
        self.watch.skew = 0.0
        for _ in range(20):
            self.clock.advance(1500)
            self.run()

    def step(self, one: Mapping[str, Any]) -> None:
        self.clock.advance(one.get('pause', 300))
        self.watch.skew = one.get('skew', 0)
        self.sim.faults.clear()
        if one.get('fault'):
            kind, argument = one['fault']
            self.sim.faults.add(Fault(kind, region=one.get('where'), argument=argument))
        if one.get('damage'):
            damage(one['damage'], one.get('where') or REGION)
        if one.get('restart') or one.get('edit') or one.get('damage'):
            self.watch.restart(**(one.get('edit') or {}))
        self.run()

    def handed(self, metric: str, region: str) -> float:
        return self.watch.total(METRICS[metric], region)

    def check(self) -> None:
        """For each series: never more than the truth and what shrank; and less only by what was reported."""
        for region, seen in self.since.items():
            shrunk = self.watch.total('collector.amounts_shrunk', region)
            if not seen:
                assert all(self.handed(metric, region) == 0 for metric in METRICS)
                continue
            start = seen[0][1]
            spans = [(one.start, one.end) for one in self.auditor.missed if one.region == region]
            # A new `counting_since` says that the whole state was lost: nothing is promised of what came just before.
            spans += [(at - LONGEST_WAIT - HOUR, later) for at, later in self.lost(region)]
            for metric in METRICS:
                counted = [one for one in self.amounts if (one.metric, one.region) == (metric, region)]
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

    def lost(self, region: str) -> Iterator[tuple[float, float]]:
        """When the state was lost, as far as can be told, and where counting began anew."""
        times = [at for at, where in self.losses if where == region]
        for at, later in self.since[region][1:]:
            yield max((one for one in times if one <= at), default=at), later

    @property
    def losses(self) -> list[tuple[float, str]]:
        return _losses


_losses: list[tuple[float, str]] = []


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
    _losses.clear()
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
    ('partial', None),
    ('partial', {'every': 1, 'token': True}),
    ('internal_error', 3),
    ('forbidden', 2),
    ('missing_results', None),
    ('wrong_ids', 2),
    ('empty_results', None),
    ('token_loop', None),
)
DAMAGES = ('newest torn', 'older garbled', 'newest lost', 'note lost', 'note garbled', 'all torn', 'all lost')
EDITS = st.one_of(
    st.sampled_from([60, 300, 420, 900]).map(lambda value: {'period': value}),
    st.sampled_from([900, HOUR, 2 * HOUR]).map(lambda value: {'timeframe': value}),
    st.sampled_from([0, 60, 900]).map(lambda value: {'settle_delay': value}),
    st.sampled_from([HOUR, 6 * HOUR]).map(lambda value: {'backfill_limit': value}),
    st.sampled_from(['average', 'maximum', 'sum']).map(lambda value: {'statistic': value}),
)
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            'pause': st.one_of(st.just(300), st.integers(20, 900), st.integers(900, 5 * HOUR)),
            'fault': st.sampled_from(FAULTS),
            'where': st.sampled_from([None, REGION, OTHER]),
            'skew': st.one_of(st.just(0), st.just(0), st.integers(-6 * HOUR, 6 * HOUR)),
            'restart': st.booleans(),
            'edit': st.one_of(st.none(), st.none(), st.none(), EDITS),
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


FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
"""Each example runs the whole check some forty times, so there are few; the same each time, so that a build that
failed fails again. The ledger alone is searched far more widely in tests/unit/test_ledger.py."""


@FEW
@given(st.data())
def test_counts_add_up_through_everything(data: st.DataObject) -> None:
    """Whatever fails, comes late, is edited or damaged: what was handed over and given up is what CloudWatch holds."""
    steps = data.draw(STEPS)
    with story() as told:
        told.happens(data.draw(amounts(sum(one['pause'] for one in steps) + HOUR)))
        told.run()
        for one in steps:
            if one['damage']:
                _losses.append((told.clock(), one['where'] or REGION))
            told.step(one)
        told.settle()
        told.check()
