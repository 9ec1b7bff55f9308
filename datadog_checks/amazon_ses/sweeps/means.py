"""The means of a Region: what it could send with, from what other sources and sweeps read of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from datadog_checks.amazon_ses.collectors.account import MAX_24_HOUR, PRODUCTION_ACCESS, SENT_24_HOUR
from datadog_checks.amazon_ses.model import Reading, Sample
from datadog_checks.amazon_ses.sweeps import Means, identity_facts, identity_rounds, set_rounds
from datadog_checks.amazon_ses.sweeps.states import SweepState


def means(account: Iterable[Reading], identities: SweepState | None, sets: SweepState | None) -> Means:
    """The means of a Region, from the readings of the account and the states of the sweeps of that Region."""
    values = {reading.metric: reading.value for reading in account if isinstance(reading, Sample)}
    production = values.get(PRODUCTION_ACCESS)
    return Means(
        values.get(MAX_24_HOUR),
        values.get(SENT_24_HOUR),
        None if production is None else bool(production),
        verified(identities),
        set_hashes(sets),
    )


def verified(state: SweepState | None) -> Mapping[int, tuple[int, ...]] | None:
    """The identities that may send, by hash, with the hashes of the domains that they belong to.

    None where this process has not listed all of them, or cannot.
    """
    if state is None or identity_rounds.LIST in state.pauses:
        return None
    swept: identity_rounds.Identities = state.state
    if swept.listing.listed_at is None or swept.listing.is_cut:
        return None
    return {
        identity.hash: identity.parents
        for identity in swept.ordered
        if identity_facts.VERIFICATION.read(identity.facts) == identity_facts.SUCCESS
        and identity_facts.SENDING.read(identity.facts) == identity_facts.YES
    }


def set_hashes(state: SweepState | None) -> frozenset[int] | None:
    """The configuration sets by hash. None where this process has not listed all of them, or cannot."""
    if state is None or set_rounds.LIST in state.pauses:
        return None
    swept: set_rounds.Sets = state.state
    return None if swept.listing.listed_at is None or swept.listing.is_cut else frozenset(swept.names)
