"""Facts about a tenant as reputation entity, in the bits of one number, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.sweeps import memory
from datadog_checks.amazon_ses.sweeps.memory import Bits
from datadog_checks.amazon_ses.sweeps.naming import TENANT, Resource, resource_of
from datadog_checks.amazon_ses.words import member, word

STATUS, IMPACT, POLICY, PAUSED_BY = Bits(0, 3), Bits(3, 2), Bits(5, 3), Bits(8, 2)
STATUSES = ('unknown', 'enabled', 'reinstated', 'disabled')
IMPACTS = ('none', 'low', 'high')
POLICIES = ('unknown', 'none', 'standard', 'strict')
PAUSERS = ('unknown', 'customer', 'aws')
UNKNOWN, ENABLED, REINSTATED, DISABLED = range(4)
NO_IMPACT, LOW, HIGH = range(3)
STRICT = POLICIES.index('strict')
CUSTOMER, AWS = 1, 2


class Entity(NamedTuple):
    """A tenant of a list: its ARN and resource, and the facts that the list tells."""

    arn: str
    resource: Resource
    number: int

    @property
    def hash(self) -> int:
        return memory.hash_of(self.arn)


def entity(row: Mapping[str, Any]) -> Entity | None:
    """The tenant of a row, None for an entity of another kind. Raises KeyError or TypeError where it is garbage."""
    arn = row['ReputationEntityReference']
    resource = resource_of(arn)
    if resource.scope != TENANT:
        return None
    status = _place(STATUSES, row.get('SendingStatusAggregate'))
    number = STATUS.put(0, status)
    # Without an active finding an entity has no impact.
    number = IMPACT.put(number, _place(IMPACTS, row.get('ReputationImpact')))
    policy = row.get('ReputationManagementPolicy')
    number = POLICY.put(number, _place(POLICIES, policy.rpartition('/')[2] if isinstance(policy, str) else None))
    if status == DISABLED:
        if word(member(row, 'AwsSesManagedStatus', 'Status')) == 'disabled':
            number = PAUSED_BY.put(number, AWS)
        elif word(member(row, 'CustomerManagedStatus', 'Status')) == 'disabled':
            number = PAUSED_BY.put(number, CUSTOMER)
    return Entity(arn, resource, number)


def is_notable(number: int) -> bool:
    """Whether a tenant is paused, let through, or has a finding."""
    return STATUS.read(number) > ENABLED or IMPACT.read(number) != NO_IMPACT


def badness(number: int) -> int:
    """How bad it is, 0 for a tenant that is well: paused by AWS, paused, near a pause, let through with findings."""
    status, impact = STATUS.read(number), IMPACT.read(number)
    if status == DISABLED:
        return 5 if PAUSED_BY.read(number) == AWS else 4
    if impact == HIGH:
        return 3
    if impact == LOW and POLICY.read(number) == STRICT:
        return 2
    return 1 if status == REINSTATED else 0


def _place(words: tuple[str, ...], value: object) -> int:
    text = word(value)
    return words.index(text) if text in words else 0
