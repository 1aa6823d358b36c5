"""From pictures to files, and to base64."""

from __future__ import annotations

import binascii
import io
from collections.abc import Sequence

from PIL import Image

from imagegate.adapters._sandbox.plan import Plan
from imagegate.adapters._sandbox.references import on_white

_PIECE = 192 * 1024
"""Bytes that are encoded in one go; a multiple of 3. binascii keeps the interpreter lock."""
_QUALITY = 90
_CLEAR = 255
"""Index of the transparent colour in a GIF."""


def encode(frames: Sequence[Image.Image], plan: Plan) -> bytes:
    """The file. ``frames``: one picture, or the frames of an animation (GIF)."""
    picture, target = frames[0], io.BytesIO()
    quality = plan.compression or _QUALITY
    if plan.output_format == "jpeg":
        on_white(picture).save(target, "JPEG", quality=quality)
    elif plan.output_format == "webp":
        picture.save(target, "WEBP", quality=quality, method=1)
    elif plan.output_format == "gif":
        _save_gif([_indexed(frame) for frame in frames], target, plan.frame_ms)
    else:
        picture.save(target, "PNG", compress_level=1)
    return target.getvalue()


def base64_pieces(data: bytes) -> tuple[bytes, ...]:
    """Base64 text without line breaks, in pieces."""
    view = memoryview(data)
    return tuple(binascii.b2a_base64(view[at : at + _PIECE], newline=False) for at in range(0, len(data), _PIECE))


def _save_gif(frames: list[Image.Image], target: io.BytesIO, frame_ms: int) -> None:
    clear = {"transparency": _CLEAR} if "transparency" in frames[0].info else {}
    if len(frames) == 1:
        frames[0].save(target, "GIF", **clear)
        return
    frames[0].save(
        target, "GIF", save_all=True, append_images=frames[1:], duration=frame_ms, loop=0, disposal=2 if clear else 1, **clear
    )


def _indexed(picture: Image.Image) -> Image.Image:
    """At most 256 colours; transparency is all or nothing."""
    colours = 255 if picture.mode == "RGBA" else 256
    indexed = picture.convert("RGB").quantize(colours, Image.Quantize.MEDIANCUT)
    if picture.mode == "RGBA":
        indexed.paste(_CLEAR, mask=picture.getchannel("A").point(_mostly_clear))
        indexed.info["transparency"] = _CLEAR
    return indexed


def _mostly_clear(alpha: float) -> float:
    return 255 if alpha < 128 else 0
