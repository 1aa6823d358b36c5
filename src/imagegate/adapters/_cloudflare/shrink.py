"""Reference pictures for models that take small ones only."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import Executor

from PIL import Image

from imagegate.adapters.shape.masks import MOST_PIXELS, as_upload
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, Warning)
"""What Pillow raises for files that are damaged, cut or hostile; warnings, where they are errors."""


async def within(image: InputImage, edge: int, executor: Executor) -> InputImage:
    """The picture with no edge longer than ``edge`` pixels: itself, or a smaller PNG. Raises InvalidRequest for what is none."""
    if image.width and image.height and max(image.width, image.height) <= edge:
        return image
    data = await image.content.read()
    smaller = await asyncio.get_running_loop().run_in_executor(executor, _shrunk, data, edge)
    return image if smaller is None else as_upload(smaller, image.filename)


def _shrunk(data: bytes, edge: int) -> bytes | None:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as opened:
            if max(opened.size) <= edge:
                return None
            if opened.width * opened.height > MOST_PIXELS:
                raise _refused(f"A reference picture has more than {MOST_PIXELS // 1_000_000} megapixels; send a smaller one.")
            opened.draft("RGB", (edge, edge))
            picture = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise _refused("A reference picture cannot be read; send an undamaged PNG, JPEG or WebP.") from error
    picture.thumbnail((edge, edge))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="image", code="invalid_image_file")
