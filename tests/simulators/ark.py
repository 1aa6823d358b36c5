"""Volcengine Ark's images API as a simulator: JSON and SSE, groups, layers, blocked pictures.

Source: volcengine-ark-runtime 5.0.54 (resources/images, types/images), volcengine.com/docs/82379, measurements of 2026-09.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from tests.simulators.ark_rules import TIERS, Model, check, envelope, refused
from tests.simulators.base import Ending, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import about, size_of
from tests.support import pictures

__all__ = ["KEY", "TRIGGERS", "ArkSimulator"]

KEY = "sk-simulator-0123456789abcdef"
_BLOCKED = {
    "code": "OutputImageSensitiveContentDetected",
    "message": "The request failed because the output image may contain sensitive information.",
}


def _no(status: int, code: str, message: str, type_: str) -> Reply:
    return Reply.json(envelope(code, message, type_), status=status)


TRIGGERS: Mapping[str, Reply] = {
    "[content]": _no(
        400,
        "InputTextSensitiveContentDetected.PolicyViolation",
        "The input text may contain sensitive information.",
        "BadRequest",
    ),
    "[rate]": _no(429, "ModelAccountIpmRateLimitExceeded", "The images per minute limit is exceeded.", "TooManyRequests"),
    "[overloaded]": _no(429, "ServerOverloaded", "The service is currently unable to handle the request.", "TooManyRequests"),
    "[overdue]": _no(403, "AccountOverdueError", "The account has an overdue balance.", "Forbidden"),
    "[quota]": _no(429, "QuotaExceeded", "The free trial quota has been consumed.", "TooManyRequests"),
    "[closed]": _no(404, "ModelNotOpen", "Your account has not activated the model.", "NotFound"),
    "[500]": _no(500, "InternalServiceError", "The service encountered an unexpected internal error.", "InternalServerError"),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json({"model": "m", "created": 1, "data": [], "usage": {"generated_images": 0}}),
    "[error_200]": Reply.json({"model": "m", "created": 1, "data": [], **envelope("InternalServiceError", "It failed.")}),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class ArkSimulator(Simulator):
    """``POST /images/generations``. ``group``: pictures of a group. ``blocked``: which of them the safety system takes.

    ``error_after``: pictures of a stream after which the whole request fails; ``cut_after``: after which the connection breaks.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.group = 3
        self.blocked: set[int] = set()
        self.error_after: int | None = None
        self.cut_after: int | None = None
        self._served: dict[str, tuple[bytes, str]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/api/v3"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoint, the list of video jobs, and where the urls of answers point, which need no key."""
        return [
            ("POST", "/api/v3/images/generations", self._generate),
            ("GET", "/api/v3/contents/generations/tasks", self._video_jobs),
            ("GET", "/files/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Ark's 404."""
        return _no(404, "InvalidAction", f"The path {request.path} does not exist.", "NotFound")

    def _check_key(self, request: Recorded) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            text = "the API key or AK/SK in the request is missing or invalid."
            raise refused("AuthenticationError", text, status=401, type_="Unauthorized")

    async def _video_jobs(self, request: Recorded) -> Reply:
        self._check_key(request)
        return Reply.json({"items": [], "total": 0})

    async def _generate(self, request: Recorded) -> Reply:
        self._check_key(request)
        fields = {name: value for name, value in request.json.items() if value is not None}
        model = check(fields)
        for word, reply in TRIGGERS.items():
            if word in str(fields.get("prompt")):
                raise Refused(reply)
        items = self._items(request, fields, model)
        return self._streamed(fields, items) if fields.get("stream") else self._whole(fields, items)

    def _whole(self, fields: Mapping[str, Any], items: list[dict[str, Any]]) -> Reply:
        head = {"model": fields["model"], "created": int(time.time())}
        if all("error" in item for item in items):
            return Reply.json({**head, "data": items, "usage": _usage([])}, headers=_headers())
        return Reply.json({**head, "data": items, "usage": _usage(items)}, headers=_headers())

    def _streamed(self, fields: Mapping[str, Any], items: list[dict[str, Any]]) -> Reply:
        headers = {**_headers(), "content-type": "text/event-stream; charset=utf-8"}
        ending = Ending.CLEAN if self.cut_after is None else Ending.CLOSE
        return Reply(pieces=self._frames(fields, items), headers=headers, ending=ending)

    def _frames(self, fields: Mapping[str, Any], items: list[dict[str, Any]]) -> Iterator[Piece]:
        head = {"model": fields["model"], "created": int(time.time())}
        for index, item in enumerate(items):
            if index == self.cut_after:
                return
            if index == self.error_after:
                yield _frame("error", envelope("InternalServiceError", "It failed."))
                return
            kind = f"image_generation.partial_{'failed' if 'error' in item else 'succeeded'}"
            yield _frame(kind, {"type": kind, **head, "image_index": index, **item})
        kind = "image_generation.completed"
        yield _frame(kind, {"type": kind, **head, "usage": _usage(items)})
        yield Piece(b"data: [DONE]\n\n")

    def _items(self, request: Recorded, fields: Mapping[str, Any], model: Model) -> list[dict[str, Any]]:
        if fields.get("layer_decomposition"):
            return [self._layer(request, fields, number) for number in range(3)]
        count = 1
        if fields.get("sequential_image_generation") == "auto":
            most = (fields.get("sequential_image_generation_options") or {}).get("max_images", 15)
            count = min(self.group, most)
        made = [self._item(request, fields, model, number) for number in range(count)]
        return [{"error": _BLOCKED} if number in self.blocked else item for number, item in enumerate(made)]

    def _item(self, request: Recorded, fields: Mapping[str, Any], model: Model, number: int) -> dict[str, Any]:
        size = _pixels(fields, model)
        kind: pictures.Format = "png" if fields.get("output_format") == "png" else "jpeg"
        alpha = 0 if fields.get("background") == "transparent" else None
        data = drawn(size, number, "png" if alpha == 0 else kind, alpha)
        told = {"output_format": kind} if "output_format" in model.fields else {}
        return {**self._handed(request, fields, data, kind), "size": size, **told}

    def _layer(self, request: Recorded, fields: Mapping[str, Any], number: int) -> dict[str, Any]:
        item = {**self._handed(request, fields, drawn("64x64", number, "png", 0), "png"), "size": "64x64", "z_index": number}
        if number == 0:
            return item
        box = {"absolute": [0, 0, 32, 32], "normalized": [0, 0, 500, 500]}
        return {**item, "name": f"layer {number}", "description": "a thing", "bounding_box": box}

    def _handed(self, request: Recorded, fields: Mapping[str, Any], data: bytes, kind: str) -> dict[str, Any]:
        if fields.get("response_format", "url") == "b64_json":
            return {"b64_json": base64.b64encode(data).decode("ascii")}
        name = f"{len(self._served)}.{kind}"
        self._served[name] = (data, f"image/{kind}")
        return {"url": f"http://{request.headers['host']}/files/{name}"}

    async def _file(self, request: Recorded) -> Reply:
        data, media_type = self._served[request.path_params["name"]]
        return Reply.raw(data, media_type)


def _pixels(fields: Mapping[str, Any], model: Model) -> str:
    size = str(fields.get("size", model.default))
    shown = fields.get("image", "")
    shown = str(shown[0] if isinstance(shown, list) else shown)
    if size == "adaptive":
        return about(size_of(shown), 1024 * 1024, 8) if shown.startswith("data:") else "1024x1024"
    return f"{TIERS[size]}x{TIERS[size]}" if size in TIERS else size


def _usage(items: list[dict[str, Any]]) -> dict[str, Any]:
    made = [item for item in items if "error" not in item]
    edges = [[int(edge) for edge in item["size"].split("x")] for item in made]
    tokens = sum(width * height // 256 for width, height in edges)
    return {"generated_images": len(made), "output_tokens": tokens, "total_tokens": tokens}


def _frame(name: str, data: Mapping[str, Any]) -> Piece:
    return Piece(b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n", label=name)


def _headers() -> dict[str, str]:
    return {"x-request-id": f"0217{time.monotonic_ns():x}", "x-client-request-id": "none"}
