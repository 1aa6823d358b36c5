"""DashScope's codes and the errors that come of them."""

from __future__ import annotations

import pytest

from imagegate.adapters._dashscope import codes
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

KINDS: dict[type[GatewayError], list[str]] = {
    ContentRefused: ["DataInspectionFailed", "data_inspection_failed", "IPInfringementSuspect", "DataInspectionFailed.Output"],
    InvalidRequest: ["InvalidParameter", "InvalidParameter.Size", "InvalidURL", "BadRequest.EmptyInput", "UnsupportedOperation"],
    TooLarge: ["BadRequest.TooLarge"],
    AuthFailed: [
        "InvalidApiKey",
        "AccessDenied",
        "AccessDenied.Unpurchased",
        "Model.AccessDenied",
        "Workspace.AccessDenied",
        "Arrearage",
        "AllocationQuota.FreeTierOnly",
        "AllocationQuota.Exceeded",
        "insufficient_quota",
        "PrepaidBillOverdue",
    ],
    ModelMissing: ["ModelNotFound", "Model.NotExist", "Model not exist", "model_not_found"],
    RateLimited: [
        "Throttling",
        "Throttling.RateQuota",
        "Throttling.BurstRate",
        "Throttling.AllocationQuota",
        "LimitRequests",
    ],
    Unavailable: ["ModelUnavailable", "ServiceUnavailable"],
    Ambiguous: ["InternalError", "InternalError.Algo", "InternalError.Timeout", "RequestTimeOut", "SystemError"],
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, names in KINDS.items() for code in names])
def test_codes(kind: type[GatewayError], code: str) -> None:
    error = codes.by_code({"code": code, "message": "why it failed"}, Refusal(418, {"retry-after": "2"}, b""))
    assert type(error) is kind
    assert error.retry_after == (2 if kind in {RateLimited, Unavailable} else None)
    assert ("why" in error.message) is (kind is InvalidRequest)
    assert type(codes.inside({"code": code})) is kind


@pytest.mark.parametrize("code", ["", None, 7, "SomethingNew", "Model.Odd", {}])
def test_unknown_codes_are_left_to_the_status(code: object) -> None:
    assert codes.by_code({"code": code}, Refusal(400, {}, b"")) is None
    assert isinstance(codes.inside({"code": code}), BadResponse)


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        ({"code": "A", "message": "b", "request_id": "c"}, "A", "b"),
        ({"error": {"code": "A", "message": "b"}}, "A", "b"),
        ({"error": "b"}, None, "b"),
        (None, None, None),
        ([], None, None),
    ],
)
def test_where_a_refusal_says_it(document: object, code: str | None, message: str | None) -> None:
    told = codes.told(document)
    assert (told["code"], told["message"]) == (code, message)
