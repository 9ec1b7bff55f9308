"""`sending_status` shows whether the account may send, and each change is one event."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, PREFIX, REGION, START, MakeDriver, StartSimulator, metric_names

from simulator import Clock, Fault, Simulator
from simulator.scenarios import Scenario, Standing

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STEADY = {'collect': ['account', 'cloudwatch']}


def standing_that_changes(*steps: tuple[float, Standing]) -> Scenario:
    return Scenario('changing', 'the standing changes', volume=0.0, gauges=(), standings=steps)


@pytest.mark.parametrize(
    ('scenario', 'level', 'words', 'gauges'),
    [
        ('steady', OK, '', (0, 1, 1)),
        ('sandbox', OK, '', (0, 1, 0)),
        ('under_review', WARNING, 'under review in this Region', (1, 1, 1)),
        ('paused', CRITICAL, 'AWS paused sending', (2, 0, 1)),
        ('sending_disabled', CRITICAL, 'Sending is switched off', (0, 0, 1)),
        ('unlimited_quota', OK, '', (0, 1, 1)),
    ],
)
def test_sending_status_and_gauges_follow_the_standing(
    make_driver: MakeDriver,
    start: StartSimulator,
    scenario: str,
    level: int,
    words: str,
    gauges: tuple[int, int, int],
) -> None:
    """`sending_status` and the gauges of the standing show whether AWS lets the account send; an OK has no message."""
    driver = make_driver(start(scenario), collect=['account'])
    assert driver.run() == ''
    assert driver.status('sending_status')[0] == level
    assert words in driver.status('sending_status')[1]
    assert (driver.status('sending_status')[1] == '') is (level == OK)
    parts = ('account.enforcement_level', 'account.sending_enabled', 'account.production_access')
    assert tuple(driver.last(name) for name in parts) == gauges


def test_sending_status_is_unknown_when_aws_does_not_say(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When GetAccount is denied, the SES v1 API supplies all but the standing: UNKNOWN, with the action to allow."""
    sim.deny('ses:GetAccount')
    driver = make_driver(**STEADY)
    driver.run()
    assert driver.status('sending_status')[0] == UNKNOWN
    clock.advance(60)
    driver.new_values()
    driver.run()
    submitted = metric_names(driver.new_values())
    assert {'quota.max_24_hour', 'quota.utilization', 'account.sending_enabled'} <= submitted
    assert not {'account.enforcement_level', 'account.production_access'} & submitted
    level, message = driver.status('sending_status')
    assert level == UNKNOWN
    assert 'ses:GetAccount' in message
    assert driver.status('can_connect')[0] == WARNING
    sim.allow()
    clock.advance(120)
    driver.run()
    assert driver.status('sending_status') == (OK, '')
    clock.advance(60)
    sim.log.clear()
    driver.run()
    assert sim.log.count(operation='GetSendQuota') == 0


def test_one_run_without_get_account_has_the_quota(make_driver: MakeDriver, sim: Simulator) -> None:
    """A single run in which GetAccount is denied has the quota already: each operation is asked once, and a stand-in
    that is denied too is named."""
    sim.deny('ses:GetAccount')
    sim.deny('ses:GetAccountSendingEnabled')
    driver = make_driver(**STEADY)
    driver.run()
    assert {'quota.max_24_hour', 'quota.utilization'} <= metric_names(driver.new_values())
    level, message = driver.status('can_connect')
    assert level == WARNING
    assert 'GetAccount: denied' in message and 'GetAccountSendingEnabled: denied' in message
    for operation in ('GetAccount', 'GetSendQuota', 'GetAccountSendingEnabled'):
        assert sim.log.count(operation=operation) == 1
    driver.clock.advance(60)
    driver.run()
    assert sim.log.count(operation='GetSendQuota') == 2


def test_an_old_standing_becomes_unknown(make_driver: MakeDriver, sim: Simulator, clock: Clock) -> None:
    """When AWS stops answering, the standing is shown for a quarter of an hour, then it is unknown."""
    driver = make_driver(**STEADY)
    driver.run()
    sim.faults.add(Fault('reset', operation='GetAccount'))
    clock.advance(840)
    driver.new_values()
    driver.run()
    assert driver.status('sending_status')[0] == OK
    assert 'quota.max_24_hour' in metric_names(driver.new_values())
    clock.advance(120)
    driver.run()
    assert driver.status('sending_status')[0] == UNKNOWN
    assert not {'quota.max_24_hour', 'account.enforcement_level'} & metric_names(driver.new_values())


def test_events_come_once_for_each_change(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """Each change of standing or switch is one event, also over restarts; the first observation is none."""
    scenario = standing_that_changes(
        (0, Standing()),
        (600, Standing(enforcement_status='PROBATION')),
        (1200, Standing(enforcement_status='SHUTDOWN', sending_enabled=False)),
        (1800, Standing()),
    )
    driver = make_driver(start(scenario), collect=['account'], tags=['team:mail'])
    for minute in range(40):
        if minute in (9, 10, 11, 19, 20, 21, 35):
            driver.restart()
        assert driver.run() == ''
        clock.advance(60)
    where = f' ({ACCOUNT}, {REGION})'
    assert [(event['timestamp'], event['msg_title'], event['alert_type']) for event in aggregator.events] == [
        (START + 600, f'Amazon SES account is under review{where}', 'warning'),
        (START + 1200, f'Amazon SES account is paused{where}', 'error'),
        (START + 1200, f'Amazon SES sending was switched off{where}', 'error'),
        (START + 1800, f'Amazon SES account is healthy{where}', 'success'),
        (START + 1800, f'Amazon SES sending was switched on{where}', 'success'),
    ]
    for event in aggregator.events:
        assert event['tags'] == ['team:mail', f'aws_account:{ACCOUNT}', f'region:{REGION}']
        assert event['source_type_name'] == 'amazon_ses'
        assert event['event_type'].startswith(PREFIX + 'account.')
