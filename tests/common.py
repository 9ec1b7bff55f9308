"""What the tests of the check share: how it is run through simulated time, and what it handed to the Agent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import enumerate as all_threads
from typing import Any

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Simulator

START = 1_790_000_040.0
"""Where the clocks of the tests begin: a minute that is no boundary of the default period."""

ACCOUNT = '123456789012'
REGION = 'us-east-1'
OTHER = 'eu-west-1'

# Planted, so that a test can look for them. The key is none of AWS's examples, which tools like to leave alone.
KEY = 'AKIAPLANTEDKEY000001'
SECRET = 'planted-secret-access-key'

PREFIX = 'amazon_ses.'


class Watch:
    """A check on simulated time, and everything that it handed over, over restarts.

    `skew` is by how much the check's clock is wrong. `counts_at_once` spares the check the run that only observes, as
    the first one of an Agent's process does. `restart` ends the check object and makes another one, which finds
    what the first one left in the Agent's cache.
    """

    def __init__(
        self,
        sim: Simulator,
        clock: Clock,
        aggregator: Any,
        instance: Mapping[str, Any],
        counts_at_once: bool = True,
    ) -> None:
        self.sim = sim
        self.clock = clock
        self.aggregator = aggregator
        self.instance = dict(instance)
        self.skew = 0.0
        self.counts_at_once = counts_at_once
        self._seen: dict[str, int] = {}
        self.check = self._made()

    def _made(self) -> AmazonSesCheck:
        check = AmazonSesCheck('amazon_ses', {}, [self.instance])
        check.clock = lambda: self.clock() + self.skew
        check.counts_at_once = self.counts_at_once
        return check

    # Time.

    def restart(self, **edited: Any) -> AmazonSesCheck:
        """What an Agent does for a restart or an edited configuration; an option that is None is taken away."""
        self.check.cancel()
        merged = {**self.instance, **edited}
        self.instance = {name: value for name, value in merged.items() if value is not None}
        self.check = self._made()
        return self.check

    def run(self) -> str:
        """One run. Returns what went wrong with it, or nothing."""
        report = self.check.run()
        return json.loads(report)[0]['message'] if report else ''

    def through(self, seconds: float, step: float = 60.0) -> None:
        """Run now, and every `step` seconds while less than `seconds` have passed. Every run must go well."""
        for _ in range(round(seconds / step)):
            assert self.run() == ''
            self.clock.advance(step)

    # What was handed over.

    def total(self, name: str, region: str = REGION, *tags: str) -> float:
        """The sum of everything that was submitted for a count."""
        wanted = {f'region:{region}', *tags}
        return sum(one.value for one in self.aggregator.metrics(PREFIX + name) if wanted <= set(one.tags))

    def values(self, name: str, region: str = REGION, *tags: str) -> list[float]:
        wanted = {f'region:{region}', *tags}
        return [one.value for one in self.aggregator.metrics(PREFIX + name) if wanted <= set(one.tags)]

    def last(self, name: str, region: str = REGION, *tags: str) -> float:
        return self.values(name, region, *tags)[-1]

    def fresh(self) -> dict[tuple[str, frozenset[str]], float]:
        """What was submitted since this was last asked, by name without prefix and tags other than account and Region.

        Values of a count are added up.
        """
        found: dict[tuple[str, frozenset[str]], float] = defaultdict(float)
        for full_name in self.aggregator.metric_names:
            submitted = self.aggregator.metrics(full_name)
            for one in submitted[self._seen.get(full_name, 0) :]:
                tags = frozenset(tag for tag in one.tags if not tag.startswith('aws_account:'))
                name = full_name.removeprefix(PREFIX), tags
                found[name] = found[name] + one.value if one.type == self.aggregator.COUNT else one.value
            self._seen[full_name] = len(submitted)
        return dict(found)

    def gauges_of_last_run(self, region: str = REGION) -> dict[str, float]:
        """The values without further tags that the next run submits in a Region, by name without prefix."""
        self.fresh()
        self.run()
        own = frozenset({f'region:{region}'})
        return {name: value for (name, tags), value in self.fresh().items() if tags == own}

    def status(self, name: str, region: str = REGION) -> tuple[int, str]:
        """Level and message of the newest service check of that name."""
        wanted = f'region:{region}'
        found = [one for one in self.aggregator.service_checks(PREFIX + name) if wanted in one.tags]
        return found[-1].status, found[-1].message

    def truth(self, metric: str, start: float, end: float | None = None, region: str = REGION, **more: Any) -> float:
        """What CloudWatch will finally hold of a metric in [start, end)."""
        end = self.clock() + 86400 if end is None else end
        return self.sim.world.final_sum(ACCOUNT, region, metric, start=start, end=end, **more)


def instance_of(sim: Simulator, **options: Any) -> dict[str, Any]:
    """An instance that asks the simulator; an option that is None is left out."""
    given = {
        'region': REGION,
        'endpoint_url': sim.endpoint_url,
        'aws_access_key_id': KEY,
        'aws_secret_access_key': SECRET,
        # The simulator is near, and a fault that hangs is to cost a test little.
        'connect_timeout': 5,
        'read_timeout': 5,
        **options,
    }
    if 'regions' in options:
        given.pop('region')
    return {name: value for name, value in given.items() if value is not None}


@contextmanager
def replaced(target: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute replaced for a while; for stubs of the Agent, inside examples that share their fixtures."""
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)


def wait_for_workers() -> None:
    """Wait until no worker of the check runs any more: a late one ends when its request does."""
    for thread in all_threads():
        if thread.name == 'amazon_ses':
            thread.join()


def names(pairs: Iterable[tuple[str, frozenset[str]]]) -> set[str]:
    return {name for name, _ in pairs}


def connected(aggregator: Any) -> tuple[int, str]:
    """Level and message of the newest can_connect."""
    newest = aggregator.service_checks('amazon_ses.can_connect')[-1]
    return newest.status, newest.message
