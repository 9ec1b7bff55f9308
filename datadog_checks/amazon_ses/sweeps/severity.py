"""Severity: how bad what is wrong with an identity or a configuration set is."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """How bad a problem is: mail is refused, mail or feedback suffers, or it could be better."""

    GOOD = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3
