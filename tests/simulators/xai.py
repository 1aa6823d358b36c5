"""xAI's images API as a simulator: JSON generations and edits, three shapes of errors, moderation inside a 200.

Source: vercel/ai packages/xai, docs.x.ai (image generation), measurements of 2026-09.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import nearest, size_of
from tests.support import pictures

KEY = "xai-simulator-0123456789abcdef"
SIZES: Mapping[str, tuple[int, int]] = {
    "auto": (1024, 1024),
    "1:1": (1024, 1024),
    "3:4": (896, 1280),
    "4:3": (1280, 896),
    "9:16": (768, 1408),
    "16:9": (1408, 768),
    "2:3": (864, 1296),
    "3:2": (1296, 864),
    "9:19.5": (576, 1248),
    "19.5:9": (1248, 576),
    "9:20": (576, 1280),
    "20:9": (1280, 576),
    "1:2": (704, 1408),
    "2:1": (1408, 704),
}
TIERS: Mapping[str, float] = {"1k": 1, "1.5k": 1.5, "2k": 2}
MODELS: Mapping[str, frozenset[str]] = {
    "grok-imagine-image-2.0": frozenset(TIERS),
    "grok-imagine-image": frozenset({"1k", "2k"}),
    "grok-imagine-image-latest": frozenset({"1k", "2k"}),
    "grok-imagine-image-quality": frozenset({"1k", "2k"}),
    "grok-imagine-image-pro": frozenset({"1k", "2k"}),
}
"""Each model's resolutions."""
_FIELDS = frozenset(
    {
        "model",
        "prompt",
        "n",
        "response_format",
        "aspect_ratio",
        "resolution",
        "quality",
        "user",
        "output_format",
        "sync_mode",
        "image",
        "images",
    }
)
_INVALID = "Client specified an invalid argument"
_DENIED = "The caller does not have permission to execute the specified operation"
_TEAM = "Team: 0f9a, API key ID: 77aa"


def _reply(status: int, error: str, code: str | None = None) -> Reply:
    return Reply.json({"code": code, "error": error} if code else {"error": error}, status=status)


TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": Reply.json(
        {"error": {"message": "Too many requests.", "type": "rate_limit", "param": None, "code": 429}},
        status=429,
        headers={"retry-after": "2"},
    ),
    "[503]": _reply(503, "The service is currently unavailable.", "The service is currently unavailable"),
    "[quota]": _reply(403, f"Your team has used all available credits. {_TEAM}", _DENIED),
    "[guidelines]": _reply(403, f"Content violates usage guidelines. {_TEAM}, Failed check: SAFETY_CHECK_TYPE_BIO", _DENIED),
    "[rejected]": _reply(400, "Generated image rejected by content moderation.", _INVALID),
    "[500]": _reply(500, "Internal server error"),
    "[no_data]": Reply.json({"data": []}),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class XaiSimulator(Simulator):
    """``moderated``: numbers (from 0) of pictures that moderation takes away; ``[moderation]`` in a prompt takes all."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.moderated: frozenset[int] = frozenset()
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/imgen`` is where urls point, and needs no key."""
        return [
            ("POST", "/v1/images/generations", self._with_key(self._generate)),
            ("POST", "/v1/images/edits", self._with_key(self._edit)),
            ("GET", "/v1/image-generation-models", self._with_key(self._models)),
            ("GET", "/imgen/{name}", self._file),
        ]

    async def _generate(self, request: Recorded) -> Reply:
        body = _checked(request)
        if {"image", "images"} & body.keys():
            raise Refused(_reply(400, "Argument not supported: image", _INVALID))
        return self._made(request, body)

    async def _edit(self, request: Recorded) -> Reply:
        body = _checked(request)
        if ("image" in body) == ("images" in body):
            raise Refused(_reply(400, "Exactly one of image and images is required.", _INVALID))
        for reference in body.get("images") or [body["image"]]:
            _check_reference(reference)
        return self._made(request, body)

    def _made(self, request: Recorded, body: Mapping[str, Any]) -> Reply:
        prompt = str(body["prompt"])
        for word, reply in TRIGGERS.items():
            if word in prompt:
                raise Refused(reply)
        count = body.get("n", 1)
        gone = frozenset(range(count)) if "[moderation]" in prompt else self.moderated
        items = [self._item(request, body, number, number in gone) for number in range(count)]
        return Reply.json({"data": items, "usage": {"cost_in_usd_ticks": 400_000_000 * count}})

    def _item(self, request: Recorded, body: Mapping[str, Any], number: int, gone: bool) -> dict[str, Any]:
        as_url = body.get("response_format", "url") == "url"
        if gone:
            return {"url" if as_url else "b64_json": "", "respect_moderation": False}
        width, height = SIZES[_ratio(body)]
        times = TIERS[body.get("resolution", "1k")]
        picture = drawn(f"{round(width * times)}x{round(height * times)}", number, "jpeg")
        told = {"revised_prompt": None, "mime_type": "image/jpeg", "respect_moderation": True}
        if not as_url:
            return {"b64_json": base64.b64encode(picture).decode(), **told}
        name = f"{len(self._served)}.jpg"
        self._served[name] = picture
        return {"url": f"http://{request.headers['host']}/imgen/{name}", **told}

    async def _models(self, request: Recorded) -> Reply:
        return Reply.json({"models": [{"id": name, "image_price": 200_000_000} for name in MODELS]})

    async def _file(self, request: Recorded) -> Reply:
        data = self._served.get(request.path_params["name"])
        return Reply(404, [Piece(b"gone")]) if data is None else Reply.raw(data, "image/jpeg")

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or not given:
                raise Refused(_reply(401, "No API key provided.", "Unauthenticated"))
            if given != self.key:
                shown = f"{given[:2]}***{given[-2:]}. You can obtain an API key from https://console.x.ai."
                raise Refused(_reply(400, f"Incorrect API key provided: {shown}", _INVALID))
            return await handler(request)

        return checked


