"""Google's error model (google.rpc.Status as JSON), and the words in a prompt that provoke it.

Source: google/rpc/error_details.proto, ai.google.dev/gemini-api/docs/troubleshooting, published captures (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators.base import Refused, Reply

_TYPE = "type.googleapis.com/google.rpc"


def error(code: int, status: str, message: str, *details: Mapping[str, Any]) -> Reply:
    """An error answer."""
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return Reply.json({"error": body}, status=code)


def refused(code: int, status: str, message: str, *details: Mapping[str, Any]) -> Refused:
    """The same, to be raised."""
    return Refused(error(code, status, message, *details))


def reason(word: str, service: str = "generativelanguage.googleapis.com") -> dict[str, Any]:
    """ErrorInfo."""
    return {"@type": f"{_TYPE}.ErrorInfo", "reason": word, "domain": "googleapis.com", "metadata": {"service": service}}


def retry_in(delay: str) -> dict[str, Any]:
    """RetryInfo."""
    return {"@type": f"{_TYPE}.RetryInfo", "retryDelay": delay}


def invalid(message: str, field: str | None = None) -> Refused:
    """INVALID_ARGUMENT, with BadRequest when a field is at fault."""
    violations = [{"field": field, "description": message}]
    return refused(400, "INVALID_ARGUMENT", message, *([_bad_request(violations)] if field else []))


def unknown_name(name: str, where: str) -> Refused:
    """What proto JSON says to a name that it does not know."""
    at = f" at '{where}'" if where else ""
    message = f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
    return refused(400, "INVALID_ARGUMENT", message, _bad_request([{"field": where, "description": message}]))


def _bad_request(violations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"@type": f"{_TYPE}.BadRequest", "fieldViolations": violations}


_QUOTA = {
    "@type": f"{_TYPE}.QuotaFailure",
    "violations": [
        {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
            "quotaDimensions": {"location": "global", "model": "gemini-3-pro-image"},
            "quotaValue": "20",
        }
    ],
}
_HELP = {
    "@type": f"{_TYPE}.Help",
    "links": [{"description": "Learn more", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}],
}

BAD_KEY = error(
    400,
    "INVALID_ARGUMENT",
    "API key not valid. Please pass a valid API key.",
    reason("API_KEY_INVALID"),
    {"@type": f"{_TYPE}.LocalizedMessage", "locale": "en-US", "message": "API key not valid. Please pass a valid API key."},
)
NO_KEY = error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without established identity).")

TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": error(
        429, "RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in 41.2s.", _HELP, _QUOTA, retry_in("41s")
    ),
    "[busy]": error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
    "[rate_reason]": error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", reason("RATE_LIMIT_EXCEEDED"), retry_in("0.5s")),
    "[billing]": error(
        403, "PERMISSION_DENIED", "This API method requires billing to be enabled on project #123.", reason("BILLING_DISABLED")
    ),
    "[location]": error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "[blocked_key]": error(403, "PERMISSION_DENIED", "Requests to this API are blocked.", reason("API_KEY_SERVICE_BLOCKED")),
    "[expired_key]": error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", reason("API_KEY_INVALID")),
    "[500]": error(500, "INTERNAL", "An internal error has occurred. Please retry or report in https://example.com/help"),
    "[503]": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "[504]": error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "[499]": error(499, "CANCELLED", "The operation was cancelled."),
    "[list]": Reply.json([{"error": {"code": 503, "status": "UNAVAILABLE", "message": "Overloaded."}}], status=503),
    "[silence]": Reply.silence(),
    "[html]": Reply.raw(b"<!doctype html><title>Error 502 (Server Error)!!1</title>", "text/html; charset=UTF-8"),
    "[html_502]": Reply.raw(b"<!doctype html><title>Error 502</title>", "text/html; charset=UTF-8", status=502),
}
"""A prompt that contains one of these words gets this answer, after its validation."""
