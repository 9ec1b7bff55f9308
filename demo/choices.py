"""The choices of the command line. The defaults are the run of `make demo`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """`hours` are simulated hours with mail. With `faults` there are mishaps and a restart of the Agent."""

    hours: float = 6.0
    seed: int = 1
    scenario: str = 'bounce_storm'
    regions: tuple[str, ...] = ('us-east-1', 'eu-west-1')
    faults: bool = True
