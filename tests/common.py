"""Shared by the tests of the check: a driver that runs it through simulated time and reads what it submitted."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import enumerate as all_threads
from typing import Any

from datadog_checks.amazon_ses import AmazonSesCheck, threads
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES
from datadog_checks.amazon_ses.model import Sample, Status
from simulator import Clock, Simulator, series_id

START = 1_790_000_040.0
"""The clocks of the tests begin here: at a full minute that is no boundary of the default period."""

ACCOUNT = '123456789012'
REGION = 'us-east-1'
OTHER = 'eu-west-1'

# Tests search logs and state for these two. AWS's example keys would not do: secret scanners ignore them.
KEY = 'AKIAPLANTEDKEY000001'
SECRET = 'planted-secret-access-key'

PREFIX = 'amazon_ses.'

ACCOUNT_METRICS = len(ACCOUNT_SERIES)
"""Number of the CloudWatch metrics that are read for each account and Region."""


class Driver:
    """Runs a check on simulated time and reads everything that it submitted, across restarts.

    `skew` is the error of the check's clock in seconds. `counts_at_once` spares the check the run that only observes,
    as the first one of an Agent's process does. `restart` ends the check object and makes a new one, which reads the
    state that the first left in the Agent's cache.
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
        self._read_samples: dict[str, int] = {}
        self.check = self._new_check()

    def _new_check(self) -> AmazonSesCheck:
        check = AmazonSesCheck('amazon_ses', {}, [self.instance])
        check.clock = lambda: self.clock() + self.skew
        check.counts_at_once = self.counts_at_once
        check.clock_is_turned = True
        return check

    # Time.

    def restart(self, **edited: Any) -> AmazonSesCheck:
        """Restart as the Agent does, with options edited; an option that is None is removed."""
        self.check.cancel()
        merged = {**self.instance, **edited}
        self.instance = {name: value for name, value in merged.items() if value is not None}
        self.check = self._new_check()
        return self.check

    def run(self) -> str:
        """Run once and return the error message of the run, empty if it succeeded."""
        report = self.check.run()
        return json.loads(report)[0]['message'] if report else ''

    def run_for(self, seconds: float, step: float = 60.0) -> None:
        """Run now and every `step` seconds until `seconds` have passed. Every run must succeed."""
        for _ in range(round(seconds / step)):
            message = self.run()
            assert message == '', message
            self.clock.advance(step)

    # Submissions.

    def _samples(self, full_name: str) -> Sequence[Any]:
        """The samples of a metric as they are kept: `metrics` of the stub copies all of them in each call."""
        samples: Sequence[Any] = self.aggregator._metrics.get(full_name, ())
        return samples

    def total(self, name: str, region: str = REGION, *tags: str) -> float:
        """The sum of all samples of a count."""
        return sum(self.values(name, region, *tags))

    def values(self, name: str, region: str = REGION, *tags: str) -> list[float]:
        """The values of all samples of a metric that carry these tags, oldest first."""
        required = {f'region:{region}', *tags}
        return [sample.value for sample in self._samples(PREFIX + name) if required.issubset(sample.tags)]

    def totals(self, name: str, tag_key: str, region: str = REGION) -> dict[str, float]:
        """The sum of all samples of a count, by the value of a tag."""
        totals: dict[str, float] = defaultdict(float)
        for sample in self._samples(PREFIX + name):
            if f'region:{region}' in sample.tags:
                tags = dict(tag.split(':', 1) for tag in sample.tags)
                totals[tags.get(tag_key, '')] += sample.value
        return dict(totals)

    def last(self, name: str, region: str = REGION, *tags: str) -> float:
        return self.values(name, region, *tags)[-1]

    def new_values(self) -> dict[tuple[str, frozenset[str]], float]:
        """Values submitted since the previous call, by name without prefix and tags other than the account's.

        Values of a count are added up.
        """
        values: dict[tuple[str, frozenset[str]], float] = defaultdict(float)
        for full_name in self.aggregator.metric_names:
            samples = self._samples(full_name)
            for sample in samples[self._read_samples.get(full_name, 0) :]:
                tags = frozenset(tag for tag in sample.tags if not tag.startswith('aws_account:'))
                key = full_name.removeprefix(PREFIX), tags
                values[key] = values[key] + sample.value if sample.type == self.aggregator.COUNT else sample.value
            self._read_samples[full_name] = len(samples)
        return dict(values)

    def gauges_of_next_run(self, region: str = REGION) -> dict[str, float]:
        """Run once and return the values that it submits for a Region without further tags, by name without prefix."""
        self.new_values()
        self.run()
        region_only = frozenset({f'region:{region}'})
        return {name: value for (name, tags), value in self.new_values().items() if tags == region_only}

    def status(self, name: str, region: str = REGION) -> tuple[int, str]:
        """Level and message of the newest service check of that name."""
        region_tag = f'region:{region}'
        newest = [sample for sample in self.aggregator.service_checks(PREFIX + name) if region_tag in sample.tags][-1]
        return newest.status, newest.message

    def cloudwatch_sum(
        self, metric: str, start: float, end: float | None = None, region: str = REGION, **more: Any
    ) -> float:
        """The final sum of a metric in CloudWatch over [start, end), late amounts included."""
        end = self.clock() + 86400 if end is None else end
        return self.sim.world.final_sum(ACCOUNT, region, series_id(metric, **more), start, end)


def instance_of(sim: Simulator, **options: Any) -> dict[str, Any]:
    """An instance that reads from the simulator; an option that is None is left out."""
    instance = {
        'region': REGION,
        'endpoint_url': sim.endpoint_url,
        'aws_access_key_id': KEY,
        'aws_secret_access_key': SECRET,
        # Short, because the simulator is local and a request that hangs should not slow the test down.
        'connect_timeout': 5,
        'read_timeout': 5,
        **options,
    }
    if 'regions' in options:
        instance.pop('region')
    return {name: value for name, value in instance.items() if value is not None}


@contextmanager
def replace_attribute(target: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute inside the block. Unlike monkeypatch it works per example of a property-based test."""
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)


def workers() -> int:
    """How many threads of the check perform something."""
    return sum(thread.name == threads.BUSY for thread in all_threads())


def wait_for_workers(number: int = 0, seconds: float = 60.0) -> None:
    """Wait until at most this number of threads of the check perform something; a late one does until its request
    ends."""
    deadline = time.monotonic() + seconds
    while workers() > number:
        assert time.monotonic() < deadline, 'something is still under way'
        time.sleep(0.001)


def metric_names(pairs: Iterable[tuple[str, frozenset[str]]]) -> set[str]:
    return {name for name, _ in pairs}


def connection_status(aggregator: Any) -> tuple[int, str]:
    """Level and message of the newest can_connect."""
    newest = aggregator.service_checks('amazon_ses.can_connect')[-1]
    return newest.status, newest.message


MakeDriver = Callable[..., Driver]
StartSimulator = Callable[..., Simulator]


def values_by_name(readings: Iterable[Sample | Status]) -> dict[Any, Any]:
    """The values of samples by name and tags, and the level of a status by its name; no sample comes twice."""
    values: dict[Any, Any] = {}
    for reading in readings:
        if isinstance(reading, Sample):
            key: Any = (reading.metric.name, *reading.tags) if reading.tags else reading.metric.name
            assert key not in values
            values[key] = reading.value
        else:
            values[reading.spec.name] = reading.level
    return values
