"""Trials of counting: the check runs in two Regions over hours, then its counts are compared with CloudWatch's sums."""

from __future__ import annotations

import logging
import os
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import strptime
from typing import Any, NamedTuple

from common import ACCOUNT, OTHER, REGION, START, Driver, instance_of
from hypothesis import HealthCheck, Phase, settings

from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Fault, Simulator, series_id

HOUR = 3600
METRICS = {'Send': 'send.count', 'Bounce': 'bounce.count'}
EXPECTED_ERRORS = ('Nothing can be read from AWS:', 'The AWS account is not known.')
"""Errors of a run that AWS caused. Any other error is a defect of the check."""


class ListedSeries(NamedTuple):
    """Series that only listing discovers: `Send` by some dimensions, and the count and tags that they become."""

    dimensions: dict[str, str]
    count: str
    tags: tuple[str, ...]


def _configuration_set(name: str) -> ListedSeries:
    return ListedSeries({'ses:configuration-set': name}, 'configuration_set.send.count', (f'configuration_set:{name}',))


LISTED: dict[str, ListedSeries] = {
    'news': _configuration_set('news'),
    'login': _configuration_set('login'),
    'other': ListedSeries({'campaign': 'a, b'}, 'unrecognized.count', ('campaign:a, b',)),
    'address': ListedSeries(
        {'ses:from-address': 'ann@example.com'}, 'unrecognized.count', ('identity_type:email_address',)
    ),
    'later': _configuration_set('later'),
}
"""The listed series of a trial by name. The last series has no amount before the trial begins."""

SELECTION_OPTIONS = {'include', 'exclude', 'max_series'}
"""The options that select among the listed series."""

COLLECTED = ('configuration_sets', 'unrecognized')

LISTED_WITHIN = 2 * 900 + 60
"""Seconds from when CloudWatch shows the first amount of a series until the check has read a listing with it."""

SKIPPED = re.compile(r'Counts of (\d{12}) in (\S+) (?:miss|are not known for) (\S+)Z to (\S+)Z \((\w+)\)\.')

