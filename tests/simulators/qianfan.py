"""Baidu Qianfan's v2 images API as a simulator.

Source: cloud.baidu.com/doc/qianfan-api (图像生成, 图像编辑, 错误码), measurements that others published in 2026-09.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.hosted import Hosted

__all__ = ["KEY", "MODELS", "TRIGGERS", "QianfanSimulator", "envelope", "task_answer"]

KEY = "bce-v3/ALTAK-simulator/0123456789abcdef"
_TASKS: Mapping[str, str] = {"v3-base": "generations", "o1-base": "omni", "v3o": "omni"}
_TASK_FIELDS: Mapping[str, set[str]] = {"generations": {"image", "negative_prompt"}, "omni": {"image_list"}}
_TASK_RATIOS = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (1024, 1024), "4:3": (1152, 864), "3:4": (864, 1152)}
_TASK_RATIOS |= {"3:2": (1248, 832), "2:3": (832, 1248), "21:9": (1344, 576)}
_COMMON = {"model": str, "prompt": str, "size": str, "user": str, "watermark": bool}


@dataclass(frozen=True, slots=True)
class Model:
    """``fields``: what it takes beside the common ones. ``longest``: characters of a prompt. ``most``: pictures at once."""

    paths: tuple[str, ...]
    fields: Mapping[str, type | tuple[type, ...]]
    longest: int = 800
    most: int = 1


_QWEN: Mapping[str, type | tuple[type, ...]] = {
    "n": int,
    "negative_prompt": str,
    "seed": int,
    "steps": int,
    "guidance": (int, float),
    "prompt_extend": bool,
}
MODELS: Mapping[str, Model] = {
    "qwen-image": Model(("generations",), _QWEN),
    "qwen-image-edit": Model(("edits",), {**_QWEN, "image": (str, list)}),
    "irag-1.0": Model(("generations",), {"n": int, "refer_image": str}, 220, 4),
    "flux.1-schnell": Model(("generations",), {"n": int, "seed": int, "steps": int}, 512, 4),
    "musesteamer-air-image": Model(("musesteamer",), {"seed": int, "prompt_extend": bool}, 1000),
    "ernie-irag-edit": Model(("edits",), {"image": str, "mask": str, "feature": str}, 220),
}


def envelope(code: str, message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Qianfan's error body."""
    return {"error": {"code": code, "message": message, "type": kind}, "id": "as-t2z8xi6mm8"}


def _no(status: int, code: str, message: str, kind: str = "invalid_request_error") -> Reply:
    return Reply.json(envelope(code, message, kind), status=status)


def task_answer(data: Any = None, code: int = 0, message: str = "success") -> Reply:
    """The task API's envelope."""
    return Reply.json({"code": code, "message": message, "request_id": "req-1", **({} if data is None else {"data": data})})


