"""The registry of API sources (collectors) and of sweeps, and the words of the option `collect`."""

from __future__ import annotations

from typing import Any

from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, QUOTA_V1, SENDING_V1
from datadog_checks.amazon_ses.collectors.send_statistics import SEND_STATISTICS
from datadog_checks.amazon_ses.sweeps import Sweep
from datadog_checks.amazon_ses.sweeps.configuration_sets import CONFIGURATION_SETS
from datadog_checks.amazon_ses.sweeps.dedicated_ips import DEDICATED_IPS
from datadog_checks.amazon_ses.sweeps.findings import FINDINGS
from datadog_checks.amazon_ses.sweeps.global_endpoints import GLOBAL_ENDPOINTS
from datadog_checks.amazon_ses.sweeps.identities import IDENTITIES
from datadog_checks.amazon_ses.sweeps.jobs import JOBS
from datadog_checks.amazon_ses.sweeps.receiving_rules import RECEIVING_RULES
from datadog_checks.amazon_ses.sweeps.suppression import SUPPRESSION, SUPPRESSION_SIZE
from datadog_checks.amazon_ses.sweeps.tenants import TENANTS
from datadog_checks.amazon_ses.sweeps.vdm import VDM

COLLECTORS = (ACCOUNT, QUOTA_V1, SENDING_V1, SEND_STATISTICS)
"""Every API source, in the order in which a run asks them."""

SWEEPS: tuple[Sweep[Any], ...] = (
    IDENTITIES,
    FINDINGS,
    CONFIGURATION_SETS,
    TENANTS,
    RECEIVING_RULES,
    DEDICATED_IPS,
    JOBS,
    VDM,
    GLOBAL_ENDPOINTS,
    SUPPRESSION,
    SUPPRESSION_SIZE,
)
"""Every sweep."""

SOURCE_NAMES = (
    ACCOUNT.name,
    families.CLOUDWATCH,
    *families.SOURCES,
    *(collector.name for collector in COLLECTORS if not collector.instead_of and collector is not ACCOUNT),
    *(sweep.name for sweep in SWEEPS),
)
"""The words of the option `collect`: the account, the CloudWatch sources, the other API sources, the sweeps."""

DEFAULT_SOURCES = tuple(name for name in SOURCE_NAMES if name not in {sweep.name for sweep in SWEEPS if sweep.opt_in})
"""The words of `collect` by default."""
