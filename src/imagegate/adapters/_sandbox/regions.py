"""Where in a mask there is room."""

from __future__ import annotations

from PIL import Image

from imagegate.adapters._sandbox.layout import Box

_GRID = 64


def largest_rectangle(hole: Image.Image) -> Box:
    """The largest rectangle of 255s in an L picture, to the accuracy of a 64 by 64 grid; empty when there is none."""
    columns, rows = min(_GRID, hole.width), min(_GRID, hole.height)
    cells = hole.resize((columns, rows), Image.Resampling.BOX).tobytes()
    heights = [0] * columns
    best, found = 0, (0, 0, 0, 0)
    across, down = hole.width / columns, hole.height / rows
    for row in range(rows):
        line = cells[row * columns : (row + 1) * columns]
        heights = [height + 1 if cell == 255 else 0 for height, cell in zip(heights, line, strict=True)]
        for left, right, height in _bars(heights):
            area = (right - left) * height
            if area > best:
                best, found = area, (left, row + 1 - height, right, row + 1)
    left, top, right, bottom = found
    x, y = round(left * across), round(top * down)
    return Box(x, y, round(right * across) - x, round(bottom * down) - y)


def _bars(heights: list[int]) -> list[tuple[int, int, int]]:
    """For each bar of a histogram the widest rectangle of its height: left, right (exclusive), height."""
    found: list[tuple[int, int, int]] = []
    open_bars: list[tuple[int, int]] = []
    for position, height in enumerate([*heights, 0]):
        start = position
        while open_bars and open_bars[-1][1] >= height:
            start, taller = open_bars.pop()
            found.append((start, position, taller))
        open_bars.append((start, height))
    return found
