"""What the command line may choose. Without any choice it is the run of `make demo`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """Hours are simulated ones with mail; `faults`: whether something goes wrong and the Agent is restarted."""

    hours: float = 6.0
    seed: int = 1
    scenario: str = 'bounce_storm'
    regions: tuple[str, ...] = ('us-east-1', 'eu-west-1')
    faults: bool = True
