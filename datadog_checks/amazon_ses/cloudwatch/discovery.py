"""Discovery: finds the series of CloudWatch with ListMetrics, by namespace, and remembers them in an inventory.

A full listing costs a page for each 500 series, so it is made once an hour. Recent listings in between name the series
with data within three hours; they add new series and wake idle ones. A recent listing removes nothing, nor does one
that was cut short. A series that a full listing no longer names is kept for a day, because rare events, such as
complaints, matter most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import not_
from sys import intern
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.families import NAMESPACES, ListedMetric
from datadog_checks.amazon_ses.cloudwatch.periods import DAY
from datadog_checks.amazon_ses.cloudwatch.series import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_DIMENSIONS,
    NAMESPACE,
    Dimensions,
)
from datadog_checks.amazon_ses.model import Action, Failure, FailureKind

OPERATION = 'ListMetrics'
ACTIONS = (Action('cloudwatch:ListMetrics', 'configuration sets, receipt rules, tenants and the like: finding them'),)

LISTING_INTERVAL = 900
"""Seconds between two listings. CloudWatch lists a new metric within 15 minutes (API reference of ListMetrics)."""

FULL_INTERVAL = 3600
"""Seconds between two full listings."""

FORGOTTEN_AFTER = DAY
"""Seconds for which a series that is no longer listed is still asked for."""

LISTED_WITHIN = 900
"""Seconds after its first data within which CloudWatch lists a metric (API reference of ListMetrics)."""

LISTING_SECONDS = 30
"""Seconds after which a listing is cut: more than all of its pages take at the rate limit."""

MAX_PAGES = 200
MAX_METRICS = 500 * MAX_PAGES
"""Pages of one listing, and metrics of it: 100,000, twice as many as can be asked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What to ask ListMetrics. `recent` limits it to data within three hours, `linked` adds linked accounts.
    `metrics_before` are those of the inventory then: an answer that names just these holds the same set."""

    namespaces: tuple[str, ...] = NAMESPACES
    recent: bool = False
    linked: bool = False
    metrics_before: frozenset[ListedMetric] = field(default=frozenset(), compare=False, repr=False)

    @property
    def requests(self) -> list[dict[str, Any]]:
        recent = {'RecentlyActive': 'PT3H'} if self.recent else {}
        linked = {'IncludeLinkedAccounts': True} if self.linked else {}
        return [{'Namespace': namespace, **recent, **linked} for namespace in self.namespaces]


@dataclass(frozen=True, slots=True)
class ListingAnswer:
    """The metrics of a listing, the failure that cut it short, if any, and how many of its names are no names that
    CloudWatch takes. `linked` are the linked accounts that were listed. `foreign` are those of them that this instance
    may not count; their metrics are left out."""

    metrics: frozenset[ListedMetric]
    failure: Failure | None = None
    malformed: int = 0
    linked: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()

    @classmethod
    def from_pages(
        cls, listing: Listing, metrics: Sequence[ListedMetric | None], failure: Failure | None
    ) -> ListingAnswer:
        """The answer of a listing whose pages have these metrics, None for each name that CloudWatch does not take."""
        named = frozenset(filter(None, metrics))
        return cls(
            listing.metrics_before if named == listing.metrics_before else named,
            failure,
            metrics.count(None),
            linked_accounts(named),
        )

    def without(self, foreign: frozenset[str]) -> ListingAnswer:
        """The answer without the metrics of these linked accounts."""
        if not foreign:
            return self
        metrics = frozenset(metric for metric in self.metrics if metric.account not in foreign)
        return replace(self, metrics=metrics, foreign=foreign)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The metrics that CloudWatch is known to have, as a set and sorted group by group.

    `missing_since` holds those that the newest full listing did not name. `full_at` is the time of that listing, and
    `listed_at` that of the newest listing of either kind. `recent` says of each of `ordered` whether the newest recent
    listing named it; None before the first one. `begins` holds the metrics that no selection has considered yet, with
    the time before which they had no data, because they were not in the listing before: 0 where there was none.
    `malformed` is how many metrics of the newest listing are left out for their names. `own_since` holds the linked
    accounts that another instance counts, or counted before this one: the time from which this one counts them, None
    while it does not.
    """

    metrics: frozenset[ListedMetric] = frozenset()
    ordered: tuple[ListedMetric, ...] = ()
    missing_since: Mapping[ListedMetric, float] = field(default_factory=dict)
    full_at: float | None = None
    recent: bytes | None = None
    listed_at: float | None = None
    begins: Mapping[ListedMetric, float] = field(default_factory=dict)
    malformed: int = 0
    own_since: Mapping[str, float | None] = field(default_factory=dict)


