"""Hugging Face's router as a simulator: hf-inference and four providers behind it, each in its own shape.

Source: huggingface_hub 2.4 (inference/_providers), which is driven against it in ``test_huggingface``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "hf_simulator0123456789abcdef"
MODELS = (
    "black-forest-labs/FLUX.1-schnell",
    "black-forest-labs/FLUX.1-dev",
    "Qwen/Qwen-Image",
    "stabilityai/stable-diffusion-3.5-large",
    "stabilityai/stable-diffusion-3-medium-diffusers",
    "stabilityai/stable-diffusion-xl-base-1.0",
    "black-forest-labs/FLUX.1-Kontext-dev",
    "Qwen/Qwen-Image-Edit",
)
"""What hf-inference serves."""
VERSION = "0123456789abcdef" * 4
_PARAMETERS: Mapping[str, type | tuple[type, ...]] = {
    "width": int,
    "height": int,
    "num_inference_steps": int,
    "guidance_scale": (int, float),
    "negative_prompt": str,
    "seed": int,
    "scheduler": str,
    "prompt": str,
    "target_size": dict,
}

TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": Reply.json({"error": "You have reached your rate limit."}, status=429),
    "[quota]": Reply.json(
        {"error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get more."},
        status=402,
    ),
    "[gated]": Reply.json({"error": "You need to have accepted the license of this model."}, status=403),
    "[gone]": Reply.json(
        {"error": "The requested model is deprecated and no longer supported by provider hf-inference."}, status=410
    ),
    "[503]": Reply.json({"error": "Model is currently loading", "estimated_time": 20.5}, status=503),
    "[500]": Reply.json({"error": "Internal Server Error"}, status=500),
    "[list]": Reply.json({"error": ["Error in `parameters.width`: must be smaller"], "warnings": []}, status=400),
    "[object]": Reply.json({"error": {"message": "Invalid size.", "type": "invalid_request_error", "param": "size"}}, status=400),
    "[detail]": Reply.json({"detail": [{"loc": ["body", "seed"], "msg": "Bad seed", "type": "int_type"}]}, status=422),
    "[policy]": Reply.json(
        {"detail": [{"loc": ["body", "prompt"], "msg": "Refused.", "type": "content_policy_violation"}]}, status=422
    ),
    "[html]": Reply.raw(b"<!doctype html>", "text/html"),
    "[no_data]": Reply.json({"images": [], "data": [], "status": "succeeded", "output": None}),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class HuggingFaceSimulator(Simulator):
    """``unfinished``: predictions of replicate are not done when their minute is over. ``picture``: answered as it is."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.unfinished = False
        self.picture: bytes | None = None
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The router; ``/`` is a dedicated endpoint; ``/files`` needs no key."""
        return [
            ("POST", "/", self._with_key(self._inference)),
            ("POST", "/hf-inference/models/{model:path}", self._with_key(self._inference)),
            ("POST", "/together/v1/images/generations", self._with_key(self._together)),
            ("POST", "/nscale/v1/images/generations", self._with_key(self._nscale)),
            ("POST", "/replicate/v1/predictions", self._with_key(self._replicate)),
            ("POST", "/replicate/v1/models/{owner}/{name}/predictions", self._with_key(self._replicate)),
            ("POST", "/fal-ai/{model:path}", self._with_key(self._fal)),
            ("GET", "/files/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """The router's 404."""
        return Reply.json({"error": "Not Found"}, status=404)

    async def _inference(self, request: Recorded) -> Reply:
        if request.path_params.get("model", MODELS[0]) not in MODELS:
            return self.not_found(request)
        body = request.json
        parameters = body.get("parameters", {})
        for name, value in parameters.items():
            if name not in _PARAMETERS or not isinstance(value, _PARAMETERS[name]):
                return Reply.json({"error": [f"Error in `parameters.{name}`: invalid"]}, status=400)
        size = parameters.get("target_size", parameters)
        if "prompt" in parameters:
            source = pictures.look(base64.b64decode(body["inputs"], validate=True)).size
            size = {"width": source[0], "height": source[1], **parameters.get("target_size", {})}
        triggered(parameters.get("prompt", body["inputs"]))
        if "image" not in request.headers.get("accept", ""):
            return Reply.json({"error": f"Accept type {request.headers.get('accept')} not supported"}, status=400)
        return Reply.raw(self._drawn(size), "image/png")

    async def _together(self, request: Recorded) -> Reply:
        body = request.json
        triggered(body["prompt"])
        if body.get("response_format") != "base64" or not {"image_url", "reference_images"} - body.keys():
            return Reply.json({"error": {"message": "Invalid body", "type": "invalid_request_error"}}, status=400)
        return self._openai(body)

    async def _nscale(self, request: Recorded) -> Reply:
        body = request.json
        triggered(body["prompt"])
        if body.get("response_format") != "b64_json" or "width" in body or "num_inference_steps" in body:
            return Reply.json({"error": {"message": "Invalid body", "type": "invalid_request_error"}}, status=400)
        width, height = str(body.get("size", "1024x1024")).split("x")
        return self._openai({"width": int(width), "height": int(height)})

    def _openai(self, size: Mapping[str, Any]) -> Reply:
        image = base64.b64encode(self._drawn(size)).decode()
        return Reply.json({"created": 1, "data": [{"index": 0, "b64_json": image}]})

    async def _fal(self, request: Recorded) -> Reply:
        body = request.json
        triggered(body["prompt"])
        url = self._left(request, self._drawn(body.get("image_size", {})))
        return Reply.json({"images": [{"url": url, "content_type": "image/png"}], "seed": 1, "has_nsfw_concepts": [False]})

    async def _replicate(self, request: Recorded) -> Reply:
        body = request.json
        if (request.path.count("/") == 3) != (body.get("version") == VERSION):
            return Reply.json(
                {"title": "Invalid version or not permitted", "detail": "No such version.", "status": 422}, status=422
            )
        triggered(body["input"]["prompt"])
        prediction: dict[str, Any] = {"id": "a1", "model": "m", "input": body["input"], "error": None, "output": None}
        if self.unfinished or request.headers.get("prefer") != "wait":
            return Reply.json({**prediction, "status": "starting"}, status=202)
        url = self._left(request, self._drawn(body["input"]))
        return Reply.json({**prediction, "status": "succeeded", "output": [url]}, status=201)

    def _drawn(self, size: Mapping[str, Any]) -> bytes:
        return self.picture or drawn(f"{size.get('width', 1024)}x{size.get('height', 1024)}")

    def _left(self, request: Recorded, data: bytes) -> str:
        name = f"{len(self._served)}.png"
        self._served[name] = data
        return f"http://{request.headers['host']}/files/{name}"

    async def _file(self, request: Recorded) -> Reply:
        return Reply.raw(self._served[request.path_params["name"]], "image/png")

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(Reply.json({"error": "Invalid username or password."}, status=401))
            return await handler(request)

        return checked


def triggered(prompt: str) -> None:
    """Answer as the prompt says."""
    for word, reply in TRIGGERS.items():
        if word in prompt:
            raise Refused(reply)
