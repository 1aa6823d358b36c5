"""The size that DashScope gets."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._dashscope.sizing import sent_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import adjust
from tests.adapters.contract import reference

CATALOG = Catalog.load()
QWEN, WAN, OLD, I2I, IN_TURN = (
    "qwen-image-3.0",
    "wan2.7-image-pro",
    "wan2.2-t2i-flash",
    "wan2.5-i2i-preview",
    "wan2.6-image",
)


def sent(model: str, given: dict[str, Any], *, interleaved: bool = False) -> str | None:
    """The size for a request as the relay would hand it over."""
    row = CATALOG.capabilities("dashscope", model)
    operation = Operation.EDIT if given.get("images") else Operation.GENERATE
    asked = ImageRequest(**{"operation": operation, "model": model, "prompt": "a cat", **given})
    return sent_size(adjust(asked, row).request, row, interleaved=interleaved)


@pytest.mark.parametrize(
    ("model", "given", "size"),
    [
        (QWEN, {}, "1024*1024"),
        (QWEN, {"size": "auto"}, "1024*1024"),
        (QWEN, {"size": "1536x1024"}, "1536*1024"),
        (QWEN, {"size": "4096x4096"}, "2048*2048"),
        (QWEN, {"size": "16:9"}, "1360*765"),
        (QWEN, {"extra": {"aspect_ratio": "2:1", "resolution": "1K"}}, "1448*724"),
        (QWEN, {"images": (reference(300, 200),)}, "1254*836"),
        (QWEN, {"images": (reference(300, 200), reference(64, 64))}, "1024*1024"),
        (QWEN, {"images": (reference(300, 200),), "size": "1024x1024"}, "1024*1024"),
        ("qwen-image-plus", {}, "1328*1328"),
        ("qwen-image-plus", {"size": "1792x1024"}, "1664*928"),
        ("qwen-image-edit", {"images": (reference(),), "size": "1024x1024"}, None),
        ("qwen-image-edit-plus", {"images": (reference(640, 480),)}, "1184*888"),
        (WAN, {}, "2K"),
        (WAN, {"size": "4K"}, "4096*4096"),
        (WAN, {"images": (reference(),)}, "2K"),
        (WAN, {"images": (reference(),), "size": "4K"}, "2048*2048"),
        ("wan2.6-t2i", {"size": "1024x1024"}, "1280*1280"),
        (IN_TURN, {"images": (reference(),)}, "1K"),
        (OLD, {"size": "2048x2048"}, "1440*1440"),
        (I2I, {"images": (reference(100, 100),)}, "1280*1280"),
        ("wanx-v1", {"size": "1024x1536"}, "768*1152"),
        ("new-model", {}, None),
        ("new-model", {"size": "3000x100"}, "3000*100"),
        ("new-model", {"size": "2K"}, "2K"),
    ],
)
def test_size(model: str, given: dict[str, Any], size: str | None) -> None:
    assert sent(model, given) == size


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, "1280*1280"),
        ({"size": "2048x2048"}, "1280*1280"),
        ({"size": "1024x1536"}, "1024*1536"),
        ({"images": (reference(200, 200),)}, "1280*1280"),
        ({"images": (reference(300, 200),), "size": "2K"}, "1280*1280"),
    ],
)
def test_pictures_between_words_are_smaller(given: dict[str, Any], size: str) -> None:
    assert sent(IN_TURN, given, interleaved=True) == size
