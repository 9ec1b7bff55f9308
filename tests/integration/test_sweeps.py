"""Sweeps and the budget for SES, with real botocore against the simulator: pace, failures, restarts, roles."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from threading import Event
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, Driver, MakeDriver, StartSimulator, connection_status, wait_for_workers
from slow import slow_aws

from datadog_checks.amazon_ses.aws.client_pool import ClientPool
from datadog_checks.amazon_ses.aws.ses_budget import Budget, Urgency
from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.amazon_ses.pace import Pace
from datadog_checks.amazon_ses.sweeps.identities import IDENTITIES
from datadog_checks.base.stubs import datadog_agent as agent_stub
from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.request_log import Request
from simulator.scenarios import Scenario

HOUR = 3600
OK, WARNING = 0, 1
ONLY_SES = {'collect': ['account', 'send_statistics', 'identities']}
MANY = SCENARIOS['identities'].sized(1000)
Turning = Callable[[Driver], Driver]
OPERATIONS = [action.name.partition(':')[2] for action in IDENTITIES.actions]


class TurningPace(Pace):
    """A wait turns the clock of everything once every request has come to the simulator, which sees when that was, and
    once the GetAccount of each run that has begun has asked for its turn: threads start in real time."""

    passes_at_once = True

    def __init__(self, sim: Simulator, clock: Clock, turns: list[int], accounts: set[tuple[Budget, int]]) -> None:
        super().__init__(clock)
        self._sim, self._clock, self._turns, self._accounts = sim, clock, turns, accounts
        self.run_starts: list[float] = []

    def wait_until(self, at: float) -> None:
        deadline = time.monotonic() + 10
        while self._is_early and time.monotonic() < deadline:
            time.sleep(0.001)
        self._clock.set(max(at, self._clock()))

    @property
    def _is_early(self) -> bool:
        return len(of_ses(self._sim)) < len(self._turns) or len(self._accounts) < len(self.run_starts)


class HeldPace(Pace):
    """Time passes as in an Agent, and a wait lasts until the test lets it pass."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.waits, self.goes_on = Event(), Event()

    def wait_until(self, at: float) -> None:
        self.waits.set()
        self.goes_on.wait(0.05)
        if self.goes_on.is_set():
            self._passed = max(at, getattr(self, '_passed', at))

    def monotonic(self) -> float:
        return max(getattr(self, '_passed', 0.0), super().monotonic())


def of_ses(sim: Simulator, region: str = REGION) -> list[Request]:
    return [request for request in sim.log if request.service in ('ses', 'sesv2') and request.region == region]


@pytest.fixture
def turning(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Driver], Driver]:
    """A function that has a check turn the clock while it waits."""
    turns: list[int] = []
    accounts: set[tuple[Budget, int]] = set()
    take = Budget._take

    def counted(budget: Budget, number: int, pace: Pace) -> bool:
        if budget._waiting[number] is Urgency.ACCOUNT:
            accounts.add((budget, number))
        is_taken = take(budget, number, pace)
        turns.extend([number] if is_taken else [])
        return is_taken

    monkeypatch.setattr(Budget, '_take', counted)

    def turn(driver: Driver) -> Driver:
        driver.check._pace = TurningPace(driver.sim, clock, turns, accounts)
        return driver

    return turn


def run_minutes(
    drivers: list[Driver], clock: Clock, minutes: int, each: Callable[[int], None] = lambda _: None
) -> None:
    """Run all of them every minute. Waits turn the clock too."""
    begun = clock()
    for minute in range(minutes):
        clock.set(max(begun + 60 * minute, clock()))
        each(minute)
        for driver in drivers:
            assert driver.run() == ''


@pytest.fixture
def many(start: StartSimulator) -> Simulator:
    return start(MANY, quotas=False)


def test_the_budget_holds_over_instances_retries_and_pages(
    make_driver: MakeDriver, many: Simulator, clock: Clock, turning: Turning
) -> None:
    """Two instances with a thousand identities each, retries of throttled requests among them, send at most one request
    in any second and 15 in any minute of an account and Region; each GetAccount is sent within a second."""
    drivers = [turning(make_driver(many, ledger=name, tags=[f'who:{name}'], **ONLY_SES)) for name in ('a', 'b')]
    many.faults.add(Fault('error', service='ses|sesv2', probability=0.2, argument=('TooManyRequestsException', 429)))
    run_minutes(drivers, clock, 40)
    times = sorted(request.time for request in of_ses(many))
    assert len(times) > 200
    assert min(later - earlier for earlier, later in pairwise(times)) >= 1
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[15:], strict=False))
    assert many.log.count(operation='GetAccount') >= 75


def test_the_account_comes_first(make_driver: MakeDriver, many: Simulator, clock: Clock, turning: Turning) -> None:
    """While a sweep uses up its share of the budget, GetAccount is sent in each minute, at most a second late."""
    driver = turning(make_driver(many, **ONLY_SES))
    starts = driver.check._pace.run_starts
    run_minutes([driver], clock, 20, lambda _: starts.append(clock()))
    sent = [request.time for request in many.log.where(operation='GetAccount')]
    assert len(sent) == 20
    assert all(0 <= at - begun <= 1 for at, begun in zip(sent, starts, strict=True))


