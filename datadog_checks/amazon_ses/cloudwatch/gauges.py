"""Gauges of CloudWatch series: counts show their newest settled period, measurements their newest datapoint.

No data is not zero. A count's gauge shows zero only while its series is alive: CloudWatch answered completely, and the
series had a datapoint within a day. A measurement, such as a reputation rate, never becomes zero without data; it is
shown for a day, and `reputation.age` is the age of the rates of an account. The capacity of a managed pool
is that of each mailbox provider: nothing adds them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.metric_table import (
    BOUNCE_RATE,
    BY_POOL,
    COMPLAINT_RATE,
    POOL_CAPACITY,
    POOL_SENT,
)
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, period_start
from datadog_checks.amazon_ses.cloudwatch.selection import Selection
from datadog_checks.amazon_ses.cloudwatch.series import EMPTY_IS_ZERO, SUM, Query, Series
from datadog_checks.amazon_ses.model import MetricSpec, MetricType, Sample

RISK = MetricSpec(
    'reputation.risk',
    MetricType.GAUGE,
    'The worse of bounce_risk and complaint_risk: AWS reviews the account from 50 and may pause it from 100. AWS also '
    'acts for reasons that no rate shows.',
    orientation=-1,
    interval=300,
)
BOUNCE_RISK = MetricSpec(
    'reputation.bounce_risk',
    MetricType.GAUGE,
    'The bounce rate on the scale of reputation.risk: 50 is the review level of 5 %, and from 100, which is 10 %, AWS '
    'may pause the account.',
    orientation=-1,
    interval=300,
)
COMPLAINT_RISK = MetricSpec(
    'reputation.complaint_risk',
    MetricType.GAUGE,
    'The complaint rate on the scale of reputation.risk: 50 is the review level of 0.1 %, and from 100, which is '
    '0.5 %, AWS may pause the account.',
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
POOL_USED = MetricSpec(
    'managed_pool.utilization',
    MetricType.GAUGE,
    'By managed pool: share of the capacity of 24 hours that is used, by mailbox provider. The provider with the most '
    'is the one that holds mail back.',
    'percent',
    orientation=-1,
    interval=300,
)

METRICS = (RISK, BOUNCE_RISK, COMPLAINT_RISK, AGE, POOL_USED)

REVIEW_RISK, PAUSE_RISK = 50.0, 100.0


class RiskScale(NamedTuple):
    """The metric for the risk of a rate, and the percent from which AWS reviews and may pause an account."""

    metric: MetricSpec
    review: float
    pause: float

    def risk(self, rate: float) -> float:
        """A rate on the scale, which is straight up to the review and from there on."""
        if rate <= self.review:
            return REVIEW_RISK * rate / self.review
        return REVIEW_RISK + (PAUSE_RISK - REVIEW_RISK) * (rate - self.review) / (self.pause - self.review)


RISK_SCALES = {BOUNCE_RATE: RiskScale(BOUNCE_RISK, 5.0, 10.0), COMPLAINT_RATE: RiskScale(COMPLAINT_RISK, 0.1, 0.5)}
"""By rate (SES Developer Guide, FAQ on enforcement)."""


@dataclass(frozen=True, slots=True)
class GaugeValues:
    """The newest values of the series with gauges.

    `settled` holds, by series key and statistic, the value of the newest settled period and when it was read; `period`
    is its length. `measurements` (value in the gauge's unit, and timestamp) and `newest_data` (timestamp of the newest
    datapoint) are by series key.
    """

    settled: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    period: int = 0
    measurements: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    newest_data: Mapping[str, int] = field(default_factory=dict)


def merged(values: GaugeValues, observed: GaugeValues) -> GaugeValues:
    """The newer of two values of each series. Values of another period are left out."""
    if not values.settled:
        values = replace(values, period=observed.period)
    settled = dict(values.settled)
    for key, entry in (observed.settled if values.period == observed.period else {}).items():
        settled[key] = max(entry, settled.get(key, entry), key=lambda entry: entry[1])
    measurements = {**values.measurements}
    for name, measurement in observed.measurements.items():
        measurements[name] = max(measurement, measurements.get(name, measurement), key=lambda entry: entry[1])
    newest = {name: max(at, values.newest_data.get(name, at)) for name, at in observed.newest_data.items()}
    return GaugeValues(settled, values.period, measurements, {**values.newest_data, **newest})


def after_answers(
    values: GaugeValues, answers: Iterable[BatchAnswer], now: float, settle_delay: int, zeroed: bool = False
) -> GaugeValues:
    """The values after the answers of a run. A series whose answer is incomplete keeps its values.

    `zeroed` shows zero for every event gauge without data, alive or not. Measurements are never zeroed.
    """
    settled, measurements = dict(values.settled), dict(values.measurements)
    newest_data, period = dict(values.newest_data), values.period
    for answer in answers:
        length = answer.batch.period
        newest = period_start(min(now, answer.answered_at) - settle_delay, length) - length
        queries = enumerate(answer.batch.queries)
        shown = {position: query for position, query in queries if query.series.spec.gauge is not None}
        all_points, incomplete = (answer.points(shown), answer.incomplete) if shown else ({}, set())
        for position, query in shown.items():
            spec, key, points = query.series.spec, query.series.key, all_points.get(position, {})
            if points:
                newest_data[key] = max(newest_data.get(key, 0), *points)
            if spec.is_measurement:
                measurements.update(_newer_measurement(query, points, measurements))
                continue
            period = length
            alive = now - newest_data.get(key, 0) < DAY
            value = points.get(newest)
            if value is None and position not in incomplete:
                value = _zero(query, alive, zeroed)
            if value is None:
                settled.pop((key, query.statistic), None)
            else:
                settled[key, query.statistic] = (value, now)
    return replace(
        values,
        settled={key: entry for key, entry in settled.items() if now - entry[1] < DAY},
        period=period,
        measurements={key: entry for key, entry in measurements.items() if now - entry[1] < 3 * DAY},
        newest_data={key: timestamp for key, timestamp in newest_data.items() if now - timestamp < DAY},
    )


def _newer_measurement(
    query: Query, points: Mapping[int, float], measurements: Mapping[str, tuple[float, int]]
) -> Mapping[str, tuple[float, int]]:
    if not points:
        return {}
    key, timestamp = query.series.key, max(points)
    if timestamp < measurements.get(key, (0.0, 0))[1]:
        return {}
    return {key: (points[timestamp] * query.series.spec.scale, timestamp)}


def _zero(query: Query, alive: bool, zeroed: bool) -> float | None:
    """The value of a settled period without data in a complete answer: zero if it had no events, None if that is not
    known."""
    zero = zeroed or (query.statistic in EMPTY_IS_ZERO and alive)
    return 0.0 if zero and not query.series.spec.statistic else None


def unknown_measurements(values: GaugeValues, selection: Selection) -> list[int]:
    """The indexes of the measurements that have no value."""
    return [index for index in selection.measurements if selection.keys[index] not in values.measurements]


def settled_samples(
    values: GaugeValues, series_list: Iterable[Series], statistic: str, additional: Mapping[str, str], read_after: float
) -> Iterable[Sample]:
    """The gauges of the newest settled period that were read after `read_after`; older ones are not shown.

    `statistic` is that of the options; `additional` are its further ones, from the option's spelling to CloudWatch's.
    """
    for series in series_list:
        main = series.spec.statistic or (statistic if series.follows_options else SUM)
        value, read_at = values.settled.get((series.key, main), (0.0, 0.0))
        if read_at > read_after:
            yield from _sample(series, value)
        for option, name in additional.items() if series.follows_options else ():
            value, read_at = values.settled.get((series.key, name), (0.0, 0.0))
            if read_at > read_after:
                for metric in series.spec.suffixed(option):
                    yield Sample(metric, value, series.tags, series.account)


def measurement_samples(values: GaugeValues, series_list: Iterable[Series], now: float) -> Iterable[Sample]:
    """The measurements that are not too old, and for each account the age of its older reputation rate and the risk
    that AWS acts."""
    shown = {
        series: values.measurements[series.key]
        for series in series_list
        if series.spec.is_measurement
        and series.key in values.measurements
        and now - values.measurements[series.key][1] < series.spec.hold
    }
    accounts: dict[str, list[tuple[float, int]]] = {}
    for series, (value, timestamp) in shown.items():
        yield from _sample(series, value)
        if series.spec in RISK_SCALES:
            scale = RISK_SCALES[series.spec]
            risk = scale.risk(value)
            yield Sample(scale.metric, risk, account=series.account)
            accounts.setdefault(series.account, []).append((risk, timestamp))
    for account, rates in accounts.items():
        yield Sample(AGE, max(0.0, now - min(timestamp for _, timestamp in rates)), account=account)
        yield Sample(RISK, max(risk for risk, _ in rates), account=account)
    yield from _pool_samples({series: value for series, (value, _) in shown.items()})


def _pool_samples(shown: Mapping[Series, float]) -> Iterable[Sample]:
    """How much of the capacity of a managed pool is used, of each provider: of the series with the same dimensions."""
    sent = {
        (series.account, series.dimensions): value
        for series, value in shown.items()
        if series.spec == BY_POOL[POOL_SENT]
    }
    for series, capacity in shown.items():
        used = sent.get((series.account, series.dimensions))
        if series.spec == BY_POOL[POOL_CAPACITY] and used is not None and capacity > 0:
            yield Sample(POOL_USED, 100.0 * used / capacity, series.tags, series.account)


def _sample(series: Series, value: float) -> Iterable[Sample]:
    if series.spec.gauge is not None:
        yield Sample(series.spec.gauge, value, series.tags, series.account)
