"""The inventory of each account and Region over time: that of the scenario, and the changes that have happened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from simulator.inventory import (
    DOMAIN,
    EVENT_TYPES,
    PLANTED_ADDRESS,
    Change,
    ConfigurationSet,
    DedicatedIp,
    Destination,
    GlobalEndpoint,
    Identity,
    Inventory,
    IpPool,
    Rule,
    RuleSet,
    Suppressed,
    Tenant,
    address,
    domain,
    named,
)
from simulator.scenarios import BOUNCE_RATE, Family, Scenario, Standing


class Inventories:
    """The inventory of each account and Region at any time; safe for threads. Times are seconds after the start."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._changes: list[tuple[str | None, Change]] = [(None, change) for change in _placed(scenario)]
        self._changes.sort(key=_time)
        self._newest: dict[tuple[str, str], tuple[list[Change], Inventory]] = {}
        self._fitting: Inventory | None = None
        self._lock = threading.RLock()

    def add(self, change: Change, account: str | None = None) -> None:
        """Let something change, in one account or in all of them; an error says why it cannot."""
        if change.kind == 'standing':
            replace(Standing(), **change.values or {})
        else:
            self._base(change.region).changed(change)
        with self._lock:
            self._changes.append((account, change))
            # Stable, so that changes of the same second happen in the order in which they came.
            self._changes.sort(key=_time)

    def at(self, account: str, region: str, seconds: float) -> Inventory:
        """The inventory at a time."""
        with self._lock:
            happened = [change for change in self._until(account, region, seconds) if change.kind != 'standing']
            newest = self._newest.get((account, region))
            if newest is None or newest[0] != happened:
                inventory = self._base(region)
                for change in happened:
                    inventory = inventory.changed(change)
                newest = self._newest[account, region] = happened, inventory
            return newest[1]

    def standing(self, account: str, region: str, seconds: float, standing: Standing) -> Standing:
        """The standing of the scenario's step, with the changes that have happened since the start."""
        with self._lock:
            for change in self._until(account, region, seconds):
                if change.kind == 'standing':
                    standing = replace(standing, **change.values or {})
        return standing

    def _until(self, account: str, region: str, seconds: float) -> Iterator[Change]:
        for owner, change in self._changes:
            if change.seconds <= seconds and change.region in (None, region) and owner in (None, account):
                yield change

    def _base(self, region: str | None) -> Inventory:
        """The inventory at the start: empty in a Region where no mail is sent."""
        regions = self._scenario.regions
        if region is not None and regions is not None and region not in regions:
            return Inventory()
        with self._lock:
            if self._fitting is None:
                self._fitting = fitting(self._scenario)
            return self._fitting


def _placed(scenario: Scenario) -> Iterator[Change]:
    """The changes of a scenario, each in its Regions: a change that names none is in the troubled ones."""
    for change in scenario.changes:
        if change.region is not None or scenario.troubled is None:
            yield change
        else:
            yield from (replace(change, region=region) for region in scenario.troubled)


def _time(pair: tuple[str | None, Change]) -> float:
    return pair[1].seconds


def fitting(scenario: Scenario) -> Inventory:
    """A healthy inventory that has what the families of a scenario name, and who sends its mail."""
    senders = dict.fromkeys(stream.identity for stream in scenario.streams if stream.identity)
    identities: list[Identity] = [domain(DOMAIN), *(address(name) if '@' in name else domain(name) for name in senders)]
    sets: list[ConfigurationSet] = []
    tenants: list[Tenant] = []
    others: dict[str, list[str]] = {}
    endpoints: list[GlobalEndpoint] = []
    for family in scenario.families:
        members = family.members()
        if family.dimensions == ('ses:configuration-set',):
            sets.extend(_set(family, member[0][1]) for member in members)
        elif family.dimensions == ('TenantId', 'TenantName'):
            tenants.extend(Tenant(name=member[1][1], id=member[0][1]) for member in members)
        elif family.dimensions == ('ses:multi-region-endpoint-id',):
            endpoints.extend(GlobalEndpoint(member[0][1]) for member in members)
        elif family.dimensions == ('ses:from-domain',):
            identities.extend(domain(member[0][1]) for member in members)
        elif family.dimensions == ('ses:from-address',):
            identities.extend(address(member[0][1]) for member in members)
        elif len(family.dimensions) == 1:
            others[family.dimensions[0]] = [member[0][1] for member in members]
    rules = tuple(Rule(name) for name in others.get('RuleName', ()))
    rule_sets = [name for name in others.get('RuleSetName', ()) if not name.startswith('[')]
    return Inventory(
        named(identities),
        named(sets),
        named(tenants),
        rule_sets=named(RuleSet(name, active=name == rule_sets[0], rules=rules) for name in rule_sets),
        ip_pools=named(IpPool(name, 'MANAGED') for name in others.get('PoolName', ())),
        dedicated_ips=named(DedicatedIp(name) for name in others.get('IP', ())),
        suppressed=named([Suppressed(PLANTED_ADDRESS, updated=-3600.0)]),
        endpoints=named(endpoints),
    )


def _set(family: Family, name: str) -> ConfigurationSet:
    """A set that publishes the metrics of its family, and its feedback."""
    metrics = Destination('metrics', 'cloudwatch', event_types=EVENT_TYPES)
    has_reputation = any(gauge.metric == BOUNCE_RATE for gauge in family.gauges)
    return ConfigurationSet(name, reputation_metrics=has_reputation, destinations=(metrics, Destination('feedback')))
