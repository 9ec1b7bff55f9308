"""Lists of SES v2 in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from simulator.call import Call
from simulator.errors import AwsError
from simulator.inventory import Inventory
from simulator.operations import datapoints

DEFAULT_SIZE = 100
"""AWS states no size of a page that is not asked for."""


def listed(
    call: Call, name: str, most: int, select: Callable[[Inventory], Iterable[Any]], write: Callable[[Any], Any]
) -> dict[str, Any]:
    """A page of what `select` finds in the inventory as it was at the first page, each member as `write` writes it.

    `name` is the list's in the answer, `most` the largest page that AWS allows.
    """
    size = call.params.get('PageSize') or min(DEFAULT_SIZE, most)
    if not 1 <= size <= most:
        raise AwsError('ValidationError', f'PageSize must be between 1 and {most}.')
    offset, first_page_at = datapoints.page(call, 'ValidationError')
    inventory = call.backend.world.inventory(call.account, call.region, first_page_at)
    members = list(islice(select(inventory), offset, offset + size + 1))
    answer: dict[str, Any] = {name: [write(member) for member in members[:size]]}
    if len(members) > size:
        answer['NextToken'] = datapoints.page_token(call, offset + size, first_page_at)
    return answer


def inventory_of(call: Call) -> Inventory:
    """The inventory that the caller sees now."""
    return call.backend.world.inventory(call.account, call.region, call.now)


def arn(call: Call, resource: str, service: str = 'ses') -> str:
    """The ARN of a resource of the caller's account and Region."""
    return f'arn:aws:{service}:{call.region}:{call.account}:{resource}'


def present(values: dict[str, Any]) -> dict[str, Any]:
    """The members that are there: neither None nor an empty text or structure."""
    return {name: value for name, value in values.items() if value is not None and value != '' and value != {}}
