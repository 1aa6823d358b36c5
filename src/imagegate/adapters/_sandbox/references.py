"""Reference pictures, masks and markups: decoded with a short list of formats and a limit, and brought to size."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageOps

from imagegate.errors import InvalidRequest

MOST_PIXELS = 50_000_000
"""Pixels of one picture that are decoded at most."""
LONGEST_EDGE = 4096
SHORTEST_EDGE = 16

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_THUMBNAIL_EDGE = 320
_DEEP_MODES = frozenset({"I", "F"})
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Warning,
)
"""What Pillow raises for files that are damaged, cut or hostile; warnings, where they are errors."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What an edit works on, all of the output's size.

    ``picture``: the first reference, RGB or RGBA. ``hole``: L, 255 where it may be changed; None when it may be everywhere.
    ``markup``: RGBA. ``others``: small RGB pictures of the further references. ``sizes``: of all references, in pixels.
    """

    picture: Image.Image
    sizes: tuple[tuple[int, int], ...]
    hole: Image.Image | None = None
    markup: Image.Image | None = None
    others: tuple[Image.Image, ...] = ()


def first_reference(data: bytes, size: tuple[int, int] | None) -> Canvas:
    """The first reference as the canvas, scaled to ``size``; None keeps its own within the bounds. Raises InvalidRequest."""
    picture = _decoded(data, "image")
    size = size or bounded(picture.size)
    scaled = picture if picture.size == size else picture.resize(size)
    return Canvas(scaled, (picture.size,))


def thumbnail(data: bytes) -> tuple[Image.Image, tuple[int, int]]:
    """A further reference: small, on white, and its real size. Raises InvalidRequest."""
    picture = _decoded(data, "image")
    real = picture.size
    picture.thumbnail((_THUMBNAIL_EDGE, _THUMBNAIL_EDGE))
    return on_white(picture), real


def hole(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The mask as L: 255 where it is fully transparent, which is where OpenAI edits. Raises InvalidRequest."""
    mask = _decoded(data, "mask", keep_alpha=True)
    if mask.mode != "RGBA":
        message = "The mask has no transparency; make the area that shall change fully transparent and save it as PNG."
        raise InvalidRequest(message, param="mask", code="invalid_image_file")
    transparent = mask.getchannel("A").point(_fully_transparent)
    return transparent if mask.size == size else transparent.resize(size, Image.Resampling.NEAREST)


def markup(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The markup as RGBA; one without transparency is laid over half-transparently. Raises InvalidRequest."""
    picture = _decoded(data, "markup", keep_alpha=True)
    if picture.mode != "RGBA":
        picture.putalpha(128)
    return picture if picture.size == size else picture.resize(size)


def on_white(picture: Image.Image) -> Image.Image:
    """An RGB picture; what was transparent is white."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def bounded(size: tuple[int, int]) -> tuple[int, int]:
    """``size`` scaled down until it fits the largest output; very small edges become 16 pixels."""
    share = min(1.0, LONGEST_EDGE / max(size))
    width, height = (max(SHORTEST_EDGE, round(edge * share)) for edge in size)
    return width, height


def _fully_transparent(alpha: float) -> float:
    return 0 if alpha else 255


def _decoded(data: bytes, param: str, *, keep_alpha: bool = False) -> Image.Image:
    """RGB, or RGBA when something in it is transparent (``keep_alpha``: could be)."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _too_large(param)
            picture = _upright(opened)
            return _plain(picture, keep_alpha=keep_alpha)
    except _BROKEN as error:
        message = f"The file in '{param}' is no picture that can be read; send an undamaged PNG, JPEG, WebP or GIF."
        raise InvalidRequest(message, param=param, code="invalid_image_file") from error


def _upright(opened: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(opened) or opened


def _plain(picture: Image.Image, *, keep_alpha: bool) -> Image.Image:
    if picture.has_transparency_data:
        coloured = picture.convert("RGBA")
        return coloured if keep_alpha or _lowest_alpha(coloured) < 255 else coloured.convert("RGB")
    if picture.mode.partition(";")[0] in _DEEP_MODES:
        picture = picture.convert("I").point(_to_eight_bits).convert("L")
    return picture.convert("RGB")


def _to_eight_bits(value: float) -> float:
    return value / 257


def _lowest_alpha(picture: Image.Image) -> float:
    low, _ = picture.getchannel("A").getextrema()
    return low if isinstance(low, (int, float)) else 0.0


def _too_large(param: str) -> InvalidRequest:
    message = f"The picture in '{param}' has more than {MOST_PIXELS // 1_000_000} megapixels; send a smaller one."
    return InvalidRequest(message, param=param, code="invalid_image_file")
