"""JSON bodies with pictures in them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from imagegate.domain.images import InputImage
from imagegate.upstream.inline import InlineImage, JsonBody


class Pieces:
    """Content in pieces of an awkward size."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self._data = data
        self._step = step

    @property
    def size(self) -> int:
        return len(self._data)

    async def sha256(self) -> str:
        return ""

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._step):
            yield self._data[start : start + self._step]

    async def read(self) -> bytes:
        return self._data


def image(data: bytes) -> InputImage:
    return InputImage(Pieces(data), "image/webp", "image-0.webp")


async def sent(body: dict[str, Any]) -> bytes:
    encoded = JsonBody(body)
    content = encoded.content
    data = content if isinstance(content, bytes) else b"".join([piece async for piece in content])
    assert len(data) == encoded.length
    return data


@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 7, 8, 100, 1001])
async def test_pictures_arrive_as_base64_and_as_data_urls(size: int) -> None:
    data = bytes(range(256)) * 4
    data = data[:size]
    body = {"prompt": "ä\u2028", "parts": [{"a": InlineImage(image(data))}, "x", InlineImage(image(data), as_url=True)]}
    parsed = json.loads(await sent(body))
    expected = base64.b64encode(data).decode()
    assert parsed == {"prompt": "ä\u2028", "parts": [{"a": expected}, "x", "data:image/webp;base64," + expected]}


async def test_a_body_without_pictures_is_plain_bytes() -> None:
    assert JsonBody({"a": [1, None]}).content == b'{"a":[1,null]}'


async def test_the_same_picture_may_stand_twice() -> None:
    one = InlineImage(image(b"abcdef"))
    assert json.loads(await sent({"a": one, "b": one})) == {"a": "YWJjZGVm", "b": "YWJjZGVm"}


def test_anything_else_that_is_no_json_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        JsonBody({"a": object()})
