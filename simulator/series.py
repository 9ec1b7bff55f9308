"""The series of a scenario: which there are, and how much happens in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulator.scenarios import SES, Scenario
from simulator.traffic import key_of

Dimensions = tuple[tuple[str, str], ...]
SeriesKey = tuple[str, str, Dimensions]


def dimensions_of(dimensions: Mapping[str, str] | Iterable[Any] = ()) -> Dimensions:
    """Dimensions as a sorted tuple of (name, value), from a mapping, pairs, or CloudWatch's list of Name and Value."""
    if isinstance(dimensions, Mapping):
        return tuple(sorted(dimensions.items()))
    return tuple(sorted((d['Name'], d['Value']) if isinstance(d, Mapping) else (d[0], d[1]) for d in dimensions))


class Sample(NamedTuple):
    """What CloudWatch holds of one series and minute."""

    minute: int
    number: float
    total: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Series:
    """A series of the scenario: `rate` is the mean events per minute, or the mean reading of a gauge (`every` > 0).

    One with a `cycle` has data only in the first `awake` minutes of it, which begin at `wakes` and repeat.
    """

    namespace: str
    metric: str
    dimensions: Dimensions
    rate: float
    key: int
    every: int = 0
    unit: str = 'Count'
    spread: float = 0.0
    appears: float | None = None
    cycle: int = 0
    wakes: int = 0
    awake: int = 0

    def newest_awake(self, minute: int) -> int:
        """The newest minute up to this one in which the series is awake."""
        if not self.cycle:
            return minute
        return minute - max(0, (minute - self.wakes) % self.cycle - self.awake + 1)


def catalogue(scenario: Scenario) -> dict[SeriesKey, Series]:
    """Every series of a scenario, by its identity."""
    found: dict[SeriesKey, Series] = {}

    def add(namespace: str, metric: str, dimensions: Dimensions, rate: float, **more: Any) -> None:
        identity = (namespace, metric, dimensions_of(dimensions))
        if rate > 0.0:
            found[identity] = Series(*identity, rate=rate, key=key_of(*identity), **more)

    for metric, ratio in scenario.ratios.items():
        add(SES, metric, (), scenario.volume * ratio)
    for gauge in scenario.gauges:
        add(SES, gauge.metric, (), gauge.value, every=gauge.every, unit=gauge.unit, spread=gauge.spread)
    for family in scenario.families:
        members = family.members()
        each = scenario.volume * family.share / (family.awake or len(members) or 1)
        for place, member in enumerate(members):
            more: dict[str, Any] = {'appears': family.appears}
            if family.awake is not None:
                more |= {'cycle': len(members) * family.turn, 'wakes': place * family.turn}
                more |= {'awake': family.awake * family.turn}
            for metric, ratio in family.events.items():
                add(family.namespace, metric, member, each * ratio, **more)
            for gauge in family.gauges:
                add(
                    family.namespace, gauge.metric, member, gauge.value,
                    every=gauge.every, unit=gauge.unit, spread=gauge.spread, **more,
                )  # fmt: skip
    return found
