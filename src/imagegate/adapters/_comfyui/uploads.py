"""Pictures that a workflow loads: they are files of the server first.

Source: ComfyUI server.py (/upload/image), nodes.py (LoadImage).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace

from imagegate.domain.images import ImageRequest, InputImage
from imagegate.errors import BadResponse
from imagegate.upstream.client import Upstream
from imagegate.upstream.form import FormFile, MultipartForm


def uploads(request: ImageRequest) -> Iterator[tuple[str, InputImage]]:
    """Pictures by the slot that names them."""
    for number, image in enumerate(request.images):
        yield f"image_{number}", image
    if request.mask is not None:
        yield "mask", request.mask


async def uploaded(image: InputImage, upstream: Upstream) -> str:
    """The name under which a workflow finds the picture. Equal pictures share a file."""
    name = await image.content.sha256() or secrets.token_hex(16)
    named = replace(image, filename=f"imagegate-{name}.{image.media_type.rpartition('/')[2]}")
    form = MultipartForm([("type", "input"), ("overwrite", "true")], [FormFile("image", named)])
    async with upstream.post_form("/upload/image", form) as answer:
        document = await answer.json()
    kept = document.get("name") if isinstance(document, Mapping) else None
    if not isinstance(kept, str) or not kept:
        raise BadResponse("The provider took a picture without naming it.")
    folder = document.get("subfolder")
    return f"{folder}/{kept}" if isinstance(folder, str) and folder else kept
