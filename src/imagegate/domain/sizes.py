"""Sizes in every spelling that clients and providers use. All pure; what a model makes of them is in ``fitting``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from imagegate.errors import InvalidRequest

MAX_EDGE = 65_536
"""Longest edge in pixels that is read at all."""

_PIXELS = re.compile(r"(-?[0-9]{1,20})\s*[xX*×]\s*(-?[0-9]{1,20})")
_RATIO = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*[:x]\s*([0-9]{1,5}(?:\.[0-9]{1,3})?)")


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Edges in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels in all."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Auto:
    """The model decides."""

    def __str__(self) -> str:
        return "auto"


class Tier(StrEnum):
    """A resolution class; its area is that of a square with ``edge``."""

    K0_5 = "512"
    K1 = "1K"
    K1_5 = "1.5K"
    K2 = "2K"
    K3 = "3K"
    K4 = "4K"

    @property
    def edge(self) -> int:
        """Edge of the square in pixels."""
        return _tier_edge(self)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Width to height in lowest terms; make it with :func:`parse_ratio` or :func:`reduced`."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


Size = PixelSize | Auto | Tier | Ratio

_TIERS = {tier.value: tier for tier in Tier}


def parse_size(text: str) -> Size:
    """Read ``auto``, ``WxH`` (also with ``*``, ``×``, ``X`` and spaces), a tier such as ``2K``, or a ratio such as ``16:9``.

    Raises ``InvalidRequest`` (param ``size``, code ``invalid_size``) for anything else.
    """
    word = text.strip()
    if word.lower() == "auto":
        return Auto()
    if word.upper() in _TIERS:
        return _TIERS[word.upper()]
    if pixels := _PIXELS.fullmatch(word):
        return _pixel_size(int(pixels[1]), int(pixels[2]))
    ratio = parse_ratio(word) if ":" in word else None
    if ratio is None:
        shown = repr(word if len(word) <= 40 else word[:40] + "…")
        raise invalid_size(
            f"Size {shown} is not understood; use 'auto', pixels such as '1024x1024', '2K', or a ratio such as '16:9'."
        )
    return ratio


def parse_ratio(text: str) -> Ratio | None:
    """Read ``16:9``, ``9:19.5`` or (as some providers write it) ``16x9``; None when it is no ratio."""
    found = _RATIO.fullmatch(text.strip())
    if found is None or not (float(found[1]) and float(found[2])):
        return None
    exact = Fraction(found[1]) / Fraction(found[2])
    return Ratio(exact.numerator, exact.denominator)


def reduced(size: PixelSize) -> Ratio:
    """The ratio of a size in lowest terms: 1536x1024 is 3:2."""
    divisor = math.gcd(size.width, size.height)
    return Ratio(size.width // divisor, size.height // divisor)


def aspect_ratio(size: PixelSize | Ratio, allowed: Sequence[str]) -> str:
    """The nearest of the ratios that a provider has, in its own spelling; ties go to the first.

    A landscape never becomes a portrait while the list has something else. ``ValueError`` when an entry is no ratio.
    """
    shape = size.width / size.height

    def distance(word: str) -> tuple[bool, float]:
        ratio = parse_ratio(word)
        if ratio is None:
            raise ValueError(f"{word!r} is not a ratio")
        other = ratio.width / ratio.height
        return flips(shape, other), round(abs(math.log(other / shape)), 9)

    return min(allowed, key=distance)


def tier(size: PixelSize | Tier, allowed: Sequence[str]) -> str:
    """The nearest by area of the tiers that a provider has (``1K``, ``2k``, ``512`` …), in its own spelling.

    Areas lean up by 5 %, because 1920x1080 and 3840x2160, known as 2K and 4K, lie just below the middle.
    """
    area = 1.05 * (size.area if isinstance(size, PixelSize) else size.edge**2)
    return min(allowed, key=lambda word: abs(math.log(_tier_edge(word) ** 2 / area)))


def flips(asked: float, other: float) -> bool:
    """Whether landscape became portrait or the other way round; both are width over height."""
    return (asked - 1) * (other - 1) < 0


def invalid_size(message: str) -> InvalidRequest:
    """The error of every size that cannot be served."""
    return InvalidRequest(message, param="size", code="invalid_size")


def _pixel_size(width: int, height: int) -> PixelSize:
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE):
        raise invalid_size(f"Size '{width}x{height}' is impossible; both edges must be between 1 and {MAX_EDGE} pixels.")
    return PixelSize(width, height)


def _tier_edge(word: str) -> int:
    """Edge in pixels of ``512``, ``1K``, ``1.5k`` …"""
    number = word.upper()
    return round(float(number[:-1]) * 1024) if number.endswith("K") else int(number)
