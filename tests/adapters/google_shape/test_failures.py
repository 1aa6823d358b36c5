"""Google's refusals as ours, and what comes of an answer without a picture."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.adapters.google_shape.failures import error_inside, google_failure, no_picture, sentence
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.client import Refusal


def refusal(http: int, status: str | None = None, *details: Any, headers: dict[str, str] | None = None) -> Refusal:
    """An answer of Google's."""
    error = {"code": http, "message": "Something about it", "status": status, "details": list(details)}
    return Refusal(http, headers or {}, json.dumps({"error": error}).encode())


def info(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


@pytest.mark.parametrize(
    ("http", "status", "error"),
    [
        (400, "INVALID_ARGUMENT", InvalidRequest),
        (400, "OUT_OF_RANGE", InvalidRequest),
        (400, "FAILED_PRECONDITION", AuthFailed),
        (401, "UNAUTHENTICATED", AuthFailed),
        (403, "PERMISSION_DENIED", AuthFailed),
        (404, "NOT_FOUND", ModelMissing),
        (501, "UNIMPLEMENTED", ModelMissing),
        (429, "RESOURCE_EXHAUSTED", RateLimited),
        (499, "CANCELLED", Ambiguous),
        (500, "INTERNAL", Ambiguous),
        (500, "UNKNOWN", Ambiguous),
        (503, "UNAVAILABLE", Unavailable),
        (504, "DEADLINE_EXCEEDED", Ambiguous),
        (400, None, InvalidRequest),
        (401, None, AuthFailed),
        (413, None, TooLarge),
        (429, "SOMETHING_NEW", RateLimited),
        (502, None, Ambiguous),
        (503, None, Unavailable),
        (302, None, BadResponse),
    ],
)
def test_by_status(http: int, status: str | None, error: type[GatewayError]) -> None:
    assert type(google_failure(refusal(http, status))) is error


@pytest.mark.parametrize(
    ("http", "status", "reason", "error"),
    [
        (400, "INVALID_ARGUMENT", "API_KEY_INVALID", AuthFailed),
        (400, "INVALID_ARGUMENT", "API_KEY_EXPIRED", AuthFailed),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED", AuthFailed),
        (403, "PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED", RateLimited),
        (400, "INVALID_ARGUMENT", "BILLING_DISABLED", AuthFailed),
        (400, "INVALID_ARGUMENT", "SOMETHING_NEW", InvalidRequest),
    ],
)
def test_the_reason_comes_before_the_status(http: int, status: str, reason: str, error: type[GatewayError]) -> None:
    assert type(google_failure(refusal(http, status, info(reason)))) is error


@pytest.mark.parametrize(
    ("delay", "headers", "seconds"),
    [
        ("41s", {}, 41.0),
        ("0.250s", {}, 0.25),
        ("9000s", {}, 300.0),
        ("soon", {"retry-after": "7"}, 7.0),
        (None, {"retry-after": "7"}, 7.0),
        (None, {}, None),
        (41, {}, None),
    ],
)
def test_how_long_to_wait(delay: Any, headers: dict[str, str], seconds: float | None) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    for http, status in ((429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")):
        assert google_failure(refusal(http, status, detail, headers=headers)).retry_after == seconds


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ("generation_config.image_config.aspect_ratio", "size"),
        ("generationConfig.imageConfig.imageSize", "size"),
        ("contents[0].parts[0].inline_data.mime_type", "image"),
        ("contents", "prompt"),
        ("generation_config.seed", None),
        (7, None),
    ],
)
def test_the_field_at_fault(field: Any, param: str | None) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": ["odd", {"field": field}]}
    assert google_failure(refusal(400, "INVALID_ARGUMENT", detail)).param == (param if isinstance(field, str) else None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Wrong", "Wrong."),
        ("Key AIzaSyA1234567890abcdef is bad.", "Key … is bad."),
        ("In projects/my-project-1/locations/x!", "In projects/…/locations/x!"),
        ("For me@x-1.iam.gserviceaccount.com", "For …"),
        ("Token ya29.a0Ab-c", "Token …"),
        ("See https://example.com/a", "See …"),
        ("", "Otherwise."),
        (None, "Otherwise."),
    ],
)
def test_googles_words_are_cleaned(text: Any, shown: str) -> None:
    assert sentence(text, "Otherwise.") == shown


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "JAILBREAK", "NEW_ONE"])
def test_each_block_of_a_prompt(reason: str) -> None:
    error = no_picture({"blockReason": reason}, "", None)
    assert isinstance(error, ContentRefused) and error.code == "content_policy_violation"


FINISH = {
    "SAFETY": ContentRefused,
    "RECITATION": ContentRefused,
    "BLOCKLIST": ContentRefused,
    "PROHIBITED_CONTENT": ContentRefused,
    "SPII": ContentRefused,
    "IMAGE_SAFETY": ContentRefused,
    "IMAGE_PROHIBITED_CONTENT": ContentRefused,
    "IMAGE_RECITATION": ContentRefused,
    "MODEL_ARMOR": ContentRefused,
    "STOP": BadResponse,
    "MAX_TOKENS": BadResponse,
    "LANGUAGE": BadResponse,
    "OTHER": BadResponse,
    "IMAGE_OTHER": BadResponse,
    "NO_IMAGE": BadResponse,
    "MALFORMED_RESPONSE": BadResponse,
    "": BadResponse,
}


@pytest.mark.parametrize("reason", FINISH)
def test_each_reason_to_stop(reason: str) -> None:
    error = no_picture({}, reason, "Unable to show it")
    assert type(error) is FINISH[reason]
    if isinstance(error, ContentRefused):
        assert (error.message, error.code) == ("Unable to show it.", "moderation_blocked")


def test_errors_inside_an_answer() -> None:
    assert type(error_inside({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}})) is RateLimited
    assert type(error_inside({"error": {"code": 400, "message": "Bad"}})) is InvalidRequest
    assert type(error_inside({"error": "broken"})) is Ambiguous


_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=9), x)
)


@given(st.integers(300, 599), st.one_of(_JSON, st.fixed_dictionaries({"error": _JSON})))
def test_whatever_comes_is_one_of_our_errors(http: int, document: Any) -> None:
    error = google_failure(Refusal(http, {}, json.dumps(document).encode()))
    assert isinstance(error, GatewayError) and error.message.strip()
