"""OpenAI's and Azure's error answers as ours: the table of what a caller sees and who may try again."""

from __future__ import annotations

import email.utils
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.adapters.shape.failures import error_object, openai_error_inside, openai_failure, retry_after, safe_text
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    RequestError,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.client import Refusal

Kind = type[GatewayError]
USER = "image_generation_user_error"
INVALID = "invalid_request_error"

OPENAI: list[tuple[int, str | None, str | None, Kind, str | None]] = [
    (400, INVALID, "unknown_parameter", InvalidRequest, "unknown_parameter"),
    (400, INVALID, "invalid_value", InvalidRequest, "invalid_value"),
    (400, INVALID, "missing_required_parameter", InvalidRequest, "missing_required_parameter"),
    (400, INVALID, None, InvalidRequest, "invalid_value"),
    (409, INVALID, "conflict", InvalidRequest, "conflict"),
    (422, INVALID, "invalid_value", InvalidRequest, "invalid_value"),
    (400, USER, "moderation_blocked", ContentRefused, "moderation_blocked"),
    (400, USER, "invalid_value", InvalidRequest, "invalid_value"),
    (400, USER, "invalid_image_file", InvalidRequest, "invalid_image_file"),
    (400, USER, "invalid_input_fidelity_model", InvalidRequest, "invalid_input_fidelity_model"),
    (400, INVALID, "content_policy_violation", ContentRefused, "content_policy_violation"),
    (400, "billing_limit_user_error", "billing_hard_limit_reached", AuthFailed, "upstream_auth_failed"),
    (401, INVALID, "invalid_api_key", AuthFailed, "upstream_auth_failed"),
    (402, None, None, AuthFailed, "upstream_auth_failed"),
    (403, INVALID, None, AuthFailed, "upstream_auth_failed"),
    (403, "unsupported_country", "unsupported_country_region_territory", AuthFailed, "upstream_auth_failed"),
    (404, INVALID, "model_not_found", ModelMissing, "upstream_model_not_found"),
    (405, INVALID, None, ModelMissing, "upstream_model_not_found"),
    (413, INVALID, None, TooLarge, "request_too_large"),
    (429, "insufficient_quota", "insufficient_quota", AuthFailed, "upstream_auth_failed"),
    (429, "insufficient_quota", "credit_balance_exhausted", AuthFailed, "upstream_auth_failed"),
    (429, "requests", "project_spend_limit_exceeded", AuthFailed, "upstream_auth_failed"),
    (429, None, "organization_spend_limit_exceeded", AuthFailed, "upstream_auth_failed"),
    (429, None, "organization_usage_limit_exceeded", AuthFailed, "upstream_auth_failed"),
    (429, "insufficient_quota", None, AuthFailed, "upstream_auth_failed"),
    (429, "rate_limit_error", "rate_limit_exceeded", RateLimited, "upstream_rate_limited"),
    (429, "tokens", "rate_limit_exceeded", RateLimited, "upstream_rate_limited"),
    (429, "requests", None, RateLimited, "upstream_rate_limited"),
    (429, None, "slow_down", RateLimited, "upstream_rate_limited"),
    (503, None, "slow_down", RateLimited, "upstream_rate_limited"),
    (429, None, None, RateLimited, "upstream_rate_limited"),
    (500, "server_error", "server_is_overloaded", Unavailable, "upstream_unavailable"),
    (500, "service_unavailable_error", None, Unavailable, "upstream_unavailable"),
    (503, "server_error", None, Unavailable, "upstream_unavailable"),
    (529, "overloaded_error", None, Unavailable, "upstream_unavailable"),
    (500, "server_error", None, Ambiguous, "upstream_ambiguous"),
    (502, None, None, Ambiguous, "upstream_ambiguous"),
    (520, None, None, Ambiguous, "upstream_ambiguous"),
    (408, None, None, Ambiguous, "upstream_timeout"),
    (504, None, None, Ambiguous, "upstream_timeout"),
    (524, None, None, Ambiguous, "upstream_timeout"),
    (302, None, None, BadResponse, "upstream_invalid_response"),
    (418, None, None, BadResponse, "upstream_invalid_response"),
]
STATUS: dict[Kind, set[int]] = {
    InvalidRequest: {400},
    ContentRefused: {403},
    TooLarge: {413},
    RateLimited: {429},
    AuthFailed: {503},
    Unavailable: {503},
    ModelMissing: {503},
    Ambiguous: {502, 504},
    BadResponse: {502},
}


