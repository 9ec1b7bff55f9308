"""Promise P4: The requests of a run: how many, how often, and their cost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import botocore
import pytest
from common import ACCOUNT_METRICS, REGION, MakeDriver, StartSimulator, metric_names

import simulator.server
from datadog_checks.amazon_ses.__about__ import __version__
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Family, Scenario
from simulator.server import read_request
from simulator.wire import HttpRequest

HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}
STEADY = {'collect': ['account', 'cloudwatch']}


@pytest.mark.parametrize('phase', [0.3, 140.0])
@pytest.mark.parametrize('step', [15.0, 60.0, 59.9])
def test_steady_runs_ask_as_often_as_something_can_be_new(
    make_driver: MakeDriver, sim: Simulator, clock: Clock, step: float, phase: float
) -> None:
    """One Region costs one GetAccount a minute and one GetMetricData in five minutes, whatever the Agent's cycle."""
    driver = make_driver(**STEADY)
    # The slots of an instance begin at an offset; the first run that reads again shows it.
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(5)
        driver.run()
    clock.advance(300 + phase)
    driver.run()
    begin, sim_log = clock(), sim.log
    sim_log.clear()
    for _ in range(int(HOUR // step)):
        clock.advance(step)
        assert driver.run() == ''
    elapsed = clock() - begin
    calls = sim_log.operations()
    assert set(calls) == {'GetAccount', 'GetMetricData'}
    assert calls['GetAccount'] == round(elapsed / 60)
    assert calls['GetMetricData'] == round(elapsed / 300)
    for operation, every in (('GetAccount', 60), ('GetMetricData', 300)):
        times = [request.time for request in sim_log.where(operation=operation)]
        assert all(later - earlier >= every / 2 for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.parametrize('second', [0.3, 10.3, 290.3, 299.9])
def test_early_runs_do_not_ask_twice(make_driver: MakeDriver, sim: Simulator, clock: Clock, second: float) -> None:
    """Runs that each come a little early never query CloudWatch twice within half a period."""
    driver = make_driver(collect=['cloudwatch'])
    while sim.log.count(operation='GetMetricData') < 2:
        clock.advance(1)
        driver.run()
    clock.set(sim.log.where(operation='GetMetricData')[-1].time + 300 + second)
    sim.log.clear()
    for _ in range(30):
        driver.run()
        clock.advance(59.9)
    times = [request.time for request in sim.log.where(operation='GetMetricData')]
    assert len(times) >= 6
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) >= 150


def test_one_call_bills_the_account_series_once(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """A collection is one request that bills each metric of the account once, also with four statistics."""
    driver = make_driver(collect=['cloudwatch'], statistics=['maximum', 'average', 'minimum'])
    driver.run_for(1200, 300)
    requests = sim.log.where(operation='GetMetricData')
    assert [request.billed_metrics for request in requests] == [ACCOUNT_METRICS] * 4
    assert driver.total('collector.billed_metrics') == sim.log.billed_metrics() == 4 * ACCOUNT_METRICS
    assert driver.last('collector.series') == ACCOUNT_METRICS
    assert driver.last('collector.estimated_cost') == pytest.approx(ACCOUNT_METRICS * 30 * 86400 / 300 * 0.01 / 1000)


def test_reported_calls_equal_the_requests_that_reached_aws(
    make_driver: MakeDriver, sim: Simulator, clock: Clock
) -> None:
    """`collector.api_calls` and `api_errors` add up to the requests that reached AWS, retries included."""
    driver = make_driver()
    sim.faults.add(Fault('throttle', operation='GetAccount', times=3))
    sim.faults.add(Fault('server_error', operation='GetMetricData', times=1, after=1))
    sim.faults.add(Fault('html', operation='GetSendStatistics', times=1))
    for _ in range(20):
        driver.run()
        clock.advance(60)
    for operation, number in sim.log.operations().items():
        assert driver.total('collector.api_calls', REGION, f'operation:{operation}') == number
    assert driver.total('collector.api_throttles') == 3
    failed = Counter(
        {
            ('GetAccount', 'throttled'): driver.total(
                'collector.api_errors', REGION, 'operation:GetAccount', 'reason:throttled'
            ),
            ('GetMetricData', 'network'): driver.total(
                'collector.api_errors', REGION, 'operation:GetMetricData', 'reason:network'
            ),
            ('GetSendStatistics', 'malformed'): driver.total(
                'collector.api_errors', REGION, 'operation:GetSendStatistics', 'reason:malformed'
            ),
        }
    )
    assert failed == {
        ('GetAccount', 'throttled'): 3,
        ('GetMetricData', 'network'): 1,
        ('GetSendStatistics', 'malformed'): 1,
    }


def test_account_metrics_are_there_in_each_cycle(make_driver: MakeDriver, clock: Clock) -> None:
    """After their first values the gauges of the account come in every run, also in runs without requests."""
    driver = make_driver(dimensions=[SET])
    driver.run_for(900, 60)
    driver.new_values()
    driver.run()
    expected = {name for name, tags in driver.new_values() if not name.endswith('.count') and 'collector.' not in name}
    assert {'send', 'bounce', 'quota.utilization', 'reputation.bounce_rate', 'can_connect'} <= expected
    for _ in range(40):
        clock.advance(15)
        driver.run()
        assert expected <= metric_names(driver.new_values())


def test_new_receipt_rules_are_counted(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """A receipt rule that begins to receive is found by itself, counts from its first mail, and disturbs no gauge."""
    rule = Family(dimensions=('RuleName',), values=(('new-rule',),), events={'Received': 1.0}, share=0.5, appears=900.0)
    sim = start(Scenario('new', 'a rule appears', families=(rule,)))
    driver = make_driver(sim)
    driver.run_for(600, 60)
    for _ in range(80):
        driver.new_values()
        driver.run()
        assert {'send', 'bounce', 'collector.data_age'} <= metric_names(driver.new_values())
        clock.advance(60)
    since, end = driver.last('collector.counting_since'), clock() + DAY
    sim.faults.add(Fault('throttle', operation='ListMetrics'))
    truth = driver.cloudwatch_sum('Received', since, clock() - 900, dimensions={'RuleName': 'new-rule'})
    assert truth > 0
    counted = driver.total('receiving.received.count', REGION, 'rule:new-rule')
    assert truth <= counted <= driver.cloudwatch_sum('Received', since, end, dimensions={'RuleName': 'new-rule'})
    assert driver.total('receiving.received.count') == counted


def test_each_request_names_its_sender(
    make_driver: MakeDriver, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request says in its User-Agent which SDK and which integration sends it, so that CloudTrail shows it."""
    agents: list[str] = []

    def read(*arguments: Any) -> HttpRequest | None:
        request = read_request(*arguments)
        agents.extend([request.headers['user-agent']] if request else [])
        return request

    monkeypatch.setattr(simulator.server, 'read_request', read)
    assert make_driver(**STEADY).run() == ''
    assert len(agents) == len(sim.log) >= 2
    expected = f'Botocore/{botocore.__version__} Python/', f'datadog-amazon-ses/{__version__}'
    assert all(agent.startswith(expected[0]) and agent.endswith(expected[1]) for agent in agents)