def test_a_restart_in_the_middle_of_a_round_asks_nothing_twice(
    make_driver: MakeDriver, many: Simulator, clock: Clock
) -> None:
    """A check that restarts in the middle of a round goes on where it was: each identity is asked for once in an
    hour, by each operation."""
    driver = make_driver(many, **ONLY_SES)
    for minute in range(50):
        assert driver.run() == ''
        clock.advance(60)
        if minute in (1, 2):
            driver.restart()
    for operation in OPERATIONS[1:4]:
        names = Counter(name for request in many.log.where(operation=operation) for name in _names(request))
        assert len(names) == 1001 and set(names.values()) == {1}
    assert driver.last('identity.count') == 1001


def _names(request: Request) -> list[str]:
    names: list[str] = request.params['Identities']
    return names


@pytest.fixture
def account_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request for the account takes its turn before any other, which on a busy machine may overtake it."""
    account_sent = Event()
    wait = Budget.wait

    def in_order(budget: Budget, urgency: Urgency, pace: Pace, is_cancelled: Callable[[], bool]) -> None:
        if urgency is not Urgency.ACCOUNT:
            assert account_sent.wait(60)
        wait(budget, urgency, pace, is_cancelled)
        if urgency is Urgency.ACCOUNT:
            account_sent.set()

    monkeypatch.setattr(Budget, 'wait', in_order)


@pytest.fixture
def held(make_driver: MakeDriver, sim: Simulator, clock: Clock, account_first: None) -> Iterator[Any]:
    """A check whose requests to SES wait for their seconds for as long as the test wants."""
    driver, pace = make_driver(**ONLY_SES), HeldPace(clock)
    driver.check._pace = pace
    yield driver, pace
    driver.check.cancel()
    pace.goes_on.set()
    wait_for_workers()


def test_a_run_does_not_wait_for_a_turn(held: tuple[Driver, HeldPace], clock: Clock, aggregator: Any) -> None:
    """What waits for its second goes on between runs: the run ends without it and without a warning, it is not asked
    again meanwhile, and the next run takes it in."""
    driver, pace = held
    assert driver.run() == ''
    assert pace.waits.wait(60)
    under_way = [step for step, _ in driver.check._runner._started_at.values()]
    assert [(step.operation, step.is_awaited) for step in under_way] == [('GetSendStatistics', False)]
    assert driver.values('send_statistics.bounces') == []
    assert driver.run() == ''
    assert connection_status(aggregator) == (OK, '')
    pace.goes_on.set()
    wait_for_workers()
    assert driver.sim.log.count(operation='GetSendStatistics') == 1
    clock.advance(60)
    assert driver.run() == ''
    assert driver.values('send_statistics.bounces')
    wait_for_workers()
    clock.advance(60)
    assert driver.run() == ''
    assert driver.last('identity.count') == 1
    assert driver.sim.log.count(operation='ListEmailIdentities') == 1


def test_cancel_ends_what_waits_for_its_turn(held: tuple[Driver, HeldPace], clock: Clock) -> None:
    """After `cancel` nothing waits any more, and nothing is sent."""
    driver, pace = held
    assert driver.run() == ''
    assert pace.waits.wait(60)
    sent = len(driver.sim.log)
    driver.check.cancel()
    wait_for_workers()
    assert len(driver.sim.log) == sent


def test_a_host_that_ends_waits_for_its_turns(held: tuple[Driver, HeldPace], clock: Clock) -> None:
    """A process that ends after its run waits for the second of each request."""
    driver, pace = held
    driver.check.waits_for_requests = True
    pace.goes_on.set()
    for _ in range(2):
        assert driver.run() == ''
        clock.advance(60)
    assert driver.values('send_statistics.bounces')
    assert driver.values('identity.count') == [1]


def test_a_sweep_that_hangs_holds_no_run(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any
) -> None:
    """While one operation of a sweep hangs, runs end in time with everything else, and nobody asks it again."""
    driver = make_driver(read_timeout=60, **ONLY_SES)
    driver.check._pace, driver.check.monotonic = Pace(time.monotonic), clock
    with slow_aws(sim) as slow:
        hold = slow.hold('ListEmailIdentities')
        for number in range(5):
            assert driver.run() == ''
            if number:
                hold.wait_for(1)
            # Runs follow each other at once here, so GetAccount waits for its second between them.
            wait_for_workers(hold.number)
            clock.advance(60)
        assert sim.log.count(operation='GetAccount') == 5
        assert driver.run() == ''
        assert hold.number == 1
        status, message = connection_status(aggregator)
        assert status == WARNING and 'ListEmailIdentities' in message


@pytest.mark.parametrize('by_hand', [True, False])
def test_only_a_process_that_counts_sweeps(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, by_hand: bool
) -> None:
    """A check that is run by hand, and the first run of a process, ask no sweep."""
    driver = make_driver(**ONLY_SES)
    driver.check.counts_at_once, driver.check.leases = False, Leases()
    agent_stub._config['cmd_port'] = 0 if by_hand else 5001
    for _ in range(3 if by_hand else 1):
        driver.run()
        clock.advance(60)
    assert sim.log.count(operation='ListEmailIdentities') == 0


def test_a_quiet_region_is_asked_for_the_account_and_an_hourly_list(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock
) -> None:
    """With regions all, a Region without mail costs GetAccount and an hourly list of identities; an identity that is
    created there is an event."""
    sim = start(Scenario('one', 'one Region sends', regions=(REGION,)))
    left_out = ['a*', 'c*', 'eu-c*', 'eu-n*', 'eu-s*', 'i*', 'm*', 's*', 'us-gov-*', 'us-west-*']
    driver = make_driver(sim, region=None, regions='all', exclude_regions=left_out)
    driver.run_for(HOUR, 300)
    sim.log.clear()
    driver.run_for(3 * HOUR, 300)
    calls = Counter(request.operation for request in of_ses(sim, OTHER))
    assert set(calls) == {'GetAccount', 'ListEmailIdentities'} and calls['ListEmailIdentities'] == 3
    sim.change('identities', 'phish.example', region=OTHER)
    driver.run_for(HOUR + 300, 300)
    created = [event for event in driver.aggregator.events if 'identity.created' in event['event_type']]
    assert [event['msg_title'] for event in created] == [f'Amazon SES: an identity was created ({ACCOUNT}, {OTHER})']


@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_denied_operation_costs_itself_and_names_the_action(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any, operation: str
) -> None:
    """Where an operation of a sweep is denied, the message names the IAM action, it is asked once an hour, and all
    others go on."""
    sim.deny(f'ses:{operation}')
    driver = make_driver(**ONLY_SES)
    driver.run_for(600, 60)
    driver.run_for(HOUR - 600, 300)
    status, message = connection_status(aggregator)
    assert status == WARNING and f'ses:{operation}' in message
    assert sim.log.count(operation=operation) == 1
    if operation != 'ListEmailIdentities':
        assert driver.last('identity.count') == 1
    sim.allow()
    driver.run_for(300, 60)
    assert connection_status(aggregator) == (OK, '')


@pytest.mark.parametrize('kind', ['garbage', 'missing_results', 'html', 'truncate', 'page'])
@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_broken_answer_costs_itself(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any, operation: str, kind: str
) -> None:
    """An answer that is garbage, cut or not of AWS costs its operation alone, for as long as such answers come."""
    fault = sim.faults.add(Fault(kind, operation=operation))
    driver = make_driver(**ONLY_SES)
    driver.run_for(600, 60)
    assert driver.last('can_connect') >= 0.5
    assert driver.values('quota.utilization')
    sim.faults.remove(fault)
    driver.run_for(HOUR + 1200, 300)
    assert connection_status(aggregator) == (OK, '')
    assert driver.last('identity.count') == 1


def test_endless_pages_end(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A list whose token comes back, or is refused then, is cut short, and asked again at its cadence."""
    sim.faults.add(Fault('token_loop', operation='ListEmailIdentities'))
    driver = make_driver(**ONLY_SES)
    driver.run_for(1200, 60)
    assert sim.log.count(operation='ListEmailIdentities') <= 4
    assert driver.last('identity.count') == 1