def refusal(status: int, body: object, headers: dict[str, str] | None = None) -> Refusal:
    """A provider's answer with a JSON body."""
    return Refusal(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def envelope(**fields: Any) -> dict[str, Any]:
    """OpenAI's error body."""
    return {"error": {"message": "Something about it.", "type": None, "param": None, "code": None, **fields}}


@pytest.mark.parametrize(("status", "kind", "code", "expected", "our_code"), OPENAI)
def test_openais_errors(status: int, kind: str | None, code: str | None, expected: Kind, our_code: str) -> None:
    error = openai_failure(refusal(status, envelope(type=kind, code=code)))
    assert type(error) is expected
    assert error.http_status in STATUS[expected]
    assert error.code == our_code


@pytest.mark.parametrize(
    ("status", "body", "expected", "our_code"),
    [
        (400, {"created": 1, **envelope(code="contentFilter")}, ContentRefused, "content_policy_violation"),
        (400, envelope(code="content_filter"), ContentRefused, "content_policy_violation"),
        (
            400,
            envelope(code="content_policy_violation", type=INVALID, inner_error={"code": "ResponsibleAIPolicyViolation"}),
            ContentRefused,
            "content_policy_violation",
        ),
        (
            400,
            envelope(code="400", innererror={"code": "ResponsibleAIPolicyViolation"}),
            ContentRefused,
            "content_policy_violation",
        ),
        (
            400,
            envelope(code="400", inner_error={"code": "ResponsibleAIPolicyViolation"}),
            ContentRefused,
            "content_policy_violation",
        ),
        (400, envelope(code="moderation_blocked"), ContentRefused, "moderation_blocked"),
        (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}, AuthFailed, None),
        (401, {"statusCode": 401, "message": "Access denied"}, AuthFailed, None),
        (404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, ModelMissing, None),
        (404, {"error": {"code": "404", "message": "Resource not found"}}, ModelMissing, None),
        (429, {"error": {"code": "429", "message": "Requests have exceeded call rate limit"}}, RateLimited, None),
    ],
)
def test_azures_errors(status: int, body: object, expected: Kind, our_code: str | None) -> None:
    error = openai_failure(refusal(status, body))
    assert type(error) is expected
    assert error.code == (our_code or expected.default_code)


def test_only_refusals_before_any_work_go_to_the_next_candidate() -> None:
    following = {Unavailable, ModelMissing, RateLimited, AuthFailed}
    for status, kind, code, expected, _ in OPENAI:
        error = openai_failure(refusal(status, envelope(type=kind, code=code)))
        assert getattr(error, "next_candidate", False) is (expected in following)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 3 "}, 3),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1000000000"}, 300),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 30}, 300),
        ({"retry-after": "1.2.3"}, None),
        ({"retry-after": "."}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 300),
        ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "garbage", "retry-after": "9"}, 9),
        ({"retry-after-ms": "nan", "retry-after": "9"}, 9),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after-ms": "-1"}, None),
        ({"retry-after-ms": "1e9"}, 300),
    ],
)
def test_the_wait_that_the_provider_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
    for status in (429, 503):
        assert openai_failure(refusal(status, {}, headers)).retry_after == seconds
    limited = openai_failure(refusal(429, envelope(code="rate_limit_exceeded"), headers))
    assert limited.retry_after == seconds


