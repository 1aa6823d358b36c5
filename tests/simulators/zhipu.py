"""Zhipu BigModel's images API as a simulator: at once and queued.

Source: zai-sdk 0.2.3 (api_resource/images, types/image, core/_errors), docs.bigmodel.cn (图像生成, 错误码), docs.z.ai (api-code).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.hosted import Hosted

__all__ = ["KEY", "MODELS", "TRIGGERS", "ZhipuSimulator", "envelope"]

KEY = "0123456789abcdef0123456789abcdef.simulatorsecret"
_FIELDS = {
    "model": str,
    "prompt": str,
    "quality": str,
    "size": str,
    "watermark_enabled": bool,
    "user_id": str,
    "request_id": str,
    "sensitive_word_check": dict,
    "n": int,
    "style": str,
    "response_format": str,
    "user": str,
}
_SYNC_ONLY = {"n", "style", "response_format", "user", "sensitive_word_check"}
_FILTER = [{"role": "assistant", "level": 3}]


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes: its edges and area in pixels, and the qualities."""

    default: str = "1024x1024"
    shortest: int = 512
    multiple: int = 16
    most_pixels: int = 2**21
    qualities: tuple[str, ...] = ("standard", "hd")
    queue: bool = False


MODELS: Mapping[str, Model] = {
    "glm-image": Model("1280x1280", 1024, 32, 2**22, ("hd",), queue=True),
    "cogview-4-250304": Model(),
    "cogview-4": Model(),
    "cogview-3-flash": Model(),
    "cogview-3-plus": Model(),
}


def envelope(code: str, message: str) -> dict[str, Any]:
    """Zhipu's error body."""
    return {"error": {"code": code, "message": message}}


def _no(status: int, code: str, message: str) -> Reply:
    return Reply.json(envelope(code, message), status=status)


_UNSAFE = {
    "contentFilter": [{"level": 1, "role": "user"}],
    **envelope("1301", "The system detected potentially unsafe or sensitive content in the input or the generation."),
}

