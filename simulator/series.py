"""The series of a scenario: identity, rate and rhythm of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulator.scenarios import SES, Family, Gauge, Scenario
from simulator.traffic import key_of

Dimensions = tuple[tuple[str, str], ...]


class SeriesId(NamedTuple):
    """The identity of a series within an account and Region; `series_id` makes one."""

    namespace: str
    metric: str
    dimensions: Dimensions


def series_id(metric: str, dimensions: Mapping[str, str] | Iterable[Any] = (), namespace: str = SES) -> SeriesId:
    """The identity of a series; dimensions as a mapping, as pairs, or as CloudWatch's list of Name and Value."""
    pairs = dimensions.items() if isinstance(dimensions, Mapping) else dimensions
    named = ((pair['Name'], pair['Value']) if isinstance(pair, Mapping) else (pair[0], pair[1]) for pair in pairs)
    return SeriesId(namespace, metric, tuple(sorted(named)))


class Sample(NamedTuple):
    """The samples of one series and minute in CloudWatch: their number, their sum, the least and the greatest."""

    minute: int
    number: float
    total: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A series of the scenario: `rate` is the mean number of events per minute, or the mean reading of a gauge.

    `appears`: seconds after the scenario start before which there is no data. A series with a `cycle` has data only in
    the first `awake` minutes of it, which begin at `wakes` and repeat.
    """

    id: SeriesId
    rate: float
    key: int
    gauge: Gauge | None = None
    appears: float | None = None
    cycle: int = 0
    wakes: int = 0
    awake: int = 0

    def newest_awake(self, minute: int) -> int:
        """The newest minute up to this one in which the series is awake."""
        if not self.cycle:
            return minute
        return minute - max(0, (minute - self.wakes) % self.cycle - self.awake + 1)


def catalogue(scenario: Scenario) -> dict[SeriesId, Series]:
    """Every series of a scenario by its identity."""
    account = Family(dimensions=(), values=((),), events=scenario.ratios, gauges=scenario.gauges)
    families = (account, *scenario.families)
    return {series.id: series for family in families for series in _members(family, scenario.volume * family.share)}


def _members(family: Family, volume: float) -> Iterator[Series]:
    """The series of a family whose members send `volume` together."""
    members = family.members()
    sends = volume / (family.awake or len(members) or 1)
    for number, dimensions in enumerate(members):
        rhythm: tuple[int, ...] = ()
        if family.awake is not None:
            rhythm = (len(members) * family.turn, number * family.turn, family.awake * family.turn)
        rates = [(metric, sends * ratio, None) for metric, ratio in family.events.items()]
        for metric, rate, gauge in (*rates, *((gauge.metric, gauge.value, gauge) for gauge in family.gauges)):
            if rate > 0.0:
                identity = series_id(metric, dimensions, family.namespace)
                yield Series(identity, rate, key_of(*identity), gauge, family.appears, *rhythm)