def _ratio(body: Mapping[str, Any]) -> str:
    """As asked for; without one an edit keeps the shape of its (first) picture."""
    asked = str(body.get("aspect_ratio", "auto"))
    shown = (body.get("images") or [body.get("image", {})])[0].get("url", "")
    return nearest(SIZES.keys() - {"auto"}, size_of(shown)) if asked == "auto" and shown.startswith("data:") else asked


def _checked(request: Recorded) -> dict[str, Any]:
    try:
        body = request.json
    except orjson.JSONDecodeError as error:
        raise Refused(_reply(415, "Expected request with `Content-Type: application/json`")) from error
    body = {name: value for name, value in body.items() if value is not None}
    if "size" in body:
        raise Refused(_reply(400, "Argument not supported: size", _INVALID))
    if unknown := sorted(body.keys() - _FIELDS):
        raise _unprocessable(f"unknown field `{unknown[0]}`")
    resolutions = MODELS.get(str(body.get("model")))
    if resolutions is None:
        raise Refused(_reply(404, f"The model {body.get('model')} does not exist.", "Some requested entity was not found"))
    if not str(body.get("prompt", "")).strip():
        raise Refused(_reply(400, "Prompt cannot be empty", _INVALID))
    _check_values(body, resolutions)
    return body


def _check_values(body: Mapping[str, Any], resolutions: frozenset[str]) -> None:
    if body.get("aspect_ratio", "1:1") not in SIZES:
        raise _unprocessable(f"unknown variant `{body['aspect_ratio']}`, expected one of {', '.join(SIZES)}")
    if body.get("quality", "auto") not in {"low", "medium", "high", "auto"}:
        raise _unprocessable(f"unknown variant `{body['quality']}`, expected one of `low`, `medium`, `high`, `auto`")
    if body.get("quality") == "high":
        raise Refused(_reply(400, "This model only supports the following quality value(s): low, medium, auto.", _INVALID))
    if body.get("resolution", "1k") not in resolutions:
        raise Refused(_reply(400, f"This model does not support resolution {body['resolution']}.", _INVALID))
    if body.get("response_format", "url") not in {"url", "b64_json"}:
        raise _unprocessable("unknown variant of response_format")
    count = body.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= 10:
        raise Refused(_reply(400, "n must be between 1 and 10", _INVALID))


def _check_reference(reference: Any) -> None:
    if not isinstance(reference, dict) or reference.get("type") != "image_url" or not isinstance(reference.get("url"), str):
        raise _unprocessable("image: missing field `url`")
    url = reference["url"]
    if url.startswith("data:"):
        try:
            pictures.look(base64.b64decode(url.partition(";base64,")[2], validate=True))
        except (ValueError, OSError) as error:
            raise Refused(_reply(400, "The image could not be decoded.", _INVALID)) from error


def _unprocessable(text: str) -> Refused:
    body = f"Failed to deserialize the JSON body into the target type: {text} at line 1 column 20"
    return Refused(Reply.raw(body.encode(), "text/plain; charset=utf-8", status=422))
