"""The API sources there are."""

from __future__ import annotations

from .collectors.account import ACCOUNT

COLLECTORS = (ACCOUNT,)
