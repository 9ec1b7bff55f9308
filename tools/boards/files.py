"""The files that are rendered from the descriptions, and the tables of README.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from tools.boards import deliverability, inventory, monitor, overview
from tools.boards.monitor import Monitor
from tools.boards.monitors import MONITORS
from tools.boards.widgets import Board, render

DASHBOARDS: dict[str, Board] = {
    'assets/dashboards/amazon_ses_overview.json': overview.BOARD,
    'assets/dashboards/amazon_ses_deliverability.json': deliverability.BOARD,
    'assets/dashboards/amazon_ses_inventory.json': inventory.BOARD,
}
TEMPLATES: dict[str, Monitor] = {f'assets/monitors/{each.key}.json': each for each in MONITORS}


def _dashboard(board: Board) -> str:
    return json.dumps(render(board), indent=2) + '\n'


def _monitor(template: Monitor) -> str:
    return json.dumps(monitor.render(template), indent=2) + '\n'


FILES: dict[str, Callable[[], str]] = {
    **{path: partial(_dashboard, board) for path, board in DASHBOARDS.items()},
    **{path: partial(_monitor, each) for path, each in TEMPLATES.items()},
}
"""Each generated file and its text."""


def manifest_assets() -> dict[str, dict[str, str]]:
    """The assets in manifest.json. Names are unique among all integrations, and a released name never changes."""
    return {
        'dashboards': {board.title.replace('SES', 'SES Agent'): path for path, board in DASHBOARDS.items()},
        'monitors': {f'Amazon SES Agent {each.key.replace("_", " ")}': path for path, each in TEMPLATES.items()},
    }


def monitors_table() -> str:
    """The monitors with their thresholds, for README.md."""
    return _table(
        ('Monitor', 'For', 'Looks at', 'Warning', 'Alert', 'Recovers', 'First step'),
        [monitor.row(each) for each in MONITORS],
    )


def dashboards_table() -> str:
    """The groups of the dashboards, for README.md."""
    return _table(
        ('Dashboard', 'Groups'),
        [(board.title, ', '.join(group.title for group in board.groups[1:])) for board in DASHBOARDS.values()],
    )


TABLES: dict[str, Callable[[], str]] = {'monitors': monitors_table, 'dashboards': dashboards_table}
"""The generated parts of README.md by the name in their markers."""


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ('---',) * len(heads), *rows]
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines)
