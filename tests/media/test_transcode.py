"""Real pictures in, real pictures out, compared by their pixels."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from imagegate.media.transcode import Unconvertible, transcode
from tests.support import pictures

LIMIT = 4_000_000
FORMATS = ("png", "jpeg", "webp")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


def scene(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Soft colours with a red block on the left and a blue one at the bottom: every edge is told from the others."""
    across, down = (Image.linear_gradient("L").rotate(turn).resize(size) for turn in (90, 0))
    picture = Image.merge("RGB", (across, down, Image.new("L", size, 120)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 15, size[1]), fill=(220, 20, 30))
    draw.rectangle((0, size[1] - 12, size[0], size[1]), fill=(20, 30, 220))
    if mode == "RGBA":
        picture.putalpha(across)
    return picture if picture.mode == mode else picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind.upper(), **({"lossless": True} if kind == "webp" else {}), **options)
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


def furthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any channel of any pixel."""
    assert one.size == other.size
    pairs = zip(one.convert("RGBA").tobytes(), other.convert("RGBA").tobytes(), strict=True)
    return max(abs(a - b) for a, b in pairs)


def mean(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of the channels, of 255."""
    assert one.size == other.size
    first, second = one.convert("RGB").tobytes(), other.convert("RGB").tobytes()
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", [*FORMATS, "gif", "bmp", "avif"])
def test_every_pair(source: str, target: str) -> None:
    data = saved(scene(), source, **({"quality": 95} if source in {"jpeg", "avif"} else {}))
    made = opened(transcode(data, target, None, LIMIT))
    assert (made.format or "").lower() == target
    if target == "png":
        assert furthest(made, opened(data)) == 0, "nothing is lost"
    else:
        assert mean(made, opened(data)) < 3


@pytest.mark.parametrize(("source", "target"), [("png", "webp"), ("webp", "png")])
def test_transparency_stays_where_it_can(source: str, target: str) -> None:
    made = opened(transcode(saved(scene("RGBA"), source), target, None, LIMIT))
    assert made.mode == "RGBA"
    assert furthest(Image.merge("L", (made.getchannel("A"),)), scene("RGBA").getchannel("A")) == 0


@pytest.mark.parametrize("source", ["png", "webp"])
def test_transparency_lies_on_white_in_a_jpeg(source: str) -> None:
    made = opened(transcode(saved(scene("RGBA"), source), "jpeg", None, LIMIT))
    white = Image.new("RGBA", made.size, "white")
    assert made.mode == "RGB"
    assert mean(made, Image.alpha_composite(white, scene("RGBA"))) < 2


def test_transparency_of_a_palette() -> None:
    picture = scene().quantize(16)
    data = saved(picture, "png", transparency=0)
    clear = opened(data).convert("RGBA")
    assert clear.getchannel("A").getextrema() == (0, 255)
    assert furthest(opened(transcode(data, "png", None, LIMIT)), clear) == 0
    assert (
        mean(opened(transcode(data, "jpeg", None, LIMIT)), Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear))
        < 4
    )


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_other_kinds_of_pixels(mode: str, target: str) -> None:
    if mode == "I;16":
        expected = scene("L")
        picture = Image.frombytes(mode, expected.size, b"".join(struct.pack("<H", grey * 256) for grey in expected.tobytes()))
    else:
        expected = picture = scene().quantize(64, dither=Image.Dither.NONE) if mode == "P" else scene(mode)
    made = opened(transcode(saved(picture, "png"), target, None, LIMIT))
    if made.mode == "I;16":
        assert made.tobytes() == picture.tobytes()
    else:
        assert mean(made, expected.convert("RGB")) < (12 if mode == "1" else 4)


def test_cmyk_becomes_rgb() -> None:
    data = saved(scene("CMYK"), "jpeg", quality=95)
    for target in FORMATS:
        made = opened(transcode(data, target, None, LIMIT))
        assert made.mode == "RGB"
        assert mean(made, opened(data)) < 3


@pytest.mark.parametrize("target", ["jpeg", "webp"])
def test_compression_is_a_quality(target: str) -> None:
    data = pictures.noise_png(60_000)
    sizes = [len(transcode(data, target, compression, LIMIT)) for compression in (0, 30, 70, 100)]
    assert sizes == sorted(sizes) and len(set(sizes)) == 4
    assert sizes[2] < len(transcode(data, target, None, LIMIT)) <= sizes[3]


