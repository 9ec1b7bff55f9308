"""A play: a scenario of the simulator, and what happens while it is recorded.

Times are in seconds after the first run, or in a scenario after its start, which is LEAD earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator import SCENARIOS, Clock, Simulator
from simulator.scenarios import HOUR, SETS, Scenario
from simulator.streams import Chances, Stream

START = 1_772_442_037.0
"""2026-03-02 09:00:37 UTC: inside a period, as a real start would be."""

LEAD = HOUR
STEP = 300
"""Seconds between two runs: as often as CloudWatch is read. A real Agent runs each minute."""

LEAN = {'collect': ['account', 'cloudwatch', 'configuration_sets']}
"""The sources that monitors look at. The other sources cost half of the time."""


@dataclass(frozen=True)
class Incident:
    """A change of the pretend AWS, or a jump of the clock, at a time."""

    at: float
    strike: Callable[[Simulator, Clock], object]


@dataclass(frozen=True)
class Play:
    """A scenario, how long it is read, and the incidents meanwhile. `step`: seconds between two runs."""

    scenario: Scenario
    seconds: float
    options: Mapping[str, Any] = field(default_factory=lambda: LEAN)
    incidents: tuple[Incident, ...] = ()
    step: float = STEP


HEALTHY = Chances(transient=0.0015, permanent=0.002, suppressed=0.0005, complained=0.0001)


def streams(newsletter: Stream) -> tuple[Stream, ...]:
    """The mail of three configuration sets: two healthy ones, and the newsletter with three tenths of it."""
    return (
        Stream(0.5, HEALTHY, 'receipts'),
        Stream(0.2, HEALTHY, 'alerts'),
        replace(newsletter, share=0.3, configuration_set='newsletter'),
    )


STEADY = replace(SCENARIOS['steady'], families=(SETS,), streams=streams(Stream(chances=HEALTHY)))
