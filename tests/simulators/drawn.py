"""Pictures of the size that was asked for, quick to make and to read: plain colours, kept."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image

from tests.support import pictures

_COLOURS: tuple[pictures.Colour, ...] = ((200, 30, 30), (30, 160, 60), (40, 60, 200), (220, 180, 20), (120, 40, 160))


@lru_cache(maxsize=256)
def drawn(size: str, number: int = 0, kind: pictures.Format = "png", alpha: int | None = None, *, dark: bool = False) -> bytes:
    """Picture ``number`` from 0, each in another colour. ``size``: ``WxH``. ``dark``: another colour again, for previews."""
    width, height = (int(edge) for edge in size.split("x"))
    red, green, blue = _COLOURS[number % len(_COLOURS)]
    colour = (red // 2, green // 2, blue // 2) if dark else (red, green, blue)
    if kind in {"png", "gif"} and alpha is None:
        return _one_bit(kind, (width, height), colour)
    return pictures.picture(kind, (width, height), colour, alpha)


@lru_cache(maxsize=64)
def animated(size: str, frames: int) -> bytes:
    """A GIF; each frame has another colour."""
    width, height = (int(edge) for edge in size.split("x"))
    first, *rest = [_canvas((width, height), (200, 10 * number, 30)) for number in range(frames)]
    target = io.BytesIO()
    first.save(target, "GIF", save_all=True, append_images=rest, duration=200)
    return target.getvalue()


def vector(size: str) -> bytes:
    """An empty drawing with this viewport."""
    width, height = size.split("x")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"/>'.encode()


def _one_bit(kind: str, size: pictures.Size, colour: pictures.Colour) -> bytes:
    """With a palette: 4096x4096 takes 9 kB, and a tenth of the time of three bytes a pixel."""
    target = io.BytesIO()
    _canvas(size, colour).save(target, kind.upper(), **({"bits": 1} if kind == "png" else {}))
    return target.getvalue()


def _canvas(size: pictures.Size, colour: pictures.Colour) -> Image.Image:
    canvas = Image.new("P", size, 0)
    canvas.putpalette([*colour, 0, 0, 0])
    return canvas