def next_listing(inventory: Inventory, now: float, unrecognized: bool, linked: bool) -> Listing:
    """The listing to make now. The namespaces beside `AWS/SES` hold only metrics that no family recognizes."""
    if inventory.full_at is None or not 0 <= now - inventory.full_at < FULL_INTERVAL - LISTING_INTERVAL / 2:
        return Listing(NAMESPACES if unrecognized else (NAMESPACE,), False, linked, inventory.metrics)
    used = _used_namespaces(inventory) if unrecognized else ()
    namespaces = tuple(name for name in NAMESPACES if name == NAMESPACE or name in used)
    return Listing(namespaces, True, linked, inventory.metrics)


def _used_namespaces(inventory: Inventory) -> frozenset[str]:
    return frozenset(metric.namespace for metric in inventory.metrics)


def linked_accounts(metrics: Iterable[ListedMetric]) -> frozenset[str]:
    """The linked accounts that own any of these metrics."""
    return frozenset(metric.account for metric in metrics if metric.account)


def parse_page(
    page: Mapping[str, Any], account: str, shared_dimensions: dict[Dimensions, Dimensions]
) -> Iterable[ListedMetric | None]:
    """The metrics of one page. `account` is our own. `shared_dimensions` holds each set of dimensions once.

    None stands for a metric whose names are longer than CloudWatch accepts: it cannot be asked for, and names without a
    limit would cost without a limit. Raises KeyError, TypeError, ValueError or AttributeError where the page is no
    answer.
    """
    metrics = page['Metrics']
    if not isinstance(metrics, list):
        raise TypeError('the metrics are no list')
    owners = page.get('OwningAccounts') or [account] * len(metrics)
    if not all(isinstance(owner, str) for owner in owners):
        raise TypeError('the owner of a metric is no text')
    for metric, owner in zip(metrics, owners, strict=True):
        if not _is_within_limits(metric, owner):
            yield None
            continue
        dimensions = tuple(sorted((intern(pair['Name']), pair['Value']) for pair in metric['Dimensions']))
        dimensions = shared_dimensions.setdefault(dimensions, dimensions)
        namespace, name = intern(metric['Namespace']), intern(metric['MetricName'])
        if not all(isinstance(text, str) for _, text in dimensions):
            raise TypeError('the value of a dimension is no text')
        yield ListedMetric('' if owner == account else owner, namespace, name, dimensions)


def _is_within_limits(metric: Mapping[str, Any], owner: str) -> bool:
    pairs = metric['Dimensions']
    names = (owner, metric['Namespace'], metric['MetricName'], *(pair['Name'] for pair in pairs))
    return (
        len(pairs) <= MOST_DIMENSIONS
        and max(map(len, names)) <= LONGEST_NAME
        and max((len(pair['Value']) for pair in pairs), default=0) <= LONGEST_VALUE
    )


