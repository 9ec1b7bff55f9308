"""Notices: the warnings of a check, each said when it begins, once an hour, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.periods import HOUR

REPEATED_AFTER = HOUR
"""Seconds after which a warning that goes on is said again."""


class Notice(NamedTuple):
    """A warning: what it is about, such as a Region and an operation; its kind; and its text, which may differ in each
    run."""

    subject: str
    kind: str
    text: str


class Notices:
    """The notices that are in force, and when each was said."""

    def __init__(self) -> None:
        self._said_at: dict[tuple[str, str], float] = {}

    def due(self, notices: Iterable[Notice], now: float) -> tuple[list[str], list[str]]:
        """Of all notices of a run the texts to be said now, and the subjects of those that are over."""
        texts: dict[str, None] = {}
        said_at: dict[tuple[str, str], float] = {}
        for subject, kind, text in notices:
            at = self._said_at.get((subject, kind))
            if at is None or not 0 <= now - at < REPEATED_AFTER:
                texts[text] = None
                at = now
            said_at[subject, kind] = at
        subjects = {subject for subject, _ in said_at}
        over = dict.fromkeys(subject for subject, _ in self._said_at if subject not in subjects)
        self._said_at = said_at
        return list(texts), list(over)
