"""The families of series that only listing finds: by which dimensions and names they are told, and what they become.

Each family is a source of its own in the option `collect`. What belongs to none of them is `unrecognized`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from datadog_checks.amazon_ses import tags
from datadog_checks.amazon_ses.cloudwatch.series import (
    AVERAGE,
    BY_DIMENSION,
    EVENTS,
    MAXIMUM,
    NAMESPACE,
    OF_THE_ACCOUNT,
    RATES,
    REPUTATION,
    SENDING,
    Dimensions,
    Event,
    Reading,
    Series,
    SeriesSpec,
)
from datadog_checks.amazon_ses.model import MetricSpec, MetricType

NAMESPACES = (NAMESPACE, 'AWS/SES/MailManager', 'AWS/SES/Addons')
"""Where SES publishes (AmazonSESServiceRolePolicy allows PutMetricData into these three)."""

CLOUDWATCH, UNRECOGNIZED = 'cloudwatch', 'unrecognized'


class Listed(NamedTuple):
    """One metric as ListMetrics gives it. `account` owns it, where it is a linked one; `dimensions` are sorted."""

    account: str
    namespace: str
    metric_name: str
    dimensions: Dimensions


class Family(NamedTuple):
    """Series that belong together. `dimensions` are the sets of names that tell it; None where the metric does."""

    source: str
    dimensions: tuple[tuple[str, ...], ...] | None
    specs: Mapping[str, SeriesSpec]


RECEIVING = (
    Event('Received', 'received', 'Emails received'),
    Event('PublishSuccess', 'publish_success', 'Emails for which all rules ran', 1),
    Event('PublishFailure', 'publish_failure', 'Failures of a rule or an action, retries included', -1),
    Event('PublishExpired', 'publish_expired', 'Emails for which a rule or an action was given up', -1),
)
BY_RULE = {event.metric_name: event.spec('receiving.', 'By rule set and by rule: ') for event in RECEIVING}
"""Receiving, by CloudWatch's name of the metric."""

BY_CONFIGURATION_SET = {
    **{one.metric_name: one.spec('configuration_set.', 'By configuration set: ', with_gauge=False) for one in SENDING},
    **{one.metric_name: one.spec('configuration_set.', 'By configuration set: ') for one in REPUTATION},
}
"""What an event destination or the reputation metrics of a configuration set publish, by CloudWatch's name."""

_TENANT = {
    one.metric_name: one.spec('tenant.', 'By tenant: ', with_gauge=False)
    for one in SENDING
    if one.name in ('send', 'bounce', 'complaint')
}
# AWS writes of Sends, Bounces and Complaints and shows no name as CloudWatch spells it.
BY_TENANT = {**_TENANT, **{f'{name}s': spec for name, spec in _TENANT.items()}}

BY_POOL = {
    one.metric_name: one.spec('managed_pool.', 'By managed pool: ')
    for one in (
        Reading(
            'ApproximateDedicatedSendingPercentage',
            'dedicated_percentage',
            'Share of the emails of a managed pool that leave from its dedicated IP addresses.',
            scale=1.0,
            orientation=0,
        ),
        Reading(
            'SentLast24Hours', 'sent_24_hour', 'Emails sent in 24 hours, by mailbox provider.', 'email', 1.0, 0, MAXIMUM
        ),
        Reading(
            'Available24HourSend',
            'available_24_hour',
            'Emails that may be sent in 24 hours, by mailbox provider.',
            'email',
            1.0,
            1,
            MAXIMUM,
        ),
    )
}
POOL_SEND = SENDING[0].spec('managed_pool.', 'By managed pool: ', with_gauge=False)
"""A Send with the dimensions of a managed pool. No name of AWS tells them, but the pool's own metrics do."""

POOL_METRIC = 'ApproximateDedicatedSendingPercentage'

BY_ADDRESS = {
    one.metric_name: one.spec('snds.', 'By dedicated IP address, from Outlook SNDS, once a day: ')
    for one in (
        Reading('SNDS.RCPTCommands', 'rcpt_commands', 'RCPT commands.', 'request', 1.0, 0, MAXIMUM, True),
        Reading('SNDS.DATACommands', 'data_commands', 'DATA commands.', 'request', 1.0, 0, MAXIMUM, True),
        Reading('SNDS.MessageRecipients', 'message_recipients', 'Recipients.', 'email', 1.0, 0, MAXIMUM, True),
        Reading(
            'SNDS.SpamRate',
            'spam_rate',
            'Share of spam: 0 below 10, 50 from 10 to 90, 100 from 90 percent.',
            statistic=MAXIMUM,
            daily=True,
        ),
        Reading('SNDS.ComplaintRate', 'complaint_rate', 'Complaint rate.', statistic=MAXIMUM, daily=True),
        Reading('SNDS.TrapHits', 'trap_hits', 'Emails to trap accounts.', 'email', 1.0, -1, MAXIMUM, True),
    )
}

BY_GLOBAL_ENDPOINT = {
    'SendCount': replace(
        SENDING[0].spec('global_endpoint.', 'By global endpoint: ', with_gauge=False), metric_name='SendCount'
    )
}
VALIDATION = {
    f'EmailAddressInsights.ConfidenceVerdict.{verdict}': Event(
        f'EmailAddressInsights.ConfidenceVerdict.{verdict}',
        f'email_validation.{verdict.lower()}',
        f'Validated addresses with {verdict.lower()} confidence',
        orientation,
    ).spec(with_gauge=False)
    for verdict, orientation in (('LOW', -1), ('MEDIUM', 0), ('HIGH', 1))
}

