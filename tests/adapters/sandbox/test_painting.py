from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageChops

from imagegate.adapters._sandbox import references
from imagegate.adapters._sandbox.painting import paint
from imagegate.adapters._sandbox.references import Canvas
from imagegate.domain.images import Operation
from tests.adapters.sandbox.samples import checkered, file_of, plan, round_hole

SIZE = (320, 240)


def generated(**changes: Any) -> Image.Image:
    return paint(plan(**{"size": "320x240", **changes}), 0, None)


def edited(canvas: Canvas, **changes: Any) -> Image.Image:
    return paint(plan(**{"operation": Operation.EDIT, "size": "320x240", **changes}), 0, canvas)


def canvas_of(picture: Image.Image | None = None, **changes: Any) -> Canvas:
    return replace(references.first_reference(file_of(picture or checkered(SIZE)), SIZE), **changes)


def hole() -> Image.Image:
    return references.hole(file_of(round_hole(SIZE)), SIZE)


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a pixel's channels."""
    histogram = ImageChops.difference(one, other).histogram()
    return sum(level % 256 * count for level, count in enumerate(histogram)) / sum(histogram)


def changed(one: Image.Image, other: Image.Image) -> Image.Image:
    """L: 255 where two pictures differ."""
    bands = ImageChops.difference(one.convert("RGBA"), other.convert("RGBA")).split()
    seen = bands[0]
    for band in bands[1:]:
        seen = ImageChops.lighter(seen, band)
    return seen.point([0] + [255] * 255)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "A fox in the rain"},
        {"quality": "max"},
        {"model": "sandbox-slow"},
        {"background": "opaque"},
        {"output_format": "webp"},
        {"n": 2},
        {"style": "vivid"},
        {"moderation": "low"},
        {"extra": {"seed": 7}},
        {"extra": {"negative_prompt": "blur"}},
    ],
)
def test_every_parameter_can_be_seen(changes: dict[str, Any]) -> None:
    assert generated(**changes).tobytes() != generated().tobytes()


def test_pictures_of_one_request_differ() -> None:
    several = plan(n=3)
    assert len({paint(several, index, None).tobytes() for index in range(3)}) == 3


def test_what_one_seed_shows_another_request_can_have_again() -> None:
    small = {"size": "16x16"}  # too small for a caption, so that only the composition counts
    second = paint(plan(**small, n=2), 1, None)
    assert second.tobytes() == paint(plan(**small, prompt="other", extra={"seed": plan().seed + 1}), 0, None).tobytes()


@pytest.mark.parametrize("size", ["16x16", "64x64", "320x240", "40x600"])
def test_a_transparent_picture_is_a_sticker(size: str) -> None:
    picture = generated(size=size, background="transparent")
    alpha = picture.getchannel("A")
    width, height = picture.size
    assert [alpha.getpixel(at) for at in ((0, 0), (width - 1, 0))] == [0, 0]
    assert alpha.getpixel((width // 2, height // 2)) == 255


def test_outside_the_mask_every_pixel_stays() -> None:
    canvas = canvas_of(hole=hole())
    painted = changed(edited(canvas), canvas.picture)
    assert ImageChops.subtract(painted, hole()).getbbox() is None
    assert painted.histogram()[255] > hole().histogram()[255] * 0.95


def test_a_transparent_reference_stays_so_outside_the_mask() -> None:
    clear = checkered(SIZE).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(SIZE))
    canvas = canvas_of(clear, hole=hole())
    picture = edited(canvas)
    assert picture.mode == "RGBA"
    assert ImageChops.subtract(changed(picture, canvas.picture), hole()).getbbox() is None
    assert edited(canvas, background="opaque").mode == "RGB"


def test_a_hole_in_a_transparent_edit_shows_through() -> None:
    picture = edited(canvas_of(hole=hole()), background="transparent")
    assert picture.mode == "RGBA"
    assert picture.getchannel("A").getpixel((0, 0)) == 255
    left, top, right, bottom = hole().getbbox() or (0, 0, 0, 0)
    assert picture.getchannel("A").crop((left, top, right, bottom)).getextrema() == (0, 255)


def test_without_a_hole_nothing_changes() -> None:
    canvas = canvas_of(hole=Image.new("L", SIZE))
    assert edited(canvas).tobytes() == canvas.picture.tobytes()


def test_without_a_mask_the_picture_is_restyled_gently() -> None:
    reference = generated(prompt="reference")
    canvas = canvas_of(reference)
    top = (0, 0, 320, 100)  # without the caption
    new = edited(canvas).crop(top)
    faithful = edited(canvas, input_fidelity="high").crop(top)
    assert 3 < apart(new, reference.crop(top)) < 60
    assert apart(faithful, reference.crop(top)) < apart(new, reference.crop(top))


@pytest.mark.parametrize("masked", [False, True])
def test_further_references_are_shown(masked: bool) -> None:
    plain = canvas_of(hole=Image.new("L", SIZE, 255) if masked else None)
    blue, red = (Image.new("RGB", (40, 40), colour) for colour in ("blue", "red"))
    shown = [edited(replace(plain, others=others)).tobytes() for others in ((), (blue,), (red,), (blue, red), (blue,) * 15)]
    assert len(set(shown)) == 5


@pytest.mark.parametrize("masked", [False, True])
def test_markup_is_drawn_over_the_picture(masked: bool) -> None:
    marks = Image.new("RGBA", SIZE)
    marks.paste((255, 0, 0, 255), (150, 65, 170, 75))
    canvas = canvas_of(hole=hole() if masked else None, markup=marks)
    assert edited(canvas).getpixel((160, 70)) == (255, 0, 0)


def test_a_transparent_restyle_is_cut_out() -> None:
    picture = edited(canvas_of(), background="transparent")
    assert picture.getchannel("A").getpixel((0, 0)) == 0
    assert picture.getchannel("A").getpixel((160, 120)) == 255


@pytest.mark.parametrize("canvas", [None, canvas_of(), canvas_of(hole=hole())], ids=["generation", "edit", "masked edit"])
def test_frames_move(canvas: Canvas | None) -> None:
    animated = plan(size="320x240", output_format="gif", frame_count=4, extra={"seed": 2})
    assert len({paint(animated, 0, canvas, frame).tobytes() for frame in range(4)}) == 4
