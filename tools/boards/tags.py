"""The tags of each family of metrics, and the metrics that need no widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tools.boards.queries import PREFIX, TARGET_TAGS


class Tags(NamedTuple):
    """The tags that each series of a family has, and the tags that only some series have."""

    always: tuple[str, ...]
    sometimes: tuple[str, ...] = ()


IDENTITY = ('identity', 'identity_type', 'identity_hash')

FAMILIES: Mapping[str, Tags] = {
    '': Tags(TARGET_TAGS),
    'account.auto_validation': Tags((*TARGET_TAGS, 'status')),
    'account.plan': Tags((*TARGET_TAGS, 'status')),
    'account.production_access_request': Tags((*TARGET_TAGS, 'status')),
    'account.shared_pool': Tags((*TARGET_TAGS, 'status')),
    'account.suppression_enabled': Tags((*TARGET_TAGS, 'reason')),
    'collector.api_calls': Tags((*TARGET_TAGS, 'operation')),
    'collector.api_errors': Tags((*TARGET_TAGS, 'operation', 'reason')),
    'collector.api_throttles': Tags((*TARGET_TAGS, 'operation')),
    'collector.data_age': Tags((*TARGET_TAGS, 'source')),
    'collector.periods_skipped': Tags((*TARGET_TAGS, 'reason')),
    'collector.region_left_out': Tags((*TARGET_TAGS, 'reason')),
    'collector.series_dropped': Tags((*TARGET_TAGS, 'reason')),
    'collector.sweep_': Tags((*TARGET_TAGS, 'source')),
    'configuration_set.': Tags((*TARGET_TAGS, 'configuration_set')),
    'configuration_set.count': Tags(TARGET_TAGS),
    'configuration_set.destinations': Tags((*TARGET_TAGS, 'destination_type', 'status')),
    'configuration_set.severity': Tags((*TARGET_TAGS, 'configuration_set'), ('problem',)),
    'configuration_set.unhealthy': Tags((*TARGET_TAGS, 'problem')),
    'configuration_set.unnamed': Tags(TARGET_TAGS),
    'dedicated_ip.count': Tags((*TARGET_TAGS, 'pool_name', 'status')),
    'dedicated_ip.listed': Tags(TARGET_TAGS),
    'dedicated_ip.listing': Tags((*TARGET_TAGS, 'ip', 'pool_name', 'blocklist')),
    'dedicated_ip.pools': Tags((*TARGET_TAGS, 'scaling_mode')),
    'dedicated_ip.unnamed': Tags(TARGET_TAGS),
    'dedicated_ip.warmup': Tags((*TARGET_TAGS, 'ip', 'pool_name')),
    'dimension.': Tags(TARGET_TAGS, ('campaign',)),
    'event.': Tags(
        TARGET_TAGS,
        ('queue', 'reason', 'provider', 'event', 'configuration_set', 'bounce_type', 'bounce_sub_type', 'template'),
    ),
    'finding.age': Tags((*TARGET_TAGS, 'impact')),
    'finding.high_impact': Tags(
        (*TARGET_TAGS, 'type', 'scope'), ('configuration_set', *IDENTITY, 'tenant', 'tenant_id')
    ),
    'finding.open': Tags((*TARGET_TAGS, 'impact'), ('type', 'scope')),
    'global_endpoint.': Tags((*TARGET_TAGS, 'multi_region_endpoint_id')),
    'global_endpoint.failover_': Tags((*TARGET_TAGS, 'multi_region_endpoint_id', 'secondary_region'), ('kind',)),
    'global_endpoint.ready': Tags((*TARGET_TAGS, 'multi_region_endpoint_id', 'status'), ('secondary_region',)),
    'identity.count': Tags((*TARGET_TAGS, 'identity_type', 'verification')),
    'identity.sending_enabled': Tags(TARGET_TAGS, IDENTITY),
    'identity.severity': Tags(TARGET_TAGS, (*IDENTITY, 'problem')),
    'identity.unhealthy': Tags((*TARGET_TAGS, 'problem')),
    'job.': Tags((*TARGET_TAGS, 'job_type')),
    'job.count': Tags((*TARGET_TAGS, 'job_type', 'status')),
    'job.failed_records': Tags(TARGET_TAGS),
    'managed_pool.': Tags((*TARGET_TAGS, 'pool_name')),
    'receiving.': Tags(TARGET_TAGS, ('rule', 'rule_set')),
    'receiving.limit_utilization': Tags((*TARGET_TAGS, 'limit')),
    'receiving.rule_set_active': Tags(TARGET_TAGS),
    'receiving.rules': Tags((*TARGET_TAGS, 'status')),
    'send_statistics.': Tags((*TARGET_TAGS, 'window')),
    'snds.': Tags((*TARGET_TAGS, 'ip')),
    'suppression.': Tags((*TARGET_TAGS, 'reason')),
    'tenant.': Tags(TARGET_TAGS, ('tenant', 'tenant_id')),
    'tenant.count': Tags((*TARGET_TAGS, 'status')),
    'tenant.paused': Tags((*TARGET_TAGS, 'paused_by')),
    'tenant.sending_enabled': Tags((*TARGET_TAGS, 'tenant', 'status', 'impact', 'policy'), ('tenant_id', 'paused_by')),
    'tenant.unnamed': Tags(TARGET_TAGS),
    'tenant.with_findings': Tags((*TARGET_TAGS, 'impact')),
    'vdm.': Tags((*TARGET_TAGS, 'window'), ('provider',)),
    'unrecognized': Tags((*TARGET_TAGS, 'namespace', 'metric_name'), ('ingress_point_id',)),
}
"""Keyed by the beginning of a metric's name; the longest match counts. A test compares them with recordings.