def after_listing(
    inventory: Inventory, listing: Listing, answer: ListingAnswer, now: float
) -> tuple[Inventory, frozenset[ListedMetric]]:
    """The inventory after a listing, and the metrics that woke: known, without data for three hours before."""
    noted = replace(
        inventory,
        begins=_beginnings(inventory, answer.metrics),
        malformed=answer.malformed,
        own_since=_own_since(inventory, answer, now),
    )
    if answer.failure is None or answer.failure.kind is FailureKind.PARTIAL:
        # A listing that was cut for its length would be cut again, so it counts as complete.
        noted = replace(noted, listed_at=now)
    if not listing.recent and answer.failure is None:
        gone = _difference(inventory.metrics, answer.metrics)
        missing = {metric: inventory.missing_since.get(metric, now) for metric in gone}
        missing = {metric: since for metric, since in missing.items() if now - since < FORGOTTEN_AFTER}
        current = with_metrics(noted, answer.metrics | missing.keys() if missing else answer.metrics)
        return replace(current, missing_since=missing, full_at=now), frozenset()
    missing = {metric: since for metric, since in inventory.missing_since.items() if metric not in answer.metrics}
    new = _difference(answer.metrics, inventory.metrics)
    every = inventory.metrics | new if new else inventory.metrics
    extended = replace(with_metrics(noted, every), missing_since=missing)
    if listing.recent:
        asleep = compress(inventory.ordered, map(not_, inventory.recent or b''))
        woken = answer.metrics.intersection(asleep)
        if answer.failure is None:
            extended = replace(extended, recent=_named(extended, answer.metrics))
        return extended, woken
    cut_for_length = answer.failure is not None and answer.failure.kind is FailureKind.PARTIAL
    return replace(extended, full_at=now if cut_for_length else inventory.full_at), frozenset()


def _beginnings(inventory: Inventory, metrics: frozenset[ListedMetric]) -> Mapping[ListedMetric, float]:
    """Before which time each metric that waits to be selected had no data, with those that are listed for the first
    time. A recent listing leaves out the namespaces that are not in use."""
    new = _difference(metrics, inventory.metrics)
    if not new:
        return inventory.begins
    used = _used_namespaces(inventory) | {NAMESPACE}
    before = {True: inventory.listed_at or 0.0, False: inventory.full_at or 0.0}
    begins = {metric: max(0.0, before[metric.namespace in used] - LISTED_WITHIN) for metric in new}
    return {**inventory.begins, **begins}


def _difference(metrics: frozenset[ListedMetric], subtracted: frozenset[ListedMetric]) -> frozenset[ListedMetric]:
    """The metrics without the subtracted ones. Nearly every listing has the same set as the inventory."""
    return frozenset() if metrics is subtracted else metrics - subtracted


def _named(inventory: Inventory, metrics: frozenset[ListedMetric]) -> bytes:
    """Whether each of the ordered metrics is among these."""
    if metrics is inventory.metrics:
        return bytes([True]) * len(inventory.ordered)
    return bytes(metric in metrics for metric in inventory.ordered)


def without_accounts(inventory: Inventory, foreign: frozenset[str]) -> Inventory:
    """The inventory without linked accounts that this instance may not count any more."""
    if not foreign:
        return inventory
    metrics = frozenset(metric for metric in inventory.metrics if metric.account not in foreign)
    return replace(with_metrics(inventory, metrics), own_since={**inventory.own_since, **dict.fromkeys(foreign)})


def _own_since(inventory: Inventory, answer: ListingAnswer, now: float) -> Mapping[str, float | None]:
    """From when each linked account is counted that another instance counts, or counted before this one."""
    awaited = {account for account, since in inventory.own_since.items() if since is None}
    returned = awaited & (answer.linked - answer.foreign)
    return {**inventory.own_since, **dict.fromkeys(answer.foreign), **dict.fromkeys(returned, now)}


def with_metrics(inventory: Inventory, metrics: frozenset[ListedMetric]) -> Inventory:
    """The inventory with exactly these metrics; the same object where nothing changed."""
    if metrics is inventory.metrics or metrics == inventory.metrics:
        return inventory
    ordered = sorted(
        metrics, key=lambda metric: (metric.account, metric.namespace, metric.dimensions, metric.metric_name)
    )
    recent = inventory.recent
    if recent is not None:
        active = {metric for metric, was_recent in zip(inventory.ordered, recent, strict=True) if was_recent}
        recent = bytes(metric in active for metric in ordered)
    return replace(inventory, metrics=metrics, ordered=tuple(ordered), recent=recent)
