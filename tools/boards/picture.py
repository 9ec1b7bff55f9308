"""Draws a dashboard from recorded samples as a PNG: `draw`. The caption says that it is this project's drawing.

The picture follows Datadog's page as far as that shows layout and numbers, and no further.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from tools.boards import backtest, evaluate, figures
from tools.boards.evaluate import Points
from tools.boards.pen import CARD, FAINT, GRID, INK, WHITE, Box, Pen
from tools.boards.recording import Recording

WIDTH, ROW_HEIGHT, GAP, HEAD = 1440, 58, 6, 26
CAPTION = "Drawn by this project's own tool from {source}; not a screenshot of Datadog"
LEGEND_LINES = 2
HEAD_SHARE = 0.45
"""The largest share of a table's width for the names of its rows."""
TICKS = (600, 1800, 3600, 7200, 14400, 43200)
"""Seconds between two times below a chart."""

SERIES = ('#3f86d9', '#7d55c7', '#12a594', '#d9730d', '#c2417c', '#5b6b7f', '#a8a22b', '#7aa6c2', '#8c564b', '#4d9f4d')
RED, YELLOW, GREEN = '#d3374a', '#e8a200', '#2f9e5b'
ZONES = {'red': RED, 'yellow': YELLOW, 'green': GREEN}
LINES = {'error': RED, 'warning': YELLOW, 'info': '#3f86d9'}
GROUPS = {
    'white': '#8a8a96',
    'blue': '#9dbfe6',
    'vivid_blue': '#3f86d9',
    'vivid_green': '#3b9c62',
    'vivid_orange': '#dd7a26',
    'vivid_purple': '#7d55c7',
    'vivid_pink': '#c2417c',
    'vivid_yellow': '#d8b12a',
}
STATES = {'ALERT': RED, 'WARN': YELLOW, 'NO DATA': FAINT, 'OK': GREEN}
"""The states of a monitor with their colours, the worst first."""

Definition = Mapping[str, Any]
Element = TypeVar('Element')


def draw(
    board: Definition, recording: Recording, templates: Sequence[Mapping[str, Any]], source: str, path: Path
) -> None:
    """Draw the whole dashboard over the recorded time and write it to `path`. `source` is what was recorded."""
    rows = max(group['layout']['y'] + group['layout']['height'] for group in board['widgets'])
    picture = _Picture(HEAD * 2 + rows * ROW_HEIGHT + GAP, recording, templates)
    picture.board(board, CAPTION.format(source=source))
    picture.save(path)