FEW_EXAMPLES = settings(
    max_examples=int(os.environ.get('TRIALS', '8')),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
"""Few examples, because each runs the whole check some forty times, and the same examples in every build.
tests/unit/test_ledger.py searches the ledger far more widely; `TRIALS=100` in the environment gives these more. Add
Phase.shrink to reduce a failing example; that takes minutes."""


class Amount(NamedTuple):
    """A number of events in one minute.

    CloudWatch shows it `delay` seconds after that minute and takes `lowered` of it back ten minutes later. `series` is
    the name of the listed series that it belongs to, or empty for the account's own.
    """

    metric: str
    region: str
    minute: int
    amount: int
    delay: int
    lowered: int = 0
    series: str = ''

    @property
    def visible_at(self) -> float:
        return self.minute + self.delay


class SkippedPeriods(NamedTuple):
    """Periods whose amounts were given up, according to the log."""

    region: str
    start: int
    end: int
    reason: str


class Auditor(logging.Handler):
    """Collects the skipped periods that the log reports."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.skipped: list[SkippedPeriods] = []

    def emit(self, record: logging.LogRecord) -> None:
        match = SKIPPED.fullmatch(record.getMessage())
        if match:
            account, region, *times, reason = match.groups()
            assert account == ACCOUNT
            start, end = (timegm(strptime(time, '%Y-%m-%dT%H:%M:%S')) for time in times)
            self.skipped.append(SkippedPeriods(region, start, end, reason))


Span = tuple[float, float]


def _inside(amount: Amount, spans: list[Span]) -> bool:
    return any(start <= amount.minute < end for start, end in spans)


class Trial:
    """The check in two Regions with amounts that happened, and the comparison of its counts with them.

    `counting_since` holds every value of that metric by Region. `listed_since` holds the time from which each listed
    series must be counted whole. `unselected` are spans in which the selection options left listed series out.
    """

    def __init__(self, sim: Simulator, clock: Clock, auditor: Auditor, **options: Any) -> None:
        self.sim, self.clock, self.auditor = sim, clock, auditor
        instance = {'regions': [REGION, OTHER], 'collect': ['cloudwatch'], **options}
        self.driver = Driver(sim, clock, aggregator, instance_of(sim, **instance))
        self.amounts: list[Amount] = []
        self.counting_since: dict[str, list[float]] = {REGION: [], OTHER: []}
        self.listed_since: dict[tuple[str, str], float] = {}
        self.unselected: list[Span] = []
        self._last_discovery = clock()
        # While a selection is in force: its beginning, and the last discovery before it.
        self._selection: tuple[float, float] | None = None

    def add(self, amounts: list[Amount]) -> None:
        for amount in amounts:
            dimensions = LISTED[amount.series].dimensions if amount.series else {}
            series = series_id(amount.metric, dimensions)
            self.sim.world.put(ACCOUNT, amount.region, series, amount.minute, amount.amount, amount.visible_at)
            if amount.lowered:
                lowered_at = amount.visible_at + 600
                self.sim.world.shrink(ACCOUNT, amount.region, series, amount.minute, amount.lowered, lowered_at)
        self.amounts += amounts

    def run(self) -> None:
        report = self.driver.run()
        assert not report or report.startswith(EXPECTED_ERRORS)
        for region, starts in self.counting_since.items():
            values = self.driver.values('collector.counting_since', region)
            if values and (not starts or starts[-1] != values[-1]):
                starts.append(values[-1])
                # The Region has a new state and therefore no listing.
                self.listed_since = {key: since for key, since in self.listed_since.items() if key[0] != region}

    def run_for(self, seconds: float, step: float = 300) -> None:
        for _ in range(int(seconds // step)):
            self.run()
            self.clock.advance(step)

    def settle(self) -> None:
        """Run without faults and without skew until every amount has arrived and an edit of `period` is in force."""
        self.sim.faults.clear()
        self.driver.skew = 0.0
        self.restart(**dict.fromkeys(SELECTION_OPTIONS))
        for _ in range(20):
            self.clock.advance(1500)
            self.run()

    def restart(self, **edited: Any) -> None:
        """Restart with options edited.

        Series that a selection leaves out for less than an hour miss nothing, unless `period` is edited.
        """
        self.driver.restart(**edited)
        if SELECTION_OPTIONS & self.driver.instance.keys():
            self._selection = self._selection or (self.clock(), self._last_discovery)
        elif self._selection is not None:
            begin, last_discovery = self._selection
            if self.clock() - begin > HOUR or 'period' in self.driver.instance:
                self.unselected.append((last_discovery - HOUR, self.clock()))
            self._selection = None

    def discover(self) -> None:
        """Run once more to read the series listed in the last run, and note which must be counted from now on."""
        if self.sim.faults or self.driver.skew or SELECTION_OPTIONS & self.driver.instance.keys():
            return
        self.clock.advance(60)
        self.run()
        self._last_discovery = self.clock()
        for region in self.counting_since:
            for name in LISTED:
                shown = [
                    amount.visible_at for amount in self.amounts if (amount.series, amount.region) == (name, region)
                ]
                if shown and min(shown) + LISTED_WITHIN <= self.clock() - 60:
                    self.listed_since.setdefault((region, name), self.clock())

    def play(self, step: Mapping[str, Any]) -> None:
        """Apply a step of a test (pause, skew, fault, damage, edit, restart), then run."""
        self.clock.advance(step.get('pause', 300))
        self.driver.skew = step.get('skew', 0)
        self.sim.faults.clear()
        if step.get('fault'):
            kind, argument, *filters = step['fault']
            filters = filters[0] if filters else {}
            self.sim.faults.add(Fault(kind, region=step.get('where'), argument=argument, **filters))
        if step.get('damage'):
            damage_state(step['damage'], step.get('where') or REGION)
        if step.get('restart') or step.get('edit') or step.get('damage'):
            self.restart(**(step.get('edit') or {}))
        self.run()
        if any(amount.series for amount in self.amounts):
            self.discover()

    def submitted(self, metric: str, region: str) -> float:
        return self.driver.total(METRICS[metric], region)

    def verify(self) -> None:
        """No count exceeds the truth and `amounts_shrunk`, and each falls short by reported periods only."""
        for region, starts in self.counting_since.items():
            if not starts:
                assert all(self.submitted(metric, region) == 0 for metric in METRICS)
                continue
            spans = [(skip.start, skip.end) for skip in self.auditor.skipped if skip.region == region]
            # A new `counting_since` means that the whole state was lost; amounts before it may be missing.
            spans += [(0, start) for start in starts[1:]]
            for metric in METRICS:
                self._verify_metric(metric, region, spans)
            for name in LISTED:
                self._verify_listed(name, region, spans)

    def _amounts(self, metric: str, region: str, series: str) -> list[Amount]:
        key, start = (metric, region, series), self.counting_since[region][0]
        return [
            amount
            for amount in self.amounts
            if (amount.metric, amount.region, amount.series) == key and amount.minute >= start
        ]

    def _verify_metric(self, metric: str, region: str, spans: list[Span]) -> None:
        amounts, start = self._amounts(metric, region, ''), self.counting_since[region][0]
        excess = self.driver.values('collector.amounts_shrunk', region)
        skipped = [amount for amount in amounts if _inside(amount, spans)]
        truth = sum(amount.amount - amount.lowered for amount in amounts)
        assert truth == self.sim.world.final_sum(ACCOUNT, region, metric, start=start, end=self.clock() + HOUR), (
            'the test and the simulator disagree'
        )
        submitted = self.submitted(metric, region)
        explanation = (metric, region, submitted, truth, self.auditor.skipped, self.counting_since)
        assert submitted <= truth + sum(amount.lowered for amount in amounts), explanation
        assert max(excess, default=0.0) <= sum(amount.lowered for amount in self.amounts), explanation
        assert submitted >= truth - sum(amount.amount for amount in skipped), explanation
        if not spans and not any(excess):
            assert submitted == truth, explanation

    def _verify_listed(self, name: str, region: str, spans: list[Span]) -> None:
        amounts, since = self._amounts('Send', region, name), self.listed_since.get((region, name), self.clock())
        gaps = [*spans, *self.unselected]
        certain = [amount for amount in amounts if amount.minute >= since and not _inside(amount, gaps)]
        submitted = self.driver.total(LISTED[name].count, region, *LISTED[name].tags)
        explanation = (name, region, submitted, amounts, self.auditor.skipped, self.counting_since, self.listed_since)
        assert sum(amount.amount for amount in certain) <= submitted, explanation
        assert submitted <= sum(amount.amount for amount in amounts), explanation


def _cache_keys(region: str) -> list[str]:
    """The keys of a Region in the Agent's cache: the newest state, older states, the note of the last submission."""
    keys = [key for key in datadog_agent._cache if f'_{region}_' in key]
    states = sorted(key for key in keys if key[-1] in '01')
    newest = max(states, key=lambda key: _sequence(datadog_agent._cache[key]), default=None)
    ordered = sorted(states, key=lambda key: key != newest)
    return ordered + [key for key in keys if 'handed_over' in key]


def _sequence(text: str) -> int:
    match = re.search(r'"sequence": (\d+)', text)
    return int(match[1]) if match else -1


def damage_state(kind: str, region: str) -> None:
    """Damage the saved state of a Region as a full disk, a crash or an edit by hand may do."""
    keys, cache = _cache_keys(region), datadog_agent._cache
    for position, key in enumerate(keys):
        newest, note, first_note = position == 0, 'handed_over' in key, key.endswith('handed_over')
        if kind == 'newest torn' and newest and not note:
            cache[key] = cache[key][: len(cache[key]) // 2]
        elif kind == 'older garbled' and not newest and not note:
            cache[key] = cache[key].replace('0', '1')
        elif kind == 'newest lost' and newest and not note:
            del cache[key]
        elif kind == 'newest and notes lost' and (newest or note):
            del cache[key]
        elif kind == 'note lost' and first_note:
            del cache[key]
        elif kind == 'note garbled' and first_note:
            cache[key] = 'x'
        elif kind == 'all torn' and not note:
            cache[key] = cache[key][:40]
        elif kind == 'all lost':
            del cache[key]


@contextmanager
def new_trial(**options: Any) -> Iterator[Trial]:
    """A trial with an empty Agent and an AWS in which nothing happens except the amounts that the test adds."""
    aggregator.reset()
    datadog_agent.reset()
    clock, auditor = Clock(START), Auditor()
    logging.getLogger().addHandler(auditor)
    try:
        with Simulator('idle', clock=clock) as sim:
            trial = Trial(sim, clock, auditor, **options)
            try:
                yield trial
            finally:
                trial.driver.check.cancel()
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


def submitted_skips(region: str = REGION) -> dict[str, float]:
    """The sum of `periods_skipped` and `periods_unknown` by reason."""
    skips: dict[str, float] = {}
    prefix = 'amazon_ses.collector.periods_'
    for sample in (*aggregator.metrics(f'{prefix}skipped'), *aggregator.metrics(f'{prefix}unknown')):
        if f'region:{region}' in sample.tags:
            (reason,) = (tag.partition(':')[2] for tag in sample.tags if tag.startswith('reason:'))
            skips[reason] = skips.get(reason, 0) + sample.value
    return skips


def logged_skips(trial: Trial, period: int = 300, region: str = REGION) -> dict[str, float]:
    """The number of skipped periods by reason, according to the log."""
    skips: dict[str, float] = {}
    for skip in trial.auditor.skipped:
        if skip.region == region:
            skips[skip.reason] = skips.get(skip.reason, 0) + (skip.end - skip.start) / period
    return skips
