"""The store: the Agent's cache, read once for each account and Region, and written before anything is submitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from logging import Logger, LoggerAdapter

from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state import encoding
from datadog_checks.amazon_ses.state.document import fingerprint, from_document, to_document

SUBMITTED = 'handed_over'
"""Part of the cache key of the recorded sequence number. Saved states have it, so it must not change."""


class Store:
    """The progress of every account and Region of one instance, over restarts.

    `read` and `write` are the Agent's cache. `ledger_name` is the option `ledger`, which separates two counters of the
    same account and Region.
    """

    def __init__(
        self,
        read: Callable[[str], str],
        write: Callable[[str, str], None],
        ledger_name: str,
        log: Logger | LoggerAdapter[Logger],
    ) -> None:
        self._read = read
        self._write = write
        self._ledger_name = ledger_name
        self._log = log
        self._progress: dict[Target, Progress] = {}
        self._sequence: dict[Target, int] = {}
        self._recorded: dict[Target, int] = {}

    def recall(self, target: Target) -> Progress:
        """The progress of an account in a Region: from this process, else from the cache, else a new one."""
        if target not in self._progress:
            self._progress[target] = self._load(target)
        return self._progress[target]

    def save(self, target: Target, progress: Progress) -> bool:
        """Keep the progress, and write what outlives a restart if it changed. False where that could not be written.

        Then the ledger stays as it was, and nothing that the new one booked may be submitted: after a restart it would
        be counted again.
        """
        before, self._progress[target] = self._progress[target], progress
        if fingerprint(before) == fingerprint(progress):
            return True
        sequence = self._sequence[target] + 1
        key = self._key(target, str(encoding.copy_of(sequence)))
        try:
            text = encoding.pack(to_document(progress), sequence)
            self._write(key, text)
            # The Agent does not report a write that failed.
            saved = self._read(key) == text
        except Exception as error:
            self._log.debug('The state could not be saved: %s', type(error).__name__)
            saved = False
        if saved:
            self._sequence[target] = sequence
        else:
            self._progress[target] = replace(progress, ledger=before.ledger)
        return saved

    def submitted(self, target: Target) -> None:
        """Record that everything saved so far was submitted."""
        sequence = self._sequence[target]
        if self._recorded.get(target) == sequence:
            return
        try:
            self._write(self._key(target, SUBMITTED), str(sequence))
            self._recorded[target] = sequence
        except Exception as error:
            # Without the record a restart relies on the copies alone, and the next `save` meets the same trouble.
            self._log.debug('The state could not be recorded as submitted: %s', type(error).__name__)

    def _load(self, target: Target) -> Progress:
        copies = [self._read(self._key(target, str(number))) for number in range(encoding.COPIES)]
        loaded = encoding.load(copies, self._read(self._key(target, SUBMITTED)))
        self._sequence[target] = loaded.sequence
        if loaded.damaged:
            self._log.warning('The saved state of %s in %s is damaged.', *target)
        if loaded.document is None:
            return Progress()
        try:
            progress = from_document(loaded.document)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as error:
            self._log.warning('The saved state of %s in %s is of no use: %s.', *target, type(error).__name__)
            return Progress()
        if loaded.exact or progress.ledger is None:
            return progress
        return replace(progress, ledger=replace(progress.ledger, doubtful=True))

    def _key(self, target: Target, part: str) -> str:
        # The Agent drops every character of a key but letters, digits, _ and -.
        return '_'.join(('progress', *target, self._ledger_name, part))
