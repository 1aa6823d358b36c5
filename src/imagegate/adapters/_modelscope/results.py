"""ModelScope's answers: pictures in one of three places, the name of a job, and failures without documented codes.

Source: modelscope.cn/docs (API-Inference, AIGC 模型), clients of it that others published in 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.items import finished_of, pictures_of
from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.domain.events import ImageEvent
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal

_TASK = re.compile(r"[\w.-]{1,200}")
CONTENT = frozenset({"DataInspectionFailed", "data_inspection_failed"})
_PLACES = ("output_images", "images", "data")
_INSIDE = Refusal(200, {}, b"")


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The pictures, wherever this answer has them. Raises what it says instead, or BadResponse."""
    lists = [document.get(place) for place in _PLACES] if isinstance(document, Mapping) else []
    made = [picture for items in lists for picture in pictures_of(items)]
    if not made:
        raise inside(document) or BadResponse("The provider answered without a picture.")
    yield from made
    yield finished_of(document, without={*_PLACES, "task_status"})


def task_name(document: Any) -> str:
    """Of a job that was taken. Raises what the answer says instead, or BadResponse."""
    task = document.get("task_id") if isinstance(document, Mapping) else None
    if isinstance(task, str) and _TASK.fullmatch(task):
        return task
    raise inside(document) or BadResponse("The provider took the job without naming it.")


def inside(document: Any) -> GatewayError | None:
    """The failure that an answer with status 200 tells; None when it tells none, or only in words."""
    return judged(Verdict.CONTENT, {}, _INSIDE) if told(document)["code"] in CONTENT else None


def told(document: Any) -> dict[str, Any]:
    """``code`` and ``message`` under ``errors`` or ``error``, which may be texts, or at the top."""
    if not isinstance(document, Mapping):
        return {"code": None, "message": None}
    error = document.get("errors") or document.get("error") or document
    if isinstance(error, str):
        return {"code": None, "message": error}
    if not isinstance(error, Mapping):
        return {"code": None, "message": None}
    code = error.get("code")
    return {"code": code if isinstance(code, str) else None, "message": error.get("message")}
