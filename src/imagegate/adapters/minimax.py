"""MiniMax: ``/image_generation`` of image-01, whose errors are HTTP 200, and the OpenAI-like routes of H3-Image.

Source: platform.minimax.io/docs (image generation, error codes) as read in public copies; new-api ``relay/channel/minimax``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._minimax import results
from imagegate.adapters.shape import answers, failures, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

RATIOS = ("1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9")
"""What ``aspect_ratio`` takes."""

_KINDS: Kinds = {
    "seed": int,
    "width": int,
    "height": int,
    "style_weight": float,
    "prompt_optimizer": bool,
    "aigc_watermark": bool,
    "watermark": bool,
    "disable_prompt_enhanced": bool,
}
_PLACED = frozenset({"watermark", "style_weight"})
_SHAPE = frozenset({"aspect_ratio", "width", "height"})
_TAKEN: Mapping[str, VendorFields] = {
    "images": VendorFields(never=_PLACED, sizes=_SHAPE),
    "own": VendorFields(sizes=_SHAPE),
}
"""By ``extra.api``."""
_BASE64_LIMIT = 128 * 1024 * 1024
"""Bytes of an answer with up to nine pictures in it."""


class MiniMaxOptions(base.Options):
    """Extras of a ``minimax`` channel."""

    response_format: Literal["url", "base64"] = Field(
        "url", description="how image-01 hands pictures over; base64 is held in memory as a whole"
    )


class MiniMaxAdapter:
    """Speaks MiniMax's image APIs; the catalog's ``extra.api`` says which one a model has."""

    Options = MiniMaxOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        row = self._catalog.capabilities("minimax", upstream_model)
        return replace(row, vendor=_TAKEN[row.extra.get("api", "own")])

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call."""
        row = self.capabilities(request.model)
        call = _openai_like if row.extra.get("api") == "images" else _own
        async with aclosing(call(request, row, channel, upstream)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``base_resp`` or OpenAI's envelope, by code; else by the status."""
        error = results.told(refusal.json)
        verdict = results.VERDICTS.get(str(error.get("code")))
        return verdicts.judged(verdict, error, refusal) if verdict else failures.openai_failure(refusal)


async def _own(request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    options: MiniMaxOptions = channel.options
    extra = typed(request.extra, _KINDS)
    unknown = {name: value for name, value in extra.items() if name not in _PLACED}
    body = payload.merge(fields(request, extra, row, options), unknown, channel.overrides)
    async with upstream.post_json("/image_generation", body) as answer:
        document = await answer.json(_BASE64_LIMIT)
    for event in results.pictures(document):
        yield event


async def _openai_like(
    request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream
) -> AsyncGenerator[ImageEvent]:
    mapped = payload.fields(request, stream=False)
    edit = request.operation is Operation.EDIT
    if edit:
        mapped["images"] = [{"image_url": InlineImage(image, as_url=True)} for image in request.images]
    body = payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides)
    path = "/images/edits" if edit else "/images/generations"
    async with (
        upstream.post_json(path, body) as answer,
        aclosing(answers.events(answer, results.failed, on_empty=results.empty)) as events,
    ):
        async for event in events:
            yield event


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: MiniMaxOptions) -> dict[str, Any]:
    """The request in image-01's fields. A reference is a subject that the picture keeps, not a picture to change."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "response_format": options.response_format}
    if request.n != 1:
        body["n"] = request.n
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize) and row.sizes.fixed:
        body["aspect_ratio"] = aspect_ratio(size, RATIOS)
    elif isinstance(size, PixelSize):
        body |= {"width": size.width, "height": size.height}
    if request.images:
        body["subject_reference"] = [
            {"type": "character", "image_file": InlineImage(image, as_url=True)} for image in request.images
        ]
    style = {"style_type": request.style, "style_weight": extra.get("style_weight")}
    if said := {name: value for name, value in style.items() if value is not None}:
        body["style"] = said
    if "watermark" in extra and "aigc_watermark" not in extra:
        body["aigc_watermark"] = extra["watermark"]
    return body


ROW = base.AdapterRow(
    "minimax",
    lambda tools: MiniMaxAdapter(tools.catalog),
    MiniMaxOptions,
    default_base_url="https://api.minimax.io/v1",
    key_variables=("MINIMAX_API_KEY",),
    base_url_variable="MINIMAX_BASE_URL",
    free_check="/models",
)
