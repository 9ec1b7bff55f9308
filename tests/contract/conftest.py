from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture(scope='session')
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that a build leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp('copied')
    for name in ('pyproject.toml', 'hatch.toml', 'setup.py', 'README.md', 'LICENSE', 'CHANGELOG.md', 'manifest.json'):
        shutil.copy(ROOT / name, copy / name)
    shutil.copy(ROOT / 'metadata.csv', copy / 'metadata.csv')
    for name in ('datadog_checks', 'assets', 'images'):
        shutil.copytree(ROOT / name, copy / name)
    return copy
