"""ListMetrics: which series CloudWatch has, found by namespace and remembered.

A whole listing costs a page for 500 series, so it comes once an hour. In between, a listing of what had data within
three hours brings what is new and wakes what was idle; it is a hint and takes nothing away. Nor does a listing that
was cut short. What a whole one does not name any more is kept for a day: the quiet series, such as complaints, are the
ones that matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.families import NAMESPACES, Listed
from datadog_checks.amazon_ses.cloudwatch.series import NAMESPACE, Dimensions
from datadog_checks.amazon_ses.model import Action, Failure, FailureKind

OPERATION = 'ListMetrics'
ACTIONS = (Action('cloudwatch:ListMetrics', 'configuration sets, receipt rules, tenants and the like: finding them'),)

EVERY = 900
"""Seconds between two listings. A new metric takes up to 15 minutes to be listed (CloudWatch API reference)."""

WHOLE_EVERY = 3600
"""Seconds between two listings of everything."""

AGED_AFTER = 86400
"""Seconds for which a series that is not listed any more is still asked for."""

PAGES = 200
"""Pages of one listing: 100,000 metrics, twice as many as can be asked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A question to ListMetrics. `recent` asks for what had data within three hours, `linked` for linked accounts."""

    namespaces: tuple[str, ...] = NAMESPACES
    recent: bool = False
    linked: bool = False

    @property
    def requests(self) -> list[dict[str, Any]]:
        recent = {'RecentlyActive': 'PT3H'} if self.recent else {}
        linked = {'IncludeLinkedAccounts': True} if self.linked else {}
        return [{'Namespace': namespace, **recent, **linked} for namespace in self.namespaces]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was listed, and the failure that cut the listing short, if any."""

    listed: frozenset[Listed]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The metrics that CloudWatch is known to have, in a set and group by group in order.

    `missing` are those that the newest whole listing did not name, and since when. `whole_at` is the time of that
    listing. `recent` says of each of `ordered` whether the newest hint named it; None before the first hint.
    """

    listed: frozenset[Listed] = frozenset()
    ordered: tuple[Listed, ...] = ()
    missing: Mapping[Listed, float] = field(default_factory=dict)
    whole_at: float | None = None
    recent: bytes | None = None


def next_listing(inventory: Inventory, now: float, unrecognized: bool, linked: bool) -> Listing:
    """What to list now. Other namespaces than SES's first hold nothing but what no family knows."""
    if inventory.whole_at is None or not 0 <= now - inventory.whole_at < WHOLE_EVERY - EVERY / 2:
        return Listing(NAMESPACES if unrecognized else (NAMESPACE,), False, linked)
    used = {one.namespace for one in inventory.listed}
    namespaces = tuple(one for one in NAMESPACES if one == NAMESPACE or (unrecognized and one in used))
    return Listing(namespaces, True, linked)


def read(page: Mapping[str, Any], account: str, seen: dict[Dimensions, Dimensions]) -> Iterable[Listed]:
    """The metrics of one page. `account` is our own, `seen` the sets of dimensions so far, to keep each once.

    Raises KeyError, TypeError, ValueError or AttributeError where the page is no answer.
    """
    metrics = page['Metrics']
    if not isinstance(metrics, list):
        raise TypeError('the metrics are no list')
    owners = page.get('OwningAccounts') or [account] * len(metrics)
    if not all(isinstance(owner, str) for owner in owners):
        raise TypeError('the owner of a metric is no text')
    for metric, owner in zip(metrics, owners, strict=True):
        dimensions = tuple(sorted((intern(one['Name']), one['Value']) for one in metric['Dimensions']))
        dimensions = seen.setdefault(dimensions, dimensions)
        namespace, name = intern(metric['Namespace']), intern(metric['MetricName'])
        if not all(isinstance(value, str) for _, value in dimensions):
            raise TypeError('the value of a dimension is no text')
        yield Listed('' if owner == account else owner, namespace, name, dimensions)


def after(inventory: Inventory, listing: Listing, answer: Answer, now: float) -> tuple[Inventory, frozenset[Listed]]:
    """The inventory after a listing, and what has woken: it was known, and had no data for three hours before."""
    listed = answer.listed
    if listing.recent:
        before = zip(inventory.ordered, inventory.recent or b'', strict=False)
        woken = frozenset(one for one, was_recent in before if not was_recent and one in listed)
        missing = {one: since for one, since in inventory.missing.items() if one not in listed}
        after = known(inventory, inventory.listed | listed)
        if answer.failure is None:
            after = replace(after, recent=bytes(one in listed for one in after.ordered))
        return replace(after, missing=missing), woken
    if answer.failure:
        # One that was cut because there is no end to it would be no different the next time.
        whole_at = now if answer.failure.kind is FailureKind.PARTIAL else inventory.whole_at
        missing = {one: since for one, since in inventory.missing.items() if one not in listed}
        return replace(known(inventory, inventory.listed | listed), missing=missing, whole_at=whole_at), frozenset()
    missing = {one: inventory.missing.get(one, now) for one in inventory.listed - listed}
    missing = {one: since for one, since in missing.items() if now - since < AGED_AFTER}
    return replace(known(inventory, listed | missing.keys()), missing=missing, whole_at=now), frozenset()


def known(inventory: Inventory, listed: frozenset[Listed]) -> Inventory:
    """The inventory with these metrics: the same sets and texts where nothing changed."""
    if listed == inventory.listed:
        return inventory
    ordered = sorted(listed, key=lambda one: (one.account, one.namespace, one.dimensions, one.metric_name))
    recent = inventory.recent
    if recent is not None:
        named = {one for one, was_recent in zip(inventory.ordered, recent, strict=True) if was_recent}
        recent = bytes(one in named for one in ordered)
    return replace(inventory, listed=listed, ordered=tuple(ordered), recent=recent)
