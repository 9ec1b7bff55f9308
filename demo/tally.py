"""Everything that an Agent would have received over many runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from standalone.model import Run, Sample, ServiceCheck


class Key(NamedTuple):
    """One series as the Agent distinguishes it. `tags` are without account and Region."""

    name: str
    region: str
    tags: tuple[str, ...] = ()


REQUEST_ID = re.compile(r'request id [0-9a-f-]{36}')
"""What differs in each message about the same failure."""


class Change(NamedTuple):
    """A service check that differs from the run before."""

    time: float
    level: str
    message: str

    def is_like(self, other: Change) -> bool:
        """Whether both say the same, apart from the request id."""
        return self.level == other.level and REQUEST_ID.sub('', self.message) == REQUEST_ID.sub('', other.message)


@dataclass
class Tally:
    """Everything that was submitted so far: the newest value of each gauge, the total of each count, the changes.

    `submitted_at` is the time of each newest value. `series` and `statuses` have each sample with its time, with the
    keys of `tools.boards.recording.Recording`.
    """

    runs: int = 0
    samples: int = 0
    last: dict[Key, float] = field(default_factory=dict)
    submitted_at: dict[Key, float] = field(default_factory=dict)
    totals: dict[Key, float] = field(default_factory=dict)
    changes: dict[Key, list[Change]] = field(default_factory=dict)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    series: dict[tuple[str, str, tuple[str, ...]], list[tuple[float, float]]] = field(default_factory=dict)
    statuses: dict[tuple[str, tuple[str, ...]], list[tuple[float, int]]] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        """Add one more run. Gauges replace the value before, counts are added up."""
        self.runs += 1
        self.samples += len(run.metrics)
        for sample in run.metrics:
            self._add_sample(sample, run.time)
        for status in run.service_checks:
            self._add_status(status, run.time)
        self.events.extend((run.time, event) for event in run.events)
        if run.error is not None:
            self.errors.append((run.time, run.error))

    def by_tags(self, name: str, region: str, names: Collection[str] | None = None) -> dict[tuple[str, ...], float]:
        """The totals of a count in a Region by the tags of its series, or by those of these names."""
        totals: dict[tuple[str, ...], float] = {}
        for key, value in self.totals.items():
            if key.name == name and key.region == region:
                tags = tuple(tag for tag in key.tags if names is None or tag.partition(':')[0] in names)
                totals[tags] = totals.get(tags, 0.0) + value
        return totals

    def total(self, name: str, region: str) -> float:
        """The total of a count in a Region over all series."""
        return sum(self.by_tags(name, region).values())

    def latest(self, name: str, region: str) -> float:
        """The newest values of a gauge in a Region, added up over all series; 0 where there is none."""
        return sum(value for key, value in self.last.items() if key.name == name and key.region == region)

    def fresh(self, since: float) -> dict[Key, float]:
        """The gauges that were submitted at `since` or later. Nobody shows an older value."""
        return {key: value for key, value in self.last.items() if self.submitted_at[key] >= since}

    def _add_sample(self, sample: Sample, time: float) -> None:
        key = _key(sample)
        self.series.setdefault((sample.name, sample.type, sample.tags), []).append((time, sample.value))
        self.accounts.update(tag.partition(':')[2] for tag in sample.tags if tag.startswith('aws_account:'))
        if sample.type == 'count':
            self.totals[key] = self.totals.get(key, 0.0) + sample.value
        else:
            self.last[key] = sample.value
            self.submitted_at[key] = time

    def _add_status(self, status: ServiceCheck, time: float) -> None:
        self.statuses.setdefault((status.name, status.tags), []).append((time, status.status))
        history = self.changes.setdefault(_key(status), [])
        change = Change(time, status.status_name, status.message)
        if not (history and change.is_like(history[-1])):
            history.append(change)


def tag_value(tags: Iterable[str], name: str) -> str:
    """The value of a tag, '' where there is none."""
    return next((tag.partition(':')[2] for tag in tags if tag.startswith(f'{name}:')), '')


def _key(submitted: Sample | ServiceCheck) -> Key:
    tags = tuple(sorted(tag for tag in submitted.tags if not tag.startswith(('aws_account:', 'region:'))))
    return Key(submitted.name, tag_value(submitted.tags, 'region'), tags)