UNKNOWN = SeriesSpec(
    'metrics that no family knows',
    MetricSpec(
        'unrecognized',
        MetricType.GAUGE,
        'A CloudWatch metric of SES that this check does not know: its Average in the newest settled period.',
        interval=300,
    ),
    MetricSpec(
        'unrecognized.count',
        MetricType.COUNT,
        'A CloudWatch metric of SES that this check does not know, or one with dimensions it does not know: its Sum, '
        'each amount counted exactly once.',
        interval=300,
    ),
    statistic=AVERAGE,
)
UNKNOWN_EVENT = replace(UNKNOWN, gauge=None, statistic='')
"""A known event with dimensions that are not: it can only be a count."""

KNOWN_EVENTS = frozenset(event.metric_name for event in SENDING)

FAMILIES = (
    Family('configuration_sets', (('ses:configuration-set',),), BY_CONFIGURATION_SET),
    Family('receiving', (('RuleSetName',), ('RuleName',)), BY_RULE),
    Family('tenants', (('TenantId', 'TenantName'), ('TenantId',), ('TenantName',)), BY_TENANT),
    Family('managed_pools', None, BY_POOL),
    Family('snds', None, BY_ADDRESS),
    Family('global_endpoints', (('ses:multi-region-endpoint-id',),), BY_GLOBAL_ENDPOINT),
    Family('email_validation', ((),), VALIDATION),
)
SOURCES = (*(family.source for family in FAMILIES), UNRECOGNIZED)
"""The names in `collect` of what only listing finds."""

SPECS = (
    *EVENTS,
    *RATES,
    *BY_DIMENSION.values(),
    *dict.fromkeys(spec for family in FAMILIES for spec in family.specs.values()),
    POOL_SEND,
    UNKNOWN,
    UNKNOWN_EVENT,
)
"""Every line of the table."""

_BY_NAME = {name: (one.source, spec) for one in FAMILIES if one.dimensions is None for name, spec in one.specs.items()}
_BY_DIMENSIONS = {
    names: (one.source, one.specs) for one in FAMILIES if one.dimensions is not None for names in one.dimensions
}
_OF_THE_ACCOUNT = {spec.metric_name: spec for spec in OF_THE_ACCOUNT}


def recognized(
    listed: Collection[Listed], collect: Collection[str], named: Collection[Dimensions] = ()
) -> list[Series]:
    """The series of the sources in `collect` among the metrics that were listed.

    `named` are sets of dimensions that the option `dimensions` asks for already. Tags are distinct within each source.
    The series of our own account as a whole are not among them: those are always known.
    """
    pools = {one.dimensions for one in listed if one.metric_name == POOL_METRIC}
    known = set(named)
    told: list[tuple[str, SeriesSpec, Listed]] = []
    for one in listed:
        recognition = _recognized(one, pools)
        if recognition is None or recognition[0] not in collect:
            continue
        if recognition[0] == UNRECOGNIZED and one.dimensions in known and one.metric_name in KNOWN_EVENTS:
            continue
        told.append((*recognition, one))
    names = {_scope(source, one): _tags(source, one) for source, _, one in told}
    apart: dict[tuple[str, ...], dict[tuple[str, ...], tuple[str, ...]]] = {}
    for scope, its_tags in names.items():
        apart.setdefault(scope[:2], {})[scope] = its_tags
    distinct = {scope: its_tags for one in apart.values() for scope, its_tags in tags.distinct(one).items()}
    return [
        Series(spec, one.dimensions, distinct[_scope(source, one)], False, one.namespace, one.metric_name, one.account)
        for source, spec, one in told
    ]


def source_of(series: Series) -> str:
    """The name in `collect` that a series belongs to."""
    if not series.found or series.spec in OF_THE_ACCOUNT:
        return CLOUDWATCH
    for family in FAMILIES:
        if series.spec in family.specs.values():
            return family.source
    return 'managed_pools' if series.spec is POOL_SEND else UNRECOGNIZED


def _recognized(one: Listed, pools: Collection[Dimensions]) -> tuple[str, SeriesSpec] | None:
    name = one.metric_name
    if one.namespace == NAMESPACE:
        if name in _BY_NAME:
            return _BY_NAME[name]
        source, specs = _BY_DIMENSIONS.get(tuple(pair[0] for pair in one.dimensions), ('', {}))
        if name in specs:
            return source, specs[name]
        if not one.dimensions and name in _OF_THE_ACCOUNT:
            return (CLOUDWATCH, _OF_THE_ACCOUNT[name]) if one.account else None
        if name == POOL_SEND.metric_name and one.dimensions in pools:
            return 'managed_pools', POOL_SEND
        if name in KNOWN_EVENTS:
            return UNRECOGNIZED, UNKNOWN_EVENT
    return UNRECOGNIZED, UNKNOWN


def _scope(source: str, one: Listed) -> tuple[str, ...]:
    """What tags must keep apart: the first two parts are kept apart by the metric and the account's tag."""
    own = (one.namespace, one.metric_name) if source == UNRECOGNIZED else ()
    return (source, one.account, *own, *(part for pair in one.dimensions for part in pair))


def _tags(source: str, one: Listed) -> tuple[str, ...]:
    own = (f'namespace:{one.namespace}', f'metric_name:{tags.tag_value(one.metric_name)}')
    return (*(own if source == UNRECOGNIZED else ()), *tags.for_dimensions(one.dimensions))
