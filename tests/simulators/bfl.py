"""Black Forest Labs' task API as a simulator: submit, look, fetch.

Source: docs.bfl.ai (models, errors, integration guidelines), docs.comfy.org (schemas), FastAPI's 422. Stricter than the original:
unknown fields are refused, so that a misspelt one is found.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import KONTEXT_SHAPES, ULTRA, nearest, size_of
from tests.support import pictures

KEY = "bfl-simulator-0123456789abcdef"

Check = Callable[[Any], bool]


def _between(low: float, high: float, multiple: int = 0) -> Check:
    def check(value: Any) -> bool:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and low <= value <= high and (not multiple or value % multiple == 0)

    return check


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _format(value: Any) -> bool:
    return value in {"jpeg", "png"}


def _ratio(value: Any) -> bool:
    width, colon, height = value.partition(":") if isinstance(value, str) else ("", "", "")
    return bool(colon) and width.isdecimal() and height.isdecimal() and 9 / 21 <= int(width) / int(height) <= 21 / 9


def _picture(value: Any) -> bool:
    if not isinstance(value, str) or value.startswith("data:"):
        return False
    try:
        return value.startswith("https://") or bool(pictures.look(base64.b64decode(value, validate=True)))
    except (ValueError, OSError):
        return False


_COMMON: Mapping[str, Check] = {
    "prompt": lambda value: isinstance(value, str) and bool(value),
    "seed": _between(0, 2**32),
    "output_format": _format,
    "prompt_upsampling": _flag,
    "safety_tolerance": _between(0, 6),
}


@dataclass(frozen=True, slots=True)
class Model:
    """Fields of one model, with their checks. ``needed``: those besides the prompt. ``size``: what it makes when not told.

    ``shapes``: what it makes of any ratio, the nearest. ``follows``: the picture of this field, when not told.
    """

    fields: Mapping[str, Check] = field(default_factory=lambda: _COMMON)
    needed: tuple[str, ...] = ()
    size: str = "1024x1024"
    shapes: tuple[str, ...] = ()
    follows: str = ""

    def takes(self, more: Mapping[str, Check], *needed: str, **other: Any) -> Model:
        """The same with further fields."""
        return replace(self, fields={**self.fields, **more}, needed=(*self.needed, *needed), **other)


def _images(count: int) -> dict[str, Check]:
    return {f"input_image_{number}" if number > 1 else "input_image": _picture for number in range(1, count + 1)}


_EDGE_2, _EDGE_1 = _between(64, 2048, 16), _between(256, 1440, 32)
_FLUX_2 = Model(follows="input_image").takes({"width": _EDGE_2, "height": _EDGE_2, **_images(8)})
_KONTEXT = Model(shapes=KONTEXT_SHAPES, follows="input_image").takes({"aspect_ratio": _ratio, **_images(4)})
_FLUX_1 = Model().takes({"width": _EDGE_1, "height": _EDGE_1, "image_prompt": _picture}, size="1024x768")
_SIDES: Mapping[str, Check] = dict.fromkeys(("top", "bottom", "left", "right"), _between(0, 2048))
_TOOL = Model(follows="image").takes({"steps": _between(15, 50), "guidance": _between(1.5, 100)})
_CONTROL = _TOOL.takes({"control_image": _picture}, "control_image", follows="control_image")
MODELS: Mapping[str, Model] = {
    "flux-2-pro": _FLUX_2,
    "flux-2-max": _FLUX_2,
    "flux-2-flex": _FLUX_2.takes({"steps": _between(1, 50), "guidance": _between(1.5, 10), **_images(10)}),
    "flux-2-klein-4b": _FLUX_2,
    "flux-2-klein-9b": _FLUX_2,
    "flux-kontext-pro": _KONTEXT,
    "flux-kontext-max": _KONTEXT,
    "flux-pro-1.1": _FLUX_1,
    "flux-dev": _FLUX_1.takes({"steps": _between(1, 50), "guidance": _between(1.5, 5)}),
    "flux-pro-1.1-ultra": Model().takes(
        {"aspect_ratio": _ratio, "raw": _flag, "image_prompt": _picture, "image_prompt_strength": _between(0, 1)},
        size="2752x1536",
        shapes=tuple(ULTRA.values()),
    ),
    "flux-pro-1.0-fill": _TOOL.takes({"image": _picture, "mask": _picture}, "image"),
    "flux-pro-1.0-expand": _TOOL.takes({"image": _picture, **_SIDES}, "image"),
    "flux-pro-1.0-canny": _CONTROL,
    "flux-pro-1.0-depth": _CONTROL,
}

TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": Reply.json({"detail": "Too many active tasks"}, status=429, headers={"retry-after": "5"}),
    "[quota]": Reply.json({"detail": "Insufficient credits"}, status=402),
    "[500]": Reply.json({"detail": "Internal Server Error"}, status=500),
    "[503]": Reply.json({"detail": "Service Unavailable"}, status=503),
    "[html]": Reply.raw(b"<!doctype html><title>Bad gateway</title>", "text/html"),
    "[no_id]": Reply.json({"polling_url": "https://api.bfl.ai/v1/get_result"}),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer to its submission, after its validation."""

ENDINGS: Mapping[str, str] = {
    "[request_moderated]": "Request Moderated",
    "[content_moderated]": "Content Moderated",
    "[error]": "Error",
    "[failed]": "Failed",
    "[lost]": "Task not found",
}
"""A prompt that contains one of these words comes to this end."""


@dataclass(slots=True)
class Job:
    """A task that was taken. ``looks``: how often it will still be pending."""

    fields: dict[str, Any]
    size: str
    looks: int


