"""Fireworks' image endpoints as a simulator: raw pictures, JSON where it is asked for, and Kontext's jobs.

Source: docs.fireworks.ai (text_to_image, Kontext, get_result), vercel/ai packages/fireworks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import KONTEXT, KONTEXT_SHAPES, nearest, size_of
from tests.support import pictures

KEY = "fw_simulator0123456789"
SIZES: Mapping[str, str] = {
    "1:1": "1024x1024",
    "21:9": "1568x672",
    "16:9": "1376x768",
    "3:2": "1248x832",
    "5:4": "1120x896",
    "4:5": "896x1120",
    "2:3": "832x1248",
    "9:16": "768x1376",
    "9:21": "672x1568",
    "4:3": "1184x880",
    "3:4": "880x1184",
}
_SAMPLERS = {"DDIM", "DPM_PLUS_PLUS_2M_KARRAS", "EULER"}
_FIELDS: Mapping[str, frozenset[str]] = {
    "text_to_image": frozenset({"prompt", "aspect_ratio", "guidance_scale", "num_inference_steps", "seed", "safety_check"}),
    "image_generation": frozenset(
        {"prompt", "negative_prompt", "width", "height", "cfg_scale", "sampler", "steps", "seed", "safety_check"}
    ),
    "kontext": frozenset(
        {"prompt", "input_image", "seed", "aspect_ratio", "output_format", "prompt_upsampling", "safety_tolerance"}
    ),
}
MODELS: Mapping[str, str] = {
    "flux-1-schnell-fp8": "text_to_image",
    "flux-1-dev-fp8": "text_to_image",
    "stable-diffusion-xl-1024-v1-0": "image_generation",
    "playground-v2-5-1024px-aesthetic": "image_generation",
    "playground-v2-1024px-aesthetic": "image_generation",
    "SSD-1B": "image_generation",
    "japanese-stable-diffusion-xl": "image_generation",
    "flux-kontext-pro": "kontext",
    "flux-kontext-max": "kontext",
}
"""How each model is called."""


def _error(status: int, message: str, type_: str = "error", code: str | None = None, **more: Any) -> Reply:
    error = {"object": "error", "type": type_, "code": code, "message": message}
    return Reply.json({"error": error}, status=status, **more)


TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": _error(429, "Rate limit exceeded, please try again later.", "rate_limit", headers={"retry-after": "4"}),
    "[503]": _error(503, "Service overloaded, please try again later.", "service_unavailable"),
    "[quota]": _error(412, "Account a is suspended, possibly due to reaching the monthly spending limit.", "precondition_failed"),
    "[500]": _error(500, "internal error", "internal_error"),
    "[no_data]": Reply.json({"id": "1", "base64": [], "finishReason": "SUCCESS", "seed": 1}),
    "[filtered_json]": Reply.json({"id": "1", "base64": [], "finishReason": "CONTENT_FILTERED", "seed": 1}),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


@dataclass(slots=True)
class Job:
    """A Kontext job: how often it was looked at, and its picture."""

    model: str
    picture: bytes
    statuses: Sequence[str]
    looks: int = 0


class FireworksSimulator(Simulator):
    """``statuses``: what looks at new jobs are told, the last one for ever. ``inline``: results as data urls, not links.

    ``as_json``: pictures come as JSON whatever ``Accept`` says. ``[filtered]`` in a prompt: the safety check bites.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.statuses: Sequence[str] = ("Pending", "Ready")
        self.inline = False
        self.as_json = False
        self.jobs: dict[str, Job] = {}

    @property
    def channel_options(self) -> dict[str, object]:
        """Options of a channel that shall not wait long."""
        return {"poll_seconds": 0.01}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/inference/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/kontext-images`` is where results lie, and needs no key."""
        name = "accounts/{account}/models/{model}"
        return [
            ("POST", f"/inference/v1/workflows/{name}/text_to_image", self._with_key(self._text_to_image)),
            ("POST", f"/inference/v1/workflows/{name}/get_result", self._with_key(self._result)),
            ("POST", f"/inference/v1/workflows/{name}", self._with_key(self._submit)),
            ("POST", f"/inference/v1/image_generation/{name}", self._with_key(self._image_generation)),
            ("GET", "/inference/v1/models", self._with_key(self._models)),
            ("GET", "/kontext-images/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Fireworks' 404."""
        return _error(404, "Path not found", "not_found")

    async def _text_to_image(self, request: Recorded) -> Reply:
        body = _checked(request, "text_to_image")
        return self._drawn(request, body, SIZES[body.get("aspect_ratio", "1:1")])

    async def _image_generation(self, request: Recorded) -> Reply:
        body = _checked(request, "image_generation")
        return self._drawn(request, body, f"{body.get('width', 1024)}x{body.get('height', 1024)}")

    def _drawn(self, request: Recorded, body: Mapping[str, Any], size: str) -> Reply:
        accept = request.headers.get("accept", "application/json")
        kind: pictures.Format = "jpeg" if accept == "image/jpeg" else "png"
        picture = drawn(size, kind=kind)
        filtered = "[filtered]" in body["prompt"]
        finish = "CONTENT_FILTERED" if filtered else "SUCCESS"
        seed = body.get("seed", 1234567890)
        if self.as_json or not accept.startswith("image/"):
            url = pictures.data_url(picture, f"image/{kind}")
            return Reply.json({"id": "1", "base64": [url], "finishReason": finish, "seed": seed})
        if filtered:
            picture = drawn(size, kind=kind, number=1)  # a black one
        return Reply.raw(picture, f"image/{kind}", headers={"finish-reason": finish, "seed": str(seed)})

    async def _submit(self, request: Recorded) -> Reply:
        body = _checked(request, "kontext")
        if "input_image" in body:
            _check_picture(body["input_image"])
        name = f"job-{len(self.jobs)}"
        kind: pictures.Format = "png" if body.get("output_format") == "png" else "jpeg"
        statuses = ("Pending", "Request Moderated") if "[filtered]" in body["prompt"] else self.statuses
        self.jobs[name] = Job(request.path_params["model"], drawn(_kontext_size(body), kind=kind), statuses)
        return Reply.json({"request_id": name})

    async def _result(self, request: Recorded) -> Reply:
        name = request.json.get("id")
        job = self.jobs.get(name)
        if job is None or job.model != request.path_params["model"]:
            return Reply.json({"id": name, "status": "Task not found", "result": None, "progress": None, "details": None})
        status = job.statuses[min(job.looks, len(job.statuses) - 1)]
        job.looks += 1
        link = f"http://{request.headers['host']}/kontext-images/{name}"
        sample = base64.b64encode(job.picture).decode() if self.inline else link
        result = {"sample": sample, "seed": 7} if status == "Ready" else None
        return Reply.json({"id": name, "status": status, "result": result, "progress": None, "details": None})

    async def _models(self, request: Recorded) -> Reply:
        data = [{"id": f"accounts/fireworks/models/{name}", "object": "model"} for name in MODELS]
        return Reply.json({"object": "list", "data": data})

    async def _file(self, request: Recorded) -> Reply:
        job = self.jobs.get(request.path_params["name"])
        return Reply(404, [Piece(b"gone")]) if job is None else Reply.raw(job.picture, "image/jpeg")

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(_error(401, "The API key you provided is invalid.", "unauthorized"))
            return await handler(request)

        return checked


