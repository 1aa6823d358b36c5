"""Qianfan's error codes: words in ``error.code``, or numbers in the older ``error_code``.

Source: cloud.baidu.com/doc/qianfan-api (错误码).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal

INSIDE = Refusal(200, {}, b"")
"""For codes that came with status 200."""

_CODES: Mapping[Verdict, str] = {
    Verdict.CALLER: """malformed_json invalid_argument invalid_messages characters_too_long tokens_too_long invalid_image_url
        invalid_image_generation_prompt invalid_image_genration_prompt invalid_image_generation_refer_image
        invalid_image_genration_refer_image 336001 336002 336003 336006 336007""",
    Verdict.KEY: "invalid_iam_token invalid_appid no_parameter_permission access_denied 6 13 14 15 100 110 111",
    Verdict.ACCOUNT: "account_overdue insufficient_quota 17 19",
    Verdict.MODEL: "invalid_model no_such_model model_not_found method_not_supported 3",
    Verdict.RATE: "Offline_batch_reasoning_refused 4 18",
    Verdict.BUSY: "2 336100",
    Verdict.SERVER: """internal_error dispatch_internal_error image_generation_internal_error image_genration_interal_error
        1 336000 336200""",
}
"""Some codes are misspelt on one page and not on another; the numbers are those of the older API."""
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes.split()}
_FAMILIES = (
    (re.compile(r"\w*(_unsafe|sensitive\w*)"), Verdict.CONTENT),
    (re.compile(r"\w*rate_limit_exceeded"), Verdict.RATE),
)
"""``image_url_unsafe`` and its like, ``rpm_rate_limit_exceeded`` and its like."""


def told(document: Any) -> dict[str, Any]:
    """``code`` and ``message``, in the new spelling or the old one."""
    if not isinstance(document, Mapping):
        return {"code": "", "message": None}
    if "error_code" in document:
        return {"code": str(document["error_code"] or ""), "message": document.get("error_msg")}
    error = document.get("error")
    if not isinstance(error, Mapping):
        return {"code": "", "message": error}
    return {"code": str(error.get("code") or ""), "message": error.get("message")}


def by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    """The error of a known code, or of its family; None for others."""
    code = str(error["code"])
    verdict = _VERDICTS.get(code) or next((verdict for family, verdict in _FAMILIES if family.fullmatch(code)), None)
    return judged(verdict, error, refusal) if verdict else None
