"""AWS answers late or never: a run waits for a limited time, and what comes later counts once, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from operator import ge
from typing import Any

import pytest
from common import (
    ACCOUNT,
    ACCOUNT_METRICS,
    OTHER,
    REGION,
    START,
    Driver,
    MakeDriver,
    StartSimulator,
    replace_attribute,
    wait_for_workers,
    workers,
)
from counting_trials import COLLECTED, FEW_EXAMPLES, HOUR, LISTED, Amount, every_minute, new_trial
from hypothesis import given
from hypothesis import strategies as st
from slow import Hold, SlowAws, slow_aws

from datadog_checks.amazon_ses import run as run_module
from datadog_checks.amazon_ses.aws import access, botocore_internals
from datadog_checks.amazon_ses.cloudwatch import queries
from datadog_checks.amazon_ses.cloudwatch.ledger import Lookback, new_ledger
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.threads import Call, Threads
from simulator import Clock, Fault, Simulator, series_id
from simulator.scenarios import Family, Scenario, Standing

OK, WARNING, CRITICAL, UNKNOWN = range(4)
SENT = Scenario('sent', 'nothing but what a test puts there', volume=0.0, gauges=())
TARGET = Target(ACCOUNT, REGION)
SET = 'ses:configuration-set'
MINUTES = 240
LISTING: dict[str, Any] = {'collect': ['cloudwatch', 'configuration_sets'], 'account_id': ACCOUNT, 'read_timeout': 60}

pytestmark = pytest.mark.usefixtures('no_waiting')


@pytest.fixture
def mail(start: StartSimulator) -> Simulator:
    """An AWS that one mail a minute is sent with for four hours, in two Regions."""
    sim = start(SENT)
    for minute in range(MINUTES):
        for region in (REGION, OTHER):
            sim.world.put(ACCOUNT, region, 'Send', int(START) // 60 * 60 + 60 * minute, 1)
    return sim


@pytest.fixture
def slow(mail: Simulator) -> Iterator[SlowAws]:
    with slow_aws(mail) as slow:
        yield slow


@pytest.fixture
def counting(make_driver: MakeDriver, mail: Simulator, slow: SlowAws) -> Driver:
    """A check that counts the mail, with requests that a test may hold."""
    options = {'collect': ['account', 'cloudwatch'], 'account_id': ACCOUNT, 'read_timeout': 60}
    return slow.slow_down(make_driver(mail, **options))


def missing(driver: Driver, region: str = REGION) -> float:
    """How many mails were not counted, once the last one was sent and all of them can have been counted."""
    while driver.clock() < START + 60 * MINUTES + 600:
        driver.run()
        driver.clock.advance(300)
    since = driver.last('collector.counting_since', region)
    assert driver.total('send.count', region) > 100
    return driver.cloudwatch_sum('Send', since, region=region) - driver.total('send.count', region)


def run_until_held(driver: Driver, hold: Hold) -> None:
    while not hold.number:
        driver.run()
        driver.clock.advance(60)


def requests_of(sim: Simulator, operation: str, region: str = REGION) -> int:
    return sim.log.count(operation=operation, region=region)


def counted(driver: Driver, number: int) -> float:
    return driver.total('configuration_set.send.count', REGION, f'configuration_set:s{number}')


def with_set(sim: Simulator, number: int, begins: int) -> None:
    """A configuration set that one mail a minute is sent with, from some minute on."""
    for minute in range(begins, MINUTES):
        sim.world.put(ACCOUNT, REGION, series_id('Send', {SET: f's{number}'}), int(START) // 60 * 60 + 60 * minute, 1)


@pytest.mark.parametrize('since_start', [True, False])
def test_counts_go_on_while_get_account_hangs(
    counting: Driver, slow: SlowAws, mail: Simulator, clock: Clock, since_start: bool
) -> None:
    """While GetAccount hangs for hours, CloudDriver is asked as ever and its counts are exact; can_connect names the
    operation, how long it hangs, and the way out."""
    if not since_start:
        counting.run_for(600)
    hold, before = slow.hold('GetAccount'), requests_of(mail, 'GetAccount')
    # At the start nothing is known yet, so the first run may say that nothing can be read.
    counting.run()
    clock.advance(60)
    counting.run_for(2 * HOUR)
    assert missing(counting) == 0
    assert requests_of(mail, 'GetAccount') == before + 1, 'what is under way is not asked again'
    level, message = counting.status('can_connect')
    assert level == WARNING
    assert 'run: timeout: no answer yet to GetAccount for ' in message
    assert 'read_timeout' in message and 'endpoint_url' in message
    hold.release()
    wait_for_workers()
    clock.advance(60)
    counting.run()
    assert counting.status('can_connect') == (OK, '')


def test_a_run_says_for_how_long_a_request_hangs(counting: Driver, slow: SlowAws, clock: Clock) -> None:
    """The message counts the seconds since the request was sent, by the monotonic clock."""
    counting.check.monotonic = clock
    counting.run()
    slow.hold('GetAccount')
    for seconds in (0, 60, 120):
        clock.advance(60)
        counting.run()
        assert f'no answer yet to GetAccount for {seconds} s;' in counting.status('can_connect')[1]


def test_no_run_waits_for_a_listing(make_driver: MakeDriver, mail: Simulator, slow: SlowAws, clock: Clock) -> None:
    """While ListMetrics goes on beside the runs, these ask for what they know and say nothing of it; the run after it
    asks for what was listed."""
    with_set(mail, 1, -60)
    driver = make_driver(mail, **LISTING)
    driver.check.clock_is_turned = False
    hold = slow.hold('ListMetrics')
    for _ in range(3):
        driver.run()
        assert [(step.operation, step.is_awaited) for step in driver.check._runner.under_way] == [
            ('ListMetrics', False)
        ]
        assert driver.status('can_connect') == (OK, '')
        clock.advance(60)
    hold.wait_for(1)
    assert (requests_of(mail, 'ListMetrics'), driver.last('collector.series')) == (1, ACCOUNT_METRICS)
    hold.release()
    wait_for_workers()
    driver.run()
    assert driver.last('collector.series') == ACCOUNT_METRICS + 1
    clock.advance(60)
    driver.run_for(600)
    assert counted(driver, 1) > 0


def test_a_listing_beside_the_runs_delays_no_count(make_driver: MakeDriver, mail: Simulator, clock: Clock) -> None:
    """A series that is listed beside the runs is counted from the same moment and in the same run on as if each run had
    waited for its listing, and as completely after every run; so is one that begins later."""
    with_set(mail, 1, -60)
    with_set(mail, 2, 45)
    counts: dict[tuple[bool, int], list[float]] = {}
    begin = clock()
    for waits in (True, False):
        clock.set(begin)
        driver = make_driver(mail, **LISTING, ledger=f'waits-{waits}')
        driver.check.clock_is_turned = waits
        before = {number: counted(driver, number) for number in (1, 2)}
        for _ in range(90):
            driver.run()
            wait_for_workers()
            for number in before:
                counts.setdefault((waits, number), []).append(counted(driver, number) - before[number])
            clock.advance(60)
    for number in (1, 2):
        waited_for, late = counts[True, number], counts[False, number]
        assert waited_for[-1] == late[-1] > 0
        assert list(map(bool, waited_for)) == list(map(bool, late))
        assert all(map(ge, late, waited_for))


def test_no_run_waits_for_the_turn_of_get_account(make_driver: MakeDriver, mail: Simulator, clock: Clock) -> None:
    """While GetAccount has to wait for its second at SES, the run ends without it and says nothing of it; it is sent
    between the runs, and the next run takes in the answer."""
    driver = make_driver(mail, collect=['account', 'cloudwatch'], account_id=ACCOUNT)
    seconds = Clock()
    driver.check.clock_is_turned, driver.check.monotonic = False, seconds
    driver.run()
    clock.advance(60)
    asked = requests_of(mail, 'GetAccount'), requests_of(mail, 'GetMetricData')
    driver.run()
    assert driver.status('can_connect') == (OK, '')
    clock.advance(240)
    driver.run()
    assert (requests_of(mail, 'GetAccount'), requests_of(mail, 'GetMetricData')) == (asked[0], asked[1] + 1)
    assert driver.status('can_connect') == (OK, '')
    seconds.advance(1)
    wait_for_workers()
    assert requests_of(mail, 'GetAccount') == asked[0] + 1
    driver.run()
    assert driver.check._store.recall(Target(ACCOUNT, REGION)).sources['account'].answered_at == clock() - 240


class LateThreads(Threads):
    """Threads that begin their calls when a test says so, as those of a busy machine begin late."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Call] = []

    def start(self, call: Call) -> None:
        self._calls.append(call)

    def begin(self) -> None:
        for call in self._calls:
            super().start(call)


