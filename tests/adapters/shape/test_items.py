"""Pictures in lists, in all the ways in which providers write them."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.shape.items import finished_of, pictures_of
from imagegate.domain.events import CompletedImage, ImageBytes, ImageLink


async def content(picture: CompletedImage) -> str:
    source = picture.source
    if isinstance(source, ImageLink):
        return source.url
    assert isinstance(source, ImageBytes)
    return b"".join([chunk async for chunk in source.chunks]).decode()


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([{"url": "u1"}, {"b64_json": "aGk="}, {"b64_image": "aG8="}], ["u1", "aGk=", "aG8="]),
        (["u1", "", "u2"], ["u1", "u2"]),
        ([{"url": "u1", "b64_json": ""}, {"url": None}, {"url": ""}, {"url": 7}, None, 5, []], ["u1"]),
        (None, []),
        ({"url": "u1"}, []),
        ("u1", []),
    ],
)
async def test_pictures(items: Any, found: list[str]) -> None:
    assert [await content(picture) for picture in pictures_of(items)] == found


def test_details_stay_with_their_picture() -> None:
    (picture,) = pictures_of([{"url": "u", "b64_image": None, "revised_prompt": "better", "index": 0}])
    assert picture.details.revised_prompt == "better"
    assert picture.details.extra == {"index": 0}


def test_what_stands_beside_the_pictures() -> None:
    document = {"created": 7, "size": "8x9", "id": "a", "data": [], "status": "done", "usage": {"total_tokens": 3}}
    end = finished_of(document, without={"status"})
    assert end.usage is not None and end.details is not None
    assert (end.created, end.usage.total_tokens, end.details.size, end.extra) == (7, 3, "8x9", {"id": "a"})
