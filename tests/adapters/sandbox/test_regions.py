from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from imagegate.adapters._sandbox.layout import Box
from imagegate.adapters._sandbox.regions import largest_rectangle


def hole(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.new("L", size)
    for box in boxes:
        picture.paste(255, box)
    return picture


@pytest.mark.parametrize(
    ("picture", "box"),
    [
        (hole((10, 10)), Box(0, 0, 0, 0)),
        (hole((10, 10), (0, 0, 10, 10)), Box(0, 0, 10, 10)),
        (hole((640, 640), (320, 100, 480, 500)), Box(320, 100, 160, 400)),
        (hole((20, 20), (0, 0, 20, 4), (8, 0, 12, 20)), Box(0, 0, 20, 4)),
        (hole((20, 20), (0, 0, 3, 3), (10, 10, 20, 15)), Box(10, 10, 10, 5)),
        (hole((1, 1), (0, 0, 1, 1)), Box(0, 0, 1, 1)),
    ],
)
def test_the_largest_rectangle(picture: Image.Image, box: Box) -> None:
    assert largest_rectangle(picture) == box


def test_inside_a_disc() -> None:
    disc = Image.new("L", (500, 500))
    ImageDraw.Draw(disc).ellipse((0, 0, 499, 499), fill=255)
    box = largest_rectangle(disc)
    inside = disc.crop((box.left, box.top, box.left + box.width, box.top + box.height))
    assert inside.getextrema() == (255, 255)
    assert box.width * box.height > 500 * 500 * 0.44
