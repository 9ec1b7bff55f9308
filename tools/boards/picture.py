"""Draws a dashboard from recorded samples as a PNG: `draw`. It is this project's own drawing, and it says so.

What Datadog's page looks like is followed as far as it helps to see the layout and the numbers, and no further.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from tools.boards import backtest, evaluate, figures
from tools.boards.evaluate import Recording

WIDTH, UNIT, GAP, HEAD = 1440, 58, 6, 26
LEGEND_LINES = 2
HEAD_SHARE = 0.45
"""Of a table's width, at most for the names of its rows."""
APART = (600, 1800, 3600, 7200, 14400, 43200)
"""Seconds between two times below a chart."""
FINE = 2
"""Drawn so many times larger and then reduced, which smooths the lines."""

INK, FAINT, GRID, PAPER, CARD = '#2a2a33', '#6d6d78', '#e6e6ec', '#f2f2f6', '#ffffff'
SERIES = ('#3f86d9', '#7d55c7', '#12a594', '#d9730d', '#c2417c', '#5b6b7f', '#a8a22b', '#7aa6c2', '#8c564b', '#4d9f4d')
ZONES = {'red': '#d3374a', 'yellow': '#e8a200', 'green': '#2f9e5b'}
LINES = {'error': '#d3374a', 'warning': '#e8a200'}
GROUPS = {
    'white': '#8a8a96', 'blue': '#9dbfe6', 'vivid_blue': '#3f86d9', 'vivid_green': '#3b9c62', 'vivid_orange': '#dd7a26',
    'vivid_purple': '#7d55c7', 'vivid_pink': '#c2417c', 'vivid_yellow': '#d8b12a',
}  # fmt: skip
STATES = {'OK': ZONES['green'], 'WARN': ZONES['yellow'], 'ALERT': ZONES['red'], 'NO DATA': FAINT}

Box = tuple[float, float, float, float]


def draw(
    board: Mapping[str, Any], recording: Recording, templates: Sequence[Mapping[str, Any]], caption: str, path: Path
) -> None:
    """Draw the whole dashboard over the recorded time and write it to `path`. `caption` says what it was made from."""
    rows = max(group['layout']['y'] + group['layout']['height'] for group in board['widgets'])
    height = HEAD * 2 + rows * UNIT + GAP
    image = Image.new('RGB', (WIDTH * FINE, height * FINE), PAPER)
    _Canvas(image, recording, templates).board(board, caption)
    image.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, optimize=True)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size * FINE)