TRIGGERS: Mapping[str, Reply] = {
    "[content]": _no(403, "prompt_unsafe", "the content of prompt is invalid", "unsafe_request"),
    "[rate]": _no(429, "rpm_rate_limit_exceeded", "Rate limit reached for RPM", "rate_limit_exceeded"),
    "[busy]": Reply.json({"error_code": 2, "error_msg": "Service temporarily unavailable"}, status=503),
    "[overdue]": _no(403, "account_overdue", "The account is overdue", "access_denied"),
    "[daily]": Reply.json({"error_code": 17, "error_msg": "Open api daily request limit reached"}),
    "[old_token]": Reply.json({"error_code": 110, "error_msg": "Access token invalid or no longer valid"}),
    "[500]": _no(500, "image_genration_interal_error", "Internal error", "internal_error"),
    "[html]": Reply.raw(b"<!doctype html><title>gateway</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json({"id": "as-1", "created": 1, "data": []}),
    "[nulls]": Reply.json({"id": "as-1", "created": None, "data": None, "error": None}),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class QianfanSimulator(Simulator):
    """``/v2/images/generations``, ``/v2/images/edits`` and ``/v2/musesteamer/images/generations``.

    ``inline``: pictures come as ``b64_image`` in the answer. ``storage``: a base of the result urls that is another host.
    ``/beta/image/qianfan-image-v1`` has jobs; ``looks``: how many before one is done; ``fails``: why they fail.
    """

    def __init__(self, key: str = KEY) -> None:
        self._hosted = Hosted()
        super().__init__()
        self.key = key
        self.inline = False
        self.storage: str | None = None
        self.looks = 2
        self.fails: str | None = None
        self._jobs: dict[str, tuple[list[str], Mapping[str, Any]]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v2"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/v2/images/{kind}", self._make),
            ("POST", "/v2/musesteamer/images/generations", self._make),
            ("POST", "/beta/image/qianfan-image-v1", self._submit),
            ("GET", "/beta/image/qianfan-image-v1", self._look),
            ("GET", "/v2/models", self._models),
            self._hosted.route,
        ]

    def _check_key(self, request: Recorded) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(_no(401, "invalid_iam_token", "IAM Certification failed"))

    async def _models(self, request: Recorded) -> Reply:
        self._check_key(request)
        return Reply.json({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

    async def _make(self, request: Recorded) -> Reply:
        self._check_key(request)
        kind = request.path_params.get("kind", "musesteamer")
        fields = request.json
        model = _checked(fields, kind)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                raise Refused(reply)
        items = [self._item(request, fields, number) for number in range(fields.get("n", 1))]
        return Reply.json({"id": f"as-{model.longest}", "created": int(time.time()), "data": items})

    async def _submit(self, request: Recorded) -> Reply:
        self._check_key(request)
        fields = _checked_task(request.json)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"] and word != "[no_data]":
                raise Refused(reply)
        job = f"task-{len(self._jobs)}"
        self._jobs[job] = (["submitted", *["processing"] * (self.looks - 1)], fields)
        return task_answer(_job_state(job, "submitted"))

    async def _look(self, request: Recorded) -> Reply:
        self._check_key(request)
        job = request.query.get("task_id", "")
        if job not in self._jobs:
            return task_answer(code=1203, message="task not found")
        states, fields = self._jobs[job]
        if len(states) > 1:
            return task_answer(_job_state(job, states.pop()))
        if self.fails is not None:
            return task_answer({**_job_state(job, "failed"), "task_status_msg": self.fails})
        width, height = _TASK_RATIOS[fields.get("aspect_ratio", "1:1")]
        times = int(fields.get("resolution", "1k")[0])
        count = 0 if "[no_data]" in fields["prompt"] else fields.get("n", 1)
        data = [drawn(f"{width * times}x{height * times}", number, "jpeg") for number in range(count)]
        images = [{"index": number, "url": self._hosted.keep(request, item, "jpeg")} for number, item in enumerate(data)]
        usage = {"model_name": "v3-base", "mode": "std", "resolution": "1k", "credits": 8}
        return task_answer({**_job_state(job, "succeed"), "task_result": {"images": images}, "usage": usage})

    def _item(self, request: Recorded, fields: Mapping[str, Any], number: int) -> dict[str, Any]:
        data = drawn(fields.get("size", "1024x1024"), number, "jpeg")
        if self.inline:
            return {"b64_image": base64.b64encode(data).decode(), "url": None}
        url = self._hosted.keep(request, data, "jpeg")
        return {"url": url.replace(self.url, self.storage) if self.storage else url}


def _checked(fields: Mapping[str, Any], kind: str) -> Model:
    model = MODELS.get(str(fields.get("model")))
    if model is None or kind not in model.paths:
        raise Refused(_no(401, "invalid_model", "No permission to use the model"))
    known = {**_COMMON, **model.fields}
    for name, value in fields.items():
        if name not in known or not isinstance(value, known[name]):
            raise Refused(_no(400, "invalid_argument", f"{name} is invalid, please check parameter"))
    prompt = fields.get("prompt", "")
    if not prompt or len(prompt) > model.longest:
        raise Refused(_no(400, "invalid_image_genration_prompt", "prompt is invalid, please check parameter"))
    if not 1 <= fields.get("n", 1) <= model.most:
        raise Refused(_no(400, "invalid_argument", f"n must be between 1 and {model.most}"))
    edges = [int(edge) for edge in fields.get("size", "1024x1024").split("x")]
    if not all(512 <= edge <= 2048 for edge in edges):
        raise Refused(_no(400, "invalid_argument", "size must be between 512x512 and 2048x2048"))
    _check_pictures(fields, kind)
    return model


def _job_state(job: str, status: str) -> dict[str, Any]:
    now = int(time.time() * 1000)
    return {"task_id": job, "task_status": status, "task_info": {}, "created_at": now, "updated_at": now}


def _checked_task(body: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = body.get("model_parameters", {})
    kind = _TASKS.get(str(body.get("model")))
    if kind is None or body.get("type") != kind:
        raise Refused(_no(401, "invalid_model", "No permission to use the model"))
    known = {"prompt", "n", "resolution", "aspect_ratio", "element_list", *_TASK_FIELDS[kind]}
    listed = [item["image"] for item in fields.get("image_list", ())]
    pictures = [*listed, *([fields["image"]] if "image" in fields else [])]
    problems = [
        (set(body) != {"model", "type", "model_parameters"}, "body"),
        (bool(set(fields) - known), "model_parameters"),
        (not 0 < len(fields.get("prompt", "")) <= 2500, "prompt"),
        (not 1 <= fields.get("n", 1) <= 9, "n"),
        (fields.get("resolution", "1k") not in {"1k", "2k"}, "resolution"),
        (fields.get("aspect_ratio", "1:1") not in _TASK_RATIOS, "aspect_ratio"),
        (len(pictures) > 10 or any(picture.startswith("data:") for picture in pictures), "image"),
    ]
    for wrong, name in problems:
        if wrong:
            raise Refused(_no(400, "invalid_argument", f"{name} is invalid, please check parameter"))
    return dict(fields)


def _check_pictures(fields: Mapping[str, Any], kind: str) -> None:
    listed = [fields[name] for name in ("image", "mask", "refer_image") if name in fields]
    given = [picture for item in listed for picture in (item if isinstance(item, list) else [item])]
    if not all(re.match(r"https?://|data:image/[a-z]+;base64,", picture) for picture in given):
        raise Refused(_no(400, "invalid_image_url", "the image url is invalid"))
    if kind == "edits" and "image" not in fields:
        raise Refused(_no(400, "invalid_argument", "image is required"))
    feature = fields.get("feature", "variation")
    if feature not in {"erase", "repaint", "variation"} or (feature != "variation" and "mask" not in fields):
        raise Refused(_no(400, "invalid_argument", "mask is required for this feature"))
