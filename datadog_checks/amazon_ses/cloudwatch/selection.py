"""Selection: which series are asked for. `include` and `exclude` choose; `max_series` decides how many are left out."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.metric_table import FEEDBACK_NAMES, REPUTATION_NAMES, SEND_NAMES
from datadog_checks.amazon_ses.cloudwatch.queries import SeriesColumns, query_bytes
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Dimensions, Scope, Series, statistics_of

Group = tuple[str, str, Dimensions]
"""Linked account, namespace and dimensions that series share: those of a configuration set, of a tenant."""

EXCLUDED, MAX_SERIES = 'excluded', 'max_series'
"""Why a series is left out: values of the tag `reason` of `collector.series_dropped`."""


class PollingClass(IntEnum):
    """When a series without data is idle: never; FEEDBACK only while its group sends nothing either; NORMAL always.

    DAILY series (SNDS) are read at an interval of their own.
    """

    NEVER_IDLE = 0
    FEEDBACK = 1
    NORMAL = 2
    DAILY = 3


class Pattern(NamedTuple):
    """An entry of the options `include` and `exclude`: globs on CloudWatch's names, case sensitive.

    An empty glob matches anything. `dimension` and `value` must match the same dimension.
    """

    metric: str = ''
    dimension: str = ''
    value: str = ''

    def matches(self, series: Series) -> bool:
        if self.metric and not _matches(self.metric, series.metric_name):
            return False
        if not self.dimension and not self.value:
            return True
        return any(_matches(self.dimension, name) and _matches(self.value, value) for name, value in series.dimensions)


def compiles(glob: str) -> bool:
    """Whether a glob can be used."""
    try:
        _expression(glob)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _matches(glob: str, name: str) -> bool:
    return not glob or _expression(glob).match(name) is not None


# fnmatch keeps fewer of them than the options may name, and would compile each again for each series.
@lru_cache(maxsize=2000)
def _expression(glob: str) -> re.Pattern[str]:
    return re.compile(translate(re.sub(r'\*+', '*', glob)))


@dataclass(frozen=True, slots=True)
class Selection:
    """The series that are asked for, and how many are left out, by reason.

    A series is known by its index in `series`. By index are also `keys`, `classes` (PollingClass), `counted` and
    `gauged` (whether its count is submitted, and whether it has a gauge), `send_indexes` (for a FEEDBACK series the
    series of what its group sent, else -1), `statistics` and `weights` (see SeriesColumns).
    `measurements` are the indexes of the series without a count. `with_options` and `without_options` are the series
    whose gauges show settled periods: those that follow the options `statistic` and `statistics`, and the others.
    `stale` says that the selection must be made anew, because the inventory changed.
    """

    series: tuple[Series, ...] = ()
    keys: tuple[str, ...] = ()
    classes: bytes = b''
    counted: bytes = b''
    gauged: bytes = b''
    send_indexes: Sequence[int] = ()
    statistics: tuple[tuple[str, ...], ...] = ()
    weights: Sequence[int] = ()
    measurements: tuple[int, ...] = ()
    with_options: tuple[Series, ...] = ()
    without_options: tuple[Series, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    stale: bool = False

    @property
    def columns(self) -> SeriesColumns:
        return SeriesColumns(self.series, self.statistics, self.weights)

    @property
    def daily(self) -> list[int]:
        """The indexes of the series with one datapoint a day."""
        if PollingClass.DAILY not in self.classes:
            return []
        return [index for index, polling_class in enumerate(self.classes) if polling_class == PollingClass.DAILY]


NOT_SELECTED = Selection(stale=True)
"""Before the first selection."""


def matching(listed: Iterable[Series], include: Sequence[Pattern], exclude: Sequence[Pattern]) -> list[Series]:
    """The series that a pattern of `include` matches, if there are any, and no pattern of `exclude`."""
    if not include and not exclude:
        return list(listed)
    return [
        series
        for series in listed
        if (not include or any(pattern.matches(series) for pattern in include))
        and not any(pattern.matches(series) for pattern in exclude)
    ]


def most_important(listed: Sequence[Series], limit: int, volumes: Mapping[Group, float]) -> list[Series]:
    """At most `limit` series: whole accounts first, then reputation, then the groups that sent most. They stand in the
    order of a listing.

    `volumes` are the emails that each group sent, by the last survey; a group without a volume sent nothing.
    """
    if len(listed) <= limit:
        return list(listed)
    chosen = sorted(
        listed,
        key=lambda series: (
            _rank(series),
            -volumes.get(group_of(series), 0.0),
            group_of(series),
            not series.spec.is_measurement,
            series.metric_name,
        ),
    )[:limit]
    return sorted(chosen, key=_listing_order)


def select(
    always: Iterable[Series],
    listed: Iterable[Series],
    statistics: Iterable[str],
    dropped: Mapping[str, int],
    dropped_metrics: frozenset[str] = frozenset(),
) -> Selection:
    """The selection of `always` and then of `listed`, which stand group by group.

    A count that is among `dropped_metrics` is not counted: it would be missing when the operator wants it again.
    """
    series_list = (*always, *listed)
    configured = tuple(dict.fromkeys((SUM, *statistics)))
    all_traits = _all_traits(series_list, configured, dropped_metrics)
    weights = (
        query_bytes(series) * len(traits.statistics) for series, traits in zip(series_list, all_traits, strict=True)
    )
    gauged = [
        (series, traits.follows_options)
        for series, traits in zip(series_list, all_traits, strict=True)
        if traits.has_gauge and not traits.is_measurement
    ]
    return Selection(
        series_list,
        tuple([series.key for series in series_list]),
        bytes([traits.polling_class for traits in all_traits]),
        bytes([traits.is_counted for traits in all_traits]),
        bytes([traits.has_gauge for traits in all_traits]),
        _send_indexes(series_list, all_traits),
        tuple([traits.statistics for traits in all_traits]),
        array('I', weights),
        tuple([index for index, traits in enumerate(all_traits) if traits.is_measurement]),
        tuple(series for series, follows_options in gauged if follows_options),
        tuple(series for series, follows_options in gauged if not follows_options),
        Counter({reason: number for reason, number in dropped.items() if number}),
    )


class _Traits(NamedTuple):
    """What all series of one spec, scope and metric have in common."""

    polling_class: PollingClass
    statistics: tuple[str, ...]
    is_counted: bool
    has_gauge: bool
    is_measurement: bool
    follows_options: bool
    is_send: bool


def _all_traits(
    series_list: Iterable[Series], configured: tuple[str, ...], dropped_metrics: frozenset[str]
) -> list[_Traits]:
    """The traits of each series. An account has thousands of series, and few different traits."""
    all_traits, by_kind = [], {}
    for series in series_list:
        # By identity, because a hash of a spec costs more than the rest.
        kind = id(series.spec), id(series.scope), series.metric_name
        if kind not in by_kind:
            by_kind[kind] = _Traits(
                _polling_class(series),
                statistics_of(series, configured),
                _is_counted(series, dropped_metrics),
                series.spec.gauge is not None,
                series.spec.is_measurement,
                series.follows_options,
                series.metric_name in SEND_NAMES and series.scope is not Scope.NAMED,
            )
        all_traits.append(by_kind[kind])
    return all_traits


def _send_indexes(series_list: Sequence[Series], all_traits: Sequence[_Traits]) -> array[int]:
    """For each FEEDBACK series the index of what its group sent, -1 where there is none, and for any other one."""
    sends = {
        group_of(series): index
        for index, (series, traits) in enumerate(zip(series_list, all_traits, strict=True))
        if traits.is_send
    }
    return array(
        'i',
        [
            sends.get(group_of(series), -1) if traits.polling_class == PollingClass.FEEDBACK else -1
            for series, traits in zip(series_list, all_traits, strict=True)
        ],
    )


def group_of(series: Series) -> Group:
    return series.account, series.namespace, series.dimensions


def representatives(listed: Iterable[Series]) -> dict[Group, Series]:
    """For each group the series that stands for its volume: its sends, else its first count."""
    chosen: dict[Group, Series] = {}
    for series in sorted(listed, key=_listing_order):
        group = group_of(series)
        if not series.spec.is_measurement and (group not in chosen or series.metric_name in SEND_NAMES):
            chosen[group] = series
    return chosen


def _is_counted(series: Series, dropped_metrics: frozenset[str]) -> bool:
    return series.spec.count is not None and series.spec.count.name not in dropped_metrics


def _listing_order(series: Series) -> tuple[object, ...]:
    return (*group_of(series), series.metric_name)


def _rank(series: Series) -> int:
    if series.spec.account_wide:
        return 0
    return 1 if series.metric_name in REPUTATION_NAMES else 2


def _polling_class(series: Series) -> PollingClass:
    if series.spec.daily:
        return PollingClass.DAILY
    if series.scope is Scope.NAMED or series.spec.account_wide or series.metric_name in REPUTATION_NAMES:
        return PollingClass.NEVER_IDLE
    return PollingClass.FEEDBACK if series.metric_name in FEEDBACK_NAMES else PollingClass.NORMAL
