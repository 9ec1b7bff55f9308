"""The collector of the process rests while state is read and series are selected, and no longer."""

from __future__ import annotations

import gc

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


def test_the_collector_rests_while_a_run_is_planned(make_driver: MakeDriver) -> None:
    """A run plans without collections, and the collector of the Agent's process is on again when the run has ended."""
    plan, states = planning.plan, []

    def observed(*arguments: object) -> planning.Plan:
        states.append(gc.isenabled())
        return plan(*arguments)

    with replace_attribute(planning, 'plan', observed):
        assert make_driver().run() == ''
    assert states == [False] * len(states) != [] and gc.isenabled()
