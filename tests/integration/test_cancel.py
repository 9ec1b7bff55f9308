"""A check that is cancelled writes and submits nothing more, and waits for nothing."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
from common import OTHER, REGION, MakeDriver, StartSimulator, replace_attribute
from processes import QUIET, STEADY, put_mails

from simulator import Clock, Fault

pytestmark = pytest.mark.usefixtures('no_waiting')


def test_cancel_does_not_wait_for_a_write(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, datadog_agent: Any
) -> None:
    """cancel() returns while a run is writing its state. That run submits what it saved, and the next check object,
    which starts at once, counts nothing of it again."""
    sim = start(QUIET)
    put_mails(sim, 120)
    driver = make_driver(sim, **STEADY)
    driver.run_for(1500, 300)
    old, write = driver.check, datadog_agent.write_persistent_cache
    for part in ('writer', '0', '1', 'handed_over', 'handed_over_again'):
        begun, go_on = Event(), Event()

        def slow(key: str, text: str, part: str = part, begun: Event = begun, go_on: Event = go_on) -> None:
            if key.endswith(f'{REGION}__{part}') and not begun.is_set():
                begun.set()
                assert go_on.wait(20)
            write(key, text)

        clock.advance(300)
        old = driver.check
        with replace_attribute(datadog_agent, 'write_persistent_cache', slow):
            thread = Thread(target=old.run)
            thread.start()
            if begun.wait(10 if part not in '01' else 3):
                old.cancel()
            fresh = driver.restart()
            next_run = Thread(target=fresh.run)
            next_run.start()
            next_run.join(1)
            go_on.set()
            thread.join()
            next_run.join()
    driver.run_for(120 * 60, 300)
    for region in (REGION, OTHER):
        since = driver.values('collector.counting_since', region)
        assert set(since) == {since[0]}
        unknown = sum(driver.values('collector.periods_unknown', region))
        missing = driver.cloudwatch_sum('Send', since[0], region=region) - driver.total('send.count', region)
        assert missing == 0 and unknown == 0


def test_nothing_is_submitted_after_a_cancel_before_the_write(
    make_driver: MakeDriver, start: StartSimulator, clock: Clock, aggregator: Any
) -> None:
    """A run that is cancelled while AWS is asked writes and submits nothing; the next check object counts all of it."""
    sim = start(QUIET)
    put_mails(sim, 60)
    driver = make_driver(sim, **STEADY)
    driver.run_for(1500, 300)
    old = driver.check
    fault = sim.faults.add(Fault('latency', argument=0.5))
    before = driver.total('send.count')
    thread = Thread(target=old.run)
    thread.start()
    while not sim.log.where(operation='GetAccount'):
        pass
    old.cancel()
    thread.join()
    sim.faults.remove(fault)
    assert driver.total('send.count') == before
    driver.restart()
    driver.run_for(7200, 300)
    since = driver.last('collector.counting_since')
    assert driver.total('send.count') == driver.cloudwatch_sum('Send', since)
