from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datadog_checks.amazon_ses.model import PREFIX
from tools.boards import files, queries
from tools.boards.monitors import MONITORS

# On two lines: on a single line, Datadog's validator of imports takes it for a legacy import.
LOADED = """
import sys, tools.boards.files
print(any(name.startswith('datadog_checks') for name in sys.modules))
"""


@pytest.mark.parametrize('name', files.FILES)
def test_file_is_what_its_description_says(root: Path, name: str) -> None:
    """Each dashboard and monitor is rendered from its present description: else run `make sync`."""
    assert (root / name).read_text(encoding='utf-8') == files.FILES[name]()


@pytest.mark.parametrize('folder', ['assets/dashboards', 'assets/monitors'])
def test_the_folders_hold_no_other_files(root: Path, folder: str) -> None:
    """The folders hold the rendered files and no other."""
    assert {f'{folder}/{path.name}' for path in (root / folder).iterdir()} == {
        name for name in files.FILES if name.startswith(f'{folder}/')
    }


def test_rendering_is_stable() -> None:
    """A file is rendered in the same way each time, ids included."""
    assert [render() for render in files.FILES.values()] == [render() for render in files.FILES.values()]


@pytest.mark.parametrize('kind', ['dashboards', 'monitors'])
def test_the_manifest_lists_all_assets(root: Path, kind: str) -> None:
    """The manifest names each dashboard and monitor, under the name that must never change, and nothing else."""
    listed = json.loads((root / 'manifest.json').read_text(encoding='utf-8'))['assets'].get(kind, {})
    assert listed == files.manifest_assets()[kind]


def test_rendering_does_not_need_the_check(root: Path) -> None:
    """Dashboards and monitors can be rendered while the check cannot be imported, and both have the same prefix."""
    loaded = subprocess.run([sys.executable, '-c', LOADED], cwd=root, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == 'False'
    assert queries.PREFIX == PREFIX


def test_tables_of_readme_show_the_thresholds() -> None:
    """The table for README.md has one line for each monitor, with its thresholds and no cell that breaks the table."""
    lines = files.monitors_table().splitlines()[2:]
    assert len(lines) == len(MONITORS)
    for line, monitor in zip(lines, MONITORS, strict=True):
        assert line.startswith(f'| {monitor.title} |') and line.count('|') == 8
        assert f'{monitor.limit.critical:g}' in line
    assert files.dashboards_table().count('\n') == 2 + len(files.DASHBOARDS)
    assert all(table().isascii() for table in files.TABLES.values())
