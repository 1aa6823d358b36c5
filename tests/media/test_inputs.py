from __future__ import annotations

import io
import os
import re
import struct
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, RequestError, TooLarge
from imagegate.media.inputs import ImageInspector, InspectionLimits, check_mask
from imagegate.media.spool import Spool, SpoolBudget, Spools
from tests.media.spooling import spooled
from tests.support import pictures

SIZE = (20, 10)


@pytest.fixture
async def spools(tmp_path: Path) -> AsyncIterator[Spools]:
    async with Spools(SpoolBudget(10**9), tmp_path) as opened:
        yield opened


async def inspected(
    spools: Spools, data: bytes, limits: InspectionLimits | None = None, param: str = "image[2]", index: int = 2
) -> InputImage:
    spool = await spooled(spools, data)
    return await ImageInspector(limits or InspectionLimits()).inspect(spool, param=param, index=index)


async def refused(spools: Spools, data: bytes, limits: InspectionLimits | None = None) -> tuple[str | None, str]:
    with pytest.raises(RequestError) as error:
        await inspected(spools, data, limits)
    assert error.value.param == "image[2]"
    return error.value.code, error.value.message


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, colour_type: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def webp(width: int, height: int, frames: int, frame: int = 1) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<IB3x", 10, 0x02) + size
    body += (b"ANMF" + struct.pack("<I", frame) + bytes(frame + frame % 2)) * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


async def test_says_what_a_picture_is(spools: Spools) -> None:
    found = await inspected(spools, pictures.png(SIZE, alpha=3))
    assert (found.media_type, found.filename, found.width, found.height, found.has_alpha) == (
        "image/png",
        "image-2.png",
        *SIZE,
        True,
    )
    assert isinstance(found.content, Spool)
    assert await found.content.read() == pictures.png(SIZE, alpha=3)


@pytest.mark.parametrize(
    ("param", "name"),
    [
        ("image", "image-0.jpg"),
        ("images[0]", "image-0.jpg"),
        ("mask", "mask.jpg"),
        ("markup", "markup.jpg"),
        ("../x", "image-0.jpg"),
    ],
)
async def test_names_are_ours(spools: Spools, param: str, name: str) -> None:
    found = await inspected(spools, pictures.jpeg(SIZE), param=param, index=0)
    assert found.filename == name
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found.filename)


@pytest.mark.parametrize(
    "data",
    [
        b"Example data",
        b"<!DOCTYPE html><html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"8BPS\x00\x01",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"II*\x00\x08\x00\x00\x00",
        b"icns\x00\x00",
        b"\xd7\xcd\xc6\x9a",
        b"SIMPLE  =                    T",
        b"\x00\x00\x00\x18ftypmp42",
        b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1",
        pictures.gif(),
    ],
    ids=lambda data: repr(data[:12]),
)
async def test_other_files_are_refused_by_what_they_are(spools: Spools, data: bytes) -> None:
    code, message = await refused(spools, data)
    assert code == "unsupported_image"
    assert "png, jpeg, webp" in message


async def test_the_formats_are_a_setting(spools: Spools) -> None:
    only_gif = InspectionLimits(formats=("gif", "avif"))
    assert (await inspected(spools, pictures.gif(SIZE), only_gif)).filename == "image-2.gif"
    assert (await refused(spools, pictures.png(), only_gif))[0] == "unsupported_image"
    unmeasured = await inspected(spools, b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1", only_gif)
    assert (unmeasured.media_type, unmeasured.width, unmeasured.has_alpha) == ("image/avif", None, None)


async def test_an_empty_file_is_refused(spools: Spools) -> None:
    assert (await refused(spools, b""))[0] == "invalid_image_file"
    assert (await refused(spools, b"", InspectionLimits(sniff=False)))[0] == "invalid_image_file"


async def test_a_picture_without_a_readable_size_is_refused(spools: Spools) -> None:
    for data in (b"\x89PNG\r\n\x1a\nxyz", b"\xff\xd8\xff\xd9", pictures.webp()[:18]):
        assert (await refused(spools, data))[0] == "invalid_image_file"


async def test_size_in_bytes_is_limited(spools: Spools) -> None:
    data = pictures.png()
    assert (await inspected(spools, data, InspectionLimits(max_bytes=len(data)))).width
    with pytest.raises(TooLarge) as error:
        await inspected(spools, data, InspectionLimits(max_bytes=len(data) - 1))
    assert error.value.code == "image_too_large"


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (png(100, 50), 5_000),
        (png(100, 50, chunk(b"acTL", struct.pack(">II", 3, 0))), 15_000),
        (webp(100, 50, 4), 20_000),
    ],
    ids=["one frame", "apng", "webp"],
)
async def test_pixels_of_all_frames_are_limited(spools: Spools, data: bytes, pixels: int) -> None:
    assert (await inspected(spools, data, InspectionLimits(max_pixels=pixels))).width == 100
    assert (await refused(spools, data, InspectionLimits(max_pixels=pixels - 1)))[0] == "image_too_many_pixels"


