"""fal's queue as a simulator: submit, status, result, cancel, and pictures at urls of its own.

Source: fal-client 1.0.3 (queue paths, statuses), fal.ai/docs (model APIs: queue, errors, request errors), the models' schemas.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulators import ratios
from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import IMAGEN, KONTEXT, NANO_2_5, NANO_3, ULTRA, Table, nearest, times

KEY = "11111111-2222-3333-4444-555555555555:simulator0123456789"

PRESETS: Mapping[str, str] = {
    "square_hd": "1024x1024",
    "square": "512x512",
    "portrait_4_3": "768x1024",
    "portrait_16_9": "576x1024",
    "landscape_4_3": "1024x768",
    "landscape_16_9": "1024x576",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an endpoint's schema says. ``images``: a needed input for pictures. ``one``: it answers ``image``, not ``images``.

    ``told``: it says the edges of its pictures and whether they are safe. ``tables``: pixels of each ratio by tier, where a size
    is a ratio. ``default``: the size when none is asked for, a preset, pixels or a ratio; ``auto`` is that of the picture.
    ``sized``: there is an input for the size at all.
    """

    images: str = ""
    listed: bool = False
    most: int = 1
    count: int = 4
    mask: bool = False
    one: bool = False
    told: bool = True
    tables: Mapping[str, Table] = field(default_factory=dict)
    default: str = "landscape_4_3"
    sized: bool = True


def _pair(name: str, generate: Endpoint, edit: Endpoint, path: str = "edit") -> dict[str, Endpoint]:
    return {name: generate, f"{name}/{path}": edit}


_TIERS: Mapping[str, Table] = {"1K": NANO_3, "2K": times(NANO_3, 2), "4K": times(NANO_3, 4)}
_NANO = Endpoint(told=False, tables={"": NANO_2_5}, default="1:1")
_NANO_EDIT = Endpoint("image_urls", listed=True, most=14, told=False, tables={"": NANO_2_5}, default="auto")
_NANO_3 = replace(_NANO, tables=_TIERS)
_NANO_3_EDIT = replace(_NANO_EDIT, tables=_TIERS)
_WORDS = Endpoint(tables={"": KONTEXT}, default="1:1")
_KONTEXT = Endpoint("image_url", tables={"": KONTEXT}, default="auto")
_MULTI = Endpoint("image_urls", listed=True, most=4, default="auto")
_KONTEXT_MULTI = replace(_MULTI, tables={"": KONTEXT})
_ONE = Endpoint(count=1)
_ONE_EDIT = Endpoint("image_urls", listed=True, most=10, count=1, default="auto")
_SEEDREAM = Endpoint(count=6, default="2048x2048")
_SEEDREAM_EDIT = Endpoint("image_urls", listed=True, most=10, count=6, default="2048x2048")
_IMAGEN = Endpoint(tables={"": IMAGEN}, default="1:1")
ENDPOINTS: Mapping[str, Endpoint] = {
    "fal-ai/flux/schnell": Endpoint(),
    "fal-ai/flux/krea": Endpoint(),
    **_pair("fal-ai/flux/dev", Endpoint(), Endpoint("image_url", default="auto", sized=False), "image-to-image"),
    "fal-ai/flux-pro/v1.1": Endpoint(),
    "fal-ai/flux-pro/v1.1-ultra": Endpoint(tables={"": ULTRA}, default="16:9"),
    **_pair("fal-ai/flux-pro/kontext", _KONTEXT, _WORDS, "text-to-image"),
    **_pair("fal-ai/flux-pro/kontext/max", _KONTEXT, _WORDS, "text-to-image"),
    "fal-ai/flux-pro/kontext/multi": _KONTEXT_MULTI,
    "fal-ai/flux-pro/kontext/max/multi": _KONTEXT_MULTI,
    "fal-ai/flux-pro/v1/fill": Endpoint("image_url", mask=True, default="auto", sized=False),
    **_pair("fal-ai/flux-2", Endpoint(), _MULTI),
    **_pair("fal-ai/flux-2-pro", _ONE, _ONE_EDIT),
    **_pair("fal-ai/flux-2-max", _ONE, _ONE_EDIT),
    **_pair("fal-ai/flux-2-flex", _ONE, _ONE_EDIT),
    **_pair("fal-ai/nano-banana", _NANO, _NANO_EDIT),
    **_pair("fal-ai/nano-banana-2", _NANO_3, _NANO_3_EDIT),
    **_pair("fal-ai/nano-banana-pro", _NANO_3, _NANO_3_EDIT),
    **_pair("openai/gpt-image-2", Endpoint(), Endpoint("image_urls", listed=True, most=16, default="auto")),
    "fal-ai/bytedance/seedream/v3/text-to-image": Endpoint(default="square_hd"),
    "fal-ai/bytedance/seedream/v4/text-to-image": _SEEDREAM,
    "fal-ai/bytedance/seedream/v4/edit": _SEEDREAM_EDIT,
    "fal-ai/bytedance/seedream/v4.5/text-to-image": _SEEDREAM,
    "fal-ai/bytedance/seedream/v4.5/edit": _SEEDREAM_EDIT,
    "fal-ai/imagen4/preview": _IMAGEN,
    "fal-ai/imagen4/preview/fast": _IMAGEN,
    "fal-ai/imagen4/preview/ultra": replace(_IMAGEN, count=1),
    **_pair(
        "fal-ai/ideogram/v3",
        Endpoint(count=8, default="square_hd"),
        Endpoint("image_url", count=8, mask=True, default="auto", sized=False),
    ),
    "fal-ai/ideogram/v3/remix": Endpoint("image_url", count=8, default="square_hd"),
    "fal-ai/recraft/v3/text-to-image": Endpoint(count=1, default="square_hd"),
    "fal-ai/recraft/v3/image-to-image": Endpoint("image_url", count=1, default="auto", sized=False),
    "fal-ai/qwen-image": Endpoint(),
    "fal-ai/qwen-image-edit": Endpoint("image_url", default="auto"),
    "fal-ai/qwen-image-edit-plus": Endpoint("image_urls", listed=True, most=3, default="auto"),
    "fal-ai/z-image/turbo": Endpoint(),
    "fal-ai/stable-diffusion-v35-large": Endpoint(),
    "somebody/some-app": Endpoint(one=True, mask=True, default="square_hd"),
}