def test_a_request_that_waits_for_its_turn_ends_with_the_check(
    make_driver: MakeDriver, mail: Simulator, clock: Clock
) -> None:
    """A check that was cancelled sends no request that waits for its second at SES, however late its thread begins."""
    driver = make_driver(mail, collect=['account'], account_id=ACCOUNT)
    driver.check.clock_is_turned, driver.check.monotonic = False, Clock()
    driver.run()
    late = driver.check._runner._threads = LateThreads()
    clock.advance(300)
    sent = requests_of(mail, 'GetAccount')
    driver.run()
    assert len(driver.check._runner.under_way) == 1
    driver.check.cancel()
    late.begin()
    wait_for_workers()
    assert requests_of(mail, 'GetAccount') == sent


def test_a_run_never_waits_longer_than_its_timeout(make_driver: MakeDriver, mail: Simulator, clock: Clock) -> None:
    """Where everything hangs, signing in included, a run ends after `run_timeout`, and the threads are as few as the
    operations of each Region."""
    options = {'run_timeout': 0.2, 'read_timeout': 60, 'aws_access_key_id': None, 'aws_secret_access_key': None}
    mail.faults.add(Fault('hang'))
    for given_options in ({}, {'account_id': ACCOUNT, 'ledger': 'other', 'regions': [REGION, OTHER]}):
        driver = make_driver(
            mail, **{**options, **given_options, 'aws_access_key_id': 'AKIAHANGS', 'aws_secret_access_key': 'x'}
        )
        begun = time.monotonic()
        for _ in range(5):
            driver.run()
            clock.advance(300)
        # The time of five runs, and not of one request; what a busy machine adds is far less.
        assert time.monotonic() - begun < 30
    operations = {'GetCallerIdentity', 'GetAccount', 'GetSendStatistics', 'ListMetrics', 'GetMetricData'}
    # One instance reads one Region, the other two.
    assert workers() <= 3 * len(operations)
    mail.stop()


