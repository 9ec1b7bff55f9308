"""The families of listed series (configuration sets, receipt rules, tenants ...): which family a listed metric is of.

The names of its dimensions decide, or its own name. Each family is a source of the option `collect`. A metric of no
family, such as one by identity, is `unrecognized`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.cloudwatch.metric_table import (
    ACCOUNT_SPECS,
    BY_ADDRESS,
    BY_CONFIGURATION_SET,
    BY_DIMENSION,
    BY_GLOBAL_ENDPOINT,
    BY_POOL,
    BY_RULE,
    BY_TENANT,
    POOL_METRIC,
    POOL_SEND,
    SENDING,
    UNRECOGNIZED_DIMENSIONS,
    UNRECOGNIZED_METRIC,
    VALIDATION,
)
from datadog_checks.amazon_ses.cloudwatch.series import NAMESPACE, Dimensions, Scope, Series, SeriesSpec

NAMESPACES = (NAMESPACE, 'AWS/SES/MailManager', 'AWS/SES/Addons')
"""The namespaces of SES (AmazonSESServiceRolePolicy allows PutMetricData into these three)."""

CLOUDWATCH, UNRECOGNIZED = 'cloudwatch', 'unrecognized'


class ListedMetric(NamedTuple):
    """One metric as ListMetrics gives it. `account` is the linked account that owns it; `dimensions` are sorted."""

    account: str
    namespace: str
    metric_name: str
    dimensions: Dimensions


def listed_metric(series: Series) -> ListedMetric:
    """The metric of a listing that a series stands for."""
    return ListedMetric(series.account, series.namespace, series.metric_name, series.dimensions)


CONFIGURATION_SET = 'ses:configuration-set'
"""The dimension that names a configuration set."""


class Family(NamedTuple):
    """Series that belong together: a word of `collect`, the sets of dimension names that identify the family (None if
    the names of its metrics do), and its part of the metric table."""

    source: str
    dimensions: tuple[tuple[str, ...], ...] | None
    specs: Mapping[str, SeriesSpec]


FAMILIES = (
    Family('configuration_sets', ((CONFIGURATION_SET,),), BY_CONFIGURATION_SET),
    Family('receiving', (('RuleSetName',), ('RuleName',)), BY_RULE),
    Family('tenants', (('TenantId', 'TenantName'), ('TenantId',), ('TenantName',)), BY_TENANT),
    Family('managed_pools', None, BY_POOL),
    Family('snds', None, BY_ADDRESS),
    Family('global_endpoints', (('ses:multi-region-endpoint-id',),), BY_GLOBAL_ENDPOINT),
    Family('email_validation', ((),), VALIDATION),
)
SOURCES = (*(family.source for family in FAMILIES), UNRECOGNIZED)
"""The words of `collect` for the series that only a listing finds."""

SPECS = (
    *ACCOUNT_SPECS,
    *BY_DIMENSION.values(),
    *dict.fromkeys(spec for family in FAMILIES for spec in family.specs.values()),
    POOL_SEND,
    UNRECOGNIZED_METRIC,
    UNRECOGNIZED_DIMENSIONS,
)
"""Every row of the metric table."""

SENDING_NAMES = frozenset(row.metric_name for row in SENDING)
_BY_NAME = {
    name: (family.source, spec)
    for family in FAMILIES
    if family.dimensions is None
    for name, spec in family.specs.items()
}
_BY_DIMENSIONS = {
    names: (family.source, family.specs)
    for family in FAMILIES
    if family.dimensions is not None
    for names in family.dimensions
}
_ACCOUNT_WIDE = {spec.metric_name: spec for spec in ACCOUNT_SPECS}

Recognition = tuple[str, SeriesSpec, ListedMetric]
"""A listed metric with its source and its spec."""

TagScope = tuple[str, ...]
"""Within what tags must be unique: source and account, then what tells a group from others."""


def recognize(
    listed: Collection[ListedMetric],
    collect: Collection[str],
    named: Collection[Dimensions] = (),
    hash_tenants: bool = False,
) -> list[Series]:
    """The series of the sources in `collect` among the metrics of a listing.

    `named` are sets of dimensions that the option `dimensions` asks for already. Tags are distinct within each source.
    With `hash_tenants` they name no tenant.
    The series of our own account as a whole are left out: they are always read. The others stay in order.
    """
    specs: list[SeriesSpec] = []
    metrics: list[ListedMetric] = []
    scopes: list[TagScope] = []
    first_of: dict[TagScope, tuple[TagScope, str, ListedMetric]] = {}
    # Columns, and one scope for each group: objects that live long are most of what so many series cost.
    for source, spec, metric in _recognitions(listed, collect, frozenset(named)):
        scope = _tag_scope(source, metric)
        specs.append(spec)
        metrics.append(metric)
        scopes.append(first_of.setdefault(scope, (scope, source, metric))[0])
    tags_of = _distinct_tags(first_of.values(), hash_tenants)
    return [
        Series(
            spec,
            metric.dimensions,
            tags_of[scope],
            Scope.LISTED,
            metric.namespace,
            metric.metric_name,
            metric.account,
        )
        for spec, metric, scope in zip(specs, metrics, scopes, strict=True)
    ]


def _recognitions(
    listed: Collection[ListedMetric], collect: Collection[str], named: frozenset[Dimensions]
) -> Iterable[Recognition]:
    pools = {metric.dimensions for metric in listed if metric.metric_name == POOL_METRIC}
    for metric in listed:
        source, spec = _recognized(metric, pools)
        if spec is None or source not in collect:
            continue
        if source == UNRECOGNIZED and metric.dimensions in named and metric.metric_name in SENDING_NAMES:
            continue
        yield source, spec, metric


def _recognized(metric: ListedMetric, pools: Collection[Dimensions]) -> tuple[str, SeriesSpec | None]:
    """The source and the spec of a listed metric. No spec: it is a series of our own account as a whole."""
    name = metric.metric_name
    if metric.namespace != NAMESPACE:
        return UNRECOGNIZED, UNRECOGNIZED_METRIC
    if name in _BY_NAME:
        return _BY_NAME[name]
    source, specs = _BY_DIMENSIONS.get(tuple(pair[0] for pair in metric.dimensions), ('', {}))
    if name in specs:
        return source, specs[name]
    if not metric.dimensions and name in _ACCOUNT_WIDE:
        return CLOUDWATCH, _ACCOUNT_WIDE[name] if metric.account else None
    if name == POOL_SEND.metric_name and metric.dimensions in pools:
        return 'managed_pools', POOL_SEND
    return UNRECOGNIZED, UNRECOGNIZED_DIMENSIONS if name in SENDING_NAMES else UNRECOGNIZED_METRIC


def _distinct_tags(
    scopes: Iterable[tuple[TagScope, str, ListedMetric]], hash_tenants: bool
) -> dict[TagScope, tuple[str, ...]]:
    """The tags of each tag scope, with its source and a metric of it: distinct among those of a source and account."""
    groups: dict[TagScope, dict[TagScope, tuple[str, ...]]] = {}
    for scope, source, metric in scopes:
        groups.setdefault(scope[:2], {})[scope] = _tags(source, metric, hash_tenants)
    return {scope: names for group in groups.values() for scope, names in tags.distinct(group).items()}


def _tag_scope(source: str, metric: ListedMetric) -> TagScope:
    """Key under which tags must be unique. Metrics of different sources or accounts differ by name or account tag."""
    names = (metric.namespace, metric.metric_name) if source == UNRECOGNIZED else ()
    return (source, metric.account, *names, *(part for pair in metric.dimensions for part in pair))


def _tags(source: str, metric: ListedMetric, hash_tenants: bool) -> tuple[str, ...]:
    metric_name = tags.tag_value(masked(metric.metric_name))
    names = (f'namespace:{metric.namespace}', f'metric_name:{metric_name}')
    dimensions = tags.with_hashed_tenants(metric.dimensions) if hash_tenants else metric.dimensions
    return (*(names if source == UNRECOGNIZED else ()), *tags.for_dimensions(dimensions))
