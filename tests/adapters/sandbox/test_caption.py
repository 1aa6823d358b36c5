from __future__ import annotations

from PIL import Image, ImageChops

from imagegate.adapters._sandbox.caption import draw_caption, rounded
from imagegate.adapters._sandbox.layout import Box, Caption


def captioned(caption: Caption, mode: str = "RGB", area: Box | None = None) -> Image.Image:
    picture = Image.new(mode, (400, 300))
    draw_caption(picture, area or Box(0, 0, 400, 300), caption)
    return picture


def test_prompt_chips_and_thumbnails_are_seen() -> None:
    blue = Image.new("RGB", (50, 80), (0, 0, 255))
    captions = [Caption("one", ()), Caption("two", ()), Caption("one", ("chip",)), Caption("one", (), (blue,))]
    assert len({captioned(caption).tobytes() for caption in captions}) == 4
    colours = captioned(captions[-1]).getcolors(400 * 300) or []
    assert any(colour == (0, 0, 255) and count > 500 for count, colour in colours)


def test_only_its_area_is_touched() -> None:
    area = Box(200, 150, 190, 140)
    changed = ImageChops.difference(captioned(Caption("fox", ("chip",)), area=area), Image.new("RGB", (400, 300))).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert left >= area.left and top >= area.top
    assert right <= area.left + area.width and bottom <= area.top + area.height


def test_the_card_is_opaque_on_a_transparent_picture() -> None:
    low, high = captioned(Caption("fox", ()), "RGBA").getchannel("A").getextrema()
    assert (low, high) == (0, 255)


def test_round_corners() -> None:
    mask = rounded((40, 20), 8)
    assert mask.size == (40, 20)
    assert mask.getpixel((0, 0)) == 0
    assert mask.getpixel((20, 10)) == 255
