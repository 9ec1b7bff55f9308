"""Both dashboards over the run just made, each as a PNG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from demo.tally import Tally
from tools.boards.evaluate import Recording

if TYPE_CHECKING:
    from demo.scene import Scene

WHERE = Path('.demo')
MINUTE = 60


def drawn(scene: Scene, folder: Path) -> Iterator[str]:
    """Draw the pictures and give the lines that say where they are, or why there are none: the Overview last."""
    try:
        from tools.boards import picture
    except ImportError as error:
        if (error.name or '').partition('.')[0] != 'PIL':
            raise
        yield 'PICTURE: none, because Pillow is missing: pip install -r requirements/dev.txt'
        return
    from tools.boards import monitors
    from tools.boards.files import DASHBOARDS
    from tools.boards.widgets import render

    templates = [monitors.render(one) for one in monitors.MONITORS]
    shown = while_there_was_mail(scene)
    for source, board in reversed(DASHBOARDS.items()):
        path = folder / f'{Path(source).stem.removeprefix("amazon_ses_")}.png'
        try:
            folder.mkdir(parents=True, exist_ok=True)
            picture.draw(render(board), shown, templates, caption(scene.chosen.scenario), path)
        except OSError as error:
            yield f'PICTURE: none, because it could not be written: {error}'
        else:
            yield f'PICTURE: {path}'


def while_there_was_mail(scene: Scene) -> Recording:
    """The run up to the last one with mail: the wait for late data would hide what the account looked like."""
    return recorded(scene.tally, scene.started, scene.mail_ended - MINUTE)


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
