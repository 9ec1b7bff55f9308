"""The Overview dashboard over the run just made, as a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from demo.tally import Tally
from tools.boards.evaluate import Recording

if TYPE_CHECKING:
    from demo.scene import Scene

WHERE = Path('.demo', 'overview.png')
BOARD = 'assets/dashboards/amazon_ses_overview.json'
MINUTE = 60


def drawn(scene: Scene, path: Path) -> str:
    """Draw the picture and return the line that says where it is, or why there is none."""
    try:
        from tools.boards import picture
    except ImportError as error:
        if (error.name or '').partition('.')[0] != 'PIL':
            raise
        return 'PICTURE: none, because Pillow is missing: pip install -r requirements/dev.txt'
    from tools.boards import monitors
    from tools.boards.files import DASHBOARDS
    from tools.boards.widgets import render

    templates = [monitors.render(one) for one in monitors.MONITORS]
    # Up to the last run while there was mail: the wait for late data would hide what the account looked like.
    recording = recorded(scene.tally, scene.started, scene.mail_ended - MINUTE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.draw(render(DASHBOARDS[BOARD]), recording, templates, caption(scene.scenario), path)
    except OSError as error:
        return f'PICTURE: none, because it could not be written: {error}'
    return f'PICTURE: {path}'


def recorded(tally: Tally, start: float, end: float) -> Recording:
    """The samples of a run that were submitted from `start` to `end`, and nothing else."""
    series = {key: [one for one in points if start <= one[0] <= end] for key, points in tally.series.items()}
    statuses = {key: [one for one in points if start <= one[0] <= end] for key, points in tally.statuses.items()}
    return Recording(
        start,
        end,
        {key: points for key, points in series.items() if points},
        {key: points for key, points in statuses.items() if points},
    )


def caption(scenario: str) -> str:
    """What the picture was made from: that of the pictures in README, with the name of another scenario."""
    from tools.boards import pictures

    if scenario == 'bounce_storm':
        return pictures.CAPTION
    return pictures.CAPTION.replace('a simulated bounce storm', f'the simulated scenario {scenario}')
