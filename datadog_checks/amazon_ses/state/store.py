"""The store: the Agent's cache, read once for each account and Region, and written before anything is submitted.

The cache has no lock, and another process may use the same files: a second Agent, or the one that this one replaces. So
a process leaves its mark before it writes, and looks for the mark of another one at the start of each run and right
before each write. Where it finds one, its own progress is out of date: nothing of the run is submitted, and the next
run goes on from what the other process saved. What this process submitted last must be in there. Where it is not, both
wrote at the same time: counting goes on at the next boundary, and the periods in doubt are reported. A process that
was disturbed leaves a note with these periods, because it may never run again, and renews its mark, so that the other
one reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from logging import Logger, LoggerAdapter
from secrets import token_hex

from datadog_checks.amazon_ses.cloudwatch.ledger import ANOTHER_WRITER, STATE_LOST, Ledger, in_doubt
from datadog_checks.amazon_ses.leases import Lease, Leases
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress, with_readings
from datadog_checks.amazon_ses.state import encoding
from datadog_checks.amazon_ses.state.document import Names, fingerprint, from_document, names_in, names_of, to_document
from datadog_checks.amazon_ses.state.encoding import Loaded, Mark, PackedColumns
from datadog_checks.amazon_ses.state.inspection import Inspection
from datadog_checks.amazon_ses.state.saving import Saving

RECORDS = ('handed_over', 'handed_over_again')
"""Parts of the cache keys of the recorded sequence number. Saved states have them, so they must not change."""

MARK, NOTE = 'writer', 'in_doubt'
RAN_AT = 'ran_at'
"""Parts of the cache keys of the writer's mark, of the note, and of the time of the last run of an isolated process."""


DAMAGES = (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration)
"""What `from_document` raises where a document is of no use."""


