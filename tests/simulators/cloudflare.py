"""Cloudflare's Workers AI as a simulator: ``/ai/run`` of an account, JSON and forms in, JSON and raw pictures out.

Source: Cloudflare's documentation of the models (their schemas), of errors, and of its API's envelope.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

ACCOUNT = "0123456789abcdef0123456789abcdef"
KEY = "cf-simulator-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Model:
    """What a model's schema says. ``raw``: the format of the bytes that it answers; empty: base64 in JSON.

    ``closed``: unknown fields are refused. ``edges``: least and most pixels; None: no size is taken.
    """

    fields: frozenset[str]
    raw: str = ""
    form: bool = False
    closed: bool = False
    edges: tuple[int, int] | None = (256, 2048)
    longest: int = 100_000


_DIFFUSION = Model(
    frozenset({"negative_prompt", "num_steps", "strength", "guidance", "seed", "image", "image_b64", "mask"}), "png"
)
_FLUX_2 = Model(frozenset({"steps", "guidance", "seed"}), form=True, edges=(256, 1920))
MODELS: Mapping[str, Model] = {
    "@cf/black-forest-labs/flux-1-schnell": Model(frozenset({"steps", "seed"}), closed=True, edges=None, longest=2048),
    "@cf/black-forest-labs/flux-2-dev": _FLUX_2,
    "@cf/black-forest-labs/flux-2-klein-4b": _FLUX_2,
    "@cf/black-forest-labs/flux-2-klein-9b": _FLUX_2,
    "@cf/leonardo/lucid-origin": Model(frozenset({"guidance", "seed", "num_steps", "steps"}), edges=(0, 2500)),
    "@cf/leonardo/phoenix-1.0": Model(frozenset({"guidance", "seed", "num_steps", "negative_prompt"}), "jpeg", edges=(0, 2048)),
    "@cf/stabilityai/stable-diffusion-xl-base-1.0": _DIFFUSION,
    "@cf/bytedance/stable-diffusion-xl-lightning": _DIFFUSION,
    "@cf/lykon/dreamshaper-8-lcm": _DIFFUSION,
    "@cf/runwayml/stable-diffusion-v1-5-img2img": _DIFFUSION,
    "@cf/runwayml/stable-diffusion-v1-5-inpainting": _DIFFUSION,
}
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "steps": (1, 50),
    "num_steps": (1, 50),
    "guidance": (0, 20),
    "strength": (0, 1),
    "seed": (0, 2**63),
}


def refusal(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """The envelope of Cloudflare's API."""
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return Reply.json(body, status=status, headers=headers)


TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": refusal(400, 3030, "AiError: AiError: Your prompt has been flagged. NSFW content detected."),
    "[rate_limit]": refusal(429, 971, "Please wait and consider throttling your request speed.", {"retry-after": "3"}),
    "[quota]": refusal(429, 3036, "AiError: you have used up your daily free allocation of 10,000 neurons."),
    "[blocked]": refusal(403, 3023, "Service unavailable for account"),
    "[503]": refusal(429, 3040, "AiError: No more data centers to forward the request to"),
    "[busy]": Reply.raw(b"upstream connect error", "text/plain", status=503),
    "[500]": refusal(500, 1031, "AiError: internal server error"),
    "[timeout]": refusal(408, 3007, "AiError: Request timeout"),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
    "[no_data]": Reply.json({"result": {}, "success": True, "errors": [], "messages": []}),
    "[null]": Reply.json({"result": {"image": None}, "success": True, "errors": [], "messages": []}),
    "[refused_200]": refusal(200, 3030, "AiError: NSFW content detected."),
    "[odd_200]": refusal(200, 99999, "AiError: something new"),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class CloudflareSimulator(Simulator):
    """``picture``: bytes to answer instead of drawn ones."""

    channel_options: ClassVar[Mapping[str, Any]] = {"account_id": ACCOUNT}
    """What a channel to it needs beside the key."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.picture: bytes | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/client/v4"

    def routes(self) -> Sequence[RouteRow]:
        """The run endpoint, and the token's check."""
        return [
            ("POST", "/client/v4/accounts/{account}/ai/run/{model:path}", self._with_key(self._run)),
            ("GET", "/client/v4/user/tokens/verify", self._with_key(self._verify)),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Cloudflare's answer to a path that it does not have."""
        return refusal(400, 7000, "No route for that URI")

    async def _verify(self, request: Recorded) -> Reply:
        return Reply.json({"result": {"id": "1", "status": "active"}, "success": True, "errors": [], "messages": []})

    async def _run(self, request: Recorded) -> Reply:
        if request.path_params["account"] != ACCOUNT:
            raise Refused(refusal(404, 7003, "Could not route to /accounts, perhaps your object identifier is invalid?"))
        name = request.path_params["model"]
        model = MODELS.get(name)
        if model is None:
            raise Refused(refusal(400, 5007, f"AiError: No such model {name} or task"))
        inputs, files = _read(request, model)
        check(model, inputs, files)
        for word, reply in TRIGGERS.items():
            if word in inputs["prompt"]:
                return reply
        return self._made(model, inputs)

    def _made(self, model: Model, inputs: Mapping[str, Any]) -> Reply:
        kind: Any = model.raw or "jpeg"
        data = self.picture or drawn(f"{inputs.get('width', 1024)}x{inputs.get('height', 1024)}", 0, kind)
        headers = {"cf-ray": uuid.uuid4().hex[:16]}
        if model.raw:
            return Reply.raw(data, f"image/{model.raw}", headers=headers)
        result = {"image": base64.b64encode(data).decode()}
        return Reply.json({"result": result, "success": True, "errors": [], "messages": []}, headers=headers)

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(refusal(401, 10000, "Authentication error"))
            return await handler(request)

        return checked


def check(model: Model, inputs: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Validate as the model's schema does."""
    prompt = inputs.get("prompt")
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= model.longest:
        raise _bad(f"Length of '/prompt' must be <= {model.longest}")
    if model.closed and (unknown := sorted(inputs.keys() - model.fields - {"prompt"})):
        raise _bad(f"Additional properties are not allowed: {', '.join(unknown)}")
    for name in ("width", "height"):
        if (
            name in inputs
            and model.edges
            and not (isinstance(inputs[name], int) and model.edges[0] <= inputs[name] <= model.edges[1])
        ):
            raise _bad(f"'/{name}' must be an integer between {model.edges[0]} and {model.edges[1]}")
    for name, (low, high) in _NUMBERS.items():
        value = inputs.get(name, low)
        if not (isinstance(value, (int, float)) and low <= value <= high):
            raise _bad(f"'/{name}' must be between {low} and {high}")
    if "image_b64" in inputs:
        pictures.look(base64.b64decode(inputs["image_b64"], validate=True))
    if "mask" in inputs and pictures.look(bytes(inputs["mask"])).mode != "L":
        raise _bad("'/mask' is no mask")
    for name, data in files.items():
        if name not in {f"input_image_{number}" for number in range(4)}:
            raise _bad(f"unknown file {name}")
        if max(pictures.look(data).size) > 512:
            raise _bad("input images must be at most 512x512")


def _read(request: Recorded, model: Model) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A form's texts as the numbers that they are, or the JSON body."""
    if request.is_form != model.form:
        raise _bad("required properties at '/' are 'multipart'" if model.form else "Bad input: expected JSON")
    if not model.form:
        document = request.json
        return (document if isinstance(document, dict) else {}), {}
    numbers = {name: _number(text) for name, text in request.fields.items() if name != "prompt"}
    return {"prompt": request.fields.get("prompt"), **numbers}, {part.name: part.data for part in request.files}


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _bad(what: str) -> Refused:
    return Refused(refusal(400, 5006, f"AiError: Bad input: Error: {what}"))
