"""Colours that go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import ImageColor

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

INK: Colour = (16, 20, 34)
"""Behind text."""
PAPER: Colour = (248, 246, 240)
"""Text, and the border of cut-out pictures."""


@dataclass(frozen=True, slots=True)
class Palette:
    """``high`` and ``low`` make the sky, ``light`` the sun; ``far`` to ``near`` are the things in it, ``accent`` stands out."""

    high: Colour
    low: Colour
    light: Colour
    far: Colour
    near: Colour
    accent: Colour

    @property
    def colours(self) -> tuple[Colour, ...]:
        """All six, for compositions that have no sky."""
        return self.high, self.low, self.light, self.far, self.near, self.accent

    @property
    def dark(self) -> bool:
        """Whether stars would be seen."""
        return brightness(self.high) < 80


_HEX = (
    "#2b2d6e #f08a6b #ffe0a3 #8a5a83 #241b3f #f4555f",  # dusk
    "#0b1d3a #2f6f8f #ffe9b8 #2c5f7c #08182c #f2a541",  # night
    "#7ec8e3 #fdf1d6 #fff7dd #8fc1b5 #1f4e5f #f27059",  # morning
    "#f6b38e #fde8c9 #fff4dc #d98e73 #5c2e3e #2a9d8f",  # desert
    "#1a1440 #7b4b94 #ffd6e0 #6a4c93 #1b1030 #ff8fab",  # violet
    "#c9e4de #f7f6e7 #ffd97d #84b59f #22402f #ee6c4d",  # meadow
    "#0d3b4f #3fa796 #fdf5bf #2a7f7f #06232e #f97068",  # lagoon
    "#f9c5d1 #fdeff2 #ffffff #b49fcc #4a3f6b #f7a072",  # blossom
)


def pick(random: Random, vivid: bool = False) -> Palette:
    """One palette; ``vivid`` with stronger colours."""
    colours = [_rgb(word) for word in random.choice(_HEX).split()]
    if vivid:
        colours = [_saturated(colour) for colour in colours]
    return Palette(*colours)


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` 0 is ``one``, 1 is ``other``."""
    return _three([round(a + (b - a) * share) for a, b in zip(one, other, strict=True)])


def brightness(colour: Colour) -> float:
    """Perceived brightness, 0 to 255 (ITU-R BT.601)."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _saturated(colour: Colour) -> Colour:
    grey = brightness(colour)
    return _three([round(min(max(grey + (value - grey) * 1.45, 0), 255)) for value in colour])


def _rgb(word: str) -> Colour:
    return _three(ImageColor.getrgb(word))


def _three(values: Sequence[int]) -> Colour:
    red, green, blue = values[:3]
    return red, green, blue
