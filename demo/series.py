"""The series in the account of the demo, in every scenario: some for each group of both dashboards.

A new group of a dashboard needs its series here, and where an option asks for them its option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator import SCENARIOS, scenarios
from simulator.scenarios import RATIOS, Family, Gauge, Scenario

CAMPAIGN = 'campaign'
DAY = 1440

# The newsletter of the storm, divided by a message tag: together as many emails, and as many that bounce.
CAMPAIGNS = tuple(
    Family((CAMPAIGN,), ((name,),), events={**RATIOS, 'Bounce': bounced, 'Delivery': delivered}, share=share)
    for name, share, bounced, delivered in (('spring', 0.25, 0.07, 0.7), ('welcome', 0.15, 0.0113, 0.97))
)

# Each tenant has the mail of one set. AWS documents Bounces as well as Bounce; the storm has Bounce.
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

# Outlook's verdict on an old list: `spam` is half or all of it, as SNDS reports it.
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
    *scenarios.RECEIPT_RULES,
    *CAMPAIGNS,
    *TENANTS,
    scenarios.MANAGED_POOLS,
    *ADDRESSES,
    scenarios.GLOBAL_ENDPOINTS,
    scenarios.ADDRESS_VALIDATION,
    scenarios.MAIL_MANAGER,
)

OPTIONS: Mapping[str, Any] = {'dimensions': [{CAMPAIGN: ['spring', 'welcome']}]}
"""The options without which the check would not read all of these series."""


def with_all_families(scenario: Scenario) -> Scenario:
    """The scenario with each kind of series that it lacks."""
    dimensions = {family.dimensions for family in scenario.families}
    added = tuple(family for family in FAMILIES if family.dimensions not in dimensions)
    return replace(scenario, families=(*scenario.families, *added))
