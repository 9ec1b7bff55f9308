"""A state that an older version saved: counting goes on, and nothing is counted twice or left out.

`older_state.json` was written from the mail of this module by the version before queries were written as texts and
answers were booked in columns: an hour of runs, the cache of the Agent, and what was submitted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common import ACCOUNT, REGION, START, MakeDriver, StartSimulator
from processes import QUIET

from datadog_checks.base.stubs import datadog_agent as agent_stub
from simulator import Clock, Simulator, series_id

STATE = Path(__file__).with_name('older_state.json')
BEGIN = int(START) // 60 * 60
HOUR = 3600
SETS = [f'set-{number:02}' for number in range(12)]
OPTIONS: dict[str, Any] = {
    'collect': ['cloudwatch', 'configuration_sets'],
    'dimensions': [{'ses:from-domain': 'example.com'}],
}


def with_mail(sim: Simulator) -> Simulator:
    """Adds mail of 140 minutes: of the account, of sets, of which the last begins after an hour, and of a domain."""
    for minute in range(140):
        at = BEGIN + 60 * minute
        sim.world.put(ACCOUNT, REGION, 'Send', at, 1000)
        sim.world.put(ACCOUNT, REGION, series_id('Send', {'ses:from-domain': 'example.com'}), at, 7)
        for number, name in enumerate(SETS):
            if minute >= 60 or name != SETS[-1]:
                sim.world.put(ACCOUNT, REGION, series_id('Send', {'ses:configuration-set': name}), at, number + 1, 90)
            if minute % 9 == number % 9:
                sim.world.put(ACCOUNT, REGION, series_id('Bounce', {'ses:configuration-set': name}), at, number + 2)
    return sim


def submitted(driver: Any) -> dict[str, float]:
    """What was submitted of each series, by its metric and tag."""
    counts = {
        f'{metric} {name}': driver.total(f'configuration_set.{metric}.count', REGION, f'configuration_set:{name}')
        for metric in ('send', 'bounce')
        for name in SETS
    }
    return {**counts, 'send': driver.total('send.count'), 'domain': driver.total('dimension.send.count')}


def test_counting_goes_on_from_an_older_state(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> None:
    """What an older version counted in an hour, and this one afterwards from the state of that, is what this version
    counts from the beginning: of the account, of sets, one of which is new, and of a named domain."""
    older = json.loads(STATE.read_text(encoding='utf-8'))
    whole = make_driver(with_mail(start(QUIET)), **OPTIONS)
    whole.run_for(3 * HOUR)
    whole.check.cancel()
    expected = submitted(whole)
    assert min(expected.values()) > 0
    clock.set(older['at'])
    agent_stub._cache = dict(older['cache'])
    driver = make_driver(with_mail(start(QUIET)), **OPTIONS)
    driver.run_for(2 * HOUR)
    # The driver reads all samples of the stub, those of the other check among them.
    after = {name: total - expected[name] for name, total in submitted(driver).items()}
    assert {name: older['submitted'][name] + total for name, total in after.items()} == expected
