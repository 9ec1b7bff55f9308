"""The series in the account of the demo, in every scenario: some for each group of Overview and Deliverability.

A new group of a dashboard needs its series here, and where an option asks for them its option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simulator import scenarios
from simulator.scenarios import EVENTS, STREAMS, Family, Gauge, Scenario
from simulator.streams import Stream

CAMPAIGN = 'campaign'
DAY = 1440

CAMPAIGNS = Family((CAMPAIGN,), (('spring',), ('welcome',)), mail=EVENTS)

# AWS documents Bounces as well as Bounce; the storm has Bounce.
TENANTS = Family(
    dimensions=('TenantId', 'TenantName'),
    values=(('tn-00000001', 'bakery'), ('tn-00000002', 'bookshop'), ('tn-00000003', 'travel')),
    mail=('Send', 'Bounce', 'Complaint'),
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
    scenarios.SETS,
    *scenarios.RECEIPT_RULES,
    CAMPAIGNS,
    TENANTS,
    scenarios.MANAGED_POOLS,
    *ADDRESSES,
    scenarios.GLOBAL_ENDPOINTS,
    scenarios.ADDRESS_VALIDATION,
    scenarios.MAIL_MANAGER,
)

OPTIONS: Mapping[str, Any] = {'dimensions': [{CAMPAIGN: ['spring', 'welcome']}]}
"""The options without which the check would not read all of these series."""


SHARES = (1.0, 0.4, 0.25)
"""How much mail each Region has, of the volume of the scenario."""


def staged(scenario: Scenario, regions: Sequence[str]) -> Scenario:
    """The scenario with each kind of series that it lacks and every sender, in Regions that differ; its trouble is in
    the first of them."""
    dimensions = {family.dimensions for family in scenario.families}
    added = tuple(family for family in FAMILIES if family.dimensions not in dimensions)
    return replace(
        scenario,
        families=(*scenario.families, *added),
        streams=tuple(part for stream in scenario.streams for part in _by_sender(stream)),
        shares=dict(zip(regions, SHARES, strict=False)),
        troubled=tuple(regions[:1]),
    )


def _by_sender(stream: Stream) -> Iterator[Stream]:
    """A stream of which no sender is known, divided among those of STREAMS; another one as it is."""
    if stream.dimensions:
        yield stream
        return
    for sender in STREAMS:
        share = stream.share * sender.share
        yield replace(sender, share=share, chances=stream.chances, curves=stream.curves, appears=stream.appears)
