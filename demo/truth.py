"""What the pretend AWS knows of a run: what CloudWatch finally holds, and the requests in its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from datadog_checks.amazon_ses.cloudwatch.families import BY_CONFIGURATION_SET, BY_RULE
from datadog_checks.amazon_ses.cloudwatch.series import BY_DIMENSION, EVENTS, SeriesSpec
from demo.proof import Family, Tags, Truth
from demo.series import CAMPAIGN
from simulator import Simulator
from simulator.scenarios import SES
from simulator.world import Dimensions


def _counts(specs: Iterable[SeriesSpec]) -> Mapping[str, str]:
    return {one.count.full_name: one.metric_name for one in specs if one.count is not None}


# Which tag a dimension becomes is said here again: what the check makes of it is what is to be proven.
FAMILIES = (
    Family('', _counts(EVENTS)),
    Family(
        'configuration sets',
        _counts(BY_CONFIGURATION_SET.values()),
        {'ses:configuration-set': 'configuration_set'},
        limited=True,
    ),
    Family('receipt rules', _counts(BY_RULE.values()), {'RuleName': 'rule', 'RuleSetName': 'rule_set'}, limited=True),
    Family('named dimensions', _counts(BY_DIMENSION.values()), {CAMPAIGN: CAMPAIGN}),
)


def of(aws: Simulator, account: str, ended: float) -> Truth:
    """The truth of a run that ended then."""

    def held(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        metric = family.counts[count]
        return {
            tags: aws.world.final_sum(account, region, metric, dimensions, start=since, end=ended)
            for tags, dimensions in _series(aws, account, family, metric, region)
        }

    billed: Counter[str] = Counter()
    for one in aws.log:
        billed[str(one.region)] += one.billed_metrics
    return Truth(held, Counter((str(one.region), str(one.operation)) for one in aws.log), billed)


def _series(
    aws: Simulator, account: str, family: Family, metric: str, region: str
) -> Iterator[tuple[Tags, Dimensions]]:
    """The series of a metric that CloudWatch has, whether the check found them or not."""
    if not family.tags:
        # The account is there, whether it has mail or not.
        yield (), ()
        return
    for _, name, dimensions in aws.world.series(account, region, SES):
        if name == metric and len(dimensions) == 1 and dimensions[0][0] in family.tags:
            yield tuple(f'{family.tags[one]}:{value}' for one, value in dimensions), dimensions
