"""Quiet Regions: with `regions: all`, CloudWatch is not asked where nothing is sent and no series is listed.

Regions that are not enabled for the account are left out in `scope.py`.
"""

from __future__ import annotations

from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.collectors.account import ACCOUNT, QUOTA_V1, SENT_24_HOUR
from datadog_checks.amazon_ses.model import Sample
from datadog_checks.amazon_ses.sources import DISCOVERY, Sources


def is_quiet(inventory: Inventory, sources: Sources, collect: frozenset[str]) -> bool | None:
    """Whether a Region is quiet: nothing sent in a day and no series listed. None before the first answers.

    If an answer that decides it failed, the Region counts as active.
    """
    if inventory.metrics:
        return False
    quotas = [source for name in (ACCOUNT.name, QUOTA_V1.name) if (source := sources.get(name)) is not None]
    sent = [
        reading.value
        for source in quotas
        for reading in source.readings
        if isinstance(reading, Sample) and reading.metric is SENT_24_HOUR
    ]
    if any(sent):
        return False
    listing = sources.get(DISCOVERY)
    if (listing is not None and listing.failures) or (not sent and any(source.failures for source in quotas)):
        return False
    judged = inventory.full_at is not None and (bool(sent) or ACCOUNT.name not in collect)
    return True if judged else None
