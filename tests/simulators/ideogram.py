"""Ideogram's API v1 as a simulator: 3.0 (generate, remix, inpaint, edit), 4.0 (generate, remix), editing by words.

Source: developer.ideogram.ai (v1 reference, errors), docs.comfy.org (schemas). Its validation names no field, as theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "ideogram-simulator-0123456789abcdef"
CREATED = "2026-11-20T09:30:15.123456+00:00"
CREATED_SECONDS = 1_795_167_015


def _words(text: str) -> list[str]:
    return text.split()


RATIOS = frozenset(_words("1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1"))
_V3 = _words(
    "512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 704x1280 704x1344 704x1408 "
    "704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 832x960 832x1024 832x1088 832x1152 832x1216 832x1248 "
    "864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x1024 960x1088"
)
_V4 = _words("1440x2880 1664x2496 1792x2240 1440x2560 1600x2560 1728x2304 1296x3168 1152x2944 1248x3328 1280x3072")


def _both_ways(portraits: Sequence[str], square: str) -> frozenset[str]:
    return frozenset({square, *portraits, *("x".join(reversed(size.split("x"))) for size in portraits)})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Text fields, files, sizes and speeds of one path. ``several``: files that may come more than once."""

    prompt: str = "prompt"
    fields: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    optional_files: frozenset[str] = frozenset({"style_reference_images", "character_reference_images"})
    several: frozenset[str] = frozenset({"style_reference_images", "images", "style_codes"})
    sizes: frozenset[str] = _both_ways(_V3, "1024x1024")
    speeds: frozenset[str] = frozenset({"FLASH", "TURBO", "DEFAULT", "QUALITY"})


_STYLE = frozenset({"seed", "num_images", "magic_prompt", "rendering_speed", "color_palette", "style_codes", "style_type"})
_SIZE = frozenset({"resolution", "aspect_ratio"})
_GENERATE = Endpoint(fields=_STYLE | _SIZE | {"negative_prompt", "style_preset"})
_INPAINT = Endpoint(fields=_STYLE, files=frozenset({"image", "mask"}))
_V4_GENERATE = Endpoint(
    "text_prompt",
    frozenset({"resolution", "rendering_speed", "enable_copyright_detection", "seed"}),
    optional_files=frozenset(),
    sizes=_both_ways(_V4, "2048x2048"),
    speeds=frozenset({"TURBO", "DEFAULT", "QUALITY"}),
)
ENDPOINTS: Mapping[str, Endpoint] = {
    "/v1/ideogram-v3/generate": _GENERATE,
    "/v1/ideogram-v3/remix": replace(_GENERATE, fields=_GENERATE.fields | {"image_weight"}, files=frozenset({"image"})),
    "/v1/ideogram-v3/inpaint": _INPAINT,
    "/v1/ideogram-v3/edit": _INPAINT,
    "/v1/ideogram-v4/generate": _V4_GENERATE,
    "/v1/ideogram-v4/remix": replace(_V4_GENERATE, fields=_V4_GENERATE.fields | {"image_weight"}, files=frozenset({"image"})),
    "/v1/edit": Endpoint(
        fields=_SIZE | {"seed", "num_images", "magic_prompt", "transparent_background"}, files=frozenset({"images"})
    ),
}

