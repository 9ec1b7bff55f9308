"""The sums of event series in whole periods, each remembered for as long as nothing can change it."""

from __future__ import annotations

from typing import NamedTuple

from simulator.series import Series, SeriesId
from simulator.world import World

MAX_PERIODS = 512
"""The longest run of periods that is remembered of a series."""


class Periods(NamedTuple):
    """The periods that begin in [first, last); all in seconds, `first` and `last` multiples of `length`."""

    length: int
    first: int
    last: int


class _Run(NamedTuple):
    """Consecutive sums of a series as JSON numbers: the first period, when they were read, and their texts."""

    first: int
    read_at: float
    texts: list[str]


class Sums:
    """Sums as CloudWatch shows them, as JSON numbers: those of `World.samples`. Safe for threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[tuple[str, str, int], dict[SeriesId, _Run]] = {}
        self._texts: dict[float, str] = {0: ''}

    def texts(self, account: str, region: str, identity: SeriesId, periods: Periods, now: float) -> list[str] | None:
        """The sum of each period, '' where there is no datapoint.

        None for gauges and for series with explicit points. More than `MAX_PERIODS` periods are not remembered.
        """
        length, first, last = periods
        if self._world.has_points(account, region, identity):
            return None
        series = self._world.find(region, identity)
        if series is None:
            return [''] * ((last - first) // length)
        if series.gauge:
            return None
        if last - first > MAX_PERIODS * length:
            return self._read(account, region, series, periods, now)
        runs = self._runs.setdefault((account, region, length), {})
        run = runs.get(identity)
        if run is None or run.read_at != now or run.first > first or run.first + len(run.texts) * length < last:
            # Replaced as a whole, because another thread may be reading it.
            run = runs[identity] = self._extended(run, account, region, series, periods, now)
        begin = (first - run.first) // length
        return run.texts[begin : begin + (last - first) // length]

    def refresh(self, now: float) -> None:
        """Work out the newest periods of every series that was queried, so that the next answer is quick."""
        for (account, region, length), runs in list(self._runs.items()):
            end = int(now // length + 1) * length
            for identity in list(runs):
                self.texts(account, region, identity, Periods(length, end - 3 * length, end), now)

    def _settled(self, length: int, now: float) -> int:
        """The end of the periods that CloudWatch shows in full."""
        return int((now - self._world.settled_after) // length) * length

    def _extended(
        self, run: _Run | None, account: str, region: str, series: Series, periods: Periods, now: float
    ) -> _Run:
        """A run that covers the periods: the part of the earlier run that is still right, and new sums around it."""
        length, first, last = periods
        begin, texts = first, list[str]()
        if run is not None:
            begin, texts = run.first, run.texts
            if run.read_at != now:
                final = min(self._settled(length, run.read_at), self._settled(length, now))
                texts = texts[: max(0, (final - begin) // length)]
        end = begin + len(texts) * length
        if not texts or max(end, last) - min(begin, first) > MAX_PERIODS * length:
            # After a jump of the clock, the periods between are not worth reading.
            begin, end, texts = first, first, []
        if first < begin:
            texts = self._read(account, region, series, Periods(length, first, begin), now) + texts
        if last > end:
            texts = texts + self._read(account, region, series, Periods(length, end, last), now)
        return _Run(min(first, begin), now, texts)

    def _read(self, account: str, region: str, series: Series, periods: Periods, now: float) -> list[str]:
        length, first, last = periods
        minutes = length // 60
        events = self._world.shown(account, region, series, first // 60, last // 60, now)
        totals = (sum(events[at : at + minutes]) for at in range(0, len(events), minutes))
        return [self._text(total) for total in totals]

    def _text(self, total: float) -> str:
        text = self._texts.get(total)
        if text is None:
            text = self._texts[total] = repr(float(total))
        return text
