"""What the gauges of CloudWatch series show: the newest settled period, and for readings the newest datapoint.

No data is not zero. A count's gauge shows zero only while its series is alive: CloudWatch answered completely, and the
series had a datapoint within a day. A reading, as a reputation rate, is never zero by absence; it is held for a day,
and the reputation of an account says how old it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from datadog_checks.amazon_ses.cloudwatch.answers import Answer
from datadog_checks.amazon_ses.cloudwatch.ledger import align
from datadog_checks.amazon_ses.cloudwatch.series import (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    DAY,
    EMPTY_IS_ZERO,
    OF_THE_ACCOUNT,
    SUM,
    Series,
)
from datadog_checks.amazon_ses.model import MetricSpec, MetricType, Sample

PAUSE_LIMITS = {BOUNCE_RATE: 10.0, COMPLAINT_RATE: 0.5}
"""Percent at which AWS may pause sending (SES Developer Guide, FAQ on enforcement)."""

PAUSE_PROXIMITY = MetricSpec(
    'reputation.pause_proximity',
    MetricType.GAUGE,
    'How near the account is to an automatic pause: 100 is a bounce rate of 10 % or a complaint rate of 0.5 %.',
    'percent',
    orientation=-1,
    interval=300,
)
AGE = MetricSpec(
    'reputation.age',
    MetricType.GAUGE,
    'Seconds since the timestamp of the older of the reputation rates that are shown.',
    'second',
    orientation=-1,
)

METRICS = (PAUSE_PROXIMITY, AGE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was last seen of the series that have gauges.

    `settled` holds, by series key and statistic, the value of the newest settled period and when it was read; `period`
    is its length. `readings` (value in the gauge's unit and timestamp) and `last_seen` (timestamp of the newest
    datapoint) are by series key.
    """

    settled: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    period: int = 0
    readings: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    last_seen: Mapping[str, int] = field(default_factory=dict)


def after(shown: Shown, answers: Iterable[Answer], now: float, settle_delay: int, zeroed: bool = False) -> Shown:
    """What the gauges show after the answers of a run. A series that was not answered completely shows nothing new.

    `zeroed` shows zero for every event gauge without data, alive or not. Readings are never zeroed.
    """
    settled, readings, last_seen = dict(shown.settled), dict(shown.readings), dict(shown.last_seen)
    period = shown.period
    for answer in answers:
        asked_for = answer.batch.period
        newest = align(min(now, answer.answered_at) - settle_delay, asked_for) - asked_for
        for query, (points, complete) in zip(answer.batch.queries, answer.results, strict=True):
            spec, key = query.series.spec, query.series.key
            if spec.gauge is None:
                continue
            if points:
                last_seen[key] = max(last_seen.get(key, 0), *points)
            if spec.is_reading:
                if points and max(points) >= readings.get(key, (0.0, 0))[1]:
                    timestamp = max(points)
                    readings[key] = (points[timestamp] * spec.scale, timestamp)
                continue
            period = asked_for
            alive = now - last_seen.get(key, 0) < DAY
            zero = zeroed or (query.statistic in EMPTY_IS_ZERO and alive)
            if newest in points:
                settled[key, query.statistic] = (points[newest], now)
            elif complete and zero and not spec.statistic:
                settled[key, query.statistic] = (0.0, now)
            else:
                settled.pop((key, query.statistic), None)
    return replace(
        shown,
        settled={key: kept for key, kept in settled.items() if now - kept[1] < DAY},
        period=period,
        readings={key: kept for key, kept in readings.items() if now - kept[1] < 3 * DAY},
        last_seen={key: seen for key, seen in last_seen.items() if now - seen < DAY},
    )


def settled_readings(
    shown: Shown, series: Iterable[Series], statistic: str, additional: Mapping[str, str], read_from: float
) -> Iterable[Sample]:
    """The gauges of the newest settled period: `statistic`, and the additional ones (option to CloudWatch's name).

    Those that were not read after `read_from` are too old.
    """
    for one in series:
        of = one.spec.statistic or (statistic if one.has_statistics else SUM)
        value, read_at = shown.settled.get((one.key, of), (0.0, 0.0))
        if read_at > read_from:
            yield from _sample(one, value)
        for option, name in additional.items() if one.has_statistics else ():
            value, read_at = shown.settled.get((one.key, name), (0.0, 0.0))
            if read_at > read_from:
                for metric in one.spec.suffixed(option):
                    yield Sample(metric, value, one.tags, one.account)


def newest_readings(shown: Shown, series: Iterable[Series], now: float) -> Iterable[Sample]:
    """The readings that are not too old; for each account the age of its older reputation rate, and how near a pause
    is."""
    held = {
        one: shown.readings[one.key]
        for one in series
        if one.spec.is_reading and one.key in shown.readings and now - shown.readings[one.key][1] < one.spec.hold
    }
    accounts: dict[str, list[tuple[float, int]]] = {}
    for one, (value, timestamp) in held.items():
        yield from _sample(one, value)
        if one.spec in OF_THE_ACCOUNT:
            accounts.setdefault(one.account, []).append((100.0 * value / PAUSE_LIMITS[one.spec], timestamp))
    for account, rates in accounts.items():
        yield Sample(AGE, max(0.0, now - min(timestamp for _, timestamp in rates)), account=account)
        yield Sample(PAUSE_PROXIMITY, max(near for near, _ in rates), account=account)


def _sample(series: Series, value: float) -> Iterable[Sample]:
    if series.spec.gauge is not None:
        yield Sample(series.spec.gauge, value, series.tags, series.account)
