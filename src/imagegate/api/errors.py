"""The one place that turns an exception into a body, for handlers and for event streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from imagegate.errors import ContentRefused, GatewayError

_RETRY_AFTER_MOST = 120.0
"""openai-python obeys ``retry-after`` up to 120 s and does not retry at all above."""


@dataclass(frozen=True, slots=True)
class ErrorWriter:
    """Writes errors in OpenAI's shape. ``content_policy_status``: 403, or 400 as OpenAI itself."""

    content_policy_status: int = 403

    def status(self, error: GatewayError) -> int:
        """The HTTP status of an error."""
        return self.content_policy_status if isinstance(error, ContentRefused) else error.http_status

    def body(self, error: GatewayError) -> bytes:
        """``{"error": {"message", "type", "param", "code"}}``, all four keys present."""
        return orjson.dumps(envelope(error))

    def response(self, error: GatewayError) -> Response:
        """The whole answer, with retry hints."""
        return Response(self.body(error), self.status(error), headers(error), media_type="application/json")

    def event(self, error: GatewayError) -> bytes:
        """A mid-stream failure as one SSE frame; SDKs raise APIError on ``error`` in the data."""
        return b"event: error\ndata: " + orjson.dumps({"type": "error", **envelope(error)}) + b"\n\n"


def envelope(error: GatewayError) -> dict[str, Any]:
    """``{"error": {…}}`` as an object."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def headers(error: GatewayError) -> dict[str, str]:
    """Retry hints: ``retry-after`` (whole seconds), ``retry-after-ms``, ``x-should-retry``."""
    hints: dict[str, str] = {}
    if error.retry_after is not None:
        seconds = min(max(error.retry_after, 0.0), _RETRY_AFTER_MOST)
        hints["retry-after"] = str(math.ceil(seconds))
        hints["retry-after-ms"] = str(math.ceil(seconds * 1000))
    if error.should_retry is not None:
        hints["x-should-retry"] = "true" if error.should_retry else "false"
    return hints
