"""SiliconFlow's images API as a simulator.

Source: docs.siliconflow.cn (images-generations, FAQ on error codes). Bodies of 403, 429, 451 and 503 are from single captures.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import about, size_of
from tests.support import pictures

KEY = "sk-simulator-0123456789abcdef"
SIZES: Mapping[str, tuple[str, ...]] = {
    "Kwai-Kolors/Kolors": ("1024x1024", "960x1280", "768x1024", "720x1440", "720x1280"),
    "Qwen/Qwen-Image": ("1328x1328", "1664x928", "928x1664", "1472x1140", "1140x1472", "1584x1056", "1056x1584"),
    "Qwen/Qwen-Image-Edit": (),
    "Qwen/Qwen-Image-Edit-2509": (),
}
_FIELDS = {"model", "prompt", "negative_prompt", "image_size", "seed", "num_inference_steps"}
_OWN_FIELDS: Mapping[str, set[str]] = {
    "Kwai-Kolors/Kolors": {"batch_size", "guidance_scale"},
    "Qwen/Qwen-Image": {"cfg"},
    "Qwen/Qwen-Image-Edit": {"cfg", "image"},
    "Qwen/Qwen-Image-Edit-2509": {"cfg", "image", "image2", "image3"},
}


def _no(status: int, code: int, message: str) -> Reply:
    return Reply.json({"code": code, "message": message, "data": None}, status=status)


_LIMITED = "Request was rejected due to rate limiting. Details: IPM limit reached."
TRIGGERS: Mapping[str, Reply] = {
    "[rate]": Reply.json({"message": _LIMITED, "data": None}, status=429, headers={"retry-after": "3"}),
    "[busy]": _no(503, 50505, "Model service overloaded. Please try again later."),
    "[content]": _no(451, 20021, "The prompt may contain prohibited content."),
    "[balance]": _no(403, 30001, "Sorry, your account balance is insufficient"),
    "[legal]": _no(451, 50451, "The request was refused by a content inspection."),
    "[500]": _no(500, 50507, "Unknown error"),
    "[504]": Reply.raw(b"", "text/plain", status=504),
    "[no_data]": Reply.json({"images": [], "timings": {"inference": 0.0}, "seed": 1}),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}


class SiliconFlowSimulator(Simulator):
    """``lists``: under which names the answer lists its pictures; both have been seen."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.lists: tuple[str, ...] = ("images", "data")
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        return [
            ("POST", "/v1/images/generations", self._generate),
            ("GET", "/v1/models", self._models),
            ("GET", "/files/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """A plain text."""
        return Reply.json("404 page not found", status=404)

    def _check_key(self, request: Recorded) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(Reply.json("Invalid token", status=401))

    async def _models(self, request: Recorded) -> Reply:
        self._check_key(request)
        names = SIZES if request.query.get("type", "image") == "image" else ()
        return Reply.json({"object": "list", "data": [{"id": name, "object": "model", "owned_by": ""} for name in names]})

    async def _generate(self, request: Recorded) -> Reply:
        self._check_key(request)
        fields = {name: value for name, value in request.json.items() if value is not None}
        _check(fields)
        for word, reply in TRIGGERS.items():
            if word in fields["prompt"]:
                raise Refused(reply)
        shown = fields.get("image", "")
        followed = about(size_of(shown), 1024 * 1024, 32) if shown.startswith("data:") else "1024x1024"
        size = fields.get("image_size", followed)
        items = [self._item(request, drawn(size, number)) for number in range(fields.get("batch_size", 1))]
        told = {"timings": {"inference": 1.2}, "seed": fields.get("seed", 123456789)}
        headers = {"x-siliconcloud-trace-id": "ti_simulator"}
        return Reply.json({**dict.fromkeys(self.lists, items), **told}, headers=headers)

    def _item(self, request: Recorded, data: bytes) -> dict[str, Any]:
        name = f"{len(self._served)}.png"
        self._served[name] = data
        return {"url": f"http://{request.headers['host']}/files/{name}"}

    async def _file(self, request: Recorded) -> Reply:
        return Reply.raw(self._served[request.path_params["name"]], "image/png")


def _check(fields: Mapping[str, Any]) -> None:
    model = str(fields.get("model"))
    if model not in SIZES:
        raise Refused(_no(400, 20012, "Model does not exist. Please check it carefully."))
    sizes, size = SIZES[model], fields.get("image_size")
    unknown = [name for name in fields if name not in _FIELDS | _OWN_FIELDS[model] and not name.startswith("x_")]
    problems = [
        (not fields.get("prompt"), "Field required: prompt"),
        (bool(unknown), f"Unsupported parameter: {unknown}"),
        (bool(sizes) and size not in sizes, f"image_size is not supported: {size}"),
        (not sizes and size is not None, "image_size is not supported by this model"),
        (not sizes and "image" not in fields, "Field required: image"),
        (not _whole(fields, "batch_size", 1, 4), "batch_size must be between 1 and 4"),
        (not _whole(fields, "seed", 0, 9_999_999_999), "seed must be a whole number"),
        (not _whole(fields, "num_inference_steps", 1, 100), "num_inference_steps must be between 1 and 100"),
        (not all(_is_picture(fields[name]) for name in ("image", "image2", "image3") if name in fields), "invalid image"),
    ]
    for wrong, message in problems:
        if wrong:
            raise Refused(_no(400, 20015, message))


def _whole(fields: Mapping[str, Any], name: str, low: int, high: int) -> bool:
    value = fields.get(name, low)
    return isinstance(value, int) and low <= value <= high


def _is_picture(reference: str) -> bool:
    if reference.startswith(("http://", "https://")):
        return True
    match = re.match(r"data:image/(png|jpeg|webp);base64,", reference)
    return match is not None and pictures.look(base64.b64decode(reference[match.end() :], validate=True)).size > (0, 0)
