"""The check itself, configured as a user does it."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.cases import Case


class Ours:
    """The check, one object for each instance of a case, on a clock that is told the time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._checks: list[Any] = []

    def add(self, instance: dict[str, Any], now: float) -> None:
        """One more instance, which runs at once. RuntimeError with the check's words where that fails."""
        from datadog_checks.amazon_ses import AmazonSesCheck

        self._now = now
        check = AmazonSesCheck('amazon_ses', {}, [instance])
        check.counts_at_once = True
        check.check_id = f'amazon_ses:{len(self._checks)}'
        check.clock = lambda: self._now
        self._checks.append(check)
        _run(check)

    def run(self, now: float) -> None:
        """One run of every instance. RuntimeError with the check's words where one fails."""
        self._now = now
        for check in self._checks:
            _run(check)

    def drop(self) -> None:
        """Do without the instances so far."""
        for check in self._checks:
            check.cancel()
        self._checks.clear()


def instances(case: Case, endpoint: str) -> list[dict[str, Any]]:
    """The configuration of every instance of a case."""
    return [case.instance(place, endpoint) for place in range(case.instances)]


def _run(check: Any) -> None:
    report = check.run()
    check.get_warnings()
    if report:
        raise RuntimeError(json.loads(report)[0]['message'])
