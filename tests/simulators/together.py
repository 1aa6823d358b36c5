"""Together AI's images API as a simulator.

Source: together-py 3.1 (types/image_generate_params, types/image_file), docs.together.ai (error codes, reference images).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "together-simulator-0123456789"
MODELS: Mapping[str, frozenset[str]] = {
    "black-forest-labs/FLUX.1-schnell": frozenset(),
    "black-forest-labs/FLUX.1.1-pro": frozenset(),
    "black-forest-labs/FLUX.1-kontext-pro": frozenset({"image_url"}),
    "black-forest-labs/FLUX.1-kontext-max": frozenset({"image_url"}),
    "black-forest-labs/FLUX.2-max": frozenset({"reference_images"}),
    "black-forest-labs/FLUX.2-pro": frozenset({"image_url", "reference_images"}),
    "black-forest-labs/FLUX.2-flex": frozenset({"image_url", "reference_images"}),
    "black-forest-labs/FLUX.2-dev": frozenset({"reference_images"}),
    "google/gemini-3-pro-image": frozenset({"reference_images"}),
    "google/flash-image-2.5": frozenset({"reference_images"}),
}
"""How each model takes pictures."""
_NUMBERS = {"width", "height", "n", "steps", "seed"}
_RATIOS: Mapping[str, str] = {"1:1": "1024x1024", "16:9": "1344x768", "9:16": "768x1344"}


def _error(status: int, message: str, type_: str, code: str | None = None, param: str | None = None, **more: Any) -> Reply:
    error = {"message": message, "type": type_, "param": param, "code": code}
    return Reply.json({"id": "oFakeId-1", "error": error}, status=status, **more)


TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": _error(429, "You have reached the rate limit.", "rate_limit", "rate_limit", headers={"retry-after": "3"}),
    "[503]": _error(503, "The server is overloaded or not ready yet.", "service_unavailable"),
    "[quota]": _error(402, "Credit limit exceeded. Please visit https://api.together.ai/settings/billing.", "credit_limit"),
    "[nsfw]": _error(422, "NSFW content detected in the prompt. Please try again.", "invalid_request_error"),
    "[500]": _error(500, "Internal server error", "server_error"),
    "[no_data]": Reply.json({"id": "x", "model": "m", "object": "list", "data": []}),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class TogetherSimulator(Simulator):
    """Generations; ``/imgproxy`` serves pictures that were asked for as urls, without a key."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What our adapter takes as base url; Together's SDK takes ``url``."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints."""
        return [
            ("POST", "/v1/images/generations", self._with_key(self._generate)),
            ("GET", "/v1/models", self._with_key(self._models)),
            ("GET", "/imgproxy/{name}", self._file),
        ]

    async def _generate(self, request: Recorded) -> Reply:
        try:
            body = {name: value for name, value in request.json.items() if value is not None}
        except orjson.JSONDecodeError as error:
            raise Refused(_error(400, "Invalid JSON", "invalid_request_error")) from error
        _check(body)
        for word, reply in TRIGGERS.items():
            if word in body["prompt"]:
                raise Refused(reply)
        data = [self._item(request, body, number) for number in range(body.get("n", 1))]
        return Reply.json({"id": "oFakeId-2", "model": body["model"], "object": "list", "data": data})

    def _item(self, request: Recorded, body: Mapping[str, Any], number: int) -> dict[str, Any]:
        size = _RATIOS.get(body.get("aspect_ratio", ""), f"{body.get('width', 1024)}x{body.get('height', 1024)}")
        kind: pictures.Format = "png" if body.get("output_format") == "png" else "jpeg"
        picture = drawn(size, number, kind)
        if body.get("response_format") == "base64":
            return {"index": number, "type": "b64_json", "b64_json": base64.b64encode(picture).decode()}
        name = f"{len(self._served)}.{kind}"
        self._served[name] = picture
        return {"index": number, "type": "url", "url": f"http://{request.headers['host']}/imgproxy/{name}"}

    async def _models(self, request: Recorded) -> Reply:
        return Reply.json([{"id": name, "object": "model", "type": "image"} for name in MODELS])

    async def _file(self, request: Recorded) -> Reply:
        data = self._served.get(request.path_params["name"])
        return Reply(404, [Piece(b"gone")]) if data is None else Reply.raw(data, "image/jpeg")

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                shown = request.headers.get("authorization", "").removeprefix("Bearer ")[:6]
                text = f"Invalid API key provided: {shown}***. Find yours at https://api.together.ai/settings/api-keys."
                raise Refused(_error(401, text, "invalid_request_error", "invalid_api_key"))
            return await handler(request)

        return checked


def _check(body: Mapping[str, Any]) -> None:
    takes = MODELS.get(str(body.get("model")))
    if takes is None:
        text = f"Unable to access model {body.get('model')}. Please visit https://api.together.ai/models."
        raise Refused(_error(404, text, "invalid_request_error", "model_not_available"))
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        raise _invalid("prompt", "Required")
    for name in sorted(_NUMBERS & body.keys()):
        if not isinstance(body[name], int):
            raise _invalid(name, "Expected number, received string")
    for name in ("width", "height"):
        if body.get(name, 1024) % 8 or not 64 <= body.get(name, 1024) <= 8192:
            raise _invalid(name, f"{name} must be a multiple of 8 between 64 and 8192")
    if not 1 <= body.get("n", 1) <= 4:
        raise _invalid("n", "n must be between 1 and 4")
    if body.get("response_format", "url") not in {"base64", "url"}:
        raise _invalid("response_format", "Invalid enum value. Expected 'base64' | 'url'")
    if body.get("output_format", "jpeg") not in {"jpeg", "png"}:
        raise _invalid("output_format", "Invalid enum value. Expected 'jpeg' | 'png'")
    if "size" in body:
        raise _invalid("size", "Unrecognized key")
    _check_pictures(body, takes)


def _check_pictures(body: Mapping[str, Any], takes: frozenset[str]) -> None:
    for name in {"image_url", "reference_images"} & body.keys():
        if name not in takes:
            raise _invalid(name, f"{name} is not supported by this model")
        urls = [body[name]] if name == "image_url" else body[name]
        for url in urls:
            if not isinstance(url, str) or not url.startswith(("https://", "data:image/")):
                raise _invalid(name, "Invalid url")
            if url.startswith("data:"):
                pictures.look(base64.b64decode(url.partition(";base64,")[2], validate=True))


def _invalid(param: str, message: str) -> Refused:
    return Refused(_error(400, f"{param}: {message}", "invalid_request_error", "invalid_parameter", param))
