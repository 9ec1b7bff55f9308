"""The Regions with SES that the SDK lists, and the Region whose STS endpoint signs in."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from botocore.exceptions import UnknownRegionError
from botocore.session import Session

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.sdk_logging import unlogged
from datadog_checks.amazon_ses.configuration.network import FIPS_REGIONS
from datadog_checks.amazon_ses.configuration.options import refused, suggestion
from datadog_checks.amazon_ses.configuration.sign_in import ROLE, SignIn

SIGN_IN_REGIONS = {'aws': 'us-east-1', 'aws-us-gov': 'us-gov-west-1'}
"""Regions that are enabled for every account of their partition."""


POSSIBLE_REGION = re.compile(
    r'[a-z]{2,4}(-(gov|iso[a-z]*|[a-z]{2}))?-(north|south|east|west|central|(north|south)(east|west))-[1-9]'
)
"""How AWS names its Regions: a place, a direction and a number."""


class SesRegions(NamedTuple):
    """The Regions with SES in one partition, sorted, and the Region that signs in.

    `names` is empty where the SDK lists none. `sign_in_region` is then empty as well, unless the environment names a
    default Region.
    """

    names: tuple[str, ...]
    sign_in_region: str

    def without(self, patterns: Sequence[str]) -> SesRegions:
        """Those that match none of the patterns. If the Region that signs in does, the first one signs in."""
        names = tuple(name for name in self.names if not any(fnmatchcase(name, pattern) for pattern in patterns))
        matches = any(fnmatchcase(self.sign_in_region, pattern) for pattern in patterns)
        return SesRegions(names, next(iter(names), '') if matches else self.sign_in_region)


@unlogged
def region_warnings(names: Sequence[str]) -> list[str]:
    """A warning for each Region that the SDK does not know: AWS may have new ones. Raises SettingsError for a name that
    no Region can have."""
    session = Session(include_builtin_handlers=False)
    botocore_internals.share_service_models(session)
    partitions = session.get_available_partitions()
    # STS is in every Region.
    listed = sorted(name for partition in partitions for name in session.get_available_regions('sts', partition))
    warnings = []
    for name in names:
        if name in listed:
            continue
        nearest = suggestion(get_close_matches(name, listed, 1, 0.75))
        if not POSSIBLE_REGION.fullmatch(name):
            raise refused('region', repr(name), f'the name of an AWS Region, for example us-east-1{nearest}')
        warnings.append(
            f'Region {name} is not known to this version of the SDK, which asks it all the same{nearest or "."}'
        )
    return warnings


@unlogged
def ses_regions(sign_in: SignIn, use_fips: bool) -> SesRegions:
    """The Regions in the partition of the last role, else of the default Region, else of `aws`. Raises nothing.

    With `use_fips` only Regions with FIPS endpoints. The default Region signs in where it belongs to the partition.
    Whether a Region is enabled for the account is not known here.
    """
    # Without a profile, since this session must not read the machine's files, which may be broken.
    session = Session(include_builtin_handlers=False)
    botocore_internals.share_service_models(session)
    default_region = _default_region(sign_in.profile)
    default_partition = _partition(session, default_region)
    role = ROLE.fullmatch(sign_in.roles[-1]) if sign_in.roles else None
    partition = role['partition'] if role else default_partition or 'aws'
    regions = sorted(session.get_available_regions('ses', partition))
    names = tuple(region for region in regions if region in FIPS_REGIONS or not use_fips)
    if default_region and default_partition == partition and (default_region in FIPS_REGIONS or not use_fips):
        return SesRegions(names, default_region)
    return SesRegions(names, SIGN_IN_REGIONS.get(partition) or next(iter(names), ''))


def _default_region(profile: str | None) -> str | None:
    """The Region that the environment or the profile names."""
    try:
        # The other SDKs and the containers of AWS use AWS_REGION, which botocore does not read.
        session = Session(profile=profile, include_builtin_handlers=False)
        return os.environ.get('AWS_REGION') or session.get_config_variable('region')
    except Exception:
        # A missing profile or an unreadable file is reported by the sign-in.
        return None


def _partition(session: Session, region: str | None) -> str | None:
    try:
        return str(session.get_partition_for_region(region)) if region else None
    except UnknownRegionError:
        return None
