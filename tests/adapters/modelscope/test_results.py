"""ModelScope's answers in all their spellings."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._modelscope.results import inside, pictures, task_name, told
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.errors import BadResponse, ContentRefused, GatewayError


@pytest.mark.parametrize(
    "document",
    [
        {"output_images": ["u1"], "task_status": "SUCCEED", "request_id": "r"},
        {"images": [{"url": "u1"}], "request_id": "r"},
        {"data": [{"url": "u1"}], "request_id": "r"},
    ],
)
def test_pictures_wherever_they_stand(document: dict[str, Any]) -> None:
    picture, end = pictures(document)
    assert isinstance(picture, CompletedImage) and picture.source == ImageLink("u1")
    assert isinstance(end, Finished) and end.extra == {"request_id": "r"}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"errors": {"code": "DataInspectionFailed", "message": "no"}}, ContentRefused),
        ({"errors": {"message": "no"}}, BadResponse),
        ({"output_images": []}, BadResponse),
        ([], BadResponse),
    ],
)
def test_neither_picture_nor_job(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        list(pictures(document))
    with pytest.raises(kind):
        task_name(document)


def test_a_job_has_a_name() -> None:
    assert task_name({"task_id": "8.a-1"}) == "8.a-1"
    with pytest.raises(BadResponse):
        task_name({"task_id": "../x"})


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        ({"errors": "gone"}, None, "gone"),
        ({"error": {"code": 7, "message": "no"}}, None, "no"),
        ({"code": "X", "message": "no"}, "X", "no"),
        ({"errors": ["x"]}, None, None),
        (None, None, None),
    ],
)
def test_what_a_failure_says(document: Any, code: str | None, message: str | None) -> None:
    assert told(document) == {"code": code, "message": message}
    assert inside(document) is None
