"""fal's results as events."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.hosted_shape.media import pictures
from imagegate.domain.events import CompletedImage, Finished
from imagegate.errors import BadResponse, ContentRefused

URL = "https://v3.fal.media/a.png"


def made(document: Any) -> list[CompletedImage]:
    return [event for event in pictures(document) if isinstance(event, CompletedImage)]


@pytest.mark.parametrize(
    ("item", "size", "form"),
    [
        ({"url": URL, "width": 640, "height": 480, "content_type": "image/jpeg"}, "640x480", "jpeg"),
        ({"url": URL, "width": None, "height": None, "content_type": None}, None, None),
        ({"url": URL, "width": 0, "height": 0, "content_type": "application/octet-stream"}, None, None),
        ({"url": URL, "width": True, "height": "9"}, None, None),
        (URL, None, None),
    ],
)
def test_details(item: Any, size: str | None, form: str | None) -> None:
    (event,) = made({"images": [item]})
    assert (event.details.size, event.details.output_format) == (size, form)


def test_one_image_and_what_stands_beside_it() -> None:
    events = list(pictures({"image": {"url": URL}, "seed": 0, "timings": {}, "prompt": "a", "has_nsfw_concepts": None}))
    assert events[-1] == Finished(extra={"seed": 0})


@pytest.mark.parametrize("document", [None, [], "x", {}, {"images": None}, {"images": [None, {}, {"url": ""}]}, {"image": {}}])
def test_no_picture(document: Any) -> None:
    with pytest.raises(BadResponse):
        list(pictures(document))


def test_flags_may_be_fewer_or_odd() -> None:
    assert len(made({"images": [{"url": URL}] * 3, "has_nsfw_concepts": [True]})) == 2
    assert len(made({"images": [{"url": URL}], "has_nsfw_concepts": [None, "x", 1]})) == 1
    with pytest.raises(ContentRefused):
        list(pictures({"images": [{"url": URL}], "has_nsfw_concepts": [True]}))
