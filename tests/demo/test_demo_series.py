"""The series in the account of the demo, and their proof."""

from __future__ import annotations

import pytest

from datadog_checks.amazon_ses.cloudwatch.families import SPECS
from demo import series, truth
from simulator import SCENARIOS, Simulator
from simulator.scenarios import Family


def test_each_count_of_cloudwatch_is_proven() -> None:
    """No count that comes from CloudWatch is left out of the proof, and none is in it twice."""
    proven = [name for family in truth.FAMILIES for name in family.counts]

    assert sorted(proven) == sorted({spec.count.full_name for spec in SPECS if spec.count is not None}), (
        'FAMILIES of demo/truth.py lists each count'
    )


def test_each_scenario_has_each_kind_of_series() -> None:
    """Every scenario gets each family that a listing has, and the campaigns, after its original families."""
    dimensions = {family.dimensions for family in series.FAMILIES}
    for scenario in SCENARIOS.values():
        families = series.with_all_families(scenario).families

        assert dimensions <= {family.dimensions for family in families}
        assert families[: len(scenario.families)] == scenario.families


def set_named(name: str) -> Family:
    return next(family for family in series.FAMILIES if family.values == ((name,),))


def test_campaigns_are_the_newsletter() -> None:
    """The campaigns have together the emails of the newsletter, and its bounces: the demo tells one story."""
    newsletter = set_named('newsletter')

    for event in ('Send', 'Bounce', 'Delivery'):
        total = sum(campaign.share * campaign.events[event] for campaign in series.CAMPAIGNS)
        assert abs(total - newsletter.share * newsletter.events[event]) < 0.001


def test_tenants_have_the_mail_of_the_sets() -> None:
    """Each tenant has the emails of one set and its bounces, so both tables name the same sender."""
    sets = ('receipts', 'alerts', 'newsletter')

    assert [(family.share, family.events['Bounce']) for family in series.TENANTS] == [
        (family.share, family.events['Bounce']) for family in map(set_named, sets)
    ]


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
