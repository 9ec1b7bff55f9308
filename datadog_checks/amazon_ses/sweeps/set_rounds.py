"""Rounds over the configuration sets: their list every hour, and two requests for each set, in turn.

Sets that CloudWatch lists, which are those that send, come first in each round. At most five requests a minute are
sent, so a round over 1,000 sets takes seven hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Failure
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, memory, set_facts
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.sweeps.set_facts import DESTINATIONS, READ, SET, Destination
from datadog_checks.amazon_ses.sweeps.severity import Severity
from datadog_checks.amazon_ses.values import string

LIST = 'ListConfigurationSets'
INTERVAL = 3600
PAGE_SIZE = 1000
MOST_IN_A_MINUTE = 5
DAY = 86400
SECONDS_OF_A_SET = 2 * 60 / MOST_IN_A_MINUTE
"""How long a round takes for each set, at least."""


class Round(NamedTuple):
    """The round of an operation: when it began, None between two rounds, and when the newest whole one had begun."""

    begun_at: float | None = None
    finished_from: float | None = None


@dataclass(frozen=True, slots=True)
class Sets:
    """What is known of the configuration sets: their names, facts by hash, and the round of each operation.

    `names` are those of the newest list, by hash. `destinations` are those of the sets that this process read.
    `is_remembered` says that a whole list was read, even before a restart. `minute` and `requests` say how many
    requests for single sets were sent in which minute. `recovered` is when sets were well again.
    """

    listing: Paging[str] = field(default_factory=Paging)
    names: Mapping[int, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    destinations: Mapping[int, tuple[Destination, ...]] = field(default_factory=dict)
    rounds: Mapping[str, Round] = field(default_factory=dict)
    is_remembered: bool = False
    minute: int = 0
    requests: int = 0
    recovered: Mapping[int, float] = field(default_factory=dict)

    def round(self, operation: str) -> Round:
        return self.rounds.get(operation) or Round()

    def hold(self) -> float:
        """Seconds for which the facts of a set are shown: three rounds, and a day at least."""
        return max(DAY, 3 * SECONDS_OF_A_SET * len(self.names))


def next_request(state: Sets, context: Context, now: float) -> ApiRequest | None:
    """The next page of the list, or the next set of the operation that is further behind."""
    if context.may_ask(LIST) and state.listing.is_due(INTERVAL, now):
        return ApiRequest('sesv2', LIST, {'PageSize': PAGE_SIZE, **state.listing.parameters(now)})
    if state.minute == int(now // 60) and state.requests >= MOST_IN_A_MINUTE:
        return None
    due = [
        (operation, key)
        for operation in (SET, DESTINATIONS)
        if context.may_ask(operation)
        for key in left(state, operation, now)
    ]
    if not due:
        return None
    sending = {memory.hash_of(name) for name in context.sending_sets()}
    operation, key = min(due, key=lambda pair: (pair[1] not in sending, -_age(state, pair[0], pair[1], now), pair[1]))
    return ApiRequest('sesv2', operation, {'ConfigurationSetName': state.names[key]}, rolling=True)


def after_answer(state: Sets, request: ApiRequest, answer: Answer | Failure, now: float) -> Sets:
    if request.operation == LIST:
        return _after_list(state, answer, now)
    after = state
    if not isinstance(answer, Failure) or answer.at_request:
        # A set that was deleted meanwhile, or whose answer is garbage, is passed over.
        key = memory.hash_of(request.parameters['ConfigurationSetName'])
        after = _read(_after_set(state, request.operation, key, answer, now), request.operation, key, now)
    minute = int(now // 60)
    return replace(after, minute=minute, requests=state.requests + 1 if state.minute == minute else 1)


def left(state: Sets, operation: str, now: float) -> list[int]:
    """The sets that are still to be read in the round; all of them where the next round is due."""
    begun_at, finished = state.round(operation)
    if begun_at is not None:
        since = now // 60 - begun_at // 60
        return [key for key in state.names if _age(state, operation, key, now) > 60.0 * since]
    return list(state.names) if finished is None or not 0 <= now - finished < INTERVAL else []


def pending(state: Sets, context: Context, now: float) -> int:
    return max(len(left(state, operation, now)) for operation in READ) + int(state.listing.is_cut)


def read_at(state: Sets) -> float | None:
    """When the oldest part of what is shown was read: the list, or the sets of a whole round."""
    if state.listing.listed_at is None:
        return None
    rounds = [part.finished_from for part in state.rounds.values() if part.finished_from is not None]
    return min([state.listing.listed_at, *rounds])


def to_document(state: Sets) -> Any:
    """The facts by hash, and the round of each operation."""
    return {
        'facts': memory.packed(state.numbers),
        'whole': state.is_remembered,
        'rounds': {operation: list(part) for operation, part in state.rounds.items()},
    }


def from_document(document: Any) -> Sets:
    rounds = {
        str(operation): Round(*(None if at is None else float(at) for at in times))
        for operation, times in document['rounds'].items()
    }
    return Sets(numbers=memory.unpacked(document['facts']), rounds=rounds, is_remembered=bool(document['whole']))


def _age(state: Sets, operation: str, key: int, now: float) -> float:
    """Seconds since an answer about a set was read; endless where it never was."""
    read = READ[operation].read(state.numbers.get(key, 0))
    return set_facts.seconds_since(read, now) if read else float('inf')


def _after_list(state: Sets, answer: Answer | Failure, now: float) -> Sets:
    if isinstance(answer, Failure):
        listing = state.listing.after_failure(answer)
    else:
        page = [string(name) for name in answer['ConfigurationSets']]
        listing = state.listing.after_page(page, answer.get('NextToken'), now)
    if listing is state.listing or listing.begun_at is not None:
        return replace(state, listing=listing)
    names, numbers = {memory.hash_of(name): name for name in listing.listed}, state.numbers
    if listing.is_cut:
        # What the list lacks is unknown, and not gone.
        names = {**state.names, **names}
    else:
        numbers = {key: number for key, number in numbers.items() if key in names}
    return replace(
        state,
        listing=replace(listing, listed=()),
        names=names,
        numbers={**dict.fromkeys(names, 0), **numbers},
        destinations={key: those for key, those in state.destinations.items() if key in names},
        is_remembered=state.is_remembered or not listing.is_cut,
    )


def _after_set(state: Sets, operation: str, key: int, answer: Answer | Failure, now: float) -> Sets:
    """The state after an answer about a set, with the sets that are well again. What failed is unknown."""
    before = state.numbers.get(key, 0)
    if isinstance(answer, Failure):
        return replace(state, numbers={**state.numbers, key: set_facts.unanswered(before, operation, now)})
    if operation == SET:
        number = set_facts.with_set(before, answer, now)
    else:
        number, destinations = set_facts.with_destinations(before, answer, now)
        state = replace(state, destinations={**state.destinations, key: destinations})
    recovered = {other: at for other, at in state.recovered.items() if now - at < INTERVAL}
    if _is_bad(number):
        recovered.pop(key, None)
    elif _is_bad(before):
        recovered[key] = now
    return replace(state, numbers={**state.numbers, key: number}, recovered=recovered)


def _read(state: Sets, operation: str, key: int, now: float) -> Sets:
    """The state after a set was read in the round of an operation, which may have been the last one."""
    begun_at, finished = state.round(operation)
    begun_at = now if begun_at is None else begun_at
    after = replace(state, rounds={**state.rounds, operation: Round(begun_at, finished)})
    if left(after, operation, now):
        return after
    return replace(after, rounds={**after.rounds, operation: Round(None, begun_at)})


def _is_bad(number: int) -> bool:
    return set_facts.severity(set_facts.problems(number)) > Severity.INFO
