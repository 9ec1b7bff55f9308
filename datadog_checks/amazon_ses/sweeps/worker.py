"""The worker of the sweeps of one account and Region: it asks their requests in turn, for a limited time.

It runs in one thread beside the runs, on states of its own. The next run takes in the states that it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep
from datadog_checks.amazon_ses.sweeps.states import States, after_answer, next_in_turn, state_of

MOST_REQUESTS = 12
"""Requests of one step, so that each run takes in what came."""

MOST_SECONDS = 50.0
"""Seconds after which a step sends no further request."""


@dataclass(frozen=True, slots=True)
class SweepTask:
    """The sweeps that a step asks, their states when it begins, and for how many seconds it may send requests."""

    sweeps: tuple[Sweep[Any], ...]
    states: States
    context: Context
    seconds: float = MOST_SECONDS


class Edge(NamedTuple):
    """The way to AWS: asks a request, says in how many seconds its turn comes, the time, and whether to end."""

    ask: Callable[[ApiRequest], Answer | Failure]
    seconds_until: Callable[[ApiRequest], float]
    clock: Callable[[], float]
    is_cancelled: Callable[[], bool]


def sweep(task: SweepTask, edge: Edge) -> States:
    """Ask what is due until nothing is, or until the limits of a step. Returns the states of the sweeps that asked."""
    states = dict(task.states)
    names: dict[str, None] = {}
    begun = edge.clock()
    for _ in range(MOST_REQUESTS):
        now = edge.clock()
        turn = next_in_turn(task.sweeps, states, task.context, now)
        if turn is None or edge.is_cancelled():
            break
        chosen, request = turn
        if now - begun + edge.seconds_until(request) > task.seconds:
            break
        answer = edge.ask(request)
        if edge.is_cancelled():
            break
        states[chosen.name] = after_answer(chosen, state_of(chosen, states), request, answer, edge.clock())
        names[chosen.name] = None
        if isinstance(answer, Failure) and (answer.at_sign_in or answer.kind is FailureKind.CREDENTIALS):
            # Every other request would fail as well.
            break
    return {name: states[name] for name in names}
