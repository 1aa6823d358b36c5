"""From OpenAI's masks to black and white."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from imagegate.adapters.shape.masks import as_upload, luminance_mask, luminance_upload
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest
from tests.support import pictures

BLACK, WHITE = (0, 0, 0, 255), (255, 255, 255, 255)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def upload(data: bytes) -> InputImage:
    return as_upload(data)


async def test_what_is_transparent_gets_the_colour_of_edits(executor: ThreadPoolExecutor) -> None:
    mask = upload(pictures.mask((32, 16), hole=(0, 0, 16, 16)))
    white = await luminance_mask(mask, executor, edit="white")
    black = await luminance_mask(mask, executor, edit="black")
    assert pictures.look(white) == pictures.look(black) == ("png", (32, 16), "L")
    assert (pictures.pixel(white, (4, 4)), pictures.pixel(white, (20, 4))) == (WHITE, BLACK)
    assert (pictures.pixel(black, (4, 4)), pictures.pixel(black, (20, 4))) == (BLACK, WHITE)


@pytest.mark.parametrize(("alpha", "colour"), [(0, WHITE), (127, WHITE), (128, BLACK), (255, BLACK)])
async def test_only_black_and_white_come_out(executor: ThreadPoolExecutor, alpha: int, colour: tuple[int, ...]) -> None:
    mask = await luminance_mask(upload(pictures.png(alpha=alpha)), executor, edit="white")
    assert pictures.pixel(mask, (3, 3)) == colour


def transparent_palette() -> bytes:
    canvas = Image.new("P", (8, 8), 1)
    canvas.putpalette([10, 10, 10, 200, 0, 0])
    target = io.BytesIO()
    canvas.save(target, "PNG", transparency=1)
    return target.getvalue()


@pytest.mark.parametrize("data", [transparent_palette(), pictures.webp(alpha=0)])
async def test_other_ways_to_be_transparent(executor: ThreadPoolExecutor, data: bytes) -> None:
    assert pictures.pixel(await luminance_mask(upload(data), executor, edit="white"), (2, 2)) == WHITE


@pytest.mark.parametrize("data", [pictures.png(), pictures.jpeg(), b"no picture", pictures.mask()[:60]])
async def test_a_mask_without_transparency_or_a_broken_one_is_refused(executor: ThreadPoolExecutor, data: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await luminance_mask(upload(data), executor, edit="black")
    assert (caught.value.param, caught.value.code) == ("mask", "invalid_image_file")


async def test_a_giant_is_not_decoded(executor: ThreadPoolExecutor) -> None:
    target = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(target, "PNG")
    with pytest.raises(InvalidRequest, match="megapixels"):
        await luminance_mask(upload(target.getvalue()), executor, edit="white")


async def test_an_upload_reads_as_it_was_made(executor: ThreadPoolExecutor) -> None:
    made = await luminance_upload(upload(pictures.mask()), executor, edit="white")
    data = await made.content.read()
    assert b"".join([piece async for piece in made.content.chunks()]) == data
    assert (made.content.size, made.media_type, made.filename) == (len(data), "image/png", "mask.png")
    assert len(await made.content.sha256()) == 64
