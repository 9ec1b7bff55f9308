"""The clock of AWS: how far that of this machine is from it, by the Date of every answer, refusals too."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from datadog_checks.amazon_ses.aws.calls import CallRecord


class DatedCalls(CallRecord):
    """A record of calls that also compares clocks. `clock_errors` are seconds by which `clock` is ahead of AWS, oldest
    first; a Date has whole seconds, and the way back takes some time, so they are exact to about a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self.clock_errors: list[float] = []

    def attach(self, client: Any, region: str) -> None:
        super().attach(client, region)
        client.meta.events.register('needs-retry', self._compare)

    def _compare(self, response: tuple[Any, Any] | None = None, **_: Any) -> None:
        """After each attempt. Returns nothing, so whether it is repeated stays as it is."""
        if response is None:
            return
        try:
            date = parsedate_to_datetime(response[0].headers['Date']).timestamp()
        except (KeyError, TypeError, ValueError, AttributeError):
            # Not from AWS, whose answers all have a date.
            return
        self.clock_errors.append(self._clock() - date)
