"""MiniMax's image APIs as a simulator: image-01, whose refusals are HTTP 200, and the OpenAI-like routes of H3-Image.

Source: platform.minimax.io/docs as read in public copies; new-api ``relay/channel/minimax``; docs.comfy.org (H3-Image).
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "sk-simulator-0123456789abcdef"
RATIOS = {
    "1:1": "1024x1024",
    "16:9": "1280x720",
    "4:3": "1152x864",
    "3:2": "1248x832",
    "2:3": "832x1248",
    "3:4": "864x1152",
    "9:16": "720x1280",
    "21:9": "1344x576",
}
_CLASSIC_FIELDS = {
    "model",
    "prompt",
    "aspect_ratio",
    "width",
    "height",
    "response_format",
    "n",
    "seed",
    "prompt_optimizer",
    "aigc_watermark",
    "style",
    "subject_reference",
}
_H3_FIELDS = {
    "model",
    "prompt",
    "n",
    "size",
    "area",
    "aspect_ratio",
    "output_format",
    "output_compression",
    "disable_prompt_enhanced",
    "response_format",
    "images",
}
_STATUS = {
    "[rate]": (1002, "rate limit exceeded"),
    "[tokens]": (1039, "TPM limit exceeded"),
    "[balance]": (1008, "insufficient balance"),
    "[content]": (1026, "input new_sensitive"),
    "[output]": (1027, "output new_sensitive"),
    "[500]": (1013, "internal service error"),
    "[timeout]": (1001, "request timeout"),
}
_HTTP = {1001: 504, 1002: 429, 1008: 402, 1013: 500, 1026: 400, 1027: 400, 1039: 429}
"""HTTP statuses of the newer routes."""
_RAW: Mapping[str, Reply] = {
    "[503]": Reply.raw(b"upstream connect error", "text/plain", status=503),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json(
        {"id": "1", "data": None, "metadata": None, "base_resp": {"status_code": 0, "status_msg": "success"}}
    ),
}


def base_resp(code: int, message: str) -> Refused:
    """MiniMax's refusal: HTTP 200."""
    return Refused(Reply.json({"id": "05", "base_resp": {"status_code": code, "status_msg": message}}))


def enveloped(status: int, code: str, message: str, param: str | None = None) -> Refused:
    """A refusal of the OpenAI-like routes."""
    error = {"code": code, "message": message, "param": param, "type": "invalid_request_error"}
    return Refused(Reply.json({"error": error}, status=status))


