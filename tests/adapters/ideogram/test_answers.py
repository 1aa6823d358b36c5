"""Pictures of an Ideogram answer."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._ideogram.answers import events
from imagegate.domain.events import CompletedImage, Finished, ImageLink, Progress
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, ContentRefused, GatewayError

ASKED = ImageRequest(Operation.GENERATE, "ideogram-v3", "a cat")


def test_the_safe_pictures() -> None:
    good = {"url": "u1", "prompt": "a cat", "resolution": "1024x1024", "seed": 7, "is_image_safe": True}
    told = list(events({"created": "2026-11-30T10:00:00+00:00", "data": [good, {"url": "", "is_image_safe": False}]}, ASKED))
    picture, note, end = told
    assert isinstance(picture, CompletedImage) and picture.source == ImageLink("u1")
    assert (picture.details.size, picture.details.revised_prompt, picture.details.extra) == ("1024x1024", None, {"seed": 7})
    assert isinstance(note, Progress) and note.note.startswith("1 of 2")
    assert isinstance(end, Finished) and end.created == 1_796_032_800


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"data": [{"url": None, "is_image_safe": False}]}, ContentRefused),
        ({"data": [{"url": None}]}, BadResponse),
        ({"data": None}, BadResponse),
        ([], BadResponse),
    ],
)
def test_no_picture(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        list(events(document, ASKED))


@pytest.mark.parametrize("created", [None, 7, "yesterday"])
def test_an_odd_time_is_none(created: Any) -> None:
    *_, end = events({"created": created, "data": [{"url": "u1"}]}, ASKED)
    assert isinstance(end, Finished) and end.created is None
