"""Promise P1: The ledger alone, tested against a CloudWatch whose amounts arrive late."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_trials import HOUR, IDLING, SERIES, START, CloudWatch, Poller, events, selections

from datadog_checks.amazon_ses.cloudwatch import slots as polling
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback

any_step = st.fixed_dictionaries(
    {
        'pause': st.one_of(st.integers(1, 900), st.integers(900, 5 * HOUR)),
        'fails': st.booleans(),
        'incomplete': st.sets(st.sampled_from(SERIES)).map(tuple),
        'cut': st.booleans(),
        'skew': st.one_of(st.just(0), st.integers(-6 * HOUR, 6 * HOUR)),
        'period': st.sampled_from([None, None, None, 60, 300, 420, 900]),
        'timeframe': st.sampled_from([None, None, None, 900, HOUR, 2 * HOUR]),
        'restart': st.booleans(),
    }
)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_counts_add_up_through_failures_delays_edits_and_restarts(data: st.DataObject) -> None:
    """Despite failures, late data and edited options, each amount is submitted once or its period is reported."""
    steps = data.draw(st.lists(any_step, max_size=25))
    span = sum(step['pause'] for step in steps) + HOUR
    most_delay = 900
    poller = Poller(CloudWatch(data.draw(events(span, most_delay))), selection=data.draw(selections))
    now = float(START)
    poller.poll(now)
    for step in steps:
        now += step['pause']
        if step['period']:
            poller.period = step['period']
        if step['timeframe'] or step['period']:
            late = max(step['timeframe'] or HOUR, 3 * poller.period) + 2 * poller.period
            poller.lookback = Lookback(late, max(3 * HOUR, late + polling.IDLE_INTERVAL + poller.period))
        if step['restart']:
            poller.restart()
        if not step['fails']:
            poller.poll(now, step['skew'], step['incomplete'], step['cut'])
    poller.settle(now)
    poller.verify_totals()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_period_is_skipped_within_the_backfill_limit(data: st.DataObject) -> None:
    """Within the backfill limit, with right clocks and no edits, the counts equal CloudWatch's final sums exactly."""
    pauses = data.draw(st.lists(st.integers(1, HOUR), max_size=25))
    lookback = Lookback(HOUR + 600, backfill=sum(pauses) + 12 * HOUR)
    cloudwatch = CloudWatch(data.draw(events(sum(pauses) + HOUR, HOUR)))
    poller = Poller(cloudwatch, lookback=lookback, selection=data.draw(selections))
    now = float(START)
    poller.poll(now)
    for pause in pauses:
        now += pause
        poller.poll(now, incomplete=data.draw(st.sets(st.sampled_from(SERIES), max_size=1).map(tuple)))
    poller.settle(now)
    assert poller.skipped == []
    assert poller.ledger is not None
    for series in SERIES:
        truth = poller.cloudwatch.total(series, [(poller.ledger.since, 2 * START)])
        assert poller.submitted.get(series, 0.0) == truth, (series, truth, poller.submitted, poller.ledger)


def test_an_idle_series_costs_a_quarter_and_its_first_amount_comes_within_twenty_minutes() -> None:
    """At a period of 300 s an idle series is polled in one slot of four, and its later amounts are counted."""
    cloudwatch = CloudWatch({'send': [(START + 20_000, 7, 0)]})
    poller = Poller(cloudwatch, selection=IDLING)
    now = float(START)
    while now < START + 19_800:
        poller.poll(now)
        now += 300
    slots = 19_800 // 300
    assert poller.queries <= 2 * slots / 4 + 2 * 3
    while 'send' not in poller.submitted:
        poller.poll(now)
        now += 300
    assert now - 300 <= START + 20_000 + polling.IDLE_INTERVAL
    queries_before = poller.queries
    for _ in range(4):
        poller.poll(now)
        now += 300
    assert poller.queries - queries_before == 8, 'sends and their bounces are both polled now'
    assert poller.submitted == {'send': 7}