@dataclass(frozen=True)
class _Plot:
    """A box in which times from `start` to `end` run to the right and values from `low` to `high` upwards."""

    box: Box
    start: float
    end: float
    low: float
    high: float

    def point(self, time: float, value: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        x = left + max(0.0, time - self.start) / (self.end - self.start) * (right - left)
        return x, bottom - share * (bottom - top)


class _Picture(Pen):
    def __init__(self, height: int, recording: Recording, templates: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(WIDTH, height)
        self._recording = recording
        self._templates = templates
        self._draw_widget = {
            'query_value': self.number,
            'timeseries': self.chart,
            'toplist': self.top,
            'query_table': self.table,
            'check_status': self.checks,
            'manage_status': self.monitors,
        }

    def board(self, board: Definition, caption: str) -> None:
        start, end = (datetime.fromtimestamp(at, timezone.utc) for at in (self._recording.start, self._recording.end))
        self.text(12, 8, board['title'], 20)
        span = f'{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC'
        self.text(24 + self.text_width(board['title'], 20), 14, span, 12, FAINT)
        self.text(WIDTH - 12, 14, caption, 12, FAINT, 'right')
        column = (WIDTH - 2 * GAP) / 12
        for group in board['widgets']:
            place = group['layout']
            left, top = GAP + place['x'] * column, HEAD * 1.6 + place['y'] * ROW_HEIGHT
            box = (left, top, left + place['width'] * column - GAP, top + place['height'] * ROW_HEIGHT - GAP)
            self.group(group['definition'], box, column)

    def group(self, definition: Definition, box: Box, column: float) -> None:
        left, top, right, bottom = box
        self.fill(box, '#e9e9f0')
        self.fill((left, top, right, top + HEAD), GROUPS[definition['background_color']])
        self.text(left + 8, top + 5, definition['title'], 14, WHITE)
        inner = bottom - top - HEAD - GAP
        rows = max(widget['layout']['y'] + widget['layout']['height'] for widget in definition['widgets'])
        for widget in definition['widgets']:
            place = widget['layout']
            x, y = left + place['x'] * column, top + HEAD + GAP + place['y'] * inner / rows
            width, height = place['width'] * column - GAP, place['height'] * inner / rows - GAP
            self.widget(widget['definition'], (x + GAP / 2, y, min(x + width, right - GAP / 2), y + height))

    def widget(self, definition: Definition, box: Box) -> None:
        left, top, right, bottom = box
        self.fill(box, CARD)
        if definition['type'] == 'note':
            self.note(definition['content'], (left + 8, top + 6, right - 8, bottom))
            return
        self.text(left + 7, top + 4, self.cut(definition['title'], right - left - 14, 13), 13)
        self._draw_widget[definition['type']](definition, (left + 7, top + 24, right - 7, bottom - 5))

    def note(self, content: str, box: Box) -> None:
        left, y, right, _ = box
        for line in content.splitlines():
            plain = re.sub(r'\[([^\]]+)\]\([^)]*\)', r'\1', line).replace('**', '')
            if not plain:
                y += 6
                continue
            current = ''
            for word in plain.split():
                if self.text_width(f'{current} {word}', 12) > right - left:
                    self.text(left, y, current, 12)
                    y, current = y + 15, word
                else:
                    current = f'{current} {word}'.strip()
            self.text(left, y, current, 12)
            y += 16

    def number(self, definition: Definition, box: Box) -> None:
        left, top, right, bottom = box
        request = definition['requests'][0]
        (frame,) = evaluate.scalar(request, self._recording, {})
        value = next((points[0.0] for points in frame.values.values()), None)
        if value is None:
            self.empty(box)
            return
        colour = _zone(request.get('conditional_formats', []), value)
        if colour:
            self.fill((left - 7, top - 2, right + 7, bottom + 5), colour)
        (course,) = evaluate.timeseries(request, self._recording, {})
        for points in course.values.values():
            low, high = min([*points.values(), 0.0]), max([*points.values(), 1e-9])
            plot = self.plot((left, top + (bottom - top) * 0.55, right, bottom), low, high)
            self.curve(points, plot, WHITE if colour else '#c9dcf3')
        text = figures.number_text(value, figures.unit(request, 0), definition['precision'])
        size = 30 if self.text_width(text, 30) < right - left else 20
        y = top + (bottom - top) * 0.3 - size / 2
        self.text((left + right) / 2, y, text, size, WHITE if colour else INK, 'middle')

    def chart(self, definition: Definition, box: Box) -> None:
        left, top, right, bottom = box
        request = definition['requests'][0]
        curves = figures.curves(request, evaluate.timeseries(request, self._recording, {}))
        if not curves:
            self.empty(box)
            return
        legend = self.legend_lines([label for label, _ in curves], right - left)
        markers = [(float(marker['value'][4:]), marker) for marker in definition.get('markers', [])]
        low = float(definition['yaxis'].get('min', 0))
        bars = request['display_type'] == 'bars'
        values = figures.stack_heights(curves) if bars else [value for _, line in curves for value in line.values()]
        high = figures.axis_end(values, [level for level, _ in markers], low)
        plot = self.plot((left + 40, top + 6, right, bottom - 20 - 14 * len(legend)), low, high)
        self.axes(plot, figures.unit(request, 0))
        if bars:
            self.bars([points for _, points in curves], plot)
        else:
            for number, (_, points) in enumerate(curves):
                self.curve(points, plot, SERIES[number % len(SERIES)])
        self.markers(
            [(plot.point(plot.start, level)[1], marker) for level, marker in markers if low <= level <= high],
            [] if bars else [plot.point(*point) for _, line in curves for point in figures.interpolated(line)],
            plot.box,
        )
        self.legend(legend, left, plot.box[3] + 18)

    def plot(self, box: Box, low: float, high: float) -> _Plot:
        return _Plot(box, self._recording.start, self._recording.end, low, high)

    def markers(
        self, levels: Sequence[tuple[float, Definition]], obstacles: list[tuple[float, float]], box: Box
    ) -> None:
        """Levels with their heights. Their labels keep away from obstacles: points of curves, lines, other labels."""
        left, _, right, _ = box
        for y, marker in levels:
            colour = LINES[marker['display_type'].split()[0]]
            self.dashed_line(left, right, y, colour)
            lines = [(left + x, line) for line, _ in levels if line != y for x in range(int(right - left))]
            obstacles += self.marker_label(marker['label'].strip(), colour, y, box, [*obstacles, *lines])

    def marker_label(
        self, label: str, colour: str, y: float, box: Box, obstacles: Sequence[tuple[float, float]]
    ) -> list[tuple[float, float]]:
        """Write the label above or below its level, with the fewest obstacles and as far to the right as possible.
        Returns the label as obstacles."""
        width = self.text_width(label, 11) + 4
        places = [
            (right, top)
            for top in (y - 15, y + 2)
            if top > box[1] - 2
            for right in range(int(box[2]), int(box[0] + width), -10)
        ]

        def cost(place: tuple[int, float]) -> int:
            right, top = place
            return sum(right - width <= x <= right and top <= height <= top + 13 for x, height in obstacles)

        right, top = min(places, key=cost)
        self.fill((right - width, top, right, top + 13), CARD)
        self.text(right - 2, top, label, 11, colour, 'right')
        # To cover another label would be worse than to cover a curve.
        return [(right - share * width, top + down) for share in (0, 0.5, 1) for down in (0, 7, 13)] * 10

    def axes(self, plot: _Plot, unit: str) -> None:
        left, top, right, bottom = plot.box
        for step in range(3):
            y = bottom - step * (bottom - top) / 2
            self.line([(left, y), (right, y)], GRID)
            value = plot.low + step * (plot.high - plot.low) / 2
            self.text(left - 4, y - 7, figures.axis_text(value, unit, plot.high), 11, FAINT, 'right')
        tick = next((tick for tick in TICKS if plot.end - plot.start <= 7 * tick), TICKS[-1])
        at = math.ceil(plot.start / tick) * tick
        while at < plot.end:
            x, _ = plot.point(at, plot.low)
            self.text(x, bottom + 3, f'{datetime.fromtimestamp(at, timezone.utc):%H:%M}', 11, FAINT, 'middle')
            at += tick

    def curve(self, points: Points, plot: _Plot, colour: str) -> None:
        segments = figures.segments(points)
        for segment in segments:
            self.line([plot.point(time, points[time]) for time in segment], colour, 2)
        for time in points.keys() - {time for segment in segments for time in segment}:
            x, y = plot.point(time, points[time])
            self.fill((x - 1, y - 1, x + 1, y + 1), colour)

    def bars(self, curves: Sequence[Points], plot: _Plot) -> None:
        left, top, right, bottom = plot.box
        bases: dict[float, float] = {}
        width = max(1.0, (right - left) * 300 / (plot.end - plot.start) - 0.5)
        for number, points in enumerate(curves):
            for at, value in points.items():
                x, y = plot.point(at, bases.get(at, 0.0))
                self.fill((x, y - value / plot.high * (bottom - top), x + width, y), SERIES[number % len(SERIES)])
                bases[at] = bases.get(at, 0.0) + value

    def legend_lines(self, labels: Sequence[str], width: float) -> list[list[tuple[str, str]]]:
        """The labels with their colours, in one or two lines, and the number of labels that do not fit."""
        lines: list[list[tuple[str, str]]] = [[]]
        x = 0.0
        for number, label in enumerate(labels):
            text = self.cut(label, 190, 11)
            label_width = 22 + self.text_width(text, 11)
            # The last line has room for the number.
            if x + label_width > width - 30 * (len(lines) - 1) and x:
                if len(lines) == LEGEND_LINES:
                    lines[-1].append((f'+{len(labels) - number}', ''))
                    break
                lines.append([])
                x = 0.0
            lines[-1].append((text, SERIES[number % len(SERIES)]))
            x += label_width
        return lines

    def legend(self, lines: Sequence[Sequence[tuple[str, str]]], left: float, y: float) -> None:
        for line in lines:
            x = left
            for text, colour in line:
                if colour:
                    self.fill((x, y + 3, x + 9, y + 11), colour)
                self.text(x + 12, y, text, 11, FAINT)
                x += 22 + self.text_width(text, 11)
            y += 14

    def top(self, definition: Definition, box: Box) -> None:
        request = definition['requests'][0]
        (frame,) = evaluate.scalar(request, self._recording, {})
        rows = sorted(((points[0.0], group) for group, points in frame.values.items()), reverse=True)
        if not rows:
            self.empty(box)
        left, y, right, _ = box
        for value, group in self.fitting(rows[: request['sort']['count']], box, y):
            width = (right - left) * value / max(rows[0][0], 1e-9)
            self.fill((left, y, left + width, y + 17), '#cfe0f5')
            self.text(left + 4, y + 2, self.cut(' '.join(group), right - left - 60, 12), 12)
            self.text(right - 2, y + 2, figures.cell_text(value, figures.unit(request, 0)), 12, INK, 'right')
            y += 20

    def table(self, definition: Definition, box: Box) -> None:
        request = definition['requests'][0]
        frames = evaluate.scalar(request, self._recording, {})
        (order,) = request['sort']['order_by']
        first, sorting = frames[0].values, frames[order['index']].values
        groups = sorted(
            {group for frame in frames for group in frame.values},
            key=lambda group: (-sorting.get(group, {}).get(0.0, 0.0), group),
        )
        if not groups:
            self.empty(box)
        left, y, right, _ = box
        tags = ', '.join(frames[0].groups)
        longest = max(self.text_width(text, 12) for text in (tags, *(' '.join(group) for group in groups)))
        head = min(longest + 10, HEAD_SHARE * (right - left))
        width = (right - left - head) / len(frames)
        self.text(left, y, self.cut(tags, head, 11), 11, FAINT)
        for number, formula in enumerate(request['formulas'], 1):
            alias = self.cut(formula['alias'], width - 6, 11)
            self.text(left + head + number * width - 4, y, alias, 11, FAINT, 'right')
        y += 18
        largest = max((points[0.0] for points in first.values()), default=1.0) or 1.0
        for group in self.fitting(groups, box, y):
            self.text(left, y + 2, self.cut(' '.join(group), head - 6, 12), 12)
            for number, frame in enumerate(frames):
                x = left + head + number * width
                value = frame.values.get(group, {}).get(0.0)
                self.cell((request, number), value, largest, (x, y, x + width, y + 17))
            y += 20

    def cell(self, column: tuple[Definition, int], value: float | None, largest: float, box: Box) -> None:
        """The value of a table's column, which is a request and the number of its formula."""
        left, y, right, bottom = box
        if value is None:
            self.text(right - 4, y + 2, '-', 12, FAINT, 'right')
            return
        request, number = column
        formula = request['formulas'][number]
        colour = _zone(formula.get('conditional_formats', []), value)
        if colour:
            self.fill((left + 2, y, right, bottom), colour)
        elif formula['cell_display_mode'] == 'bar':
            self.fill((left + 4, y + 1, left + 4 + (right - left - 8) * value / largest, bottom - 1), '#cfe0f5')
        text = figures.cell_text(value, figures.unit(request, number))
        self.text(right - 6, y + 2, text, 12, WHITE if colour else INK, 'right')

    def checks(self, definition: Definition, box: Box) -> None:
        """How many groups have which status at the end."""
        levels = [
            samples[-1][1]
            for (name, _), samples in self._recording.statuses.items()
            if name == definition['check'] and samples
        ]
        if not levels:
            self.empty(box)
            return
        left, top, right, bottom = box
        width = (right - left) / 3
        for level, (label, colour) in enumerate((('OK', GREEN), ('WARNING', YELLOW), ('CRITICAL', RED))):
            number = levels.count(level)
            x = left + level * width
            self.fill((x, top, x + width - 3, bottom), colour if number else GRID)
            ink = WHITE if number else FAINT
            self.text(x + width / 2, top + (bottom - top) * 0.2, f'{number}', 24, ink, 'middle')
            self.text(x + width / 2, bottom - 16, label, 10, ink, 'middle')

    def monitors(self, definition: Definition, box: Box) -> None:
        """The state of each monitor at the end, the worst first."""
        left, y, right, _ = box
        order = list(STATES)
        monitors = []
        for template in self._templates:
            courses = backtest.changes(template['definition'], self._recording).values()
            ends = [course[-1].state for course in courses if course]
            monitors.append((min(map(order.index, ends), default=order.index('OK')), template['title']))
        monitors.sort()
        width, rows = (right - left) / 2, int((box[3] - y + 3) // 17)
        shown = monitors if len(monitors) <= 2 * rows else monitors[: 2 * rows - 1]
        for number, (state, title) in enumerate(shown):
            x, row = left + number // rows * width, y + number % rows * 17
            self.fill((x, row, x + 52, row + 14), STATES[order[state]])
            self.text(x + 26, row + 2, order[state], 10, WHITE, 'middle')
            self.text(x + 58, row + 1, self.cut(title, width - 62, 12), 12)
        if len(shown) < len(monitors):
            x, row = left + width, y + (rows - 1) * 17
            self.text(x + 58, row + 1, f'and {len(monitors) - len(shown)} more', 12, FAINT)

    def fitting(self, rows: Sequence[Element], box: Box, y: float) -> Sequence[Element]:
        """The rows that fit below `y`. The last line says how many do not fit."""
        left, _, _, bottom = box
        room = int((bottom - y + 2) // 20)
        if len(rows) <= room:
            return rows
        self.text(left, y + (room - 1) * 20 + 2, f'and {len(rows) - room + 1} more', 12, FAINT)
        return rows[: room - 1]

    def empty(self, box: Box) -> None:
        self.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2 - 7, 'no data in this time', 12, FAINT, 'middle')


def _zone(zones: Sequence[Mapping[str, Any]], value: float) -> str:
    """The colour of the first zone that matches, '' where none does."""
    for zone in zones:
        if backtest.COMPARATORS[zone['comparator']](value, zone['value']):
            return ZONES[zone['palette'].rpartition('_')[2]]
    return ''
