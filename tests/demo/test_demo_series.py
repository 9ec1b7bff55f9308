"""What the account of the demo has, and what is proven of it."""

from __future__ import annotations

from datadog_checks.amazon_ses.cloudwatch.series import SPECS
from demo import series, truth
from simulator import SCENARIOS


def test_each_count_of_cloudwatch_is_proven() -> None:
    """No count that comes from CloudWatch is left out of the proof, and none is in it twice."""
    proven = [name for family in truth.FAMILIES for name in family.counts]

    assert sorted(proven) == sorted({spec.count.full_name for spec in SPECS if spec.count is not None})


def test_each_scenario_has_each_kind_of_series() -> None:
    """Whatever the story, there are configuration sets, receipt rules and campaigns, and its own series are kept."""
    for scenario in SCENARIOS.values():
        whole = series.whole(scenario)

        assert {family.dimensions for family in series.FAMILIES} <= {family.dimensions for family in whole.families}
        assert whole.families[: len(scenario.families)] == scenario.families


def test_campaigns_are_the_newsletter() -> None:
    """The campaigns have together the emails of the newsletter, and its bounces: the demo tells one story."""
    newsletter = next(one for one in series.FAMILIES if one.values == (('newsletter',),))

    for event in ('Send', 'Bounce', 'Delivery'):
        together = sum(one.share * one.events[event] for one in series.CAMPAIGNS)
        assert abs(together - newsletter.share * newsletter.events[event]) < 0.001
