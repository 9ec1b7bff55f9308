"""The registry of API sources (collectors), and the words of the option `collect`."""

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
"""The words of the option `collect`: the account, the CloudWatch sources, the other API sources."""
