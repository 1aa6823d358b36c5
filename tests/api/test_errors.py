"""Exceptions as OpenAI's error bodies, as answers and inside event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from imagegate import errors
from imagegate.api.errors import ErrorWriter, headers
from imagegate.errors import GatewayError

WRITER = ErrorWriter()
HOSTILE = 'x"}\r\n\r\nevent: evil\ndata: {"a":1}\n\n\u2028\u2029\x85\x0b\x0c\x00</script>'


def classes(base: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """The whole tree."""
    yield base
    for child in base.__subclasses__():
        yield from classes(child)


ALL = sorted({kind for kind in classes() if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__)


def text_of(error: GatewayError, writer: ErrorWriter = WRITER) -> dict[str, Any]:
    """The ``error`` member of the body."""
    body = json.loads(writer.body(error))
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return dict(body["error"])


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_the_same_four_keys(kind: type[GatewayError]) -> None:
    error = kind("One sentence.")
    body = text_of(error)
    assert body["message"] == "One sentence."
    assert body["type"] == kind.type
    assert body["code"] == error.code
    assert body["param"] is None
    response = WRITER.response(error)
    assert response.status_code == WRITER.status(error)
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.body)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequest("x"), 400),
        (errors.Unauthenticated("x"), 401),
        (errors.PermissionDenied("x"), 403),
        (errors.ContentRefused("x"), 403),
        (errors.ModelNotFound("x"), 404),
        (errors.RouteNotFound("x"), 404),
        (errors.RouteNotFound("x", method_only=True), 405),
        (errors.RequestTimeout("x"), 408),
        (errors.TooLarge("x"), 413),
        (errors.UnsupportedMedia("x"), 415),
        (errors.LimitExceeded("x"), 429),
        (errors.InsufficientQuota("x"), 429),
        (errors.RateLimited("x"), 429),
        (errors.Unavailable("x"), 503),
        (errors.AuthFailed("x"), 503),
        (errors.Ambiguous("x"), 502),
        (errors.Ambiguous("x", timed_out=True), 504),
        (errors.BadResponse("x"), 502),
        (errors.NoChannel("x"), 503),
        (errors.GatewayError("x"), 500),
    ],
)
def test_statuses(error: GatewayError, status: int) -> None:
    assert WRITER.response(error).status_code == status


def test_an_operator_may_choose_openais_own_status_for_refused_content() -> None:
    writer = ErrorWriter(content_policy_status=400)
    assert writer.status(errors.ContentRefused("x")) == 400
    assert writer.status(errors.PermissionDenied("x")) == 403


def test_param_and_code_are_told() -> None:
    body = text_of(errors.InvalidRequest("Bad.", param="size", code="invalid_size"))
    assert (body["param"], body["code"]) == ("size", "invalid_size")


@pytest.mark.parametrize("kind", ALL)
def test_what_a_retry_cannot_mend_says_so(kind: type[GatewayError]) -> None:
    expected = {None: None, True: "true", False: "false"}[kind.should_retry]
    assert WRITER.response(kind("x")).headers.get("x-should-retry") == expected


def test_money_safe_errors_forbid_the_sdks_own_retry() -> None:
    for kind in (errors.Ambiguous, errors.BadResponse, errors.AuthFailed, errors.InsufficientQuota):
        assert headers(kind("x"))["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, None),
        (0, ("0", "0")),
        (0.0004, ("1", "1")),
        (1.5, ("2", "1500")),
        (7, ("7", "7000")),
        (300, ("120", "120000")),
        (1e9, ("120", "120000")),
        (float("inf"), ("120", "120000")),
        (-3, ("0", "0")),
    ],
)
def test_the_wait_is_told_in_seconds_and_milliseconds(seconds: float | None, expected: tuple[str, str] | None) -> None:
    hints = headers(errors.RateLimited("x", retry_after=seconds))
    assert (hints.get("retry-after"), hints.get("retry-after-ms")) == (expected or (None, None))


@given(st.text(max_size=200), st.text(max_size=20))
@settings(deadline=None, max_examples=200)
def test_any_message_is_one_body_and_one_event(message: str, param: str) -> None:
    error = errors.InvalidRequest(message, param=param)
    assert text_of(error)["message"] == message
    (event,) = list(SSEDecoder().iter_bytes(iter([WRITER.event(error)])))
    assert event.event == "error"
    assert event.json()["error"] == text_of(error)


def test_a_hostile_message_makes_no_second_event_and_no_header() -> None:
    error = errors.ContentRefused(HOSTILE, code=HOSTILE, param=HOSTILE, retry_after=1)
    frame = WRITER.event(error)
    assert frame.count(b"\n") == 3
    assert b"\r" not in frame
    assert frame.endswith(b"\n\n")
    assert json.loads(frame.split(b"data: ", 1)[1])["error"]["message"] == HOSTILE
    for name, value in WRITER.response(error).headers.items():
        assert (name + value).isprintable()


def test_openai_python_raises_our_errors_as_its_own() -> None:
    failures: list[tuple[GatewayError, type[openai.APIStatusError]]] = [
        (errors.InvalidRequest("m", param="size", code="invalid_size"), openai.BadRequestError),
        (errors.Unauthenticated("m"), openai.AuthenticationError),
        (errors.ContentRefused("m"), openai.PermissionDeniedError),
        (errors.ModelNotFound("m"), openai.NotFoundError),
        (errors.LimitExceeded("m"), openai.RateLimitError),
        (errors.BadResponse("m"), openai.InternalServerError),
    ]
    for error, expected in failures:
        answer = WRITER.response(error)

        def serve(_: httpx2.Request, answer: Any = answer) -> httpx2.Response:
            return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=bytes(answer.body))

        with (
            openai.OpenAI(
                api_key="k",
                base_url="http://x.test/v1",
                max_retries=0,
                http_client=openai.DefaultHttpxClient(transport=httpx2.MockTransport(serve)),
            ) as client,
            pytest.raises(expected) as caught,
        ):
            client.images.generate(model="m", prompt="x")
        assert (caught.value.code, caught.value.param, caught.value.type) == (error.code, error.param, error.type)
