"""Which series are asked for: what the operator wants, the most important first, and not more than `max_series`."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.series import (
    OF_THE_ACCOUNT,
    REPUTATION,
    SUM,
    Dimensions,
    Series,
    statistics_of,
)

Group = tuple[str, str, Dimensions]
"""Series with the same dimensions: a configuration set, a tenant. The owning account, the namespace, the dimensions."""

SENT = ('Send', 'Sends', 'SendCount')
FEEDBACK = ('Bounce', 'Bounces', 'Complaint', 'Complaints')
RATES = frozenset(rate.metric_name for rate in REPUTATION)

EXCLUDED, MAX_SERIES = 'excluded', 'max_series'
"""Why a series is left out: the reasons of `collector.series_dropped`."""


class Pace(IntEnum):
    """How often a series is asked for. FEEDBACK follows what was sent; DAILY has one datapoint a day."""

    STEADY = 0
    FEEDBACK = 1
    NORMAL = 2
    DAILY = 3


class Pattern(NamedTuple):
    """An entry of the options `include` and `exclude`: globs on CloudWatch's names, matched with their case.

    Empty means any. `dimension` and `value` must fit the same dimension.
    """

    metric: str = ''
    dimension: str = ''
    value: str = ''

    def fits(self, series: Series) -> bool:
        if self.metric and not fnmatchcase(series.metric_name, self.metric):
            return False
        if not self.dimension and not self.value:
            return True
        return any(
            fnmatchcase(name, self.dimension or '*') and fnmatchcase(value, self.value or '*')
            for name, value in series.dimensions
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """The series that are asked for, each with its place, and how many are left out, by reason.

    `paces` and `leaders` are by place; the leader of feedback is the series of what was sent with the same dimensions,
    or -1. `asked` are the statistics of each series, `weights` about how many bytes of a request they take. `readings`
    are the places of what has no count. `own` and `found` are the series whose gauges show settled periods: those whose
    statistics the options choose, and those that listing found.
    """

    series: tuple[Series, ...] = ()
    keys: tuple[str, ...] = ()
    paces: bytes = b''
    leaders: Sequence[int] = ()
    asked: tuple[tuple[str, ...], ...] = ()
    weights: Sequence[int] = ()
    readings: tuple[int, ...] = ()
    own: tuple[Series, ...] = ()
    found: tuple[Series, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)


def wanted(found: Iterable[Series], include: Sequence[Pattern], exclude: Sequence[Pattern]) -> list[Series]:
    """The series that the operator wants: those that an entry of `include` fits, if there are any, and none of
    `exclude`."""
    if not include and not exclude:
        return list(found)
    return [
        one
        for one in found
        if (not include or any(pattern.fits(one) for pattern in include))
        and not any(pattern.fits(one) for pattern in exclude)
    ]


def limited(found: Sequence[Series], most: int, volumes: Mapping[Group, float]) -> list[Series]:
    """At most `most` series: those of accounts as a whole first, then reputation, then by what was sent of late.

    `volumes` tells that; a group that it does not know counts as having sent nothing.
    """
    if len(found) <= most:
        return list(found)
    return sorted(
        found,
        key=lambda one: (
            _rank(one),
            -volumes.get(group(one), 0.0),
            group(one),
            not one.spec.is_reading,
            one.metric_name,
        ),
    )[:most]


def select(
    always: Iterable[Series], found: Iterable[Series], statistics: Iterable[str], dropped: Mapping[str, int]
) -> Selection:
    """The selection of `always`, in their order, and `found`, group by group."""
    series = (*always, *sorted(found, key=_order))
    leading = {group(one): place for place, one in enumerate(series) if one.metric_name in SENT and not one.named}
    paces = bytes(_pace(one) for one in series)
    every = tuple(dict.fromkeys((SUM, *statistics)))
    asked = tuple(statistics_of(one, every) for one in series)
    led = (
        leading.get(group(one), -1) if pace == Pace.FEEDBACK else -1 for one, pace in zip(series, paces, strict=True)
    )
    gauged = [one for one in series if one.spec.gauge is not None and not one.spec.is_reading]
    return Selection(
        series,
        tuple(one.key for one in series),
        paces,
        array('i', led),
        asked,
        array('I', (weight(one) * len(its) for one, its in zip(series, asked, strict=True))),
        tuple(place for place, one in enumerate(series) if one.spec.is_reading),
        tuple(one for one in gauged if one.has_statistics),
        tuple(one for one in gauged if not one.has_statistics),
        Counter({reason: number for reason, number in dropped.items() if number}),
    )


def group(series: Series) -> Group:
    return series.account, series.namespace, series.dimensions


def leaders(found: Iterable[Series]) -> dict[Group, Series]:
    """For each group the series that tells best how much goes on in it: what was sent, else the first that counts."""
    chosen: dict[Group, Series] = {}
    for one in sorted(found, key=_order):
        if not one.spec.is_reading and (group(one) not in chosen or one.metric_name in SENT):
            chosen[group(one)] = one
    return chosen


def _order(one: Series) -> tuple[object, ...]:
    return (*group(one), one.metric_name)


def _rank(one: Series) -> int:
    if one.spec in OF_THE_ACCOUNT:
        return 0
    return 1 if one.metric_name in RATES else 2


def _pace(one: Series) -> Pace:
    if one.spec.daily:
        return Pace.DAILY
    if one.named or one.spec in OF_THE_ACCOUNT or one.metric_name in RATES:
        return Pace.STEADY
    return Pace.FEEDBACK if one.metric_name in FEEDBACK else Pace.NORMAL


def weight(one: Series) -> int:
    """Bytes of a query in the longest of CloudWatch's protocols, where every odd byte takes three."""
    names = len(one.namespace) + len(one.metric_name)
    return 400 + 3 * (names + sum(90 + len(name.encode()) + len(value.encode()) for name, value in one.dimensions))
