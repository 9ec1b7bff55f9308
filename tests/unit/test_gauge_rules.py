"""What gauges show, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from datadog_checks.amazon_ses.cloudwatch import gauges
from datadog_checks.amazon_ses.cloudwatch.answers import Answer, Result
from datadog_checks.amazon_ses.cloudwatch.gauges import Shown
from datadog_checks.amazon_ses.cloudwatch.ledger import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT as SERIES
from datadog_checks.amazon_ses.cloudwatch.series import AVERAGE, SUM, Query
from datadog_checks.amazon_ses.model import Sample

NOW = 1_790_000_100
DAY = 86400
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)
BOUNCE_RATE, COMPLAINT_RATE = Query(SERIES[10], AVERAGE), Query(SERIES[11], AVERAGE)
RATES = SERIES[10:]
NOTHING_SHOWN = Shown()


def shown(readings: Any) -> dict[Any, Any]:
    """Samples by name and tags, a status by its name."""
    found: dict[Any, Any] = {}
    for one in readings:
        if isinstance(one, Sample):
            key: Any = (one.metric.name, *one.tags) if one.tags else one.metric.name
            assert key not in found
            found[key] = one.value
        else:
            found[one.spec.name] = one.level
    return found


def answer(points: Mapping[Query, Mapping[int, float]], complete: bool = True, at: float = NOW) -> Answer:
    asked = Batch(tuple(points), tuple(range(len(points))), Window(NOW - 3600, NOW + 300), 300)
    return Answer(asked, [Result(held, complete) for held in points.values()], (), at)


def settled(query: Query, told: Answer, before: Shown = NOTHING_SHOWN, **options: Any) -> float | None:
    after = gauges.after(before, [told], NOW, options.pop('settle_delay', 300), **options)
    value, _ = after.settled.get((query.series.key, query.statistic), (None, NOW))
    return value


def test_gauge_is_the_newest_settled_period() -> None:
    """The newest period that ended settle_delay ago is shown, by the earlier of our clock and AWS's."""
    points = {SEND: {NOW - 900: 1.0, NOW - 600: 2.0, NOW - 300: 3.0, NOW: 4.0}}
    assert settled(SEND, answer(points)) == 2.0
    assert settled(SEND, answer(points), settle_delay=0) == 3.0
    assert settled(SEND, answer(points), settle_delay=301) == 1.0
    assert settled(SEND, answer(points, at=NOW - 300)) == 1.0
    assert settled(SEND, answer(points, at=NOW + 9000)) == 2.0


def test_zero_needs_a_live_series_and_a_whole_answer() -> None:
    """Without data a count shows zero only within a day of its last datapoint; zeroed says so without one."""
    key = SEND.series.key
    alive, dead = Shown(last_seen={key: NOW - DAY + 1}), Shown(last_seen={key: NOW - DAY})
    nothing: dict[Query, dict[int, float]] = {SEND: {}}
    assert settled(SEND, answer(nothing), alive) == 0.0
    assert settled(SEND, answer(nothing), dead) is None
    assert settled(SEND, answer(nothing)) is None
    assert settled(SEND, answer(nothing, complete=False), alive) is None
    assert settled(SEND, answer(nothing), zeroed=True) == 0.0
    assert settled(SEND, answer(nothing, complete=False), zeroed=True) is None
    mean = Query(SEND.series, AVERAGE)
    assert settled(mean, answer({mean: {}}), alive) is None


def test_rates() -> None:
    """Rates are in percent, the newest counts, and the proximity is that of the nearer limit."""
    told = answer({BOUNCE_RATE: {NOW - 600: 0.09, NOW - 300: 0.04}, COMPLAINT_RATE: {NOW - 900: 0.003}})
    after = gauges.after(Shown(), [told], NOW, 300)
    readings = shown(gauges.newest_readings(after, RATES, NOW + 60))
    assert readings == {
        'reputation.bounce_rate': pytest.approx(4.0),
        'reputation.complaint_rate': pytest.approx(0.3),
        'reputation.age': 960.0,
        'reputation.pause_proximity': pytest.approx(60.0),
    }
    assert shown(gauges.newest_readings(after, RATES, NOW - 300 + DAY)) == {}
    later = shown(gauges.newest_readings(after, RATES, NOW - 301 + DAY))
    assert later.keys() == {'reputation.bounce_rate', 'reputation.age', 'reputation.pause_proximity'}
    nothing = gauges.after(after, [answer({BOUNCE_RATE: {}, COMPLAINT_RATE: {}})], NOW, 300, zeroed=True)
    assert nothing.readings == after.readings
