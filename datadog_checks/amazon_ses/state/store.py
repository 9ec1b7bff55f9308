"""Progress kept in the Agent's cache: read once for each account and Region, saved before anything is handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from logging import Logger, LoggerAdapter

from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state import encoding
from datadog_checks.amazon_ses.state.document import from_document, lasting, to_document

HANDED_OVER = 'handed_over'


class Memory:
    """The progress of every account and Region of one instance, over restarts.

    `read` and `write` are the Agent's cache. `ledger` is the name of the option, which keeps two counters apart.
    """

    def __init__(
        self,
        read: Callable[[str], str],
        write: Callable[[str, str], None],
        ledger: str,
        log: Logger | LoggerAdapter[Logger],
    ) -> None:
        self._read = read
        self._write = write
        self._ledger = ledger
        self._log = log
        self._progress: dict[Target, Progress] = {}
        self._sequence: dict[Target, int] = {}
        self._noted: dict[Target, int] = {}

    def recall(self, target: Target) -> Progress:
        """The progress of an account in a Region: what this process knows, else what was saved, else a new one."""
        if target not in self._progress:
            self._progress[target] = self._load(target)
        return self._progress[target]

    def keep(self, target: Target, progress: Progress) -> bool:
        """Keep the progress, and save what outlives a restart if it changed. False where that could not be saved.

        Then the ledger stays as it was, and nothing that the new one booked may be handed over: after a restart it
        would be counted again.
        """
        before, self._progress[target] = self._progress[target], progress
        if lasting(before) == lasting(progress):
            return True
        sequence = self._sequence[target] + 1
        key = self._key(target, str(encoding.slot(sequence)))
        try:
            text = encoding.pack(to_document(progress), sequence)
            self._write(key, text)
            # The Agent does not tell of a write that failed.
            saved = self._read(key) == text
        except Exception as error:
            self._log.debug('The state could not be saved: %s', type(error).__name__)
            saved = False
        if saved:
            self._sequence[target] = sequence
        else:
            self._progress[target] = replace(progress, ledger=before.ledger)
        return saved

    def handed_over(self, target: Target) -> None:
        """Note that everything saved so far was submitted."""
        sequence = self._sequence[target]
        if self._noted.get(target) == sequence:
            return
        try:
            self._write(self._key(target, HANDED_OVER), str(sequence))
            self._noted[target] = sequence
        except Exception as error:
            # Without the note a restart goes by the slots alone, and `keep` meets the same trouble next.
            self._log.debug('The state could not be noted as submitted: %s', type(error).__name__)

    def _load(self, target: Target) -> Progress:
        slots = [self._read(self._key(target, str(slot))) for slot in range(encoding.SLOTS)]
        loaded = encoding.load(slots, self._read(self._key(target, HANDED_OVER)))
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
        return '_'.join(('progress', *target, self._ledger, part))
