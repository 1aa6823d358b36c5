"""ModelScope API-Inference as a simulator: jobs, and the answer at once.

Source: modelscope.cn/docs (API-Inference, AIGC 模型) in copies of 2026, clients of it that others published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.hosted import Hosted

__all__ = ["KEY", "MODELS", "TRIGGERS", "ModelscopeSimulator"]

KEY = "ms-01234567-89ab-cdef-0123-456789abcdef"
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "model": str,
    "prompt": str,
    "negative_prompt": str,
    "size": str,
    "seed": int,
    "steps": int,
    "guidance": (int, float),
    "image_url": (str, list),
    "loras": (str, dict),
}
MODELS: Mapping[str, tuple[int, int, int]] = {
    "Qwen/Qwen-Image": (64, 1664, 0),
    "Qwen/Qwen-Image-2512": (64, 1664, 0),
    "Tongyi-MAI/Z-Image-Turbo": (512, 2048, 0),
    "black-forest-labs/FLUX.1-dev": (64, 1024, 0),
    "Qwen/Qwen-Image-Edit": (64, 1664, 1),
    "Qwen/Qwen-Image-Edit-2509": (64, 1664, 3),
    "Qwen/Qwen-Image-Edit-2511": (64, 1664, 3),
}
"""Least and greatest edge in pixels, and how many reference pictures."""
_REMAINING = {
    "modelscope-ratelimit-requests-limit": "2000",
    "modelscope-ratelimit-requests-remaining": "1999",
    "modelscope-ratelimit-model-requests-limit": "500",
    "modelscope-ratelimit-model-requests-remaining": "499",
}


def _no(status: int, message: str, headers: Mapping[str, str] | None = None, **more: str) -> Reply:
    return Reply.json({"errors": {"message": message, **more}, "request_id": "r-1"}, status=status, headers=headers)


_NONE_LEFT = {**_REMAINING, "modelscope-ratelimit-requests-remaining": "0"}
TRIGGERS: Mapping[str, Reply] = {
    "[content]": _no(400, "The input may contain inappropriate content.", code="data_inspection_failed"),
    "[rate]": _no(429, "Request limit exceeded", _REMAINING),
    "[today]": _no(429, "You have exceeded today's quota", _NONE_LEFT),
    "[busy]": _no(503, "The model is being loaded"),
    "[500]": Reply.json({"error": {"message": "Internal error"}}, status=500),
    "[html]": Reply.raw(b"<!doctype html><title>nginx</title>", "text/html"),
    "[no_data]": Reply.json({"images": [], "request_id": "r-1"}),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class ModelscopeSimulator(Simulator):
    """``/v1/images/generations`` and ``/v1/tasks/{id}``.

    ``states``: what a task goes through. ``end``: what it ends with instead of pictures. ``place``: where the answer at once has
    its pictures.
    """

    def __init__(self, key: str = KEY) -> None:
        self._hosted = Hosted()
        super().__init__()
        self.key = key
        self.states: Sequence[str] = ("PENDING", "PROCESSING")
        self.end: dict[str, Any] | None = None
        self.place = "images"
        self._tasks: dict[str, tuple[list[str], dict[str, Any]]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/v1/images/generations", self._order),
            ("GET", "/v1/tasks/{task}", self._look),
            self._hosted.route,
        ]

    async def _order(self, request: Recorded) -> Reply:
        self._admit(request)
        fields = request.json
        _check(fields)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                raise Refused(reply)
        url = self._hosted.keep(request, drawn(fields.get("size", "1024x1024"), 0, "jpeg"), "jpeg")
        if request.headers.get("x-modelscope-async-mode") != "true":
            return Reply.json({self.place: [{"url": url}], "request_id": "r-1"}, headers=_REMAINING)
        task = f"{len(self._tasks):06}"
        self._tasks[task] = (list(self.states), self.end or {"task_status": "SUCCEED", "output_images": [url]})
        return Reply.json({"task_status": "SUCCEED", "task_id": task, "request_id": "r-1"}, headers=_REMAINING)

    async def _look(self, request: Recorded) -> Reply:
        self._admit(request)
        if request.headers.get("x-modelscope-task-type") != "image_generation":
            raise Refused(_no(400, "The task type is missing"))
        states, end = self._tasks.get(request.path_params["task"], ([], None))
        if end is None:
            raise Refused(_no(404, "The task does not exist"))
        head = {"task_id": request.path_params["task"], "request_id": "r-2", "output_images": [], "time_taken": 0}
        return Reply.json({**head, "task_status": states.pop(0)} if states else {**head, **end})

    def _admit(self, request: Recorded) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(_no(401, "Authentication failed, please make sure that a valid ModelScope token is supplied."))


def _check(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name not in _FIELDS or not isinstance(value, _FIELDS[name]):
            raise Refused(_no(400, f"Invalid parameter: {name}"))
    if fields.get("model") not in MODELS:
        raise Refused(_no(404, f"The model {fields.get('model')} is not supported"))
    least, most, references = MODELS[fields["model"]]
    if not 0 < len(fields.get("prompt", "")) < 2000:
        raise Refused(_no(400, "The prompt must have fewer than 2000 characters"))
    edges = [int(edge) for edge in fields.get("size", "1024x1024").split("x")]
    if not all(least <= edge <= most for edge in edges):
        raise Refused(_no(400, "The size is out of range"))
    given = fields.get("image_url", [])
    urls = [given] if isinstance(given, str) else given
    if len(urls) > references or (references and not urls) or not all(map(_is_url, urls)):
        raise Refused(_no(400, "image_url is invalid"))


def _is_url(text: str) -> bool:
    return re.match(r"https?://|data:image/[a-z]+;base64,", text) is not None
