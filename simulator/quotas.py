"""AWS's request quotas, counted per second of the simulator's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from simulator.errors import AwsError

RECENT_DATAPOINTS = 180_000
OLDER_DATAPOINTS = 396_000
# SES documents one call a second and enforces it above a burst, as token buckets do.
SES_BURST = 5


class Quotas:
    """Counts per quota, account, Region and second; Throttling above the limit. `enforced` False counts nothing."""

    def __init__(self, clock: Callable[[], float], enforced: bool = True) -> None:
        self.enforced = enforced
        self._clock = clock
        self._used: dict[tuple[Any, ...], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def _take(self, key: tuple[Any, ...], number: int, limit: float) -> None:
        if not self.enforced:
            return
        second = int(self._clock())
        with self._lock:
            then, used = self._used.get(key, (second, 0))
            used = used + number if then == second else number
            self._used[key] = (second, used)
        if used > limit:
            raise AwsError('Throttling', 'Rate exceeded')

    def take_call(self, action: str, account: str, region: str, per_second: float | None) -> None:
        """Count one call against the rate of its IAM action."""
        if per_second is not None:
            limit = max(per_second, SES_BURST) if action.startswith('ses:') else per_second
            self._take((action, account, region), 1, limit)

    def take_datapoints(self, account: str, region: str, number: int, recent: bool) -> None:
        """Count datapoints that GetMetricData asks for; those of the last three hours have a quota of their own."""
        self._take(('datapoints', recent, account, region), number, RECENT_DATAPOINTS if recent else OLDER_DATAPOINTS)
