"""What the account of the demo has, whatever its story: something for each group of both dashboards.

A new group of a dashboard needs its series here, and where an option asks for them its option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from simulator import SCENARIOS
from simulator.scenarios import (
    ADDRESS_VALIDATION,
    GLOBAL_ENDPOINTS,
    MAIL_MANAGER,
    MANAGED_POOLS,
    RATIOS,
    RECEIPT_RULES,
    Family,
    Gauge,
    Scenario,
)

CAMPAIGN = 'campaign'
DAY = 1440

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

# Each tenant has the mail of one set. AWS writes of Bounces as well as of Bounce; the storm is one of Bounce.
TENANTS = tuple(
    Family(
        dimensions=('TenantId', 'TenantName'),
        values=((f'tn-{number:08x}', name),),
        events={'Send': 1.0, 'Bounce': bounced, 'Complaint': RATIOS['Complaint']},
        share=share,
    )
    for number, (name, share, bounced) in enumerate(
        (('bakery', 0.38, 0.0013), ('bookshop', 0.2, 0.0013), ('travel', 0.4, 0.048)), 1
    )
)

# What Outlook thinks of an old list: `spam` is half or all of it, as SNDS tells it.
ADDRESSES = tuple(
    Family(
        dimensions=('IP',),
        values=((address,),),
        gauges=tuple(
            Gauge(f'SNDS.{name}', value, every=DAY, spread=0.0)
            for name, value in (
                ('RCPTCommands', commands),
                ('DATACommands', commands - 200.0),
                ('MessageRecipients', commands - 300.0),
                ('SpamRate', spam),
                ('ComplaintRate', complained),
                ('TrapHits', traps),
            )
        ),
    )
    for address, commands, spam, complained, traps in (
        ('198.51.100.7', 9000.0, 0.5, 0.001, 1.0),
        ('198.51.100.8', 6000.0, 1.0, 0.004, 7.0),
    )
)

FAMILIES = (
    *SCENARIOS['bounce_storm'].families,
    *RECEIPT_RULES,
    *CAMPAIGNS,
    *TENANTS,
    MANAGED_POOLS,
    *ADDRESSES,
    GLOBAL_ENDPOINTS,
    ADDRESS_VALIDATION,
    MAIL_MANAGER,
)

OPTIONS: Mapping[str, Any] = MappingProxyType({'dimensions': [{CAMPAIGN: ['spring', 'welcome']}]})
"""The options without which the check would not read all of that."""


def with_all_families(scenario: Scenario) -> Scenario:
    """The scenario with each kind of series that it lacks."""
    there = {family.dimensions for family in scenario.families}
    added = tuple(family for family in FAMILIES if family.dimensions not in there)
    return replace(scenario, families=(*scenario.families, *added))