def _kontext_size(body: Mapping[str, Any]) -> str:
    """Without a ratio the shape of the picture."""
    shown = body.get("input_image", "")
    followed = size_of(shown) if shown and not shown.startswith("http") else "1:1"
    return KONTEXT[body["aspect_ratio"]] if "aspect_ratio" in body else nearest(KONTEXT_SHAPES, followed)


def _checked(request: Recorded, route: str) -> dict[str, Any]:
    name = request.path_params["model"]
    if request.path_params["account"] != "fireworks" or MODELS.get(name) != route:
        raise Refused(_error(404, f"Model not found, inaccessible, and/or not deployed: {name}", "not_found", "NOT_FOUND"))
    try:
        body = {field: value for field, value in request.json.items() if value is not None}
    except orjson.JSONDecodeError as error:
        raise Refused(_error(400, "invalid JSON", "invalid_request_error")) from error
    if unknown := sorted(body.keys() - _FIELDS[route]):
        raise Refused(_error(400, f"Extra inputs are not permitted, field: '{unknown[0]}'", "invalid_request_error"))
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        raise Refused(_error(400, "prompt: field required", "invalid_request_error"))
    _check_values(body)
    for word, reply in TRIGGERS.items():
        if word in body["prompt"]:
            raise Refused(reply)
    return body


def _check_values(body: Mapping[str, Any]) -> None:
    if body.get("aspect_ratio", "1:1") not in SIZES:
        raise Refused(_error(400, f"aspect_ratio must be one of {', '.join(SIZES)}", "invalid_request_error"))
    if body.get("output_format", "jpeg") not in {"jpeg", "png"}:
        raise Refused(_error(400, "output_format must be jpeg or png", "invalid_request_error"))
    if body.get("sampler", "DDIM") not in _SAMPLERS:
        raise Refused(_error(400, "sampler is unknown", "invalid_request_error"))
    for name in {"seed", "width", "height", "steps", "num_inference_steps", "safety_tolerance"} & body.keys():
        if not isinstance(body[name], int):
            raise Refused(_error(400, f"{name}: value is not a valid integer", "invalid_request_error"))


def _check_picture(text: str) -> None:
    head, comma, data = text.partition(";base64,")
    if text.startswith("https://"):
        return
    try:
        pictures.look(base64.b64decode(data if comma else head, validate=True))
    except (ValueError, OSError) as error:
        raise Refused(_error(400, "input_image could not be decoded", "invalid_request_error")) from error
