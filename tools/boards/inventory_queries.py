"""The queries of the dashboard Amazon SES Inventory."""

from __future__ import annotations

from tools.boards.limits import Limit
from tools.boards.queries import ACCOUNT, TARGET_TAGS, Family
from tools.boards.widgets import Measure, newest


def by(prefix: str, *tags: str, only: str = '') -> Family:
    """Metrics by tags. `only` is a filter, where not all series have the tags."""
    return Family(prefix, tags, f'{ACCOUNT},{only}' if only else ACCOUNT)


def by_target(prefix: str, *tags: str, only: str = '') -> Family:
    """The same by Region and account, too, so that a row says where to look."""
    return by(prefix, *tags, *reversed(TARGET_TAGS), only=only)


def total(label: str, family: Family, metric: str, limit: Limit | None = None, bar: bool = False) -> Measure:
    """The newest number of all accounts and Regions."""
    return newest(label, family.total(metric), limit, bar)
