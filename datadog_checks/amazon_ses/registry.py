"""The API sources there are, in the order in which a run asks them."""

from __future__ import annotations

from .collectors.account import ACCOUNT, QUOTA_V1, SENDING_V1
from .collectors.send_statistics import SEND_STATISTICS

COLLECTORS = (ACCOUNT, QUOTA_V1, SENDING_V1, SEND_STATISTICS)
