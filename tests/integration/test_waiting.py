"""AWS answers late or never: a run waits for a limited time, what hangs holds nothing else, and is asked once."""

from __future__ import annotations

import time
from operator import ge
from typing import Any

import pytest
from common import ACCOUNT, ACCOUNT_METRICS, OTHER, REGION, START, Driver, MakeDriver, wait_for_workers, workers
from counting_trials import HOUR
from slow import MINUTES, SlowAws, counted, missing, requests_of

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.threads import Call, Threads
from simulator import Clock, Fault, Simulator, series_id

OK, WARNING = range(2)
SET = 'ses:configuration-set'
LISTING: dict[str, Any] = {'collect': ['cloudwatch', 'configuration_sets'], 'account_id': ACCOUNT, 'read_timeout': 60}

pytestmark = pytest.mark.usefixtures('no_waiting')


def with_set(sim: Simulator, number: int, begins: int) -> None:
    """A configuration set that one mail a minute is sent with, from some minute on."""
    for minute in range(begins, MINUTES):
        sim.world.put(ACCOUNT, REGION, series_id('Send', {SET: f's{number}'}), int(START) // 60 * 60 + 60 * minute, 1)


@pytest.mark.parametrize('since_start', [True, False])
def test_counts_go_on_while_get_account_hangs(
    counting: Driver, slow: SlowAws, mail: Simulator, clock: Clock, since_start: bool
) -> None:
    """While GetAccount hangs for hours, CloudWatch is asked as ever and its counts are exact; can_connect names the
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
