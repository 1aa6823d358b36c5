"""AUTOMATIC1111's API as a simulator.

Source: AUTOMATIC1111 modules/api/{api,models}.py, modules/processing.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.support import pictures

KEY = "user:automatic-simulator-0123456789"
CHECKPOINTS = ("sd_xl_base_1.0", "v1-5-pruned-emaonly")
MODEL = CHECKPOINTS[0]
_COMMON: Mapping[str, type | tuple[type, ...]] = {
    "prompt": str,
    "negative_prompt": str,
    "width": int,
    "height": int,
    "steps": int,
    "cfg_scale": (int, float),
    "seed": int,
    "sampler_name": str,
    "scheduler": str,
    "batch_size": int,
    "n_iter": int,
    "override_settings": dict,
    "denoising_strength": (int, float),
    "send_images": bool,
    "tiling": bool,
    "styles": list,
}
_EDIT: Mapping[str, type | tuple[type, ...]] = {
    "init_images": list,
    "mask": str,
    "inpainting_mask_invert": int,
    "mask_blur": int,
    "resize_mode": int,
}


def _raised(status: int, name: str, detail: str = "", errors: str = "") -> Reply:
    return Reply.json({"error": name, "detail": detail, "body": "", "errors": errors}, status=status)


TRIGGERS: Mapping[str, Reply] = {
    "[memory]": _raised(500, "OutOfMemoryError", errors="CUDA out of memory. Tried to allocate 2.00 GiB"),
    "[500]": _raised(500, "RuntimeError", errors="mat1 and mat2 shapes cannot be multiplied"),
    "[empty]": Reply.json({"images": [], "parameters": {}, "info": "{}"}),
    "[null]": Reply.json({"images": None, "parameters": {}, "info": ""}),
    "[html]": Reply.raw(b"<!doctype html><title>Gradio</title>", "text/html; charset=utf-8"),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class Automatic1111Simulator(Simulator):
    """``/sdapi/v1`` with ``--api-auth``; an empty ``key`` is a server without it. ``grid``: a grid comes before several."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.grid = False

    @property
    def base_url(self) -> str:
        """The server's origin."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints."""
        return [
            ("POST", "/sdapi/v1/txt2img", self._with_key(self._txt2img)),
            ("POST", "/sdapi/v1/img2img", self._with_key(self._img2img)),
            ("GET", "/sdapi/v1/sd-models", self._with_key(self._models)),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """FastAPI's own: the server's envelope is for its own errors only."""
        return Reply.json({"detail": "Not Found"}, status=404)

    async def _txt2img(self, request: Recorded) -> Reply:
        return self._drawn(_checked(request, _COMMON), 0)

    async def _img2img(self, request: Recorded) -> Reply:
        body = _checked(request, {**_COMMON, **_EDIT})
        if not body.get("init_images"):
            raise Refused(_raised(404, "HTTPException", "Init image not found"))
        for text in [*body["init_images"], *([body["mask"]] if "mask" in body else [])]:
            _decoded(text)
        return self._drawn(body, 1)

    def _drawn(self, body: Mapping[str, Any], colour: int) -> Reply:
        for word, reply in TRIGGERS.items():
            if word in body.get("prompt", ""):
                raise Refused(reply)
        count, size = body.get("batch_size", 1) * body.get("n_iter", 1), f"{body.get('width', 512)}x{body.get('height', 512)}"
        images = [drawn(size, colour + number) for number in range(count)]
        has_grid = self.grid and count > 1
        images = [drawn("64x64", 4)] * has_grid + images + [drawn(size, 3)] * ("mask" in body)
        seed = body.get("seed", -1) if body.get("seed", -1) != -1 else 4242
        asked = body.get("override_settings", {}).get("sd_model_checkpoint")
        info = {
            "seed": seed,
            "all_seeds": [seed + number for number in range(count)],
            "index_of_first_image": int(has_grid),
            "sd_model_name": asked if asked in CHECKPOINTS else CHECKPOINTS[-1],
            "steps": body.get("steps", 50),
        }
        shown = {**body, "init_images": None, "mask": None}
        encoded = [base64.b64encode(image).decode() for image in images]
        return Reply.json({"images": encoded, "parameters": shown, "info": orjson.dumps(info).decode()})

    async def _models(self, request: Recorded) -> Reply:
        return Reply.json([{"title": f"{name}.safetensors", "model_name": name} for name in CHECKPOINTS])

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            expected = f"Basic {base64.b64encode(self.key.encode()).decode()}"
            if self.key and request.headers.get("authorization") != expected:
                detail = "Incorrect username or password" if "authorization" in request.headers else "Not authenticated"
                raise Refused(Reply.json({"detail": detail}, status=401, headers={"www-authenticate": "Basic"}))
            return await handler(request)

        return checked


def _checked(request: Recorded, kinds: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    body: dict[str, Any] = request.json
    for name, value in body.items():
        if name not in kinds:
            raise Refused(_validation(name, "Extra inputs are not permitted"))  # stricter than pydantic's default, for tests
        if not isinstance(value, kinds[name]):
            raise Refused(_validation(name, "Input should be another type"))
    if body.get("sampler_name", "Euler a") not in {"Euler a", "Euler", "DPM++ 2M"}:
        raise Refused(_raised(404, "HTTPException", "Sampler not found"))
    return body


def _validation(name: str, message: str) -> Reply:
    return Reply.json({"detail": [{"loc": ["body", name], "msg": message, "type": "value_error"}]}, status=422)


def _decoded(text: str) -> None:
    try:
        pictures.look(base64.b64decode(text, validate=True))
    except (binascii.Error, OSError) as error:
        raise Refused(_raised(500, "HTTPException", "Invalid encoded image")) from error
