"""Lists of tenants: all of them every six hours, and those that are paused or have findings every ten minutes.

A tenant that such a short list names no more is asked for by its ARN: it may be well, let through, or deleted. Where
there is no tenant, tenant request an hour is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.model import Failure
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, memory
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.sweeps.tenant_facts import (
    DISABLED,
    HIGH,
    IMPACT,
    LOW,
    STATUS,
    Entity,
    entity,
    is_notable,
)

LIST = 'ListReputationEntities'
SHORT_INTERVAL, EMPTY_INTERVAL, INTERVAL = 600, 3600, 6 * 3600
REFERENCE = 'ENTITY_REFERENCE_PREFIX'
SHORT = {('REPUTATION_IMPACT', 'LOW'): (IMPACT, LOW), ('REPUTATION_IMPACT', 'HIGH'): (IMPACT, HIGH),
         ('SENDING_STATUS', 'DISABLED'): (STATUS, DISABLED)}  # fmt: skip
"""The filters of the short lists, in the order in which they are asked, and the fact of everything that they list."""

MOST_LOOKED_FOR = 10
"""Tenants that are asked for one by one. Where more are missing in the short lists, all are listed."""


@dataclass(frozen=True, slots=True)
class Tenants:
    """What is known of the tenants, by the hash of their ARN. `entities` are those that are paused or have findings, or
    were so within the hour.

    `missing` are those that a short list named no more. `is_remembered` says that a whole list was read, even before a
    restart. `recovered` is when tenants were well again.
    """

    whole: Paging[Entity] = field(default_factory=Paging)
    short: Mapping[tuple[str, str], Paging[Entity]] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    entities: Mapping[int, Entity] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    is_remembered: bool = False
    recovered: Mapping[int, float] = field(default_factory=dict)

    def paging(self, filters: Mapping[str, str]) -> Paging[Entity]:
        """The place in the list of a filter, or in the whole one."""
        return self.short.get(next(iter(filters.items())), Paging()) if filters else self.whole


def next_request(state: Tenants, context: Context, now: float) -> ApiRequest | None:
    if not context.may_ask(LIST):
        return None
    looked_for = next((state.entities[key] for key in state.missing if key in state.entities), None)
    if looked_for and len(state.missing) <= MOST_LOOKED_FOR:
        return ApiRequest('sesv2', LIST, {'Filter': {REFERENCE: looked_for.arn}})
    if state.numbers:
        for key, value in SHORT:
            paging = state.paging({key: value})
            if paging.is_due(SHORT_INTERVAL, now):
                return ApiRequest('sesv2', LIST, {'Filter': {key: value}, **paging.parameters(now)})
    if state.missing or state.whole.is_due(INTERVAL if state.numbers else EMPTY_INTERVAL, now):
        return ApiRequest('sesv2', LIST, state.whole.parameters(now))
    return None


def after_answer(state: Tenants, request: ApiRequest, answer: Answer | Failure, now: float) -> Tenants:
    filters = request.parameters.get('Filter', {})
    if REFERENCE in filters:
        return _after_search(state, filters[REFERENCE], answer, now)
    before = state.paging(filters)
    if isinstance(answer, Failure):
        paging = before.after_failure(answer)
    else:
        page = [tenant for row in answer['ReputationEntities'] if (tenant := entity(row)) is not None]
        paging = before.after_page(page, answer.get('NextToken'), now)
    if paging is before or paging.begun_at is not None:
        return _with_paging(state, filters, paging)
    listed = {tenant.hash: tenant for tenant in paging.listed}
    state = _with_paging(state, filters, replace(paging, listed=()))
    if filters:
        return _after_short(state, next(iter(filters.items())), listed, paging.is_cut, now)
    earlier = state.numbers if paging.is_cut else {}
    numbers = {**earlier, **{key: tenant.number for key, tenant in listed.items()}}
    after = replace(state, missing=(), is_remembered=state.is_remembered or not paging.is_cut)
    return _with_numbers(after, numbers, listed, now)


def pending(state: Tenants, context: Context, now: float) -> int:
    """Tenants that are looked for; and one where the list is under way or was cut short: nobody knows how many."""
    return len(state.missing) + int(state.whole.begun_at is not None or state.whole.is_cut)


def read_at(state: Tenants) -> float | None:
    return state.whole.listed_at


def newest(state: Tenants) -> float | None:
    """When the newest list was read."""
    times = [paging.listed_at for paging in (state.whole, *state.short.values()) if paging.listed_at is not None]
    return max(times, default=None)


def to_document(state: Tenants) -> Any:
    """The facts by hash, and when all tenants were listed."""
    facts = memory.packed(state.numbers)
    return {'facts': facts, 'whole': state.is_remembered, 'listed_at': state.whole.listed_at}


def from_document(document: Any) -> Tenants:
    listed_at = document['listed_at']
    whole: Paging[Entity] = Paging(listed_at=None if listed_at is None else float(listed_at))
    return Tenants(whole, numbers=memory.unpacked(document['facts']), is_remembered=bool(document['whole']))


def _with_paging(state: Tenants, filters: Mapping[str, str], paging: Paging[Entity]) -> Tenants:
    if not filters:
        return replace(state, whole=paging)
    return replace(state, short={**state.short, next(iter(filters.items())): paging})


def _after_short(
    state: Tenants, filters: tuple[str, str], listed: Mapping[int, Entity], is_cut: bool, now: float
) -> Tenants:
    """The state after a short list was read. Whoever it named before and names no more is looked for."""
    bits, value = SHORT[filters]
    numbers = {**state.numbers, **{key: tenant.number for key, tenant in listed.items()}}
    missing = dict.fromkeys(key for key in state.missing if key not in listed)
    if not is_cut:
        missing |= dict.fromkeys(
            key for key, number in state.numbers.items() if bits.read(number) == value and key not in listed
        )
    return _with_numbers(replace(state, missing=tuple(missing)), numbers, listed, now)


def _after_search(state: Tenants, arn: str, answer: Answer | Failure, now: float) -> Tenants:
    """The state after one tenant was asked for. Where AWS lists it no more, it was deleted."""
    key = memory.hash_of(arn)
    missing = tuple(other for other in state.missing if other != key)
    if isinstance(answer, Failure):
        # The whole list will tell.
        return replace(state, missing=missing) if answer.at_request else state
    listed = {tenant.hash: tenant for row in answer['ReputationEntities'] if (tenant := entity(row)) is not None}
    numbers = {other: number for other, number in state.numbers.items() if other != key}
    numbers |= {other: tenant.number for other, tenant in listed.items()}
    return _with_numbers(replace(state, missing=missing), numbers, listed, now)


def _with_numbers(state: Tenants, numbers: Mapping[int, int], listed: Mapping[int, Entity], now: float) -> Tenants:
    """The state with other facts: whom to name, and who is well again since less than an hour."""
    recovered = {key: at for key, at in state.recovered.items() if now - at < EMPTY_INTERVAL}
    was_notable = (key for key in {**state.entities, **listed} if is_notable(state.numbers.get(key, 0)))
    recovered = {**dict.fromkeys(was_notable, now), **recovered}
    recovered = {key: at for key, at in recovered.items() if key in numbers and not is_notable(numbers[key])}
    entities = {
        key: tenant
        for key, tenant in {**state.entities, **listed}.items()
        if key in recovered or is_notable(numbers.get(key, 0))
    }
    return replace(state, numbers=numbers, entities=entities, recovered=recovered)
