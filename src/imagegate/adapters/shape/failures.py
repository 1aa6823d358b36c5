"""OpenAI's error envelope as our errors: code first, type second, HTTP status last, text never.

Source: platform.openai.com/docs/guides/error-codes and openai-openapi (Error).
"""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any

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

_CONTENT = frozenset(
    {"moderation_blocked", "content_policy_violation", "contentFilter", "content_filter", "ResponsibleAIPolicyViolation"}
)
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
_AUTH = frozenset({"invalid_api_key"})
_MISSING = frozenset({"model_not_found", "DeploymentNotFound"})
_RATE = frozenset({"rate_limit_exceeded", "slow_down", "tokens", "requests"})
_OVERLOADED = frozenset({"server_is_overloaded", "service_unavailable_error", "overloaded_error", "engine_overloaded"})
_CALLERS = frozenset({"invalid_request_error", "image_generation_user_error"})
_SECRET = re.compile(
    r"(?<![a-z0-9])(?:(?:sk|key|pk|xai|r8|hf)[-_][a-z0-9_*-]{6,}|org-[a-z0-9]{6,}|proj_[a-z0-9]{6,}|https?://\S+)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
_NO_CREDENTIALS = "The provider refused the gateway's credentials; the operator has to look at the channel."
_NO_MODEL = "The provider does not have this model or endpoint; the operator has to look at the channel."
_LONGEST = 500
_RETRY_CAP = 300.0


def openai_failure(refusal: Refusal) -> GatewayError:
    """A non-2xx answer in OpenAI's shape."""
    error = error_object(refusal.json)
    return _by_code(error, refusal) or by_status(error, refusal)


def openai_error_inside(fields: Mapping[str, Any]) -> GatewayError:
    """An ``error`` object inside a 200 answer or an event stream. Without a code that says otherwise the work may be done."""
    error = error_object(fields)
    known = _by_code(error, Refusal(200, {}, b""))
    if known is not None:
        return known
    if _plain(error.get("type")) in _CALLERS:
        return _caller(error)
    return BadResponse("The provider reported a failure instead of a picture.")


def error_object(document: Any) -> dict[str, Any]:
    """The ``error`` member, whichever way it is spelt; empty when there is none."""
    if not isinstance(document, Mapping):
        return {}
    error = document.get("error", document)
    if isinstance(error, Mapping):
        return dict(error)
    return {"message": error} if isinstance(error, str) else {}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the provider said (``retry-after-ms``, ``retry-after``: RFC 9110 §10.2.3), at most 300."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return min(milliseconds / 1000, _RETRY_CAP)
    value = headers.get("retry-after", "")
    seconds = _number(value) if re.fullmatch(r"[\d.]+", value.strip()) else _seconds_until(value)
    return None if seconds is None else min(seconds, _RETRY_CAP)


def safe_text(text: Any, fallback: str) -> str:
    """A provider's message for the caller's own mistake: one bounded line without keys, account names and urls."""
    if not isinstance(text, str) or not text.strip():
        return fallback
    line = " ".join(text.split())
    return _SECRET.sub("…", line)[:_LONGEST]


def _by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    code, kind = _plain(error.get("code")), _plain(error.get("type"))
    inner = error.get("innererror") or error.get("inner_error")
    inner_code = _plain(inner.get("code")) if isinstance(inner, Mapping) else ""
    if code in _CONTENT or inner_code in _CONTENT:
        return ContentRefused(
            safe_text(error.get("message"), "The provider's safety system refused this request."), code=_content_code(code)
        )
    if code in _QUOTA or kind == "insufficient_quota":
        return AuthFailed("The provider account behind this model cannot be used now; the operator has to look at it.")
    if code in _AUTH:
        return AuthFailed(_NO_CREDENTIALS)
    if code in _MISSING:
        return ModelMissing(_NO_MODEL)
    if code in _RATE or kind == "rate_limit_error":
        return RateLimited("The provider is limiting requests; try again shortly.", retry_after=retry_after(refusal.headers))
    if code in _OVERLOADED or kind in _OVERLOADED:
        return Unavailable("The provider is overloaded; try again shortly.", retry_after=retry_after(refusal.headers))
    return None


def _content_code(code: str) -> str:
    return code if code in {"moderation_blocked", "content_policy_violation"} else "content_policy_violation"


def by_status(error: Mapping[str, Any], refusal: Refusal) -> GatewayError:
    """What the HTTP status alone says; ``error`` (message, code, param) only for the caller's own mistakes (400, 409, 422)."""
    wait = retry_after(refusal.headers)
    match refusal.status:
        case 400 | 409 | 422:
            return _caller(error)
        case 413:
            return TooLarge("The provider refused the request as too large; send fewer or smaller pictures.")
        case 401 | 402 | 403:
            return AuthFailed(_NO_CREDENTIALS)
        case 404 | 405:
            return ModelMissing(_NO_MODEL)
        case 429:
            return RateLimited("The provider is limiting requests; try again shortly.", retry_after=wait)
        case 503 | 529:
            return Unavailable("The provider is overloaded; try again shortly.", retry_after=wait)
        case 408 | 504 | 524:
            return Ambiguous("The provider gave up waiting; it may still have done the work.", timed_out=True)
        case status if status >= 500:
            return Ambiguous("The provider failed while working on the request.")
        case _:
            return BadResponse("The provider answered in a way that the gateway does not follow.")


def _caller(error: Mapping[str, Any]) -> GatewayError:
    return InvalidRequest(
        safe_text(error.get("message"), "The provider refused the request; check its parameters."),
        code=_word(error.get("code")),
        param=_word(error.get("param")),
    )


def _plain(value: Any) -> str:
    """A code or type that was written as text; empty for anything else."""
    return value if isinstance(value, str) else ""


def _word(value: Any) -> str | None:
    """A code or the name of a field; None for anything that is no such word."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds_until(date: str) -> float | None:
    try:
        return max(email.utils.parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
