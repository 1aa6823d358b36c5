from __future__ import annotations

import io
import random
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagegate.media.dimensions import Dimensions, dimensions
from tests.support import pictures

SIZE = (37, 21)


def saved(mode: str, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    Image.new(mode, SIZE).save(target, kind, **options)
    return target.getvalue()


def animated(kind: str, frames: int) -> bytes:
    target = io.BytesIO()
    first, *rest = [Image.new("RGB", SIZE, (10 * number, 0, 0)) for number in range(frames)]
    first.save(target, kind, save_all=True, append_images=rest)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, colour_type: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def frame(marker: int, width: int, height: int) -> bytes:
    return segment(marker, struct.pack(">BHH", 8, height, width) + bytes(10))


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def canvas(width: int, height: int, flags: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(b"VP8X", bytes([flags, 0, 0, 0]) + size)


IDAT = chunk(b"IDAT", b"x")
REAL = {
    "png rgb": (saved("RGB", "PNG"), False, 1),
    "png grey": (saved("L", "PNG"), False, 1),
    "png grey and alpha": (saved("LA", "PNG"), True, 1),
    "png rgba": (saved("RGBA", "PNG"), True, 1),
    "png palette": (saved("P", "PNG"), False, 1),
    "png palette with transparency": (saved("P", "PNG", transparency=0), True, 1),
    "png rgb with transparency": (saved("RGB", "PNG", transparency=(1, 2, 3)), True, 1),
    "png animated": (animated("PNG", 3), False, 3),
    "jpeg": (saved("RGB", "JPEG"), False, 1),
    "jpeg progressive": (saved("RGB", "JPEG", progressive=True), False, 1),
    "jpeg grey": (saved("L", "JPEG"), False, 1),
    "jpeg cmyk": (saved("CMYK", "JPEG"), False, 1),
    "jpeg with a comment and a profile": (saved("RGB", "JPEG", comment="hello", icc_profile=bytes(150_000)), False, 1),
    "webp lossy": (saved("RGB", "WEBP"), False, 1),
    "webp lossy with alpha": (saved("RGBA", "WEBP"), True, 1),
    "webp lossless": (saved("RGB", "WEBP", lossless=True), False, 1),
    "webp lossless with alpha": (pictures.webp(SIZE, alpha=120), True, 1),
    "webp animated": (animated("WEBP", 4), False, 4),
    "webp with metadata": (saved("RGB", "WEBP", exif=b"Exif\x00\x00" + bytes(100)), False, 1),
    "gif": (saved("P", "GIF"), None, None),
}


@pytest.mark.parametrize("name", REAL)
def test_agrees_with_a_decoder(name: str) -> None:
    data, has_alpha, frames = REAL[name]
    assert dimensions(data) == Dimensions(*SIZE, has_alpha, frames)


@pytest.mark.parametrize("name", REAL)
def test_a_header_that_is_cut_is_unknown_or_right(name: str) -> None:
    data, has_alpha, frames = REAL[name]
    for length in range(min(len(data), 4000)):
        found = dimensions(data[:length])
        assert found is None or (found.width, found.height) == SIZE
        assert found is None or found.has_alpha in (None, has_alpha)
        assert found is None or found.frames in (None, frames)


def test_transparency_of_a_png_is_unknown_until_its_pixels_begin() -> None:
    long_text = chunk(b"tEXt", bytes(70_000))
    assert dimensions(png(5, 6, 2, long_text)) == Dimensions(5, 6, None, None)
    assert dimensions(png(5, 6, 2, long_text, IDAT)) == Dimensions(5, 6, False, 1)
    assert dimensions(png(5, 6, 2, long_text, chunk(b"tRNS", bytes(6)), IDAT)) == Dimensions(5, 6, True, 1)
    assert dimensions(png(5, 6, 2, IDAT, chunk(b"tRNS", bytes(6)))) == Dimensions(5, 6, False, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Example data",
        pictures.png()[8:],
        png(0, 5, 2, IDAT),
        png(5, 0, 2, IDAT),
        png(2**31, 5, 2, IDAT),
        png(5, 5, 7, IDAT),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", bytes(13)),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(12)),
        b"\xff\xd8" + frame(0xC0, 0, 5),
        b"\xff\xd8" + frame(0xC4, 5, 5) + b"\xff\xd9",
        b"\xff\xd8" + segment(0xDA, b"scan") + frame(0xC0, 5, 5),
        b"\xff\xd8\xff\xe0\x00\x01" + frame(0xC0, 5, 5),
        b"\xff\xd8" + segment(0xE0, b"x") + b"\x00" + frame(0xC0, 5, 5),
        webp(riff(b"VP8 ", bytes(10))),
        webp(riff(b"VP8 ", b"\x01\x00\x00\x9d\x01\x2a\x05\x00\x05\x00")),
        webp(riff(b"VP8L", b"\x2e" + bytes(4))),
        webp(riff(b"VP8L", b"\x2f\x00\x00\x00\x20")),
        webp(riff(b"ALPH", bytes(10))),
        b"GIF89a\x00\x00\x05\x00",
        b"GIF89a\x05",
    ],
    ids=repr,
)
def test_damaged_headers_are_unknown(data: bytes) -> None:
    assert dimensions(data) is None


def test_jpeg_markers_that_stand_alone_and_fill_bytes() -> None:
    assert dimensions(b"\xff\xd8\xff\x01\xff\xd0\xff\xff\xff" + frame(0xC2, 9, 8)) == Dimensions(9, 8, False, 1)


def test_dimensions_that_no_decoder_should_meet() -> None:
    assert dimensions(png(30_000, 30_000, 6, IDAT)) == Dimensions(30_000, 30_000, True, 1)
    assert dimensions(png(100, 100, 6, chunk(b"acTL", struct.pack(">II", 1000, 0)), IDAT)) == Dimensions(100, 100, True, 1000)
    assert dimensions(b"\xff\xd8" + frame(0xC0, 65_500, 65_500)) == Dimensions(65_500, 65_500, False, 1)
    bomb = webp(canvas(2**24, 2**24, 0x02), *[riff(b"ANMF", b"x")] * 1000)
    assert dimensions(bomb) == Dimensions(2**24, 2**24, False, 1000)


def test_frames_of_a_webp_that_goes_on_are_unknown() -> None:
    data = webp(canvas(9, 8, 0x12), *[riff(b"ANMF", bytes(100))] * 10)
    assert dimensions(data) == Dimensions(9, 8, True, 10)
    assert dimensions(data[:-1]) == Dimensions(9, 8, True, 10)
    assert dimensions(data[:500]) == Dimensions(9, 8, True, None)


def test_frames_beyond_any_use_are_not_counted() -> None:
    assert dimensions(webp(canvas(9, 8, 0x02), *[riff(b"ANMF", b"")] * 5000)) == Dimensions(9, 8, False, None)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 4_000_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1_000_000,
        b"\xff\xd8" + b"\xff\xd0" * 2_000_000,
        png(5, 5, 2, *[chunk(b"tEXt", b"")] * 300_000),
        png(5, 5, 2, b"\xff" * 4_000_000),
        webp(canvas(5, 5, 2), *[riff(b"JUNK", b"")] * 500_000),
    ],
    ids=["fill", "segments", "restarts", "chunks", "lengths", "riff"],
)
def test_hostile_headers_cost_little(data: bytes) -> None:
    started = time.process_time()
    dimensions(data)
    assert time.process_time() - started < 0.05


@given(st.sampled_from([data for data, _, _ in REAL.values()]), st.integers(0, 2**32), st.integers(1, 20))
def test_never_raises(data: bytes, seed: int, changes: int) -> None:
    noise = random.Random(seed)
    damaged = bytearray(data[:400])
    for _ in range(changes):
        damaged[noise.randrange(8, len(damaged))] = noise.randrange(256)
    found = dimensions(bytes(damaged))
    assert found is None or (found.width > 0 and found.height > 0)
