"""The sums of event series in whole periods, each worked out once when nothing can change it any more."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.series import Series, SeriesKey
from simulator.world import World

MOST = 512
"""Periods that are remembered of one series, the newest."""


@dataclass(slots=True)
class _Kept:
    """What is known of one series: (first period, texts) of settled periods, (now, first period, texts) of open ones.

    Each is replaced as a whole, because another thread may be reading it.
    """

    series: Series | None
    settled: tuple[int, list[str]] | None = None
    open: tuple[float, int, list[str]] | None = None


class Totals:
    """Sums as CloudWatch shows them, as JSON numbers: those of `World.samples`. May be used from several threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[tuple[str, str, int], dict[SeriesKey, _Kept]] = {}
        self._texts: dict[float, str] = {0: ''}

    def of(
        self, account: str, region: str, identity: SeriesKey, period: int, first: int, last: int, now: float
    ) -> list[str] | None:
        """The sum of each period that begins in [first, last), '' where there is no datapoint.

        `first` and `last` are multiples of `period`, all in seconds. None where sums are not remembered: readings,
        series with explicit points, windows of more than `MOST` periods.
        """
        if self._world.has_points(account, region, identity):
            return None
        known = self._kept.setdefault((account, region, period), {})
        kept = known.get(identity)
        if kept is None:
            kept = known[identity] = _Kept(self._world.find(region, identity))
        if kept.series is None:
            return [''] * ((last - first) // period)
        if kept.series.every or last - first > MOST * period:
            return None
        settled = min(last, int((now - self._world.settled_after) // period) * period)
        texts: list[str] = []
        if settled > first:
            texts = self._settled(kept, kept.series, (account, region), period, first, settled)
        if last > settled:
            texts = texts + self._open(kept, kept.series, (account, region), period, max(first, settled), last, now)
        return texts

    def refresh(self, now: float) -> None:
        """Work out the newest periods of every series that was asked for, so that the next answer need not."""
        for (account, region, period), known in list(self._kept.items()):
            end = int(now // period + 1) * period
            for identity, kept in list(known.items()):
                if kept.settled is not None:
                    self.of(account, region, identity, period, end - 3 * period, end, now)

    def _settled(
        self, kept: _Kept, series: Series, place: tuple[str, str], period: int, first: int, last: int
    ) -> list[str]:
        begin, texts = kept.settled or (first, [])
        end = begin + len(texts) * period
        if max(end, last) - min(begin, first) > MOST * period:
            # A clock that jumped: what is far away is not worth what lies between.
            begin, texts, end = first, [], first
        if first < begin:
            texts, begin = self._final(series, place, period, first, begin) + texts, first
        if last > end:
            texts = texts + self._final(series, place, period, end, last)
        kept.settled = begin, texts
        return texts[(first - begin) // period : (last - begin) // period]

    def _final(self, series: Series, place: tuple[str, str], period: int, first: int, last: int) -> list[str]:
        minutes = period // 60
        return [
            self._text(sum(self._world.events(*place, series, minute, minute + minutes)))
            for minute in range(first // 60, last // 60, minutes)
        ]

    def _open(
        self, kept: _Kept, series: Series, place: tuple[str, str], period: int, first: int, last: int, now: float
    ) -> list[str]:
        """Texts of periods that may still grow; remembered for as long as the clock stands still."""
        number = (last - first) // period
        if kept.open is None or kept.open[:2] != (now, first) or len(kept.open[2]) < number:
            identity = (series.namespace, series.metric, series.dimensions)
            sums = [0.0] * number
            for sample in self._world.samples(*place, identity, first // 60, last // 60, now):
                sums[(sample.minute * 60 - first) // period] += sample.total
            kept.open = now, first, [self._text(total) for total in sums]
        return kept.open[2][:number]

    def _text(self, total: float) -> str:
        text = self._texts.get(total)
        if text is None:
            text = self._texts[total] = repr(float(total))
        return text
