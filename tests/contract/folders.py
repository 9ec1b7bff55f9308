"""The folders with Python sources, and what is in them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ('datadog_checks', 'standalone', 'simulator', 'demo', 'benchmarks', 'tools', 'tests')


def python_files(folder: str) -> Iterator[Path]:
    """The Python files below a folder of the checkout, without the generated config models."""
    for path in sorted((ROOT / folder).rglob('*.py')):
        if 'config_models' not in path.parts or path.name == 'validators.py':
            yield path


def tracked_files() -> list[str]:
    """The paths of the checkout's files, committed or not, but not ignored; without git, of all files that could be."""
    if (ROOT / '.git').exists():
        command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z']
        paths = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split('\0')
    else:
        paths = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob('*')]
        paths = [path for path in paths if not path.startswith(('.', 'build/', 'dist/'))]
    return [path for path in paths if path and (ROOT / path).is_file()]
