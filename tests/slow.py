"""An AWS that is slow on purpose, and the mail that is counted meanwhile.

Requests are held until a test lets them go, so no test waits for a time. A run that only waits for held requests has
used up its wait; while any other request is under way it has not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, local
from typing import Any

from common import REGION, START, Driver, wait_for_workers

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.cloudwatch.queries import Batch
from datadog_checks.amazon_ses.runner import Step
from simulator import Simulator

LONG = 60.0
MINUTES = 240
"""For how long the fixture `mail` sends."""


class Hold:
    """Requests of one operation that are held: all, or those of a Region, or those that hold a text.

    They are answered as of the time when they came; with `before` as of the time when they are let go.
    """

    def __init__(self, operation: str, region: str | None = None, text: str = '', before: bool = False) -> None:
        self.operation = operation
        self.region = region
        self.text = text
        self.before = before
        self.number = 0
        self.holds = True
        self._breaks = False
        self._changed = Condition()

    def release(self, breaks: bool = False) -> None:
        """Let all go, and hold nothing any more. With `breaks` the connections break instead of an answer."""
        with self._changed:
            self.holds, self._breaks = False, breaks
            self._changed.notify_all()

    def wait(self) -> None:
        """Hold a request."""
        with self._changed:
            self.number += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self.holds, LONG)
        if self._breaks:
            raise OSError('the connection breaks')

    def wait_for(self, number: int) -> None:
        """Wait until so many requests are held."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.number >= number, LONG), 'the request did not come'

    def matches(self, operation: str, region: str, content: Any) -> bool:
        return (
            self.holds
            and operation == self.operation
            and self.region in (None, region)
            and (not self.text or self.text in str(content))
        )


class SlowAws:
    """Holds requests to a simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._holds: list[Hold] = []
        self._thread = local()
        self._strike, self._answer = sim.faults.strike, sim._server._answer
        sim.faults.strike = self._begin
        sim._server._answer = self._end

    def hold(self, operation: str, region: str | None = None, text: str = '', before: bool = False) -> Hold:
        self._holds.append(Hold(operation, region, text, before))
        return self._holds[-1]

    def slow_down(self, driver: Driver) -> Driver:
        """Have the runs of this check end when they only wait for what is held."""
        driver.check._new_wait = lambda: HeldWait(driver.check, self)
        return driver

    def release_all(self) -> None:
        for hold in self._holds:
            hold.release()

    def of(self, step: Step[Any, Any]) -> Hold | None:
        """What holds a step of the check, if anything does."""
        task = getattr(step.subject, 'task', None)
        content = [*task.queries.series] if isinstance(task, Batch) else ''
        matching = (hold for hold in self._holds if hold.matches(step.operation, step.region, content))
        return next(matching, None)

    def _begin(self, request: Any) -> Any:
        matching = [hold for hold in self._holds if hold.matches(request.operation, request.region, request.params)]
        self._thread.hold = matching[0] if matching else None
        if matching and matching[0].before:
            matching[0].wait()
            self._thread.hold = None
        return self._strike(request)

    def _end(self, request: Any) -> Any:
        self._thread.hold = None
        reply = self._answer(request)
        if self._thread.hold is not None:
            self._thread.hold.wait()
        return reply


class HeldWait:
    """The wait of a run that is used up once nothing but held requests is under way, and nothing else has begun."""

    def __init__(self, check: AmazonSesCheck, slow: SlowAws) -> None:
        self._check = check
        self._slow = slow
        self._before: set[Any] | None = None

    @property
    def seconds(self) -> float:
        runners = (self._check._account_runner, self._check._runner)
        steps = [step for runner in runners for step, _ in runner._started_at.values()]
        held_by = {step.identity: self._slow.of(step) for step in steps}
        moving = {identity for identity, hold in held_by.items() if hold is None}
        used_up = bool(steps) and not moving and self._before == moving
        if used_up:
            for hold, number in Counter(hold for hold in held_by.values() if hold is not None).items():
                hold.wait_for(number)
        self._before = moving
        return 0.0 if used_up else LONG


@contextmanager
def slow_aws(sim: Simulator) -> Iterator[SlowAws]:
    slow = SlowAws(sim)
    yield slow
    slow.release_all()
    wait_for_workers()


def missing(driver: Driver, region: str = REGION) -> float:
    """How many mails were not counted, once the last one was sent and all of them can have been counted."""
    while driver.clock() < START + 60 * MINUTES + 600:
        driver.run()
        driver.clock.advance(300)
    since = driver.last('collector.counting_since', region)
    assert driver.total('send.count', region) > 100
    return driver.cloudwatch_sum('Send', since, region=region) - driver.total('send.count', region)


def requests_of(sim: Simulator, operation: str, region: str = REGION) -> int:
    """How many requests of an operation reached the simulator."""
    return sim.log.count(operation=operation, region=region)


def counted(driver: Driver, number: int) -> float:
    """How many mails were counted of the configuration set with this number."""
    return driver.total('configuration_set.send.count', REGION, f'configuration_set:s{number}')
