"""What the pretend AWS knows of a run: what CloudWatch finally holds, and the requests in its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from datadog_checks.amazon_ses.cloudwatch.metric_table import (
    BY_CONFIGURATION_SET,
    BY_DIMENSION,
    BY_GLOBAL_ENDPOINT,
    BY_RULE,
    BY_TENANT,
    EVENTS,
    POOL_SEND,
    VALIDATION,
)
from datadog_checks.amazon_ses.cloudwatch.series import SeriesSpec
from demo.proof import ANY, Family, Tags, Truth
from demo.series import CAMPAIGN
from simulator import Simulator
from simulator.series import SeriesId, series_id


def _counts(by_name: Mapping[str, SeriesSpec]) -> Mapping[str, Collection[str]]:
    found: dict[str, list[str]] = {}
    for name, spec in by_name.items():
        if spec.count is not None:
            found.setdefault(spec.count.full_name, []).append(name)
    return found


# Which tag a dimension becomes is said here again: what the check makes of it is what is to be proven.
FAMILIES = (
    Family('', _counts({one.metric_name: one for one in EVENTS})),
    Family(
        'configuration sets',
        _counts(BY_CONFIGURATION_SET),
        {'ses:configuration-set': 'configuration_set'},
        limited=True,
    ),
    Family('receipt rules', _counts(BY_RULE), {'RuleName': 'rule', 'RuleSetName': 'rule_set'}, limited=True),
    Family('named dimensions', _counts(BY_DIMENSION), {CAMPAIGN: CAMPAIGN}),
    Family('tenants', _counts(BY_TENANT), {'TenantId': 'tenant_id', 'TenantName': 'tenant'}, limited=True),
    Family('managed pools', _counts({POOL_SEND.metric_name: POOL_SEND}), {'PoolName': 'pool_name'}, limited=True),
    Family(
        'global endpoints',
        _counts(BY_GLOBAL_ENDPOINT),
        {'ses:multi-region-endpoint-id': 'multi_region_endpoint_id'},
        limited=True,
    ),
    Family('email validation', _counts(VALIDATION), limited=True),
    Family(
        'unrecognized metrics',
        {'amazon_ses.unrecognized.count': ANY},
        {'IngressPointId': 'ingress_point_id', 'ses:from-domain': 'from_domain'},
        limited=True,
    ),
)


def of(aws: Simulator, account: str, ended: float) -> Truth:
    """The truth of a run that ended then."""

    def held(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {
            tags: aws.world.final_sum(account, region, series, since, ended)
            for tags, series in _series(aws, account, family, family.counts[count], region)
        }

    billed: Counter[str] = Counter()
    for one in aws.log:
        billed[str(one.region)] += one.billed_metrics
    return Truth(held, Counter((str(one.region), str(one.operation)) for one in aws.log), billed)


def _series(
    aws: Simulator, account: str, family: Family, metrics: Collection[str], region: str
) -> Iterator[tuple[Tags, SeriesId]]:
    """The series of metrics that CloudWatch has, whether the check found them or not."""
    if not family.tags:
        # What has no dimensions is there, whether it has data or not.
        yield from (((), series_id(name)) for name in metrics)
        return
    for key in aws.world.series(account, region):
        namespace, name, dimensions = key
        if dimensions and {one for one, _ in dimensions} <= family.tags.keys() and (not metrics or name in metrics):
            own = () if metrics else (f'namespace:{namespace}', f'metric_name:{name}')
            yield tuple(sorted((*own, *(f'{family.tags[one]}:{value}' for one, value in dimensions)))), key
