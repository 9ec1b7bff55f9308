"""The truth behind the pretend AWS: all traffic, when CloudWatch shows it, and the standing of each account."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from simulator.inventories import Inventories
from simulator.inventory import Inventory
from simulator.scenarios import Scenario, Standing
from simulator.series import Sample, Series, SeriesId, catalogue, series_id
from simulator.traffic import amount, daily_table, interpolate, key_of, mix, unit

AnySeries = str | SeriesId

_GAUGE_PREFIXES = ('Reputation.', 'SNDS.', 'ApproximateDedicated', 'SentLast24Hours', 'Available24HourSend')


@dataclass(slots=True)
class Point:
    """An explicit amount: visible from `visible_at` (None: from its minute on); a negative one lowers the amount."""

    value: float
    samples: float
    visible_at: float | None


class World:
    """Traffic, visibility and standing of every account and Region; `clock` is used only where `now` is left out.

    `AnySeries`: a text is the metric of that name in AWS/SES without dimensions.
    """

    def __init__(self, scenario: Scenario, seed: int, clock: Callable[[], float]) -> None:
        self.scenario = scenario
        self.started = clock()
        self.settled_after = max(scenario.lag[1], scenario.late[1] if scenario.late_share else 0.0)
        self.inventories = Inventories(scenario)
        self.version = 0  # goes up with each explicit amount
        self._first_minute = 0 if scenario.history is None else int((self.started - scenario.history) // 60)
        self._clock = clock
        self._catalogue = catalogue(scenario)
        self._daily = daily_table(scenario.amplitude)
        self._curves = {name: tuple(curve) for name, curve in scenario.curves.items()}
        self._points: dict[tuple[str, str], dict[SeriesId, dict[int, list[Point]]]] = {}
        self._lock = threading.RLock()
        self._key = lru_cache(4096)(lambda account, region: key_of(seed, account, region))
        self._hour = lru_cache(16_384)(self._hour_of)
        self._factor = lru_cache(65_536)(self._factor_of)

    def put(
        self, account: str, region: str, series: AnySeries, minute: float, value: float, visible_at: float | None = None
    ) -> None:
        """Add an amount on top of the traffic, at the minute of `minute` (epoch seconds).

        Whole amounts of an event metric are that many samples of 1; a reading or a fraction is one sample.
        CloudWatch shows it from `visible_at` (epoch seconds; None: from its minute on), SES's own counters at once.
        """
        identity = _identity(series)
        reading = identity.metric.startswith(_GAUGE_PREFIXES) or value != int(value) or value == 0
        point = Point(float(value), 1.0 if reading else float(value), visible_at)
        self._add(account, region, identity, minute, point)

    def shrink(
        self, account: str, region: str, series: AnySeries, minute: float, value: float, at: float | None = None
    ) -> None:
        """Let CloudWatch lower the minute's amount by `value` from `at` on (epoch seconds; None: the clock's now)."""
        point = Point(-float(value), -float(value), self._clock() if at is None else at)
        self._add(account, region, _identity(series), minute, point)

    def _add(self, account: str, region: str, identity: SeriesId, minute: float, point: Point) -> None:
        with self._lock:
            minutes = self._points.setdefault((account, region), {}).setdefault(identity, {})
            minutes.setdefault(int(minute // 60), []).append(point)
            self.version += 1

    def has_points(self, account: str, region: str, identity: SeriesId) -> bool:
        """Whether explicit amounts were put on a series."""
        return bool(self._points) and identity in self._points.get((account, region), ())

    def points(
        self, account: str, region: str, identity: SeriesId, minutes: range | None = None
    ) -> dict[int, list[Point]]:
        """A copy of the explicit amounts of a series by minute; `minutes` None is all of them."""
        if not self._points:
            return {}
        with self._lock:
            points = self._points.get((account, region), {}).get(identity, {})
            return {minute: list(points[minute]) for minute in points if minutes is None or minute in minutes}

    def find(self, region: str, identity: SeriesId) -> Series | None:
        """The scenario's series of that exact identity in a Region, if any."""
        return self._catalogue.get(identity) if self._sends_mail(region) else None

    def series(self, account: str, region: str, namespace: str | None = None) -> list[SeriesId]:
        """Every series that may ever have data here."""
        identities = dict.fromkeys(self._catalogue if self._sends_mail(region) else ())
        identities.update(dict.fromkeys(self._points.get((account, region), {})))
        return [identity for identity in identities if namespace in (None, identity.namespace)]

    def _sends_mail(self, region: str) -> bool:
        return self.scenario.regions is None or region in self.scenario.regions

    def unit_of(self, region: str, identity: SeriesId) -> str:
        """The unit a series is published with."""
        series = self.find(region, identity)
        if series is not None:
            return series.gauge.unit if series.gauge else 'Count'
        return 'None' if identity.metric.startswith(_GAUGE_PREFIXES) else 'Count'

    def factor(self, metric: str, minute: int) -> float:
        """The factor of the scenario's curves on a metric in a minute; the metric '*' is the whole traffic."""
        return self._factor(metric, minute) if self._curves else 1.0

    def _factor_of(self, metric: str, minute: int) -> float:
        since = minute * 60 - self.started
        factor = 1.0
        for name in ('*', metric):
            if name in self._curves and since >= 0:
                factor *= interpolate(self._curves[name], since)
        return factor

    def _has_data(self, series: Series, minute: int) -> bool:
        """Whether a series has begun, and is awake in a minute."""
        if minute < self._first_minute:
            return False
        if series.appears is not None and minute * 60 < self.started + series.appears:
            return False
        return series.newest_awake(minute) == minute

    def _expected(self, series: Series, minute: int) -> float:
        """The mean number of events in a minute."""
        if not self._has_data(series, minute):
            return 0.0
        return series.rate * self._daily[minute % 1440] * self.factor(series.id.metric, minute)

    def _hour_of(self, series: Series, key: int, hour: int) -> tuple[int, ...]:
        return tuple(amount(key, m, self._expected(series, m)) for m in range(hour * 60, hour * 60 + 60))

    def events(self, account: str, region: str, series: Series, first: int, last: int) -> list[int]:
        """The final number of events in each minute of [first, last)."""
        key = series.key ^ self._key(account, region)
        empty = min(last, self._first_minute) - first
        if empty > 0:
            return [0] * empty + (
                self.events(account, region, series, first + empty, last) if first + empty < last else []
            )
        if last - first < 60:
            if not self._curves and series.appears is None and not series.cycle:
                rate, daily = series.rate, self._daily
                return [amount(key, m, rate * daily[m % 1440]) for m in range(first, last)]
            return [amount(key, m, self._expected(series, m)) for m in range(first, last)]
        amounts: list[int] = []
        for hour in range(first // 60, (last - 1) // 60 + 1):
            amounts.extend(self._hour(series, key, hour)[max(0, first - hour * 60) : last - hour * 60])
        return amounts

    def readings(
        self, account: str, region: str, series: Series, first: int, last: int, now: float | None
    ) -> list[Sample]:
        """The samples of a gauge in minutes [first, last) that CloudWatch shows at `now`; None is the final truth."""
        gauge = series.gauge
        if gauge is None:
            return []
        key = mix(series.key ^ self._key(account, region))
        low, high = self.scenario.lag
        samples = []
        for minute in range(first + (-(first + key)) % gauge.every, last, gauge.every):
            if not self._has_data(series, minute):
                continue
            if gauge.every < 30 and unit(mix(key ^ (minute // 30))) < 0.15:
                continue  # half an hour in seven is silent: a missing rate is unknown, never zero
            if now is not None and now - (minute + 1) * 60 < low + (high - low) * unit(mix(key + minute)):
                continue
            if '*' in self._curves and self.factor('*', minute) == 0.0:
                continue  # no mail, no new rate
            value = series.rate * (1.0 + gauge.spread * (2.0 * unit(mix(key - minute)) - 1.0))
            if series.id.metric in self._curves:
                value *= interpolate(self._curves[series.id.metric], minute * 60 - self.started)
            samples.append(Sample(minute, 1, value, value, value))
        return samples

    def _visible(self, key: int, minute: int, events: int, now: float) -> int:
        """The number of a minute's events that CloudWatch shows at `now`; each part appears once and stays."""
        age = now - (minute + 1) * 60
        low, high = self.scenario.lag
        if age >= self.settled_after:
            return events
        if age < low:
            return 0
        random = mix(key + minute * 3)
        first_half = low + (high - low) * 0.5 * unit(random)
        second_half = first_half + (high - first_half) * (random & 0xFFFF) / 65_536.0
        parts = []
        late = 0
        if self.scenario.late_share:
            random = mix(random)
            late = min(events, int(events * self.scenario.late_share + unit(random)))
            early, latest = self.scenario.late
            for part, bits in (((late + 1) // 2, random & 0xFFFF), (late // 2, random >> 16 & 0xFFFF)):
                parts.append((part, early + (latest - early) * bits / 65_536.0))
        parts += [((events - late + 1) // 2, first_half), ((events - late) // 2, second_half)]
        return sum(part for part, delay in parts if age >= delay)

    def samples(
        self, account: str, region: str, series: AnySeries, first: int, last: int, now: float | None = None
    ) -> list[Sample]:
        """The samples of minutes [first, last) (minutes since the epoch), oldest first, none for an empty minute.

        `now` (epoch seconds) leaves out what CloudWatch does not show yet; None is the final truth.
        """
        if now is not None:
            last = min(last, int(now // 60) + 1)
        if last <= first:
            return []
        identity = _identity(series)
        traffic = self.find(region, identity)
        samples: list[Sample] = []
        if traffic is not None and traffic.gauge:
            samples = self.readings(account, region, traffic, first, last, now)
        elif traffic is not None:
            events = self.events(account, region, traffic, first, last)
            if now is not None and now - last * 60 < self.settled_after:
                key = traffic.key ^ self._key(account, region)
                growing = max(0, int((now - self.settled_after) // 60) - 1 - first)
                for index in range(growing, len(events)):
                    if events[index]:
                        events[index] = self._visible(key, first + index, events[index], now)
            samples = [Sample(minute, number, number, 1, 1) for minute, number in enumerate(events, first) if number]
        if self.has_points(account, region, identity):
            return _overlaid(samples, self.points(account, region, identity, range(first, last)), now)
        return samples

    def final_sum(self, account: str, region: str, series: AnySeries, start: float = 0.0, end: float = 0.0) -> float:
        """The sum CloudWatch will finally hold for [start, end) (epoch seconds, rounded down to minutes)."""
        samples = self.samples(account, region, series, int(start // 60), int(end // 60))
        return float(sum(sample.total for sample in samples))

    def visible_sum(
        self, account: str, region: str, series: AnySeries, start: float, end: float, now: float | None = None
    ) -> float:
        """The sum CloudWatch shows at `now` (None: the clock's) for [start, end)."""
        now = self._clock() if now is None else now
        samples = self.samples(account, region, series, int(start // 60), int(end // 60), now)
        return float(sum(sample.total for sample in samples))

    def standing(self, account: str, region: str, now: float | None = None) -> Standing:
        """Limits and status of the account at `now` (None: the clock's)."""
        since = (self._clock() if now is None else now) - self.started
        steps = self.scenario.standings
        step = ([standing for seconds, standing in steps if seconds <= since] or [steps[0][1]])[-1]
        return self.inventories.standing(account, region, since, step)

    def inventory(self, account: str, region: str, now: float | None = None) -> Inventory:
        """Identities, configuration sets, tenants and findings of the account at `now` (None: the clock's)."""
        return self.inventories.at(account, region, (self._clock() if now is None else now) - self.started)

    def happened(self, account: str, region: str, metric: str, start: float, end: float, now: float) -> int:
        """Account events of minutes [start, end) until `now`, without CloudWatch's lag.

        The running minute counts by its share.
        """
        running = int(now // 60)
        total = 0.0
        for sample in self.samples(account, region, metric, int(start // 60), min(int(end // 60), running + 1)):
            total += sample.total if sample.minute < running else int(sample.total * (now - running * 60) / 60.0)
        return int(total)

    def sent_last_24_hours(self, account: str, region: str, now: float) -> int:
        """Messages of the last 1,440 minutes, the running one included."""
        end = (int(now // 60) + 1) * 60
        return self.happened(account, region, 'Send', end - 86_400, end, now)


def _identity(series: AnySeries) -> SeriesId:
    return series_id(series) if isinstance(series, str) else series


def _overlaid(samples: list[Sample], points: dict[int, list[Point]], now: float | None) -> list[Sample]:
    """The samples of the traffic, together with the explicit points that are visible at `now`."""
    merged = {sample.minute: sample for sample in samples}
    for minute in points:
        _, number, total, low, high = merged.pop(minute, Sample(minute, 0, 0.0, float('inf'), float('-inf')))
        for point in points[minute]:
            if now is None or now >= (minute * 60 if point.visible_at is None else point.visible_at):
                number, total = number + point.samples, total + point.value
                if point.samples > 0:
                    each = point.value / point.samples
                    low, high = min(low, each), max(high, each)
        if number > 0:
            merged[minute] = Sample(minute, number, total, low, high)
    return [merged[minute] for minute in sorted(merged)]
