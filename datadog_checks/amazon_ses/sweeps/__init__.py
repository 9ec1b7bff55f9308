"""Sweeps: sources of SES that need a call for each item, or for each hundred. A sweep declares what it asks and shows.

A sweep is a pure state machine over a state of its own, a frozen value. `worker.py` asks the requests of all sweeps of
an account and Region in turn, goes on between runs, and hands over the states that came of it. `states.py` has what is
the same for every sweep: failures, ages, events, and what outlives a restart. `paging.py` and `memory.py` have the
parts that most sweeps are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, Reading, Target

S = TypeVar('S')

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to SES: the SDK's name of the service (`sesv2`, `ses`), the operation as AWS spells it, parameters.

    Where the installed SDK lacks the operation or one of the parameters, nothing is sent, and the answer is a Failure
    of the kind UNSUPPORTED. A `rolling` request is one of many that each read one item: it gives way to all others.
    An `optional` one is of a feature that the account may lack: where AWS refuses it, whatever the reason, that is
    UNSUPPORTED too, unless it is denied or throttled.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rolling: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Means:
    """What a Region could send with: its quota and what it sent in 24 hours, whether it has production access, by hash
    the identities that may send, with the domains that they belong to, and its configuration sets. None is unknown."""

    max_24_hour: float | None = None
    sent: float | None = None
    production_access: bool | None = None
    identities: Mapping[int, tuple[int, ...]] | None = None
    sets: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a sweep may know beside its own state.

    `pausing` are the operations that are not asked now because they failed. In a quiet Region only the sweeps that say
    so are asked, and they ask as little as they can. `sending_sets()` are the configuration sets that CloudWatch lists.
    `vdm` is whether GetAccount says that the Virtual Deliverability Manager is on. `means(region)` are those of a
    Region of this account that is read, only for what a sweep shows.
    """

    target: Target
    is_quiet: bool = False
    pausing: frozenset[str] = frozenset()
    show_addresses: bool = False
    max_identities: int = 200
    max_findings: int = 50
    max_sets: int = 200
    max_tenants: int = 200
    hash_tenants: bool = False
    sending_sets: Callable[[], frozenset[str]] = frozenset
    vdm: bool = False
    means: Callable[[str], Means | None] = lambda region: None

    def may_ask(self, operation: str) -> bool:
        return operation not in self.pausing


@dataclass(frozen=True, slots=True)
class Sweep(Generic[S]):
    """One sweep. Its `name` is a word of the option `collect`.

    `actions` are the IAM actions of its operations, `metrics` and `events` everything that it may submit. All functions
    are pure; the number is always the time of the check.

    - `new_state()`: nothing is known yet.
    - `next_request(state, context, now)`: what is asked now, None where nothing is due. It must not ask for operations
      of `context.pausing`, and asks for something else meanwhile if it can.
    - `after_answer(state, request, answer, now)`: the state after an answer or a failure. It raises KeyError,
      TypeError, ValueError or AttributeError where the answer is malformed, and is then called again with the Failure.
      Failures of an operation make it pause, which the sweep need not care about; it must move on where a failure is
      about the one item that it asked for (`failure.at_request`), or it would ask for that item for ever.
    - `readings(state, context, now)`: what is shown in each run. What is not known is left out.
    - `changes(before, after, context)`: the events of what changed between two states. What was not known before, as in
      a new state, is no change. Many changes of one kind are one event with a count.
    - `pending(state, context, now)`: how many items of the round under way have not been read.
    - `read_at(state)`: when the oldest part of what is shown was read; None where nothing is.
    - `to_document(state)`: what outlives a restart, as JSON values: the place in the round, hashes and bits. No name
      that may hold an address, no token. `from_document` reads it, and may raise as `after_answer` does.

    With `runs_when_quiet` it is asked in quiet Regions too. With `opt_in` it is off by default.
    """

    name: str
    actions: tuple[Action, ...]
    metrics: tuple[MetricSpec, ...]
    new_state: Callable[[], S]
    next_request: Callable[[S, Context, float], ApiRequest | None]
    after_answer: Callable[[S, ApiRequest, Answer | Failure, float], S]
    readings: Callable[[S, Context, float], Iterable[Reading]]
    pending: Callable[[S, Context, float], int]
    read_at: Callable[[S], float | None]
    to_document: Callable[[S], Any]
    from_document: Callable[[Any], S]
    events: tuple[EventSpec, ...] = ()
    changes: Callable[[S, S, Context], Iterable[Event]] = lambda before, after, context: ()
    runs_when_quiet: bool = False
    opt_in: bool = False
