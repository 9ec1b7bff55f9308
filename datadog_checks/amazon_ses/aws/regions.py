"""Where SES may be: the Regions that the SDK knows, and the one among them that signs in."""

from __future__ import annotations

import os
from typing import NamedTuple

from botocore.exceptions import UnknownRegionError
from botocore.regions import EndpointResolver
from botocore.session import Session

from datadog_checks.amazon_ses.aws.sessions import LOADER
from datadog_checks.amazon_ses.configuration.network import FIPS_REGIONS
from datadog_checks.amazon_ses.configuration.sign_in import ROLE, SignIn

PREFIX = 'email'
"""How endpoints of SES begin, and what the SDK's list of them calls it."""

HOMES = {'aws': 'us-east-1', 'aws-us-gov': 'us-gov-west-1'}
"""Regions that are enabled for every account of their partition."""


class Known(NamedTuple):
    """The Regions of one partition, sorted, and the one whose STS endpoint to sign in at.

    Both are empty where the SDK knows no SES; only a home that the environment names is there all the same.
    """

    names: tuple[str, ...]
    home: str


def known(sign_in: SignIn, use_fips: bool) -> Known:
    """The Regions with SES in the partition of the last role, else in that of the default Region, else in `aws`.

    With `use_fips` only those that have FIPS endpoints. Home is the default Region where it is one of the partition.
    Which Regions are enabled for the account is not known here. Raises nothing.
    """
    # Not a session's own: that looks into files of the machine, which may be broken, for what they may say of versions.
    resolver = EndpointResolver(LOADER.load_data('endpoints'))
    default = _default(sign_in.profile)
    theirs = _partition(resolver, default)
    role = ROLE.fullmatch(sign_in.roles[-1]) if sign_in.roles else None
    partition = role['partition'] if role else theirs or 'aws'
    found = sorted(resolver.get_available_endpoints(PREFIX, partition))
    names = tuple(region for region in found if region in FIPS_REGIONS or not use_fips)
    if default and theirs == partition and (default in FIPS_REGIONS or not use_fips):
        return Known(names, default)
    return Known(names, HOMES.get(partition) or next(iter(names), ''))


def _default(profile: str | None) -> str | None:
    """The Region that the environment or the profile names."""
    try:
        # The other SDKs, and what AWS puts into containers, say AWS_REGION; botocore does not look at it.
        session = Session(profile=profile, include_builtin_handlers=False)
        return os.environ.get('AWS_REGION') or session.get_config_variable('region')
    except Exception:
        # A profile that is not there, or a file that cannot be read: who signs in tells of it.
        return None


def _partition(resolver: EndpointResolver, region: str | None) -> str | None:
    try:
        return str(resolver.get_partition_for_region(region)) if region else None
    except UnknownRegionError:
        return None
