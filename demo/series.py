"""What the account of the demo has, whatever its story: something for each group of both dashboards.

A new group of a dashboard needs its series here, and where an option asks for them its option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from simulator import SCENARIOS
from simulator.scenarios import RATIOS, RECEIPT_RULES, Family, Scenario

CAMPAIGN = 'campaign'

# The newsletter of the storm, told apart by a message tag: together as many emails, and as many that bounce.
CAMPAIGNS = tuple(
    Family(
        dimensions=(CAMPAIGN,),
        values=((name,),),
        events={**RATIOS, 'Bounce': bounced, 'Delivery': delivered},
        share=share,
    )
    for name, share, bounced, delivered in (('spring', 0.25, 0.07, 0.7), ('welcome', 0.15, 0.0113, 0.97))
)

FAMILIES = (*SCENARIOS['bounce_storm'].families, *RECEIPT_RULES, *CAMPAIGNS)

OPTIONS: Mapping[str, Any] = MappingProxyType({'dimensions': [{CAMPAIGN: ['spring', 'welcome']}]})
"""The options without which the check would not read all of that."""


def whole(scenario: Scenario) -> Scenario:
    """The scenario with each kind of series that it lacks."""
    there = {family.dimensions for family in scenario.families}
    added = tuple(family for family in FAMILIES if family.dimensions not in there)
    return replace(scenario, families=(*scenario.families, *added))
