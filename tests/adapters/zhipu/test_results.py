"""Zhipu's answers; its codes are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._zhipu.results import job_name, pictures, reason
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.errors import BadResponse, ContentRefused, GatewayError


def test_pictures_and_what_stands_beside() -> None:
    document = {
        "created": 1_760_335_349,
        "data": [{"url": "u1"}],
        "content_filter": [{"role": "assistant", "level": 3}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }
    picture, end = pictures(document, "data")
    assert isinstance(picture, CompletedImage) and picture.source == ImageLink("u1")
    assert isinstance(end, Finished) and end.usage is not None
    assert (end.created, end.usage.input_tokens) == (1_760_335_349, 5)
    assert end.extra == {"content_filter": [{"role": "assistant", "level": 3}]}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"error": {"code": "1301"}}, ContentRefused),
        ({"error": {"code": "7777"}}, BadResponse),
        ({"data": [], "content_filter": [{"level": 0}]}, ContentRefused),
        ({"data": [], "contentFilter": [{"level": "0"}]}, ContentRefused),
        ({"data": [], "content_filter": [{"level": 3}]}, BadResponse),
        (None, BadResponse),
    ],
)
def test_neither_picture_nor_job(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        list(pictures(document, "data"))
    with pytest.raises(kind):
        job_name(document)


def test_a_good_answer_has_no_reason() -> None:
    assert job_name({"id": "task:1.a"}) == "task:1.a"
    assert reason({"data": [{"url": "u1"}]}) is None
