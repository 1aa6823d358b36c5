"""Kling's image API as a simulator: jobs, tokens, codes.

Source: the vendor's API reference as read in public copies (image generation, multi-image, omni-image, error codes). Kling wants
references of at least 300 pixels; that is not checked here. Pixel sizes are nominal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import nearest, size_of
from tests.support import pictures

KEY = "access-key:sk-simulator-0123456789abcdef"
RATIOS = {
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "1:1": (1024, 1024),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "21:9": (1344, 576),
}
_TIERS = {"1k": 1, "2k": 2, "4k": 4}
_OMNI = {"kling-image-o1", "kling-v3-omni"}
_MULTI = {"kling-v2", "kling-v2-1"}
_MODELS = {"kling-v1", "kling-v1-5", "kling-v2", "kling-v2-new", "kling-v2-1", "kling-v3"}
_COMMON = {"model_name", "prompt", "n", "aspect_ratio", "watermark_info", "external_task_id", "element_list"}
_FIELDS: Mapping[str, set[str]] = {
    "generations": {"negative_prompt", "image", "image_reference", "image_fidelity", "human_fidelity", "resolution"},
    "multi-image2image": {"subject_image_list", "scene_image", "style_image"},
    "omni-image": {"image_list", "resolution", "result_type", "series_amount"},
}


def answer(code: int, message: str, data: Any = None, status: int = 200) -> Reply:
    """Kling's envelope."""
    told = {} if data is None else {"data": data}
    return Reply.json({"code": code, "message": message, "request_id": "req-1", **told}, status=status)


TRIGGERS: Mapping[str, Reply] = {
    "[rate]": answer(1302, "API request too fast", status=429),
    "[parallel]": answer(1303, "parallel task over resource pack limit", status=429),
    "[balance]": answer(1102, "Account balance not enough", status=429),
    "[content]": answer(1301, "Content policy violation", status=400),
    "[content 200]": answer(1301, "Content policy violation"),
    "[500]": answer(5000, "Internal server error", status=500),
    "[busy]": answer(5001, "Server temporarily unavailable", status=503),
    "[timeout]": answer(5002, "Server internal timeout", status=504),
    "[unknown 200]": answer(9999, "Something new"),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
}


@dataclass(slots=True)
class Job:
    """A submitted task. ``left``: looks until it is done."""

    route: str
    left: int
    fields: Mapping[str, Any]
    made: list[bytes] = field(default_factory=list)


class KlingSimulator(Simulator):
    """``key``: ``access:secret`` or a plain API key. ``looks``: how many before a job is done. ``fails``: why jobs fail."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.looks = 2
        self.fails: str | None = None
        self.jobs: dict[str, Job] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of results point."""
        submits: list[RouteRow] = [("POST", f"/v1/images/{name}", self._submit(name)) for name in _FIELDS]
        polls: list[RouteRow] = [("GET", f"/v1/images/{name}/{{job}}", self._look(name)) for name in _FIELDS]
        return [*submits, *polls, ("GET", "/v1/images/generations", self._list), ("GET", "/files/{job}/{number}", self._file)]

    def not_found(self, request: Recorded) -> Reply:
        """Kling's 404."""
        return answer(1203, "the requested resource does not exist", status=404)

    def _submit(self, route: str) -> Handler:
        async def handler(request: Recorded) -> Reply:
            self._check_key(request)
            fields = {name: value for name, value in request.json.items() if value is not None}
            check(route, fields)
            for word, reply in TRIGGERS.items():
                if word in str(fields.get("prompt")):
                    raise Refused(reply)
            name = f"8{len(self.jobs):06d}"
            self.jobs[name] = Job(route, self.looks, fields)
            return answer(0, "SUCCEED", self._state(name, "submitted"))

        return handler

    def _look(self, route: str) -> Handler:
        async def handler(request: Recorded) -> Reply:
            self._check_key(request)
            name = request.path_params["job"]
            job = self.jobs.get(name)
            if job is None or job.route != route:
                raise Refused(self.not_found(request))
            job.left -= 1
            if job.left > 0:
                return answer(0, "SUCCEED", self._state(name, "processing"))
            if self.fails is not None:
                ended = {**self._state(name, "failed"), "task_status_msg": self.fails, "task_result": {}}
                return answer(0, "SUCCEED", ended)
            return answer(0, "SUCCEED", self._done(request, name, job))

        return handler

    async def _list(self, request: Recorded) -> Reply:
        self._check_key(request)
        number, size = int(request.query.get("pageNum", 1)), int(request.query.get("pageSize", 30))
        names = sorted(self.jobs)[(number - 1) * size : number * size]
        return answer(0, "SUCCEED", [self._state(name, "succeed") for name in names])

    def _state(self, name: str, status: str) -> dict[str, Any]:
        now = int(time.time() * 1000)
        told = {"task_id": name, "task_status": status, "task_info": {"external_task_id": None}}
        return {**told, "created_at": now, "updated_at": now}

    def _done(self, request: Recorded, name: str, job: Job) -> dict[str, Any]:
        count = 0 if "[no_data]" in str(job.fields.get("prompt")) else job.fields.get("n", 1)
        if job.fields.get("result_type") == "series":
            count = job.fields.get("series_amount", 2)
        shown = str(job.fields.get("image", "http:"))
        kept = _restyled(job.fields) and not shown.startswith("http")
        width, height = pictures.look(base64.b64decode(shown)).size if kept else _size(job.fields)
        times = _TIERS[str(job.fields.get("resolution", "1k")).lower()]
        job.made = [drawn(f"{width * times}x{height * times}", number) for number in range(count)]
        at = f"http://{request.headers['host']}/files/{name}"
        images = [{"index": number, "url": f"{at}/{number}"} for number in range(count)]
        listed = {"series_images" if job.fields.get("result_type") == "series" else "images": images}
        return {**self._state(name, "succeed"), "task_status_msg": "", "task_result": listed, "final_unit_deduction": "1"}

    async def _file(self, request: Recorded) -> Reply:
        job = self.jobs[request.path_params["job"]]
        return Reply.raw(job.made[int(request.path_params["number"])], "image/png")

    def _check_key(self, request: Recorded) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not given:
            raise Refused(answer(1001, "Authorization is empty", status=401))
        access, colon, secret = self.key.partition(":")
        if not (_signed(given, access, secret) if colon else given == self.key):
            raise Refused(answer(1002, "Authorization is invalid", status=401))


