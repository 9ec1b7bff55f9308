"""The cost of work for the process that does it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_STATUS = Path('/proc/self/status')
# ru_maxrss is in bytes on macOS, in kibibytes elsewhere.
_UNIT = 1 if sys.platform == 'darwin' else 1024


class Cost(NamedTuple):
    """Seconds on the wall, seconds of CPU in all threads."""

    wall: float
    cpu: float


def cost(work: Callable[[], Any]) -> Cost:
    """Do the work and return its cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def memory() -> tuple[int, int]:
    """The present memory of this process and its peak, in bytes. Without /proc both are the peak."""
    if _STATUS.exists():
        # Not from getrusage, whose peak includes that of the parent process.
        lines = dict(line.split(':', 1) for line in _STATUS.read_text().splitlines() if ':' in line)
        return int(lines['VmRSS'].split()[0]) * 1024, int(lines['VmHWM'].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return peak, peak
