"""What a composition is drawn with: an oversized canvas whose edges become smooth when it is scaled down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from imagegate.adapters._sandbox.palettes import Colour, Palette, blend

Point = tuple[float, float]

_OVERSIZE = 2.0
_SMALL_OVERSIZE = 4.0
_SMALL_AREA = 256 * 256
_MOST_PIXELS = 8_000_000
"""Pixels of the oversized canvas; bigger pictures are drawn smaller and scaled up, which smooth shapes bear well."""
_BACKDROP_EDGE = 512
_GLOW = [round(235 * math.pow(max(0.0, 1 - distance / 178), 1.7)) for distance in range(256)]
"""Strength of a light by distance as Pillow's radial gradient has it: 0 in the centre, 178 and more at the edge."""


@dataclass(frozen=True, slots=True)
class Look:
    """What decides a composition. ``detail`` 1 to 5. ``phase`` 0 to 1: where in its loop an animation stands."""

    seed: int
    detail: int
    phase: float = 0.0
    vivid: bool = False


class Brush:
    """Draws filled shapes in oversized pixels. ``width`` and ``height`` are of the oversized canvas."""

    def __init__(self, size: tuple[int, int], palette: Palette, random: Random, look: Look) -> None:
        self._size = size
        scale = _oversize(*size)
        self.width, self.height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        self.short = min(self.width, self.height)
        self.palette = palette
        self.random = random
        self.detail = look.detail
        self.turn = 2 * math.pi * look.phase
        self._canvas = Image.new("RGB", (self.width, self.height))
        self._draw = ImageDraw.Draw(self._canvas)

    def backdrop(self, top: Colour, bottom: Colour, glow: Colour, at: Point, radius: float) -> None:
        """A vertical gradient with a soft light at ``at``. Drawn small: it is smooth, so scaling it up costs nothing."""
        width, height = _fitted(self.width, self.height, _BACKDROP_EDGE)
        small = Image.new("RGB", (1, height))
        small.putdata([blend(top, bottom, y / max(1, height - 1)) for y in range(height)])
        small = small.resize((width, height))
        share = width / self.width
        edge = max(1, round(2 * radius * share))
        light = Image.radial_gradient("L").resize((edge, edge)).point(_GLOW)
        small.paste(glow, (round(at[0] * share - edge / 2), round(at[1] * share - edge / 2)), light)
        self._canvas.paste(small.resize((self.width, self.height), Image.Resampling.BICUBIC))

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(points, fill=colour)

    def disc(self, at: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        x, y = at
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def ring(self, at: Point, radius: float, thickness: float, colour: Colour) -> None:
        """A circle's line."""
        x, y = at
        box = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(box, outline=colour, width=max(1, round(thickness)))

    def sector(self, at: Point, radius: float, start: float, colour: Colour, sweep: float = 90.0) -> None:
        """A part of a disc from ``start`` degrees, clockwise."""
        x, y = at
        self._draw.pieslice((x - radius, y - radius, x + radius, y + radius), start, start + sweep, fill=colour)

    def pill(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        """A bar with round ends."""
        self._draw.rounded_rectangle(box, radius=(box[3] - box[1]) / 2, fill=colour)

    def finished(self) -> Image.Image:
        """The picture in its real size."""
        larger = self._size[0] > self.width
        return self._canvas.resize(self._size, Image.Resampling.BICUBIC if larger else Image.Resampling.BOX)


def dice(purpose: str, seed: int) -> Random:
    """Randomness that is the same in every run, and of its own for every purpose."""
    return Random(f"{purpose} {seed}")  # noqa: S311 - for pictures, not for secrets


def _oversize(width: int, height: int) -> float:
    wished = _SMALL_OVERSIZE if width * height <= _SMALL_AREA else _OVERSIZE
    return min(wished, math.sqrt(_MOST_PIXELS / (width * height)))


def _fitted(width: int, height: int, edge: int) -> tuple[int, int]:
    share = min(1.0, edge / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))