def _signed(token: str, access: str, secret: str) -> bool:
    """Whether the JWT is issued by ``access`` with ``secret`` and holds now."""
    try:
        head, claims, signature = token.split(".")
        header, told = orjson.loads(_decoded(head)), orjson.loads(_decoded(claims))
        expected = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        now = time.time()
        right = header == {"alg": "HS256", "typ": "JWT"} and _decoded(signature) == expected and told["iss"] == access
        return bool(right and told["nbf"] <= now < told["exp"])
    except (ValueError, KeyError, binascii.Error):
        return False


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(route: str, fields: Mapping[str, Any]) -> None:
    """Everything but the key. Raises Refused."""
    model = fields.get("model_name")
    models = {"generations": _MODELS, "multi-image2image": _MULTI, "omni-image": _OMNI}[route]
    if model not in models:
        raise Refused(answer(1203, f"model {model} is not supported", status=404))
    unknown = [name for name in fields if name not in _COMMON | _FIELDS[route] and not name.startswith("x_")]
    tiers = {"kling-v1": {"1k"}, "kling-v1-5": {"1k"}, "kling-v3-omni": {"1k", "2k", "4k"}}.get(str(model), {"1k", "2k"})
    ratios = set(RATIOS) - ({"21:9"} if model == "kling-v1" else set()) | ({"auto"} if route == "omni-image" else set())
    problems = [
        (bool(unknown), f"unknown field {unknown}"),
        (not 0 < len(str(fields.get("prompt", ""))) <= 2500, "prompt"),
        (not isinstance(fields.get("n", 1), int) or not 1 <= fields.get("n", 1) <= 9, "n"),
        (fields.get("aspect_ratio", "16:9") not in ratios, "aspect_ratio"),
        (str(fields.get("resolution", "1k")).lower() not in tiers, "resolution"),
        (_restyled(fields) and bool({"resolution", "aspect_ratio"} & set(fields)), "resolution is the reference's"),
        (model == "kling-v1-5" and ("image" in fields) != ("image_reference" in fields), "image_reference"),
        (model == "kling-v2-new" and "image" not in fields, "image"),
        (not isinstance(fields.get("image_fidelity", 0.5), int | float), "image_fidelity"),
        (not all(map(_is_picture, _references(fields))), "image"),
        (route == "multi-image2image" and not 1 <= len(fields.get("subject_image_list", ())) <= 4, "subject_image_list"),
        (len(fields.get("image_list", ())) > 10, "image_list"),
    ]
    for wrong, name in problems:
        if wrong:
            raise Refused(answer(1201, f"{name} is invalid", status=400))


def _restyled(fields: Mapping[str, Any]) -> bool:
    """Whether the picture decides about the size."""
    return fields.get("model_name") in {"kling-v2", "kling-v2-new"} and "image" in fields


def _size(fields: Mapping[str, Any]) -> tuple[int, int]:
    """At 1k. Without a ratio 16:9; the newest models take that of the first picture."""
    ratio = fields.get("aspect_ratio")
    listed = [item["image"] for item in fields.get("image_list", ())]
    if ratio in {None, "auto"} and listed and not listed[0].startswith("http"):
        ratio = nearest(RATIOS, size_of(listed[0]))
    return RATIOS.get(str(ratio), (1280, 720))


def _references(fields: Mapping[str, Any]) -> list[str]:
    subjects = [item["subject_image"] for item in fields.get("subject_image_list", ())]
    listed = [item["image"] for item in fields.get("image_list", ())]
    return [*subjects, *listed, *([fields["image"]] if "image" in fields else [])]


def _is_picture(reference: str) -> bool:
    """Raw base64 or a url; a ``data:`` prefix is an error."""
    if reference.startswith(("http://", "https://")):
        return True
    try:
        return pictures.look(base64.b64decode(reference, validate=True)).format in {"png", "jpeg"}
    except (ValueError, OSError):
        return False
