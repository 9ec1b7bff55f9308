"""Draws text, boxes and lines. All sizes are in points of the finished picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Pixels of a point. The picture is reduced at the end, which smooths the lines."""

INK, FAINT, GRID, PAPER, CARD, WHITE = '#2a2a33', '#6d6d78', '#e6e6ec', '#f2f2f6', '#ffffff', '#ffffff'

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size * SCALE)


class Pen:
    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._image = Image.new('RGB', (width * SCALE, height * SCALE), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def save(self, path: Path) -> None:
        self._image.resize(self._size, Image.Resampling.LANCZOS).save(path, optimize=True)

    def text_width(self, text: str, size: int) -> float:
        return float(self._draw.textlength(text, font=_font(size))) / SCALE

    def cut(self, text: str, width: float, size: int) -> str:
        """The beginning of a text that fits a width."""
        while text and self.text_width(text, size) > width:
            text = text.rstrip('.')[:-1].rstrip() + '..' if len(text) > 3 else ''
        return text

    def text(self, x: float, y: float, text: str, size: int, colour: str = INK, align: str = 'left') -> None:
        width = self.text_width(text, size)
        shift = {'left': 0.0, 'middle': width / 2, 'right': width}[align]
        self._draw.text(((x - shift) * SCALE, y * SCALE), text, fill=colour, font=_font(size))

    def fill(self, box: Box, colour: str) -> None:
        self._draw.rectangle([round(edge * SCALE) for edge in box], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: int = 1) -> None:
        self._draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=width * SCALE)

    def dashed_line(self, left: float, right: float, y: float, colour: str) -> None:
        x = left
        while x < right:
            self.line([(x, y), (min(x + 7, right), y)], colour)
            x += 12