def test_a_date_is_the_time_until_then() -> None:
    wait = retry_after({"retry-after": email.utils.formatdate(time.time() + 60, usegmt=True)})
    assert wait is not None
    assert 55 < wait <= 60


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=300)
def test_no_header_value_breaks_it(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        wait = retry_after({name: value})
        assert wait is None or 0 <= wait <= 300


SECRETS = [
    "sk-abcdef1234567890",
    "sk-proj-abc_def-123456",
    "sk-abc***********xyz",
    "org-Abc123Def456",
    "proj_AbcDef123456",
    "https://internal.provider.test/v1/x?key=1",
    "http://10.0.0.7:8080/",
    "HTTPS://UPPER.TEST/X",
    "xai-abcdefghij",
    "r8_abcdefghijkl",
    "hf_abcdefghijkl",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["Bad {}.", "({})", "key={}, sorry", '"{}"', "user_{}", "a\n{}\nb"])
@pytest.mark.parametrize(
    ("status", "code"), [(400, "invalid_value"), (400, "moderation_blocked"), (401, None), (500, None), (429, None)]
)
def test_secrets_of_the_operator_never_reach_a_message(secret: str, around: str, status: int, code: str | None) -> None:
    error = openai_failure(refusal(status, envelope(message=around.format(secret), code=code)))
    assert secret not in error.message
    assert secret[:12] not in error.message


@pytest.mark.parametrize("status", [401, 402, 403, 404, 413, 429, 500, 502, 503, 504, 529])
def test_what_is_not_the_callers_doing_is_never_said_in_the_providers_words(status: int) -> None:
    error = openai_failure(refusal(status, envelope(message="Organization ACME has been suspended")))
    assert "ACME" not in error.message


def test_the_callers_own_mistake_is_said_in_the_providers_words() -> None:
    error = openai_failure(refusal(400, envelope(message="Invalid size '4096x4096'.", param="size", code="invalid_value")))
    assert (error.message, error.param, error.code) == ("Invalid size '4096x4096'.", "size", "invalid_value")


def test_a_message_is_one_bounded_line() -> None:
    assert safe_text("a\r\nevent: x\u2028b\x00c", "-") == "a event: x b\x00c"
    assert len(safe_text("word " * 10_000, "-")) <= 500


@pytest.mark.parametrize("nothing", [None, "", "  \n", 3, [], {}])
def test_a_missing_message_has_a_substitute(nothing: object) -> None:
    assert safe_text(nothing, "fallback") == "fallback"


@pytest.mark.parametrize("word", ["x" * 500, "two words", "a\nb", "<b>", "", 7, None, ["a"], "https://x.test/a"])
def test_code_and_param_are_words_or_left_out(word: object) -> None:
    error = openai_failure(refusal(400, envelope(code=word, param=word)))
    assert error.code == "invalid_value"
    assert error.param is None


@pytest.mark.parametrize("word", ["size", "images[0].image_url", "svg.model", "input-image"])
def test_the_names_of_fields_are_kept(word: str) -> None:
    assert openai_failure(refusal(400, envelope(param=word))).param == word


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (envelope(code="moderation_blocked"), ContentRefused),
        (envelope(code="rate_limit_exceeded"), RateLimited),
        (envelope(code="server_is_overloaded"), Unavailable),
        (envelope(code="insufficient_quota"), AuthFailed),
        (envelope(code="invalid_api_key", type=INVALID), AuthFailed),
        (envelope(code="model_not_found", type=INVALID), ModelMissing),
        (envelope(code="invalid_value", type=INVALID), InvalidRequest),
        (envelope(type=USER), InvalidRequest),
        (envelope(type="server_error"), BadResponse),
        (envelope(), BadResponse),
        ({"error": "the worker died at https://10.0.0.1/"}, BadResponse),
        ({"error": True}, BadResponse),
        ({"error": []}, BadResponse),
        ({"error": {"type": [], "code": {}}}, BadResponse),
        ({"type": "error", "error": {"message": "x", "type": "server_error"}}, BadResponse),
    ],
)
def test_an_error_inside_a_success(fields: dict[str, Any], expected: Kind) -> None:
    error = openai_error_inside(fields)
    assert type(error) is expected
    assert "10.0.0.1" not in error.message


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"error": {"code": "x"}}, {"code": "x"}),
        ({"error": "text"}, {"message": "text"}),
        ({"code": "x", "message": "flat"}, {"code": "x", "message": "flat"}),
        ({"error": None}, {}),
        ([{"error": {"code": "x"}}], {}),
        (None, {}),
        ("text", {}),
    ],
)
def test_the_error_is_found_however_it_is_spelt(document: object, expected: dict[str, Any]) -> None:
    assert error_object(document) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "type", "message", "param", "innererror"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.integers(100, 599).filter(lambda status: not 200 <= status < 300), JSON)
@settings(deadline=None, max_examples=300)
def test_any_answer_becomes_one_error(status: int, body: Any) -> None:
    errors = [openai_failure(refusal(status, body))]
    if isinstance(body, dict):
        errors.append(openai_error_inside(body))
    for error in errors:
        assert isinstance(error, GatewayError)
        assert error.message == " ".join(error.message.split())
        assert len(error.message) <= 500
        assert error.http_status >= 400
        assert error.code
        assert error.param is None or isinstance(error, RequestError)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\x00", b"[" * 2000])
@pytest.mark.parametrize(("status", "expected"), [(400, InvalidRequest), (401, AuthFailed), (500, Ambiguous), (503, Unavailable)])
def test_a_body_that_is_no_json_leaves_the_status(body: bytes, status: int, expected: Kind) -> None:
    assert type(openai_failure(refusal(status, body))) is expected
