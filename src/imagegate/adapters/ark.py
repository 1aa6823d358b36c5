"""Volcengine Ark and BytePlus ModelArk (Seedream, SeedEdit): one endpoint for generation and editing; the base url is the region.

Source: volcengine-ark-runtime 5.0.54 (types/images), volcengine.com/docs/82379 (image generation, error codes).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._ark import codes
from imagegate.adapters.shape import answers, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.wishes import WISHES
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.fitting import size_from
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import Tier, parse_ratio
from imagegate.errors import GatewayError, InvalidRequest
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_WORDS = answers.StreamWords(completed=".partial_succeeded", failed=".partial_failed", finished=".completed")
"""Ark streams whole pictures: its "partial" is one picture of a group."""
_TAKEN = VendorFields(sizes=WISHES)
_KINDS: Kinds = {
    "watermark": bool,
    "layer_decomposition": bool,
    "optimize_prompt": bool,
    "seed": int,
    "guidance_scale": float,
    "sequential_image_generation_options": {"max_images": int},
}


class ArkOptions(base.Options):
    """Extras of an ``ark`` channel."""

    watermark: bool = Field(False, description="Ark's own default is true; a caller's `watermark` wins")
    response_format: Literal["b64_json", "url"] = Field("b64_json", description="how Ark hands pictures over")
    stream: bool = Field(True, description="false: streams and groups are asked for as JSON too")


class ArkAdapter:
    """Speaks Ark's images API, JSON and its own SSE."""

    Options = ArkOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; endpoint ids (``ep-…``) get the row ``*``."""
        return replace(self._catalog.capabilities("ark", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call. Models that stream do so for a streamed request or a group, one event a picture."""
        options: ArkOptions = channel.options
        extra = typed(request.extra, _KINDS)
        mapped = fields(request, extra, self.capabilities(request.model), options)
        unknown = {name: value for name, value in extra.items() if name not in WISHES}
        body = payload.merge(mapped, unknown, channel.overrides)
        accept = {"accept": "text/event-stream" if body.get("stream") else "application/json"}
        async with upstream.post_json("/images/generations", body, headers=accept) as answer:
            source = answers.events(answer, codes.inside, _WORDS)
            try:
                async for event in source:
                    yield event
            finally:
                await source.aclose()

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the first part of the code, which may have a dotted suffix; else by the status."""
        error = codes.told(refusal.json)
        verdict = codes.verdict_of(error)
        return verdicts.judged(verdict, error, refusal) if verdict else verdicts.by_status(error, refusal)


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: ArkOptions) -> dict[str, Any]:
    """The request in Ark's fields. ``watermark`` is always sent, because Ark's default is to draw one."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.images:
        pictures = [InlineImage(image, as_url=True) for image in request.images]
        body["image"] = pictures[0] if len(pictures) == 1 else pictures
    if size := _size(request.size, extra, row.sizes):
        body["size"] = size
    if request.output_format and len(row.formats) != 1:  # a model with one format does not take the field
        body["output_format"] = request.output_format
    if request.background:
        body["background"] = request.background
    body["response_format"] = options.response_format
    body["watermark"] = extra.get("watermark", options.watermark)
    group = extra.get("sequential_image_generation") == "auto"
    if options.stream and row.extra.get("stream") and (request.stream or group):
        body["stream"] = True
    return body


def _size(asked: str | None, extra: Mapping[str, Any], rule: SizeRule) -> str | None:
    """``WxH``; else pixels for a ratio and a tier, or a tier alone: the model then takes the ratio from the prompt."""
    if asked not in {None, "auto"}:
        return asked
    word, ratio = extra.get("resolution"), extra.get("aspect_ratio")
    shape = parse_ratio(str(ratio))
    if ratio is not None and shape is None:
        raise InvalidRequest("'aspect_ratio' must be a ratio such as '16:9'.", param="aspect_ratio")
    tier = Tier(word.upper()) if isinstance(word, str) and word.upper() in set(Tier) else None
    if shape is None:
        return str(word).upper() if word else None
    if word and tier is None:
        raise InvalidRequest(f"'resolution' must be one of {', '.join(Tier)}.", param="resolution")
    return str(size_from(shape, tier or Tier.K2, rule))


ROW = base.AdapterRow(
    "ark",
    lambda tools: ArkAdapter(tools.catalog),
    ArkOptions,
    default_base_url="https://ark.cn-beijing.volces.com/api/v3",
    key_variables=("ARK_API_KEY",),
    base_url_variable="ARK_BASE_URL",
    free_check="/contents/generations/tasks?page_num=1&page_size=1",
)
