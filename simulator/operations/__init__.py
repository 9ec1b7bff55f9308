"""The operations the pretend AWS answers; importing a module of this package registers its operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from simulator.errors import AwsError

if TYPE_CHECKING:
    from simulator.accounts import Principal
    from simulator.request_log import Request
    from simulator.simulator import Simulator
    from simulator.world import World

__all__ = ['AwsError', 'Call', 'Operation', 'OPERATIONS', 'operation', 'written']


@dataclass
class Call:
    """One authenticated call: who asks what where, and the world to answer from. `now` is the simulator's time."""

    sim: Simulator
    world: World
    account: str
    region: str
    params: dict[str, Any]
    now: float
    principal: Principal
    record: Request


@dataclass(frozen=True)
class Operation:
    """How one operation is answered, and the IAM action it needs; None for one that needs no permission.

    `written` may give the same answer as JSON at less cost, or None.
    """

    answer: Callable[[Call], dict[str, Any]]
    action: str | None
    checked: bool = True
    per_second: float | None = None
    signed: bool = True
    written: Callable[[Call], bytes | None] | None = None


OPERATIONS: dict[tuple[str, str], Operation] = {}


def operation(
    service: str,
    name: str,
    action: str | None = None,
    checked: bool = True,
    per_second: float | None = None,
    signed: bool = True,
) -> Callable[[Callable[[Call], dict[str, Any]]], Callable[[Call], dict[str, Any]]]:
    """Register the decorated function as the answer of an operation.

    `action`: IAM action that is logged; `checked` False: IAM never refuses it. `per_second`: calls allowed per second
    for each account and Region. `signed` False: it takes no credentials.
    """

    def register(answer: Callable[[Call], dict[str, Any]]) -> Callable[[Call], dict[str, Any]]:
        OPERATIONS[service, name] = Operation(answer, action, checked, per_second, signed)
        return answer

    return register


def written(service: str, name: str) -> Callable[[Callable[[Call], bytes | None]], Callable[[Call], bytes | None]]:
    """Register the decorated function as a cheaper way to the answer of an operation: its JSON, or None."""

    def register(write: Callable[[Call], bytes | None]) -> Callable[[Call], bytes | None]:
        OPERATIONS[service, name] = replace(OPERATIONS[service, name], written=write)
        return write

    return register


# At the end: they register themselves with the decorator above, and nothing else imports them.
from simulator.operations import cloudwatch, polled, ses, sesv2, sts  # noqa: E402, F401
