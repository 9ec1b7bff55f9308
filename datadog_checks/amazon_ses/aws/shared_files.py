"""The shared files of AWS: whether they were edited since credentials were loaded from them.

Keys that are still valid are never refused, so without this an edited profile would have no effect until a restart.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

FILES = ('credentials_file', 'config_file')
"""The configuration variables of botocore that name the files."""

Version = tuple[tuple[int, int, int] | None, ...]
"""Time, size and number of each file. None where there is none."""


class SharedFiles:
    """The shared files that a session reads."""

    def __init__(self, new_session: Callable[[], Any]) -> None:
        self._new_session = new_session
        self._paths: list[str] | None = None

    def version(self) -> Version:
        """What changes when a file is edited, replaced, made or removed."""
        if self._paths is None:
            session = self._new_session()
            names = (session.get_config_variable(name) for name in FILES)
            self._paths = [os.path.expanduser(name) for name in names if name]
        return tuple(map(_version, self._paths))


def _version(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
