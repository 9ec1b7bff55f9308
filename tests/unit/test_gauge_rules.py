"""Promise P2: Which value a gauge shows, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from common import values_by_name

from datadog_checks.amazon_ses.cloudwatch import gauges
from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.blocks import joined
from datadog_checks.amazon_ses.cloudwatch.gauges import GaugeValues
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES, BY_POOL, POOL_CAPACITY, POOL_SENT
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Queries
from datadog_checks.amazon_ses.cloudwatch.series import AVERAGE, SUM, Query, Series

NOW = 1_790_000_100
DAY = 86400
BY_NAME = {series.metric_name: series for series in ACCOUNT_SERIES}
SEND, BOUNCE = Query(BY_NAME['Send'], SUM), Query(BY_NAME['Bounce'], SUM)
BOUNCE_RATE = Query(BY_NAME['Reputation.BounceRate'], AVERAGE)
COMPLAINT_RATE = Query(BY_NAME['Reputation.ComplaintRate'], AVERAGE)
RATES = [series for series in ACCOUNT_SERIES if series.spec.is_measurement]
NOTHING_SHOWN = GaugeValues()


def answer(points: Mapping[Query, Mapping[int, float]], complete: bool = True, at: float = NOW) -> BatchAnswer:
    batch = Batch(Queries.of(*points), tuple(range(len(points))), Window(NOW - 3600, NOW + 300), 300)
    rows = ((position, (*sums,), [*sums.values()], complete) for position, sums in enumerate(points.values()))
    return BatchAnswer(batch, joined(rows), (), at)


def settled(query: Query, latest: BatchAnswer, before: GaugeValues = NOTHING_SHOWN, **options: Any) -> float | None:
    after = gauges.after_answers(before, [latest], NOW, options.pop('settle_delay', 300), **options)
    amount, _ = after.settled.get((query.series.key, query.statistic), (None, NOW))
    return amount


def test_a_gauge_shows_the_newest_settled_period() -> None:
    """A gauge shows the newest period that ended `settle_delay` ago, by the earlier of our clock and AWS's."""
    points = {SEND: {NOW - 900: 1.0, NOW - 600: 2.0, NOW - 300: 3.0, NOW: 4.0}}
    assert settled(SEND, answer(points)) == 2.0
    assert settled(SEND, answer(points), settle_delay=0) == 3.0
    assert settled(SEND, answer(points), settle_delay=301) == 1.0
    assert settled(SEND, answer(points, at=NOW - 300)) == 1.0
    assert settled(SEND, answer(points, at=NOW + 9000)) == 2.0


def test_zero_needs_an_active_series_and_a_complete_answer() -> None:
    """Without data a count shows zero only within a day of its last datapoint.

    With `zeroed` it shows zero for any complete answer.
    """
    key = SEND.series.key
    active, ended = GaugeValues(newest_data={key: NOW - DAY + 1}), GaugeValues(newest_data={key: NOW - DAY})
    nothing: dict[Query, dict[int, float]] = {SEND: {}}
    assert settled(SEND, answer(nothing), active) == 0.0
    assert settled(SEND, answer(nothing), ended) is None
    assert settled(SEND, answer(nothing)) is None
    assert settled(SEND, answer(nothing, complete=False), active) is None
    assert settled(SEND, answer(nothing), zeroed=True) == 0.0
    assert settled(SEND, answer(nothing, complete=False), zeroed=True) is None
    average = Query(SEND.series, AVERAGE)
    assert settled(average, answer({average: {}}), active) is None


def test_reputation_rates_show_the_newest_value_for_a_day() -> None:
    """Rates are in percent, last a day, and `risk` is that of the worse rate: 50 is review, 100 is a pause."""
    rates = answer({BOUNCE_RATE: {NOW - 600: 0.09, NOW - 300: 0.04}, COMPLAINT_RATE: {NOW - 900: 0.003}})
    after = gauges.after_answers(GaugeValues(), [rates], NOW, 300)
    readings = values_by_name(gauges.measurement_samples(after, RATES, NOW + 60))
    assert readings == {
        'reputation.bounce_rate': pytest.approx(4.0),
        'reputation.complaint_rate': pytest.approx(0.3),
        'reputation.age': 960.0,
        'reputation.bounce_risk': pytest.approx(40.0),
        'reputation.complaint_risk': pytest.approx(75.0),
        'reputation.risk': pytest.approx(75.0),
    }
    assert values_by_name(gauges.measurement_samples(after, RATES, NOW - 300 + DAY)) == {}
    later = values_by_name(gauges.measurement_samples(after, RATES, NOW - 301 + DAY))
    assert later.keys() == {f'reputation.{name}' for name in ('bounce_rate', 'bounce_risk', 'age', 'risk')}
    nothing = gauges.after_answers(after, [answer({BOUNCE_RATE: {}, COMPLAINT_RATE: {}})], NOW, 300, zeroed=True)
    assert nothing.measurements == after.measurements


def test_the_capacity_of_a_pool_is_that_of_each_provider() -> None:
    """The use of a managed pool's capacity is shown for each provider and never of all: where one is nearly full, no
    other hides it. A capacity of zero, or one without its mail, has no share."""
    values = {'gmail': (95.0, 100.0), 'yahoo': (10.0, 10_000.0), 'other': (5.0, 0.0), 'new': (None, 50.0)}
    series, measurements = [], {}
    for provider, pair in values.items():
        for name, value in zip((POOL_SENT, POOL_CAPACITY), pair, strict=True):
            series.append(Series(BY_POOL[name], (('Isp', provider), ('PoolName', 'main')), (f'isp:{provider}',)))
            if value is not None:
                measurements[series[-1].key] = (value, NOW)
    samples = gauges.measurement_samples(GaugeValues(measurements=measurements), series, NOW + 60)
    used = {sample.tags: sample.value for sample in samples if sample.metric is gauges.POOL_USED}
    assert used == {('isp:gmail',): 95.0, ('isp:yahoo',): 0.1}


@pytest.mark.parametrize(
    ('bounces', 'complaints', 'risk'),
    [
        (0.0, 0.0, 0.0),
        (0.025, 0.0, 25.0),
        (0.05, 0.0, 50.0),
        (0.0, 0.001, 50.0),
        (0.0, 0.00278, 72.25),
        (0.06, 0.0005, 60.0),
        (0.1, 0.001, 100.0),
        (0.01, 0.005, 100.0),
        (0.2, 0.0, 200.0),
    ],
)
def test_risk_is_fifty_at_review_and_hundred_at_a_pause(bounces: float, complaints: float, risk: float) -> None:
    """Under review for whichever rate, `reputation.risk` is at least 50; from 100 AWS may pause sending."""
    rates = answer({BOUNCE_RATE: {NOW - 300: bounces}, COMPLAINT_RATE: {NOW - 300: complaints}})
    after = gauges.after_answers(GaugeValues(), [rates], NOW, 300)
    readings = values_by_name(gauges.measurement_samples(after, RATES, NOW))
    assert readings['reputation.risk'] == pytest.approx(risk)
    assert readings['reputation.risk'] == max(readings['reputation.bounce_risk'], readings['reputation.complaint_risk'])