class Unreadable(Exception):
    """A cache entry that exists and cannot be read. `key` names it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(slots=True)
class Checkpoint:
    """The progress of one account and Region, and how it was saved.

    `sequence` is the number of the document that holds it, `next_sequence` that of the next one, `copy` its place.
    `saved_as` is the fingerprint of what was saved, None where the progress must be written anyhow. `marks` are the
    texts that the mark may have while no other process has written. `unfinished` is the text of the copy that another
    process may still be writing, or None. `recorded` is the sequence number of the records, None where they lack it.
    `note` is the note that the progress takes into account. `doubtful` says that the document in the cache does not yet
    say what is in doubt. `open_from` is the boundary from which on the newest document that was written here added
    amounts, None where it added none. `names` and `columns` are parts of the newest document that was written here.
    """

    progress: Progress
    saved_as: tuple[object, ...] | None
    sequence: int
    next_sequence: int
    copy: int
    writers: dict[str, int]
    marks: tuple[str, ...]
    unfinished: str | None
    recorded: int | None
    note: str
    doubtful: bool
    open_from: int | None = None
    names: Names = field(default_factory=Names)
    columns: PackedColumns = field(default_factory=PackedColumns)


class Store:
    """The progress of every account and Region of one instance, over restarts.

    `read` and `write` are the Agent's cache. `ledger_name` is the option `ledger`, which separates two counters of the
    same account and Region. `leases` are those of this process.
    """

    def __init__(
        self,
        read: Callable[[str], str | None],
        write: Callable[[str, str], None],
        ledger_name: str,
        leases: Leases,
        log: Logger | LoggerAdapter[Logger],
    ) -> None:
        self._read_cache = read
        self._write_cache = write
        self._ledger_name = ledger_name
        self._leases = leases
        self._log = log
        self._token = token_hex(6)
        self._closed = False
        self._checkpoints: dict[Target, Checkpoint] = {}
        self._own_sequence: dict[Target, int] = {}

    def close(self) -> None:
        """Write nothing more. Does not wait for a write that is under way."""
        self._closed = True

    def open(self, target: Target, observed: Progress) -> Progress:
        """The progress at the start of a run: that of this process, or that of the cache with the readings of
        `observed` where this process has none, or where another one has written. Raises Unreadable."""
        checkpoint = self._checkpoints.get(target)
        if checkpoint is None or self._is_overtaken(target, checkpoint):
            self._checkpoints[target] = self._load(target, checkpoint, observed)
        return self.recall(target)

    def recall(self, target: Target) -> Progress:
        """The progress of this process."""
        checkpoint = self._checkpoints.get(target)
        return checkpoint.progress if checkpoint else Progress()

    def save(self, target: Target, progress: Progress) -> Saving:
        """Keep the progress, and write what outlives a restart if it changed.

        Where it is not saved the ledger stays as it was, and nothing that the new one booked may be submitted: it would
        be counted again.
        """
        checkpoint = self._checkpoints[target]
        before, checkpoint.progress = checkpoint.progress, progress
        identity = fingerprint(progress)
        if identity == checkpoint.saved_as:
            return Saving.SAVED
        sequence = checkpoint.next_sequence
        try:
            writers = encoding.with_writer(checkpoint.writers, self._token, sequence)
            checkpoint.names = names_of(progress, checkpoint.names)
            document = encoding.signed(to_document(progress, checkpoint.names), writers, checkpoint.note)
            text = encoding.pack(document, sequence, checkpoint.columns)
            with self._leases.saving(Lease(*target, self._ledger_name)):
                saving = self._write_document(target, checkpoint, sequence, text)
                checkpoint.open_from = _open_from(before.ledger)
                if saving is Saving.OVERTAKEN:
                    self._dispute(target, checkpoint)
        except Exception as error:
            self._log.debug('The state could not be saved: %s', type(error).__name__)
            saving = Saving.REFUSED
        if saving is Saving.SAVED:
            mark = str(Mark(self._token, sequence, checkpoint.sequence))
            checkpoint.saved_as, checkpoint.sequence, checkpoint.next_sequence = identity, sequence, sequence + 1
            checkpoint.copy, checkpoint.writers = 1 - checkpoint.copy, writers
            checkpoint.marks, checkpoint.unfinished, checkpoint.doubtful = (mark,), None, False
            self._own_sequence[target] = sequence
        else:
            standing = progress.standing if saving is Saving.REFUSED else before.standing
            sweeps = progress.sweeps if saving is Saving.REFUSED else before.sweeps
            events = replace(progress.events, memory=before.events.memory)
            checkpoint.progress = replace(
                progress, ledger=before.ledger, standing=standing, sweeps=sweeps, events=events
            )
        return saving

    def submitted(self, target: Target) -> None:
        """Record that everything saved so far was submitted."""
        checkpoint = self._checkpoints[target]
        if checkpoint.doubtful or checkpoint.recorded == checkpoint.sequence:
            return
        try:
            self._record(target, checkpoint)
            mark = self._read(target, MARK)
            if mark not in checkpoint.marks and Mark.parse(mark).base < self._own_sequence.get(target, 0):
                # Another process writes at the same time, and does not go on from what was submitted here.
                checkpoint.doubtful = True
                self._dispute(target, checkpoint)
        except Exception as error:
            # Without the record a restart is in doubt, and the next `save` meets the same trouble.
            self._log.debug('The state could not be recorded as submitted: %s', type(error).__name__)

    def seconds_since_last_run(self, target: Target, now: float) -> float:
        """Seconds since the run before, by the cache, for a process that was made for one run. 0 in the first run."""
        try:
            ran_at = self._read(target, RAN_AT)
            self._write_cache(self._key(target, RAN_AT), str(now))
            return max(0.0, now - float(ran_at)) if ran_at else 0.0
        except Exception as error:
            self._log.debug('The time of the last run is not known: %s', type(error).__name__)
            return 0.0

    def inspect(self, target: Target) -> Inspection:
        """What is saved. Nothing is written, and nothing of this process changes."""
        try:
            copies = [self._read(target, str(number)) for number in range(encoding.COPIES)]
            loaded = encoding.load(copies, self._records(target))
            writer, note = Mark.parse(self._read(target, MARK)).token, self._read(target, NOTE)
        except Unreadable as error:
            return Inspection(unreadable=error.key)
        document, is_damaged = loaded.document, loaded.damaged
        progress = Progress()
        try:
            progress = from_document(document) if document else progress
        except DAMAGES:
            document, is_damaged = None, True
        versions = (encoding.version_of(text) for text in copies)
        return Inspection(
            loaded.sequence if document else 0,
            is_damaged,
            tuple(version for version in versions if version is not None),
            note not in ('', loaded.note),
            writer == self._token if target in self._own_sequence else None,
            progress.ledger.read_at if progress.ledger else None,
        )

    def _write_document(self, target: Target, checkpoint: Checkpoint, sequence: int, text: str) -> Saving:
        if self._closed:
            return Saving.CANCELLED
        if self._is_overtaken(target, checkpoint):
            return Saving.OVERTAKEN
        if not checkpoint.doubtful and checkpoint.recorded != checkpoint.sequence:
            # Without records a crash in what follows would leave the document before in doubt.
            self._record(target, checkpoint)
        mark, copy = str(Mark(self._token, sequence, checkpoint.sequence)), str(1 - checkpoint.copy)
        checkpoint.marks, checkpoint.unfinished = (checkpoint.marks[0], mark), None
        self._write_cache(self._key(target, MARK), mark)
        if not checkpoint.doubtful and encoding.submitted(self._records(target)) > checkpoint.sequence:
            return Saving.OVERTAKEN
        self._write_cache(self._key(target, copy), text)
        # The Agent does not report a write that failed.
        current_mark, current = self._read(target, MARK), self._read(target, copy)
        if current_mark == mark and current == text:
            return Saving.SAVED
        replaced = encoding.load([current], ['', '']).sequence > checkpoint.sequence and current != text
        return Saving.OVERTAKEN if replaced or current_mark not in checkpoint.marks else Saving.REFUSED

    def _dispute(self, target: Target, checkpoint: Checkpoint) -> None:
        """Leave a note of what is in doubt, where this process has written something, and renew the mark."""
        since = checkpoint.open_from
        if since is None or not (checkpoint.doubtful or len(checkpoint.marks) > 1):
            return
        note = self._read(target, NOTE)
        if note and note != checkpoint.note:
            since = min(since, encoding.noted(note))
        self._write_cache(self._key(target, NOTE), encoding.note(token_hex(6), since))
        self._write_cache(self._key(target, MARK), checkpoint.marks[-1] + ' ')

    def _record(self, target: Target, checkpoint: Checkpoint) -> None:
        for part in RECORDS:
            self._write_cache(self._key(target, part), encoding.record(checkpoint.sequence))
        checkpoint.recorded = checkpoint.sequence

    def _is_overtaken(self, target: Target, checkpoint: Checkpoint) -> bool:
        """Whether another process has written since this one read or wrote."""
        if self._read(target, MARK) not in checkpoint.marks:
            return True
        unfinished = checkpoint.unfinished
        return unfinished is not None and self._read(target, str(1 - checkpoint.copy)) != unfinished

    def _load(self, target: Target, previous: Checkpoint | None, observed: Progress) -> Checkpoint:
        # The mark is read first: what is written from then on is noticed.
        mark = self._read(target, MARK)
        records = self._records(target)
        copies = [self._read(target, str(number)) for number in range(encoding.COPIES)]
        loaded = encoding.load(copies, records)
        marked = Mark.parse(mark)
        note = self._read(target, NOTE)
        overwritten = loaded.writers.get(self._token, 0) != self._own_sequence.get(target, 0)
        disputed = note not in ('', loaded.note)
        doubt = ANOTHER_WRITER if overwritten or disputed else '' if loaded.exact else STATE_LOST
        progress, names = self._progress(target, loaded)
        if previous is not None and previous.progress.ledger is not None and progress.ledger is None:
            progress, doubt = previous.progress, doubt or ANOTHER_WRITER
        progress = with_readings(progress, previous.progress if previous else observed)
        if doubt and progress.ledger is not None:
            since = [encoding.noted(note)] if disputed else []
            if overwritten and previous is not None and previous.open_from is not None:
                since.append(previous.open_from)
            progress = replace(progress, ledger=in_doubt(progress.ledger, doubt, min(since, default=None)))
        is_recorded = set(records) == {encoding.record(loaded.sequence)}
        return Checkpoint(
            progress,
            None if doubt else fingerprint(progress),
            loaded.sequence,
            max(loaded.sequence, marked.sequence) + 1,
            loaded.copy,
            loaded.writers,
            (mark,),
            copies[1 - loaded.copy] if marked.sequence > loaded.sequence else None,
            loaded.sequence if is_recorded else None,
            note or loaded.note,
            bool(doubt),
            names=names,
            columns=PackedColumns(loaded.document),
        )

    def _records(self, target: Target) -> list[str]:
        return [self._read(target, part) for part in RECORDS]

    def _progress(self, target: Target, loaded: Loaded) -> tuple[Progress, Names]:
        """The progress that is saved, and the names in its document."""
        if loaded.damaged:
            self._log.warning('The saved state of %s in %s is damaged.', *target)
        if loaded.document is None:
            return Progress(), Names()
        try:
            progress = from_document(loaded.document)
            return progress, names_in(loaded.document, progress)
        except DAMAGES as error:
            self._log.warning('The saved state of %s in %s is of no use: %s.', *target, type(error).__name__)
            return Progress(), Names()

    def _read(self, target: Target, part: str) -> str:
        """The text of a cache entry, empty where there is none. Raises Unreadable."""
        key = self._key(target, part)
        try:
            return self._read_cache(key) or ''
        except Exception as error:
            raise Unreadable(key) from error

    def _key(self, target: Target, part: str) -> str:
        # The Agent drops every character of a key but letters, digits, _ and -.
        return '_'.join(('progress', *target, self._ledger_name, part))


def _open_from(ledger: Ledger | None) -> int | None:
    """The first boundary from which on a ledger may still add amounts."""
    if ledger is None or ledger.doubt:
        return None if ledger is None else ledger.counting_from
    return max(ledger.counting_from, ledger.retained_from)
