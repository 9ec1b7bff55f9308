"""A soak: weeks of simulated time with faults, gaps, restarts and rotated keys, in minutes.

Everything that happened is compared with everything that was submitted, and memory, threads and descriptors of the
process are measured once a simulated day.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from common import ACCOUNT, OTHER, REGION, START
from counting_trials import HOUR, METRICS, Amount, Auditor, Span, Trial

from datadog_checks.base.stubs import aggregator
from simulator import Clock, Fault, Simulator

DAY = 24 * HOUR
STEP = 300
"""Seconds between two runs."""

LOOKBACK = 2 * HOUR
"""Seconds before a long gap of which late amounts may be given up with it."""

FAULTS = (
    *(
        'throttle',
        'denied',
        'server_error',
        'unavailable',
        'expired_token',
        'reset',
        'close',
        'truncate',
        'empty',
        'html',
    ),
    *('garbage', 'partial', 'missing_results', 'empty_results'),
)
OPERATIONS = (None, 'GetMetricData', 'GetAccount', 'ListMetrics', 'AssumeRole', 'GetSendStatistics')


class Usage(NamedTuple):
    """What the process uses: bytes of memory, threads, open descriptors."""

    memory: int
    threads: int
    descriptors: int


def usage() -> Usage:
    gc.collect()
    pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    return Usage(pages * os.sysconf('SC_PAGE_SIZE'), threading.active_count(), len(os.listdir('/proc/self/fd')))


class Soak(Trial):
    """A trial that forgets what was submitted, apart from its sums, so that its memory does not grow with time."""

    def __init__(self, sim: Simulator, clock: Clock, auditor: Auditor, keys: Path, seed: int, **options: Any) -> None:
        super().__init__(sim, clock, auditor, aws_access_key_id=None, aws_secret_access_key=None, **options)
        self.usages: list[Usage] = []
        self.happened: dict[str, int] = defaultdict(int)
        self.long_gaps: list[Span] = []
        self.driver.check.monotonic = clock
        self._random = Random(seed)
        self._keys = keys
        self._sums: dict[tuple[str, str], float] = defaultdict(float)
        self._fault_ends = 0.0
        self._key_number = 0
        self.rotate()

    def rotate(self) -> None:
        """Give the profile a new key. No request may be signed with another one from the next run on."""
        self._key_number += 1
        self.key = f'AKIASOAKKEY{self._key_number:09}'
        self.sim.accounts.add(self.key, ACCOUNT)
        self._keys.write_text(f'[mail]\naws_access_key_id = {self.key}\naws_secret_access_key = a-secret\n')
        self.happened['rotated keys'] += 1

    def submitted(self, metric: str, region: str) -> float:
        return self._sums[METRICS[metric], region]

    def run(self) -> None:
        """Run, add up the counts, and forget the rest."""
        super().run()
        for (name, tags), value in self.driver.new_values().items():
            if name in METRICS.values():
                (region,) = (tag.removeprefix('region:') for tag in tags if tag.startswith('region:'))
                self._sums[name, region] += value
        strangers = {request.access_key for request in self.sim.log if request.operation == 'AssumeRole'} - {self.key}
        assert not strangers, (strangers, self.key)
        self.sim.log.clear()
        aggregator.reset()
        self.driver._read_samples.clear()
        self.happened['runs'] += 1

    def restart(self, **edited: Any) -> None:
        super().restart(**edited)
        self.driver.check.monotonic = self.clock

    def verify(self) -> None:
        """Every count is exact but for reported periods, and these are of long gaps."""
        super().verify()
        for skip in self.auditor.skipped:
            assert any(begin - LOOKBACK <= skip.start and skip.end <= end for begin, end in self.long_gaps), skip

    def live(self, days: float) -> None:
        """Run for so many days, through whatever comes."""
        end, next_usage = self.clock() + days * DAY, self.clock()
        while self.clock() < end:
            self._happen()
            self.run()
            if self.clock() >= next_usage:
                self._measure()
                next_usage += DAY
            self.clock.advance(STEP)
        self.settle()
        self._measure()

    def _measure(self) -> None:
        """Add what the process uses without what the pretend AWS remembers of the traffic of past hours."""
        self.sim.world.forget()
        self.usages.append(usage())

    def _happen(self) -> None:
        """Let something happen once in a while: a fault for up to 40 minutes, a gap, a restart, a new key."""
        if self.clock() >= self._fault_ends:
            self.sim.faults.clear()
        dice = self._random.random()
        if dice < 0.03 and not self.sim.faults:
            kind = self._random.choice(FAULTS)
            where = self._random.choice((None, REGION, OTHER))
            self.sim.faults.add(Fault(kind, operation=self._random.choice(OPERATIONS), region=where))
            self._fault_ends = self.clock() + self._random.uniform(STEP, 2400)
            self.happened['faults'] += 1
        elif dice < 0.035:
            self.clock.advance(self._random.uniform(STEP, 2 * HOUR))
            self.happened['gaps'] += 1
        elif dice < 0.036:
            # Longer than `backfill_limit`: what is given up is reported, and that explains the difference.
            begin = self.clock()
            self.clock.advance(5 * HOUR)
            self.long_gaps.append((begin, self.clock()))
            self.happened['gaps beyond backfill_limit'] += 1
        elif dice < 0.043:
            self.restart()
            self.happened['restarts'] += 1
        elif dice < 0.047:
            self.sim.accounts.expire_tokens()
            self.happened['revoked sessions'] += 1
        elif dice < 0.050:
            self.rotate()


def traffic(days: float, seed: int) -> list[Amount]:
    """Mails and bounces in both Regions at odd times, late by up to a quarter of an hour."""
    random, begin = Random(seed), int(START) // 60 * 60
    return [
        Amount(metric, region, begin + 60 * minute, random.randint(1, 50), random.randint(0, 900))
        for region in (REGION, OTHER)
        for metric in METRICS
        for minute in range(int(days * 1440))
        if random.random() < 0.1
    ]
