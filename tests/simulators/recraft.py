"""Recraft's API as a simulator: generations (JSON), imageToImage and inpaint (multipart or JSON).

Source: recraft.ai/docs/api-reference (endpoints, image inputs and results, errors, appendix), docs.comfy.org (schemas).
"""

from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from PIL import Image

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "recraft-simulator-0123456789abcdef"

_4 = (
    "1024x1024 1536x768 768x1536 1280x832 832x1280 1216x896 896x1216 1152x896 896x1152 832x1344 1280x896 896x1280 "
    "1344x768 768x1344"
)
_4_PRO = (
    "2048x2048 3072x1536 1536x3072 2560x1664 1664x2560 2432x1792 1792x2432 2304x1792 1792x2304 1664x2688 2560x1792 1792x2560 "
    "2688x1536 1536x2688"
)
_3 = (
    "1024x1024 2048x1024 1024x2048 1536x1024 1024x1536 1365x1024 1024x1365 1280x1024 1024x1280 1707x1024 1024x1707 1434x1024 "
    "1024x1434 1820x1024 1024x1820"
)
_BASE = {"prompt": str, "model": str, "n": int, "response_format": str, "image_format": str, "style_id": str, "random_seed": int}
_CONTROLS: Mapping[str, type] = {**_BASE, "controls": dict}
_OLD: Mapping[str, type] = {**_CONTROLS, "style": str, "substyle": str, "negative_prompt": str, "text_layout": list}


@dataclass(frozen=True, slots=True)
class Model:
    """Sizes and fields of a model, what it can do besides generating, and what one picture costs in API units."""

    sizes: tuple[str, ...] = tuple(_4.split())
    fields: Mapping[str, type] = field(default_factory=lambda: _CONTROLS)
    changes: bool = True
    inpaints: bool = False
    longest: int = 10_000
    units: int = 35


