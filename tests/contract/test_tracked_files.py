from __future__ import annotations

import re
from collections.abc import Iterator

from folders import ROOT, tracked_files

# Each text is split, so that this file does not contain it.
FOLDERS = ('root', 'work', 'home', 'Users')
PATHS = re.compile(rf'(?<![\w.}}~-])/(?:{"|".join(FOLDERS)})/[\w.]|/tm' r'p/w/')
REGISTRIES = re.compile('pyp' 'i[.-]|index' '-url|pip' r'\.conf')


def texts() -> Iterator[tuple[str, str]]:
    """Each file that is text, with its path."""
    for path in tracked_files():
        try:
            yield path, (ROOT / path).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_machine() -> None:
    """No file names a folder of somebody's machine or a package registry."""
    matches = [
        f'{path}: {match.group()}'
        for path, text in texts()
        for match in (PATHS.search(text), REGISTRIES.search(text))
        if match
    ]
    assert matches == []