The operator chooses the tags of `dimension.`; these are the tags of the demo. AWS does not document the dimensions of
`managed_pool.` and `snds.`, and `unrecognized` may have any; these are the dimensions of the simulator.
"""

NEWER_SDK = ('account.shared_pool',)
"""Families of fields of AWS's answers that only a newer SDK than the Agent's reads, so that no recording has them."""

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

TO_COME = 'what AWS itself says gets a board and monitors of its own'

UNCHARTED: Mapping[str, str] = {
    'amazon_ses.account.auto_validation': TO_COME,
    'amazon_ses.account.auto_warmup_enabled': TO_COME,
    'amazon_ses.account.may_send': 'the service check sending_status as a number, for monitors',
    'amazon_ses.account.plan': TO_COME,
    'amazon_ses.account.production_access_request': TO_COME,
    'amazon_ses.account.shared_pool': TO_COME,
    'amazon_ses.account.suppression_enabled': TO_COME,
    'amazon_ses.account.vdm_enabled': TO_COME,
    'amazon_ses.collector.sweep_*': TO_COME,
    **{
        f'{PREFIX}configuration_set.{name}': TO_COME
        for name in ('count', 'destinations', 'severity', 'unhealthy', 'unnamed')
    },
    'amazon_ses.dedicated_ip.*': TO_COME,
    'amazon_ses.managed_pool.available_24_hour': 'the capacity of each mailbox provider; its use is charted',
    'amazon_ses.managed_pool.sent_24_hour': 'the mail to each mailbox provider; its share of the capacity is charted',
    'amazon_ses.finding.*': TO_COME,
    'amazon_ses.identity.*': TO_COME,
    'amazon_ses.job.*': TO_COME,
    **{f'{PREFIX}receiving.{name}': TO_COME for name in ('limit_utilization', 'rule_set_active', 'rules')},
    **{
        f'{PREFIX}tenant.{name}': TO_COME for name in ('count', 'paused', 'sending_enabled', 'unnamed', 'with_findings')
    },
    **{f'{PREFIX}global_endpoint.{name}': TO_COME for name in ('failover_missing', 'failover_utilization', 'ready')},
    'amazon_ses.suppression.*': 'off by default',
    'amazon_ses.vdm.*': TO_COME,
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
