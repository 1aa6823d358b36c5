from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops

from imagegate.adapters._sandbox import references
from imagegate.errors import InvalidRequest
from tests.adapters.sandbox.samples import checkered, file_of, round_hole

READERS: dict[str, Callable[[bytes], Any]] = {
    "image": lambda data: references.first_reference(data, (32, 32)),
    "mask": lambda data: references.hole(data, (32, 32)),
    "markup": lambda data: references.markup(data, (32, 32)),
}


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_reference_of_the_right_size_is_not_touched() -> None:
    canvas = references.first_reference(file_of(checkered()), None)
    assert same(canvas.picture, checkered())
    assert canvas.sizes == ((96, 64),)


def test_another_size_is_a_plain_resize() -> None:
    canvas = references.first_reference(file_of(checkered()), (50, 50))
    assert same(canvas.picture, checkered().resize((50, 50)))
    assert canvas.sizes == ((96, 64),)


@pytest.mark.parametrize(
    ("size", "bounded"), [((96, 64), (96, 64)), ((8192, 4096), (4096, 2048)), ((1, 1), (16, 16)), ((6000, 3), (4096, 16))]
)
def test_own_size_within_bounds(size: tuple[int, int], bounded: tuple[int, int]) -> None:
    assert references.bounded(size) == bounded


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_usual_mode_becomes_rgb(mode: str, kind: str) -> None:
    if (mode in {"LA", "P", "RGBA"} and kind == "JPEG") or (mode == "CMYK" and kind in {"PNG", "GIF"}):
        return
    canvas = references.first_reference(file_of(checkered().convert(mode), kind), None)
    assert (canvas.picture.mode, canvas.picture.size) == ("RGB", (96, 64))


def test_sixteen_bits_become_eight() -> None:
    deep = Image.new("I;16", (20, 20), 257 * 100)
    assert references.first_reference(file_of(deep), None).picture.getpixel((3, 3)) == (100, 100, 100)


def test_transparency_is_kept_only_where_there_is_some() -> None:
    clear = checkered().convert("RGBA")
    assert references.first_reference(file_of(clear), None).picture.mode == "RGB"
    clear.putpixel((1, 1), (0, 0, 0, 0))
    assert references.first_reference(file_of(clear), None).picture.mode == "RGBA"


def test_photographs_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert references.first_reference(file_of(checkered(), "JPEG", exif=exif), None).picture.size == (64, 96)


def test_thumbnails_are_small_and_on_white() -> None:
    small, real = references.thumbnail(file_of(Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))))
    assert real == (2000, 1000)
    assert max(small.size) <= 320
    assert small.getpixel((5, 5)) == (255, 255, 255)


def test_a_hole_is_where_the_mask_is_fully_transparent() -> None:
    mask = Image.new("RGBA", (3, 1))
    mask.putdata([(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 255)])
    assert references.hole(file_of(mask), (3, 1)).tobytes() == bytes([255, 0, 0])


def test_a_mask_of_another_size_is_scaled_without_new_shades() -> None:
    hole = references.hole(file_of(round_hole((192, 128))), (96, 64))
    assert hole.size == (96, 64)
    assert set(hole.tobytes()) == {0, 255}
    assert ImageChops.difference(hole, references.hole(file_of(round_hole()), (96, 64))).histogram()[255] < 96


def test_a_mask_without_transparency_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        references.hole(file_of(checkered()), (96, 64))
    assert (caught.value.param, caught.value.code) == ("mask", "invalid_image_file")


def test_an_opaque_mask_with_an_alpha_channel_has_no_hole() -> None:
    assert references.hole(file_of(Image.new("RGBA", (8, 8), (0, 0, 0, 255))), (8, 8)).getbbox() is None


def test_a_markup_without_transparency_lets_the_picture_shine_through() -> None:
    markup = references.markup(file_of(checkered()), (48, 32))
    assert (markup.size, markup.mode) == ((48, 32), "RGBA")
    assert markup.getchannel("A").getextrema() == (128, 128)


@pytest.mark.parametrize("param", READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Example data",
        file_of(checkered())[:300],
        file_of(checkered(), "JPEG")[:300],
        file_of(checkered(), "BMP"),
        file_of(checkered(), "TIFF"),
        png_that_claims(100, 100),
        png_that_claims(7072, 7072),
        png_that_claims(65535, 65535),
        png_that_claims(10_000, 10_000),
    ],
    ids=["empty", "text", "cut png", "cut jpeg", "bmp", "tiff", "no data", "50 Mpx", "4 Gpx", "100 Mpx"],
)
def test_what_is_no_picture_is_refused(param: str, data: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        READERS[param](data)
    assert (caught.value.param, caught.value.code) == (param, "invalid_image_file")


@pytest.mark.parametrize("param", READERS)
def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded(param: str) -> None:
    with pytest.raises(InvalidRequest, match="more than 50 megapixels"):
        READERS[param](png_that_claims(7072, 7072))
    with pytest.raises(InvalidRequest, match="undamaged"):
        READERS[param](png_that_claims(7000, 7000))