class BflSimulator(Simulator):
    """``looks``: how often a job is pending. ``polling_origin``: where results are to be asked for, when not here.

    ``word``: the field that holds the status; some replies say ``state``. A prompt with ``[no_sample]`` is ready with nothing.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.looks = 2
        self.polling_origin: str | None = None
        self.word = "status"
        self._jobs: dict[str, Job] = {}
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """One endpoint a model; ``/delivery`` is where samples are, and needs no key."""
        return [
            ("GET", "/v1/get_result", self._with_key(self._result)),
            ("GET", "/v1/credits", self._with_key(self._credits)),
            ("POST", "/v1/{model}", self._with_key(self._submit)),
            ("GET", "/delivery/{name}", self._sample),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """FastAPI's 404."""
        return Reply.json({"detail": "Not Found"}, status=404)

    async def _submit(self, request: Recorded) -> Reply:
        model = MODELS.get(request.path_params["model"])
        if model is None:
            return self.not_found(request)
        fields = _read(request, model)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                return reply
        number = str(uuid.uuid4())
        self._jobs[number] = Job(fields, _size(model, fields), self.looks)
        url = f"{self.polling_origin or self.url}/v1/get_result?id={number}"
        return Reply.json({"id": number, "polling_url": url, "cost": 3.0, "input_mp": 0.0, "output_mp": 1.05})

    async def _credits(self, request: Recorded) -> Reply:
        return Reply.json({"credits": 42.0})

    async def _result(self, request: Recorded) -> Reply:
        number = request.query.get("id", "")
        job = self._jobs.get(number)
        if job is None:
            return Reply.json({"id": number, self.word: "Task not found", "result": None})
        prompt = job.fields["prompt"]
        ending = next((status for word, status in ENDINGS.items() if word in prompt), "Ready")
        if job.looks > 0 and ending != "Task not found":
            job.looks -= 1
            return Reply.json({"id": number, self.word: "Pending", "result": None, "progress": None})
        result = self._made(request, job) if ending == "Ready" and "[no_sample]" not in prompt else None
        return Reply.json({"id": number, self.word: ending, "result": result, "progress": None, "details": None})

    def _made(self, request: Recorded, job: Job) -> dict[str, Any]:
        output_format = job.fields.get("output_format", "jpeg")
        name = f"{len(self._served)}.{output_format}"
        self._served[name] = drawn(job.size, kind=output_format)
        return {
            "sample": f"{self.url}/delivery/{name}?se=2026-11-20T09%3A40%3A00Z&sig=abc",
            "prompt": job.fields["prompt"],
            "seed": job.fields.get("seed", 42),
            "start_time": 1795167015.1,
            "end_time": 1795167018.6,
            "duration": 3.5,
        }

    async def _sample(self, request: Recorded) -> Reply:
        name = request.path_params["name"]
        data = self._served.get(name)
        return Reply.raw(data, f"image/{name.partition('.')[2]}") if data else Reply(403, [Piece(b"expired")])

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("x-key") != self.key:
                raise Refused(Reply.json({"detail": "Not authenticated - Invalid Authentication"}, status=403))
            return await handler(request)

        return checked


def _read(request: Recorded, model: Model) -> dict[str, Any]:
    try:
        document = request.json
    except orjson.JSONDecodeError:
        raise _bad("json_invalid", "body", "JSON decode error") from None
    if not isinstance(document, dict):
        raise _bad("model_attributes_type", "body", "Input should be a valid dictionary")
    fields: dict[str, Any] = {name: value for name, value in document.items() if value is not None}
    for name in ("prompt", *model.needed):
        if name not in fields:
            raise _bad("missing", name, "Field required")
    for name, value in fields.items():
        if name not in model.fields:
            raise _bad("extra_forbidden", name, "Extra inputs are not permitted")
        if not model.fields[name](value):
            raise _bad("value_error", name, "Value error, not allowed here")
    _check_together(fields)
    return fields


def _check_together(fields: Mapping[str, Any]) -> None:
    if ("width" in fields) != ("height" in fields) or fields.get("width", 0) * fields.get("height", 0) > 2048 * 2048:
        raise _bad("value_error", "width", "Value error, width and height must be given together, at most 4 megapixels")
    if "mask" in fields:
        image, mask = (pictures.look(base64.b64decode(fields[name])) for name in ("image", "mask"))
        if mask.mode != "L" or mask.size != image.size:
            raise _bad("value_error", "mask", "Value error, the mask must be black and white and of the image's size")


def _size(model: Model, fields: Mapping[str, Any]) -> str:
    if "width" in fields:
        return f"{fields['width']}x{fields['height']}"
    if ratio := fields.get("aspect_ratio"):
        return nearest(model.shapes, ratio)
    shown = fields.get(model.follows, "")
    if not shown or shown.startswith("https:"):
        return model.size
    width, height = (int(edge) for edge in size_of(shown).split("x"))
    if model.shapes:
        return nearest(model.shapes, f"{width}x{height}")
    width += fields.get("left", 0) + fields.get("right", 0)
    height += fields.get("top", 0) + fields.get("bottom", 0)
    if model.follows != "input_image":
        return f"{width}x{height}"
    shrink = max(1.0, (width * height / 2048**2) ** 0.5)
    return f"{int(width / shrink) // 16 * 16}x{int(height / shrink) // 16 * 16}"


def _bad(kind: str, name: str, message: str) -> Refused:
    place = ["body"] if name == "body" else ["body", name]
    return Refused(Reply.json({"detail": [{"type": kind, "loc": place, "msg": message}]}, status=422))