_PRO = Model(tuple(_4_PRO.split()), units=210)
_V3 = Model(tuple(_3.split()), _OLD, inpaints=True, longest=1000, units=40)
_V2 = Model(tuple(_3.split()), _OLD, changes=False, longest=1000, units=22)
MODELS: Mapping[str, Model] = {
    **{f"recraftv4_1{kind}": Model() for kind in ("", "_utility", "_vector", "_utility_vector")},
    **{f"recraftv4_1{kind}": _PRO for kind in ("_pro", "_utility_pro", "_pro_vector", "_utility_pro_vector")},
    "recraftv4_1_flash": Model(fields=_BASE, changes=False, units=7),
    **{f"recraftv4{kind}": Model(units=40) for kind in ("", "_vector")},
    **{f"recraftv4{kind}": _PRO for kind in ("_pro", "_pro_vector")},
    **{f"recraftv4_styles{kind}": Model(changes=False) for kind in ("", "_vector")},
    **{f"recraftv4_styles{kind}": Model(_PRO.sizes, changes=False) for kind in ("_pro", "_pro_vector")},
    "recraftv3": _V3,
    "recraftv3_vector": _V3,
    "recraftv2": _V2,
    "recraftv2_vector": _V2,
}


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error as JSON."""
    return Reply.json({"code": code, "message": message}, status=status, headers=headers)


TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": refusal(400, "content_policy_violation", "The prompt was rejected."),
    "[rate_limit]": refusal(429, "rate_limit_exceeded", "Too many requests.", {"retry-after": "2"}),
    "[quota]": refusal(400, "not_enough_credits", "Not enough API units."),
    "[500]": Reply.raw(b"internal server error", "text/plain", status=500),
    "[503]": Reply.raw(b"service unavailable", "text/plain", status=503),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
    "[no_data]": Reply.json({"created": 1, "credits": 0, "data": []}),
    "[error_200]": Reply.json({"error": {"code": "content_policy_violation", "message": "Rejected.", "param": None}}),
    "[odd_200]": Reply.json({"error": {"code": "internal", "message": "It broke."}}),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class RecraftSimulator(Simulator):
    """Every model of the catalog; vector models answer with SVG."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self._served: dict[str, tuple[bytes, str]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/signed`` is where urls point, and needs no key."""
        return [
            ("POST", "/v1/images/generations", self._with_key(self._generate)),
            ("POST", "/v1/images/imageToImage", self._with_key(self._change)),
            ("POST", "/v1/images/inpaint", self._with_key(self._inpaint)),
            ("GET", "/v1/users/me", self._with_key(self._me)),
            ("GET", "/signed/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Recraft's 404 is plain text."""
        return Reply.raw(b"404 page not found", "text/plain", status=404)

    async def _me(self, request: Recorded) -> Reply:
        return Reply.json({"id": "user-1", "email": "me@example.test", "name": "Me", "credits": 1000})

    async def _generate(self, request: Recorded) -> Reply:
        fields, _ = _read(request)
        model = _check(fields, {"size": str})
        size = fields.get("size", model.sizes[0])
        if size not in model.sizes:
            raise _bad(f"size: {size} is not supported by this model")
        if "_styles" in fields["model"] and "style_id" not in fields:
            raise _bad("style_id: is required by this model")
        return self._made(request, model, fields, size)

    async def _change(self, request: Recorded) -> Reply:
        fields, files = _read(request)
        model = _check(fields, {"strength": float})
        strength = fields.get("strength")
        if not model.changes or strength is None or not 0 <= strength <= 1:
            raise _bad("strength: is required and must be between 0 and 1, or the model cannot change pictures")
        return self._made(request, model, fields, _size(files, "image"))

    async def _inpaint(self, request: Recorded) -> Reply:
        fields, files = _read(request)
        model = _check(fields, {})
        size, mask = _size(files, "image"), files.get("mask")
        if not model.inpaints or mask is None or _size(files, "mask") != size or _colours(mask) - {0, 255}:
            raise _bad("mask: must be black and white and of the image's size, and the model one that inpaints")
        return self._made(request, model, fields, size)

    def _made(self, request: Recorded, model: Model, fields: Mapping[str, Any], size: str) -> Reply:
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                return reply
        items = [self._item(request, fields, size, number) for number in range(fields.get("n", 1))]
        return Reply.json({"created": 1_795_167_015, "credits": model.units * len(items), "data": items})

    def _item(self, request: Recorded, fields: Mapping[str, Any], size: str, number: int) -> dict[str, Any]:
        name, kind = str(uuid.uuid4()), fields.get("image_format", "webp")
        if fields["model"].endswith("_vector"):
            width, height = size.split("x")
            data, media = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"/>'.encode(), "image/svg+xml"
        else:
            data, media = drawn(size, number, kind), f"image/{kind}"
        if fields.get("response_format") == "b64_json":
            return {"image_id": name, "b64_json": base64.b64encode(data).decode()}
        self._served[name] = data, media
        return {"image_id": name, "url": f"http://{request.headers['host']}/signed/{name}"}

    async def _file(self, request: Recorded) -> Reply:
        found = self._served.get(request.path_params["name"])
        return Reply.raw(found[0], found[1]) if found else Reply(404, [Piece(b"gone")])

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(Reply.raw(b"request unauthorized", "text/plain", status=401))
            return await handler(request)

        return checked


def _read(request: Recorded) -> tuple[dict[str, Any], dict[str, bytes]]:
    if request.is_form:
        kinds: Mapping[str, type] = {**_OLD, "strength": float}
        texts = {name: _scalar(text, kinds.get(name, str)) for name, text in request.fields.items()}
        return texts, {part.name: part.data for part in request.files}
    try:
        document = request.json
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _bad("the body is no JSON object")
    return {name: value for name, value in document.items() if value is not None}, {}


def _scalar(text: str, kind: type) -> Any:
    if kind is str:
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return float(value) if kind is float and isinstance(value, int) else value


def _check(fields: Mapping[str, Any], more: Mapping[str, type]) -> Model:
    model = MODELS.get(fields.get("model", "recraftv4_1"))
    if model is None:
        raise _bad("model: unknown model")
    known = {**model.fields, **more}
    for name, value in fields.items():
        if name not in known:
            raise _bad(f"{name}: is not supported by this model")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise _bad(f"{name}: has the wrong type")
    if not 1 <= len(fields.get("prompt", "")) <= model.longest:
        raise _bad(f"prompt: must have 1 to {model.longest} characters")
    if not 1 <= fields.get("n", 1) <= 6:
        raise _bad("n: must be between 1 and 6")
    if fields.get("response_format", "url") not in {"url", "b64_json"} or fields.get("image_format", "png") not in {
        "png",
        "webp",
    }:
        raise _bad("response_format: or image_format is unknown")
    return model


def _size(files: Mapping[str, bytes], name: str) -> str:
    try:
        look = pictures.look(files[name])
    except (KeyError, OSError):
        raise _bad(f"{name}: is missing or no picture") from None
    if look.format not in {"png", "jpeg", "webp"} or len(files[name]) > 10 * 1024 * 1024:
        raise _bad(f"{name}: must be PNG, JPG or WEBP under 10 MB")
    return "{}x{}".format(*look.size)


def _colours(mask: bytes) -> set[int]:
    """The greys of a mask; another kind of picture is no mask."""
    with Image.open(io.BytesIO(mask)) as opened:
        counts = opened.histogram()
        return {grey for grey, count in enumerate(counts) if count} if opened.mode == "L" else {128}


def _bad(message: str) -> Refused:
    return Refused(refusal(400, "invalid_request_parameter", message))
