"""The terms of an account, such as plan and suppression list, are gauges, and each change of them is one event."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, REGION, MakeDriver, StartSimulator

from simulator import Clock, Fault, Simulator
from simulator.models import service_model
from simulator.scenarios import HOUR, QUIET

ACCOUNT_ONLY: dict[str, Any] = {'collect': ['account']}


OTHERS = ('a', 'c', 'i', 'm', 's', 'us-w', 'us-g', 'us-east-2', 'eu-c', 'eu-n', 'eu-s', 'eus', 'eu-west-2', 'eu-west-3')
EVERYWHERE: dict[str, Any] = {'regions': 'all', 'exclude_regions': [f'{beginning}*' for beginning in OTHERS]}


def titles(aggregator: Any, region: str = REGION) -> list[str]:
    where = f' ({ACCOUNT}, {region})'
    event_titles = [
        event['msg_title'].removesuffix(where) for event in aggregator.events if where in event['msg_title']
    ]
    return [title for title in event_titles if 'counting began' not in title]


def states(driver: Any, name: str) -> set[str]:
    """The tags of a metric in the next run, without those of the target."""
    driver.new_values()
    driver.run()
    return {tag for (metric, tags), _ in driver.new_values().items() if metric == name for tag in tags} - {
        f'region:{REGION}'
    }


def knows(field: str) -> bool:
    """Whether this botocore reads a field of GetAccount."""
    answer = service_model('sesv2').operation_model('GetAccount').output_shape
    return field in {*answer.members, *answer.members['SuppressionAttributes'].members}


def test_leaving_the_sandbox_is_told_once(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """When AWS grants production access, sandbox and quota are one event each, also over a restart, and the request is
    shown as granted."""
    driver = make_driver(start('sandbox_left'), **ACCOUNT_ONLY)
    assert states(driver, 'account.production_access_request') == {'status:pending'}
    clock.advance(2 * HOUR)
    driver.restart()
    for _ in range(4):
        assert driver.run() == ''
        clock.advance(60)
        driver.restart()
    assert titles(aggregator) == ['Amazon SES sending quota was raised', 'Amazon SES account left the sandbox']
    assert 'was 200 and is now 50,000' in aggregator.events[0]['msg_text']
    assert states(driver, 'account.production_access_request') == {'status:granted'}


def test_a_stolen_key_shows_in_a_region_without_mail(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """With `regions: all`, a quota and production access that somebody gets in a quiet Region are events there, and
    none in the Region that sends."""
    driver = make_driver(start('stolen_key'), region=None, account_id=ACCOUNT, **EVERYWHERE)
    driver.run_for(2 * HOUR, 600)
    assert titles(aggregator, QUIET) == ['Amazon SES sending quota was raised', 'Amazon SES account left the sandbox']
    assert not titles(aggregator)


@pytest.mark.parametrize(
    ('field', 'change', 'title'),
    [
        ('SuppressionAttributes', {'suppressed_reasons': ()}, 'Amazon SES suppression is off'),
        ('PricingAttributes', {'plan': 'PRO'}, 'Amazon SES plan is pro'),
        ('ValidationAttributes', {'validation': 'HIGH'}, 'Amazon SES auto validation is high'),
        ('DeliveryAttributes', {'shared_pool': 'GLOBAL'}, 'Amazon SES shared pool is global'),
    ],
)
def test_each_change_of_terms_is_an_event(
    make_driver: MakeDriver, sim: Simulator, aggregator: Any, field: str, change: dict[str, Any], title: str
) -> None:
    """A change of suppression, plan, validation or shared pool is one event, where this SDK reads the field, and what a
    denied GetAccount leaves unknown in between is none."""
    driver = make_driver(**ACCOUNT_ONLY)
    driver.run()
    sim.faults.add(Fault('denied', operation='GetAccount', times=2))
    driver.run_for(180)
    sim.change('account', values=change)
    driver.run_for(180)
    assert titles(aggregator) == ([title] if knows(field) else [])


def test_a_first_look_is_no_event(make_driver: MakeDriver, sim: Simulator, aggregator: Any) -> None:
    """An account that is seen for the first time, also after its stand-ins were, has no events."""
    sim.faults.add(Fault('denied', operation='GetAccount', times=3))
    driver = make_driver(**ACCOUNT_ONLY)
    driver.run_for(600)
    assert driver.last('account.suppression_enabled', REGION, 'reason:bounce') == 1.0
    assert aggregator.events == []