@dataclass(slots=True)
class Job:
    """A submitted job and the answer that waits for it."""

    app: str
    looks: int
    result: Reply
    status: str = "IN_QUEUE"
    seen: list[str] = field(default_factory=list)


def invalid(where: str, what: str, kind: str = "value_error", status: int = 422) -> Reply:
    """A model's refusal."""
    item = {"loc": ["body", where], "msg": what, "type": kind, "url": f"https://docs.fal.ai/errors/#{kind}", "input": None}
    return Reply.json({"detail": [item]}, status=status, headers={"x-fal-request-id": uuid.uuid4().hex})


def platform(status: int, kind: str, what: str) -> Reply:
    """The platform's refusal."""
    return Reply.json({"detail": what, "error_type": kind}, status=status, headers={"x-fal-error-type": kind})


TRIGGERS: Mapping[str, Reply] = {
    "[rate_limit]": Reply.json({"detail": "Rate limit exceeded."}, status=429, headers={"retry-after": "2"}),
    "[quota]": Reply.json({"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}, status=403),
    "[500]": platform(500, "internal_error", "An unexpected internal error occurred."),
    "[503]": platform(503, "runner_scheduling_failure", "No runner could be allocated."),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer to its submit."""

RESULTS: Mapping[str, Reply] = {
    "[moderation]": invalid(
        "prompt", "The content could not be processed because it was flagged by a content checker.", "content_policy_violation"
    ),
    "[too_small]": invalid("image_urls", "Image dimensions are too small.", "image_too_small"),
    "[downstream]": invalid("prompt", "Downstream service error.", "downstream_service_error", 400),
    "[nothing]": invalid("prompt", "No media was generated.", "no_media_generated"),
    "[gen_timeout]": invalid("prompt", "Generation timed out.", "generation_timeout", 504),
    "[timeout]": platform(504, "request_timeout", "Request timed out"),
    "[runner]": platform(503, "runner_disconnected", "The runner disconnected unexpectedly."),
    "[no_data]": Reply.json({"images": [], "seed": 1}),
    "[null]": Reply.json({"images": None, "image": None}),
    "[late_html]": Reply.raw(b"<!doctype html>", "text/html"),
}
"""A prompt that contains one of these words makes a job whose result is this answer."""


class FalSimulator(Simulator):
    """``looks``: how often the status says that the job waits or runs. ``foreign``: answers name addresses of another host.

    ``busy``: how often a result is refused for load. ``nsfw``: numbers of the pictures that the safety checker blackens.
    ``picture``: bytes instead of drawn ones.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.looks = 1
        self.foreign = False
        self.busy = 0
        self.nsfw: frozenset[int] = frozenset()
        self.picture: bytes | None = None
        self.jobs: dict[str, Job] = {}
        self._served: dict[str, tuple[bytes, str]] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The queue; ``/files`` needs no key."""
        return [
            ("GET", "/files/{name}", self._file),
            ("GET", "/{owner}/{alias}/requests/{id}/status", self._with_key(self._status)),
            ("GET", "/{owner}/{alias}/requests/{id}", self._with_key(self._result)),
            ("PUT", "/{owner}/{alias}/requests/{id}/cancel", self._with_key(self._cancel)),
            ("POST", "/{app:path}", self._with_key(self._submit)),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """fal's 404."""
        return Reply.json({"detail": "Path not found"}, status=404)

    async def _submit(self, request: Recorded) -> Reply:
        app = request.path_params["app"]
        endpoint = ENDPOINTS.get(app)
        if endpoint is None:
            return Reply.json({"detail": f"Application '{app.split('/')[-1]}' not found"}, status=404)
        inputs = request.json
        prompt = str(inputs.get("prompt", ""))
        for word, reply in TRIGGERS.items():
            if word in prompt:
                return reply
        number = str(uuid.uuid4())
        self.jobs[number] = Job(app, self.looks, self._outcome(request, endpoint, inputs))
        origin = "https://queue.fal.example" if self.foreign else f"http://{request.headers['host']}"
        path = f"{origin}/{'/'.join(app.split('/')[:2])}/requests/{number}"
        urls = {"response_url": path, "status_url": f"{path}/status", "cancel_url": f"{path}/cancel"}
        return Reply.json({"status": "IN_QUEUE", "request_id": number, "queue_position": 2, "logs": None, "metrics": {}, **urls})

    def _outcome(self, request: Recorded, endpoint: Endpoint, inputs: Mapping[str, Any]) -> Reply:
        """What the job will come to: fal validates an input when its model reads it."""
        try:
            check(endpoint, inputs)
        except Refused as no:
            return no.reply
        for word, reply in RESULTS.items():
            if word in inputs["prompt"]:
                return reply
        return Reply.json(self._made(request, endpoint, inputs))

    def _made(self, request: Recorded, endpoint: Endpoint, inputs: Mapping[str, Any]) -> dict[str, Any]:
        size = size_of(endpoint, inputs)
        images = [self._image(request, endpoint, inputs, number) for number in range(int(inputs.get("num_images", 1)))]
        if endpoint.one:
            return {"image": images[0], "seed": 7, "timings": {"inference": 0.3}}
        if not endpoint.told:
            return {"images": images, "description": f"A picture of {size}"}
        flags = [number in self.nsfw for number in range(len(images))]
        return {
            "images": images,
            "timings": {"inference": 0.3},
            "seed": inputs.get("seed") or 7,
            "has_nsfw_concepts": flags,
            "prompt": inputs["prompt"],
        }

    def _image(self, request: Recorded, endpoint: Endpoint, inputs: Mapping[str, Any], number: int) -> dict[str, Any]:
        kind: Any = inputs.get("output_format", "png")
        size = size_of(endpoint, inputs)
        data = self.picture or drawn(size, number, kind)
        width, height = (int(edge) for edge in size.split("x")) if endpoint.told else (None, None)
        name = f"{uuid.uuid4().hex}.{kind}"
        self._served[name] = (data, f"image/{kind}")
        url = f"http://{request.headers['host']}/files/{name}"
        if inputs.get("sync_mode"):
            url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        return {
            "url": url,
            "width": width,
            "height": height,
            "content_type": f"image/{kind}",
            "file_name": name,
            "file_size": None,
        }

    async def _status(self, request: Recorded) -> Reply:
        job = self._job(request)
        job.looks -= 1
        if job.status in {"IN_QUEUE", "IN_PROGRESS"}:
            job.status = "COMPLETED" if job.looks < 0 else "IN_PROGRESS" if job.looks < 1 else "IN_QUEUE"
        body: dict[str, Any] = {"status": job.status, "request_id": request.path_params["id"], "logs": None}
        if job.status == "IN_QUEUE":
            body["queue_position"] = job.looks
        return Reply.json(body, status=200 if job.status == "COMPLETED" else 202)

    async def _result(self, request: Recorded) -> Reply:
        job = self._job(request)
        if job.status != "COMPLETED":
            return Reply.json({"detail": "Request is still in progress"}, status=400)
        if self.busy:
            self.busy -= 1
            return Reply.json({"detail": "Service is overloaded."}, status=503)
        return job.result

    async def _cancel(self, request: Recorded) -> Reply:
        job = self._job(request)
        if job.status == "COMPLETED":
            return Reply.json({"status": "ALREADY_COMPLETED"}, status=400)
        job.status = "CANCELLATION_REQUESTED"
        return Reply.json({"status": job.status}, status=202)

    def _job(self, request: Recorded) -> Job:
        job = self.jobs.get(request.path_params["id"])
        if job is None or not job.app.startswith(f"{request.path_params['owner']}/{request.path_params['alias']}"):
            raise Refused(self.not_found(request))
        return job

    async def _file(self, request: Recorded) -> Reply:
        data, kind = self._served[request.path_params["name"]]
        return Reply.raw(data, kind)

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Key {self.key}":
                raise Refused(Reply.json({"detail": "Cannot access application. Authentication is required."}, status=401))
            return await handler(request)

        return checked


def size_of(endpoint: Endpoint, inputs: Mapping[str, Any]) -> str:
    """The pixels that an input asks for, or those of the endpoint itself."""
    shown = inputs.get("image_url") or next(iter(inputs.get("image_urls", [])), "")
    picture = ratios.size_of(shown) if shown.startswith("data:") else "1024x1024"
    if endpoint.tables:
        asked = str(inputs.get("aspect_ratio", endpoint.default))
        table = endpoint.tables.get(inputs.get("resolution", ""), next(iter(endpoint.tables.values())))
        return table[nearest(table, picture) if asked == "auto" else asked]
    size = inputs.get("image_size", endpoint.default) if endpoint.sized else "auto"
    if isinstance(size, dict):
        return f"{size['width']}x{size['height']}"
    return picture if size == "auto" else PRESETS.get(size, size)


def check(endpoint: Endpoint, inputs: Mapping[str, Any]) -> None:
    """Validate as a model's schema does; unknown inputs are ignored."""
    if not isinstance(inputs.get("prompt"), str):
        raise Refused(invalid("prompt", "Field required", "missing"))
    choices: Mapping[str, Sequence[str]] = {
        "aspect_ratio": [*next(iter(endpoint.tables.values()), KONTEXT), "auto"],
        "resolution": list(endpoint.tables),
        "output_format": ["png", "jpeg", "webp"],
        "quality": ["auto", "low", "medium", "high"],
    }
    for name, allowed in choices.items():
        if any(allowed) and name in inputs and inputs[name] not in allowed:
            raise Refused(invalid(name, f"Input should be {' or '.join(allowed)}", "literal_error"))
    asked = inputs.get("image_size", "square_hd")
    if not (asked in PRESETS if isinstance(asked, str) else isinstance(asked, dict) and {"width", "height"} <= asked.keys()):
        raise Refused(invalid("image_size", "Input should be a valid preset or size"))
    count = inputs.get("num_images", 1)
    if not isinstance(count, int) or not 1 <= count <= endpoint.count:
        raise Refused(invalid("num_images", f"Input should be less than or equal to {endpoint.count}", "less_than_equal"))
    for name in ("seed", "num_inference_steps"):
        if not isinstance(inputs.get(name, 0), int):
            raise Refused(invalid(name, "Input should be a valid integer", "int_type"))
    _check_pictures(endpoint, inputs)


def _check_pictures(endpoint: Endpoint, inputs: Mapping[str, Any]) -> None:
    wanted = [endpoint.images] if endpoint.images else []
    for name in wanted:
        if name not in inputs:
            raise Refused(invalid(name, "Field required", "missing"))
        if isinstance(inputs[name], list) != endpoint.listed or (endpoint.listed and len(inputs[name]) > endpoint.most):
            raise Refused(invalid(name, f"List should have at most {endpoint.most} items", "too_long"))
    for name in (*wanted, *(["mask_url"] if "mask_url" in inputs and endpoint.mask else [])):
        for url in inputs[name] if isinstance(inputs[name], list) else [inputs[name]]:
            if not (isinstance(url, str) and url.startswith(("data:image/", "https://"))):
                raise Refused(invalid(name, "Failed to load the image.", "image_load_error"))
