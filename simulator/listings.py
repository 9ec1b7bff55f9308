"""The series that ListMetrics knows at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from simulator.series import Series, SeriesId
from simulator.world import World

DELAY = 900.0
"""Seconds from the first datapoint of a series until it is listed."""

TWO_WEEKS = 14 * 86_400.0


class Filter(NamedTuple):
    """The series to list: those with a datapoint in the last `within` seconds, of a namespace and metric; None is any.

    Each of `dimensions` must be there, with any value where it is None.
    """

    within: float = TWO_WEEKS
    namespace: str | None = None
    metric: str | None = None
    dimensions: tuple[tuple[str, str | None], ...] = ()

    def matches(self, identity: SeriesId) -> bool:
        """Whether a series is of this metric and has these dimensions."""
        return self.metric in (None, identity.metric) and all(
            any(required == name and text in (None, value) for name, value in identity.dimensions)
            for required, text in self.dimensions
        )


EVERYTHING = Filter()


class Listings:
    """Listings of each account and Region, remembered because they are asked for again and again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._version = 0
        self._listings: dict[tuple[str, str, int, Filter], tuple[SeriesId, ...]] = {}
        self._searches: dict[tuple[str, str, int], tuple[int, int, int | None]] = {}
        self._lock = threading.RLock()

    def listed(self, account: str, region: str, now: float, selection: Filter = EVERYTHING) -> tuple[SeriesId, ...]:
        """Series with recent data whose first datapoint is older than `DELAY`."""
        request = (account, region, int(now // 60), selection)
        with self._lock:
            if self._version != self._world.version:
                self._version = self._world.version
                self._listings.clear()
            if request not in self._listings:
                if len(self._listings) >= 64:
                    self._listings.clear()
                self._listings[request] = tuple(
                    identity
                    for identity in self._world.series(account, region, selection.namespace)
                    if selection.matches(identity) and self._is_listed(account, region, identity, now, selection.within)
                )
            return self._listings[request]

    def refresh(self, now: float) -> None:
        """Renew the listings that were requested last."""
        with self._lock:
            requests = {(account, region, selection) for account, region, _, selection in self._listings}
        for account, region, selection in requests:
            self.listed(account, region, now, selection)

    def _is_listed(self, account: str, region: str, identity: SeriesId, now: float, within: float) -> bool:
        first, aged = int((now - within) // 60), int(now // 60) + 1 - int(DELAY // 60)
        shown = [
            (minute, max(minute * 60.0, point.visible_at or 0.0))
            for minute, points in self._world.points(account, region, identity).items()
            for point in points
            if point.samples > 0
        ]
        is_recent = any(minute >= first and time <= now for minute, time in shown)
        if is_recent and any(time <= now - DELAY for _, time in shown):
            return True
        series = self._world.find(region, identity)
        if series is None:
            return False
        if series.appears is not None and now < self._world.started + series.appears + DELAY:
            return False
        if self._surely_active(series, first, int(now // 60)):
            return True
        if series.gauge:
            windows = _newest_first(first, aged)
            return any(self._world.readings(account, region, series, low, high, now) for low, high in windows)
        return self._has_events(account, region, series, first, aged)

    def _has_events(self, account: str, region: str, series: Series, first: int, last: int) -> bool:
        """Whether there are events in [first, last); the newest minute with some is remembered."""
        key = (account, region, series.key)
        begin, end, newest = self._searches.get(key, (last, last, None))
        if begin <= first <= end <= last:
            newest = self._newest_event(account, region, series, end, last) or newest
        else:
            begin, newest = first, self._newest_event(account, region, series, first, last)
        self._searches[key] = begin, last, newest
        return newest is not None and newest >= first

    def _newest_event(self, account: str, region: str, series: Series, first: int, last: int) -> int | None:
        for low, high in _newest_first(first, min(last, series.newest_awake(last - 1) + 1)):
            events = self._world.events(account, region, series, low, high)
            if any(events):
                return max(minute for minute, number in enumerate(events, low) if number)
        return None

    def _surely_active(self, series: Series, first: int, last: int) -> bool:
        """Whether so many events are expected that a search would find one (odds of 1 : 3,000 against)."""
        first = max(first, self._world.mail.first_minute)
        if series.gauge or series.appears is not None or series.cycle or last - first < 1440:
            return False
        steady = self._world.flows(first) and self._world.flows(last)
        return steady and series.rate * (last - first) >= 8.0


def _newest_first(first: int, last: int) -> Iterator[tuple[int, int]]:
    """[first, last) from its end on, in growing steps: an active series is found within its newest minutes."""
    step = 30
    while last > first:
        low = max(first, last - step)
        yield low, last
        last, step = low, min(1440, step * 2)
