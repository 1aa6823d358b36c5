"""Reference pictures that have to be small."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegate.adapters._cloudflare.shrink import within
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest
from tests.support import pictures
from tests.support.held import HeldContent, held_image


@pytest.mark.parametrize(
    ("data", "size", "mode"),
    [
        (pictures.png((1024, 512)), (512, 256), "RGB"),
        (pictures.png((600, 1200), alpha=9), (256, 512), "RGBA"),
        (pictures.jpeg((2048, 2048)), (512, 512), "RGB"),
        (pictures.webp((513, 10)), (512, 10), "RGB"),
        (pictures.gif((1024, 1024)), (512, 512), "RGB"),
    ],
)
async def test_large_ones_are_shrunk(data: bytes, size: tuple[int, int], mode: str) -> None:
    with ThreadPoolExecutor(1) as executor:
        smaller = await within(held_image(data), 512, executor)
        look = pictures.look(await smaller.content.read())
    assert (look.format, look.size, look.mode, smaller.media_type) == ("png", size, mode, "image/png")


async def test_small_ones_stay_what_they_are() -> None:
    with ThreadPoolExecutor(1) as executor:
        told = InputImage(HeldContent(b"not read"), "image/png", "a.png", 512, 1)
        assert await within(told, 512, executor) is told
        untold = held_image(pictures.png((512, 512)))
        assert await within(untold, 512, executor) is untold


@pytest.mark.parametrize("data", [b"", b"<html>", pictures.png((1024, 1024))[:60]])
async def test_what_is_no_picture(data: bytes) -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(InvalidRequest) as caught:
        await within(held_image(data), 512, executor)
    assert caught.value.param == "image"
