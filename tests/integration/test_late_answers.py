"""AWS answers after the run that asked: what comes late counts once, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from common import (
    ACCOUNT,
    OTHER,
    REGION,
    START,
    Driver,
    MakeDriver,
    StartSimulator,
    replace_attribute,
    wait_for_workers,
)
from counting_trials import COLLECTED, FEW_EXAMPLES, HOUR, LISTED, Amount, every_minute, new_trial
from hypothesis import given
from hypothesis import strategies as st
from slow import MINUTES, Hold, SlowAws, counted, missing, requests_of, slow_aws

from datadog_checks.amazon_ses import run as run_module
from datadog_checks.amazon_ses.aws import access
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback, new_ledger
from datadog_checks.amazon_ses.model import Target
from simulator import Clock, Fault, Simulator, series_id
from simulator.scenarios import Family, Scenario, Standing

CRITICAL = 2
TARGET = Target(ACCOUNT, REGION)
SET = 'ses:configuration-set'

pytestmark = pytest.mark.usefixtures('no_waiting')


def run_until_held(driver: Driver, hold: Hold) -> None:
    while not hold.number:
        driver.run()
        driver.clock.advance(60)


@pytest.mark.parametrize('before', [False, True], ids=['as of the request', 'as of the answer'])
@pytest.mark.parametrize('runs', [1, 2, 7, 30])
def test_a_late_answer_counts_once(
    counting: Driver, slow: SlowAws, mail: Simulator, clock: Clock, before: bool, runs: int
) -> None:
    """An answer that comes some runs late is taken in by the next run, once, and its series are not asked for again
    before."""
    counting.run_for(900)
    hold, requests = slow.hold('GetMetricData', before=before), requests_of(mail, 'GetMetricData')
    run_until_held(counting, hold)
    counted = counting.total('send.count')
    counting.run_for(60 * runs)
    assert requests_of(mail, 'GetMetricData') == requests + 1
    assert counting.total('send.count') == counted
    hold.release()
    wait_for_workers()
    counting.run()
    assert counting.total('send.count') > counted
    if runs <= 2:
        assert requests_of(mail, 'GetMetricData') == requests + 1, (
            'what was answered is not asked again before its time'
        )
    assert missing(counting) == 0
    assert counting.values('collector.periods_skipped') == []


def test_a_late_answer_is_booked_by_series(
    make_driver: MakeDriver, mail: Simulator, slow: SlowAws, clock: Clock
) -> None:
    """While an answer is under way, series before and after its own are found and left out: each count is its own."""
    begin = int(START) // 60 * 60
    names = ['b', 'd', 'f']
    for number, name in enumerate(names):
        for minute in range(-60, 240):
            mail.world.put(ACCOUNT, REGION, series_id('Send', {SET: name}), begin + 60 * minute, number + 2)
    options = {'account_id': ACCOUNT, 'read_timeout': 60, 'collect': ['cloudwatch', 'configuration_sets']}
    driver = slow.slow_down(make_driver(mail, exclude=[{'value': 'c'}], **options))
    driver.run_for(1800)
    hold = slow.hold('GetMetricData')
    run_until_held(driver, hold)
    for number, name in enumerate(['a', 'c', 'e']):
        for minute in range(240):
            mail.world.put(ACCOUNT, REGION, series_id('Send', {SET: name}), begin + 60 * minute, 100 + number)
    series = driver.last('collector.series')
    while driver.last('collector.series') == series:
        driver.run()
        clock.advance(60)
    hold.release()
    wait_for_workers()
    while clock() < begin + 60 * MINUTES + 600:
        driver.run()
        clock.advance(300)
    since = driver.last('collector.counting_since')
    for name in names:
        handed = driver.total('configuration_set.send.count', REGION, f'configuration_set:{name}')
        assert handed == driver.cloudwatch_sum('Send', since, dimensions={SET: name}) > 100, name


@pytest.mark.parametrize(
    'edited', [{}, {'period': 60}, {'exclude': [{'metric': 'Send'}]}], ids=['restart', 'period', 'exclude']
)
def test_a_restart_drops_what_is_under_way(
    counting: Driver, slow: SlowAws, clock: Clock, edited: dict[str, Any]
) -> None:
    """After a restart nothing that the process before it asked for is taken in, and everything is counted once."""
    counting.run_for(900)
    hold = slow.hold('GetMetricData')
    run_until_held(counting, hold)
    old = counting.check
    slow.slow_down(counting)
    counting.restart(**edited)
    slow.slow_down(counting)
    hold.release()
    wait_for_workers()
    counted = counting.total('send.count')
    assert old._runner._ended.qsize() >= 1
    assert missing(counting) == 0 and counting.total('send.count') > counted


def test_after_cancel_nothing_late_is_taken_in(counting: Driver, slow: SlowAws, clock: Clock) -> None:
    """A check that was cancelled takes in none of its late answers, also where the same object runs again."""
    counting.run_for(900)
    hold = slow.hold('GetMetricData')
    run_until_held(counting, hold)
    counting.check.cancel()
    hold.release()
    wait_for_workers()
    late_calls: list[Any] = []
    with replace_attribute(run_module, 'after_late_answers', lambda *arguments: late_calls.append(arguments)):
        counting.run()
    assert late_calls == []
    assert missing(counting) == 0


@pytest.mark.parametrize(('period', 'later'), [(300, 900), (60, 0)], ids=['new beginning', 'new period'])
def test_answers_from_before_a_new_beginning_are_dropped(
    counting: Driver, slow: SlowAws, period: int, later: int
) -> None:
    """An answer to a request that began before counting began anew, or in another period, is not booked."""
    counting.run_for(900)
    hold = slow.hold('GetMetricData')
    run_until_held(counting, hold)
    counted = counting.total('send.count')
    progress = counting.check.store.recall(TARGET)
    since = progress.ledger.read_to + later
    fresh = new_ledger(progress.ledger.keys, period, since - 1, Lookback(4200, 10800))
    counting.check.settings = replace(counting.check.settings, period=period)
    counting.check.store._checkpoints[TARGET].progress = replace(progress, ledger=fresh)
    hold.release()
    wait_for_workers()
    missing(counting)
    assert counting.total('send.count') == counted + counting.cloudwatch_sum('Send', since) > counted + 100


def test_a_backfill_that_takes_longer_than_a_run_counts_every_series(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """After an outage of two hours hundreds of requests are due, and a run has time for eight: every series is counted
    once, in turn, over as many runs as it takes."""
    sets, minutes = 150, 240
    family = Family(dimensions=(SET,), count=sets, patterns=('s{}',), mail=('Send',))
    scenario = Scenario('many', 'many sets', 10.0 * sets, gauges=(), families=(family,), history=HOUR)
    sim = start(scenario, strict=False)
    options = {'account_id': ACCOUNT, 'period': 60, 'collect': ['cloudwatch', 'configuration_sets']}
    driver = make_driver(sim, **options)
    driver.run_for(1800, 60)
    clock.advance(2 * HOUR)
    driver.restart(run_timeout=0.2)
    before = [counted(driver, number) for number in range(sets)]
    with replace_attribute(queries, 'MAX_QUERIES', 4):
        fault = sim.faults.add(Fault('latency', operation='GetMetricData', argument=0.2))
        runs = 0
        while any(counted(driver, number) == amount for number, amount in enumerate(before)):
            # On a busy machine a run may end before its first answer, and says so.
            driver.run()
            clock.advance(60)
            runs += 1
            assert runs < minutes / 4
        sim.faults.remove(fault)
        wait_for_workers()
    assert runs > 3
    sim.world.stop_mail(clock())
    driver.restart(run_timeout=None)
    driver.run_for(2 * HOUR, 300)
    since = driver.last('collector.counting_since')
    for number in range(sets):
        final = driver.cloudwatch_sum('Send', since, dimensions={SET: f's{number}'})
        assert counted(driver, number) == final > 0, number
    assert driver.values('collector.periods_skipped') == []


def test_an_older_snapshot_never_replaces_a_newer_one(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """Sending is switched off while an old answer says that it is on: the old answer comes last, and changes nothing
    and makes no event."""
    sim = start(Scenario('switched', 'sending is switched off', standings=(
        (0.0, Standing()), (600.0, Standing(sending_enabled=False)),
    )))  # fmt: skip
    with slow_aws(sim) as slow:
        denial = sim.deny('ses:GetAccount')
        options = {'account_id': ACCOUNT, 'read_timeout': 60, 'collect': ['account']}
        driver = slow.slow_down(make_driver(sim, **options))
        for _ in range(5):
            driver.run()
            clock.advance(60)
        assert driver.last('account.sending_enabled') == 1
        hold = slow.hold('GetAccountSendingEnabled')
        driver.run()
        assert hold.number == 1
        sim.allow(denial)
        clock.set(START + 700)
        driver.run()
        assert driver.last('account.sending_enabled') == 0
        events = len(aggregator.events)
        assert events == 1
        hold.release()
        wait_for_workers()
        driver.run_for(300)
        assert len(aggregator.events) == events
        assert driver.last('account.sending_enabled') == 0
        assert driver.status('sending_status')[0] == CRITICAL


def test_late_data_are_as_old_as_their_request(counting: Driver, slow: SlowAws, clock: Clock) -> None:
    """What a late answer says is shown with the age of its request, and not as if it were of now."""
    counting.run_for(300)
    hold = slow.hold('GetAccount')
    counting.run()
    hold.wait_for(1)
    clock.advance(120)
    hold.release()
    wait_for_workers()
    again = slow.hold('GetAccount')
    counting.run()
    assert counting.last('collector.data_age', REGION, 'source:account') == 120
    again.release()
    wait_for_workers()
    counting.run()
    assert counting.last('collector.data_age', REGION, 'source:account') == 0


def test_the_account_may_come_late(make_driver: MakeDriver, mail: Simulator, slow: SlowAws, clock: Clock) -> None:
    """GetCallerIdentity is part of what a run waits for; where it hangs it is asked once, and the next run after its
    answer has the account."""
    driver = slow.slow_down(make_driver(mail, read_timeout=60, collect=['account']))
    hold = slow.hold('GetCallerIdentity')
    for _ in range(3):
        assert 'GetCallerIdentity: timeout' in driver.run()
        clock.advance(60)
    assert hold.number == 1
    hold.release()
    wait_for_workers()
    assert driver.run() == ''
    assert hold.number == 1 and requests_of(mail, 'GetCallerIdentity') == 1


HELD = st.tuples(
    st.sampled_from(['GetAccount', 'GetMetricData', 'GetMetricData', 'ListMetrics', 'GetSendStatistics']),
    st.sampled_from([None, REGION, OTHER]),
    st.sampled_from(['', '', 'news', 'login', 'Bounce']),
    st.booleans(),
)
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            'pause': st.one_of(st.just(60), st.just(300), st.integers(20, 900), st.integers(900, 2 * HOUR)),
            'hold': st.one_of(st.none(), HELD),
            'release': st.sampled_from(['none', 'none', 'oldest', 'all', 'all', 'break']),
            'fault': st.sampled_from([None, None, None, ('throttle', None), ('reset', None), ('partial', 3)]),
            'restart': st.sampled_from([False] * 6 + [True]),
            'edit': st.sampled_from([None] * 6 + [{'exclude': [{'value': 'news'}]}, {'exclude': None}, {'period': 60}]),
        }
    ),
    max_size=25,
)


def release(holds: list[Hold], what: str) -> None:
    going = {'none': [], 'oldest': holds[:1], 'all': holds, 'break': holds}[what]
    for hold in list(going):
        hold.release(breaks=what == 'break')
        holds.remove(hold)


@FEW_EXAMPLES
@given(STEPS)
def test_counts_add_up_whatever_hangs_and_for_how_long(steps: list[dict[str, Any]]) -> None:
    """Operations hang for some runs, answer late or break, in two Regions, through restarts and edits: every count is
    what CloudWatch holds, or is reported."""
    span = sum(step['pause'] for step in steps) + HOUR
    with (
        replace_attribute(queries, 'MAX_QUERIES', 6),
        replace_attribute(access, 'LISTINGS_PER_SECOND', 1e6),
        new_trial(collect=['account', 'cloudwatch', *COLLECTED], read_timeout=60) as trial,
        slow_aws(trial.sim) as slow,
    ):
        begin = int(START) // 60 * 60 - 5 * HOUR
        first_amounts = [
            Amount('Send', region, begin, 1, 0, 0, name) for name in list(LISTED)[:-1] for region in (REGION, OTHER)
        ]
        trial.add([*first_amounts, *every_minute(span // 60)])
        slow.slow_down(trial.driver)
        trial.run()
        trial.discover()
        holds: list[Hold] = []
        for step in steps:
            if step['hold']:
                holds.append(slow.hold(*step['hold']))
            release(holds, step['release'])
            trial.play(step)
            slow.slow_down(trial.driver)
        slow.release_all()
        wait_for_workers()
        trial.settle()
        trial.verify()
