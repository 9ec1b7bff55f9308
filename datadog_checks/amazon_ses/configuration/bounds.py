"""Options on names: how many of what AWS finds wrong is named in each Region, and whether tenants are."""

from __future__ import annotations

from typing import NamedTuple

from datadog_checks.amazon_ses.configuration.options import Options

MOST = 10_000
"""As many identities, configuration sets and tenants as AWS allows by default."""


class Bounds(NamedTuple):
    """The largest number of identities, findings, configuration sets and tenants that are named in a Region.

    `hash_tenants` shows digits of a hash in the place of the names of tenants.
    """

    max_identities: int
    max_findings: int
    max_sets: int
    max_tenants: int
    hash_tenants: bool


def parse_bounds(options: Options) -> Bounds:
    """Raises SettingsError for the first option that cannot be used."""
    return Bounds(
        max_identities=options.whole_number('max_identities', 0, MOST, unit='identities'),
        max_findings=options.whole_number('max_findings', 0, MOST, unit='findings'),
        max_sets=options.whole_number('max_configuration_sets', 0, MOST, unit='configuration sets'),
        max_tenants=options.whole_number('max_tenants', 0, MOST, unit='tenants'),
        hash_tenants=options.flag('hash_tenant_names'),
    )
