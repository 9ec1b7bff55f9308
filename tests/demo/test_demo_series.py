"""The series in the account of the demo, and their proof."""

from __future__ import annotations

import pytest

from datadog_checks.amazon_ses.cloudwatch.families import SPECS
from demo import series, truth
from simulator import SCENARIOS, Simulator

REGIONS = ('us-east-1', 'eu-west-1', 'eu-central-1')


def test_each_count_of_cloudwatch_is_proven() -> None:
    """No count that comes from CloudWatch is left out of the proof, and none is in it twice."""
    proven = [name for family in truth.FAMILIES if not family.divided for name in family.counts]

    assert sorted(proven) == sorted({spec.count.full_name for spec in SPECS if spec.count is not None}), (
        'FAMILIES of demo/truth.py lists each count'
    )


def test_each_scenario_has_each_kind_of_series() -> None:
    """Every scenario gets each family that a listing has, and the campaigns, after its original families."""
    dimensions = {family.dimensions for family in series.FAMILIES}
    for scenario in SCENARIOS.values():
        families = series.staged(scenario, REGIONS).families

        assert dimensions <= {family.dimensions for family in families}
        assert families[: len(scenario.families)] == scenario.families


@pytest.mark.parametrize('name', list(SCENARIOS))
def test_each_set_tenant_and_campaign_has_mail(name: str) -> None:
    """In every scenario the senders of the dashboards have mail of their own, as much as the scenario has together."""
    scenario = series.staged(SCENARIOS[name], REGIONS)
    labels = {(stream.configuration_set, stream.tenant, *stream.tags.values()) for stream in scenario.streams}

    assert {('receipts', 'bakery'), ('alerts', 'bookshop'), ('newsletter', 'travel', 'spring')} <= labels
    shares = [sum(stream.share for stream in streams) for streams in (scenario.streams, SCENARIOS[name].streams)]
    assert shares[0] == pytest.approx(shares[1])


def test_regions_differ_and_the_trouble_is_in_the_first() -> None:
    """Each Region of the demo has another amount of mail, and only the first one is in trouble."""
    scenario = series.staged(SCENARIOS['bounce_storm'], REGIONS)

    assert scenario.troubled == REGIONS[:1]
    assert len(set(scenario.shares.values())) == len(scenario.shares) == len(REGIONS)


@pytest.mark.parametrize(
    ('family', 'count', 'tags'),
    [
        ('tenants', 'tenant.send', ('tenant:tenant-00000', 'tenant_id:tn-00000000')),
        ('managed pools', 'managed_pool.send', ('pool_name:managed-main',)),
        ('global endpoints', 'global_endpoint.send', ('multi_region_endpoint_id:abcdef12.g3h',)),
        ('email validation', 'email_validation.low', ()),
        (
            'unrecognized metrics',
            'unrecognized',
            ('ingress_point_id:inp-0123456789abcdef', 'metric_name:Received', 'namespace:AWS/SES/MailManager'),
        ),
    ],
)
def test_the_truth_has_each_series_under_its_tags(family: str, count: str, tags: tuple[str, ...]) -> None:
    """The sum of a series in CloudWatch has the tags of the check, whichever spelling its metric has."""
    aws = Simulator(scenario=SCENARIOS['everything'])
    start = aws.clock()
    families = {family.name: family for family in truth.FAMILIES}

    amounts = truth.truth_of(aws, aws.account, start + 3600).amounts
    sums = amounts(families[family], f'amazon_ses.{count}.count', 'eu-west-1', start)

    assert sums[tags] > 0