TRIGGERS: Mapping[str, Reply] = {
    "[content]": Reply.json(_UNSAFE, status=400),
    "[content_200]": Reply.json(_UNSAFE),
    "[filtered]": Reply.json({"created": 1, "data": [], "content_filter": [{"role": "assistant", "level": 0}]}),
    "[rate]": _no(429, "1302", "Your account reached the concurrency limit."),
    "[busy]": _no(429, "1312", "The model is receiving too many requests."),
    "[balance]": _no(429, "1113", "Your account balance is exhausted, please recharge."),
    "[daily]": _no(429, "1304", "The daily call limit is reached."),
    "[500]": _no(500, "500", "Internal error."),
    "[503]": Reply.json({"error": {"message": "no healthy upstream"}}, status=503),
    "[html]": Reply.raw(b"<!doctype html><title>gateway</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json({"created": 1, "data": [], "content_filter": [{"role": "assistant", "level": 3}]}),
    "[nulls]": Reply.json({"created": None, "data": None, "content_filter": None, "id": None}),
    "[error_200]": Reply.json(envelope("1234", "Network error, error id: 7.")),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class ZhipuSimulator(Simulator):
    """``/images/generations``, ``/async/images/generations`` and ``/async-result/{id}``.

    ``polls``: how often a job is still processing. ``job_end``: what it ends with instead of pictures. ``usage``: sent when set.
    ``signed``: whether the account signed the disclaimer that ``watermark_enabled: false`` needs.
    """

    def __init__(self, key: str = KEY) -> None:
        self._hosted = Hosted()
        super().__init__()
        self.key = key
        self.polls = 1
        self.job_end: dict[str, Any] | None = None
        self.usage: dict[str, Any] | None = None
        self.signed = True
        self._jobs: dict[str, tuple[dict[str, Any], int]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/api/paas/v4"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/api/paas/v4/images/generations", self._generate),
            ("POST", "/api/paas/v4/async/images/generations", self._submit),
            ("GET", "/api/paas/v4/async-result/{job}", self._result),
            ("GET", "/api/paas/v4/models", self._models),
            self._hosted.route,
        ]

    async def _models(self, request: Recorded) -> Reply:
        self._check_key(request)
        return Reply.json({"object": "list", "data": [{"id": "glm-5", "object": "model"}]})

    def not_found(self, request: Recorded) -> Reply:
        """The gateway's own 404, another shape than the API's errors."""
        return Reply.json({"timestamp": "x", "status": 404, "error": "Not Found", "path": request.path}, status=404)

    async def _generate(self, request: Recorded) -> Reply:
        fields = self._accepted(request)
        answer = {
            "created": int(time.time()),
            "id": "20261121000000",
            "request_id": fields.get("request_id", "20261121000000"),
            "data": [{"url": self._picture(request, fields)}],
            "content_filter": _FILTER,
        }
        return Reply.json({**answer, "usage": self.usage} if self.usage else answer)

    async def _submit(self, request: Recorded) -> Reply:
        fields = self._accepted(request)
        if not MODELS[fields["model"]].queue:
            raise Refused(_no(400, "1212", "The model does not support this method."))
        if extra := sorted(_SYNC_ONLY & set(fields)):
            raise Refused(_no(400, "1214", f"The parameter {extra[0]} is invalid."))
        job = f"20261121{len(self._jobs):04}-abc"
        done = {"image_result": [{"url": self._picture(request, fields)}], "content_filter": _FILTER}
        self._jobs[job] = (done, self.polls)
        return Reply.json({"id": job, "model": fields["model"], "request_id": job, "task_status": "PROCESSING"})

    async def _result(self, request: Recorded) -> Reply:
        self._check_key(request)
        job = request.path_params["job"]
        if job not in self._jobs:
            raise Refused(_no(404, "1214", "The job does not exist."))
        done, left = self._jobs[job]
        head = {"id": job, "model": "glm-image", "request_id": job}
        if left > 0:
            self._jobs[job] = (done, left - 1)
            return Reply.json({**head, "task_status": "PROCESSING", "image_result": None})
        return Reply.json({**head, **(self.job_end or {"task_status": "SUCCESS", **done})})

    def _picture(self, request: Recorded, fields: Mapping[str, Any]) -> str:
        return self._hosted.keep(request, drawn(fields.get("size", MODELS[fields["model"]].default)))

    def _check_key(self, request: Recorded) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if not given:
            raise Refused(_no(401, "1001", "The header has no Authorization."))
        if scheme != "Bearer" or given != self.key:
            raise Refused(_no(401, "1000", "Authentication failed."))

    def _accepted(self, request: Recorded) -> dict[str, Any]:
        self._check_key(request)
        fields: dict[str, Any] = request.json
        for name, value in fields.items():
            if name not in _FIELDS or not isinstance(value, _FIELDS[name]):
                raise Refused(_no(400, "1214", f"The parameter {name} is invalid, please check the documentation"))
        model = MODELS.get(fields.get("model", ""))
        if model is None:
            raise Refused(_no(400, "1211", "The model does not exist, please check the model code."))
        self._check(fields, model)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                raise Refused(reply)
        return fields

    def _check(self, fields: Mapping[str, Any], model: Model) -> None:
        if not fields.get("prompt"):
            raise Refused(_no(400, "1213", "The prompt parameter was not received."))
        if len(fields["prompt"]) > 1000:
            raise Refused(_no(400, "1261", "The prompt is too long."))
        width, height = (int(edge) for edge in fields.get("size", model.default).split("x"))
        within = all(model.shortest <= edge <= 2048 and edge % model.multiple == 0 for edge in (width, height))
        if not within or width * height > model.most_pixels:
            raise Refused(_no(400, "1214", "The parameter size is invalid."))
        if fields.get("quality", model.qualities[0]) not in model.qualities:
            raise Refused(_no(400, "1214", "The parameter quality is invalid."))
        if not 6 <= len(fields.get("user_id", "123456")) <= 128:
            raise Refused(_no(400, "1214", "The parameter user_id is invalid."))
        if fields.get("watermark_enabled") is False and not self.signed:
            raise Refused(_no(400, "1210", "The account did not sign the disclaimer for pictures without watermark."))
