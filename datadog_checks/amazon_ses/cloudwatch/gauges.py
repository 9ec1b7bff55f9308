"""What the gauges of CloudWatch series show: the newest settled period, and for rates the newest datapoint.

No data is not zero. A count's gauge shows zero only while its series is alive: CloudWatch answered completely, and the
series had a datapoint within a day. A rate is never zero by absence; it is held for a day and says how old it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from datadog_checks.amazon_ses.model import MetricSpec, MetricType, Sample

from .answers import Answer
from .ledger import align
from .series import BOUNCE_RATE, COMPLAINT_RATE, EMPTY_IS_ZERO, SUM, Series

DAY = 86400
"""Seconds for which a rate is held, and within which a series counts as alive."""

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

    `settled` holds the values of the newest settled period by series key and statistic, `period` its length. `rates`
    (value in percent and timestamp) and `last_seen` (timestamp of the newest datapoint) are by series key.
    """

    settled: Mapping[tuple[str, str], float] = field(default_factory=dict)
    period: int = 0
    rates: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    last_seen: Mapping[str, int] = field(default_factory=dict)


def after(shown: Shown, answer: Answer, now: float, settle_delay: int, zeroed: bool = False) -> Shown:
    """What the gauges show after an answer. A series that was not answered completely shows nothing new.

    `zeroed` shows zero for every event gauge without data, alive or not. Rates are never zeroed.
    """
    period = answer.question.period
    newest = align(min(now, answer.answered_at) - settle_delay, period) - period
    settled: dict[tuple[str, str], float] = {}
    rates, last_seen = dict(shown.rates), dict(shown.last_seen)
    for query, result in answer.results.items():
        spec, key = query.series.spec, query.series.key
        if result.points:
            last_seen[key] = max(last_seen.get(key, 0), *result.points)
        if spec.is_rate:
            if result.points and max(result.points) >= rates.get(key, (0.0, 0))[1]:
                timestamp = max(result.points)
                rates[key] = (result.points[timestamp] * spec.scale, timestamp)
        elif spec.gauge is None:
            continue
        elif newest in result.points:
            settled[key, query.statistic] = result.points[newest]
        elif result.complete and zeroed:
            settled[key, query.statistic] = 0.0
        elif result.complete and query.statistic in EMPTY_IS_ZERO and now - last_seen.get(key, 0) < DAY:
            settled[key, query.statistic] = 0.0
    return replace(
        shown,
        settled=settled,
        period=period,
        rates={key: kept for key, kept in rates.items() if now - kept[1] < DAY},
        last_seen={key: seen for key, seen in last_seen.items() if now - seen < DAY},
    )


def settled_readings(
    shown: Shown, series: Iterable[Series], statistic: str, additional: Mapping[str, str]
) -> Iterable[Sample]:
    """The gauges of the newest settled period: `statistic`, and the additional ones (option to CloudWatch's name)."""
    for one in series:
        value = shown.settled.get((one.key, statistic if one.has_statistics else SUM))
        if value is not None:
            yield from _sample(one, value)
        for option, name in additional.items() if one.has_statistics else ():
            for metric in one.spec.suffixed(option):
                if (one.key, name) in shown.settled:
                    yield Sample(metric, shown.settled[one.key, name], one.tags)


def rate_readings(shown: Shown, series: Iterable[Series], now: float) -> Iterable[Sample]:
    """The rates that are not older than a day; for the account the age of the older, and how near a pause is."""
    held = {
        one: shown.rates[one.key]
        for one in series
        if one.spec.is_rate and one.key in shown.rates and now - shown.rates[one.key][1] < DAY
    }
    for one, (value, _) in held.items():
        yield from _sample(one, value)
    account = {one.spec: held[one] for one in held if one.spec in PAUSE_LIMITS}
    if account:
        yield Sample(AGE, max(0.0, now - min(timestamp for _, timestamp in account.values())))
        nearest = max(100.0 * value / PAUSE_LIMITS[spec] for spec, (value, _) in account.items())
        yield Sample(PAUSE_PROXIMITY, nearest)


def _sample(series: Series, value: float) -> Iterable[Sample]:
    if series.spec.gauge is not None:
        yield Sample(series.spec.gauge, value, series.tags)
