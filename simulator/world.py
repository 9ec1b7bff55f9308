"""The truth behind the pretend AWS: what happened, what CloudWatch shows of it when, how the account stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.scenarios import SES, Scenario, Standing
from simulator.series import Dimensions, Sample, Series, SeriesKey, catalogue, dimensions_of
from simulator.traffic import amount, daily_table, interpolate, key_of, mix, unit

TWO_WEEKS = 14 * 86400
LISTING_DELAY = 900.0
_GAUGE_PREFIXES = ('Reputation.', 'SNDS.', 'ApproximateDedicated', 'SentLast24Hours', 'Available24HourSend')


@dataclass(slots=True)
class Point:
    """An explicit amount: visible from `visible_at` (None: from its minute on); negative ones are shrinkages."""

    value: float
    samples: float
    visible_at: float | None


def _newest_first(first: int, last: int) -> Iterator[tuple[int, int]]:
    """[first, last) from its end on, in growing steps: an active series is found within its newest minutes."""
    step = 30
    while last > first:
        low = max(first, last - step)
        yield low, last
        last, step = low, min(1440, step * 2)


def _has(held: Dimensions, wanted: tuple[tuple[str, str | None], ...]) -> bool:
    return not wanted or all(any(n == name and value in (None, v) for n, v in held) for name, value in wanted)


class World:
    """Traffic, visibility and standing of every account and Region; `clock` is used only where `now` is left out."""

    def __init__(self, scenario: Scenario, seed: int, clock: Callable[[], float], started: float | None = None) -> None:
        self.scenario = scenario
        self.seed = seed
        self.started = clock() if started is None else started
        self._clock = clock
        self._catalogue = catalogue(scenario)
        self._daily = daily_table(scenario.amplitude)
        self._curves = {name: tuple(curve) for name, curve in scenario.curves.items()}
        self.settled_after = scenario.lag[1] if not scenario.late_share else max(scenario.lag[1], scenario.late[1])
        self._points: dict[tuple[str, str], dict[SeriesKey, dict[int, list[Point]]]] = {}
        self._lock = threading.RLock()
        self._place = lru_cache(4096)(lambda account, region: key_of(seed, account, region))
        self._hour = lru_cache(16_384)(self._hour_of)
        self._factor = lru_cache(65_536)(self._factor_of)
        self._listings: dict[tuple[Any, ...], tuple[SeriesKey, ...]] = {}
        self._searched: dict[tuple[int, int], tuple[int, int, int | None]] = {}

    # What happened.

    def put(
        self,
        account: str,
        region: str,
        metric: str,
        minute: float,
        value: float,
        dimensions: Mapping[str, str] | Iterable[Any] = (),
        visible_at: float | None = None,
        namespace: str = SES,
    ) -> None:
        """Add an amount on top of the traffic, at the minute of `minute` (epoch seconds).

        Whole amounts of an event metric are that many samples of 1; a reading or a fraction is one sample.
        CloudWatch shows it from `visible_at` (epoch seconds; None: from its minute on), SES's own counters at once.
        """
        reading = metric.startswith(_GAUGE_PREFIXES) or value != int(value) or value == 0
        self._add(account, region, (namespace, metric, dimensions_of(dimensions)), minute,
                  Point(float(value), 1.0 if reading else float(value), visible_at))  # fmt: skip

    def shrink(
        self,
        account: str,
        region: str,
        metric: str,
        minute: float,
        value: float,
        at: float | None = None,
        dimensions: Mapping[str, str] | Iterable[Any] = (),
        namespace: str = SES,
    ) -> None:
        """Let CloudWatch lower the minute's amount by `value` from `at` on (epoch seconds; None: the clock's now)."""
        at = self._clock() if at is None else at
        self._add(account, region, (namespace, metric, dimensions_of(dimensions)), minute,
                  Point(-float(value), -float(value), at))  # fmt: skip

    def _add(self, account: str, region: str, identity: SeriesKey, minute: float, point: Point) -> None:
        with self._lock:
            minutes = self._points.setdefault((account, region), {}).setdefault(identity, {})
            minutes.setdefault(int(minute // 60), []).append(point)
            self._listings.clear()

    def sends_mail(self, region: str) -> bool:
        """Whether the scenario has traffic in this Region."""
        return self.scenario.regions is None or region in self.scenario.regions

    def find(self, region: str, identity: SeriesKey) -> Series | None:
        """The scenario's series of that exact identity in a Region, if any."""
        return self._catalogue.get(identity) if self.sends_mail(region) else None

    def has_points(self, account: str, region: str, identity: SeriesKey) -> bool:
        """Whether explicit amounts were put on a series."""
        return bool(self._points) and identity in self._points.get((account, region), ())

    def events(self, account: str, region: str, series: Series, first: int, last: int) -> list[int]:
        """What finally happened in each minute of [first, last) of a scenario's series of events."""
        return self._amounts(series, self._place(account, region), first, last)

    def unit_of(self, account: str, region: str, identity: SeriesKey) -> str:
        """The unit a series is published with."""
        series = self.find(region, identity)
        if series is not None:
            return series.unit
        return 'None' if identity[1].startswith(_GAUGE_PREFIXES) else 'Count'

    def _factor_of(self, metric: str, minute: int) -> float:
        since = minute * 60 - self.started
        factor = 1.0
        for name in ('*', metric):
            if name in self._curves and since >= 0:
                factor *= interpolate(self._curves[name], since)
        return factor

    def _expected(self, series: Series, minute: int) -> float:
        if series.appears is not None and minute * 60 < self.started + series.appears:
            return 0.0
        if series.newest_awake(minute) != minute:
            return 0.0
        expected = series.rate * self._daily[minute % 1440]
        if self._curves:
            expected *= self._factor(series.metric, minute)
        return expected

    def _hour_of(self, series: Series, place: int, hour: int) -> tuple[int, ...]:
        key = series.key ^ place
        return tuple(amount(key, m, self._expected(series, m)) for m in range(hour * 60, hour * 60 + 60))

    def _amounts(self, series: Series, place: int, first: int, last: int) -> list[int]:
        """Events in each minute of [first, last)."""
        if last - first < 60:
            key = series.key ^ place
            if not self._curves and series.appears is None and not series.cycle:
                rate, daily = series.rate, self._daily
                return [amount(key, m, rate * daily[m % 1440]) for m in range(first, last)]
            return [amount(key, m, self._expected(series, m)) for m in range(first, last)]
        amounts: list[int] = []
        for hour in range(first // 60, (last - 1) // 60 + 1):
            block = self._hour(series, place, hour)
            amounts.extend(block[max(0, first - hour * 60) : min(60, last - hour * 60)])
        return amounts

    def _shown(self, key: int, minute: int, events: int, now: float) -> int:
        """How many of a minute's events CloudWatch shows at `now`: each part appears once and stays."""
        age = now - (minute + 1) * 60
        low, high = self.scenario.lag
        if age >= self.settled_after:
            return events
        if age < low:
            return 0
        first = mix(key + minute * 3)
        half = low + (high - low) * 0.5 * unit(first)
        rest = half + (high - half) * (first & 0xFFFF) / 65_536.0
        late = 0
        if self.scenario.late_share:
            second = mix(first)
            late = min(events, int(events * self.scenario.late_share + unit(second)))
        on_time = events - late
        shown = (on_time + 1) // 2 if age >= half else 0
        if age >= rest:
            shown += on_time // 2
        if late:
            early, later = self.scenario.late
            one = early + (later - early) * (second & 0xFFFF) / 65_536.0
            two = early + (later - early) * (second >> 16 & 0xFFFF) / 65_536.0
            if age >= one:
                shown += (late + 1) // 2
            if age >= two:
                shown += late // 2
        return shown

    def _readings(self, series: Series, place: int, first: int, last: int, now: float | None) -> list[Sample]:
        key = mix(series.key ^ place)
        every = series.every
        found = []
        start = first + (-(first + key)) % every
        for minute in range(start, last, every):
            if series.appears is not None and minute * 60 < self.started + series.appears:
                continue
            if series.newest_awake(minute) != minute:
                continue
            if every < 30 and unit(mix(key ^ (minute // 30))) < 0.15:
                continue  # half an hour in seven is silent: a missing rate is unknown, never zero
            if now is not None:
                low, high = self.scenario.lag
                if now - (minute + 1) * 60 < low + (high - low) * unit(mix(key + minute)):
                    continue
            if '*' in self._curves and self._factor('*', minute) == 0.0:
                continue  # no mail, no new rate
            value = series.rate * (1.0 + series.spread * (2.0 * unit(mix(key - minute)) - 1.0))
            if series.metric in self._curves:
                value *= interpolate(self._curves[series.metric], minute * 60 - self.started)
            found.append(Sample(minute, 1, value, value, value))
        return found

    def samples(
        self, account: str, region: str, identity: SeriesKey, first: int, last: int, now: float | None = None
    ) -> list[Sample]:
        """The samples of minutes [first, last) (minutes since the epoch), oldest first, none for an empty minute.

        `now` (epoch seconds) leaves out what CloudWatch does not show yet; None is the final truth.
        """
        if now is not None:
            last = min(last, int(now // 60) + 1)
        if last <= first:
            return []
        found: list[Sample] = []
        series = self.find(region, identity)
        if series is not None:
            place = self._place(account, region)
            if series.every:
                found = self._readings(series, place, first, last, now)
            else:
                amounts = self._amounts(series, place, first, last)
                if now is None or now - last * 60 >= self.settled_after:
                    found = [Sample(first + i, n, n, 1, 1) for i, n in enumerate(amounts) if n]
                else:
                    key = series.key ^ place
                    open_from = int((now - self.settled_after) // 60) - 1
                    for minute, n in enumerate(amounts, first):
                        if n and minute >= open_from:
                            n = self._shown(key, minute, n, now)
                        if n:
                            found.append(Sample(minute, n, n, 1, 1))
        points = self._points.get((account, region), {}).get(identity)
        return self._overlaid(found, points, first, last, now) if points else found

    def _overlaid(
        self, found: list[Sample], points: dict[int, list[Point]], first: int, last: int, now: float | None
    ) -> list[Sample]:
        merged = {sample.minute: sample for sample in found}
        with self._lock:
            touched = sorted(minute for minute in points if first <= minute < last)
            explicit = {minute: list(points[minute]) for minute in touched}
        for minute, given in explicit.items():
            _, count, total, low, high = merged.get(minute, Sample(minute, 0, 0.0, float('inf'), float('-inf')))
            for point in given:
                if now is not None and now < (minute * 60 if point.visible_at is None else point.visible_at):
                    continue
                count, total = count + point.samples, total + point.value
                if point.samples > 0:
                    each = point.value / point.samples
                    low, high = min(low, each), max(high, each)
            if count > 0:
                merged[minute] = Sample(minute, count, total, low, high)
            else:
                merged.pop(minute, None)
        return [merged[minute] for minute in sorted(merged)]

    # The truth, for tests to compare with.

    def _sum(
        self,
        account: str,
        region: str,
        metric: str,
        dimensions: Mapping[str, str] | Iterable[Any],
        start: float,
        end: float,
        namespace: str,
        now: float | None,
    ) -> float:
        identity = (namespace, metric, dimensions_of(dimensions))
        return float(
            sum(s.total for s in self.samples(account, region, identity, int(start // 60), int(end // 60), now))
        )

    def final_sum(
        self,
        account: str,
        region: str,
        metric: str,
        dimensions: Mapping[str, str] | Iterable[Any] = (),
        start: float = 0.0,
        end: float = 0.0,
        namespace: str = SES,
    ) -> float:
        """The sum CloudWatch will finally hold for [start, end) (epoch seconds, rounded down to minutes)."""
        return self._sum(account, region, metric, dimensions, start, end, namespace, None)

    def visible_sum(
        self,
        account: str,
        region: str,
        metric: str,
        dimensions: Mapping[str, str] | Iterable[Any] = (),
        start: float = 0.0,
        end: float = 0.0,
        namespace: str = SES,
        now: float | None = None,
    ) -> float:
        """The sum CloudWatch shows at `now` (default: the clock) for [start, end)."""
        now = self._clock() if now is None else now
        return self._sum(account, region, metric, dimensions, start, end, namespace, now)

    def standing(self, account: str, region: str, now: float | None = None) -> Standing:
        """What AWS allows the account at `now`."""
        since = (self._clock() if now is None else now) - self.started
        current = self.scenario.standings[0][1]
        for at, standing in self.scenario.standings:
            if since >= at:
                current = standing
        return current

    def series(self, account: str, region: str, namespace: str | None = None) -> list[SeriesKey]:
        """Every series that may ever have data here, as (namespace, metric, dimensions)."""
        known = dict.fromkeys(self._catalogue if self.sends_mail(region) else ())
        known.update(dict.fromkeys(self._points.get((account, region), {})))
        return [identity for identity in known if namespace is None or identity[0] == namespace]

    # What SES itself counts: at once, without CloudWatch's lag.

    def occurred(self, account: str, region: str, metric: str, start: float, end: float, now: float) -> int:
        """Account events of minutes [start, end) that happened until `now`; the running minute counts by its share."""
        total = 0.0
        running = int(now // 60)
        for sample in self.samples(account, region, (SES, metric, ()), int(start // 60), int(end // 60)):
            if sample.minute < running:
                total += sample.total
            elif sample.minute == running:
                total += int(sample.total * (now - running * 60) / 60.0)
        return int(total)

    def sent_last_24_hours(self, account: str, region: str, now: float) -> int:
        """Messages of the last 1,440 minutes, the running one included."""
        end = (int(now // 60) + 1) * 60
        return self.occurred(account, region, 'Send', end - 86_400, end, now)

    # What ListMetrics knows.

    def listed(
        self,
        account: str,
        region: str,
        now: float,
        within: float = TWO_WEEKS,
        namespace: str | None = None,
        metric: str | None = None,
        dimensions: tuple[tuple[str, str | None], ...] = (),
    ) -> tuple[SeriesKey, ...]:
        """Series with a datapoint in the last `within` seconds whose first datapoint is older than 15 minutes.

        `namespace` and `metric` are exact, None is any; `dimensions` must be there, with any value where it is None.
        """
        request = (account, region, int(now // 60), within, namespace, metric, dimensions)
        with self._lock:
            if request not in self._listings:
                if len(self._listings) >= 64:
                    self._listings.clear()
                self._listings[request] = tuple(
                    identity for identity in self.series(account, region, namespace)
                    if metric in (None, identity[1]) and _has(identity[2], dimensions)
                    and self._is_listed(account, region, identity, now, within)
                )  # fmt: skip
            return self._listings[request]

    def refresh_listings(self, now: float) -> None:
        """Make the listings anew that were asked for last."""
        with self._lock:
            asked = {(account, region, *rest): None for account, region, _, *rest in self._listings}
        for account, region, *rest in asked:
            self.listed(account, region, now, *rest)

    def _is_listed(self, account: str, region: str, identity: SeriesKey, now: float, within: float) -> bool:
        last, first = int(now // 60), int((now - within) // 60)
        points = self._points.get((account, region), {}).get(identity, {})
        series = self.find(region, identity)
        aged = last + 1 - int(LISTING_DELAY // 60)
        if points:
            shown = [
                (minute, max(minute * 60.0, point.visible_at or 0.0))
                for minute, given in points.items() for point in given if point.samples > 0
            ]  # fmt: skip
            if any(minute >= first for minute, at in shown if at <= now) and any(
                at <= now - LISTING_DELAY for _, at in shown
            ):
                return True
        if series is None:
            return False
        if series.appears is not None and now < self.started + series.appears + LISTING_DELAY:
            return False
        if self._surely_active(series, first, last):
            return True
        place = self._place(account, region)
        if series.every:
            return any(self._readings(series, place, low, high, now) for low, high in _newest_first(first, aged))
        return self._newest_event(series, place, first, aged) is not None

    def _newest_event(self, series: Series, place: int, first: int, last: int) -> int | None:
        """The newest minute of [first, last) with events. Remembered, for listings are asked for again and again."""
        begin, end, newest = self._searched.get((place, series.key), (last, last, None))
        if begin <= first <= end <= last:
            newest = self._search(series, place, end, last) or newest
        else:
            begin, newest = first, self._search(series, place, first, last)
        self._searched[place, series.key] = begin, last, newest
        return newest if newest is not None and newest >= first else None

    def _search(self, series: Series, place: int, first: int, last: int) -> int | None:
        for low, high in _newest_first(first, min(last, series.newest_awake(last - 1) + 1)):
            amounts = self._amounts(series, place, low, high)
            if any(amounts):
                return max(minute for minute, number in enumerate(amounts, low) if number)
        return None

    def _surely_active(self, series: Series, first: int, last: int) -> bool:
        """Whether so many events are expected that a search would find one (odds of 1 : 3,000 against)."""
        if series.every or series.appears is not None or series.cycle or last - first < 1440:
            return False
        steady = '*' not in self._curves or min(self._factor('*', first), self._factor('*', last)) > 0.0
        return steady and series.rate * (last - first) >= 8.0
