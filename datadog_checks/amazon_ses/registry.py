"""The API sources there are, in the order in which a run asks them."""

from __future__ import annotations

from datadog_checks.amazon_ses.collectors.account import ACCOUNT, QUOTA_V1, SENDING_V1
from datadog_checks.amazon_ses.collectors.send_statistics import SEND_STATISTICS

COLLECTORS = (ACCOUNT, QUOTA_V1, SENDING_V1, SEND_STATISTICS)
