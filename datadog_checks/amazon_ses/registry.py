"""The API sources, and the words by which the option `collect` names a source."""

from __future__ import annotations

from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, QUOTA_V1, SENDING_V1
from datadog_checks.amazon_ses.collectors.send_statistics import SEND_STATISTICS

COLLECTORS = (ACCOUNT, QUOTA_V1, SENDING_V1, SEND_STATISTICS)
"""Every API source, in the order in which a run asks them."""

SOURCE_NAMES = (
    ACCOUNT.name,
    families.CLOUDWATCH,
    *families.SOURCES,
    *(collector.name for collector in COLLECTORS if not collector.instead_of and collector is not ACCOUNT),
)
"""The words of the option `collect`: the account, the sources of CloudWatch, the other API sources."""
