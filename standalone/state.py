"""What outlives a process: the check's persistent cache, and how far each count has come.

The file is one JSON document `{version, program, cache: {key: text}, counters: [[name, tags, hostname, value, time]]}`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from standalone.model import Context, Sample

try:
    import fcntl
except ImportError:  # Windows: two processes on one file are not found out there
    fcntl = None

PROGRAM = 'amazon_ses standalone'
VERSION = 1
# CloudWatch forgets a quiet series after two weeks. A counter that starts anew after that is an ordinary reset.
COUNTER_LIFETIME = 15 * 86400


class StateError(OSError):
    """The state cannot be used or saved. The text is one line that names the file."""

    def __str__(self) -> str:
        return str(self.args[0])


def report_on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


class State:
    """The persistent cache and the counters, in memory and, with a path, on the disk after every change.

    Opening the same path again in one process gives the same state; another process is refused. Safe for threads.
    """

    _opened: dict[Path, State] = {}
    _opening = threading.Lock()

    def __init__(self) -> None:
        self.path: Path | None = None
        self._cache: dict[str, str] = {}
        self._counters: dict[Context, tuple[float, float]] = {}
        self._changing = threading.RLock()
        self._claim: IO[str] | None = None
        self._users = 1

    @classmethod
    def open(cls, path: Path, report: Callable[[str], None] = report_on_stderr) -> State:
        """Returns the state kept in `path`, which need not exist yet.

        A file that is not such a state is moved aside to `<path>.corrupt`, and one line about it goes to `report`.
        Raises StateError when another process has the file, or it cannot be read or written.
        """
        # A link stays a link: it is its target that is replaced.
        path = Path(os.path.realpath(path))
        with cls._opening:
            known = cls._opened.get(path)
            if known is not None:
                known._users += 1
                return known
            state = cls()
            state.path = path
            state._claim = _claim(path)
            try:
                state._load(report)
                state._save(state._cache, state._counters)
            except BaseException:
                _release(state._claim)
                raise
            cls._opened[path] = state
            return state

    def close(self) -> None:
        """Gives the file free once everybody who opened it has closed it."""
        with self._opening:
            self._users -= 1
            if self._users == 0 and self.path is not None:
                self._opened.pop(self.path, None)
                _release(self._claim)
                self._claim = None

    def read(self, key: str) -> str:
        """Returns the cached text, '' where there is none."""
        return self._cache.get(key, '')

    def write(self, key: str, value: str) -> None:
        """Caches a text; it is on the disk when this returns. Raises StateError, and then nothing has changed."""
        with self._changing:
            changed = {**self._cache, key: value}
            self._save(changed, self._counters)
            self._cache = changed

    def add_counts(self, samples: Iterable[Sample], now: float) -> None:
        """Adds the counts among `samples`, handed over at epoch second `now`, to their counters. Raises StateError."""
        counts = [sample for sample in samples if sample.type == 'count']
        if not counts:
            return
        with self._changing:
            changed = {
                context: (value, updated)
                for context, (value, updated) in self._counters.items()
                if now - updated <= COUNTER_LIFETIME
            }
            for sample in counts:
                context = Context.of(sample)
                value, _ = changed.get(context, (0.0, now))
                changed[context] = (value + sample.value, now)
            self._save(self._cache, changed)
            self._counters = changed

    @property
    def counters(self) -> dict[Context, float]:
        """How far each count has come since the state was begun."""
        return {context: value for context, (value, _) in self._counters.items()}

    def _load(self, report: Callable[[str], None]) -> None:
        assert self.path is not None
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f'cannot read the state file {self.path}: {error.strerror}') from None
        try:
            self._cache, self._counters = _parse(json.loads(text.decode('utf-8')))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            aside = self.path.with_name(self.path.name + '.corrupt')
            try:
                os.replace(self.path, aside)
            except OSError as error:
                raise StateError(f'cannot move the unreadable state file {self.path}: {error.strerror}') from None
            report(f'The state file {self.path} is not a state of this program: moved to {aside}, starting anew')

    def _save(self, cache: dict[str, str], counters: dict[Context, tuple[float, float]]) -> None:
        if self.path is None:
            return
        document = {
            'program': PROGRAM,
            'version': VERSION,
            'cache': cache,
            'counters': [[*context, *counter] for context, counter in counters.items()],
        }
        try:
            _replace(self.path, json.dumps(document, separators=(',', ':')).encode('utf-8'))
        except OSError as error:
            raise StateError(f'cannot write the state file {self.path}: {error.strerror}') from None


def _parse(document: Any) -> tuple[dict[str, str], dict[Context, tuple[float, float]]]:
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
    """Puts `content` in the place of the file: whenever the machine stops, the old or the new one is there whole."""
    beside = path.with_name(path.name + '.tmp')
    # Removed first, so that the mode below holds whatever was left there.
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    if hasattr(os, 'O_DIRECTORY'):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _claim(path: Path) -> IO[str] | None:
    """Locks `<path>.lock`, because the file itself is replaced at every change."""
    if fcntl is None:
        return None
    lock = path.with_name(path.name + '.lock')
    try:
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), 'r+')
    except OSError as error:
        raise StateError(f'cannot use the state file {path}: {lock}: {error.strerror}') from None
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


def _release(claim: IO[str] | None) -> None:
    if claim is not None:
        claim.close()
