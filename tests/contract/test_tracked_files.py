from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

# Split, so that this file does not find itself.
FOLDERS = ('root', 'work', 'home', 'Users')
PATHS = re.compile(rf'(?<![\w.}}~-])/(?:{"|".join(FOLDERS)})/[\w.]|/tm' r'p/w/')
REGISTRIES = re.compile('pyp' 'i[.-]|index' '-url|pip' r'\.conf')


def tracked(root: Path) -> Iterator[tuple[str, str]]:
    if (root / '.git').exists():
        command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z']
        names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split('\0')
    else:
        hidden = ('.venv', 'build', 'dist', '.hypothesis')
        names = [
            str(path.relative_to(root)) for path in root.rglob('*') if path.relative_to(root).parts[0] not in hidden
        ]
    for name in names:
        if name and (root / name).is_file():
            try:
                yield name, (root / name).read_text(encoding='utf-8')
            except UnicodeDecodeError:
                continue


def test_no_file_names_a_machine(root: Path) -> None:
    """No file names a folder of somebody's machine or a package registry."""
    found = [
        f'{name}: {match.group()}'
        for name, text in tracked(root)
        for match in (PATHS.search(text), REGISTRIES.search(text))
        if match
    ]
    assert found == []
