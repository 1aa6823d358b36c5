"""Each verdict becomes its error, and only callers hear the provider's own words."""

from __future__ import annotations

import pytest

from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.client import Refusal

ERRORS: dict[Verdict, type[GatewayError]] = {
    Verdict.CONTENT: ContentRefused,
    Verdict.CALLER: InvalidRequest,
    Verdict.TOO_LARGE: TooLarge,
    Verdict.KEY: AuthFailed,
    Verdict.ACCOUNT: AuthFailed,
    Verdict.MODEL: ModelMissing,
    Verdict.RATE: RateLimited,
    Verdict.BUSY: Unavailable,
    Verdict.SERVER: Ambiguous,
    Verdict.TIMEOUT: Ambiguous,
}
SAID = {"message": "the size is odd", "code": "InvalidParameter.Size", "param": "size"}


@pytest.mark.parametrize("verdict", list(Verdict), ids=lambda verdict: verdict.name)
def test_each_verdict_is_its_error(verdict: Verdict) -> None:
    error = judged(verdict, SAID, Refusal(418, {"retry-after": "7"}, b""))
    assert type(error) is ERRORS[verdict]
    assert error.message.endswith(".")
    assert ("odd" in error.message) is (verdict is Verdict.CALLER)
    assert error.retry_after == (7 if verdict in {Verdict.RATE, Verdict.BUSY} else None)
    assert error.http_status == (504 if verdict is Verdict.TIMEOUT else type(error).status)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the size is odd", "the size is odd."),
        ("Too long!", "Too long!"),
        ("提示词过长。", "提示词过长。"),
        ("see https://vendor.example/a?key=1", "see …"),
        (None, "The provider refused the request; check its parameters."),
        (7, "The provider refused the request; check its parameters."),
    ],
)
def test_callers_hear_one_whole_safe_sentence(said: object, told: str) -> None:
    error = judged(Verdict.CALLER, {"message": said, "code": "a b", "param": {"x": 1}}, Refusal(400, {}, b""))
    assert (error.message, error.code, error.param) == (told, "invalid_value", None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequest), (422, InvalidRequest), (401, AuthFailed), (404, Unavailable), (429, RateLimited), (500, Ambiguous)],
)
def test_without_a_known_code_the_status_says_it(status: int, kind: type[GatewayError]) -> None:
    error = by_status(SAID, Refusal(status, {}, b""))
    assert isinstance(error, kind)
    assert error.message.endswith(".")
