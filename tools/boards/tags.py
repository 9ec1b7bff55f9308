"""Which tags each family of metrics carries, and which metrics need no place on a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from datadog_checks.amazon_ses.model import PREFIX


class Tags(NamedTuple):
    """The tags of a family: those that each of its series has, and those that only some have."""

    always: tuple[str, ...]
    sometimes: tuple[str, ...] = ()


PLACE = ('aws_account', 'region')

FAMILIES: Mapping[str, Tags] = {
    '': Tags(PLACE),
    'collector.api_calls': Tags((*PLACE, 'operation')),
    'collector.api_errors': Tags((*PLACE, 'operation', 'reason')),
    'collector.api_throttles': Tags((*PLACE, 'operation')),
    'collector.data_age': Tags((*PLACE, 'source')),
    'collector.periods_skipped': Tags((*PLACE, 'reason')),
    'collector.series_dropped': Tags((*PLACE, 'reason')),
    'configuration_set.': Tags((*PLACE, 'configuration_set')),
    'dimension.': Tags(PLACE, ('campaign',)),
    'global_endpoint.': Tags((*PLACE, 'multi_region_endpoint_id')),
    'managed_pool.': Tags((*PLACE, 'pool_name')),
    'receiving.': Tags(PLACE, ('rule', 'rule_set')),
    'send_statistics.': Tags((*PLACE, 'window')),
    'snds.': Tags((*PLACE, 'ip')),
    'tenant.': Tags(PLACE, ('tenant', 'tenant_id')),
    'unrecognized': Tags((*PLACE, 'namespace', 'metric_name'), ('ingress_point_id',)),
}
"""By the beginning of a metric's name; the longest that fits counts. A test compares them with what was recorded.

The tags of `dimension.` are those that the operator named; here those of the demo. AWS does not say what it calls the
dimensions of `managed_pool.` and `snds.`, and those of `unrecognized` may be any: here they are those of the simulator.
"""

LOSSES: Mapping[str, str] = {
    'amazon_ses.collector.periods_skipped': 'submitted only where amounts are given up, and then nothing is proven',
    'amazon_ses.collector.amounts_dropped': 'submitted only where max_returned_metrics is reached, as above',
}
"""Metrics that a run without losses, such as that of `make demo`, does not have."""

UNCHARTED: Mapping[str, str] = {
    'amazon_ses.bounce': 'its exact count is charted; the gauge is for thresholds of the check itself',
    'amazon_ses.click': 'as bounce',
    'amazon_ses.complaint': 'as bounce',
    'amazon_ses.delivery': 'as bounce',
    'amazon_ses.delivery_delay': 'as bounce',
    'amazon_ses.open': 'as bounce',
    'amazon_ses.reject': 'as bounce',
    'amazon_ses.rendering_failure': 'as bounce',
    'amazon_ses.send': 'as bounce',
    'amazon_ses.subscription': 'as bounce',
    'amazon_ses.receiving.received': 'as bounce',
    'amazon_ses.receiving.publish_expired': 'as bounce',
    'amazon_ses.receiving.publish_failure': 'as bounce',
    'amazon_ses.receiving.publish_success': 'as bounce',
    'amazon_ses.*.average': 'an additional statistic, off by default',
    'amazon_ses.*.maximum': 'an additional statistic, off by default',
    'amazon_ses.*.minimum': 'an additional statistic, off by default',
    'amazon_ses.*.sample_count': 'an additional statistic, off by default',
    'amazon_ses.*.sum': 'an additional statistic, off by default',
    'amazon_ses.dimension.*': 'off by default, with tags of the operator: what is charted is a start',
    'amazon_ses.collector.counting_since': 'an instant, which no widget can show as one',
}
"""Metrics that need no place on a dashboard, each with the reason. A pattern that fits no metric is an error."""


def of(metric: str) -> Tags:
    """The tags of a metric, given with its prefix."""
    name = metric.removeprefix(PREFIX)
    return FAMILIES[max((one for one in FAMILIES if name.startswith(one)), key=len)]


def uncharted(metric: str) -> bool:
    """Whether a metric is excused from the dashboards."""
    return any(fnmatchcase(metric, pattern) for pattern in UNCHARTED)
