"""Replicate's HTTP API as a simulator: predictions of models, versions and deployments, files, and results at urls of its own.

Source: replicate 1.0.7 (prediction, file, exceptions), replicate.com/docs/reference/http, the models' own input schemas.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulators import ratios
from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import (
    FLUX_1,
    IDEOGRAM_3,
    IMAGEN,
    KONTEXT,
    MINIMAX,
    NANO_2_5,
    NANO_3,
    QWEN,
    SEEDREAM,
    ULTRA,
    Table,
    about,
    both,
    nearest,
    times,
)

KEY = "r8_simulator0123456789abcdef"
VERSION = "0123456789abcdef" * 4

_MEDIA = {"webp": "webp", "jpg": "jpeg", "png": "png", "jpeg": "jpeg"}


@dataclass(frozen=True, slots=True)
class Model:
    """What a model's schema says: names of reference pictures, how they come, most pictures, further words of ``aspect_ratio``.

    ``outputs``: a list of urls, or one. ``needs``: required inputs. ``formats``: empty where there is no such input.
    ``tables``: pixels of each ratio by tier. ``default``: the ratio when none is asked for. ``keeps``: a picture that goes in
    decides about the size, whatever is asked.
    """

    images: str = ""
    listed: bool = False
    most: int = 1
    words: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset({"webp", "jpg", "png"})
    sizes: frozenset[str] = frozenset()
    outputs: bool = True
    needs: frozenset[str] = frozenset({"prompt"})
    tables: Mapping[str, Table] = field(default_factory=lambda: {"": FLUX_1})
    default: str = "1:1"
    keeps: bool = False

    def format(self, inputs: Mapping[str, Any]) -> str:
        """As ``output_format`` spells it; what is left out is webp where the model has it."""
        return str(inputs.get("output_format", "webp" if "webp" in self.formats else "jpg"))

    @property
    def ratios(self) -> frozenset[str]:
        """What ``aspect_ratio`` takes."""
        return self.words | next(iter(self.tables.values())).keys()


_MATCH = frozenset({"match_input_image"})
_CUSTOM = frozenset({"match_input_image", "custom"})
_JPG_PNG = frozenset({"jpg", "png"})
_NO_FORMAT: frozenset[str] = frozenset()
_WHOLE = frozenset({"prompt", "image"})
_FLUX_2 = Model("input_images", listed=True, most=8, words=_CUSTOM, outputs=False)
_KONTEXT = Model("input_image", words=_MATCH, formats=_JPG_PNG, outputs=False, tables={"": KONTEXT}, default="match_input_image")
_NANO = Model(
    "image_input",
    listed=True,
    most=14,
    words=_MATCH,
    formats=_JPG_PNG,
    outputs=False,
    tables={"": NANO_2_5},
    default="match_input_image",
)
_TIERS = {"1K": NANO_3, "2K": times(NANO_3, 2), "4K": times(NANO_3, 4)}
_IMAGEN = Model(formats=_JPG_PNG, outputs=False, tables={"": IMAGEN})
_SEEDREAM = Model(
    "image_input",
    listed=True,
    most=14,
    words=_MATCH,
    formats=_NO_FORMAT,
    sizes=frozenset({"2K", "4K", "custom"}),
    tables={tier: SEEDREAM[tier] for tier in ("2K", "4K")},
    default="match_input_image",
)
_IDEOGRAM = Model("image", formats=_NO_FORMAT, outputs=False, tables={"": IDEOGRAM_3}, keeps=True)
_RECRAFT = both(
    ("4:3", "1365x1024"),
    ("3:2", "1536x1024"),
    ("16:9", "1820x1024"),
    ("2:1", "2048x1024"),
    ("7:5", "1434x1024"),
    ("5:4", "1280x1024"),
    ("5:3", "1707x1024"),
)
_IMAGE = Model("image", keeps=True)
MODELS: Mapping[str, Model] = {
    "black-forest-labs/flux-schnell": Model(),
    "black-forest-labs/flux-dev": _IMAGE,
    "black-forest-labs/flux-krea-dev": _IMAGE,
    "black-forest-labs/flux-pro": Model("image_prompt", words=_CUSTOM, outputs=False),
    "black-forest-labs/flux-1.1-pro": Model("image_prompt", words=_CUSTOM, outputs=False),
    "black-forest-labs/flux-1.1-pro-ultra": Model("image_prompt", formats=_JPG_PNG, outputs=False, tables={"": ULTRA}),
    "black-forest-labs/flux-kontext-pro": _KONTEXT,
    "black-forest-labs/flux-kontext-max": _KONTEXT,
    "black-forest-labs/flux-kontext-dev": replace(
        _KONTEXT, formats=frozenset({"webp", "jpg", "png"}), needs=frozenset({"prompt", "input_image"})
    ),
    "black-forest-labs/flux-fill-pro": Model("image", formats=_JPG_PNG, outputs=False, needs=_WHOLE, keeps=True),
    "black-forest-labs/flux-fill-dev": Model("image", needs=_WHOLE, keeps=True),
    "black-forest-labs/flux-2-pro": _FLUX_2,
    "black-forest-labs/flux-2-max": _FLUX_2,
    "black-forest-labs/flux-2-flex": _FLUX_2,
    "black-forest-labs/flux-2-dev": _FLUX_2,
    "black-forest-labs/flux-3-image": Model(
        "images", listed=True, most=10, outputs=False, tables={"1k": NANO_3, "2k": times(NANO_3, 2)}
    ),
    "google/nano-banana": _NANO,
    "google/nano-banana-2": replace(_NANO, tables=_TIERS),
    "google/nano-banana-pro": replace(_NANO, tables={"2K": _TIERS["2K"], **_TIERS}),
    "google/imagen-4": _IMAGEN,
    "google/imagen-4-fast": _IMAGEN,
    "google/imagen-4-ultra": _IMAGEN,
    "bytedance/seedream-4": replace(
        _SEEDREAM,
        most=10,
        sizes=frozenset({"1K", "2K", "4K", "custom"}),
        tables={tier: SEEDREAM[tier] for tier in ("2K", "1K", "4K")},
    ),
    "bytedance/seedream-4.5": _SEEDREAM,
    "bytedance/seedream-5-lite": replace(
        _SEEDREAM,
        formats=frozenset({"png", "jpeg"}),
        sizes=frozenset({"2K", "3K"}),
        tables={tier: SEEDREAM[tier] for tier in ("2K", "3K")},
    ),
    "ideogram-ai/ideogram-v3-turbo": _IDEOGRAM,
    "ideogram-ai/ideogram-v3-balanced": _IDEOGRAM,
    "ideogram-ai/ideogram-v3-quality": _IDEOGRAM,
    "recraft-ai/recraft-v3": Model(formats=_NO_FORMAT, sizes=frozenset(_RECRAFT.values()), outputs=False, tables={"": _RECRAFT}),
    "qwen/qwen-image": Model(tables={"": QWEN}, default="16:9"),
    "qwen/qwen-image-edit-plus": Model(
        "image", listed=True, most=3, words=_MATCH, needs=_WHOLE, tables={"": QWEN}, default="match_input_image"
    ),
    "stability-ai/stable-diffusion-3.5-large": _IMAGE,
    "stability-ai/stable-diffusion-3.5-medium": _IMAGE,
    "stability-ai/stable-diffusion-3.5-large-turbo": _IMAGE,
    "minimax/image-01": Model(formats=_NO_FORMAT, tables={"": MINIMAX}),
    "somebody/old-model": Model("image"),
}
"""Where no tier is asked for, the first table counts."""


@dataclass(slots=True)
class Job:
    """A prediction and what will come of it."""

    document: dict[str, Any]
    end: dict[str, Any]
    looks: int = field(default=0)


def problem(status: int, title: str, detail: str, **more: Any) -> Reply:
    """RFC 7807 as Replicate sends it."""
    body = {"title": title, "detail": detail, "status": status, **more}
    return Reply.json(body, status=status, headers={"content-type": "application/problem+json"})


TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": Reply.json(
        {"detail": "Request was throttled. Your rate limit resets in ~30s.", "status": 429, "retry_after": 30}, status=429
    ),
    "[quota]": problem(402, "Insufficient credit", "You have insufficient credit to run this model."),
    "[500]": problem(500, "Internal server error", "An internal error occurred."),
    "[503]": problem(503, "Service unavailable", "The service is temporarily unavailable."),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html", status=200),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""

ENDS: Mapping[str, dict[str, Any]] = {
    "[moderation]": {
        "status": "failed",
        "error": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    },
    "[nsfw]": {"status": "failed", "error": "NSFW content detected. Try running it again, or try a different prompt."},
    "[invalid]": {"status": "failed", "error": "Prediction failed: the input is invalid. (E006)"},
    "[oom]": {"status": "failed", "error": "CUDA out of memory"},
    "[canceled]": {"status": "canceled"},
    "[aborted]": {"status": "aborted"},
    "[no_data]": {"status": "succeeded", "output": None},
    "[expired]": {"status": "succeeded", "output": None, "data_removed": True},
}
"""A prompt that contains one of these words makes a prediction that ends so."""


class ReplicateSimulator(Simulator):
    """``looks``: how often a prediction has to be looked at until it is done; 0: within ``Prefer: wait``.

    ``foreign``: predictions name addresses of another host, as behind a proxy. ``picture``: bytes instead of drawn ones.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.looks = 0
        self.foreign = False
        self.picture: bytes | None = None
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self._served: dict[str, tuple[bytes, str]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/delivery`` needs no key."""
        return [
            ("POST", "/v1/models/{owner}/{name}/predictions", self._with_key(self._official)),
            ("POST", "/v1/deployments/{owner}/{name}/predictions", self._with_key(self._official)),
            ("POST", "/v1/predictions", self._with_key(self._version)),
            ("GET", "/v1/predictions/{id}", self._with_key(self._look)),
            ("POST", "/v1/predictions/{id}/cancel", self._with_key(self._cancel)),
            ("POST", "/v1/files", self._with_key(self._upload)),
            ("GET", "/v1/files/{id}", self._with_key(self._stored)),
            ("GET", "/v1/models/{owner}/{name}", self._with_key(self._model)),
            ("GET", "/v1/models/{owner}/{name}/versions/{id}", self._with_key(self._version_row)),
            ("GET", "/v1/account", self._with_key(self._account)),
            ("GET", "/delivery/{name}", self._deliver),
        ]

    async def _account(self, request: Recorded) -> Reply:
        return Reply.json({"type": "organization", "username": "acme", "name": "Acme", "github_url": None})

    def not_found(self, request: Recorded) -> Reply:
        """Replicate's 404."""
        return problem(404, "Not found", "The requested resource could not be found.")

    async def _official(self, request: Recorded) -> Reply:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        if name not in MODELS:
            raise Refused(self.not_found(request))
        return self._ordered(request, name)

    async def _version(self, request: Recorded) -> Reply:
        if request.json.get("version") != VERSION:
            raise Refused(
                problem(
                    422,
                    "Invalid version or not permitted",
                    "The specified version does not exist (or perhaps you don't have permission?)",
                )
            )
        return self._ordered(request, "somebody/old-model")

    def _ordered(self, request: Recorded, name: str) -> Reply:
        inputs = request.json.get("input")
        check(name, inputs)
        for word, reply in TRIGGERS.items():
            if word in inputs["prompt"]:
                return reply
        job = self._job(request, name, inputs)
        wait = request.headers.get("prefer", "").startswith("wait")
        if wait and not self.looks:
            unfinished = {"status": "processing"} if job.end["status"] == "succeeded" else {}
            job.document.update({**job.end, **unfinished, "metrics": {}})  # as it really answers, says the SDK
            return Reply.json(job.document, status=201, headers={"preference-applied": request.headers["prefer"]})
        return Reply.json(job.document, status=202 if wait else 201)

    def _job(self, request: Recorded, name: str, inputs: Mapping[str, Any]) -> Job:
        number = uuid.uuid4().hex[:26]
        origin = "https://api.replicate.example" if self.foreign else f"http://{request.headers['host']}"
        document = {
            "id": number,
            "model": name,
            "version": "hidden" if "models" in request.path else VERSION,
            "input": dict(inputs),
            "logs": "",
            "output": None,
            "data_removed": False,
            "error": None,
            "source": "api",
            "status": "starting",
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "urls": {
                "cancel": f"{origin}/v1/predictions/{number}/cancel",
                "get": f"{origin}/v1/predictions/{number}",
                "web": f"https://replicate.com/p/{number}",
            },
        }
        end = next((end for word, end in ENDS.items() if word in inputs["prompt"]), None)
        job = Job(document, end or self._succeeded(request, name, inputs), self.looks)
        self.jobs[number] = job
        return job

    def _succeeded(self, request: Recorded, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        count = int(inputs.get("num_outputs", inputs.get("number_of_images", 1)))
        form = MODELS[name].format(inputs)
        urls = [self._left(request, self._drawn(name, inputs, number), form) for number in range(count)]
        metrics = {"predict_time": 1.25, "total_time": 1.5, "image_count": count}
        return {
            "status": "succeeded",
            "output": urls if MODELS[name].outputs else urls[0],
            "metrics": metrics,
            "logs": "seed: 42",
        }

    def _drawn(self, name: str, inputs: Mapping[str, Any], number: int) -> bytes:
        kind: Any = _MEDIA[MODELS[name].format(inputs)]
        return self.picture or drawn(size_of(MODELS[name], inputs), number, kind)

    def _left(self, request: Recorded, data: bytes, form: str) -> str:
        name = f"out-{len(self._served)}.{form}"
        self._served[name] = (data, f"image/{_MEDIA[form]}")
        return f"http://{request.headers['host']}/delivery/{name}"

    async def _look(self, request: Recorded) -> Reply:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(self.not_found(request))
        job.looks -= 1
        if job.document["status"] in {"starting", "processing"}:
            job.document.update(job.end if job.looks <= 0 else {"status": "processing"})
        return Reply.json(job.document)

    async def _cancel(self, request: Recorded) -> Reply:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(self.not_found(request))
        job.document["status"] = "canceled"
        return Reply.json(job.document)

    async def _upload(self, request: Recorded) -> Reply:
        content = [part for part in request.files if part.name == "content"]
        if len(content) != 1:
            raise Refused(problem(400, "Bad request", "Missing content"))
        number = uuid.uuid4().hex
        url = f"http://{request.headers['host']}/v1/files/{number}"
        row = {
            "id": number,
            "name": content[0].filename,
            "content_type": content[0].content_type,
            "size": len(content[0].data),
            "etag": number,
            "checksums": {"sha256": number, "md5": number},
            "metadata": {},
            "created_at": "2026-11-21T00:00:00Z",
            "expires_at": "2026-11-22T00:00:00Z",
            "urls": {"get": url},
        }
        self.files[url] = row
        return Reply.json(row, status=201)

    async def _stored(self, request: Recorded) -> Reply:
        return Reply.json(self.files[f"http://{request.headers['host']}{request.path}"])

    async def _model(self, request: Recorded) -> Reply:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        if name not in MODELS:
            raise Refused(self.not_found(request))
        owner, _, short = name.partition("/")
        return Reply.json({"owner": owner, "name": short, "url": f"https://replicate.com/{name}", "visibility": "public"})

    async def _version_row(self, request: Recorded) -> Reply:
        schema = {"openapi": "3.0.2", "components": {"schemas": {"Output": {"type": "string", "format": "uri"}}}}
        row = {"id": VERSION, "created_at": "2026-01-01T00:00:00Z", "cog_version": "0.16.0", "openapi_schema": schema}
        return Reply.json(row)

    async def _deliver(self, request: Recorded) -> Reply:
        data, kind = self._served[request.path_params["name"]]
        return Reply.raw(data, kind)

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(problem(401, "Unauthenticated", "You did not pass a valid authentication token"))
            return await handler(request)

        return checked


def size_of(model: Model, inputs: Mapping[str, Any]) -> str:
    """The pixels that an input asks for, or those of the model itself."""
    shown = inputs.get(model.images)
    first = (shown[0] if shown else "") if isinstance(shown, list) else shown or ""
    picture = ratios.size_of(first) if first.startswith("data:") else "1024x1024"
    if model.keeps and first:
        return picture
    asked, size = str(inputs.get("aspect_ratio", model.default)), str(inputs.get("size", ""))
    if "custom" in {asked, size} and "width" in inputs:
        return f"{inputs['width']}x{inputs['height']}"
    if "x" in size:
        return size
    if asked == "match_input_image" and "custom" in model.words:
        return about(picture, 1024 * 1024, 32)
    table = model.tables.get(str(inputs.get("resolution") or size), next(iter(model.tables.values())))
    return table.get(asked) or table[nearest(table, picture)]


def check(name: str, inputs: Any) -> None:
    """Validate as a model's schema does; unknown inputs are ignored."""
    model = MODELS[name]
    if not isinstance(inputs, dict):
        raise _invalid("input", "is required")
    for needed in sorted(model.needs - inputs.keys()):
        raise _invalid(f"input.{needed}", f"{needed} is required")
    if not isinstance(inputs["prompt"], str):
        raise _invalid("input.prompt", "Invalid type. Expected: string, given: object")
    words = {"aspect_ratio": model.ratios, "output_format": model.formats, "size": model.sizes}
    for word, allowed in words.items():
        if word in inputs and inputs[word] not in allowed and (allowed or word == "output_format"):
            raise _invalid(f"input.{word}", f"{word} must be one of the following: {', '.join(sorted(allowed))}")
    _check_numbers(inputs)
    pictures = inputs.get(model.images, [] if model.listed else None) if model.images else None
    if model.listed and (not isinstance(pictures, list) or len(pictures) > model.most):
        raise _invalid(f"input.{model.images}", f"Array must have at most {model.most} items")
    for picture in [*(pictures if isinstance(pictures, list) else [pictures] if pictures else []), *_mask(inputs)]:
        if not (isinstance(picture, str) and picture.startswith(("data:image/", "http"))):
            raise _invalid(f"input.{model.images}", "Does not match format 'uri'")


def _mask(inputs: Mapping[str, Any]) -> list[Any]:
    return [inputs["mask"]] if "mask" in inputs else []


def _check_numbers(inputs: Mapping[str, Any]) -> None:
    for name, low, high in (("num_outputs", 1, 4), ("seed", 0, 2**32), ("output_quality", 0, 100), ("width", 64, 4096)):
        value = inputs.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _invalid(f"input.{name}", f"Must be an integer between {low} and {high}")


def _invalid(where: str, what: str) -> Refused:
    wrong = [{"type": "invalid", "field": where, "description": what}]
    return Refused(problem(422, "Input validation failed", f"- {where}: {what}\n", invalid_fields=wrong))
