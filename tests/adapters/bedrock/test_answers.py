"""Bedrock's answers and refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagegate.adapters._bedrock.answers import failure, pictures
from imagegate.domain.events import CompletedImage, Finished
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Refusal


def test_pictures_come_with_their_seeds() -> None:
    events = list(pictures({"images": ["QUFB", "QkJC"], "seeds": [1, 2], "finish_reasons": [None, None]}))
    assert [event.details.extra for event in events if isinstance(event, CompletedImage)] == [{"seed": 1}, {"seed": 2}]


def test_a_filtered_picture_is_told_and_the_others_stay() -> None:
    events = list(pictures({"images": ["QUFB", "QkJC"], "finish_reasons": [None, "Filter reason: prompt"]}))
    assert len(events) == 2
    assert isinstance(events[-1], Finished)
    assert events[-1].extra["failed"][0]["code"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"images": [], "error": "blocked"}, ContentRefused),
        ({"images": [""], "finish_reasons": ["Filter reason: output image"]}, ContentRefused),
        ({"images": [], "finish_reasons": ["Inference error"]}, Ambiguous),
        ({"images": []}, BadResponse),
        ({}, BadResponse),
        ([], BadResponse),
        ({"images": "text", "finish_reasons": 3}, BadResponse),
    ],
)
def test_nothing_to_show_says_why(document: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(pictures(document))


@pytest.mark.parametrize(
    ("status", "name", "message", "error"),
    [
        (400, "ValidationException", "width must be a multiple of 16", InvalidRequest),
        (400, "ValidationException", "This request has been blocked by our content filters.", ContentRefused),
        (403, "AccessDeniedException", "no", AuthFailed),
        (403, "ExpiredTokenException:http://internal", "no", AuthFailed),
        (404, "com.amazon#ResourceNotFoundException", "no", ModelMissing),
        (429, "ThrottlingException", "slow", RateLimited),
        (503, "ServiceUnavailableException", "busy", Unavailable),
        (424, "ModelErrorException", "x", Ambiguous),
        (500, "", "x", Ambiguous),
    ],
)
def test_refusals_by_their_type(status: int, name: str, message: str, error: type[Exception]) -> None:
    refusal = Refusal(status, {"x-amzn-errortype": name}, json.dumps({"message": message}).encode())
    assert type(failure(refusal)) is error
