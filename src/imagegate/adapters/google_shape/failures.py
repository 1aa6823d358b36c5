"""Google's refusals as our errors: the reason first, the canonical status second, HTTP last, text never.

Source: google/rpc/{code,status,error_details}.proto, ai.google.dev/gemini-api/docs/troubleshooting, google-genai 3.4 (types.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.failures import by_status, retry_after, safe_text
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    Unavailable,
)
from imagegate.upstream.client import Refusal

_ACCOUNT_REASONS = (
    "API_KEY_",
    "ACCESS_TOKEN_",
    "CREDENTIALS_",
    "CONSUMER_",
    "ACCOUNT_STATE_",
    "USER_PROJECT_",
    "BILLING_",
    "SERVICE_DISABLED",
)
"""How reasons of ErrorInfo begin that concern the account behind the channel (google/api/error_reason.proto)."""
_RATE_REASONS = frozenset({"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"})
_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
"""Reasons to stop that are a judgement on the content. IMAGE_OTHER, OTHER and NO_IMAGE are none."""
_NO_PICTURES: Mapping[str, str] = {
    "STOP": "The model answered with words instead of a picture; say in the prompt what the picture shows.",
    "NO_IMAGE": "The model made no picture; say in the prompt what the picture shows.",
    "MAX_TOKENS": "The model stopped before its picture was done; raise max_output_tokens or shorten the prompt.",
    "LANGUAGE": "The model does not take this language; write the prompt in another one.",
}
_NO_PICTURE = "The provider answered without a picture."
_BUSY = "The provider is limiting requests; try again shortly."
_ACCOUNT = "The provider refused the gateway's account; the operator has to look at the channel."
_PRIVATE = re.compile(r"AIza[\w-]{10,}|ya29\.[\w.-]+|(?<=projects/)[\w:.-]+|[\w.-]+@[\w.-]+\.gserviceaccount\.com")
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")
_LONGEST_WAIT = 300.0
_FIELDS = (("aspect", "size"), ("image_size", "size"), ("imagesize", "size"), ("inline", "image"), ("contents", "prompt"))


def google_failure(refusal: Refusal) -> GatewayError:
    """A non-2xx answer in Google's shape (also wrapped in a list, as streams without ``alt=sse`` do)."""
    return _failure(error_object(refusal.json), refusal)


def error_inside(document: Mapping[str, Any]) -> GatewayError:
    """An ``error`` object in a 200 answer or in the middle of a stream."""
    error = error_object(document)
    code = error.get("code")
    return _failure(error, Refusal(code if isinstance(code, int) else 500, {}, b""))


def error_object(document: Any) -> dict[str, Any]:
    """The ``error`` member; empty when there is none."""
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, Mapping) else None
    return dict(error) if isinstance(error, Mapping) else {}


def is_block(finish_reason: str) -> bool:
    """Whether a candidate stopped because of what it shows."""
    return finish_reason in _BLOCKED


def no_picture(prompt_feedback: Mapping[str, Any], finish_reason: str, finish_message: Any) -> GatewayError:
    """A 200 answer without a picture: a block of the prompt, a block of the picture, or nothing drawn."""
    block = prompt_feedback.get("blockReason") or prompt_feedback.get("block_reason")
    if block:
        message = prompt_feedback.get("blockReasonMessage")
        return ContentRefused(sentence(message, "The provider refused the prompt; rephrase it."), code="content_policy_violation")
    if is_block(finish_reason):
        return ContentRefused(
            sentence(finish_message, "The provider's safety system held the picture back; rephrase the prompt."),
            code="moderation_blocked",
        )
    return BadResponse(_NO_PICTURES.get(finish_reason, _NO_PICTURE))


def sentence(text: Any, fallback: str) -> str:
    """A provider's words about the caller's own request: one bounded line, no key, project or url, with an end."""
    line = _PRIVATE.sub("…", safe_text(text, fallback)).strip()
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


def _failure(error: Mapping[str, Any], refusal: Refusal) -> GatewayError:
    return _by_reason(error, refusal) or _by_canonical_status(error, refusal) or by_status({"message": _words(error)}, refusal)


def _by_reason(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    for detail in _details(error, "ErrorInfo"):
        reason = detail.get("reason")
        if not isinstance(reason, str):
            continue
        if reason in _RATE_REASONS:
            return RateLimited(_BUSY, retry_after=_wait(error, refusal))
        if reason.startswith(_ACCOUNT_REASONS):
            return AuthFailed(_ACCOUNT)
    return None


def _by_canonical_status(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    match error.get("status"):
        case "UNAUTHENTICATED" | "PERMISSION_DENIED" | "FAILED_PRECONDITION":
            return AuthFailed(_ACCOUNT)
        case "RESOURCE_EXHAUSTED":
            return RateLimited(_BUSY, retry_after=_wait(error, refusal))
        case "UNAVAILABLE":
            return Unavailable("The provider is overloaded; try again shortly.", retry_after=_wait(error, refusal))
        case "NOT_FOUND" | "UNIMPLEMENTED":
            return ModelMissing("The provider does not have this model here; the operator has to look at the channel.")
        case "DEADLINE_EXCEEDED":
            return Ambiguous("The provider gave up waiting; it may still have done the work.", timed_out=True)
        case "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "CANCELLED" | "ABORTED":
            return Ambiguous("The provider failed while working on the request.")
        case "INVALID_ARGUMENT" | "OUT_OF_RANGE":
            return _callers(error)
        case _:
            return None


def _callers(error: Mapping[str, Any]) -> GatewayError:
    field = next((item.get("field") for item in _violations(error)), None)
    return InvalidRequest(_words(error), param=_param(field))


def _words(error: Mapping[str, Any]) -> str:
    return sentence(error.get("message"), "The provider refused the request; check its parameters.")


def _param(field: Any) -> str | None:
    """Google's path of a field as the caller's own field, where one is known."""
    if not isinstance(field, str):
        return None
    spelt = field.lower()
    return next((name for part, name in _FIELDS if part in spelt), None)


def _violations(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for detail in _details(error, "BadRequest"):
        for item in detail.get("fieldViolations") or ():
            if isinstance(item, Mapping):
                yield item


def _details(error: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and str(detail.get("@type", "")).endswith(f".{kind}"):
            yield detail


def _wait(error: Mapping[str, Any], refusal: Refusal) -> float | None:
    """Seconds from RetryInfo (``41s``, ``0.5s``), else from the headers."""
    for detail in _details(error, "RetryInfo"):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _DURATION.fullmatch(delay)):
            return min(float(found[1]), _LONGEST_WAIT)
    return retry_after(refusal.headers)
