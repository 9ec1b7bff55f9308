"""Draws the shipped pictures of the dashboards: `python -m tools.boards.pictures DEMO INVENTORY FOLDER`.

DEMO is the recorded run of `make demo`, INVENTORY the recorded play of that name. For each dashboard there is a whole
picture and its upper part in 16:9, as the manifest's media need it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tools.boards import picture, recording
from tools.boards.files import DASHBOARDS
from tools.boards.inventory import BOARD as INVENTORY
from tools.boards.monitor import render as template
from tools.boards.monitors import MONITORS
from tools.boards.widgets import render

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *(f'tools/boards/{name}.py' for name in ('evaluate', 'figures', 'pen', 'picture', 'pictures')),
    *(f'tools/boards/{name}.py' for name in ('inventory_plays', 'play')),
    *(f'demo/{name}.py' for name in ('choices', 'mishaps', 'record', 'scene', 'series')),
)
MARK = 'inputs'
SIZE_LIMIT = 1_000_000
"""Bytes."""


def names() -> Iterator[tuple[str, str]]:
    """Each whole picture and its upper part in 16:9."""
    for path in DASHBOARDS:
        yield f'{Path(path).stem}.png', f'{Path(path).stem}_top.png'


def inputs() -> str:
    """A digest of what the pictures are drawn from. Each picture carries the digest of its inputs."""
    digest = hashlib.sha256()
    for board in DASHBOARDS.values():
        digest.update(json.dumps(render(board), sort_keys=True).encode())
    for source in SOURCES:
        digest.update((ROOT / source).read_bytes())
    return digest.hexdigest()


def stale(folder: Path) -> list[str]:
    """The pictures that are missing, too large, or drawn from other inputs: then run `make pictures`."""
    return [name for pair in names() for name in pair if not _is_current(folder / name)]


def _is_current(path: Path) -> bool:
    if not path.exists() or path.stat().st_size > SIZE_LIMIT:
        return False
    with Image.open(path) as image:
        return bool(image.info.get(MARK) == inputs())


def main(demo: str, inventory: str, target: str) -> None:
    """Draw the pictures of the recordings and name the files that were written."""
    storm, owner, folder = recording.read(Path(demo)), recording.read(Path(inventory)), Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    templates = [template(monitor) for monitor in MONITORS]
    mark = PngInfo()
    mark.add_text(MARK, inputs())
    for board, (whole, top) in zip(DASHBOARDS.values(), names(), strict=True):
        run, source = (owner, 'a simulated account') if board is INVENTORY else (storm, 'a simulated bounce storm')
        picture.draw(render(board), run, templates, source, folder / whole)
        with Image.open(folder / whole) as image:
            parts = {whole: image.copy(), top: image.crop((0, 0, picture.WIDTH, picture.WIDTH * 9 // 16))}
        for name, part in parts.items():
            part.convert('RGB').save(folder / name, optimize=True, pnginfo=mark)
            print(f'wrote {folder / name}')


if __name__ == '__main__':
    main(*sys.argv[1:])
