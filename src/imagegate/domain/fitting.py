"""The nearest size that a model makes. Pure; sizes are pixels, shapes are width over height."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from imagegate.domain.capabilities import SizePolicy, SizeRule
from imagegate.domain.sizes import Auto, PixelSize, Ratio, Size, Tier, flips, invalid_size, parse_ratio, reduced

DEFAULT_AREA = 1024 * 1024
"""Pixels to aim at when only a ratio was asked for."""

_SAME_RATIO = 0.05
"""Listed sizes whose ratios are this close (natural log) count as equally well shaped; then the area decides."""
_RATIO_GRID = 16
"""Pixels in whose steps most models work."""
_SAME_AREA = math.log(1.5)
"""How far from the wished area (natural log) an exactly kept ratio may lead."""


def satisfies(size: PixelSize, rule: SizeRule) -> bool:
    """Whether the model makes exactly this size."""
    if rule.fixed:
        return (size.width, size.height) in rule.fixed
    short, long = sorted((size.width, size.height))
    return (
        rule.min_edge <= short
        and long <= rule.max_edge
        and rule.min_pixels <= size.area <= rule.max_pixels
        and size.width % rule.multiple == 0
        and size.height % rule.multiple == 0
        and long <= rule.max_ratio * short
    )


def satisfiable(rule: SizeRule) -> bool:
    """Whether any size at all obeys the rule; the catalog accepts no other rules."""
    return bool(rule.fixed) or next(_every_width(1.0, rule), None) is not None


def fit_size(asked: Size, rule: SizeRule, tier: Tier | None = None) -> str:
    """What to send for ``asked``: ``WxH`` or ``auto``, with ``passthrough`` also a tier or a ratio.

    ``tier``: how large a ratio shall become; about a megapixel without one.

    ``nearest`` keeps the ratio as well as the rule allows, then the area, and never turns landscape into portrait
    while the rule has something else. ``strict`` raises ``InvalidRequest`` naming what is allowed; a ratio or a tier
    is granted when the model makes it exactly. The rule must be ``satisfiable``, else ``ValueError``.
    """
    if rule.policy is SizePolicy.PASSTHROUGH or (isinstance(asked, Auto) and rule.auto):
        return str(asked)
    fitted = size_from(asked, tier, rule) if tier and isinstance(asked, Ratio) else _nearest(asked, rule)
    if rule.policy is SizePolicy.STRICT and not _granted(asked, fitted):
        raise invalid_size(f"This model does not make size '{asked}'; use {describe_rule(rule)}.")
    return str(fitted)


def size_from(ratio: Ratio, area: Tier | int, rule: SizeRule) -> PixelSize:
    """The size of the rule that comes nearest to ``ratio`` and, then, to ``area`` (pixels, or a tier's)."""
    pixels = area.edge**2 if isinstance(area, Tier) else area
    shape = ratio.width / ratio.height
    if rule.fixed:
        return _nearest_fixed(shape, pixels, rule)
    return _exact_ratio(ratio, pixels, rule) or _nearest_free(shape, pixels, rule)


def by_ratio(ratios: Sequence[str], rule: SizeRule) -> SizeRule:
    """The rule where a model is told a ratio and nothing else: for each one size of about a megapixel within ``rule``."""
    grid = replace(rule, multiple=max(rule.multiple, _RATIO_GRID))
    known = [ratio for word in ratios if (ratio := parse_ratio(word)) is not None]
    fixed = [size_from(ratio, DEFAULT_AREA, grid if satisfiable(grid) else rule) for ratio in known]
    return SizeRule(fixed=tuple((size.width, size.height) for size in fixed), auto=rule.auto)


def describe_rule(rule: SizeRule) -> str:
    """What a model makes, as part of a sentence."""
    if rule.fixed:
        words = [f"{width}x{height}" for width, height in rule.fixed]
        return " or ".join([", ".join(words), *(["auto"] if rule.auto else [])])
    edges = f"edges of {rule.min_edge} to {rule.max_edge} pixels in steps of {rule.multiple}"
    pixels = f"{rule.min_pixels} to {rule.max_pixels} pixels in all"
    return f"{edges}, {pixels}, a ratio of at most {rule.max_ratio:g}:1" + (", or auto" if rule.auto else "")


def _granted(asked: Size, fitted: PixelSize) -> bool:
    """Whether a size that was found is what was asked for, and not merely near."""
    if isinstance(asked, Tier):
        return fitted == PixelSize(asked.edge, asked.edge)
    if isinstance(asked, Ratio):
        return reduced(fitted) == asked
    return fitted == asked


def _nearest(asked: Size, rule: SizeRule) -> PixelSize:
    if isinstance(asked, Auto):
        return size_from(Ratio(1, 1), DEFAULT_AREA, rule)
    if isinstance(asked, Ratio):
        return size_from(asked, DEFAULT_AREA, rule)
    size = PixelSize(asked.edge, asked.edge) if isinstance(asked, Tier) else asked
    if satisfies(size, rule):
        return size
    search = _nearest_fixed if rule.fixed else _nearest_free
    return search(size.width / size.height, size.area, rule)


def _nearest_fixed(shape: float, area: int, rule: SizeRule) -> PixelSize:
    def distance(edges: tuple[int, int]) -> tuple[bool, int, float, float, tuple[int, int]]:
        other = edges[0] / edges[1]
        ratio_error = abs(math.log(other / shape))
        area_error = abs(math.log(edges[0] * edges[1] / area))
        return flips(shape, other), int(ratio_error / _SAME_RATIO), area_error, ratio_error, edges

    return PixelSize(*min(rule.fixed, key=distance))


def _exact_ratio(ratio: Ratio, area: int, rule: SizeRule) -> PixelSize | None:
    """The size with exactly this ratio and about this area, if the grid of the rule has one."""
    step = math.lcm(rule.multiple // math.gcd(rule.multiple, ratio.width), rule.multiple // math.gcd(rule.multiple, ratio.height))
    unit = PixelSize(ratio.width * step, ratio.height * step)
    times = math.isqrt(area // unit.area)
    sizes = [PixelSize(unit.width * k, unit.height * k) for k in (times, times + 1) if k]
    near = [size for size in sizes if satisfies(size, rule) and abs(math.log(size.area / area)) <= _SAME_AREA]
    return min(near, key=lambda size: abs(math.log(size.area / area)), default=None)


def _nearest_free(shape: float, area: int, rule: SizeRule) -> PixelSize:
    width, height = _ideal(shape, area, rule)

    def distance(size: PixelSize) -> tuple[float, int, int]:
        across, down = math.log(size.width / width), math.log(size.height / height)
        return round(2 * (across - down) ** 2 + (across + down) ** 2, 12), size.width, size.height

    around = [size for size in _around(width, height, rule.multiple) if satisfies(size, rule)]
    best = min(around or _every_width(width / height, rule), key=distance, default=None)
    if best is None:
        raise ValueError("no size obeys the rule")
    return PixelSize(best.height, best.width) if flips(shape, best.width / best.height) else best


def _ideal(shape: float, area: int, rule: SizeRule) -> tuple[float, float]:
    """Edges that keep ``shape``, then ``area``, within the bounds of the rule, steps of ``multiple`` aside."""
    low, high = 2 * math.log(rule.min_edge), 2 * math.log(rule.max_edge)
    least, most = math.log(rule.min_pixels), math.log(rule.max_pixels)
    longest = max(0.0, min(math.log(rule.max_ratio), (high - low) / 2, high - least, most - low))
    ratio = min(max(math.log(shape), -longest), longest)
    pixels = min(max(math.log(area), least, low + abs(ratio)), most, high - abs(ratio))
    return math.exp((pixels + ratio) / 2), math.exp((pixels - ratio) / 2)


def _around(width: float, height: float, multiple: int) -> Iterator[PixelSize]:
    """Grid points next to an ideal size."""
    across, down = int(width / multiple), int(height / multiple)
    for a in range(max(1, across - 1), across + 3):
        for b in range(max(1, down - 1), down + 3):
            yield PixelSize(a * multiple, b * multiple)


def _every_width(shape: float, rule: SizeRule) -> Iterator[PixelSize]:
    """For each width of a rule the allowed height that fits ``shape`` best; the slow way, for odd rules."""
    step = rule.multiple
    first = -(-rule.min_edge // step) * step
    for width in range(first, rule.max_edge + 1, step):
        low = max(first, -(-rule.min_pixels // width), math.ceil(width / rule.max_ratio))
        high = min(rule.max_edge, rule.max_pixels // width, math.floor(width * rule.max_ratio))
        lowest, highest = -(-low // step) * step, high // step * step
        size = PixelSize(width, min(max(round(width / shape / step) * step, lowest), highest))
        if lowest <= highest and satisfies(size, rule):
            yield size