def test_a_png_has_no_compression_to_choose() -> None:
    data = pictures.noise_png(20_000)
    assert transcode(data, "png", 10, LIMIT) == transcode(data, "png", None, LIMIT)


def test_red_letters_keep_sharp_edges() -> None:
    picture = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(picture).line((10, 5, 10, 60), fill=(255, 0, 0), width=1)
    assert furthest(opened(transcode(saved(picture, "png"), "jpeg", None, LIMIT)), picture) < 60


@pytest.mark.parametrize("target", FORMATS)
def test_a_turned_photograph_is_turned_in_its_pixels(target: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    exif[0x0131] = "a program"
    made = opened(transcode(saved(scene(), "jpeg", quality=95, exif=exif), target, None, LIMIT))
    assert made.size == (64, 96)
    assert mean(made, scene().rotate(-90, expand=True)) < 4
    assert made.getexif().get(0x0112, 1) == 1, "or viewers turn it again"
    assert made.getexif()[0x0131] == "a program"


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_what_marks_a_picture_as_generated_stays(source: str, target: str) -> None:
    data = add_text(saved(scene(), "png"), XMP) if source == "png" else saved(scene(), source, xmp=XMP)
    info = opened(transcode(data, target, None, LIMIT)).info
    kept = info.get("xmp", info.get("XML:com.adobe.xmp"))
    assert kept in (XMP, XMP.decode())


@pytest.mark.parametrize("target", FORMATS)
def test_a_colour_profile_stays_with_the_colours_it_is_for(target: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = opened(transcode(saved(scene(), "png", icc_profile=profile), target, None, LIMIT))
    assert made.info["icc_profile"] == profile
    foreign = profile[:16] + b"CMYK" + profile[20:]
    made = opened(transcode(saved(scene("CMYK"), "jpeg", icc_profile=foreign), target, None, LIMIT))
    assert made.info.get("icc_profile") is None


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("size", [59_000, 3_000_000])
def test_metadata_of_any_length_is_no_failure(size: int, target: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * size
    data = saved(scene(), "png", exif=exif)
    made = opened(transcode(data, target, None, LIMIT))
    assert (0x010E in made.getexif()) == (size < 60_000)


def refused(data: bytes, target: str = "webp", limit: int = LIMIT) -> str:
    with pytest.raises(Unconvertible) as caught:
        transcode(data, target, None, limit)
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_ends_too_early(kind: str) -> None:
    data = saved(scene(), kind)
    for length in (3, 20, len(data) // 2, len(data) - 30):
        assert refused(data[:length]) == "cannot be read"


@pytest.mark.parametrize("kind", [*FORMATS, "gif", "bmp", "avif"])
def test_damage_is_an_error_or_a_picture_and_never_anything_else(kind: str) -> None:
    data = saved(scene(), kind)
    for at in range(0, len(data), max(1, len(data) // 60)):
        broken = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        try:
            opened(transcode(broken, "png", None, LIMIT))
        except Unconvertible:
            continue


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture(data: bytes) -> None:
    assert refused(data) == "cannot be read"


def test_formats_beyond_the_list_are_not_even_tried() -> None:
    assert refused(saved(scene(), "tiff")) == "cannot be read"


@pytest.mark.parametrize("edge", [3000, 60_000])
def test_a_picture_that_unfolds(edge: int) -> None:
    """A few kilobytes that say they are ``edge``² pixels."""
    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b"")
    assert refused(bomb, limit=8_000_000) in {"has more than 8000000 pixels", "cannot be read"}


def test_an_animation_is_not_made_a_still() -> None:
    assert refused(pictures.gif(frames=3)) == "is an animation"
    frames = [scene(), scene().rotate(180)]
    for kind in ("webp", "png"):
        assert refused(saved(frames[0], kind, save_all=True, append_images=frames[1:])) == "is an animation"


def test_a_photograph_with_a_second_picture_inside_is_a_still() -> None:
    target = io.BytesIO()
    scene().save(target, "MPO", save_all=True, append_images=[scene()])
    assert mean(opened(transcode(target.getvalue(), "png", None, LIMIT)), scene()) < 8


def add_text(png: bytes, xmp: bytes) -> bytes:
    """The PNG with an XMP packet."""
    return png[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) + png[33:]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
