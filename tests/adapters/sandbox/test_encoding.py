from __future__ import annotations

import base64

import pytest
from PIL import Image, ImageSequence

from imagegate.adapters._sandbox.brush import Look
from imagegate.adapters._sandbox.encoding import base64_pieces, encode
from imagegate.adapters._sandbox.scenes import paint_scene
from tests.adapters.sandbox.samples import checkered, opened, plan

CLEAR = Image.new("RGBA", (32, 32), (200, 10, 10, 0))
CLEAR.paste((10, 200, 10, 255), (8, 8, 24, 24))


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "gif"])
def test_formats(output_format: str) -> None:
    picture = opened(encode([checkered()], plan(output_format=output_format)))
    assert (picture.format, picture.size) == (output_format.upper(), (96, 64))


def test_png_is_exact() -> None:
    assert opened(encode([checkered()], plan())).tobytes() == checkered().tobytes()
    assert opened(encode([CLEAR], plan())).tobytes() == CLEAR.tobytes()


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_compression_is_honoured(output_format: str) -> None:
    scene = paint_scene((128, 128), Look(2, 5))
    lengths = [len(encode([scene], plan(output_format=output_format, output_compression=n))) for n in (0, 30, 70, 100)]
    assert lengths == sorted(set(lengths))


@pytest.mark.parametrize("output_format", ["png", "webp", "gif"])
def test_transparency_is_real(output_format: str) -> None:
    picture = opened(encode([CLEAR], plan(output_format=output_format))).convert("RGBA")
    alpha = picture.getchannel("A")
    assert (alpha.getpixel((2, 2)), alpha.getpixel((16, 16))) == (0, 255)


def test_jpeg_shows_white_behind() -> None:
    red, green, blue = opened(encode([CLEAR], plan(output_format="jpeg"))).convert("RGB").resize((4, 4), 0).tobytes()[:3]
    assert min(red, green, blue) > 240


@pytest.mark.parametrize("transparent", [False, True])
def test_animations(transparent: bool) -> None:
    frames = [CLEAR.rotate(30 * turn) if transparent else checkered().rotate(turn) for turn in range(3)]
    picture = opened(encode(frames, plan(output_format="gif", frame_count=3, frame_duration_ms=200)))
    shown = list(ImageSequence.Iterator(picture))
    assert len(shown) == 3
    assert (picture.info["duration"], picture.info["loop"]) == (200, 0)
    if transparent:
        corners = [frame.convert("RGBA").getchannel("A").getpixel((1, 1)) for frame in ImageSequence.Iterator(picture)]
        assert corners == [0, 0, 0]


@pytest.mark.parametrize("length", [0, 1, 3, 192 * 1024, 192 * 1024 + 1, 500_000])
def test_base64_in_pieces(length: int) -> None:
    data = bytes(range(256)) * (length // 256 + 1)
    pieces = base64_pieces(data[:length])
    assert base64.b64decode(b"".join(pieces), validate=True) == data[:length]
    assert all(len(piece) <= 256 * 1024 for piece in pieces)
