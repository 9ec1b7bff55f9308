"""The rounds of identities: a list of them every 15 minutes, their DKIM, MAIL FROM and topics every hour, a hundred in
a request, and one after the other what only GetEmailIdentity tells.

Identities are read in the order of the hashes of their names, so the place in a round is one hash, which outlives a
restart without any name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Failure
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, identity_facts, memory
from datadog_checks.amazon_ses.sweeps.identity_facts import ADDRESS, PENDING_SINCE, TYPE, Identity
from datadog_checks.amazon_ses.sweeps.identity_problems import lone_problems, severity
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.sweeps.severity import Severity

LIST = 'ListEmailIdentities'
DETAILS = 'GetEmailIdentity'
LIST_INTERVAL = 900
INTERVAL = 3600
"""Seconds between two rounds of the other operations, and between two lists of a quiet Region."""

PAGE_SIZE = 1000
BATCH = 100
"""Identities of one request: the most that AWS takes."""

DETAIL_INTERVAL = 60
"""One identity in each such number of seconds is read alone, 60 an hour."""

DETAIL_INTERVAL_OF_BAD = 6 * 3600
"""Seconds after which an identity with something wrong is read alone again, before all others."""


class Batch(NamedTuple):
    """An operation that reads a hundred identities: the member of its answer, how an identity's attributes are taken
    in, and whether it says something of addresses."""

    member: str
    take: Callable[[int, object, float], int]
    of_addresses: bool = True


BATCHES: Mapping[str, Batch] = {
    'GetIdentityDkimAttributes': Batch('DkimAttributes', identity_facts.with_dkim, of_addresses=False),
    'GetIdentityMailFromDomainAttributes': Batch('MailFromDomainAttributes', identity_facts.with_mail_from),
    'GetIdentityNotificationAttributes': Batch('NotificationAttributes', identity_facts.with_topics),
}
FIRST = -1
"""The place before the first hash."""


@dataclass(frozen=True, slots=True)
class Round:
    """The place in the round of an operation: everything up to the hash `place` was read since `begun_at`.

    `begun_at` is None between two rounds. The newest whole round began at `finished_from`.
    """

    place: int = FIRST
    begun_at: float | None = None
    finished_from: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether something is to be read: the rest of a round, or the next round at its cadence."""
        finished = self.finished_from
        return self.begun_at is not None or finished is None or not 0 <= now - finished < INTERVAL

    def after(self, place: int | None, now: float) -> Round:
        """The round after everything up to a hash was read, None for the last one."""
        begun_at = now if self.begun_at is None else self.begun_at
        return Round(finished_from=begun_at) if place is None else Round(place, begun_at, self.finished_from)


@dataclass(frozen=True, slots=True)
class Identities:
    """What is known of the identities: the list, the facts by hash, and the place in the round of each operation.

    `ordered` is the list by hash. `is_remembered` says that the facts are of a whole list, even of one before a
    restart. An identity was read alone last at `read_alone_at`, and told something at `details_at`. `bad` are those
    with more than a hint wrong, `read_alone` is when these were read alone, `recovered` when others were well again.
    """

    listing: Paging[Identity] = field(default_factory=Paging)
    ordered: tuple[Identity, ...] = ()
    numbers: Mapping[int, int] = field(default_factory=dict)
    rounds: Mapping[str, Round] = field(default_factory=dict)
    details_at: float | None = None
    read_alone_at: float | None = None
    bad: frozenset[int] = frozenset()
    read_alone: Mapping[int, float] = field(default_factory=dict)
    recovered: Mapping[int, float] = field(default_factory=dict)
    is_remembered: bool = False

    def round(self, operation: str) -> Round:
        return self.rounds.get(operation) or Round()


def next_request(state: Identities, context: Context, now: float) -> ApiRequest | None:
    """The next page of the list, the next hundred identities, or the next one."""
    interval = INTERVAL if context.is_quiet else LIST_INTERVAL
    if context.may_ask(LIST) and state.listing.is_due(interval, now):
        return ApiRequest('sesv2', LIST, {'PageSize': PAGE_SIZE, **state.listing.parameters(now)})
    if context.is_quiet or not state.ordered:
        return None
    for operation in BATCHES:
        if context.may_ask(operation) and state.round(operation).is_due(now):
            names = [identity.name for identity in _left(state, operation)[:BATCH]]
            if names:
                return ApiRequest('ses', operation, {'Identities': names})
    identity = _next_alone(state, now) if context.may_ask(DETAILS) else None
    return None if identity is None else ApiRequest('sesv2', DETAILS, {'EmailIdentity': identity.name}, rolling=True)


def after_answer(state: Identities, request: ApiRequest, answer: Answer | Failure, now: float) -> Identities:
    if request.operation == LIST:
        return _after_list(state, answer, now)
    if request.operation == DETAILS:
        return _after_alone(state, request.parameters['EmailIdentity'], answer, now)
    return _after_batch(state, request, answer, now)


def pending(state: Identities, context: Context, now: float) -> int:
    """Identities that any operation has still to read in its round."""
    if context.is_quiet:
        return 0
    due = (operation for operation in (*BATCHES, DETAILS) if state.round(operation).is_due(now))
    return max((len(_left(state, operation)) for operation in due), default=0)


def read_at(state: Identities) -> float | None:
    """When the oldest part was read: the list, or an identity in the newest whole round of an operation."""
    times = [state.listing.listed_at, *(part.finished_from for part in state.rounds.values())]
    return None if times[0] is None else min(at for at in times if at is not None)


def to_document(state: Identities) -> Any:
    """The facts by hash, and the place in each round."""
    rounds = {name: [part.place, part.begun_at, part.finished_from] for name, part in state.rounds.items()}
    return {
        'facts': memory.packed(state.numbers),
        'rounds': rounds,
        'details_at': state.details_at,
        'whole': state.is_remembered,
    }


