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

__all__ = ["KEY", "MODELS", "TRIGGERS", "QianfanSimulator", "envelope"]

KEY = "bce-v3/ALTAK-simulator/0123456789abcdef"
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
    "qwen-image-edit": Model(("edits",), {**_QWEN, "image": str}),
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
    """

    def __init__(self, key: str = KEY) -> None:
        self._hosted = Hosted()
        super().__init__()
        self.key = key
        self.inline = False
        self.storage: str | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v2"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/v2/images/{kind}", self._make),
            ("POST", "/v2/musesteamer/images/generations", self._make),
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


def _check_pictures(fields: Mapping[str, Any], kind: str) -> None:
    given = [fields[name] for name in ("image", "mask", "refer_image") if name in fields]
    if not all(re.match(r"https?://|data:image/[a-z]+;base64,", picture) for picture in given):
        raise Refused(_no(400, "invalid_image_url", "the image url is invalid"))
    if kind == "edits" and "image" not in fields:
        raise Refused(_no(400, "invalid_argument", "image is required"))
    feature = fields.get("feature", "variation")
    if feature not in {"erase", "repaint", "variation"} or (feature != "variation" and "mask" not in fields):
        raise Refused(_no(400, "invalid_argument", "mask is required for this feature"))
