"""Text with the one font that comes with Pillow: measured, wrapped and drawn."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from imagegate.adapters._sandbox.spelling import Piece, Speller

Fill = tuple[int, int, int, int]
_BLANK = frozenset({"Cc", "Zs", "Zl", "Zp"})
_SPELLING_SIZE = 16
_BOX_WIDTH = 0.94
_NARROWEST = 0.15
"""Width of the narrowest letter in times the size of the font."""
_DIGITS_FROM = 17
"""Pixels of the font from which the digits in a box can be read."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Something that is never broken: a run of text or a box. ``gap``: whether a space comes before it."""

    piece: Piece
    gap: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: pieces with their x in pixels, and the width in pixels."""

    pieces: tuple[tuple[float, Piece], ...]
    width: float


class Lettering:
    """Measures and draws. One for each picture: it keeps what it has learnt about fonts and glyphs."""

    def __init__(self) -> None:
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._speller = Speller(self.font(_SPELLING_SIZE))

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at ``size`` pixels."""
        if size not in self._fonts:
            font = ImageFont.load_default(size)
            if not isinstance(font, ImageFont.FreeTypeFont):
                raise TypeError("Pillow was built without FreeType")
            self._fonts[size] = font
        return self._fonts[size]

    def wrap(self, text: str, size: int, width: float) -> list[Line]:
        """``text`` in lines of at most ``width`` pixels; long words are broken, blank runs are one space."""
        lines: list[Line] = []
        current = _Draft(self, size)
        for unit in self._units(text):
            for part in self._broken(unit, size, width):
                if not current.fits(part, width):
                    lines.append(current.line())
                    current = _Draft(self, size)
                current.add(part)
        return [*lines, current.line()] if current.pieces else lines

    def ellipsis(self, line: Line, size: int, width: float) -> Line:
        """The line with ``…`` behind it, shortened as far as that needs."""
        pieces, dots = list(line.pieces), self.width("…", size)
        while pieces:
            x, last = pieces.pop()
            if x + self.width(last, size) + dots <= width:
                end = x + self.width(last, size)
                return Line((*pieces, (x, last), (end, "…")), end + dots)
            if isinstance(last, str) and len(last) > 1:
                pieces.append((x, last[:-1]))
        return Line(((0.0, "…"),), dots)

    def width(self, piece: Piece, size: int) -> float:
        """Width in pixels."""
        return size * _BOX_WIDTH if isinstance(piece, int) else self.font(size).getlength(piece)

    def draw(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], line: Line, size: int, fill: Fill) -> None:
        """Draw with the baseline's start at ``at``; ``draw`` must blend (see ``pen_on``)."""
        left, baseline = at
        for x, piece in line.pieces:
            if isinstance(piece, str):
                draw.text((left + x, baseline), piece, fill, self.font(size), anchor="ls")
            else:
                self._box(draw, (left + x, baseline), piece, size, fill)

    def _box(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], code: int, size: int, fill: Fill) -> None:
        x, baseline = at
        red, green, blue, alpha = fill
        box = (round(x + size * 0.04), round(baseline - size * 0.8), round(x + size * 0.88), round(baseline + size * 0.12))
        soft = (red, green, blue, alpha // 6)
        draw.rounded_rectangle(box, radius=size * 0.14, fill=soft, outline=(red, green, blue, alpha // 2))
        if size < _DIGITS_FROM:
            return
        digits = f"{code:04X}" if code < 0x10000 else f"{code:06X}"
        half = len(digits) // 2
        font = self.font(max(7, round(size * (0.37 if half == 2 else 0.29))))
        middle = (box[0] + box[2]) / 2
        for number, row in enumerate((digits[:half], digits[half:])):
            y = box[1] + (box[3] - box[1]) * (0.29 + 0.43 * number)
            draw.text((middle, y), row, fill, font, anchor="mm")

    def _units(self, text: str) -> Iterator[_Unit]:
        gap, run = False, ""
        for character in unicodedata.normalize("NFC", text):
            if character.isspace() or unicodedata.category(character) in _BLANK:
                if run:
                    yield _Unit(run, gap)
                gap, run = True, ""
                continue
            for piece in self._speller.pieces(character):
                if isinstance(piece, str):
                    run += piece
                    continue
                if run:
                    yield _Unit(run, gap)
                    gap, run = False, ""
                yield _Unit(piece, gap)
                gap = False
        if run:
            yield _Unit(run, gap)

    def _broken(self, unit: _Unit, size: int, width: float) -> Iterator[_Unit]:
        """The unit itself, or, when it is wider than a line, parts of it that are not."""
        rest, gap = unit.piece, unit.gap
        if isinstance(rest, int):
            yield unit
            return
        while (keep := self._head(rest, size, width)) < len(rest):
            yield _Unit(rest[:keep], gap)
            rest, gap = rest[keep:], False
        yield _Unit(rest, gap)

    def _head(self, text: str, size: int, width: float) -> int:
        """How many characters fit into ``width``; at least one."""
        lengths = range(1, min(len(text), math.ceil(width / size / _NARROWEST)) + 1)
        return max(1, bisect_right(lengths, width, key=lambda length: self.width(text[:length], size)))


class _Draft:
    """A line while it is filled."""

    def __init__(self, lettering: Lettering, size: int) -> None:
        self._lettering = lettering
        self._size = size
        self._end = 0.0
        self.pieces: list[tuple[float, Piece]] = []

    def fits(self, unit: _Unit, width: float) -> bool:
        return not self.pieces or self._start(unit) + self._lettering.width(unit.piece, self._size) <= width

    def add(self, unit: _Unit) -> None:
        start = self._start(unit)
        self.pieces.append((start, unit.piece))
        self._end = start + self._lettering.width(unit.piece, self._size)

    def line(self) -> Line:
        return Line(tuple(self.pieces), self._end)

    def _start(self, unit: _Unit) -> float:
        space = self._lettering.width(" ", self._size) if unit.gap and self.pieces else 0.0
        return self._end + space


def pen_on(picture: Image.Image) -> ImageDraw.ImageDraw:
    """A pen that blends translucent colours into an RGB picture."""
    return ImageDraw.Draw(picture, "RGBA")
