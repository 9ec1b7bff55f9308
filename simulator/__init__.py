"""A pretend AWS for demo, tests and benchmarks: SES, CloudWatch and STS over HTTP, with scenarios and faults."""

from simulator.clock import Clock
from simulator.faults import Fault
from simulator.inventory import Change
from simulator.scenarios import SCENARIOS, Family, Gauge, Scenario, Standing
from simulator.series import series_id
from simulator.simulator import Simulator

__all__ = ['SCENARIOS', 'Change', 'Clock', 'Family', 'Fault', 'Gauge', 'Scenario', 'Simulator', 'Standing', 'series_id']
