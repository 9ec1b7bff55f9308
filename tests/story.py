"""The check in two Regions from its first run to the last amount, and the account of it: for the tests of counting."""

from __future__ import annotations

import logging
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import strptime
from typing import Any, NamedTuple

from common import ACCOUNT, OTHER, REGION, START, Watch, instance_of
from hypothesis import HealthCheck, Phase, settings

from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Fault, Simulator

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

CHOICES = {'include', 'exclude', 'max_series'}
"""The options that choose among what was found."""

COLLECTED = ('configuration_sets', 'unrecognized')

LISTED_WITHIN = 2 * 900 + 60
"""Seconds after its first amount was shown until a series is listed and the list is read."""

MISSED = re.compile(r'Counts of (\d{12}) in (\S+) (?:miss|are not known for) (\S+)Z to (\S+)Z \((\w+)\)\.')


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
    """The keys of a Region in the cache: the newest document first, then the records of what was handed over."""
    keys = [key for key in datadog_agent._cache if f'_{region}_' in key]
    written = sorted(key for key in keys if key[-1] in '01')
    newest = max(written, key=lambda key: _sequence(datadog_agent._cache[key]), default=None)
    ordered = sorted(written, key=lambda key: key != newest)
    return ordered + [key for key in keys if 'handed_over' in key]


def _sequence(text: str) -> int:
    found = re.search(r'"sequence": (\d+)', text)
    return int(found[1]) if found else -1


def damage(kind: str, region: str) -> None:
    """What a full disk, a crash or a hand may do to the files of a Region."""
    keys, cache = slots(region), datadog_agent._cache
    for place, key in enumerate(keys):
        newest, note = place == 0, 'handed_over' in key
        first = key.endswith('handed_over')
        if kind == 'newest torn' and newest and not note:
            cache[key] = cache[key][: len(cache[key]) // 2]
        elif kind == 'older garbled' and not newest and not note:
            cache[key] = cache[key].replace('0', '1')
        elif kind == 'newest lost' and newest and not note:
            del cache[key]
        elif kind == 'newest and notes lost' and (newest or note):
            del cache[key]
        elif kind == 'note lost' and first:
            del cache[key]
        elif kind == 'note garbled' and first:
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
    """`periods_skipped` and `periods_unknown` by reason."""
    found: dict[str, float] = {}
    for one in (
        *aggregator.metrics('amazon_ses.collector.periods_skipped'),
        *aggregator.metrics('amazon_ses.collector.periods_unknown'),
    ):
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