class MiniMaxSimulator(Simulator):
    """``failed``: how many pictures of an answer the safety system keeps back."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.failed = 0
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/v1/image_generation", self._classic),
            ("POST", "/v1/images/generations", self._h3(edit=False)),
            ("POST", "/v1/images/edits", self._h3(edit=True)),
            ("GET", "/v1/models", self._models),
            ("GET", "/files/{name}", self._file),
        ]

    async def _models(self, request: Recorded) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return Reply.json(
                {"type": "error", "error": {"type": "authentication_error", "message": "invalid api key"}}, status=401
            )
        return Reply.json({"object": "list", "data": [{"id": "MiniMax-M3", "object": "model", "owned_by": "minimax"}]})

    async def _classic(self, request: Recorded) -> Reply:
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            raise base_resp(1004, "login fail: Please carry the API secret key in the 'Authorization' field")
        if given != f"Bearer {self.key}":
            raise base_resp(2049, "invalid api key")
        fields = {name: value for name, value in request.json.items() if value is not None}
        _check_classic(fields)
        _triggered(str(fields["prompt"]))
        made = [drawn(_classic_size(fields), number, "jpeg") for number in range(fields.get("n", 1) - self.failed)]
        if fields.get("response_format") == "base64":
            data = {"image_base64": [base64.b64encode(picture).decode("ascii") for picture in made]}
        else:
            data = {"image_urls": [self._url(request, picture) for picture in made]}
        counts = {"success_count": str(len(made)), "failed_count": str(self.failed)}
        done = {"status_code": 0, "status_msg": "success"}
        return Reply.json({"id": "05a1", "data": data, "metadata": counts, "base_resp": done})

    def _h3(self, *, edit: bool) -> Handler:
        async def handler(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise enveloped(401, "2049", "invalid api key")
            fields = {name: value for name, value in request.json.items() if value is not None}
            _check_h3(fields, edit=edit)
            for word, (code, message) in _STATUS.items():
                if word in str(fields["prompt"]):
                    raise enveloped(_HTTP[code], str(code), message)
            for word, reply in _RAW.items():
                if word in str(fields["prompt"]):
                    raise Refused(reply)
            return self._made(request, fields)

        return handler

    def _made(self, request: Recorded, fields: Mapping[str, Any]) -> Reply:
        size = "2048x2048" if fields.get("size", "auto") == "auto" else fields["size"]
        asked = fields.get("output_format", "jpeg")
        kind: pictures.Format = "png" if asked == "png" else "webp" if asked == "webp" else "jpeg"
        items: list[dict[str, Any]] = []
        for number in range(fields.get("n", 1)):
            if number < self.failed:
                items.append({"error": {"code": "1027", "message": "output new_sensitive"}})
            else:
                items.append({"url": self._url(request, drawn(size, number, kind)), "size": size})
        usage = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
        return Reply.json({"created": int(time.time()), "data": items, "usage": usage})

    def _url(self, request: Recorded, data: bytes) -> str:
        name = str(len(self._served))
        self._served[name] = data
        return f"http://{request.headers['host']}/files/{name}"

    async def _file(self, request: Recorded) -> Reply:
        return Reply.raw(self._served[request.path_params["name"]], "image/jpeg")


def _triggered(prompt: str) -> None:
    for word, (code, message) in _STATUS.items():
        if word in prompt:
            raise base_resp(code, message)
    for word, reply in _RAW.items():
        if word in prompt:
            raise Refused(reply)


def _check_classic(fields: Mapping[str, Any]) -> None:
    problems = [
        (fields.get("model") not in {"image-01", "image-01-live"}, "model"),
        (not 0 < len(str(fields.get("prompt", ""))) <= 1500, "prompt"),
        (fields.get("aspect_ratio", "1:1") not in RATIOS, "aspect_ratio"),
        (fields.get("response_format", "url") not in {"url", "base64"}, "response_format"),
        (not isinstance(fields.get("n", 1), int) or not 1 <= fields.get("n", 1) <= 9, "n"),
        (not isinstance(fields.get("seed", 1), int), "seed"),
        (not isinstance(fields.get("aigc_watermark", True), bool), "aigc_watermark"),
        (("width" in fields) != ("height" in fields), "width and height go together"),
        (any(name not in _CLASSIC_FIELDS and not name.startswith("x_") for name in fields), "unknown field"),
    ]
    live = fields.get("model") == "image-01-live"
    problems += [
        (live and ("width" in fields or fields.get("aspect_ratio") == "21:9"), "width"),
        (not live and "style" in fields, "style"),
        (any(value % 8 or not 512 <= value <= 2048 for value in (fields.get("width", 512), fields.get("height", 512))), "width"),
        (not _subjects_are_fine(fields.get("subject_reference", [])), "subject_reference"),
    ]
    for wrong, name in problems:
        if wrong:
            raise base_resp(2013, f"invalid params, {name}")


def _subjects_are_fine(subjects: Any) -> bool:
    return all(
        set(subject) == {"type", "image_file"} and subject["type"] == "character" and _is_picture(subject["image_file"])
        for subject in subjects
    )


def _is_picture(reference: str) -> bool:
    if reference.startswith(("http://", "https://")):
        return True
    match = re.match(r"data:image/(png|jpeg|webp);base64,", reference)
    return match is not None and pictures.look(base64.b64decode(reference[match.end() :], validate=True)).size > (0, 0)


def _classic_size(fields: Mapping[str, Any]) -> str:
    if "aspect_ratio" in fields:
        return RATIOS[fields["aspect_ratio"]]
    return f"{fields['width']}x{fields['height']}" if "width" in fields else "1024x1024"


def _check_h3(fields: Mapping[str, Any], *, edit: bool) -> None:
    if fields.get("model") not in {"MiniMax-H3-Image", "MiniMax-H3-Image-Highspeed"}:
        raise enveloped(404, "model_not_found", "The model does not exist.")
    for name in fields:
        if name not in _H3_FIELDS and not name.startswith("x_"):
            raise enveloped(400, "2013", f"invalid params, {name}", name)
    size = fields.get("size", "auto")
    if size != "auto":
        width, height = (int(edge) for edge in size.split("x"))
        if not 655_360 <= width * height <= 20_000_000 or max(width, height) > 3 * min(width, height):
            raise enveloped(400, "2013", "invalid params, size", "size")
        if {"area", "aspect_ratio"} & set(fields):
            raise enveloped(400, "2013", "invalid params, size excludes area and aspect_ratio", "size")
    if fields.get("output_format", "jpeg") not in {"png", "jpeg", "jpg", "webp"}:
        raise enveloped(400, "2013", "invalid params, output_format", "output_format")
    images = fields.get("images", [])
    if edit != bool(images) or len(images) > 16 or not all(_is_picture(image["image_url"]) for image in images):
        raise enveloped(400, "2013", "invalid params, images", "images")
