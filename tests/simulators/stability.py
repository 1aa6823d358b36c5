"""Stability AI's REST v2beta as a simulator: generate, edit, control and upscale functions that answer at once.

Source: platform.stability.ai/docs/api-reference as mirrored, litellm ``llms/stability`` (shape of errors).
"""

from __future__ import annotations

import base64
import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.stability_sizes import RATIOS, made
from tests.support import pictures

KEY = "sk-simulator-0123456789abcdef"

MODELS = frozenset({"sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3-large", "sd3-large-turbo", "sd3-medium"})
_LARGEST = 10 * 1024 * 1024
_MOST_PIXELS = 9_437_184
_PLAIN = frozenset({"negative_prompt", "seed", "output_format"})
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "seed": (0, 4_294_967_294),
    "strength": (0, 1),
    "cfg_scale": (1, 10),
    "grow_mask": (0, 20),
    "control_strength": (0, 1),
    "fidelity": (0, 1),
    "creativity": (0, 1),
    "left": (0, 2000),
    "right": (0, 2000),
    "up": (0, 2000),
    "down": (0, 2000),
}


@dataclass(frozen=True, slots=True)
class Function:
    """One endpoint: text fields and files that it needs and may have, and the formats that it makes."""

    needed: frozenset[str] = frozenset({"prompt"})
    allowed: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset({"image"})
    optional_files: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset({"png", "jpeg", "webp"})


def _edit(*allowed: str, needed: Sequence[str] = ("prompt",), mask: bool = False) -> Function:
    return Function(frozenset(needed), frozenset(allowed), optional_files=frozenset({"mask"} if mask else ()))


_GENERATE = Function(allowed=frozenset({"aspect_ratio"}), files=frozenset())
FUNCTIONS: Mapping[str, Function] = {
    "generate/ultra": dataclasses.replace(
        _GENERATE, allowed=_GENERATE.allowed | {"strength", "style_preset"}, optional_files=frozenset({"image"})
    ),
    "generate/core": dataclasses.replace(_GENERATE, allowed=_GENERATE.allowed | {"style_preset"}),
    "generate/sd3": dataclasses.replace(
        _GENERATE,
        allowed=_GENERATE.allowed | {"mode", "model", "strength", "cfg_scale", "style_preset"},
        optional_files=frozenset({"image"}),
        formats=frozenset({"png", "jpeg"}),
    ),
    "edit/inpaint": _edit("grow_mask", "style_preset", mask=True),
    "edit/erase": _edit("grow_mask", needed=(), mask=True),
    "edit/outpaint": _edit("prompt", "left", "right", "up", "down", "creativity", needed=()),
    "edit/search-and-replace": _edit("grow_mask", needed=("prompt", "search_prompt")),
    "edit/search-and-recolor": _edit("grow_mask", needed=("prompt", "select_prompt")),
    "edit/remove-background": dataclasses.replace(_edit(needed=()), formats=frozenset({"png", "webp"})),
    "control/sketch": _edit("control_strength"),
    "control/structure": _edit("control_strength"),
    "control/style": _edit("fidelity", "aspect_ratio"),
    "upscale/fast": _edit(needed=()),
    "upscale/conservative": _edit("creativity"),
}


