"""A pretend AWS for demo, tests and benchmarks: SES, CloudWatch and STS over HTTP, with scenarios and faults."""

from .clock import Clock
from .faults import Fault
from .scenarios import SCENARIOS, Family, Gauge, Scenario, Standing
from .simulator import Simulator

__all__ = ['SCENARIOS', 'Clock', 'Family', 'Fault', 'Gauge', 'Scenario', 'Simulator', 'Standing']
