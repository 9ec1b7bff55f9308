"""Folds samples into the series an Agent would send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from standalone.model import Context, Sample


@dataclass(frozen=True)
class Series:
    """The one point of a context: of a gauge the last value, of a count the sum. `time` is in epoch seconds."""

    context: Context
    type: str
    value: float
    time: float


class SeriesTable:
    """All series so far. A gauge and a count of the same context are two series."""

    def __init__(self) -> None:
        self._table: dict[tuple[str, Context], Series] = {}

    def add(self, samples: Iterable[Sample], time: float) -> None:
        """Takes the samples of one run that ended at epoch second `time`."""
        for sample in samples:
            context = Context.of(sample)
            before = self._table.get((sample.type, context))
            value = sample.value
            if before is not None and sample.type == 'count':
                value += before.value
            self._table[sample.type, context] = Series(context, sample.type, value, time)

    def sorted(self) -> list[Series]:
        """Returns the series by name, tags, host and type."""
        return sorted(self._table.values(), key=lambda series: (series.context, series.type))
