"""MiniMax's answers in all their spellings; its codes are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._minimax.results import empty, failed, pictures, told
from imagegate.domain.events import Finished
from imagegate.errors import AuthFailed, BadResponse, ContentRefused, GatewayError


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"base_resp": {"status_code": 1026, "status_msg": "no"}}, {"code": "1026", "message": "no"}),
        ({"error": {"code": "x", "message": "no"}}, {"code": "x", "message": "no"}),
        ([], {}),
    ],
)
def test_either_spelling(document: Any, error: dict[str, Any]) -> None:
    assert told(document) == error


def test_counts_may_be_texts() -> None:
    document = {"id": "1", "data": {"image_urls": ["u1", ""]}, "metadata": {"success_count": "1", "failed_count": 1}}
    *_, end = pictures(document)
    assert isinstance(end, Finished)
    assert end.extra == {"id": "1", "metadata": {"success_count": 1, "failed_count": 1}}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"data": {}, "metadata": {"failed_count": "2"}}, ContentRefused),
        ({"data": None}, BadResponse),
        ({"base_resp": {"status_code": 1008}}, AuthFailed),
        ("x", BadResponse),
    ],
)
def test_no_picture(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        list(pictures(document))


def test_errors_inside() -> None:
    assert isinstance(failed({"base_resp": {"status_code": 1027}}), ContentRefused)
    assert isinstance(empty({"base_resp": {"status_code": 1027}}), ContentRefused)
    assert isinstance(empty({}), BadResponse)
