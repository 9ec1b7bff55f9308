"""The dashboards over a run, each as a PNG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from demo.tally import Tally
from tools.boards.files import DASHBOARDS
from tools.boards.monitor import render as template
from tools.boards.monitors import MONITORS
from tools.boards.recording import Recording
from tools.boards.widgets import render

if TYPE_CHECKING:
    from demo.scene import Scene

MINUTE = 60


def draw(scene: Scene, folder: Path) -> Iterator[str]:
    """Draw the pictures. Yields a line with the path of each, or why there is none: the Overview last."""
    try:
        from tools.boards import picture
    except ImportError as error:
        if (error.name or '').partition('.')[0] != 'PIL':
            raise
        yield 'PICTURE: none, because Pillow is missing: pip install -r requirements/dev.txt'
        return
    recording = while_there_was_mail(scene)
    templates = [template(monitor) for monitor in MONITORS]
    for asset, board in reversed(DASHBOARDS.items()):
        path = folder / f'{Path(asset).stem.removeprefix("amazon_ses_")}.png'
        try:
            folder.mkdir(parents=True, exist_ok=True)
            picture.draw(render(board), recording, templates, source(scene.choices.scenario), path)
        except OSError as error:
            yield f'PICTURE: none, because it could not be written: {error}'
        else:
            yield f'PICTURE: {path}'


def recorded(tally: Tally, start: float, end: float) -> Recording:
    """The samples that were submitted from `start` to `end`."""
    recording = Recording(start, end, tally.series, tally.statuses)
    return replace(recording.between(start - 1, end), start=start)


def while_there_was_mail(scene: Scene) -> Recording:
    """The run up to the last one with mail: the wait for late data would hide what the account looked like."""
    return recorded(scene.tally, scene.start, scene.mail_end - MINUTE)


def source(scenario: str) -> str:
    """The source of the pictures, for their caption."""
    return 'a simulated bounce storm' if scenario == 'bounce_storm' else f'the simulated scenario {scenario}'
