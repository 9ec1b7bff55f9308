"""The messages of every account and Region, drawn once for each stream and minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from simulator.rows import (
    EMPTY,
    EMPTY_HOUR,
    SENT,
    Outcomes,
    Row,
    Rows,
    Stretch,
    draw,
    fractions,
    mean_row,
    outcomes,
    portion,
    summed,
)
from simulator.scenarios import Scenario
from simulator.streams import Curve, Stream
from simulator.traffic import amount, daily_table, interpolate, key_of, mix

REPRESENTATIVE = 8 * 60
"""Minutes of mail that AWS judges an account by; it does not say how many they are."""


class Division(NamedTuple):
    """A share of all mail, divided evenly among the members of a family that send: so many of them at a time.

    Every `turn` minutes the next member begins and the earliest falls silent, where not all of them send.
    """

    key: int
    share: float
    members: int
    senders: int
    turn: int = 1


class Part(NamedTuple):
    """The messages that a series counts: those of a stretch, of some streams, and of one member of a division."""

    stretch: Stretch
    streams: tuple[int, ...]
    division: Division | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An account in a Region. In a `calm` one the curves of streams are left out."""

    key: int
    region: str
    share: float
    calm: bool


class Mail:
    """Messages as a pure function of the place and the minute; hours are remembered."""

    def __init__(self, scenario: Scenario, seed: int, started: float) -> None:
        self.first_minute = 0 if scenario.history is None else int((started - scenario.history) // 60)
        self._scenario = scenario
        self._seed = seed
        self._started = started
        self._daily = daily_table(scenario.amplitude)
        self._keys = [key_of('stream', number) for number in range(len(scenario.streams))]
        self.stopped_at: float | None = None
        """From when on no mail flows, in seconds since the epoch; `forget` is needed where it is changed."""
        self.place = lru_cache(4096)(self._place)
        self._of_stream = lru_cache(8192)(self._draw_hour)
        self._of_streams = lru_cache(2048)(self._add_hours)
        self._of_family = lru_cache(2048)(self._take_hour)
        self._hour_total = lru_cache(65_536)(self._count_hour)

    def forget(self) -> None:
        """Forget the hours that are remembered."""
        for cache in (self._of_stream, self._of_streams, self._of_family, self._hour_total):
            cache.cache_clear()

    def volume(self, minute: int) -> float:
        """The factor of the scenario on all mail in a minute."""
        if self.stopped_at is not None and minute * 60 >= self.stopped_at:
            return 0.0
        curve = self._scenario.curves.get('*')
        since = minute * 60 - self._started
        return 1.0 if curve is None or since < 0 else interpolate(curve, since)

    def counts(self, place: Place, part: Part, first: int, last: int) -> list[int]:
        """The number of messages of a part in each minute of [first, last)."""
        numbers: list[int] = []
        for hour in range(first // 60, (last - 1) // 60 + 1):
            minutes = slice(max(0, first - hour * 60), last - hour * 60)
            if part.division is None:
                numbers += _between(self._of_streams(place, part.streams, hour), part.stretch, minutes)
            else:
                rows, starts = self._of_family(place, part.streams, part.division, hour)
                turns = _turns(part.division, part.number, starts[minutes], hour * 60 + minutes.start)
                numbers += _divided(rows, part.stretch, minutes, turns, part.division.senders)
        return numbers

    def total(self, place: Place, part: Part, first: int, last: int) -> int:
        """The number of messages of a part in [first, last)."""
        first_hour, last_hour = -(-first // 60), last // 60
        if first_hour >= last_hour:
            return sum(self.counts(place, part, first, last)) if first < last else 0
        whole = sum(self._hour_total(place, part, hour) for hour in range(first_hour, last_hour))
        edges = ((first, first_hour * 60), (last_hour * 60, last))
        return whole + sum(sum(self.counts(place, part, low, high)) for low, high in edges if low < high)

    def rate(self, place: Place, part: Part, minute: int) -> float | None:
        """The messages of a part among all of the same sender, over the representative minutes; None without mail."""
        first = max(self.first_minute, minute - REPRESENTATIVE)
        sent = self.total(place, part._replace(stretch=SENT), first, minute)
        return self.total(place, part, first, minute) / sent if sent else None

    def outcomes(self, place: Place, stream: int, minute: int) -> Outcomes:
        """What became of the messages of a stream, by its number, in a minute."""
        rows = self._of_stream(place, stream, minute // 60)
        row = tuple(column[minute % 60] for column in rows)
        return outcomes(row, mix(place.key ^ self._keys[stream] ^ ~minute))

    def _place(self, account: str, region: str) -> Place:
        scenario = self._scenario
        calm = scenario.troubled is not None and region not in scenario.troubled
        sends = scenario.regions is None or region in scenario.regions
        share = scenario.shares.get(region, 1.0) if sends else 0.0
        return Place(key_of(self._seed, account, region), region, share, calm)

    def _draw_hour(self, place: Place, number: int, hour: int) -> Rows:
        stream = self._scenario.streams[number]
        rate = self._rate(place, stream)
        begins = self.first_minute if stream.appears is None else int((self._started + stream.appears) // 60)
        if not rate or hour * 60 + 60 <= begins:
            return EMPTY_HOUR
        key = place.key ^ self._keys[number]
        curves: Mapping[str, Curve] = {} if place.calm else stream.curves
        shares = fractions(stream.chances, {})
        rows: list[Row] = []
        for minute in range(hour * 60, hour * 60 + 60):
            factors = self._factors(curves, minute) if curves else {}
            if factors:
                shares = fractions(stream.chances, factors)
            expected = rate * self._daily[minute % 1440] * self.volume(minute) * factors.get('*', 1.0)
            sent = amount(key, minute, expected) if minute >= begins else 0
            rows.append(draw(sent, mix(key + minute * 3), shares) if sent else EMPTY)
        return tuple(zip(*rows, strict=True))

    def _rate(self, place: Place, stream: Stream) -> float:
        """The mean messages of a stream in a minute, without curves."""
        if stream.regions is not None and place.region not in stream.regions:
            return 0.0
        return self._scenario.volume * stream.share * place.share

    def _factors(self, curves: Mapping[str, Curve], minute: int) -> dict[str, float]:
        since = minute * 60 - self._started
        if since < 0:
            return {}
        return {name: interpolate(curve, since) for name, curve in curves.items()}

    def _add_hours(self, place: Place, streams: tuple[int, ...], hour: int) -> Rows:
        return summed([self._of_stream(place, number, hour) for number in streams])

    def _take_hour(
        self, place: Place, streams: tuple[int, ...], division: Division, hour: int
    ) -> tuple[Rows, tuple[int, ...]]:
        """The rows of a family, and for each minute where the division among its members starts."""
        key = place.key ^ division.key
        randoms = [mix(key + minute) for minute in range(hour * 60, hour * 60 + 60)]
        rows = portion(self._of_streams(place, streams, hour), division.share, randoms)
        return rows, tuple(random % division.senders for random in randoms)

    def _count_hour(self, place: Place, part: Part, hour: int) -> int:
        return sum(self.counts(place, part, hour * 60, hour * 60 + 60))


def _between(rows: Rows, stretch: Stretch, minutes: slice) -> Sequence[int]:
    ends = rows[stretch.high][minutes]
    if stretch.low is None:
        return ends
    return [end - begin for begin, end in zip(rows[stretch.low][minutes], ends, strict=True)]


def _turns(division: Division, number: int, starts: Sequence[int], first: int) -> list[int]:
    """Whose turn a member has in each minute from `first` on, -1 where it does not send."""
    members, senders, length = division.members, division.senders, division.turn
    if senders == members:
        return [(number + start) % senders for start in starts]
    ages = [(minute // length - number) % members for minute in range(first, first + len(starts))]
    return [(age + start) % senders if age < senders else -1 for age, start in zip(ages, starts, strict=True)]


def _divided(rows: Rows, stretch: Stretch, minutes: slice, turns: Sequence[int], senders: int) -> list[int]:
    """The messages of a member in each minute.

    Of the first n messages of a row, (n + turn) // senders are those of the member with that turn. These add up to n
    over all turns, which are 0 to senders - 1.
    """
    ends = rows[stretch.high][minutes]
    if stretch.low is None:
        return [(end + turn) // senders if turn >= 0 else 0 for end, turn in zip(ends, turns, strict=True)]
    begins = rows[stretch.low][minutes]
    return [
        (end + turn) // senders - (begin + turn) // senders if turn >= 0 else 0
        for begin, end, turn in zip(begins, ends, turns, strict=True)
    ]


def mean_rate(scenario: Scenario, part: Part) -> float:
    """The messages of a part in a mean minute; streams that come, go or change count as none."""
    rate = 0.0
    for number in part.streams:
        stream = scenario.streams[number]
        if stream.appears is None and stream.regions is None and not stream.curves:
            edges, (low, high) = mean_row(stream.chances), part.stretch
            rate += stream.share * (edges[high] - (0.0 if low is None else edges[low]))
    rate *= scenario.volume * min([1.0, *scenario.shares.values()])
    return rate if part.division is None else rate * part.division.share / part.division.senders
