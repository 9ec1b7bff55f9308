"""The check itself, configured as a user does it."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.case import Case
from benchmarks.meter import cost, memory


class Way:
    """The check, an object for each instance, on a clock that stands at `now` of the last call.

    `costs` has wall seconds and CPU seconds of creating each instance and its first run, and the memory of the process
    after that, in bytes. A failed run raises RuntimeError with the message of the check.
    """

    with_data = 0

    def __init__(self, endpoint: str) -> None:
        # An Agent has loaded the base package before it loads a check.
        import_module('datadog_checks.base.checks.base')
        self.costs: list[tuple[float, float, int]] = []
        self._endpoint = endpoint
        self._now = 0.0
        self._checks: list[Any] = []

    def add(self, case: Case, now: float, periods: int) -> None:
        self._now = now
        for number in range(case.instances):
            spent = cost(partial(self._start, case.instance(number, self._endpoint)))
            self.costs.append((*spent, memory()[0]))

    def run(self, now: float, periods: int) -> None:
        self._now = now
        for check in self._checks:
            _run(check)

    def drop(self) -> None:
        for check in self._checks:
            check.cancel()
        self._checks.clear()

    def _start(self, instance: dict[str, Any]) -> None:
        # Not at the top: the first instance includes the import, as in an Agent.
        from datadog_checks.amazon_ses import AmazonSesCheck

        check = AmazonSesCheck('amazon_ses', {}, [instance])
        check.counts_at_once = True
        check.check_id = f'amazon_ses:{len(self._checks)}'
        check.clock = lambda: self._now
        self.prepare(check)
        self._checks.append(check)
        _run(check)

    def prepare(self, check: Any) -> None:
        """Sets how the seconds of a new check pass."""
        check.clock_is_turned = True


def _run(check: Any) -> None:
    report = check.run()
    check.get_warnings()
    if report:
        raise RuntimeError(json.loads(report)[0]['message'])
