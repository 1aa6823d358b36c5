"""Zhipu's answers: pictures as urls, and why there are none.

Source: zai-sdk 0.2.3 (types/image), docs.bigmodel.cn (图像生成, 错误码), docs.z.ai (api-code).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape import failures
from imagegate.adapters.shape.items import finished_of, pictures_of
from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.domain.events import ImageEvent
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal

_JOB = re.compile(r"[\w.:-]{1,200}")
_INSIDE = Refusal(200, {}, b"")
_CODES: Mapping[Verdict, tuple[int, ...]] = {
    Verdict.CONTENT: (1300, 1301),
    Verdict.CALLER: (1210, 1213, 1214, 1215, 1231, 1261),
    Verdict.TOO_LARGE: (435,),
    Verdict.KEY: (1000, 1001, 1002, 1003, 1004, 1220, 434),
    Verdict.ACCOUNT: (1100, 1110, 1111, 1112, 1113, 1120, 1121, 1304, 1308, 1309, 1310, 1311, 1313),
    Verdict.MODEL: (1211, 1212, 1221, 1222),
    Verdict.RATE: (1302, 1303, 1305),
    Verdict.BUSY: (1312,),
    Verdict.SERVER: (500, 1200, 1230, 1234),
}
"""Those of three digits are HTTP statuses, which count when there is no code, or one that is not here."""
_VERDICTS = {str(code): verdict for verdict, codes in _CODES.items() for code in codes}


def pictures(document: Any, place: str) -> Iterator[ImageEvent]:
    """The pictures of an answer and what was said beside them. Raises ContentRefused or BadResponse when there are none."""
    made = list(pictures_of(document.get(place))) if isinstance(document, Mapping) else []
    if not made:
        raise reason(document) or BadResponse("The provider answered without a picture.")
    yield from made
    yield finished_of(document, without={place, "task_status"})


def job_name(document: Any) -> str:
    """Of an order that was taken. Raises what the answer says instead, or BadResponse."""
    job = document.get("id") if isinstance(document, Mapping) else None
    if isinstance(job, str) and _JOB.fullmatch(job):
        return job
    raise reason(document) or BadResponse("The provider took the job without naming it.")


def reason(document: Any) -> GatewayError | None:
    """Why an answer with status 200 holds no picture, as far as it says: an ``error``, or the filter at its worst level, 0."""
    if not isinstance(document, Mapping):
        return None
    if document.get("error"):
        known = by_code(failures.error_object(document), _INSIDE)
        return known or BadResponse("The provider reported a failure instead of a picture.")
    filters = document.get("content_filter") or document.get("contentFilter")
    levels = [item.get("level") for item in filters if isinstance(item, Mapping)] if isinstance(filters, list) else []
    return judged(Verdict.CONTENT, {}, _INSIDE) if 0 in levels or "0" in levels else None


def by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    """The error of a number in ``error.code``, written as text or not, or of the status; None for unknown ones."""
    verdict = _VERDICTS.get(str(error.get("code"))) or _VERDICTS.get(str(refusal.status))
    return judged(verdict, error, refusal) if verdict else None
