"""The truth behind the pretend AWS: all traffic, when CloudWatch shows it, and the standing of each account."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from simulator.inventories import Inventories
from simulator.inventory import Inventory
from simulator.mail import Mail
from simulator.rows import Outcomes
from simulator.scenarios import Scenario, Standing
from simulator.series import Sample, Series, SeriesId, catalogue, series_id
from simulator.traffic import amount, daily_table, mix, unit

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
        self.mail = Mail(scenario, seed, self.started)
        self.settled_after = max(scenario.lag[1], scenario.late[1] if scenario.late_share else 0.0)
        self.inventories = Inventories(scenario)
        self.version = 0  # goes up with each explicit amount
        self._clock = clock
        self._catalogue = catalogue(scenario)
        self._daily = daily_table(scenario.amplitude)
        self._points: dict[tuple[str, str], dict[SeriesId, dict[int, list[Point]]]] = {}
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Forget the traffic that is remembered, which is worked out again when it is needed."""
        self.mail.forget()

    def stop_mail(self, at: float) -> None:
        """Let no mail flow from a time on (epoch seconds)."""
        self.mail.stopped_at = at
        self.forget()

    def outcomes(self, account: str, region: str, stream: int, minute: int) -> Outcomes:
        """What becomes of the messages of a stream of the scenario, by its place there, in a minute."""
        return self.mail.outcomes(self.mail.place(account, region), stream, minute)

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
            searched = points if minutes is None or len(points) < len(minutes) else minutes
            inside = (minute for minute in searched if minute in points and (minutes is None or minute in minutes))
            return {minute: list(points[minute]) for minute in inside}

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

    def flows(self, minute: int) -> bool:
        """Whether mail flows in a minute."""
        return self.mail.volume(minute) > 0.0

    def _has_data(self, series: Series, minute: int) -> bool:
        """Whether a series has begun, and is awake in a minute."""
        if minute < self.mail.first_minute:
            return False
        if series.appears is not None and minute * 60 < self.started + series.appears:
            return False
        return series.newest_awake(minute) == minute

    def _expected(self, series: Series, minute: int) -> float:
        """The mean number in a minute of events that are no messages."""
        if not self._has_data(series, minute):
            return 0.0
        return series.rate * self._daily[minute % 1440] * self.mail.volume(minute)

    def events(self, account: str, region: str, series: Series, first: int, last: int) -> list[int]:
        """The final number of events in each minute of [first, last)."""
        place = self.mail.place(account, region)
        if series.part is None:
            key = series.key ^ place.key
            return [amount(key, m, place.share * self._expected(series, m)) for m in range(first, last)]
        numbers = self.mail.counts(place, series.part, first, last)
        if series.appears is not None:
            silent = int((self.started + series.appears) // 60) - first
            numbers[: max(0, silent)] = [0] * min(max(0, silent), len(numbers))
        return numbers

    def readings(
        self, account: str, region: str, series: Series, first: int, last: int, now: float | None
    ) -> list[Sample]:
        """The samples of a gauge in minutes [first, last) that CloudWatch shows at `now`; None is the final truth."""
        gauge = series.gauge
        if gauge is None:
            return []
        place = self.mail.place(account, region)
        key = mix(series.key ^ place.key)
        low, high = self.scenario.lag
        first = max(first, self.mail.first_minute)
        samples = []
        for minute in range(first + (-(first + key)) % gauge.every, last, gauge.every):
            if not self._has_data(series, minute):
                continue
            if gauge.every < 30 and unit(mix(key ^ (minute // 30))) < 0.15:
                continue  # half an hour in seven is silent: a missing rate is unknown, never zero
            if now is not None and now - (minute + 1) * 60 < low + (high - low) * unit(mix(key + minute)):
                continue
            if not self.flows(minute):
                continue  # no mail, no new rate
            if series.part is None:
                value: float | None = series.rate * (1.0 + gauge.spread * (2.0 * unit(mix(key - minute)) - 1.0))
            else:
                value = self.mail.rate(place, series.part, minute)
            if value is not None:
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

    def shown(
        self, account: str, region: str, series: Series, first: int, last: int, now: float | None = None
    ) -> list[int]:
        """The events in each minute of [first, last) that CloudWatch shows at `now`; None is the final truth."""
        begin = min(last, max(first, self.mail.first_minute))
        end = last if now is None else max(begin, min(last, int(now // 60) + 1))
        events = self.events(account, region, series, begin, end)
        if now is not None and now - end * 60 < self.settled_after:
            # The metrics of a sender are late together, so that no message is delivered before it is accepted.
            key = series.sender ^ self.mail.place(account, region).key
            growing = max(0, int((now - self.settled_after) // 60) - 1 - begin)
            for index in range(growing, len(events)):
                if events[index]:
                    events[index] = self._visible(key, begin + index, events[index], now)
        return [0] * (begin - first) + events + [0] * (last - end)

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
            begin = min(last, max(first, self.mail.first_minute))
            events = self.shown(account, region, traffic, begin, last, now)
            samples = [Sample(minute, number, number, 1, 1) for minute, number in enumerate(events, begin) if number]
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
        passed = [standing for seconds, standing in steps if seconds <= since]
        first = steps[0][1]
        newest = first if self.mail.place(account, region).calm or not passed else passed[-1]
        return self.inventories.standing(account, region, since, newest)

    def inventory(self, account: str, region: str, now: float | None = None) -> Inventory:
        """Identities, configuration sets, tenants and findings of the account at `now` (None: the clock's)."""
        return self.inventories.at(account, region, (self._clock() if now is None else now) - self.started)

    def amounts(self, account: str, region: str, metric: str, first: int, last: int) -> list[float]:
        """The final number of account events in each minute of [first, last): the totals of `samples`."""
        identity = series_id(metric)
        series = self.find(region, identity)
        begin = min(last, max(first, self.mail.first_minute))
        amounts: list[float] = [0.0] * (last - first)
        if series is not None:
            amounts[begin - first :] = self.events(account, region, series, begin, last)
        for minute, points in self.points(account, region, identity, range(first, last)).items():
            number = amounts[minute - first] + sum(point.samples for point in points)
            total = amounts[minute - first] + sum(point.value for point in points)
            amounts[minute - first] = total if number > 0 else 0.0
        return amounts

    def happened(self, account: str, region: str, metric: str, start: float, end: float, now: float) -> int:
        """Account events of minutes [start, end) until `now`, without CloudWatch's lag.

        The running minute counts by its share.
        """
        first, running = int(start // 60), int(now // 60)
        amounts = self.amounts(account, region, metric, first, max(first, min(int(end // 60), running + 1)))
        whole = max(0, running - first)
        return int(sum(amounts[:whole]) + sum(int(amount * (now - running * 60) / 60.0) for amount in amounts[whole:]))

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
