"""DashScope's error codes. They stand at the top of a refusal, in a failed task's ``output``, and in single results.

Source: help.aliyun.com/zh/model-studio/error-code, alibabacloud.com/help/en/model-studio/error-code, dashscope 2.0.2 (v2/errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.adapters.shape import failures
from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal

_CODES: Mapping[Verdict, tuple[str, ...]] = {
    Verdict.CONTENT: (
        "DataInspectionFailed",
        "data_inspection_failed",
        "IPInfringementSuspect",
        "FaqRuleBlocked",
        "CustomRoleBlocked",
    ),
    Verdict.CALLER: (
        "InvalidParameter",
        "invalid_parameter_error",
        "InvalidURL",
        "InvalidImage",
        "InvalidFile",
        "BadRequest",
        "BadRequestException",
        "UnsupportedOperation",
    ),
    Verdict.TOO_LARGE: ("BadRequest.TooLarge", "RequestTooLarge"),
    Verdict.KEY: (
        "InvalidApiKey",
        "invalid_api_key",
        "AccessDenied",
        "access_denied",
        "Model.AccessDenied",
        "App.AccessDenied",
        "Workspace.AccessDenied",
        "NOT AUTHORIZED",
    ),
    Verdict.ACCOUNT: (
        "Arrearage",
        "AccessDenied.Unpurchased",
        "AllocationQuota",
        "insufficient_quota",
        "CommodityNotPurchased",
        "PrepaidBillOverdue",
        "PostpaidBillOverdue",
    ),
    Verdict.MODEL: (
        "ModelNotFound",
        "Model.NotExist",
        "Model not exist",
        "model_not_found",
        "model_not_supported",
        "WorkSpaceNotFound",
    ),
    Verdict.RATE: ("Throttling", "LimitRequests", "limit_requests", "limit_burst_rate"),
    Verdict.BUSY: ("ModelUnavailable", "ServiceUnavailable", "ServiceUnavailableError"),
    Verdict.SERVER: ("InternalError", "internal_error", "SystemError", "ModelServiceFailed", "InternalError.Algo"),
    Verdict.TIMEOUT: ("InternalError.Timeout", "RequestTimeOut", "GatewayTimeout"),
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}
INSIDE = Refusal(200, {}, b"")


def told(document: Any) -> dict[str, Any]:
    """``code`` and ``message`` of a refusal, at the top or, as the compatible mode writes it, under ``error``."""
    error = failures.error_object(document)
    return {name: error.get(name) for name in ("code", "message", "param")}


def by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    """The error of a known code, or of the family before its first dot; None for others."""
    code = str(error.get("code") or "")
    verdict = _VERDICTS.get(code) or _VERDICTS.get(code.partition(".")[0])
    return judged(verdict, error, refusal) if verdict else None


def inside(error: Mapping[str, Any]) -> GatewayError:
    """The error of a code that came with status 200."""
    return by_code(error, INSIDE) or BadResponse("The provider reported a failure instead of a picture.")