def test_an_old_sdk_is_silent(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that the installed SDK lacks is not sent and not a warning; everything else goes on."""
    get = ClientPool.get

    def old(pool: Any, service: str, region: str) -> Any:
        client = get(pool, service, region)
        client.meta.method_to_api_mapping.pop('get_email_identity', None)
        return client

    monkeypatch.setattr(ClientPool, 'get', old)
    driver = make_driver(**ONLY_SES)
    driver.run_for(600, 60)
    assert connection_status(aggregator) == (OK, '')
    assert sim.log.count(operation='GetEmailIdentity') == 0
    problems = {tag for sample in aggregator.metrics('amazon_ses.identity.unhealthy') for tag in sample.tags}
    assert 'problem:dkim_failed' in problems and 'problem:dkim_1024' not in problems


def test_age_and_what_waits_are_told(make_driver: MakeDriver, many: Simulator, clock: Clock) -> None:
    """While a round is under way, the number of identities that wait falls to zero, and the age is that of the oldest
    part that is shown."""
    driver = make_driver(many, **ONLY_SES)
    driver.run_for(HOUR, 60)
    source = 'source:identities'
    waiting = driver.values('collector.sweep_pending', REGION, source)
    assert waiting[0] > 900
    ages = driver.values('collector.sweep_age', REGION, source)
    assert 0 <= min(ages) and max(ages) <= HOUR + 120


def test_declared_actions_are_those_seen(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """The actions that the sweep of identities declares are those that AWS sees of it."""
    driver = make_driver(collect=['identities'])
    driver.run_for(HOUR, 60)
    seen = defaultdict(int)
    for request in of_ses(sim):
        seen[request.action] += 1
    assert set(seen) == {action.name for action in IDENTITIES.actions}
    assert driver.status('can_connect')[0] == OK
