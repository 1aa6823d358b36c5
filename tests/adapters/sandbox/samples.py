"""Requests and pictures for the sandbox's tests."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw

from imagegate.adapters._sandbox.plan import Plan, make_plan
from imagegate.domain.capabilities import SizeRule
from imagegate.domain.images import ImageRequest, Operation

SIZES = SizeRule(min_edge=16, max_edge=4096, max_ratio=256)


def request(**changes: Any) -> ImageRequest:
    """A small generation, unless ``changes`` say otherwise."""
    plain = ImageRequest(operation=Operation.GENERATE, model="sandbox", prompt="A fox in the snow", size="96x64")
    return replace(plain, **changes)


def plan(**changes: Any) -> Plan:
    """The plan of :func:`request`."""
    return make_plan(request(**changes), {}, SIZES)


def checkered(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A picture in which every change shows: no two neighbouring pixels are alike."""
    picture = Image.new("RGB", size)
    picture.putdata([((x * 37) % 256, (y * 59) % 256, (x * y * 11) % 256) for y in range(size[1]) for x in range(size[0])])
    return picture


def round_hole(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A mask whose middle is transparent."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    width, height = size
    ImageDraw.Draw(mask).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=(0, 0, 0, 0))
    return mask


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    """A file as a picture, read completely."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture
