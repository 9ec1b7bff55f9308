"""Observation: the progress of a process that does not count. It is neither read from the Agent's cache nor written."""

from __future__ import annotations

from dataclasses import replace

from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state.saving import Saving


class Observation:
    """The progress of each account and Region, in memory and without a ledger."""

    def __init__(self) -> None:
        self._progress: dict[Target, Progress] = {}

    def recall(self, target: Target) -> Progress:
        return self._progress.get(target, Progress())

    def save(self, target: Target, progress: Progress) -> Saving:
        self._progress[target] = replace(progress, ledger=None)
        return Saving.OBSERVED

    def begin(self, target: Target, progress: Progress) -> None:
        """Observe from here on, unless this has begun."""
        self._progress.setdefault(target, replace(progress, ledger=None))

    def forget(self, target: Target) -> None:
        """End the observation: the store goes on with it."""
        self._progress.pop(target, None)
