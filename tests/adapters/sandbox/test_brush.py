from __future__ import annotations

from random import Random

import pytest

from imagegate.adapters._sandbox.brush import Brush, Look, dice
from imagegate.adapters._sandbox.palettes import pick


def brush(size: tuple[int, int]) -> Brush:
    return Brush(size, pick(Random(1)), Random(1), Look(1, 1))


@pytest.mark.parametrize(("size", "scale"), [((64, 64), 4), ((1024, 1024), 2)])
def test_drawn_oversized(size: tuple[int, int], scale: int) -> None:
    assert (brush(size).width, brush(size).height) == (size[0] * scale, size[1] * scale)


def test_the_oversized_canvas_is_bounded() -> None:
    large = brush((4096, 4096))
    assert large.width * large.height <= 8_100_000
    assert large.finished().size == (4096, 4096)


def test_edges_are_smooth() -> None:
    pen = brush((40, 40))
    pen.disc((80, 80), 50, (255, 255, 255))
    shades = {shade for _, shade in pen.finished().convert("L").getcolors() or []}
    assert {0, 255} < shades


def test_a_glow_has_no_visible_box() -> None:
    pen = brush((200, 200))
    pen.backdrop((0, 0, 0), (0, 0, 0), (255, 255, 255), (pen.width / 2, pen.height / 2), pen.width / 4)
    picture = pen.finished().convert("L")
    assert picture.getpixel((100, 100)) == pytest.approx(232, abs=10)
    assert picture.getpixel((100, 52)) == pytest.approx(0, abs=4)
    assert picture.getpixel((10, 10)) == 0


def test_dice_are_the_same_for_the_same_purpose_only() -> None:
    assert dice("a", 1).random() == dice("a", 1).random() != dice("b", 1).random()
