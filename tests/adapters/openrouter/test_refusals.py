"""OpenRouter's refusals, in an answer and inside one; more are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._openrouter.refusals import error_inside, judged
from imagegate.errors import Ambiguous, AuthFailed, ContentRefused, GatewayError, InvalidRequest, RateLimited
from imagegate.upstream.client import Refusal


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 403, "message": "no", "metadata": {"reasons": ["violence"]}}, ContentRefused),
        ({"code": 403, "message": "no", "metadata": {"flagged_input": "x"}}, ContentRefused),
        ({"code": 400, "metadata": {"raw": '{"error": {"code": "moderation_blocked"}}'}}, ContentRefused),
        ({"code": 400, "metadata": {"raw": "no json"}}, InvalidRequest),
        ({"code": 402, "message": "no credits"}, AuthFailed),
        ({"code": 429}, RateLimited),
        ({"code": "odd"}, Ambiguous),
    ],
)
def test_what_an_error_means(error: dict[str, Any], kind: type[GatewayError]) -> None:
    assert type(judged(error, Refusal(500, {}, b""))) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "content_filter", "message": "no"}, ContentRefused),
        ({"code": "rate_limit_exceeded", "message": "no"}, RateLimited),
        ({"code": 429, "message": "no"}, RateLimited),
        ({"message": "no"}, Ambiguous),
    ],
)
def test_an_error_inside(error: dict[str, Any], kind: type[GatewayError]) -> None:
    assert type(error_inside({"error": error})) is kind
