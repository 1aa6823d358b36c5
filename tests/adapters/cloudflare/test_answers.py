"""Workers AI's error codes; the pictures themselves are the contract's and the simulator's business."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._cloudflare.answers import failure
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.client import Refusal


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (3030, ContentRefused),
        (5006, InvalidRequest),
        (3006, TooLarge),
        (10000, AuthFailed),
        ("10000", AuthFailed),
        (3036, AuthFailed),
        (5007, ModelMissing),
        (3040, Unavailable),
        (3007, Ambiguous),
    ],
)
def test_a_known_code_decides_whatever_the_status(code: int | str, error: type[GatewayError]) -> None:
    document = {"success": False, "errors": [{"code": 1, "message": "?"}, {"code": code, "message": "because"}]}
    assert type(failure(document, Refusal(400, {}, b""))) is error


@pytest.mark.parametrize(
    "document", [None, [], {}, {"errors": None}, {"errors": "x"}, {"errors": [1]}, {"errors": [{"code": {}}]}]
)
@pytest.mark.parametrize(("status", "error"), [(401, AuthFailed), (500, Ambiguous), (404, ModelMissing)])
def test_without_a_known_code_the_status_decides(document: Any, status: int, error: type[GatewayError]) -> None:
    assert type(failure(document, Refusal(status, {}, b""))) is error