@pytest.mark.parametrize('shared', [True, False], ids=['shared connections', "botocore's own"])
def test_an_endpoint_is_silent_from_its_last_answer_on(
    make_driver: MakeDriver, slow: SlowAws, mail: Simulator, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """On an endpoint that answers, all that is due is asked at once; after requests without an answer it is asked for
    one thing at a time. It is the same where botocore sends the requests itself."""
    if not shared:
        monkeypatch.setattr(botocore_internals, 'new_http_session', lambda *_, **__: None)
    options = {'collect': ['account', 'cloudwatch'], 'account_id': ACCOUNT, 'read_timeout': 60}
    counting = slow.slow_down(make_driver(mail, **options))

    def under_way() -> set[str]:
        counting.clock.advance(300)
        counting.run()
        return {step.operation for step in counting.check._runner.under_way}

    counting.run_for(900)
    holds = [slow.hold(operation) for operation in ('GetAccount', 'GetMetricData')]
    assert under_way() == {'GetAccount', 'GetMetricData'}
    fault = mail.faults.add(Fault('reset'))
    for hold in holds:
        hold.release(breaks=True)
    wait_for_workers()
    mail.faults.remove(fault)
    for operation in ('GetAccount', 'GetMetricData'):
        slow.hold(operation)
    assert len(under_way()) == 1
    assert len(under_way()) == 2


def test_instances_on_a_dead_endpoint_ask_once_between_them(
    make_driver: MakeDriver, mail: Simulator, slow: SlowAws, clock: Clock
) -> None:
    """Two instances whose endpoint does not answer send one request in a run, their operations take turns, and the
    first answer has both ask for everything again."""
    options = {'account_id': ACCOUNT, 'read_timeout': 60, 'collect': ['account', 'cloudwatch', 'send_statistics']}
    both = [slow.slow_down(make_driver(mail, ledger=f'number-{number}', **options)) for number in range(2)]
    operations = ('GetAccount', 'GetSendStatistics', 'GetMetricData')
    holds = [slow.hold(operation) for operation in operations]
    for number in range(3):
        for place, driver in enumerate(both):
            driver.run()
            assert sum(hold.number for hold in holds) <= 2 * number + place + 1
        clock.advance(60)
    for driver in both:
        assert {step.operation for step in driver.check._runner.under_way} == set(operations)
    for hold in holds:
        hold.wait_for(2)
        hold.release()
    wait_for_workers()
    for _ in range(2):
        clock.advance(60)
        for driver in both:
            driver.run()
    assert all(driver.status('can_connect') == (OK, '') for driver in both)


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


@pytest.mark.parametrize('by_agent', [True, False], ids=['process_isolation', 'standalone'])
def test_a_process_of_one_run_waits_for_its_requests(
    make_driver: MakeDriver, mail: Simulator, monkeypatch: pytest.MonkeyPatch, by_agent: bool
) -> None:
    """A process that ends after its run waits longer than `run_timeout`, until its requests have ended."""
    if by_agent:
        monkeypatch.setenv('DD_REPLAY_CHECK_NAME', 'amazon_ses')
    mail.faults.add(Fault('latency', argument=0.4))
    driver = make_driver(mail, account_id=ACCOUNT, run_timeout=0.1, collect=['account', 'cloudwatch'])
    if not by_agent:
        driver.check.waits_for_requests = True
    driver.run()
    assert driver.values('quota.max_24_hour') and driver.values('collector.counting_since')
    assert driver.status('can_connect') == (OK, '')
    assert workers() == 0


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
    what CloudDriver holds, or is reported."""
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