@pytest.mark.parametrize(
    "data",
    [
        png(30_000, 30_000, chunk(b"tEXt", bytes(100_000))),
        b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 65_500, 65_500) + bytes(100),
        webp(16_383, 16_383, 1),
        webp(1_000, 1_000, 1_000),
        webp(10, 10, 40, frame=200_000),
        png(1_000, 1_000, chunk(b"acTL", struct.pack(">II", 1_000, 0))),
    ],
    ids=["png", "jpeg", "webp", "webp animation", "webp animation without end", "apng"],
)
async def test_bombs_are_refused_from_the_header(spools: Spools, data: bytes) -> None:
    inspector = ImageInspector(InspectionLimits())
    spool = await spooled(spools, data)
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(InvalidRequest) as error:
            await inspector.inspect(spool, param="image", index=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.value.code == "image_too_many_pixels"
    assert time.process_time() - started < 0.05
    assert peak < 16 * 1024**2


async def test_headers_longer_than_the_head_are_read_on(spools: Spools) -> None:
    target = io.BytesIO()
    Image.new("RGB", SIZE).save(target, "JPEG", icc_profile=os.urandom(900_000))
    jpeg = await inspected(spools, target.getvalue())
    assert (jpeg.width, jpeg.height) == SIZE
    late = png(*SIZE, chunk(b"tEXt", bytes(700_000)), chunk(b"tRNS", bytes(6)))
    assert (await inspected(spools, late)).has_alpha is True
    assert (await inspected(spools, png(*SIZE, chunk(b"tEXt", bytes(700_000))))).has_alpha is False
    assert (await inspected(spools, webp(*SIZE, 10, frame=50_000))).width == SIZE[0]


async def test_a_header_is_not_read_on_for_ever(spools: Spools) -> None:
    endless = b"\xff\xd8" + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 80
    assert (await refused(spools, endless))[0] == "invalid_image_file"
    unknown = await inspected(spools, png(*SIZE, chunk(b"tEXt", bytes(5_000_000))))
    assert (unknown.width, unknown.has_alpha) == (SIZE[0], None)


async def test_everything_passes_when_sniffing_is_off(spools: Spools) -> None:
    off = InspectionLimits(sniff=False)
    text = await inspected(spools, b"Example data", off)
    assert (text.media_type, text.filename, text.width, text.has_alpha) == ("image/png", "image-2.png", None, None)
    svg = await inspected(spools, b"<svg/>", off, param="mask")
    assert (svg.media_type, svg.filename, svg.width) == ("image/svg+xml", "mask.svg", None)
    with pytest.raises(TooLarge):
        await inspected(spools, b"Example data", InspectionLimits(sniff=False, max_bytes=3))


async def mask_error(spools: Spools, mask: bytes, image: bytes, *, sniff: bool = True) -> str | None:
    limits = InspectionLimits(sniff=sniff)
    first = await inspected(spools, image, limits)
    try:
        check_mask(await inspected(spools, mask, limits, param="mask"), first)
    except InvalidRequest as error:
        assert error.param == "mask"
        return error.code
    return None


async def test_a_mask_has_transparency_and_the_size_of_the_first_picture(spools: Spools) -> None:
    image = pictures.jpeg(SIZE)
    assert await mask_error(spools, pictures.mask(SIZE), image) is None
    assert await mask_error(spools, pictures.mask((10, 20)), image) == "invalid_mask_dimensions"
    assert await mask_error(spools, pictures.mask((20, 11)), image) == "invalid_mask_dimensions"


async def test_masks_that_cannot_mask_are_refused(spools: Spools) -> None:
    image = pictures.png(SIZE)
    for mask in (
        pictures.png(SIZE),
        png(*SIZE, colour_type=0),
        png(*SIZE, colour_type=3),
        pictures.jpeg(SIZE),
        pictures.webp(SIZE),
    ):
        assert await mask_error(spools, mask, image) == "invalid_mask"


async def test_masks_that_might_mask_pass(spools: Spools) -> None:
    image = pictures.png(SIZE)
    assert await mask_error(spools, png(*SIZE, chunk(b"tRNS", bytes(6))), image) is None
    assert await mask_error(spools, png(*SIZE, chunk(b"tEXt", bytes(5_000_000))), image) is None
    assert await mask_error(spools, b"Example data", b"Example data", sniff=False) is None
