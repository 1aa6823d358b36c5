"""Ark's error codes, read by their first part; what comes after a dot is detail.

Source: volcengine.com/docs/82379 (error codes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagegate.adapters.shape import failures, verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal

_CONTENT = re.compile(r"(Input|Output)?(Text|Image|Video|Audio)?(SensitiveContentDetected|RiskDetection)")
_RATE = re.compile(r".*(RateLimitExceeded|BurstTooFast)")
_VERDICTS: Mapping[str, Verdict] = {
    "AuthenticationError": Verdict.KEY,
    "AccessDenied": Verdict.KEY,
    "InvalidAccountStatus": Verdict.ACCOUNT,
    "AccountOverdueError": Verdict.ACCOUNT,
    "OperationDenied": Verdict.ACCOUNT,
    "QuotaExceeded": Verdict.ACCOUNT,
    "SetLimitExceeded": Verdict.ACCOUNT,
    "InvalidEndpointOrModel": Verdict.MODEL,
    "InvalidEndpoint": Verdict.MODEL,
    "ModelNotOpen": Verdict.MODEL,
    "UnsupportedModel": Verdict.MODEL,
    "ServerOverloaded": Verdict.BUSY,
    "InternalServiceError": Verdict.SERVER,
    "MissingParameter": Verdict.CALLER,
    "InvalidParameter": Verdict.CALLER,
    "InvalidImageURL": Verdict.CALLER,
}
"""By the first part of the code."""
_REQUEST_ID = re.compile(r"[\s,;(]*request id:?\s*[\w-]*\)?\.?\s*$", re.IGNORECASE)


def inside(document: Mapping[str, Any]) -> GatewayError:
    """An ``error`` in a 200, in an event, or in one item of a group."""
    error = told(document)
    verdict = verdict_of(error)
    if verdict is None:
        return BadResponse("The provider reported a failure instead of a picture.")
    return verdicts.judged(verdict, error, Refusal(200, {}, b""))


def told(document: Any) -> dict[str, Any]:
    """The error object; its message without the request id at the end."""
    error = failures.error_object(document)
    if isinstance(error.get("message"), str):
        error["message"] = _REQUEST_ID.sub("", error["message"])
    return error


def verdict_of(error: Mapping[str, Any]) -> Verdict | None:
    """Of the first part of the code; None for an unknown one."""
    name = str(error.get("code")).partition(".")[0]
    if _CONTENT.fullmatch(name):
        return Verdict.CONTENT
    return Verdict.RATE if _RATE.fullmatch(name) else _VERDICTS.get(name)
