"""The saved state: the check's persistent cache, and the counter of each count.

The file is one JSON document `{version, program, cache: {key: text}, counters: [[name, tags, hostname, value, time]]}`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from standalone.model import Context, Sample

if sys.platform != 'win32':
    import fcntl

PROGRAM = 'amazon_ses standalone'
VERSION = 1
# Seconds. CloudWatch lists a series until two weeks after its last data; a counter that restarts later is an ordinary
# reset.
COUNTER_LIFETIME = 15 * 86400

MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What is raised where a file is no state."""

Cache = dict[str, str]
Counters = dict[Context, tuple[float, float]]
"""The sum of each count, and the epoch second of its last change."""


class StateError(OSError):
    """The state cannot be used or saved. The text is one line that names the file."""

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def _state_errors(action: str) -> Iterator[None]:
    """Turns an OSError into a StateError."""
    try:
        yield
    except OSError as error:
        raise StateError(f'cannot {action}: {error.strerror}') from None


def report_on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


class State:
    """The persistent cache and the counters, in memory and, with a path, on the disk after every change.

    Opening the same path again in one process returns the same state; another process is refused. Safe for threads.
    """

    _opened: dict[Path, State] = {}
    _opening = threading.Lock()

    def __init__(self) -> None:
        self.path: Path | None = None
        self._cache: Cache = {}
        self._counters: Counters = {}
        self._changing = threading.RLock()
        self._lock: IO[str] | None = None
        self._users = 0

    @classmethod
    def open(cls, path: Path, report: Callable[[str], None] = report_on_stderr) -> State:
        """Returns the state in the file `path`, which need not exist yet.

        A file that is no such state is moved to `<path>.corrupt`, and one line about it goes to `report`.
        Raises StateError when another process uses the file, or it cannot be read or written.
        """
        # Of a symbolic link the target is replaced, not the link.
        path = Path(os.path.realpath(path))
        with cls._opening:
            state = cls._opened.get(path)
            if state is None:
                state = cls()
                state.path = path
                state._lock = _lock(path)
                try:
                    state._load(path, report)
                    state._save(state._cache, state._counters)
                except BaseException:
                    _release(state._lock)
                    raise
                cls._opened[path] = state
            state._users += 1
            return state

    @classmethod
    def snapshot(cls, path: Path) -> State:
        """Returns a copy in memory of the state in the file `path`, which may be in use and is never written.

        Raises StateError where the file is no such state, or cannot be read.
        """
        state = cls()
        with _state_errors(f'read the state file {path}'):
            content = path.read_bytes() if path.exists() else b''
        try:
            state._cache, state._counters = _parse(json.loads(content.decode('utf-8'))) if content else ({}, {})
        except MALFORMED:
            raise StateError(f'the state file {path} is not a state of this program') from None
        return state

    def close(self) -> None:
        """Releases the file after as many calls as `open` had."""
        with self._opening:
            self._users -= 1
            if self._users == 0 and self.path is not None:
                self._opened.pop(self.path, None)
                _release(self._lock)

    def read(self, key: str) -> str:
        """Returns the cached text, '' where there is none."""
        return self._cache.get(key, '')

    def write(self, key: str, value: str) -> None:
        """Caches a text; it is on the disk when this returns. After a StateError nothing has changed."""
        with self._changing:
            changed = {**self._cache, key: value}
            self._save(changed, self._counters)
            self._cache = changed

    def add_counts(self, samples: Iterable[Sample], now: float) -> None:
        """Adds the counts among `samples`, submitted at epoch second `now`, to their counters. Raises StateError."""
        counts = [sample for sample in samples if sample.type == 'count']
        if not counts:
            return
        with self._changing:
            changed = {
                context: counter for context, counter in self._counters.items() if now - counter[1] <= COUNTER_LIFETIME
            }
            for sample in counts:
                context = Context.from_submission(sample)
                changed[context] = (changed.get(context, (0.0, now))[0] + sample.value, now)
            self._save(self._cache, changed)
            self._counters = changed

    @property
    def counters(self) -> dict[Context, float]:
        """The sum of each count since the state was created."""
        return {context: value for context, (value, _) in self._counters.items()}

    def _load(self, path: Path, report: Callable[[str], None]) -> None:
        with _state_errors(f'read the state file {path}'):
            if not path.exists():
                return
            content = path.read_bytes()
        try:
            self._cache, self._counters = _parse(json.loads(content.decode('utf-8')))
        except MALFORMED:
            moved = path.with_name(path.name + '.corrupt')
            with _state_errors(f'move the unreadable state file {path}'):
                os.replace(path, moved)
            report(f'The state file {path} is not a state of this program: moved to {moved}, starting anew')

    def _save(self, cache: Cache, counters: Counters) -> None:
        if self.path is None:
            return
        rows = [[*context, *counter] for context, counter in counters.items()]
        document = {'program': PROGRAM, 'version': VERSION, 'cache': cache, 'counters': rows}
        with _state_errors(f'write the state file {self.path}'):
            _replace(self.path, json.dumps(document, separators=(',', ':')).encode('utf-8'))


def _parse(document: Any) -> tuple[Cache, Counters]:
    if document['program'] != PROGRAM or document['version'] != VERSION:
        raise ValueError('foreign')
    cache = document['cache']
    if not all(isinstance(text, str) for text in cache.values()):
        raise ValueError('cache')
    counters = {}
    for name, tags, hostname, value, updated in document['counters']:
        counters[Context(str(name), tuple(map(str, tags)), str(hostname))] = (float(value), float(updated))
    return dict(cache), counters


def _replace(path: Path, content: bytes) -> None:
    """Replaces the file. Whenever the machine stops, the old content or the new is there in full."""
    temporary = path.with_name(path.name + '.tmp')
    # An earlier file is removed first, so that the new file has the mode below.
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if hasattr(os, 'O_DIRECTORY'):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock(path: Path) -> IO[str] | None:
    """Locks `<path>.lock`, because the file itself is replaced at every change. Windows has no such lock."""
    if sys.platform == 'win32':
        return None
    lock = path.with_name(path.name + '.lock')
    with _state_errors(f'use the state file {path}: {lock}'):
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), 'r+')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = file.read(20).strip()
        file.close()
        raise StateError(f'the state file {path} is in use by another process ({owner or "unknown"})') from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _release(lock: IO[str] | None) -> None:
    if lock is not None:
        lock.close()