class _Canvas:
    """One picture in the making. Boxes are left, top, right, bottom in points of the finished picture."""

    def __init__(self, image: Image.Image, recording: Recording, templates: Sequence[Mapping[str, Any]]) -> None:
        self._pen = ImageDraw.Draw(image)
        self._recording = recording
        self._templates = templates

    def board(self, board: Mapping[str, Any], caption: str) -> None:
        self.text(12, 8, board['title'], 20)
        self.text(24 + self.wide(board['title'], 20), 14, _span(self._recording), 12, FAINT)
        self.text(WIDTH - 12, 14, caption, 12, FAINT, 'right')
        column = (WIDTH - 2 * GAP) / 12
        for group in board['widgets']:
            place = group['layout']
            left, top = GAP + place['x'] * column, HEAD * 1.6 + place['y'] * UNIT
            box = (left, top, left + place['width'] * column - GAP, top + place['height'] * UNIT - GAP)
            self.group(group['definition'], box, column)

    def group(self, definition: Mapping[str, Any], box: Box, column: float) -> None:
        left, top, right, bottom = box
        self.fill(box, '#e9e9f0')
        self.fill((left, top, right, top + HEAD), GROUPS[definition['background_color']])
        self.text(left + 8, top + 5, definition['title'], 14, '#ffffff')
        inner = bottom - top - HEAD - GAP
        rows = max(one['layout']['y'] + one['layout']['height'] for one in definition['widgets'])
        for widget in definition['widgets']:
            place = widget['layout']
            x, y = left + place['x'] * column, top + HEAD + GAP + place['y'] * inner / rows
            width, height = place['width'] * column - GAP, place['height'] * inner / rows - GAP
            self.widget(widget['definition'], (x + GAP / 2, y, min(x + width, right - GAP / 2), y + height))

    def widget(self, definition: Mapping[str, Any], box: Box) -> None:
        left, top, right, bottom = box
        self.fill(box, CARD)
        kind = definition['type']
        if kind == 'note':
            self.note(definition['content'], (left + 8, top + 6, right - 8, bottom))
            return
        self.text(left + 7, top + 4, self.cut(definition['title'], right - left - 14, 13), 13)
        inside = (left + 7, top + 24, right - 7, bottom - 5)
        draw_ = {
            'query_value': self.number, 'timeseries': self.chart, 'toplist': self.top, 'query_table': self.table,
            'check_status': self.checks, 'manage_status': self.monitors,
        }[kind]  # fmt: skip
        draw_(definition, inside)

    def note(self, content: str, box: Box) -> None:
        left, top, right, _ = box
        y = top
        for line in content.splitlines():
            plain = re.sub(r'\[([^\]]+)\]\([^)]*\)', r'\1', line).replace('**', '')
            if not plain:
                y += 6
                continue
            words, current = plain.split(), ''
            for word in words:
                if self.wide(f'{current} {word}', 12) > right - left:
                    self.text(left, y, current, 12)
                    y, current = y + 15, word
                else:
                    current = f'{current} {word}'.strip()
            self.text(left, y, current, 12)
            y += 16

    def number(self, definition: Mapping[str, Any], box: Box) -> None:
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
            self.curve(points, (left, top + (bottom - top) * 0.55, right, bottom), '#ffffff' if colour else '#c9dcf3')
        text = figures.written(value, figures.unit(request, 0), definition['precision'])
        size = 30 if self.wide(text, 30) < right - left else 20
        self.text((left + right) / 2, top + (bottom - top) * 0.3 - size / 2, text, size,
                  '#ffffff' if colour else INK, 'middle')  # fmt: skip

    def chart(self, definition: Mapping[str, Any], box: Box) -> None:
        left, top, right, bottom = box
        request = definition['requests'][0]
        lines = figures.lines(request, evaluate.timeseries(request, self._recording, {}))
        if not lines:
            self.empty(box)
            return
        legend = self.arranged([label for label, _ in lines], right - left)
        plot = (left + 40, top + 6, right, bottom - 20 - 14 * len(legend))
        bars = request['display_type'] == 'bars'
        tops = figures.stacked(lines) if bars else [value for _, points in lines for value in points.values()]
        marks = [(float(one['value'][4:]), one) for one in definition.get('markers', [])]
        low = float(definition['yaxis'].get('min', 0))
        # All zero is a line at the bottom, not one in the air.
        high = max([*tops, low]) if max([*tops, low]) > low else low + 1
        near = [value for value, _ in marks if value <= max(high * 2.5, min(one for one, _ in marks))]
        high = figures.round_up(max([high, *near]), low)
        self.axes(plot, low, high, figures.SHOWN.get(figures.unit(request, 0), ''))
        if bars:
            self.bars(lines, plot, high)
        else:
            for number, (_, points) in enumerate(lines):
                self.curve(points, plot, SERIES[number % len(SERIES)], low, high)
        levels = [(plot[3] - (value - low) / (high - low) * (plot[3] - plot[1]), mark) for value, mark in marks
                  if low <= value <= high]  # fmt: skip
        passed = [] if bars else [self.at(at, value, plot, low, high) for _, points in lines
                                  for at, value in figures.between(points)]  # fmt: skip
        for y, mark in levels:
            colour = LINES[mark['display_type'].split()[0]]
            self.dashed(plot[0], plot[2], y, colour)
            others = [(plot[0] + x, other) for other, _ in levels if other != y for x in range(int(plot[2] - plot[0]))]
            passed += self.mark(mark['label'].strip(), colour, y, plot, [*passed, *others])
        self.legend(legend, (left, plot[3] + 18))

    def mark(
        self, label: str, colour: str, y: float, plot: Box, passed: Sequence[tuple[float, float]]
    ) -> list[tuple[float, float]]:
        """The label of a level: above or below it, as far to the right as there is a place that nothing passes, or
        else little. Returns where it is."""
        wide = self.wide(label, 11) + 4
        places = [(right, top) for top in (y - 15, y + 2) if top > plot[1] - 2
                  for right in range(int(plot[2]), int(plot[0] + wide), -10)]  # fmt: skip
        right, top = min(places, key=lambda place: sum(
            place[0] - wide <= x <= place[0] and place[1] <= one <= place[1] + 13 for x, one in passed))  # fmt: skip
        self.fill((right - wide, top, right, top + 13), CARD)
        self.text(right - 2, top, label, 11, colour, 'right')
        # To cover another label would be worse than to cover a curve.
        return [(right - share * wide, top + down) for share in (0, 0.5, 1) for down in (0, 7, 13)] * 10

    def axes(self, plot: Box, low: float, high: float, unit: str) -> None:
        left, top, right, bottom = plot
        for step in range(3):
            y = bottom - step * (bottom - top) / 2
            self.line([(left, y), (right, y)], GRID)
            self.text(left - 4, y - 7, f'{figures.short(low + step * (high - low) / 2)}{unit}', 11, FAINT, 'right')
        start, end = self._recording.start, self._recording.end
        apart = next((one for one in APART if end - start <= 7 * one), APART[-1])
        at = math.ceil(start / apart) * apart
        while at < end:
            x, _ = self.at(at, low, plot, low, high)
            self.text(x, bottom + 3, f'{datetime.fromtimestamp(at, timezone.utc):%H:%M}', 11, FAINT, 'middle')
            at += apart

    def at(self, time: float, value: float, box: Box, low: float, high: float) -> tuple[float, float]:
        """Where a value lies in a box that is the recorded time wide and from `low` to `high` high."""
        left, top, right, bottom = box
        start, end = self._recording.start, self._recording.end
        share = (min(max(value, low), high) - low) / (high - low)
        return left + max(0.0, time - start) / (end - start) * (right - left), bottom - share * (bottom - top)

    def curve(self, points: Mapping[float, float], box: Box, colour: str, low: float = 0.0, high: float = 0.0) -> None:
        if not high:
            low, high = min([*points.values(), 0.0]), max([*points.values(), 1e-9])
        joined = figures.joined(points)
        for pair in joined:
            self.line([self.at(time, points[time], box, low, high) for time in pair], colour, 2)
        for time in points.keys() - {one for pair in joined for one in pair}:
            x, y = self.at(time, points[time], box, low, high)
            self.fill((x - 1, y - 1, x + 1, y + 1), colour)

    def bars(self, lines: Sequence[tuple[str, Mapping[float, float]]], plot: Box, high: float) -> None:
        left, top, right, bottom = plot
        start, end = self._recording.start, self._recording.end
        base: dict[float, float] = {}
        width = max(1.0, (right - left) * 300 / (end - start) - 0.5)
        for number, (_, points) in enumerate(lines):
            for at, value in points.items():
                x = left + max(0.0, at - start) / (end - start) * (right - left)
                y = bottom - base.get(at, 0.0) / high * (bottom - top)
                up = value / high * (bottom - top)
                self.fill((x, y - up, x + width, y), SERIES[number % len(SERIES)])
                base[at] = base.get(at, 0.0) + value

    def arranged(self, labels: Sequence[str], width: float) -> list[list[tuple[str, str]]]:
        """The labels with their colours, in one or two lines; what does not fit is counted."""
        found: list[list[tuple[str, str]]] = [[]]
        x = 0.0
        for number, label in enumerate(labels):
            text = self.cut(label, 190, 11)
            wide = 22 + self.wide(text, 11)
            # The last line keeps room for the count.
            if x + wide > width - 30 * (len(found) - 1) and x:
                if len(found) == LEGEND_LINES:
                    found[-1].append((f'+{len(labels) - number}', ''))
                    break
                found.append([])
                x = 0.0
            found[-1].append((text, SERIES[number % len(SERIES)]))
            x += wide
        return found

    def legend(self, arranged: Sequence[Sequence[tuple[str, str]]], place: tuple[float, float]) -> None:
        left, y = place
        for line in arranged:
            x = left
            for text, colour in line:
                if colour:
                    self.fill((x, y + 3, x + 9, y + 11), colour)
                self.text(x + 12, y, text, 11, FAINT)
                x += 22 + self.wide(text, 11)
            y += 14

    def top(self, definition: Mapping[str, Any], box: Box) -> None:
        request = definition['requests'][0]
        (frame,) = evaluate.scalar(request, self._recording, {})
        rows = sorted(((points[0.0], group) for group, points in frame.values.items()), reverse=True)
        if not rows:
            self.empty(box)
        left, y, right, bottom = box
        rows = rows[: request['sort']['count']]
        for value, group in self.fitting(rows, box, y, 20):
            wide = (right - left) * value / max(rows[0][0], 1e-9)
            self.fill((left, y, left + wide, y + 17), '#cfe0f5')
            self.text(left + 4, y + 2, self.cut(' '.join(group), right - left - 60, 12), 12)
            self.text(right - 2, y + 2, figures.cell(value, figures.unit(request, 0)), 12, INK, 'right')
            y += 20

    def table(self, definition: Mapping[str, Any], box: Box) -> None:
        request = definition['requests'][0]
        frames = evaluate.scalar(request, self._recording, {})
        (order,) = request['sort']['order_by']
        first, sorting = frames[0].values, frames[order['index']].values
        groups = sorted({group for frame in frames for group in frame.values},
                        key=lambda group: -sorting.get(group, {}).get(0.0, 0.0))  # fmt: skip
        if not groups:
            self.empty(box)
        left, y, right, bottom = box
        named = ', '.join(frames[0].groups)
        widest = max(self.wide(text, 12) for text in (named, *(' '.join(group) for group in groups)))
        head = min(widest + 10, HEAD_SHARE * (right - left))
        wide = (right - left - head) / len(frames)
        self.text(left, y, self.cut(named, head, 11), 11, FAINT)
        for number, formula in enumerate(request['formulas']):
            x = left + head + (number + 1) * wide
            self.text(x - 4, y, self.cut(formula['alias'], wide - 6, 11), 11, FAINT, 'right')
        y += 18
        most = max((points[0.0] for points in first.values()), default=1.0) or 1.0
        for group in self.fitting(groups, box, y, 20):
            self.text(left, y + 2, self.cut(' '.join(group), head - 6, 12), 12)
            for number, (frame, formula) in enumerate(zip(frames, request['formulas'], strict=True)):
                x = left + head + number * wide
                value = frame.values.get(group, {}).get(0.0)
                if value is None:
                    self.text(x + wide - 4, y + 2, '-', 12, FAINT, 'right')
                    continue
                colour = _zone(formula.get('conditional_formats', []), value)
                if colour:
                    self.fill((x + 2, y, x + wide, y + 17), colour)
                elif formula['cell_display_mode'] == 'bar':
                    self.fill((x + 4, y + 1, x + 4 + (wide - 8) * value / most, y + 16), '#cfe0f5')
                text = figures.cell(value, figures.unit(request, number))
                self.text(x + wide - 6, y + 2, text, 12, '#ffffff' if colour else INK, 'right')
            y += 20

    def checks(self, definition: Mapping[str, Any], box: Box) -> None:
        """How many groups have which status at the end."""
        last = {
            tags: points[-1][1] for (name, tags), points in self._recording.statuses.items()
            if name == definition['check'] and points
        }  # fmt: skip
        if not last:
            self.empty(box)
            return
        names_ = (('OK', 0, 'green'), ('WARNING', 1, 'yellow'), ('CRITICAL', 2, 'red'))
        left, top, right, bottom = box
        wide = (right - left) / 3
        for place, (label, level, colour) in enumerate(names_):
            number = sum(1 for one in last.values() if one == level)
            x = left + place * wide
            self.fill((x, top, x + wide - 3, bottom), ZONES[colour] if number else GRID)
            ink = '#ffffff' if number else FAINT
            self.text(x + wide / 2, top + (bottom - top) * 0.2, f'{number}', 24, ink, 'middle')
            self.text(x + wide / 2, bottom - 16, label, 10, ink, 'middle')

    def monitors(self, definition: Mapping[str, Any], box: Box) -> None:
        """The state of each monitor at the end, those that are not well first."""
        left, y, right, _ = box
        worst = ('ALERT', 'WARN', 'NO DATA', 'OK')
        found = []
        for template in self._templates:
            courses = backtest.changes(template['definition'], self._recording).values()
            now = [course[-1].state if course else 'OK' for course in courses]
            found.append((min((worst.index(one) for one in now), default=3), template['title']))
        wide = (right - left) / 2
        rows = (len(found) + 1) // 2
        for number, (state, title) in enumerate(sorted(found)):
            x, row = left + number // rows * wide, y + number % rows * 17
            self.fill((x, row, x + 52, row + 14), STATES[worst[state]])
            self.text(x + 26, row + 2, worst[state], 10, '#ffffff', 'middle')
            self.text(x + 58, row + 1, self.cut(title, wide - 62, 12), 12)

    def fitting(self, rows: Sequence[Any], box: Box, y: float, step: float) -> Sequence[Any]:
        """The rows that fit below `y`; where some do not, how many is said at the bottom."""
        left, _, _, bottom = box
        room = int((bottom - y + 2) // step)
        if len(rows) <= room:
            return rows
        self.text(left, y + (room - 1) * step + 2, f'and {len(rows) - room + 1} more', 12, FAINT)
        return rows[: room - 1]

    def empty(self, box: Box) -> None:
        self.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2 - 7, 'no data in this time', 12, FAINT, 'middle')

    # Strokes.

    def wide(self, text: str, size: int) -> float:
        return float(self._pen.textlength(text, font=_font(size))) / FINE

    def cut(self, text: str, width: float, size: int) -> str:
        while text and self.wide(text, size) > width:
            text = text.rstrip('.')[:-1].rstrip() + '..' if len(text) > 3 else ''
        return text

    def text(self, x: float, y: float, text: str, size: int, colour: str = INK, align: str = 'left') -> None:
        shift = {'left': 0.0, 'middle': self.wide(text, size) / 2, 'right': self.wide(text, size)}[align]
        self._pen.text(((x - shift) * FINE, y * FINE), text, fill=colour, font=_font(size))

    def fill(self, box: Box, colour: str) -> None:
        self._pen.rectangle([round(one * FINE) for one in box], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: int = 1) -> None:
        self._pen.line([(x * FINE, y * FINE) for x, y in points], fill=colour, width=width * FINE)

    def dashed(self, left: float, right: float, y: float, colour: str) -> None:
        x = left
        while x < right:
            self.line([(x, y), (min(x + 7, right), y)], colour)
            x += 12


def _zone(zones: Sequence[Mapping[str, Any]], value: float) -> str:
    for zone in zones:
        if backtest.BREACHES[zone['comparator']](value, zone['value']):
            return ZONES[zone['palette'].rpartition('_')[2]]
    return ''


def _span(recording: Recording) -> str:
    """The time that is shown."""
    start, end = (datetime.fromtimestamp(at, timezone.utc) for at in (recording.start, recording.end))
    return f'{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC'
