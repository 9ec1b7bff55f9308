"""Plays a sweep without HTTP: a pretend AWS answers each request, and what the sweep shows and tells is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from datadog_checks.amazon_ses.model import Failure, FailureKind, Sample, Target
from datadog_checks.amazon_ses.sweeps import ApiRequest, Context, Sweep, states
from datadog_checks.amazon_ses.sweeps.states import SweepState

NOW = 1_790_000_000.0
HERE = Context(Target('123456789012', 'us-east-1'))

Aws = Callable[[ApiRequest], Mapping[str, Any] | Failure]


class Play:
    """One sweep, the AWS that it asks, and a clock. `requests` are those that it sent, `events` those that it told."""

    def __init__(self, sweep: Sweep[Any], aws: Aws, **context: Any) -> None:
        self.sweep = sweep
        self.aws = aws
        self.context = replace(HERE, **context)
        self.current = SweepState(sweep.new_state())
        self.now = NOW
        self.requests: list[ApiRequest] = []
        self.events: list[tuple[str, str, str, str]] = []

    @property
    def state(self) -> Any:
        return self.current.state

    def run(self, seconds: float = 0.0, most: int = 1000) -> Play:
        """Pass some time, then ask until nothing is due. All of it is one run: a change is told at its end."""
        self.now += seconds
        before = self.state
        for _ in range(most):
            context = replace(self.context, pausing=self.current.pausing(self.now))
            request = self.sweep.next_request(self.state, context, self.now)
            if request is None:
                break
            assert request.operation not in context.pausing
            self.requests.append(request)
            self.current = states.after_answer(self.sweep, self.current, request, self.aws(request), self.now)
        for event in self.sweep.changes(before, self.state, self.context):
            self.events.append((event.spec.name, event.title, event.text, event.alert_type))
        return self

    def restart(self) -> Play:
        """Go on from what is saved."""
        document = json.loads(json.dumps(self.sweep.to_document(self.state)))
        self.current = SweepState(self.sweep.from_document(document))
        return self

    def shown(self) -> dict[Any, float]:
        """What is shown now, by name or by name and tags; nothing comes twice, and everything is declared."""
        values: dict[Any, float] = {}
        for reading in self.sweep.readings(self.state, self.context, self.now):
            assert isinstance(reading, Sample) and reading.metric in self.sweep.metrics
            key = (reading.metric.name, *reading.tags) if reading.tags else reading.metric.name
            assert key not in values
            values[key] = reading.value
        return values

    def event_titles(self) -> list[tuple[str, str]]:
        """Kinds and titles of the events since the last look."""
        event_titles = [(name, title.removeprefix('Amazon SES: ')) for name, title, _, _ in self.events]
        self.events.clear()
        return event_titles


def refused(operation: str, kind: FailureKind = FailureKind.DENIED, at_request: bool = False) -> Failure:
    return Failure(kind, operation, 'a test wants it', at_request=at_request)


def values_of(shown: Mapping[Any, float], name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric by its tags."""
    return {
        (key[1:] if isinstance(key, tuple) else ()): value
        for key, value in shown.items()
        if (key[0] if isinstance(key, tuple) else key) == name
    }
