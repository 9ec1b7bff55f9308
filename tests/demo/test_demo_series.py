"""What the account of the demo has, and what is proven of it."""

from __future__ import annotations

import pytest

from datadog_checks.amazon_ses.cloudwatch.families import SPECS
from demo import series, truth
from simulator import SCENARIOS, Simulator
from simulator.scenarios import Family


def test_each_count_of_cloudwatch_is_proven() -> None:
    """No count that comes from CloudWatch is left out of the proof, and none is in it twice."""
    proven = [name for family in truth.FAMILIES for name in family.counts]

    assert sorted(proven) == sorted({spec.count.full_name for spec in SPECS if spec.count is not None})


def test_each_scenario_has_each_kind_of_series() -> None:
    """Whatever the story, there is each family that listing finds and campaigns, and its own series are kept."""
    for scenario in SCENARIOS.values():
        whole = series.whole(scenario)

        assert {family.dimensions for family in series.FAMILIES} <= {family.dimensions for family in whole.families}
        assert whole.families[: len(scenario.families)] == scenario.families


def set_named(name: str) -> Family:
    return next(one for one in series.FAMILIES if one.values == ((name,),))


def test_campaigns_are_the_newsletter() -> None:
    """The campaigns have together the emails of the newsletter, and its bounces: the demo tells one story."""
    newsletter = set_named('newsletter')

    for event in ('Send', 'Bounce', 'Delivery'):
        together = sum(one.share * one.events[event] for one in series.CAMPAIGNS)
        assert abs(together - newsletter.share * newsletter.events[event]) < 0.001


def test_tenants_have_the_mail_of_the_sets() -> None:
    """Each tenant has the emails of one set and its bounces, so who bounces is the same whomever one asks."""
    sets = ('receipts', 'alerts', 'newsletter')

    assert [(one.share, one.events['Bounce']) for one in series.TENANTS] == [
        (one.share, one.events['Bounce']) for one in map(set_named, sets)
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
def test_the_truth_knows_each_series_by_its_tags(family: str, count: str, tags: tuple[str, ...]) -> None:
    """What CloudWatch holds of a series is found under its tags, whichever spelling its metric has."""
    aws = Simulator(scenario=SCENARIOS['everything'])
    started = aws.clock()
    (asked,) = (one for one in truth.FAMILIES if one.name == family)

    held = truth.of(aws, aws.account, started + 3600).held(asked, f'amazon_ses.{count}.count', 'eu-west-1', started)

    assert held[tags] > 0
