"""One call to the pretend AWS, and the state that operations answer from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.accounts import Accounts, Principal
from simulator.listings import Listings
from simulator.queues import Queues
from simulator.quotas import Quotas
from simulator.request_log import Request
from simulator.sums import Sums
from simulator.world import World


@dataclass(frozen=True)
class Backend:
    """The state that every operation of a simulator answers from.

    `align`: 'epoch' or 'start', where CloudWatch's periods begin.
    """

    world: World
    listings: Listings
    sums: Sums
    accounts: Accounts
    quotas: Quotas
    queues: Queues
    align: str


@dataclass
class Call:
    """One authenticated call and its parameters; `now` is the simulator's time."""

    backend: Backend
    account: str
    region: str
    params: dict[str, Any]
    now: float
    principal: Principal
    record: Request


@dataclass(frozen=True)
class Operation:
    """An operation: the function that answers it, and the IAM action that it needs.

    `checked` False: IAM never refuses it. `per_second`: calls allowed per second for each account and Region.
    `signed` False: it takes no credentials. `write`: the same answer as JSON at less cost, or None where it cannot.
    """

    answer: Callable[[Call], dict[str, Any]]
    action: str
    checked: bool = True
    per_second: float | None = None
    signed: bool = True
    write: Callable[[Call], bytes | None] | None = None
