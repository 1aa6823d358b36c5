"""Words and pictures in turn, as documents; the stream is tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._dashscope import interleaved
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.errors import BadResponse, ContentRefused, GatewayError


def document(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"output": {"choices": [{"message": {"role": "assistant", "content": list(parts)}}], "finished": True}, **more}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_each_picture_has_the_words_before_it() -> None:
    told = document(
        text("Cut"), text(" it.\n"), {"image": "u1"}, {"image": "u2"}, text(" Eat."), usage={"size": "8*9"}, request_id="r"
    )
    *made, end = interleaved.pictures(told)
    seen = [
        (event.source.url, event.details.extra, event.details.size)
        for event in made
        if isinstance(event, CompletedImage) and isinstance(event.source, ImageLink)
    ]
    assert seen == [("u1", {"text": "Cut it."}, "8x9"), ("u2", {}, "8x9")]
    assert isinstance(end, Finished)
    assert end.extra == {"finished": True, "request_id": "r", "text": "Eat."}


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        (document(text("No.")), BadResponse, "words instead"),
        (document(text(" ")), BadResponse, "without a picture"),
        (document(None, {"image": 7}, {"image": ""}, {"text": None}), BadResponse, "without a picture"),
        ({"output": None}, BadResponse, "without a picture"),
        ([], BadResponse, "without a picture"),
        ({"code": "DataInspectionFailed", "message": "no"}, ContentRefused, "safety"),
        ({"code": "NewCode", "message": "no"}, BadResponse, "failure"),
    ],
)
def test_answers_without_pictures(told: Any, kind: type[GatewayError], words: str) -> None:
    with pytest.raises(kind, match=words):
        list(interleaved.pictures(told))


def test_a_novel_is_cut() -> None:
    picture, _ = interleaved.pictures(document(text("x" * 100_000), {"image": "u1"}))
    assert isinstance(picture, CompletedImage) and len(picture.details.extra["text"]) == 65_536
