from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tools.boards import picture, pictures
from tools.boards.recording import Recording


def test_pictures_are_those_of_the_inputs(root: Path) -> None:
    """The pictures are drawn from the dashboards as they are now and small enough: else run `make pictures`."""
    assert pictures.stale(root / 'images') == []


def test_tops_have_the_shape_of_media(root: Path) -> None:
    """The media of the manifest are 16:9 and 1440 points wide."""
    for _, top in pictures.names():
        with Image.open(root / 'images' / top) as image:
            assert image.size == (1440, 810)


def test_each_dashboard_can_be_drawn(
    boards: dict[str, Any], templates: dict[str, Any], recordings: Mapping[str, Recording], tmp_path: Path
) -> None:
    """A picture is as wide as the media need and as high as the dashboard, whatever there is to show."""
    nothing, demo = Recording(0, 3600), recordings['demo']
    hour = demo.between(demo.start - 1, demo.start + 3600)
    for board in boards.values():
        rows = max(group['layout']['y'] + group['layout']['height'] for group in board['widgets'])
        for recording in (hour, nothing):
            picture.draw(board, recording, list(templates.values()), 'a source', tmp_path / 'drawn.png')
            with Image.open(tmp_path / 'drawn.png') as image:
                assert image.width == picture.WIDTH and image.height > rows * picture.ROW_HEIGHT


def test_other_inputs_make_pictures_stale(root: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """A picture that is missing or drawn from other inputs is named."""
    names = [name for pair in pictures.names() for name in pair]
    assert pictures.stale(tmp_path) == names
    for name in names:
        (tmp_path / name).write_bytes((root / 'images' / name).read_bytes())
    monkeypatch.setattr(pictures, 'inputs', lambda: 'others')
    assert pictures.stale(tmp_path) == names
