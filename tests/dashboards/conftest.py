from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.boards import recording
from tools.boards.files import DASHBOARDS, TEMPLATES
from tools.boards.plays import PLAYS
from tools.boards.recording import Recording

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {'demo': ('demo.record',), **{name: ('tools.boards.record', name) for name in PLAYS}}


def loaded(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding='utf-8'))


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def boards() -> dict[str, Any]:
    """The dashboards as they are shipped, by title."""
    return {board.title: loaded(path) for path, board in DASHBOARDS.items()}


@pytest.fixture
def templates() -> dict[str, Any]:
    """The monitors as they are shipped, by key."""
    return {monitor.key: loaded(path) for path, monitor in TEMPLATES.items()}


@pytest.fixture(scope='session')
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Recording]:
    """Recordings of the real check in the run of `make demo` and in each play, made once for all workers of a test run.

    Each runs in a process of its own, because a test process has the stubs of the base package in place of the
    standalone host.
    """
    folder = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        folder = folder.parent
    with (folder / 'recordings.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = {name: command for name, command in COMMANDS.items() if not (folder / f'{name}.recording').exists()}
        _record(missing, folder)
    return {name: recording.read(folder / f'{name}.recording') for name in COMMANDS}


def _record(commands: Mapping[str, tuple[str, ...]], folder: Path) -> None:
    """Make recordings. A worker that fails leaves the others those that it made."""
    processes = {
        name: subprocess.Popen([sys.executable, '-m', *command, str(folder / name)], cwd=ROOT, stderr=subprocess.PIPE)
        for name, command in commands.items()
    }
    for name, process in processes.items():
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, f'{name} was not recorded: {errors.decode()}'
        (folder / name).rename(folder / f'{name}.recording')