TRIGGERS: Mapping[str, Reply] = {
    "[safety]": Reply.json({"error": "Prompt or provided image failed the safety checks"}, status=422),
    "[rate_limit]": Reply.json({"error": "Too many requests"}, status=429, headers={"retry-after": "3"}),
    "[quota]": Reply.json({"error": "Payment required", "reject_reason": "insufficient_funds"}, status=402),
    "[forbidden]": Reply.json({"error": "No access"}, status=403),
    "[500]": Reply.json({"error": "Internal error"}, status=500),
    "[503]": Reply.json({"error": "Service unavailable"}, status=503),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
    "[no_data]": Reply.json({"created": CREATED, "data": []}),
    "[null_data]": Reply.json({"created": None, "data": None}),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class IdeogramSimulator(Simulator):
    """Prompts with ``[unsafe]`` make pictures that are all withheld; ``[one_unsafe]`` withholds the first.

    ``magic``: the prompt that Ideogram says it used; None repeats the caller's.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.magic: str | None = None
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/ephemeral`` is where answers point, and needs no key."""
        made = [("POST", path, self._serving(endpoint)) for path, endpoint in ENDPOINTS.items()]
        return [*made, ("GET", "/ephemeral/{name}", self._file)]

    def not_found(self, request: Recorded) -> Reply:
        """The provider's 404."""
        return Reply.json({"error": "Not found"}, status=404)

    def _serving(self, endpoint: Endpoint) -> Handler:
        async def handler(request: Recorded) -> Reply:
            if request.headers.get("api-key") != self.key:
                raise Refused(Reply.json({"error": "Invalid API key"}, status=401))
            if not request.is_form:
                raise _bad("Content-Type must be multipart/form-data")
            fields = request.fields
            _check(endpoint, request, fields)
            prompt = fields[endpoint.prompt]
            for word, reply in TRIGGERS.items():
                if word in prompt:
                    return reply
            return self._made(request, endpoint, fields)

        return handler

    def _made(self, request: Recorded, endpoint: Endpoint, fields: Mapping[str, str]) -> Reply:
        prompt = fields[endpoint.prompt]
        size = _size(endpoint, request, fields)
        items = []
        for number in range(int(fields.get("num_images", 1))):
            unsafe = "[unsafe]" in prompt or ("[one_unsafe]" in prompt and number == 0)
            item: dict[str, Any] = {
                "prompt": self.magic or prompt,
                "resolution": size,
                "seed": int(fields.get("seed", 12345)) + number,
                "is_image_safe": not unsafe,
                "style_type": fields.get("style_type", "GENERAL"),
                "url": (None if number % 2 else "") if unsafe else self._url(request, drawn(size, number)),
            }
            items.append(item)
        return Reply.json({"created": CREATED, "data": items})

    def _url(self, request: Recorded, data: bytes) -> str:
        name = f"{len(self._served)}.png"
        self._served[name] = data
        return f"http://{request.headers['host']}/ephemeral/{name}?exp=1795170615&sig=abc"

    async def _file(self, request: Recorded) -> Reply:
        data = self._served.get(request.path_params["name"])
        return Reply.raw(data, "image/png") if data else Reply(403, [Piece(b"expired")])


def _check(endpoint: Endpoint, request: Recorded, fields: Mapping[str, str]) -> None:
    counts = Counter(part.name for part in request.parts)
    files = {part.name: part.data for part in request.files}
    unknown = counts.keys() - endpoint.fields - endpoint.files - endpoint.optional_files - {endpoint.prompt}
    if unknown:
        raise _bad(f"Unknown fields: {sorted(unknown)}")
    if any(count > 1 and name not in endpoint.several for name, count in counts.items()):
        raise _bad("A field came twice")
    if not fields.get(endpoint.prompt) or endpoint.files - files.keys():
        raise _bad("A required field is missing")
    if "resolution" in fields and "aspect_ratio" in fields:
        raise _bad("resolution and aspect_ratio cannot be used together")
    if fields.get("resolution", next(iter(endpoint.sizes))) not in endpoint.sizes:
        raise _bad("resolution is not supported")
    if fields.get("aspect_ratio", "1x1") not in RATIOS or fields.get("rendering_speed", "DEFAULT") not in endpoint.speeds:
        raise _bad("aspect_ratio or rendering_speed is not supported")
    if fields.get("magic_prompt", "AUTO") not in {"AUTO", "ON", "OFF"}:
        raise _bad("magic_prompt is not supported")
    for name, low, high in (("num_images", 1, 8), ("seed", 0, 2_147_483_647), ("image_weight", 1, 100)):
        if name in fields and not (fields[name].isdecimal() and low <= int(fields[name]) <= high):
            raise _bad(f"{name} must be between {low} and {high}")
    if counts["images"] > 10:
        raise _bad("At most 10 images")
    _check_pictures(files)


def _check_pictures(files: Mapping[str, bytes]) -> None:
    looks = {}
    for name, data in files.items():
        try:
            looks[name] = pictures.look(data)
        except OSError:
            raise _bad("Unable to read an image") from None
        if looks[name].format not in {"png", "jpeg", "webp"}:
            raise _bad("Only JPEG, WebP and PNG are supported")
    if "mask" in looks and (looks["mask"].size != looks["image"].size or looks["mask"].mode != "L"):
        raise _bad("The mask must be a black and white image of the size of the image")


def _size(endpoint: Endpoint, request: Recorded, fields: Mapping[str, str]) -> str:
    if "resolution" in fields:
        return fields["resolution"]
    if endpoint is _INPAINT:
        image = next(part.data for part in request.files if part.name == "image")
        return "{}x{}".format(*pictures.look(image).size)
    return "2048x2048" if endpoint.prompt == "text_prompt" else "1024x1024"


def _bad(message: str) -> Refused:
    return Refused(Reply.json({"error": message}, status=400))
