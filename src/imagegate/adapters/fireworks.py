"""Fireworks: FLUX and SDXL answer with the picture's bytes; Kontext takes a job and is asked for it.

Source: docs.fireworks.ai (text_to_image, Kontext, get_result), vercel/ai packages/fireworks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._fireworks import answers, jobs
from imagegate.adapters.shape import failures, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

RATIOS = ("1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4")
"""What ``aspect_ratio`` takes."""

_PREFIX = "accounts/fireworks/models/"
_JSON_LIMIT = 64 * 1024 * 1024
_KINDS: Kinds = {
    "seed": int,
    "steps": int,
    "num_inference_steps": int,
    "safety_tolerance": int,
    "guidance_scale": float,
    "cfg_scale": float,
    "safety_check": bool,
    "prompt_upsampling": bool,
}


class FireworksOptions(base.Options):
    """Extras of a ``fireworks`` channel."""

    poll_seconds: float = Field(1.0, gt=0, description="seconds between two looks at a Kontext job")


@dataclass(frozen=True, slots=True)
class Route:
    """A way to call a model, the catalog's ``extra.route``. ``path``: with the model's full name in it.

    ``taken``: vendor fields that go along. ``pixels``: a size is width and height, not a ratio. ``job``: submit, then ask.
    """

    path: str
    taken: VendorFields
    pixels: bool = False
    job: bool = False


_RATIO = frozenset({"aspect_ratio"})
ROUTES: Mapping[str, Route] = {
    "text_to_image": Route(
        "/workflows/{}/text_to_image",
        VendorFields(frozenset({"seed", "guidance_scale", "num_inference_steps", "safety_check"}), sizes=_RATIO),
    ),
    "image_generation": Route(
        "/image_generation/{}",
        VendorFields(frozenset({"seed", "cfg_scale", "steps", "sampler", "safety_check", "negative_prompt"})),
        pixels=True,
    ),
    "kontext": Route(
        "/workflows/{}", VendorFields(frozenset({"seed", "prompt_upsampling", "safety_tolerance"}), sizes=_RATIO), job=True
    ),
}


class FireworksAdapter:
    """Speaks Fireworks' image endpoints."""

    Options = FireworksOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; Fireworks' own models are known without ``accounts/fireworks/models/``."""
        row = self._catalog.capabilities("fireworks", upstream_model.removeprefix(_PREFIX))
        return replace(row, vendor=_route(row).taken)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call that answers with a picture, or a job that is watched until its picture is ready."""
        route = _route(self.capabilities(request.model))
        body = payload.merge(fields(request, route), typed(request.extra, _KINDS), channel.overrides)
        path = route.path.format(full_name(request.model))
        options: FireworksOptions = channel.options
        if route.job:
            source = jobs.events(upstream, path, body, options.poll_seconds)
        else:
            source = self._picture(upstream, path, body, request)
        async with aclosing(source) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """OpenAI's envelope or a text; 412 is an account that is suspended or has spent its limit."""
        error = failures.error_object(refusal.json)
        if refusal.status == 412:
            return verdicts.judged(verdicts.Verdict.ACCOUNT, error, refusal)
        return failures.openai_failure(refusal)

    async def _picture(
        self, upstream: Upstream, path: str, body: Mapping[str, Any], request: ImageRequest
    ) -> AsyncGenerator[ImageEvent]:
        accept = {"accept": f"image/{request.output_format or 'png'}"}
        async with upstream.post_json(path, body, headers=accept) as answer:
            if not answer.content_type.startswith("image/"):
                yield answers.from_json(await answer.json(_JSON_LIMIT))
                return
            told = answers.details(answer)
            async with aclosing(answer.chunks()) as chunks:
                yield CompletedImage(ImageBytes(chunks, "raw"), told)


def _route(row: Capabilities) -> Route:
    return ROUTES[row.extra.get("route", "text_to_image")]


def full_name(model: str) -> str:
    """A model as paths name it."""
    return model if model.startswith("accounts/") else _PREFIX + model


def fields(request: ImageRequest, route: Route) -> dict[str, Any]:
    """The request in Fireworks' fields; the model is in the path, and the format of raw pictures in ``Accept``."""
    body: dict[str, Any] = {"prompt": request.prompt}
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize):
        pixels = {"width": size.width, "height": size.height}
        body.update(pixels if route.pixels else {"aspect_ratio": aspect_ratio(size, RATIOS)})
    if route.job and request.output_format is not None:
        body["output_format"] = request.output_format
    if request.images:
        body["input_image"] = InlineImage(request.images[0], as_url=True)
    return body


ROW = base.AdapterRow(
    "fireworks",
    lambda tools: FireworksAdapter(tools.catalog),
    FireworksOptions,
    default_base_url="https://api.fireworks.ai/inference/v1",
    key_variables=("FIREWORKS_API_KEY",),
    free_check="/models",
)
