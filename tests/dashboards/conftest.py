from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.boards import recording
from tools.boards.evaluate import Recording
from tools.boards.files import DASHBOARDS, TEMPLATES
from tools.boards.plays import PLAYS

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = (recording.DEMO, *PLAYS)


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
    """What the real check handed over in the run of `make demo` and in each play. Each runs in a process of its own,
    because a test process has the stubs of the base package in place of the standalone host."""
    folder = tmp_path_factory.mktemp('recordings')
    running = {name: recording.begin(name, folder / f'{name}.json') for name in RECORDINGS}
    return {name: recording.finish(process, folder / f'{name}.json') for name, process in running.items()}
