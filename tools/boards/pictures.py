"""Draws the pictures of both dashboards over the run of `make demo`: `python -m tools.boards.pictures [FOLDER]`, by
default into `images`.

Beside each whole picture there is its upper part in 16:9, as the manifest's media need it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.boards import monitors, recording
from tools.boards.files import DASHBOARDS
from tools.boards.widgets import render

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *(f'tools/boards/{name}.py' for name in ('figures', 'picture', 'pictures', 'evaluate')),
    *(f'demo/{name}.py' for name in ('choices', 'mishaps', 'picture', 'scene', 'series')),
)
MARK = 'inputs'
CAPTION = "Drawn by this project's own tool from a simulated bounce storm; not a screenshot of Datadog"
MOST_BYTES = 1_000_000


def names() -> Iterator[tuple[str, str]]:
    """Each whole picture and its upper part in 16:9."""
    for path in DASHBOARDS:
        yield f'{Path(path).stem}.png', f'{Path(path).stem}_top.png'


def inputs() -> str:
    """A digest of what the pictures are made from; each picture carries that of its own time."""
    digest = hashlib.sha256()
    for board in DASHBOARDS.values():
        digest.update(json.dumps(render(board), sort_keys=True).encode())
    for source in SOURCES:
        digest.update((ROOT / source).read_bytes())
    return digest.hexdigest()


def stale(folder: Path) -> list[str]:
    """The pictures that are missing, too large, or drawn from other inputs: then run `make pictures`."""
    from PIL import Image

    found = []
    for name in (one for pair in names() for one in pair):
        path = folder / name
        if not path.exists() or path.stat().st_size > MOST_BYTES:
            found.append(name)
            continue
        with Image.open(path) as image:
            if image.info.get(MARK) != inputs():
                found.append(name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the run of `make demo`, draw it and say what was written."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    folder = Path(given[0]) if given else Path('images')
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from tools.boards import picture

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / 'demo.json'
        demo = recording.finish(recording.begin(recording.DEMO, path), path)
    templates = [monitors.render(one) for one in monitors.MONITORS]
    mark = PngInfo()
    mark.add_text(MARK, inputs())
    folder.mkdir(parents=True, exist_ok=True)
    for board, (whole, top) in zip(DASHBOARDS.values(), names(), strict=True):
        picture.draw(render(board), demo, templates, CAPTION, folder / whole)
        with Image.open(folder / whole) as drawn:
            for path, image in (
                (folder / whole, drawn.copy()),
                (folder / top, drawn.crop((0, 0, picture.WIDTH, picture.WIDTH * 9 // 16))),
            ):
                image.convert('RGB').save(path, optimize=True, pnginfo=mark)
                print(f'wrote {path}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
