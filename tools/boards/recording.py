"""A recording of what the check submitted, and how it is written to a file and read back."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Tags = tuple[str, ...]
SeriesKey = tuple[str, str, Tags]
StatusKey = tuple[str, Tags]
Key = TypeVar('Key')
Sample = TypeVar('Sample', tuple[float, float], tuple[float, int])


@dataclass(frozen=True)
class Recording:
    """Samples with their times, the oldest first. Keys of `series` are name, type and tags, of `statuses` name and
    tags."""

    start: float
    end: float
    series: Mapping[SeriesKey, Sequence[tuple[float, float]]] = field(default_factory=dict)
    statuses: Mapping[StatusKey, Sequence[tuple[float, int]]] = field(default_factory=dict)

    def between(self, start: float, end: float) -> Recording:
        """The samples after `start` and not after `end`. A series without any is left out."""
        return Recording(start, end, _between(self.series, start, end), _between(self.statuses, start, end))


def _between(series: Mapping[Key, Sequence[Sample]], start: float, end: float) -> dict[Key, Sequence[Sample]]:
    between = {}
    for key, samples in series.items():
        first, last = (bisect_right(samples, at, key=lambda sample: sample[0]) for at in (start, end))
        if first < last:
            between[key] = samples[first:last]
    return between


def write(recording: Recording, path: Path) -> None:
    document = {
        'start': recording.start,
        'end': recording.end,
        'series': [(*key, samples) for key, samples in recording.series.items()],
        'statuses': [(*key, samples) for key, samples in recording.statuses.items()],
    }
    path.write_text(json.dumps(document), encoding='utf-8')


def read(path: Path) -> Recording:
    document = json.loads(path.read_text(encoding='utf-8'))
    return Recording(
        document['start'],
        document['end'],
        {(name, kind, tuple(tags)): list(map(tuple, samples)) for name, kind, tags, samples in document['series']},
        {(name, tuple(tags)): list(map(tuple, samples)) for name, tags, samples in document['statuses']},
    )
