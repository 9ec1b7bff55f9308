from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.boards import recording
from tools.boards.files import DASHBOARDS, TEMPLATES
from tools.boards.plays import PLAYS
from tools.boards.queries import PREFIX
from tools.boards.recording import Recording
from tools.boards.syntax import SHIFTS

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4
"""Processes that record plays. Each play in a process of its own would cost half as much again."""


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
    """Recordings of the real check in the run of `make demo` and in each play, and what is made of them: recorded once
    for all workers of a test run.

    They come from other processes, because a test process has the stubs of the base package in place of the standalone
    host.
    """
    folder = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        folder = folder.parent
    folder = folder / 'recordings'
    folder.mkdir(exist_ok=True)
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / 'complete').exists():
            _record(folder)
            (folder / 'complete').touch()
    recorded = {name: recording.read(folder / name) for name in ('demo', *PLAYS)}
    return {
        **recorded,
        'two_agents': two_agents(recorded['quiet']),
        'a_week_later': a_week_later(recorded['quiet'], recorded['stolen']),
        'a_quiet_week_later': a_week_later(recorded['quiet'], recorded['quiet']),
        'clean_addresses': recorded['addresses'].between(
            recorded['addresses'].start - 1, recorded['quiet'].start + 6 * 3600
        ),
    }


def _record(folder: Path) -> None:
    commands = [
        ('demo.record', str(folder / 'demo')),
        *(('tools.boards.record', str(folder), *list(PLAYS)[number::PROCESSES]) for number in range(PROCESSES)),
    ]
    processes = [
        subprocess.Popen([sys.executable, '-m', *command], cwd=ROOT, stderr=subprocess.PIPE) for command in commands
    ]
    for process, command in zip(processes, commands, strict=True):
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, f'{command} failed: {errors.decode()}'


def two_agents(recording: Recording) -> Recording:
    """A recording in which three hours are covered by two Agents that run each minute; one runs in all other hours."""
    covered, first, last = f'{PREFIX}collector.covered_seconds', *(recording.start + hour * 3600 for hour in (3, 6))
    series = {
        key: [(at, 600.0 if first < at <= last else 300.0) for at, _ in points] if key[0] == covered else points
        for key, points in recording.series.items()
    }
    return replace(recording, series=series)


def a_week_later(before: Recording, after: Recording) -> Recording:
    """A recording, and one that was made a week before it."""
    earlier = {
        key: [(at - SHIFTS['week_before'], value) for at, value in points] for key, points in before.series.items()
    }
    both = {key: [*earlier.get(key, ()), *after.series.get(key, ())] for key in {**earlier, **after.series}}
    return replace(after, series=both)
