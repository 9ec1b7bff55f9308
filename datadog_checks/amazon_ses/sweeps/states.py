"""What is the same for every sweep: its place in turn, what pauses after a failure, what it tells, what is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.model import Event, Failure, FailureKind, Reading, malformed
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep

HOUR = 3600.0
PAUSES = {FailureKind.DENIED: HOUR, FailureKind.UNSUPPORTED: 24 * HOUR}
"""Seconds for which an operation is not asked after such a failure."""

SHORTEST_PAUSE, LONGEST_PAUSE = 60.0, 900.0
"""Seconds after any other failure: they double with each in a row."""

TOLD_AFTER_PAUSE = 900.0
"""Seconds for which a failure is told after its pause, until the operation was asked again."""

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What the reader of an answer raises where it is malformed."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when an operation pauses after its newest failure, and how many failures there were in a row."""

    failure: Failure
    until: float
    failures: int = 1


@dataclass(frozen=True, slots=True)
class SweepState:
    """The state of a sweep, when it last sent a request, when it was last answered, and its operations that pause."""

    state: Any
    asked_at: float = 0.0
    answered_at: float | None = None
    pauses: Mapping[str, Pause] = field(default_factory=dict)

    def pausing(self, now: float) -> frozenset[str]:
        return frozenset(operation for operation, pause in self.pauses.items() if now < pause.until)

    def failures(self, now: float) -> Iterable[Failure]:
        """The failures to tell. What the account, the Region or the SDK lacks is none."""
        for pause in self.pauses.values():
            if pause.failure.kind is not FailureKind.UNSUPPORTED and now < pause.until + TOLD_AFTER_PAUSE:
                yield pause.failure


States = Mapping[str, SweepState]
"""The states of sweeps by their names."""


def state_of(sweep: Sweep[Any], states: States) -> SweepState:
    return states.get(sweep.name) or SweepState(sweep.new_state())


def next_in_turn(
    sweeps: Iterable[Sweep[Any]], states: States, context: Context, now: float
) -> tuple[Sweep[Any], ApiRequest] | None:
    """The sweep that asks next, and its request: lists before single items, then whoever asked longest ago."""
    due = []
    for place, sweep in enumerate(sweeps):
        if context.is_quiet and not sweep.runs_when_quiet:
            continue
        current = state_of(sweep, states)
        request = sweep.next_request(current.state, replace(context, pausing=current.pausing(now)), now)
        if request is not None:
            due.append(((request.rolling, current.asked_at, place), sweep, request))
    return min(due, key=lambda candidate: candidate[0])[1:] if due else None


def after_answer(
    sweep: Sweep[Any], current: SweepState, request: ApiRequest, answer: Answer | Failure, now: float
) -> SweepState:
    """The state after a request was answered, or failed."""
    current = replace(current, asked_at=now)
    if request.optional and isinstance(answer, Failure) and (answer.at_request or answer.invalid):
        answer = replace(answer, kind=FailureKind.UNSUPPORTED, at_request=False, invalid=False)
    if not isinstance(answer, Failure):
        try:
            state = sweep.after_answer(current.state, request, answer, now)
        except UNREADABLE as error:
            detail = f'the answer lacks what it must have ({type(error).__name__}).'
            answer = replace(malformed(request.operation, detail), at_request=True)
        else:
            pauses = {operation: pause for operation, pause in current.pauses.items() if operation != request.operation}
            return replace(current, state=state, answered_at=now, pauses=pauses)
    state = sweep.after_answer(current.state, request, answer, now)
    if answer.at_request and answer.kind is FailureKind.UNSUPPORTED:
        return replace(current, state=state)
    return replace(
        current, state=state, pauses={**current.pauses, request.operation: _pause(current, request, answer, now)}
    )


def readings(sweep: Sweep[Any], states: States, context: Context, now: float) -> Iterable[Reading]:
    """What a sweep shows: nothing before it was asked or read from what is saved."""
    return sweep.readings(states[sweep.name].state, context, now) if sweep.name in states else ()


def events(sweeps: Iterable[Sweep[Any]], before: States, after: States, context: Context) -> Iterable[Event]:
    """The events of what changed between two states of each sweep."""
    for sweep in sweeps:
        state_before, state_after = state_of(sweep, before).state, state_of(sweep, after).state
        if state_before is not state_after:
            yield from sweep.changes(state_before, state_after, context)


def to_document(sweeps: Iterable[Sweep[Any]], states: States) -> dict[str, Any]:
    """What outlives a restart, by the name of the sweep."""
    return {sweep.name: sweep.to_document(states[sweep.name].state) for sweep in sweeps if sweep.name in states}


def from_document(sweeps: Iterable[Sweep[Any]], documents: Mapping[str, Any]) -> dict[str, SweepState]:
    """The states of what is saved. A sweep whose part cannot be read begins anew, and costs nothing else."""
    states = {}
    for sweep in sweeps:
        try:
            if sweep.name in documents:
                states[sweep.name] = SweepState(sweep.from_document(documents[sweep.name]))
        except (*UNREADABLE, IndexError):
            continue
    return states


def _pause(current: SweepState, request: ApiRequest, failure: Failure, now: float) -> Pause:
    earlier = current.pauses.get(request.operation)
    failures = earlier.failures + 1 if earlier else 1
    # Doubled at most ten times: the number of failures in a row has no limit.
    seconds = min(SHORTEST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
    if not failure.at_request:
        seconds = PAUSES.get(failure.kind, seconds)
    return Pause(failure, now + seconds, failures)
