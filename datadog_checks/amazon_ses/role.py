"""The role of this process: whether it counts, or only observes.

The Agent's cache has no lock, and every process on the host may read and write it: a check that is run by hand beside
the Agent, and an Agent that is being replaced. What such a process counted would be missing in Datadog, or would be
there twice. So a process counts from its first run that comes half a collection interval after its very first one: most
runs by hand have ended by then. A process that observes neither reads nor writes the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """COUNTING, or the reason for which the process only observes."""

    COUNTING = ''
    STARTING = (
        'This is the first run of this process, so it shows no counts and no events: they begin with the next run. '
        'Another process may still be counting.'
    )
    NO_ACCOUNT = (
        'The AWS account is not known, so there are no counts and no events, and the tag is aws_account:unknown. The '
        'option account_id names the account without asking AWS.'
    )
    BY_HAND = (
        "This run shows no counts and no events, because it was started by hand: what it counted would be missing in "
        "the Agent's own counts. It shows what is known now; the Agent counts."
    )


REPLAY = 'DD_REPLAY_CHECK_NAME'
"""Environment variable of a process that the Agent made for one run, because of the option `process_isolation`."""


def is_by_hand(cmd_port: object) -> bool:
    """Whether the Agent's command has no port, as `agent check` says of itself. No setting at all says nothing."""
    return cmd_port is not None and str(cmd_port).strip() == '0'


def is_isolated(environment: Mapping[str, str]) -> bool:
    """Whether this process was made for one run of the check."""
    return REPLAY in environment


def role(by_hand: bool, at_once: bool, since_first_run: float, interval: float) -> Role:
    """The role in a run that comes `since_first_run` seconds after the first one of this process.

    `at_once` says that the process needs no run before: the Agent made it for one run, or its host knows that it is the
    only one.
    """
    if by_hand:
        return Role.BY_HAND
    return Role.COUNTING if at_once or since_first_run >= interval / 2 else Role.STARTING
