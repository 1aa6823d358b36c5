"""Three compositions: a landscape, a wall of tiles, a solar system. ``detail`` decides how much there is to see."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image

from imagegate.adapters._sandbox.brush import Brush, Look, Point, dice
from imagegate.adapters._sandbox.palettes import Colour, blend, brightness, pick

Ridge = Callable[[float], float]


def paint_scene(size: tuple[int, int], look: Look) -> Image.Image:
    """An RGB picture that depends on nothing but its arguments."""
    random = dice("scene", look.seed)
    scene = random.choice((_landscape, _landscape, _tiles, _planets))
    palette = pick(random, look.vivid)
    brush = Brush(size, palette, random, look)
    scene(brush)
    return brush.finished()


def _landscape(brush: Brush) -> None:
    """A sky with sun or moon, and ridges that come nearer."""
    palette, random = brush.palette, brush.random
    horizon = brush.height * random.uniform(0.42, 0.56)
    sun = brush.width * random.uniform(0.25, 0.75), horizon * random.uniform(0.42, 0.8)
    radius = brush.short * random.uniform(0.07, 0.12)
    brush.backdrop(palette.high, palette.low, palette.light, sun, radius * 5.5)
    if palette.dark:
        _stars(brush, 40 * brush.detail, horizon, (sun, radius * 3))
    brush.disc(sun, radius, palette.light)
    if not palette.dark:
        _clouds(brush, horizon)
    count = 2 + 2 * brush.detail
    for number in range(count):
        near = (number + 1) / count
        colour = blend(blend(palette.far, palette.low, 0.45), palette.near, near**0.9)
        ridge = _ridge(brush, horizon + (brush.height - horizon) * 0.92 * (near - 1 / count), near)
        _fill_below(brush, ridge, colour)
        if brush.detail >= 3 and near > 0.4:
            _trees(brush, ridge, near, blend(colour, palette.near, 0.55))


def _ridge(brush: Brush, base: float, near: float) -> Ridge:
    """Far ridges are pointed, near ones are round; an animation makes them sway."""
    random = brush.random
    height = brush.short * (0.11 - 0.055 * near)
    waves = [(cycles, random.uniform(0, 2 * math.pi), 1 / cycles**0.8) for cycles in (1, 2, 3, 5, 8, 13)[: 3 + brush.detail // 2]]
    sway = 1.1 * near * math.sin(brush.turn + 2 * near)
    stretch = 2 * math.pi / max(brush.width, brush.short * 1.2)

    def line(x: float) -> float:
        total = 0.0
        for cycles, start, weight in waves:
            wave = math.sin(x * stretch * cycles + start + sway * cycles)
            pointed = 2 / math.pi * math.asin(wave)
            total += weight * (pointed + (wave - pointed) * near)
        return base - height * total

    return line


def _fill_below(brush: Brush, ridge: Ridge, colour: Colour) -> None:
    steps = 128
    points: list[Point] = [(brush.width * step / steps, ridge(brush.width * step / steps)) for step in range(steps + 1)]
    brush.polygon([*points, (brush.width, brush.height), (0, brush.height)], colour)


def _trees(brush: Brush, ridge: Ridge, near: float, colour: Colour) -> None:
    random = brush.random
    for _ in range(round(brush.detail * 7 * near * brush.width / brush.short)):
        x = random.uniform(0, brush.width)
        tall = brush.short * near**2 * random.uniform(0.035, 0.075)
        foot = ridge(x) + tall * 0.15
        for top, bottom, wide in ((0.0, 0.55, 0.17), (0.3, 0.8, 0.24), (0.55, 1.0, 0.3)):
            peak, base = foot - tall * (1 - top), foot - tall * (1 - bottom)
            brush.polygon([(x, peak), (x - tall * wide, base), (x + tall * wide, base)], colour)


def _stars(brush: Brush, count: int, down_to: float, glare: tuple[Point, float]) -> None:
    """Twinkling dots, none of them in the glare (centre and radius) of the sun."""
    random, palette = brush.random, brush.palette
    sun, reach = glare
    for _ in range(count):
        at = random.uniform(0, brush.width), down_to * random.random() ** 1.3
        twinkle = 0.8 + 0.2 * math.sin(brush.turn + random.uniform(0, 6.3))
        size = max(brush.short * random.choice((0.0009, 0.0012, 0.0024)), 0.8)
        if math.dist(at, sun) > reach:
            brush.disc(at, size, blend(palette.high, palette.light, twinkle * random.uniform(0.6, 1)))


def _clouds(brush: Brush, down_to: float) -> None:
    random, palette = brush.random, brush.palette
    for _ in range(brush.detail):
        x, y = random.uniform(-0.1, 0.95) * brush.width, random.uniform(0.08, 0.75) * down_to
        thick = brush.short * random.uniform(0.012, 0.02)
        drift = brush.short * 0.03 * math.sin(brush.turn)
        colour = blend(blend(palette.high, palette.low, y / brush.height), palette.light, 0.65)
        for row, (shift, length) in enumerate(((1.5, 7), (0, 12), (3, 8))):
            left, top = x + drift + shift * thick, y + (row - 1) * thick * 1.5
            brush.pill((left, top, left + length * thick * random.uniform(0.8, 1.2), top + thick), colour)


def _tiles(brush: Brush) -> None:
    """Quarter circles, half circles and rings on a grid; an animation turns them."""
    random, colours = brush.random, list(brush.palette.colours)
    cell = brush.short / (2 + brush.detail)
    across, down = math.ceil(brush.width / cell), math.ceil(brush.height / cell)
    left, top = (brush.width - across * cell) / 2, (brush.height - down * cell) / 2
    for row in range(down):
        for column in range(across):
            ground, figure, third = random.sample(colours, 3)
            corner = random.randrange(4) + round(brush.turn / math.pi * 2)
            _tile(brush, (left + column * cell, top + row * cell), cell, (ground, figure, third), corner % 4)


def _tile(brush: Brush, at: Point, cell: float, colours: tuple[Colour, Colour, Colour], corner: int) -> None:
    x, y = at
    ground, figure, third = colours
    brush.polygon([(x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell)], ground)
    corners = ((x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell))
    opposite = (corner + 2) % 4
    middle = (x + cell / 2, y + cell / 2)
    kind = brush.random.randrange(6)
    if kind == 0:
        brush.sector(corners[corner], cell, corner * 90, figure)
    elif kind == 1:
        for share, colour in ((1.0, figure), (0.66, ground), (0.33, third)):
            brush.sector(corners[corner], cell * share, corner * 90, colour)
    elif kind == 2:
        brush.sector(corners[corner], cell / 2, corner * 90, figure)
        brush.sector(corners[opposite], cell / 2, opposite * 90, third)
    elif kind == 3:
        brush.sector(middle, cell / 2, corner * 90, figure, 180)
        brush.sector(middle, cell / 4, corner * 90 + 180, third, 180)
    elif kind == 4:
        brush.disc(middle, cell * 0.38, figure)
        brush.disc(middle, cell * 0.16, third)
    else:
        brush.polygon([corners[corner], corners[(corner + 1) % 4], corners[opposite]], figure)


def _planets(brush: Brush) -> None:
    """A sun, and planets on their orbits; an animation lets them run."""
    palette, random = brush.palette, brush.random
    night = blend(palette.near, (8, 10, 24), 0.6)
    sun = brush.width * random.uniform(0.38, 0.62), brush.height * random.uniform(0.34, 0.48)
    radius = brush.short * random.uniform(0.08, 0.11)
    brush.backdrop(night, blend(night, palette.high, 0.55), blend(palette.light, palette.accent, 0.35), sun, radius * 5)
    _stars(brush, 60 * brush.detail, brush.height, (sun, radius * 3))
    brush.disc(sun, radius, palette.light)
    count = 2 + brush.detail
    reach = math.hypot(brush.width, brush.height) * 0.5
    for number in range(count):
        orbit = radius * 1.7 + (reach - radius * 1.7) * ((number + 0.3) / count) ** 1.15
        _orbit(brush, sun, orbit, night)


def _orbit(brush: Brush, sun: Point, orbit: float, night: Colour) -> None:
    palette, random = brush.palette, brush.random
    brush.ring(sun, orbit, brush.short * 0.0022, blend(night, palette.light, 0.32))
    angle = random.uniform(0, 2 * math.pi) + brush.turn * random.choice((1, 1, 2))
    size = brush.short * random.uniform(0.022, 0.052)
    x, y = sun[0] + orbit * math.cos(angle), sun[1] + orbit * math.sin(angle)
    colour = random.choice([colour for colour in palette.colours if brightness(colour) > 80])
    brush.disc((x, y), size, colour)
    brush.sector((x, y), size, math.degrees(angle) - 90, blend(colour, night, 0.45), 180)
    if random.random() < 0.45:
        brush.ring((x, y), size * 1.6, size * 0.13, blend(night, colour, 0.8))
    for _ in range(random.randrange(brush.detail)):
        way = random.uniform(0, 2 * math.pi)
        far = size * random.uniform(1.9, 2.6)
        brush.disc((x + far * math.cos(way), y + far * math.sin(way)), size * 0.18, palette.light)
