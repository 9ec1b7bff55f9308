"""Notices: the warnings of a check, each said when it begins, once an hour while it goes on, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from datadog_checks.amazon_ses.cloudwatch.periods import HOUR

REPEATED_AFTER = HOUR
"""Seconds after which a warning that goes on is said again."""

OVER_AFTER = 300
"""Seconds without a warning after which it is over: one that comes and goes is said like one that goes on."""


class Notice(NamedTuple):
    """A warning: what it is about, such as a Region and an operation; its kind; and its text, which may differ in each
    run."""

    subject: str
    kind: str
    text: str


class Times(NamedTuple):
    """When a notice was last said, and when it last came."""

    said_at: float
    came_at: float


class Notices:
    """The notices that are in force."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], Times] = {}

    def due(self, notices: Iterable[Notice], now: float) -> tuple[list[str], list[str]]:
        """Of all notices of a run the texts to be said now, and the subjects of those that are over."""
        texts: dict[str, None] = {}
        times: dict[tuple[str, str], Times] = {}
        for subject, kind, text in notices:
            previous = self._times.get((subject, kind))
            if previous is None or not 0 <= now - previous.said_at < REPEATED_AFTER:
                texts[text] = None
                times[subject, kind] = Times(now, now)
            else:
                times[subject, kind] = Times(previous.said_at, now)
        for key, previous in self._times.items():
            if key not in times and 0 <= now - previous.came_at < OVER_AFTER:
                times[key] = previous
        subjects = {subject for subject, _ in times}
        over = dict.fromkeys(subject for subject, _ in self._times if subject not in subjects)
        self._times = times
        return list(texts), list(over)