def refusal(status: int, name: str, *errors: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error in the provider's shape."""
    return Reply.json({"id": uuid.uuid4().hex, "name": name, "errors": list(errors)}, status=status, headers=headers)


_RATE = "You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out for 60 seconds."
TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": refusal(403, "content_moderation", "Your request was flagged by our content moderation system."),
    "[rate_limit]": refusal(429, "rate_limit_exceeded", _RATE, headers={"retry-after": "60"}),
    "[quota]": refusal(402, "payment_required", "You lack sufficient credits to make this request."),
    "[forbidden]": refusal(403, "permission_denied", "Your organization has no access to this service."),
    "[language]": refusal(422, "invalid_language", "English is the only supported language for this service."),
    "[500]": refusal(500, "internal_error", "An unexpected server error has occurred, please try again later."),
    "[503]": refusal(503, "service_unavailable", "The service is overloaded."),
    "[html]": Reply.raw(b"<!doctype html><title>Bad gateway</title>", "text/html"),
    "[json]": Reply.json({"image": None, "finish_reason": "SUCCESS", "seed": 1}),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class StabilitySimulator(Simulator):
    """``picture``: bytes to answer instead of drawn ones. A prompt with ``[filtered]`` makes a blurred picture and says so.

    ``model_defaults``: what some functions cannot do without, by the gateway's name for them.
    """

    model_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "stable-outpaint": {"left": 64},
        "stable-search-and-replace": {"search_prompt": "house"},
        "stable-search-and-recolor": {"select_prompt": "house"},
    }

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.picture: bytes | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v2beta"

    def routes(self) -> Sequence[RouteRow]:
        """One endpoint a function, and the account's balance in the older API."""
        functions = [("POST", f"/v2beta/stable-image/{path}", self._serving(path)) for path in FUNCTIONS]
        return [*functions, ("GET", "/v1/user/balance", self._balance)]

    async def _balance(self, request: Recorded) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return refusal(401, "unauthorized", "Your API key is invalid.")
        return Reply.json({"credits": 0.63})

    def not_found(self, request: Recorded) -> Reply:
        """The provider's 404."""
        return refusal(404, "not_found", "The requested resource was not found.")

    def _serving(self, service: str) -> Handler:
        function = FUNCTIONS[service]

        async def handler(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(refusal(401, "unauthorized", "Your API key is invalid."))
            texts, files = _read(request)
            _check(function, texts, files)
            for word, reply in TRIGGERS.items():
                if word in texts.get("prompt", ""):
                    return reply
            return self._made(request, service, texts, files)

        return handler

    def _made(self, request: Recorded, service: str, texts: Mapping[str, str], files: Mapping[str, bytes]) -> Reply:
        output_format: Any = texts.get("output_format", "png")
        filtered = "[filtered]" in texts.get("prompt", "")
        source = next(iter(files.values()), None)
        size = made(service, texts, "{}x{}".format(*pictures.look(source).size) if source else None)
        data = self.picture or drawn(size, 3 if filtered else 0, output_format)
        told = {"finish-reason": "CONTENT_FILTERED" if filtered else "SUCCESS", "seed": texts.get("seed") or "343940597"}
        if request.headers.get("accept") == "application/json":
            kind = f"application/json; type=image/{output_format}"
            body = {"image": base64.b64encode(data).decode(), "finish_reason": told["finish-reason"], "seed": int(told["seed"])}
            return Reply.json(body, headers={"content-type": kind})
        return Reply.raw(data, f"image/{output_format}", headers={**told, "x-request-id": uuid.uuid4().hex})


def _read(request: Recorded) -> tuple[dict[str, str], dict[str, bytes]]:
    if request.headers.get("accept") not in {"image/*", "application/json"}:
        raise _bad("accept: must be one of 'image/*' or 'application/json'")
    if not request.is_form:
        raise _bad("content-type: must be multipart/form-data")
    if len(request.body) > _LARGEST:
        raise Refused(refusal(413, "payload_too_large", "The payload is larger than 10MiB."))
    return request.fields, {part.name: part.data for part in request.files}


def _check(function: Function, texts: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    missing = sorted((function.needed - texts.keys()) | (function.files - files.keys()))
    if missing:
        raise _bad(*(f"{name}: is required" for name in missing))
    known = function.needed | function.allowed | _PLAIN | function.files | function.optional_files
    if unknown := sorted((texts.keys() | files.keys()) - known):
        raise _bad(*(f"{name}: unknown field" for name in unknown))
    if not 1 <= len(texts.get("prompt", "x")) <= 10_000:
        raise _bad("prompt: must be between 1 and 10000 characters")
    if texts.get("aspect_ratio", "1:1") not in RATIOS:
        raise _bad("aspect_ratio: must be one of " + ", ".join(RATIOS))
    if texts.get("output_format", "png") not in function.formats:
        raise _bad("output_format: must be one of " + ", ".join(sorted(function.formats)))
    if texts.get("model", "sd3.5-large") not in MODELS:
        raise _bad("model: must be one of " + ", ".join(sorted(MODELS)))
    for name, (low, high) in _NUMBERS.items():
        if name in texts and not _between(texts[name], low, high):
            raise _bad(f"{name}: must be between {low} and {high}")
    _check_edit(function, texts, files)
    for name, data in files.items():
        _check_picture(name, data)


def _check_edit(function: Function, texts: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    """What goes together: strength with a picture, image-to-image with both, a direction to paint in, a grey mask."""
    if "mode" in function.allowed:
        edits = texts.get("mode", "text-to-image") == "image-to-image"
        if edits != ("image" in files):
            raise _bad("image: is required in image-to-image mode only")
        if edits and "aspect_ratio" in texts:
            raise _bad("aspect_ratio: is only valid for text-to-image requests")
    if "strength" in function.allowed and ("image" in files) != ("strength" in texts):
        raise _bad("strength: is required with an image, and only then")
    if "turbo" in texts.get("model", "") and "negative_prompt" in texts:
        raise _bad("negative_prompt: is not supported by turbo models")
    if "left" in function.allowed and not any(float(texts.get(side, 0)) for side in ("left", "right", "up", "down")):
        raise _bad("left: at least one outpaint direction must be greater than zero")


def _check_picture(name: str, data: bytes) -> None:
    try:
        look = pictures.look(data)
    except OSError:
        raise _bad(f"{name}: is not a valid image") from None
    width, height = look.size
    if min(width, height) < 64 or not 4096 <= width * height <= _MOST_PIXELS:
        raise _bad(f"{name}: every side must be at least 64 pixels, and the image at most {_MOST_PIXELS} pixels")
    if look.format not in {"png", "jpeg", "webp"} or (name == "mask" and look.mode != "L"):
        raise _bad(f"{name}: unsupported image")


def _between(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _bad(*errors: str) -> Refused:
    return Refused(refusal(400, "bad_request", *errors))
