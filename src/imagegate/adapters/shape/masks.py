"""Masks for providers that read brightness, from OpenAI's, where transparency says what may change."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from PIL import Image

from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest

MOST_PIXELS = 50_000_000
"""Pixels of a mask that are decoded at most."""

_FORMATS = ("PNG", "WEBP", "GIF", "JPEG")
_HALF = 128
_PIECE = 256 * 1024
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, Warning)
"""What Pillow raises for files that are damaged, cut or hostile; warnings, where they are errors."""


async def luminance_mask(image: InputImage, executor: Executor, *, edit: Literal["white", "black"]) -> bytes:
    """A PNG of one channel, pure black and white, in the mask's size. ``edit``: the colour of what may change.

    What is more transparent than opaque may change. Raises InvalidRequest (param ``mask``) for a mask without transparency,
    a broken one, or one of more than 50 megapixels. Decoding runs in ``executor``.
    """
    data = await image.content.read()
    return await asyncio.get_running_loop().run_in_executor(executor, _drawn, data, edit)


def as_upload(png: bytes, filename: str = "mask.png") -> InputImage:
    """A PNG that was made here, for a form or a JSON body."""
    return InputImage(_Held(png), "image/png", filename)


async def luminance_upload(mask: InputImage, executor: Executor, *, edit: Literal["white", "black"]) -> InputImage:
    """``luminance_mask`` ready to be sent."""
    return as_upload(await luminance_mask(mask, executor, edit=edit))


@dataclass(frozen=True, slots=True)
class _Held:
    """Content in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    async def sha256(self) -> str:
        return sha256(self.data).hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), _PIECE):
            yield self.data[start : start + _PIECE]

    async def read(self) -> bytes:
        return self.data


def _drawn(data: bytes, edit: str) -> bytes:
    alpha = _alpha(data)
    open_, closed = (255, 0) if edit == "white" else (0, 255)
    drawn = alpha.point([open_] * _HALF + [closed] * (256 - _HALF))
    target = io.BytesIO()
    drawn.save(target, "PNG")
    return target.getvalue()


def _alpha(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _refused(f"The mask has more than {MOST_PIXELS // 1_000_000} megapixels; send a smaller one.")
            if not opened.has_transparency_data:
                raise _refused("The mask has no transparency; make the area that shall change transparent and save it as PNG.")
            return opened.convert("RGBA").getchannel("A")
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise _refused("The mask is no picture that can be read; send an undamaged PNG.") from error


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="mask", code="invalid_image_file")