def from_document(document: Any) -> Identities:
    rounds = {
        str(name): Round(int(place), *(None if at is None else float(at) for at in times))
        for name, (place, *times) in document['rounds'].items()
    }
    details_at = document['details_at']
    return Identities(
        numbers=memory.unpacked(document['facts']),
        rounds=rounds,
        details_at=None if details_at is None else float(details_at),
        is_remembered=bool(document['whole']),
    )


def _after_list(state: Identities, answer: Answer | Failure, now: float) -> Identities:
    if isinstance(answer, Failure):
        listing = state.listing.after_failure(answer)
    else:
        page = [identity_facts.listed_identity(row) for row in answer['EmailIdentities']]
        listing = state.listing.after_page(page, answer.get('NextToken'), now)
    if listing is state.listing or listing.begun_at is not None:
        return replace(state, listing=listing)
    by_hash = {identity.hash: identity for identity in listing.listed}
    numbers = {
        place: identity_facts.with_listed(state.numbers.get(place, 0), identity, now)
        for place, identity in by_hash.items()
    }
    if listing.is_cut:
        # What the list lacks is unknown, and not gone.
        by_hash = {**{identity.hash: identity for identity in state.ordered}, **by_hash}
        numbers = {**state.numbers, **numbers}
    ordered = tuple(by_hash[place] for place in sorted(by_hash))
    whole = state.is_remembered or not listing.is_cut
    after = replace(state, listing=replace(listing, listed=()), ordered=ordered, is_remembered=whole)
    return _with_numbers(after, numbers, now)


def _after_batch(state: Identities, request: ApiRequest, answer: Answer | Failure, now: float) -> Identities:
    """What the answer leaves out is unknown. A batch that AWS refuses for its content is passed over."""
    batch, operation = BATCHES[request.operation], request.operation
    identities = _left(state, operation)[:BATCH]
    read = _after_place(state, operation, identities[-1].hash, now)
    if isinstance(answer, Failure):
        return read if answer.at_request else state
    attributes = answer[batch.member]
    if not isinstance(attributes, Mapping):
        raise TypeError('the attributes are no mapping')
    changed = {
        identity.hash: batch.take(state.numbers.get(identity.hash, 0), attributes.get(identity.name), now)
        for identity in identities
    }
    return _with_numbers(read, {**state.numbers, **changed}, now)


def _after_alone(state: Identities, name: str, answer: Answer | Failure, now: float) -> Identities:
    """An identity that is refused, as one that is gone, is passed over."""
    if isinstance(answer, Failure) and not answer.at_request:
        return state
    place, numbers, details_at = memory.hash_of(name.lower()), state.numbers, state.details_at
    if not isinstance(answer, Failure):
        details_at = now
        numbers = {**numbers, place: identity_facts.with_details(numbers.get(place, 0), answer)}
    if place not in _bad_and_due(state, now):
        state = _after_place(state, DETAILS, place, now)
    read_alone = {**state.read_alone, place: now}
    state = replace(state, details_at=details_at, read_alone_at=now, read_alone=read_alone)
    return _with_numbers(state, numbers, now)


def _with_numbers(state: Identities, numbers: Mapping[int, int], now: float) -> Identities:
    """The state with other facts: who is well again since less than an hour, and which bad ones were read alone."""
    # Whoever is pending is not bad, for however long.
    pairs = ((place, PENDING_SINCE.put(number, 0)) for place, number in numbers.items())
    bad = frozenset(place for place, number in pairs if severity(lone_problems(number)) > Severity.INFO)
    recent = {place: at for place, at in state.recovered.items() if 0 <= now - at < INTERVAL}
    recovered = {place: at for place, at in recent.items() if place not in bad and place in numbers}
    recovered |= {place: now for place in state.bad - bad if place in numbers}
    read_alone = {place: at for place, at in state.read_alone.items() if place in bad}
    return replace(state, numbers=numbers, recovered=recovered, bad=bad, read_alone=read_alone)


def _next_alone(state: Identities, now: float) -> Identity | None:
    """The identity that is read alone next, at most one a minute: those with something wrong come first."""
    if state.read_alone_at is not None and state.read_alone_at // DETAIL_INTERVAL == now // DETAIL_INTERVAL:
        return None
    due = _bad_and_due(state, now)
    first_bad = next((identity for identity in state.ordered if identity.hash in due), None) if due else None
    if first_bad is not None or not state.round(DETAILS).is_due(now):
        return first_bad
    return next(iter(_left(state, DETAILS)), None)


def _bad_and_due(state: Identities, now: float) -> set[int]:
    """The identities with something wrong that were not read alone for long."""
    never = float('-inf')
    return {place for place in state.bad if now - state.read_alone.get(place, never) >= DETAIL_INTERVAL_OF_BAD}


def _after_place(state: Identities, operation: str, place: int, now: float) -> Identities:
    """The state after everything up to a hash was read in a round, which may be all."""
    current = state.round(operation)
    reached = replace(state, rounds={**state.rounds, operation: replace(current, place=place)})
    after = current.after(place if _left(reached, operation) else None, now)
    return replace(state, rounds={**state.rounds, operation: after})


def _left(state: Identities, operation: str) -> Sequence[Identity]:
    """The identities that an operation has still to read in its round."""
    left = state.ordered[
        bisect_right(state.ordered, state.round(operation).place, key=lambda identity: identity.hash) :
    ]
    if operation in BATCHES and not BATCHES[operation].of_addresses:
        return [identity for identity in left if TYPE.read(identity.facts) != ADDRESS]
    return left
