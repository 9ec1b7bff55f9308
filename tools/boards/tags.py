"""The tags of each family of metrics, and the metrics that need no widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tools.boards.queries import PREFIX, TARGET_TAGS


class Tags(NamedTuple):
    """The tags that each series of a family has, and the tags that only some series have."""

    always: tuple[str, ...]
    sometimes: tuple[str, ...] = ()


FAMILIES: Mapping[str, Tags] = {
    '': Tags(TARGET_TAGS),
    'collector.api_calls': Tags((*TARGET_TAGS, 'operation')),
    'collector.api_errors': Tags((*TARGET_TAGS, 'operation', 'reason')),
    'collector.api_throttles': Tags((*TARGET_TAGS, 'operation')),
    'collector.data_age': Tags((*TARGET_TAGS, 'source')),
    'collector.periods_skipped': Tags((*TARGET_TAGS, 'reason')),
    'collector.region_left_out': Tags((*TARGET_TAGS, 'reason')),
    'collector.series_dropped': Tags((*TARGET_TAGS, 'reason')),
    'configuration_set.': Tags((*TARGET_TAGS, 'configuration_set')),
    'dimension.': Tags(TARGET_TAGS, ('campaign',)),
    'event.': Tags(
        TARGET_TAGS,
        ('queue', 'reason', 'provider', 'event', 'configuration_set', 'bounce_type', 'bounce_sub_type', 'template'),
    ),
    'global_endpoint.': Tags((*TARGET_TAGS, 'multi_region_endpoint_id')),
    'managed_pool.': Tags((*TARGET_TAGS, 'pool_name')),
    'receiving.': Tags(TARGET_TAGS, ('rule', 'rule_set')),
    'send_statistics.': Tags((*TARGET_TAGS, 'window')),
    'snds.': Tags((*TARGET_TAGS, 'ip')),
    'tenant.': Tags(TARGET_TAGS, ('tenant', 'tenant_id')),
    'unrecognized': Tags((*TARGET_TAGS, 'namespace', 'metric_name'), ('ingress_point_id',)),
}
"""Keyed by the beginning of a metric's name; the longest match counts. A test compares them with recordings.

The operator chooses the tags of `dimension.`; these are the tags of the demo. AWS does not document the dimensions of
`managed_pool.` and `snds.`, and `unrecognized` may have any; these are the dimensions of the simulator.
"""

LOSSES: Mapping[str, str] = {
    'amazon_ses.collector.periods_skipped': 'submitted only where periods are skipped, and then nothing is proven',
    'amazon_ses.collector.region_left_out': 'submitted only with `regions: all` where a Region refuses everything',
    'amazon_ses.collector.amounts_dropped': 'submitted only where max_returned_metrics is reached, as above',
}
"""Metrics that a run without losses, such as that of `make demo`, does not have."""

EVENTS = (
    'bounce',
    'click',
    'complaint',
    'delivery',
    'delivery_delay',
    'open',
    'reject',
    'rendering_failure',
    'send',
    'subscription',
    'receiving.received',
    'receiving.publish_expired',
    'receiving.publish_failure',
    'receiving.publish_success',
)
STATISTICS = ('average', 'maximum', 'minimum', 'sample_count', 'sum')

UNCHARTED: Mapping[str, str] = {
    **{f'{PREFIX}{event}': 'its exact count is charted; the gauge is for thresholds of the check' for event in EVENTS},
    **{f'{PREFIX}*.{statistic}': 'an additional statistic, off by default' for statistic in STATISTICS},
    'amazon_ses.dimension.*': 'off by default, with tags of the operator: the charts are a start',
    'amazon_ses.event.*': 'only with queues of the operator, which are off by default',
    'amazon_ses.collector.covered_seconds': 'its sum over an hour, for a monitor: more than 3,600 is several Agents',
    'amazon_ses.collector.periods_unknown': 'only after a damage, a failover or with several writers; the log has them',
    'amazon_ses.collector.region_left_out': 'which Regions `regions: all` does not read; the log names them once',
    'amazon_ses.collector.counting_since': 'an instant, which no widget shows as an instant',
}
"""Metrics that need no widget, each with the reason. A pattern that matches no metric is an error."""


def family_of(metric: str) -> str:
    """The family of a metric, by its name with prefix."""
    name = metric.removeprefix(PREFIX)
    return max((family for family in FAMILIES if name.startswith(family)), key=len)


def tags_of(metric: str) -> Tags:
    return FAMILIES[family_of(metric)]
