"""The collector of the process rests while state is read, series are selected and answers become columns, and no
longer."""

from __future__ import annotations

import gc
import threading

import pytest
from common import MakeDriver, replace_attribute

from datadog_checks.amazon_ses import planning
from datadog_checks.amazon_ses.garbage import uncollected


def test_the_collector_goes_on_after_the_block() -> None:
    """Inside the block nothing is collected; afterwards it is as before, also where the block failed or it was off."""
    with pytest.raises(ZeroDivisionError), uncollected():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_rests_until_the_last_block_ends() -> None:
    """Where blocks of several threads overlap, the collector goes on after the last of them."""
    inside, ends = threading.Event(), threading.Event()

    def collect_nothing() -> None:
        with uncollected():
            inside.set()
            ends.wait(60)

    other = threading.Thread(target=collect_nothing)
    with uncollected():
        other.start()
        assert inside.wait(60)
    assert not gc.isenabled()
    ends.set()
    other.join()
    assert gc.isenabled()


def test_the_collector_rests_while_a_run_is_planned(make_driver: MakeDriver) -> None:
    """A run plans without collections, and the collector of the Agent's process is on again when the run has ended."""
    plan, states = planning.plan, []

    def observed(*arguments: object) -> planning.Plan:
        states.append(gc.isenabled())
        return plan(*arguments)

    with replace_attribute(planning, 'plan', observed):
        assert make_driver().run() == ''
    assert states == [False] * len(states) != [] and gc.isenabled()
