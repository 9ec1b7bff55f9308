"""The pretend AWS after a run: the final sums in CloudWatch, and the requests in its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from datadog_checks.amazon_ses.cloudwatch import metric_table
from datadog_checks.amazon_ses.cloudwatch.series import SeriesSpec
from demo.proof import ANY, Family, Tags, Truth
from demo.series import CAMPAIGN
from simulator import Simulator
from simulator.request_log import Request
from simulator.series import SeriesId, series_id


def _counts(by_name: Mapping[str, SeriesSpec]) -> Mapping[str, Collection[str]]:
    counts: dict[str, list[str]] = {}
    for name, spec in by_name.items():
        if spec.count is not None:
            counts.setdefault(spec.count.full_name, []).append(name)
    return counts


SET_TAGS = {'ses:configuration-set': 'configuration_set'}
RULE_TAGS = {'RuleName': 'rule', 'RuleSetName': 'rule_set'}
TENANT_TAGS = {'TenantId': 'tenant_id', 'TenantName': 'tenant'}
ENDPOINT_TAGS = {'ses:multi-region-endpoint-id': 'multi_region_endpoint_id'}
MAIL_MANAGER_TAGS = {'IngressPointId': 'ingress_point_id', 'ses:from-domain': 'from_domain'}
"""The tag of each dimension, repeated here, because the tags of the check are to be proven."""

POOL = metric_table.POOL_SEND

EVENTS = {
    f'amazon_ses.event.{name}.count': (metric,)
    for name, metric in (
        ('bounce', 'Bounce'), ('complaint', 'Complaint'), ('delivery_delay', 'DeliveryDelay'), ('reject', 'Reject')
    )
}  # fmt: skip
"""The counts of failure events that have the tag of a configuration set, and what CloudWatch counts of the same."""

FAMILIES = (
    Family('', _counts({spec.metric_name: spec for spec in metric_table.EVENTS})),
    Family('configuration sets', _counts(metric_table.BY_CONFIGURATION_SET), SET_TAGS, limited=True),
    Family('failure events', EVENTS, SET_TAGS, divided=True),
    Family('receipt rules', _counts(metric_table.BY_RULE), RULE_TAGS, limited=True),
    Family('named dimensions', _counts(metric_table.BY_DIMENSION), {CAMPAIGN: CAMPAIGN}),
    Family('tenants', _counts(metric_table.BY_TENANT), TENANT_TAGS, limited=True),
    Family('managed pools', _counts({POOL.metric_name: POOL}), {'PoolName': 'pool_name'}, limited=True),
    Family('global endpoints', _counts(metric_table.BY_GLOBAL_ENDPOINT), ENDPOINT_TAGS, limited=True),
    Family('email validation', _counts(metric_table.VALIDATION), limited=True),
    Family('unrecognized metrics', {'amazon_ses.unrecognized.count': ANY}, MAIL_MANAGER_TAGS, limited=True),
)


def truth_of(aws: Simulator, account: str, end: float, by_hand: Collection[Request] = ()) -> Truth:
    """The truth of a run that ended at `end`. The requests of checks by hand are not those of the Agent."""

    def amounts(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {
            tags: aws.world.final_sum(account, region, series, since, end)
            for tags, series in _series(aws, account, family, count, region)
        }

    calls, billed = Counter[tuple[str, str]](), Counter[str]()
    other_requests = {id(request) for request in by_hand}
    for request in aws.log:
        if id(request) in other_requests:
            continue
        calls[str(request.region), str(request.operation)] += 1
        billed[str(request.region)] += request.billed_metrics
    return Truth(amounts, calls, billed)


def _series(aws: Simulator, account: str, family: Family, count: str, region: str) -> Iterator[tuple[Tags, SeriesId]]:
    """The series of a count that CloudWatch has, listed or not."""
    metrics = family.counts[count]
    if not family.tags:
        # A series without dimensions exists, with data or without.
        yield from (((), series_id(name)) for name in metrics)
        return
    for key in aws.world.series(account, region):
        namespace, name, dimensions = key
        if dimensions and set(dict(dimensions)) <= family.tags.keys() and (not metrics or name in metrics):
            tags = [f'{family.tags[dimension]}:{value}' for dimension, value in dimensions]
            if not metrics:
                tags += [f'namespace:{namespace}', f'metric_name:{name}']
            yield tuple(sorted(tags)), key
