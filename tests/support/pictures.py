"""Small pictures that are the same in every run, and a look into pictures that came back."""

from __future__ import annotations

import base64
import io
import math
import random
from typing import Literal, NamedTuple

from PIL import Image

Size = tuple[int, int]
Colour = tuple[int, int, int]
Format = Literal["png", "jpeg", "webp", "gif"]

RED: Colour = (200, 30, 30)


class Look(NamedTuple):
    """What a picture is: ``format`` as OpenAI spells it, size in pixels, Pillow's mode."""

    format: str
    size: Size
    mode: str


def picture(kind: Format = "png", size: Size = (16, 16), colour: Colour = RED, alpha: int | None = None) -> bytes:
    """A plain picture. ``alpha`` 0–255 gives it a transparency channel; JPEG and GIF have none."""
    canvas = Image.new("RGB", size, colour)
    if alpha is not None and kind in {"png", "webp"}:
        canvas.putalpha(alpha)
    return _saved(canvas, kind)


def png(size: Size = (16, 16), colour: Colour = RED, alpha: int | None = None) -> bytes:
    """A plain PNG."""
    return picture("png", size, colour, alpha)


def jpeg(size: Size = (16, 16), colour: Colour = RED) -> bytes:
    """A plain JPEG."""
    return picture("jpeg", size, colour)


def webp(size: Size = (16, 16), colour: Colour = RED, alpha: int | None = None) -> bytes:
    """A plain lossless WebP."""
    return picture("webp", size, colour, alpha)


def gif(size: Size = (16, 16), frames: int = 1) -> bytes:
    """A GIF; each frame has another colour."""
    first, *rest = [Image.new("RGB", size, (200, 10 * number, 30)) for number in range(frames)]
    target = io.BytesIO()
    first.save(target, "GIF", save_all=True, append_images=rest, duration=200)
    return target.getvalue()


def mask(size: Size = (16, 16), hole: tuple[int, int, int, int] | None = None) -> bytes:
    """A PNG mask: opaque, with a transparent rectangle (left, top, right, bottom); by default the middle quarter."""
    width, height = size
    canvas = Image.new("RGBA", size, (0, 0, 0, 255))
    canvas.paste((0, 0, 0, 0), hole or (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    return _saved(canvas, "png")


def noise_png(size_bytes: int, seed: int = 1) -> bytes:
    """A real PNG of noise that is ``size_bytes`` long, give or take one per cent (above 10 kB)."""
    side = max(1, math.isqrt(size_bytes // 3))
    canvas = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(side * side * 3))
    target = io.BytesIO()
    canvas.save(target, "PNG", compress_level=0)
    return target.getvalue()


def look(data: bytes) -> Look:
    """Decode a picture completely. Raises PIL.UnidentifiedImageError, or OSError when it is cut."""
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return Look((opened.format or "").lower(), opened.size, opened.mode)


def stated_size(data: bytes) -> Size:
    """What the header says, without decoding the picture."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.size


def pixel(data: bytes, at: tuple[int, int]) -> tuple[int, int, int, int]:
    """One pixel as red, green, blue, alpha."""
    with Image.open(io.BytesIO(data)) as opened:
        red, green, blue, alpha = (opened.convert("RGBA").getchannel(band).getpixel(at) for band in "RGBA")
    return _whole(red), _whole(green), _whole(blue), _whole(alpha)


def data_url(data: bytes, media_type: str = "image/png") -> str:
    """The picture as a ``data:`` url."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _saved(canvas: Image.Image, kind: Format) -> bytes:
    target = io.BytesIO()
    if kind == "webp":
        canvas.save(target, "WEBP", lossless=True, method=0)
    else:
        canvas.save(target, kind.upper())
    return target.getvalue()
