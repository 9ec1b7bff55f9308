"""The series of a scenario: identity, rate and rhythm of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from simulator.mail import Division, Part, mean_rate
from simulator.rows import COMPLAINED, HARD_BOUNCED, METRICS, SENT
from simulator.scenarios import BOUNCE_RATE, COMPLAINT_RATE, SES, Family, Gauge, Scenario
from simulator.traffic import key_of

Dimensions = tuple[tuple[str, str], ...]

REPUTATION = {BOUNCE_RATE: HARD_BOUNCED, COMPLAINT_RATE: COMPLAINED}
"""The messages that each rate is the share of."""


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

    `sender` is a key that the series with the same dimensions have in common. `part`: the messages that the series
    counts, or of which it is the share; None where it is not about messages. `appears`: seconds after the scenario
    start before which there is no data. A series with a `cycle` has data only in the first `awake` minutes of it, which
    begin at `wakes` and repeat.
    """

    id: SeriesId
    rate: float
    key: int
    sender: int
    gauge: Gauge | None = None
    part: Part | None = None
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
    account = Family(dimensions=(), values=((),), mail=scenario.mail, gauges=scenario.gauges)
    families = (account, *scenario.families)
    return {series.id: series for family in families for series in _series_of(scenario, family)}


def _series_of(scenario: Scenario, family: Family) -> Iterator[Series]:
    members = family.members()
    for number, (dimensions, mail) in enumerate(zip(members, _mail_of(scenario, family, members), strict=True)):
        sender = key_of(family.namespace, *dimensions)
        rhythm: tuple[float | None, int, int, int] = (family.appears, 0, 0, 0)
        if family.awake is not None:
            rhythm = (family.appears, len(members) * family.turn, number * family.turn, family.awake * family.turn)
        for metric, rate, gauge, part in _metrics(scenario, family, mail, len(members)):
            identity = series_id(metric, dimensions, family.namespace)
            yield Series(identity, rate, key_of(*identity), sender, gauge, part, *rhythm)


def _metrics(
    scenario: Scenario, family: Family, mail: Part, members: int
) -> Iterator[tuple[str, float, Gauge | None, Part | None]]:
    """The metrics of a member: name, rate, gauge, and its messages. Without volume there is no mail."""
    for metric in family.mail if scenario.volume else ():
        part = mail._replace(stretch=METRICS[metric])
        yield metric, mean_rate(scenario, part), None, part
    for metric, ratio in family.events.items() if scenario.volume else ():
        yield metric, scenario.volume * family.share * ratio / members, None, None
    for gauge in family.gauges:
        stretch = REPUTATION.get(gauge.metric)
        if stretch is None:
            yield gauge.metric, gauge.value, gauge, None
        elif scenario.volume:
            yield gauge.metric, 0.0, gauge, mail._replace(stretch=stretch)


def _mail_of(scenario: Scenario, family: Family, members: Sequence[Dimensions]) -> Iterator[Part]:
    """The messages of each member: those of the streams that name it. The members that none names divide the others."""
    senders = [stream.dimensions for stream in scenario.streams]
    named = [tuple(n for n, sender in enumerate(senders) if _names(sender, dimensions)) for dimensions in members]
    remaining = tuple(set(range(len(senders))).difference(*named))
    number = named.count(())
    division = Division(key_of(*family.dimensions), family.share, number, family.awake or number, family.turn)
    places = count()
    for streams in named:
        yield Part(SENT, streams) if streams else Part(SENT, remaining, division, next(places))


def _names(sender: Mapping[str, str], dimensions: Dimensions) -> bool:
    """Whether the sender of a stream is a member. The id of a tenant says no more than its name."""
    return all(sender.get(name) == text for name, text in dimensions if name != 'TenantId')
