"""What fits on a caption card, and where. Numbers only; ``caption`` draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from imagegate.adapters._sandbox.lettering import Lettering, Line

_LONGEST_PROMPT = 1600
"""Characters of a prompt that are tried; far more than any card holds."""
_SMALLEST_TEXT = 9
_READABLE_TEXT = 16
_TEXT_SHARE = 1 / 31
"""Size of the text as a share of the area's edge, were it square."""
_SCALES = (1.0, 0.86, 0.74, 0.64, 0.55)
_WIDEST = 27
"""Width of a card in times the size of its text."""
_CHIP_SCALE = 0.64
_SMALLEST_CHIP = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Caption:
    """What the card says. ``thumbnails``: RGB pictures of any size. ``share``: how much of the area's height it may take."""

    prompt: str
    chips: tuple[str, ...]
    thumbnails: tuple[Image.Image, ...] = ()
    share: float = 0.6


@dataclass(frozen=True, slots=True)
class Measures:
    """Sizes in pixels that follow from the size of the prompt's text."""

    text: int
    width: int

    @property
    def padding(self) -> int:
        """Between the card's edge and what is on it."""
        return max(4, round(self.text * 0.75))

    @property
    def inner(self) -> int:
        """Width of what is on the card."""
        return self.width - 2 * self.padding

    @property
    def leading(self) -> int:
        """From line to line."""
        return round(self.text * 1.28)

    @property
    def chip_text(self) -> int:
        """Size of the text in a chip."""
        return max(_SMALLEST_CHIP, round(self.text * _CHIP_SCALE))

    @property
    def chip_height(self) -> int:
        """Height of a chip."""
        return round(self.chip_text * 1.75)

    @property
    def gap(self) -> int:
        """Between neighbours."""
        return max(2, round(self.text * 0.32))


@dataclass(frozen=True, slots=True)
class Layout:
    """What is shown: lines of the prompt, rows of chips with their x, and square thumbnails; ``complete`` when that is all."""

    measures: Measures
    lines: tuple[Line, ...]
    chips: tuple[tuple[tuple[int, Line], ...], ...]
    thumbnails: int
    thumbnail_edge: int
    complete: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the card."""
        m = self.measures
        ends = [line.width for line in self.lines] + [x + chip_width(line, m) for row in self.chips for x, line in row]
        strip = self.thumbnails * (self.thumbnail_edge + m.gap) - m.gap if self.thumbnail_edge else 0
        width = min(m.width, math.ceil(max(*ends, strip)) + 2 * m.padding)
        return width, _height(m, len(self.lines), len(self.chips), self.thumbnail_edge)


def fit(lettering: Lettering, area: Box, caption: Caption) -> Layout | None:
    """The largest text with which everything fits into ``area``, else what of it does; None when nothing can be read."""
    room = area.width - 2 * margin(area), min(round(area.height * caption.share), area.height - 2 * margin(area))
    wished = max(_READABLE_TEXT, math.sqrt(area.width * area.height) * _TEXT_SHARE)
    wished = max(_SMALLEST_TEXT, min(wished, room[0] / 11))
    layout = None
    for scale in _SCALES:
        size = max(_SMALLEST_TEXT, round(wished * scale))
        found = _lay_out(lettering, caption, Measures(size, min(room[0], round(size / scale * _WIDEST))), room[1])
        if found is not None and found.complete:
            return found
        layout = found or layout
    return layout


def margin(area: Box) -> int:
    """Pixels between a card and the edges of its area."""
    return max(3, round(min(area.width, area.height) * 0.045))


def _lay_out(lettering: Lettering, caption: Caption, measures: Measures, height: int) -> Layout | None:
    if measures.inner < 3 * measures.text:
        return None
    prompt = caption.prompt[:_LONGEST_PROMPT]
    lines = lettering.wrap(prompt, measures.text, measures.inner) or [Line((), 0.0)]
    chips = _chip_rows(lettering, caption.chips, measures)
    edge = _thumbnail_edge(measures, len(caption.thumbnails))
    for rows, thumbnail in ((chips, edge), (chips, 0), (chips[:1], 0), ([], 0)):
        most = _most_lines(measures, len(rows), thumbnail, height)
        if most < min(len(lines), 2 if rows else 1):
            continue
        shown = lines[:most]
        whole = len(lines) <= most and len(prompt) == len(caption.prompt)
        if not whole:
            shown[-1] = lettering.ellipsis(shown[-1], measures.text, measures.inner)
        complete = whole and rows == chips and thumbnail == edge
        return Layout(measures, tuple(shown), tuple(map(tuple, rows)), len(caption.thumbnails), thumbnail, complete)
    return None


def _chip_rows(lettering: Lettering, chips: tuple[str, ...], measures: Measures) -> list[list[tuple[int, Line]]]:
    rows: list[list[tuple[int, Line]]] = []
    end = measures.inner + 1
    for chip in chips:
        room = measures.inner - measures.chip_height
        found = lettering.wrap(chip, measures.chip_text, room)
        if not found:
            continue
        line = found[0] if len(found) == 1 else lettering.ellipsis(found[0], measures.chip_text, room)
        width = chip_width(line, measures)
        if end + width > measures.inner:
            rows.append([])
            end = 0
        rows[-1].append((end, line))
        end += width + measures.gap
    return rows


def chip_width(line: Line, measures: Measures) -> int:
    """Width of a chip in pixels."""
    return math.ceil(line.width) + round(measures.chip_height * 0.8)


def _thumbnail_edge(measures: Measures, count: int) -> int:
    if not count:
        return 0
    return max(1, min(round(measures.text * 4.2), (measures.inner - (count - 1) * measures.gap) // count))


def _height(measures: Measures, lines: int, rows: int, thumbnail: int) -> int:
    height = 2 * measures.padding + lines * measures.leading
    if rows:
        height += round(measures.padding * 0.55) + rows * measures.chip_height + (rows - 1) * measures.gap
    return height + (thumbnail + round(measures.padding * 0.7) if thumbnail else 0)


def _most_lines(measures: Measures, rows: int, thumbnail: int, height: int) -> int:
    return (height - _height(measures, 0, rows, thumbnail)) // measures.leading
